"""Every usual mistake gets one clear message that names the remedy: in the log, and where a client
waits, in its error."""
import signal
import socket
import subprocess
import time

import pymongo
import pymongo.errors
import pytest

from conftest import MOORING, free_port


def error_of(proxy):
    """What an application is told, and its code."""
    with proxy.client() as client:
        with pytest.raises(pymongo.errors.OperationFailure) as caught:
            client.test.things.find_one()
    return str(caught.value), caught.value.code


def warnings_of(proxy, part):
    return [line for line in proxy.said().splitlines() if part in line]


def check(*arguments):
    """`mooring check` fails, and says so in these words."""
    said = subprocess.run([MOORING, "check", *arguments], capture_output=True, text=True, timeout=20)
    assert said.returncode == 2, said
    return said.stdout + said.stderr


def refused_start(*arguments):
    said = subprocess.run([MOORING, "run", *arguments], capture_output=True, text=True, timeout=20)
    assert said.returncode != 0, said
    return said.stdout + said.stderr


# --- logins

def test_a_wrong_password(start, atlas):
    proxy = start(uri=atlas.srv_uri("wrong"))
    said, code = error_of(proxy)
    assert code == 18 and "mooring: " in said and "password" in said
    assert warnings_of(proxy, "authSource") and "wrong@" not in proxy.said()


def test_a_wrong_password_is_not_hammered(start, atlas):
    proxy = start(uri=atlas.srv_uri("wrong"))
    for _ in range(10):
        error_of(proxy)
    assert sum(node["refused_logins"] for node in atlas.counters()) <= 4
    assert len(warnings_of(proxy, "authSource")) <= 3


def test_atlas_own_words_for_a_wrong_password(start, atlas):
    bad = {"ok": 0.0, "errmsg": "bad auth : authentication failed", "code": 8000,
           "codeName": "AtlasError"}
    atlas.trip(command="saslContinue", how="error", times=1000, error=bad)
    said, code = error_of(start())
    assert code == 18 and "password" in said and "bad auth" in said


# --- certificates

@pytest.mark.parametrize("kind, remedy", [
    ("expired", "expired"), ("other_name", "right server"),
    ("unknown_ca", "tls.caFile")])
def test_a_bad_certificate(start, atlas, kind, remedy):
    atlas.certificate(kind=kind)
    proxy = start()
    said, _ = error_of(proxy)
    assert remedy in said
    assert warnings_of(proxy, remedy)


def test_a_bad_certificate_is_not_hammered(start, atlas):
    atlas.certificate(kind="expired")
    proxy = start("--upstream.heartbeatFrequencyMS=500")
    error_of(proxy)
    atlas.counters(reset=True)
    for _ in range(20):
        error_of(proxy)
        time.sleep(0.1)
    assert sum(node["accepted"] for node in atlas.counters()) == 0
    atlas.certificate(kind="good")
    proxy.process.send_signal(signal.SIGHUP)  # whoever has mended it need not wait
    with proxy.client() as client:
        end = time.monotonic() + 10
        while True:
            try:
                assert client.admin.command("ping")["ok"] == 1
                break
            except pymongo.errors.OperationFailure:
                assert time.monotonic() < end
                time.sleep(0.2)


def test_an_unknown_ca(start, atlas):
    proxy = start(f"--tls.caFile={atlas.other_ca}")
    said, _ = error_of(proxy)
    assert "tls.caFile" in said and warnings_of(proxy, "tls.caFile")


def test_an_unreadable_ca_file(tmp_path, atlas):
    for bad in (tmp_path / "absent.pem", tmp_path / "empty.pem"):
        if bad.name == "empty.pem":
            bad.write_text("no certificate\n")
        said = refused_start(atlas.srv_uri(), f"--tls.caFile={bad}",
                             f"--listen.addresses=127.0.0.1:{free_port()}")
        assert str(bad) in said and "tls.caFile" in said


# --- names

def test_a_target_outside_the_parent_domain(start, atlas):
    atlas.dns_records(foreign_targets=True)
    proxy = start("--outage.queueTimeoutMS=1500")
    said, _ = error_of(proxy)
    for words in (said, proxy.said()):
        assert "node.elsewhere.example" in words and "pocket.test" in words


def test_two_txt_records(start, atlas):
    atlas.dns_records(extra_txt=["authSource=other"])
    proxy = start("--outage.queueTimeoutMS=1500")
    said, _ = error_of(proxy)
    assert "TXT" in said and warnings_of(proxy, "TXT")


