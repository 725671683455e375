"""Names that were known once, and cannot be looked up now: the file, and a start by it."""
import time

import pytest

HEALED_SECONDS = 30  # the first tries after a start come sooner than once a minute


def wait_until(is_so, what, seconds=20):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.1)


@pytest.fixture
def kept(atlas, start, tmp_path):
    """The file of a proxy that has served and ended."""
    path = tmp_path / "names"
    mooring = start(f"--dns.lastGoodFile={path}")
    with mooring.client() as client:
        client.admin.command("ping")
    wait_until(path.exists, "nothing was kept")
    mooring.stop()
    return path


def test_what_is_kept(atlas, kept):
    text = kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    first, cluster, *lines, last = text.splitlines()
    assert first == "mooring names, version 1" and last.startswith("end ")
    assert cluster == "cluster _mongodb._tcp.cluster0.pocket.test"
    assert sum(line.startswith("host ") for line in lines) == 3
    assert sum(line.startswith("address 127.") for line in lines) >= 1
    assert "auth-source admin" in lines
    secrets = [atlas.srv_uri().partition("://")[2].partition("@")[0].partition(":")[2]]
    assert secrets[0] and not any(secret in text for secret in secrets)


@pytest.mark.parametrize("fault, seconds", [("refuse", 5), ("servfail", 5), ("nxdomain", 5),
                                            ("nodata", 5), ("silent", 8)])
def test_a_start_by_the_file(atlas, start, kept, fault, seconds):
    atlas.dns_fault(fault=fault)
    mooring = start(f"--dns.lastGoodFile={kept}")
    began = time.monotonic()
    with mooring.client() as client:
        client.test.things.insert_one({"fault": fault})
        assert time.monotonic() - began < seconds
        assert "event=dns.stale_used" in mooring.said()
        atlas.dns_fault()
        wait_until(lambda: "can be looked up again" in mooring.said(), "DNS is back",
                   HEALED_SECONDS)
        client.test.things.insert_one({"fault": "none"})


def test_without_the_file_it_waits(atlas, start, kept):
    kept.write_bytes(kept.read_bytes()[:-4])
    atlas.dns_fault(fault="refuse")
    mooring = start(f"--dns.lastGoodFile={kept}")
    assert f"{kept} is damaged or cut off: ignored, and written anew" in mooring.said()
    with mooring.client() as client:
        time.sleep(1)
        atlas.dns_fault()
        client.test.things.insert_one({})
    mooring.stop()
    assert kept.read_text().splitlines()[-1].startswith("end ")
