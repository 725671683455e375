"""What is no resolver, over TLS or HTTPS: the word that `mooring resolve` has for it, and the details."""
import datetime
import json
import subprocess

import pytest

import name_servers
from conftest import MOORING
from name_servers import Impostor
from names_world import begun, world  # noqa: F401 (fixtures)

GOOD, FATAL = 0, 2


def ask(world, resolver, *flags):
    """The word for the SRV record, its detail, what `resolve` ended with, and what it said."""
    done = subprocess.run([MOORING, "resolve", "mongodb+srv://cluster0.pocket.test/", "--json",
                           f"--dns.resolvers={resolver}", f"--dns.caFile={world.authority.file}",
                           "--dns.timeoutMS=1500", "--dns.lastGoodFile=off", *flags],
                          capture_output=True, text=True, timeout=30)
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    row, = [row for row in json.loads(done.stdout)["asked"] if row["type"] == "SRV"]
    return row["said"], row["detail"] or "", done.returncode, done.stderr


@pytest.mark.parametrize("kind", ["tls", "https"])
def test_a_resolver_over_tls_that_is_good(kind, world):
    word, _, status, said = ask(world, getattr(world.unbound, kind))
    assert (word, status, said) == ("ok", GOOD, "")


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


# What there is, over TLS ("tls", "https" or both), the word, and a part of the detail.
ODD = {
    "closes at once": (dict(closes_at_once=True), None, "tls https", "closed", ""),
    "no TLS": (dict(say=b"220 hello, I speak first\r\n"), None, "tls https", "tls_failed",
               "does not speak TLS on this port"),
    "closes after the question": ({}, good, "tls", "closed", ""),
    "silent after the handshake": (dict(say=None), good, "tls", "timeout", ""),
    "a page in place of an answer": (dict(say=PAGE), good, "tls", "closed", "middle of the answer"),
    "expired": ({}, expired, "tls https", "certificate", "expired on"),
    "another name": ({}, of_another_name, "tls https", "certificate", "for elsewhere.test, not for"),
    "another authority": ({}, of_a_stranger, "tls https", "certificate", "is issued by"),
    "HTTP/1.1 without ALPN": (dict(say=PAGE), good, "https", "tls_failed",
                              "does not speak HTTP/2"),
    "HTTP/1.1 by ALPN": (dict(say=PAGE, protocols=["http/1.1"]), good, "https", "tls_failed",
                         "HTTP/2"),
    "HTTP/1.1 in place of HTTP/2": (dict(say=PAGE, protocols=["h2"]), good, "https", "malformed",
                                    "does not speak HTTP/2 as it should"),
}


@pytest.mark.parametrize("case", [f"{case} {kind}" for case in ODD for kind in ODD[case][2].split()])
def test_what_is_no_resolver(case, world, begun):
    title, _, kind = case.rpartition(" ")
    how, certificate, _, expected, part = ODD[title]
    server = begun(Impostor(certificate and certificate(world), **how))
    resolver = f"tls://127.0.0.1:{server.port}#{name_servers.NAME}"
    if kind == "https":
        resolver = resolver.replace("tls://", "https://")
    word, detail, status, said = ask(world, resolver)
    assert (word, status) == (expected, FATAL), (detail, said)
    assert "could not be looked up" in said and part in detail, (detail, said)


def test_another_path_of_https(world):
    word, detail, status, said = ask(world, world.unbound.https.replace("dns-query", "another"))
    assert (word, status) == ("http_error", FATAL)
    assert "HTTP status 404" in detail and "HTTP error" in said


def test_the_authority_is_not_in_dns_ca_file(world, whole_atlas):
    word, _, status, _ = ask(world, world.unbound.tls, f"--dns.caFile={whole_atlas.ca}")
    assert (word, status) == ("certificate", FATAL)
