"""Applications that are killed: what they leave open on the cluster is ended for them, and only
that."""
import contextlib
import pathlib
import subprocess
import sys
import time
import urllib.parse

import pytest

LEAVER = pathlib.Path(__file__).resolve().parent / "leaver.py"
GRACE_SECONDS = 1
QUICK = f"--limits.vanishedGraceMS={GRACE_SECONDS * 1000}"


class Leaver:
    def __init__(self, uri, name, *words):
        self.process = subprocess.Popen([sys.executable, str(LEAVER), uri, name, *words], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == "ready\n"

    def go_on(self):
        said, _ = self.process.communicate("\n", timeout=30)
        return said.strip()


@pytest.fixture
def leave():
    """leave(uri, name, *words) gives a process with an open cursor and an open transaction."""
    with contextlib.ExitStack() as stack:
        def begin(uri, name, *words):
            leaver = Leaver(uri, name, *words)
            stack.callback(leaver.process.kill)
            return leaver
        yield begin


def ended(atlas):
    """How many killCursors and abortTransaction the nodes have had."""
    counts = [c["commands"] for c in atlas.counters()]
    return tuple(sum(c.get(name, 0) for c in counts)
                 for name in ("killCursors", "abortTransaction"))


@pytest.fixture
def still_open(atlas):
    """still_open() tells how many transactions are open that were not when the test began."""
    before = atlas.status()["transactions"]
    return lambda: atlas.status()["transactions"] - before


def wait_until(looked_at, expected, seconds=20):
    end = time.monotonic() + seconds
    while looked_at() != expected:
        assert time.monotonic() < end, looked_at()
        time.sleep(0.1)


def wait_until_ended(atlas, expected, seconds=20):
    wait_until(lambda: ended(atlas), expected, seconds)


def test_by_the_metadata_of_the_handshake(start, atlas, leave, still_open):
    mooring = start(QUICK)
    killed = leave(mooring.uri(appName="one"), "one")
    other = leave(mooring.uri(appName="two"), "two")
    assert still_open() == 2
    killed.process.kill()
    wait_until_ended(atlas, (1, 1))
    wait_until(still_open, 1)
    with mooring.client() as client:  # what the dead one had locked is free
        client.leavers.one.update_one({"_id": 0}, {"$set": {"by": "nobody"}})
    assert other.go_on() == "done 10 two"
    time.sleep(2 * GRACE_SECONDS)
    assert ended(atlas) == (1, 1)


def test_processes_that_cannot_be_told_apart(start, atlas, leave, still_open):
    """The same address and metadata: ended when both are gone."""
    mooring = start(QUICK)
    first = leave(mooring.uri(), "first")
    second = leave(mooring.uri(), "second")
    first.process.kill()
    time.sleep(3 * GRACE_SECONDS)
    assert ended(atlas) == (0, 0)
    second.process.kill()
    wait_until_ended(atlas, (2, 2))
    wait_until(still_open, 0)


def test_processes_on_a_unix_socket_are_told_apart(start, atlas, leave, tmp_path):
    path = tmp_path / "mooring.sock"
    start(QUICK, f"--listen.unixSocket={path}")
    uri = f"mongodb://{urllib.parse.quote(str(path), safe='')}/"
    killed, other = leave(uri, "killed"), leave(uri, "other")
    killed.process.kill()
    wait_until_ended(atlas, (1, 1))
    assert other.go_on() == "done 10 other"
    time.sleep(2 * GRACE_SECONDS)
    assert ended(atlas) == (1, 1)


def test_load_balanced_clients_lose_theirs_at_once(start, atlas, leave):
    mooring = start("--limits.vanishedGraceMS=60000")
    killed = leave(mooring.uri(loadBalanced="true"), "killed")
    other = leave(mooring.uri(loadBalanced="true"), "other")
    killed.process.kill()
    wait_until_ended(atlas, (1, 1), seconds=5)
    assert other.go_on() == "done 10 other"


def test_by_the_stable_api(start, atlas, leave, still_open):
    """The abort must say what the transaction's statements said."""
    mooring = start(QUICK)
    killed = leave(mooring.uri(appName="api"), "api", "strictApi")
    killed.process.kill()
    wait_until_ended(atlas, (1, 1))
    wait_until(still_open, 0)


def test_who_ends_in_good_order_leaves_nothing(start, atlas, leave):
    mooring = start(QUICK)
    assert leave(mooring.uri(), "tidy").go_on() == "done 10 tidy"
    time.sleep(2 * GRACE_SECONDS)
    assert ended(atlas) == (0, 0)
