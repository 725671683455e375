"""A real driver, through the proxy, over TLS and a login, to a real server."""
import socket
import subprocess

import pymongo
import pymongo.errors
import pytest

from conftest import MOORING


def test_hello_is_a_mongos(start):
    with start().client() as client:
        hello = client.admin.command("hello")
        assert hello["msg"] == "isdbgrid" and "setName" not in hello
        assert "topologyVersion" not in hello and hello["maxWireVersion"] > 8
        assert client.admin.command("ping")["ok"] == 1


def test_wrong_password_is_said_to_who_waits(start, atlas):
    proxy = start(uri=atlas.srv_uri("wrong"))
    with proxy.client() as client:
        with pytest.raises(pymongo.errors.OperationFailure) as caught:
            client.test.things.find_one()
    assert "mooring: " in str(caught.value) and caught.value.code == 18
    assert "authSource" in proxy.log.read_text()


def test_unknown_authority_is_said(start, atlas):
    proxy = start(f"--tls.caFile={atlas.other_ca}")
    with proxy.client() as client:
        with pytest.raises(pymongo.errors.PyMongoError) as caught:
            client.test.things.find_one()
    assert "tls.caFile" in str(caught.value)


def test_wrong_replica_set_is_said(start, atlas):
    proxy = start("--outage.queueTimeoutMS=1000", uri=atlas.srv_uri(replicaSet="other"))
    with proxy.client() as client:
        with pytest.raises(pymongo.errors.PyMongoError) as caught:
            client.test.things.find_one()
    assert "while other is wanted" in str(caught.value)
    assert "no server is left" in proxy.log.read_text()


def test_fail_fast_says_why(start):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        closed = s.getsockname()[1]
    proxy = start("--outage.mode=failFast", uri=f"mongodb://127.0.0.1:{closed}/")
    with proxy.client() as client:
        with pytest.raises(pymongo.errors.PyMongoError) as caught:
            client.test.things.find_one()
    assert "refused" in str(caught.value)


def test_wrong_callers_are_told(start):
    proxy = start()
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert s.recv(100).startswith(b"HTTP/1.1 400")
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as s:
        s.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 32)
        assert s.recv(100)[:1] == b"\x15"


def test_mistakes_are_named_without_the_password(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("pool:\n  maxPoolsize: 5\n  minPoolSize: many\n")
    said = subprocess.run(
        [MOORING, "check", "mongodb://app:p@ss:word/1@h/", "--config", str(bad)],
        capture_output=True, text=True, timeout=20)
    assert said.returncode == 2
    assert f"{bad}:2" in said.stdout and "pool.maxPoolSize" in said.stdout
    assert f"{bad}:3" in said.stdout and "column" in said.stdout
    for part in ("p@ss", "word/1"):
        assert part not in said.stdout + said.stderr


def test_read_preference_errors_are_those_of_a_mongos(start):
    with start().client() as client:
        for mode, seconds, code, name in (("secondary", 10, 160, "MaxStalenessOutOfRange"),
                                          ("primary", 100, 2, "BadValue")):
            with pytest.raises(pymongo.errors.OperationFailure) as caught:
                client.test.command({"find": "things", "$readPreference": {
                    "mode": mode, "maxStalenessSeconds": seconds}})
            assert (caught.value.code, caught.value.details["codeName"]) == (code, name)
