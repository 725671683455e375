"""Every way in which DNS fails, by real name servers: unbound (plain, TLS, HTTPS), knot, and scripted
ones that lie. The application goes on, or is told so in time; a table at the end says when.

Resolvers of the system come from a file (dns.resolvConf), those to fall back on are listed: nothing
here leaves the machine. What is promised is counted twice where a case delays both look-ups, that of
the cluster and that of its servers; a start, TLS and a login come on top."""
import time

import pytest

import name_servers
from liars import Liar
from name_servers import Impostor, Knot, Zone, write_resolv_conf
from names_world import begun, row, run, shown, source_of, usual, world  # noqa: F401 (fixtures)

QUEUE_MS = 2000
# An operation waits so long; before the first contact the greetings of a driver's two connections are
# held for a second each, for the cluster's real values.
ERROR_SECONDS = QUEUE_MS / 1000 + 2
FAR = ("127.0.0.61", "127.0.0.62")  # other addresses to which the way is redirected


# --- the system's resolver misbehaves ---

def one(lie, **how):
    return lambda world: [Liar(world.zone, lie, **how)]


# title: the resolver of the system, kinds to fall back on, who is to answer, after how many seconds
SYSTEM = {
    "the resolver refuses (REFUSED)": (one("refused"), "plain tls https", "plain", 0.2),
    "the resolver fails (SERVFAIL)": (one("servfail"), "plain tls https", "plain", 0.2),
    "the resolver knows nothing of questions (NOTIMP)": (one("notimp"), "plain", "plain", 0.2),
    "the resolver is silent": (one("silent"), "plain tls https", "plain", 1.6),
    "the resolver lies that the name does not exist (NXDOMAIN)":
        (one("nxdomain"), "plain tls https", "any", 1.5),
    "the resolver lies that there is no record (NODATA)":
        (one("nodata"), "plain tls https", "any", 1.5),
    "the resolver sends half of its answers": (one("cut"), "plain tls https", "plain", 0.2),
    "answers are truncated, TCP works": (one("truncated"), "plain", "system", 0.2),
    "answers are truncated, TCP is blocked":
        (one("truncated", has_tcp=False), "plain tls https", "plain", 0.2),
    "UDP is blocked, TCP works, no fallback": (one("tcp alone"), "", "system", 2.0),
    "the resolver answers after 1.2 s, no fallback": (one("late"), "", "system", 2.4),
    "the resolver answers after 1.2 s": (one("late"), "plain tls https", "plain", 1.6),
    "the resolver knows no EDNS": (one("without edns"), "plain", "system", 0.2),
    "forged datagrams come first": (one("forged first"), "plain", "system", 0.2),
    "times to live beyond all sense": (one("odd ttls"), "plain", "system", 0.2),
    "the TXT record alone cannot be had": (one("txt servfail"), "", "system", 0.2),
    "far more than was asked for (UDP)": (one("flood"), "plain tls https", "", 1.6),
    "aliases, and records that nobody asked for": (one("cname"), "plain", "system", 0.2),
}


@pytest.mark.parametrize("case", SYSTEM, ids=str)
def test_a_resolver_that_misbehaves(case, world, begun, run, row):
    resolver, kinds, answers, promised = SYSTEM[case]
    systems = [begun(each) for each in resolver(world)]
    r = run([each.address for each in systems], [getattr(world.unbound, k) for k in kinds.split()])
    seconds = r.ping()
    source = source_of(r.proxy)
    assert all(each.asked for each in systems)
    if answers == "any":
        assert source != "system"
    elif answers:
        assert source == (answers if answers == "system" else getattr(world.unbound, answers))
    row(shown(source), seconds, promised)


def test_a_healthy_resolver(world, run, row):
    r = run([world.unbound.plain], [world.unbound.tls])
    seconds = r.ping()
    assert source_of(r.proxy) == "system"
    assert "DNS-" not in r.proxy.said()
    row(shown("system"), seconds, 0.2)


def test_targets_are_compressed(world, begun, run, row):
    liar = begun(Liar(world.zone, "compressed"))
    r = run([liar.address])
    seconds = r.ping()
    assert "DNS-10" in r.proxy.said()
    row(shown("system"), seconds, 0.2)


