"""mooring doctor and DNS: resolvers of each bad kind, alone and beside a good one."""
import ssl

import pytest
import trustme
from dnslib import CLASS, QTYPE, RR, SRV, A, CNAME

from conftest import free_port
from doctor import doctor  # noqa: F401 (a fixture)
from liar import PASS, Liar, has_edns, says


@pytest.fixture
def lie(atlas):
    """lie(rule) starts a name server and gives its address."""
    liars = []

    def start(rule=lambda request, is_tcp: PASS, **how):
        liars.append(Liar(atlas.dns, rule, **how))
        return liars[-1].at

    yield start
    for one in liars:
        one.close()


def kind(request):
    return QTYPE[request.q.qtype]


def by(*resolvers, fallback=()):
    config = {"--dns.resolvers": ",".join(resolvers)}
    if fallback:
        config |= {"--dns.fallback": "listed", "--dns.fallbackResolvers": ",".join(fallback)}
    return config


@pytest.mark.parametrize("fault,name", [("servfail", "DNS-05"), ("silent", "DNS-03"),
                                        ("refuse", "DNS-03"), ("nxdomain", "DNS-06")])
def test_a_resolver_that_fails(doctor, atlas, fault, name):
    atlas.dns_fault(fault=fault)
    doctor.finds(name)


@pytest.mark.parametrize("fault", ["silent", "refuse", "nodata", "nxdomain"])
def test_a_resolver_without_srv(doctor, atlas, fault):
    atlas.dns_fault(fault=fault, kind="SRV")
    doctor.finds("DNS-04")


def test_nothing_listens_at_the_resolver(doctor):
    doctor.finds("DNS-01", config=by(f"127.0.0.1:{free_port()}"))


def test_an_empty_list_of_resolvers(doctor, tmp_path):
    (tmp_path / "resolv.conf").write_text("# nothing\n")
    doctor.finds("DNS-01", config={"--dns.resolvers": "system",
                                   "--dns.resolvConf": tmp_path / "resolv.conf"})


def test_a_name_that_two_resolvers_deny(doctor, lie):
    def rule(request, is_tcp):
        return says(request, "NXDOMAIN")
    said = doctor.finds("DNS-06", config=by(lie(rule), fallback=[lie(rule)]))
    assert said.finding("DNS-06")["confidence"] == "certain"


def test_a_name_that_is_denied_here_alone(doctor, atlas, lie):
    liar = lie(lambda request, is_tcp: says(request, "NXDOMAIN"))
    said = doctor.finds("DNS-07", status=None, config=by(liar, fallback=[atlas.dns]))
    assert said.finding("DNS-07")["evidence"]["other"] == atlas.dns


def test_two_resolvers_that_disagree(doctor, atlas, lie):
    liar = lie(lambda request, is_tcp: says(request, "NXDOMAIN"))
    doctor.finds("DNS-23", status=None, config=by(liar, atlas.dns))


def test_one_silent_resolver_of_two(doctor, atlas, lie):
    said = doctor.finds("DNS-03", status=1, config=by(lie(lambda r, t: None), atlas.dns))
    assert said.json["result"] == "degraded"


def truncated(request):
    reply = request.reply()
    reply.header.tc = 1
    return reply


def test_tcp_is_closed_where_it_is_needed(doctor, lie):
    def rule(request, is_tcp):
        return truncated(request) if kind(request) == "SRV" else PASS
    doctor.finds("DNS-08", config=by(lie(rule, has_tcp=False)))


def test_large_answers_are_no_fault(doctor, lie):
    def rule(request, is_tcp):
        return PASS if is_tcp else truncated(request)
    said = doctor(config=by(lie(rule)))
    assert (said.status, said.ids()) == (0, []), said.out


def test_edns_gets_lost(doctor, lie):
    def rule(request, is_tcp):
        return None if has_edns(request) and not is_tcp else PASS
    doctor.finds("DNS-09", status=1, config=by(lie(rule)))


def compressed(request, is_tcp):
    """The one SRV record's target ends in a pointer to the domain in the question."""
    if kind(request) != "SRV":
        return PASS
    reply = request.reply()
    reply.add_answer(RR(request.q.qname, QTYPE.SRV, ttl=60,
                        rdata=SRV(0, 0, 27017, "cluster0-shard-00-00.pocket.test.")))
    packet = bytes(reply.pack())
    question = packet[12:]
    offset = 12 + question.index(b"\x06pocket\x04test\x00")
    head, tail = packet.rsplit(b"\x06pocket\x04test\x00", 1)
    assert len(head) > offset
    short = head + bytes([0xC0, offset]) + tail
    size = packet.rindex(b"\x14cluster0-shard-00-00")
    length = int.from_bytes(packet[size - 8:size - 6], "big") - (len(packet) - len(short))
    return short[:size - 8] + length.to_bytes(2, "big") + short[size - 6:]


