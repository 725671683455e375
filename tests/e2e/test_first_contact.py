"""What hello says before the cluster has been reached, and what is kept of it on disk."""
import time

DEAD = "mongodb://127.0.0.1:1/"  # nothing listens there


def hello(mooring):
    with mooring.client(directConnection=True) as client:
        return client.admin.command("hello")


def wait_for_file(path, seconds=10):
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} was not written"
        time.sleep(0.05)


def test_hello_is_a_mongos(start):
    said = hello(start())
    assert said["msg"] == "isdbgrid" and "setName" not in said
    assert "topologyVersion" not in said and said["maxWireVersion"] > 8


def test_the_last_values_are_told_while_the_cluster_is_away(start, tmp_path):
    kept = tmp_path / "hello"
    real = hello(start(f"--listen.lastHelloFile={kept}"))
    wait_for_file(kept)
    assert kept.stat().st_mode & 0o777 == 0o600
    told = hello(start(f"--listen.lastHelloFile={kept}", uri=DEAD))
    for field in ("maxWireVersion", "maxWriteBatchSize", "msg"):
        assert told.get(field) == real.get(field)
    assert told["maxWireVersion"] != 17


def test_a_damaged_file_is_said_and_ignored(start, tmp_path):
    kept = tmp_path / "hello"
    kept.write_bytes(b"\x10\x00\x00\x00nonsense")
    mooring = start(f"--listen.lastHelloFile={kept}", uri=DEAD)
    assert hello(mooring)["maxWireVersion"] == 17
    assert f"{kept} is damaged" in mooring.log.read_text()


def test_hello_is_held_for_a_second_at_most(start):
    mooring = start("--listen.lastHelloFile=off", uri=DEAD)
    began = time.monotonic()
    assert hello(mooring)["isWritablePrimary"] is True
    assert time.monotonic() - began < 5