def test_the_lie_of_a_resolver_is_told(world, begun, run):
    liar = begun(Liar(world.zone, "nxdomain"))
    r = run([liar.address], [world.unbound.tls])
    r.ping()
    assert "DNS-07" in r.proxy.said() and liar.address in r.proxy.said()


def test_nobody_listens_at_the_resolver(world, run, row):
    port, = name_servers.free_ports(1)
    r = run([f"127.0.0.1:{port}"], [world.unbound.plain])
    seconds = r.ping()
    assert source_of(r.proxy) == world.unbound.plain
    row(shown(world.unbound.plain), seconds, 0.2)


def test_the_first_resolver_is_silent_the_second_answers(world, begun, run, row):
    liar = begun(Liar(world.zone, "silent"))
    r = run([liar.address, world.unbound.plain])
    row(shown("system"), r.ping(), 0.3)


def test_port_53_is_redirected_to_a_liar(world, begun, run, row):
    """Whatever plain resolver is asked, the same liar answers; TLS shows who is who."""
    liar = begun(Liar(world.zone, "nxdomain", ("127.0.0.1", *FAR)))
    r = run([liar.address], [*liar.addresses[1:], world.unbound.tls])
    seconds = r.ping()
    assert source_of(r.proxy) == world.unbound.tls
    row(shown(world.unbound.tls), seconds, 1.5)


def test_port_53_is_redirected_and_853_is_blocked(world, begun, run, row):
    liar = begun(Liar(world.zone, "nxdomain", ("127.0.0.1", *FAR)))
    closing = begun(Impostor(closes_at_once=True))
    r = run([liar.address], [*liar.addresses[1:], f"tls://127.0.0.1:{closing.port}#x.test",
                             world.unbound.https])
    seconds = r.ping()
    assert source_of(r.proxy) == world.unbound.https
    row(shown(world.unbound.https), seconds, 1.0)


def test_all_but_https_is_silent(world, begun, run, row):
    liar = begun(Liar(world.zone, "silent", ("127.0.0.1", *FAR)))
    silent = begun(Impostor(say=None))
    r = run([liar.address], [*liar.addresses[1:], f"tls://127.0.0.1:{silent.port}#x.test",
                             world.unbound.https])
    seconds = r.ping()
    assert source_of(r.proxy) == world.unbound.https
    row(shown(world.unbound.https), seconds, 5.0)


# --- resolv.conf ---

@pytest.mark.parametrize("case", ["resolv.conf is empty", "resolv.conf is missing"], ids=str)
def test_resolv_conf(case, world, run, row):
    r = run([] if "empty" in case else None, [world.unbound.tls])
    seconds = r.ping()
    assert source_of(r.proxy) == world.unbound.tls
    row(shown(world.unbound.tls), seconds, 0.2)


def test_resolv_conf_is_empty_and_there_is_no_fallback(run, row):
    r = run([], [], f"--outage.queueTimeoutMS={QUEUE_MS}")
    said, seconds = r.fails()
    assert "DNS-01" in said and str(r.file) in said, said
    assert seconds > QUEUE_MS / 1000
    row("the promised error", seconds, ERROR_SECONDS)


@pytest.mark.parametrize("lie", ["servfail", "silent"], ids=[
    f"resolv.conf is rewritten in flight, the old resolver {x}" for x in ("fails", "is silent")])
def test_resolv_conf_is_rewritten_in_flight(lie, world, begun, run, row):
    """A VPN comes up: the application waits from before until after."""
    liar = begun(Liar(world.zone, lie))
    r = run([liar.address], [])
    while not liar.asked:
        time.sleep(0.02)
    r.began = time.monotonic()
    write_resolv_conf(r.file, world.unbound.plain)
    row(shown("system"), r.ping(), 2)


# --- nobody knows ---