def test_compressed_targets(doctor, lie):
    said = doctor(config=by(lie(compressed)))
    assert "DNS-10" in said.ids(), said.out


def test_an_alias_in_front(doctor, atlas, lie):
    def rule(request, is_tcp):
        if kind(request) != "SRV":
            return PASS
        reply = request.reply()
        target = f"_mongodb._tcp.real.{atlas.name.partition('.')[2]}."
        reply.add_answer(RR(request.q.qname, QTYPE.CNAME, ttl=60, rdata=CNAME(target)))
        for node in atlas.nodes:
            reply.add_answer(RR(target, QTYPE.SRV, CLASS.IN, 60,
                                SRV(0, 0, node["port"], node["host"] + ".")))
        return reply
    doctor.finds("DNS-13", status=1, config=by(lie(rule)))


def test_txt_alone_fails(doctor, atlas):
    atlas.dns_fault(fault="servfail", kind="TXT")
    doctor.finds("DNS-11", status=1)


def test_records_that_break_a_rule(doctor, atlas):
    atlas.dns_records(extra_txt=["v=spf1 -all"])
    doctor.finds("DNS-12")


def test_targets_outside_the_domain(doctor, atlas):
    atlas.dns_records(foreign_targets=True)
    doctor.finds("URI-17")


def test_answers_are_invented(doctor, atlas, lie):
    def rule(request, is_tcp):
        reply = request.reply()
        reply.add_answer(RR(request.q.qname, QTYPE.A, ttl=60, rdata=A("127.0.0.9")))
        return reply if str(request.q.qname).startswith("mooring-doctor-") else PASS
    doctor.finds("DNS-18", status=1, config=by(lie(rule), fallback=[atlas.dns]))


def test_all_dns_is_redirected(doctor, lie, tmp_path):
    """Resolvers out there deny the name as the one here does; over TLS it is known."""
    def rule(request, is_tcp):
        return says(request, "NXDOMAIN")
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("dns.test").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    honest = "tls://" + lie(tls=context) + "#dns.test"
    said = doctor(config={**by(lie(rule), fallback=[lie(rule), honest]),
                          "--dns.caFile": tmp_path / "ca.pem"})
    assert said.ids()[0] == "DNS-19", said.out


def test_names_are_tried_with_search_domains(doctor, atlas, tmp_path):
    conf = tmp_path / "resolv.conf"
    conf.write_text(f"nameserver {atlas.dns}\nsearch a.test b.test\noptions ndots:5\n")
    config = {"--dns.resolvers": "system", "--dns.resolvConf": conf}
    said = doctor(config=config)
    assert (said.status, said.ids()) == (0, ["DNS-24"]), said.out
    conf.write_text(f"nameserver {atlas.dns}\nsearch a.test b.test\n")
    assert doctor(config=config).ids() == []


def test_the_address_of_a_node_is_missing(doctor, atlas, lie):
    host = atlas.nodes[2]["host"]

    def rule(request, is_tcp):
        return says(request, "NXDOMAIN") if str(request.q.qname).startswith(host) else PASS
    said = doctor.finds("DNS-14", status=1, config=by(lie(rule)))
    assert said.finding("DNS-14")["evidence"]["host"] == host


def test_all_addresses_are_missing(doctor, atlas):
    atlas.dns_fault(fault="nxdomain", kind="A")
    atlas.dns_fault(fault="nxdomain", kind="AAAA")
    doctor.finds("DNS-14")


def test_the_name_of_a_cluster_without_srv(doctor, atlas):
    doctor.finds("URI-06", uri=f"mongodb://{atlas.name}/?tls=true")


def test_the_name_of_a_node_with_srv(doctor, atlas):
    doctor.finds("URI-07", uri=f"mongodb+srv://{atlas.nodes[0]['host']}/")


def test_a_node_has_moved(doctor, atlas, lie):
    host = atlas.nodes[2]["host"]

    def rule(request, is_tcp):
        if not str(request.q.qname).startswith(host) or kind(request) != "A":
            return PASS
        reply = request.reply()
        reply.add_answer(RR(request.q.qname, QTYPE.A, ttl=60, rdata=A("127.0.0.99")))
        return reply
    said = doctor.finds("DNS-17", status=1, config=by(lie(rule), fallback=[atlas.dns]))
    assert said.finding("DNS-17")["evidence"]["old"] == "127.0.0.99"
