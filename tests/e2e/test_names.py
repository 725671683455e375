"""Every way in which DNS fails, by real name servers: unbound (plain, TLS, HTTPS), knot, and scripted
ones that lie. The application goes on, or is told so in time; a table at the end says when.

Resolvers of the system come from a file (dns.resolvConf), those to fall back on are listed: nothing
here leaves the machine. What is promised is counted twice where a case delays both look-ups, that of
the cluster and that of its servers; a start, TLS and a login come on top."""
import datetime
import subprocess
import time

import pymongo
import pytest

import name_servers
from conftest import MOORING, Mooring
from liars import Liar
from name_servers import Impostor, Knot, Unbound, Zone, write_resolv_conf

QUEUE_MS = 2000
# An operation waits so long; before the first contact the greetings of a driver's two connections are
# held for a second each, for the cluster's real values.
ERROR_SECONDS = QUEUE_MS / 1000 + 2
GOOD, FATAL = 0, 2
FAR = ("127.0.0.61", "127.0.0.62")  # other addresses to which the way is redirected


class World:
    """What is true, who says so, and what is started by a case and ended with it."""

    def __init__(self, folder, atlas):
        self.folder, self.zone = folder, Zone.of(atlas)
        self.authority = name_servers.Authority(folder)
        self.addresses = [node["address"] for node in atlas.nodes]
        self.knot = Knot(folder / "knot", self.zone)
        self.unbound = Unbound(folder / "unbound", self.knot.port, self.authority.issue())


@pytest.fixture(scope="module")
def world(whole_atlas, tmp_path_factory):
    world = World(tmp_path_factory.mktemp("names"), whole_atlas)
    yield world
    world.unbound.stop()
    world.knot.stop()


@pytest.fixture(scope="module")
def usual(world, whole_atlas, tmp_path_factory):
    """Seconds until the first reply when nothing is wrong: more on a machine that is busy."""
    took = []
    for _ in range(2):
        began = time.monotonic()
        proxy = Mooring(tmp_path_factory.mktemp("usual"), whole_atlas.srv_uri(),
                        f"--tls.caFile={whole_atlas.ca}", f"--dns.resolvers={world.unbound.plain}",
                        "--dns.lastGoodFile=off", "--listen.lastHelloFile=off")
        with proxy.client() as client:
            client.admin.command("ping")
        took.append(time.monotonic() - began)
        proxy.stop()
    return max(took)


@pytest.fixture
def begun():
    """Servers of one case; all are stopped."""
    servers = []
    yield lambda server: servers.append(server) or server
    for server in servers:
        server.stop()


@pytest.fixture
def row(record_property, request, usual):
    """row(answered, seconds, promised): a line of the table, and the promise is kept."""
    def add(answered, seconds, promised):
        title = request.node.callspec.id if hasattr(request.node, "callspec") else \
            request.node.name.removeprefix("test_").replace("_", " ")
        most = promised + 3 * usual + 0.3
        record_property("names", (title, answered, seconds, promised, most))
        assert seconds <= most, (title, answered, seconds, promised)
    return add


def source_of(proxy):
    """Who gave the records of the cluster: "system", or the text of another resolver."""
    found = [line for line in proxy.said().splitlines() if "dns.fallback_used" in line]
    return found[0].split("source=")[1].split()[0].strip('"') if found else "system"


def shown(source):
    kinds = {"system": "the system's", "tls:": "fallback over TLS", "https:": "fallback over HTTPS"}
    return kinds.get(source.partition("//")[0], "plain fallback")


class Run:
    """A proxy whose names come from `resolvers` in a file, and an application of it."""

    def __init__(self, world, start, folder, resolvers, fallback=(), *flags):
        self.file = folder / "resolv.conf"
        if resolvers is not None:
            write_resolv_conf(self.file, *resolvers)
        listed = ["--dns.fallback=listed", "--dns.fallbackResolvers=" + ",".join(fallback)]
        self.began = time.monotonic()
        self.proxy = start("--dns.resolvers=system", f"--dns.resolvConf={self.file}",
                           *([f"--dns.caFile={world.authority.file}"] if "//" in listed[1] else []),
                           *(listed if fallback else ["--dns.fallback=off"]), *flags)

    def ping(self):
        """Seconds since the start when the application had its first reply."""
        with self.proxy.client() as client:
            client.admin.command("ping")
        return time.monotonic() - self.began

    def fails(self):
        """The error that the application gets, and after how many seconds."""
        with self.proxy.client(retryReads=False) as client, pytest.raises(pymongo.errors.PyMongoError) as error:
            client.admin.command("ping")
        return str(error.value), time.monotonic() - self.began