def test_every_resolver_is_down(world, begun, run, row):
    liar = begun(Liar(world.zone, "silent", ("127.0.0.1", *FAR)))
    silent = begun(Impostor(say=None))
    r = run([liar.address], [liar.addresses[1], f"tls://127.0.0.1:{silent.port}#x.test"],
            f"--outage.queueTimeoutMS={QUEUE_MS}", "--dns.timeoutMS=1500")
    said, seconds = r.fails()
    assert "mooring: " in said and "DNS-" in said, said
    assert seconds > QUEUE_MS / 1000
    row("the promised error", seconds, ERROR_SECONDS)


def test_every_resolver_says_that_the_name_does_not_exist(world, begun, run, row):
    liar = begun(Liar(world.zone, "nxdomain", ("127.0.0.1", *FAR)))
    r = run([liar.address], liar.addresses[1:], f"--outage.queueTimeoutMS={QUEUE_MS}")
    said, seconds = r.fails()
    assert "NXDOMAIN" in said, said
    row("the promised error", seconds, ERROR_SECONDS)


def test_the_resolver_vanishes_while_running(world, atlas, tmp_path, run, row):
    """Records that live for a second; then nobody answers, and every connection must be made anew."""
    zone = Zone.of(atlas, ttl=1)
    knot = Knot(tmp_path / "mortal", zone)
    try:
        r = run([knot.address], [])
        r.ping()
    finally:
        knot.stop()
    time.sleep(2)
    with r.proxy.client() as client:
        for node in range(3):
            atlas.reset(node=node)
        r.began = time.monotonic()
        client.test.names.insert_one({"_id": "after"})
        seconds = time.monotonic() - r.began
        assert client.test.names.find_one({"_id": "after"})
        client.test.names.drop()
    row("what was known", seconds, 2)


# --- the last good answer ---

def learned(world, start, folder):
    """A file with the last good answers, of a proxy that has ended."""
    kept = folder / "names"
    proxy = start(f"--dns.resolvers={world.unbound.plain}", f"--dns.lastGoodFile={kept}")
    with proxy.client() as client:
        client.admin.command("ping")
    proxy.stop()
    assert all(address in kept.read_text() for address in world.addresses)
    assert kept.stat().st_mode & 0o777 == 0o600
    return kept


@pytest.mark.parametrize("lie, promised", [("refused", 0.2), ("nxdomain", 0.2), ("silent", 2.0)],
                         ids=[f"the last good answer serves: the resolver {x}"
                              for x in ("refuses", "denies", "is silent")])
def test_every_resolver_fails_and_the_last_good_answer_serves(lie, promised, world, start, tmp_path,
                                                            begun, run, row):
    kept = learned(world, start, tmp_path)
    liar = begun(Liar(world.zone, lie))
    r = run([liar.address], [], f"--dns.lastGoodFile={kept}")
    seconds = r.ping()
    assert "dns.stale_used" in r.proxy.said()
    row("the last good answer", seconds, promised)


def test_the_file_is_corrupt_and_a_resolver_answers(world, start, tmp_path, run, row):
    kept = learned(world, start, tmp_path)
    kept.write_text(kept.read_text().replace("shard", "shord", 1))
    r = run([world.unbound.plain], [], f"--dns.lastGoodFile={kept}")
    row(shown("system"), r.ping(), 0.2)


SPOILT = {"a letter": lambda text: text.replace("shard", "shord", 1),
          "cut": lambda text: text[:len(text) // 2],
          "empty": lambda text: "",
          "noise": lambda text: "\0\xff" * 5000}


@pytest.mark.parametrize("spoil", SPOILT.values(),
                         ids=[f"the file is spoilt ({x}), every resolver is down" for x in SPOILT])
def test_the_file_is_corrupt_and_every_resolver_is_down(spoil, world, start, tmp_path, begun, run,
                                                        row):
    kept = learned(world, start, tmp_path)
    kept.write_text(spoil(kept.read_text()))
    liar = begun(Liar(world.zone, "servfail"))
    r = run([liar.address], [], f"--dns.lastGoodFile={kept}", f"--outage.queueTimeoutMS={QUEUE_MS}")
    said, seconds = r.fails()
    assert "DNS-05" in said and "stale_used" not in r.proxy.said(), said
    row("the promised error", seconds, ERROR_SECONDS)