@pytest.mark.parametrize("fault", ["refuse", "silent", "servfail", "nxdomain", "nodata"])
def test_names_that_cannot_be_had(start, atlas, fault):
    atlas.dns_fault(fault=fault)
    proxy = start("--outage.queueTimeoutMS=1200", "--dns.timeoutMS=1000")
    said, _ = error_of(proxy)
    for words in (said, proxy.said()):
        assert "_mongodb._tcp.cluster0.pocket.test" in words and "SRV" in words
    atlas.dns_fault()
    with proxy.client() as client:
        assert client.admin.command("ping")["ok"] == 1


@pytest.mark.parametrize("fault", ["refuse", "servfail", "nodata"])
def test_a_txt_record_that_fails_is_no_obstacle(start, atlas, fault):
    atlas.dns_fault(fault=fault, kind="TXT")
    with start("--dns.timeoutMS=1000").client() as client:
        assert client.admin.command("ping")["ok"] == 1


def test_a_truncated_answer_is_asked_again_over_tcp(start, atlas):
    atlas.dns_fault(fault="truncate")
    with start().client() as client:
        assert client.admin.command("ping")["ok"] == 1


def test_the_wrong_name_of_the_replica_set(start, atlas):
    proxy = start("--outage.queueTimeoutMS=1000", uri=atlas.srv_uri(replicaSet="other"))
    said, _ = error_of(proxy)
    assert "while other is wanted" in said and warnings_of(proxy, "no server is left")


# --- settings

def test_a_port_that_is_taken(start, atlas):
    proxy = start()
    said = refused_start(atlas.srv_uri(), f"--listen.addresses=127.0.0.1:{proxy.port}")
    assert f"127.0.0.1:{proxy.port}" in said and "listen.addresses" in said


def test_mistakes_in_a_file_are_named_without_the_password(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("pool:\n  maxPoolsize: 5\n  minPoolSize: many\n")
    said = check("mongodb://app:p@ss:word/1@h/", "--config", str(bad))
    assert f"{bad}:2" in said and "pool.maxPoolSize" in said
    assert f"{bad}:3" in said and "column" in said
    assert "p@ss" not in said and "word/1" not in said


def test_a_file_that_is_no_yaml(tmp_path, atlas):
    bad = tmp_path / "bad.yaml"
    bad.write_text("pool:\n  maxPoolSize: [5\nlisten: }\n")
    for said in (check(atlas.srv_uri(), "--config", str(bad)),
                 refused_start(atlas.srv_uri(), "--config", str(bad))):
        assert f"{bad}:3" in said


# --- callers

def answer_to(proxy, greeting):
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as s:
        s.sendall(greeting)
        return s.recv(1000)


def test_http_on_the_port(start):
    said = answer_to(start(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 400") and b"MongoDB" in said


def test_tls_on_the_port(start):
    proxy = start()
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 32
    assert answer_to(proxy, hello)[:1] == b"\x15"  # a TLS alert
    with proxy.client(tls=True, serverSelectionTimeoutMS=2000) as client:
        with pytest.raises(pymongo.errors.PyMongoError):
            client.admin.command("ping")
    assert len(warnings_of(proxy, "tls=true")) >= 1


def test_an_application_that_brings_a_password(start):
    proxy = start()
    with proxy.client(username="app", password="secret") as client:
        with pytest.raises(pymongo.errors.OperationFailure) as caught:
            client.admin.command("ping")
    assert "user" in str(caught.value) and "connection string" in str(caught.value)
    assert "secret" not in proxy.said()


def test_an_application_that_asks_for_a_replica_set(start):
    proxy = start()
    with proxy.client(replicaSet="atlas-pocket-shard-0", serverSelectionTimeoutMS=1500) as client:
        with pytest.raises(pymongo.errors.ServerSelectionTimeoutError):
            client.admin.command("ping")


def test_read_preference_errors_are_those_of_a_mongos(start):
    with start().client() as client:
        for mode, seconds, code, name in (("secondary", 10, 160, "MaxStalenessOutOfRange"),
                                          ("primary", 100, 2, "BadValue")):
            with pytest.raises(pymongo.errors.OperationFailure) as caught:
                client.test.command({"find": "things", "$readPreference": {
                    "mode": mode, "maxStalenessSeconds": seconds}})
            assert (caught.value.code, caught.value.details["codeName"]) == (code, name)