@pytest.fixture
def run(world, start, tmp_path):
    return lambda *how: Run(world, start, tmp_path, *how)


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
    else:
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


def test_resolv_conf_is_rewritten_in_flight(world, begun, run, row):
    """A VPN comes up: the application waits from before until after."""
    liar = begun(Liar(world.zone, "servfail"))
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


# --- what stands where a resolver over TLS or HTTPS should: the word of `resolve --table` ---

def table(world, resolver, *flags):
    """The words for the SRV record, what `resolve` ended with, and what it said about that."""
    done = subprocess.run([MOORING, "resolve", "mongodb+srv://cluster0.pocket.test/", "--table",
                           f"--dns.resolvers={resolver}", f"--dns.caFile={world.authority.file}",
                           "--dns.timeoutMS=1500", *flags],
                          capture_output=True, text=True, timeout=30)
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    return [row[3] for row in rows if row[0] == "SRV"], done.returncode, done.stderr


@pytest.mark.parametrize("kind", ["tls", "https"])
def test_a_resolver_over_tls_that_is_good(kind, world):
    assert table(world, getattr(world.unbound, kind)) == (["ok"], GOOD, "")


PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nno"


def good(world):
    return world.authority.issue()


def expired(world):
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    return world.authority.issue(not_before=now - 9 * day, not_after=now - day)


def of_another_name(world):
    return world.authority.issue("elsewhere.test")


def of_a_stranger(world):
    folder = world.folder / "stranger"
    folder.mkdir(exist_ok=True)
    return name_servers.Authority(folder).issue()


# What there is, over TLS ("tls", "https" or both), the word, and a part of the sentence.
ODD = {
    "closes at once": (dict(closes_at_once=True), None, "tls https", "closed", ""),
    "no TLS": (dict(say=b"220 hello, I speak first\r\n"), None, "tls https", "tls_failed", ""),
    "closes after the question": ({}, good, "tls", "closed", ""),
    "silent after the handshake": (dict(say=None), good, "tls", "timeout", ""),
    "a page in place of an answer": (dict(say=PAGE), good, "tls", "closed", ""),
    "expired": ({}, expired, "tls https", "certificate", ""),
    "another name": ({}, of_another_name, "tls https", "certificate", ""),
    "another authority": ({}, of_a_stranger, "tls https", "certificate", "dns.caFile"),
    "HTTP/1.1 without ALPN": (dict(say=PAGE), good, "https", "tls_failed", ""),
    "HTTP/1.1 by ALPN": (dict(say=PAGE, protocols=["http/1.1"]), good, "https", "tls_failed", ""),
    "HTTP/1.1 in place of HTTP/2": (dict(say=PAGE, protocols=["h2"]), good, "https", "malformed", ""),
}


@pytest.mark.parametrize("case", [f"{case} {kind}" for case in ODD for kind in ODD[case][2].split()])
def test_what_is_no_resolver(case, world, begun):
    title, _, kind = case.rpartition(" ")
    how, certificate, _, word, sentence = ODD[title]
    server = begun(Impostor(certificate and certificate(world), **how))
    resolver = f"tls://127.0.0.1:{server.port}#{name_servers.NAME}"
    if kind == "https":
        resolver = resolver.replace("tls://", "https://")
    words, status, said = table(world, resolver)
    assert (words, status) == ([word], FATAL), said
    assert "could not be looked up" in said and sentence in said, said


def test_another_path_of_https(world):
    words, status, said = table(world, world.unbound.https.replace("dns-query", "another"))
    assert (words, status) == (["http_error"], FATAL)
    assert "HTTP error" in said


def test_the_authority_is_not_in_dns_ca_file(world, whole_atlas):
    words, status, _ = table(world, world.unbound.tls, f"--dns.caFile={whole_atlas.ca}")
    assert (words, status) == (["certificate"], FATAL)
