"""Events as operators see them: a program of theirs that is run, and a process that gives up."""
import json
import signal
import time

import pymongo.errors
import pytest

from conftest import Mooring


@pytest.fixture
def hook(tmp_path):
    """The flag, and what the program was told so far."""
    program, told = tmp_path / "tell it", tmp_path / "told"
    program.write_text(f'#!/bin/sh\ncat >> {told}\necho "$1" >> {told}.words\n')
    program.chmod(0o755)

    def events(name=None):
        lines = told.read_text().splitlines() if told.exists() else []
        known = [json.loads(line) for line in lines]
        return [e for e in known if name in (None, e["event"])]

    events.flag = f"--events.hook='{program}' \"two words\""
    events.words = lambda: (tmp_path / "told.words").read_text().splitlines()
    return events


def until(is_so, seconds=10):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.05)


def test_an_outage_is_told_to_a_program(start, atlas, hook):
    proxy = start(hook.flag, "--upstream.heartbeatFrequencyMS=500")
    until(lambda: hook("upstream.up") and hook("primary.changed"))
    assert hook.words()[0] == "two words"
    for number in range(3):
        atlas.kill(node=number)
    until(lambda: hook("upstream.down") and len(hook("node.down")) == 3)
    down = hook("upstream.down")[0]
    assert down["cluster"] == "cluster0.pocket.test" and down["scope"] == "cluster"
    assert "pocket.test" in down["cause"] and down["time"].endswith("Z")
    for number in range(3):
        atlas.restart(node=number)
    until(lambda: len(hook("upstream.up")) == 2, 20)
    assert 100 < hook("upstream.up")[1]["downtime_ms"] < 20000
    assert "event=upstream.down" in proxy.said() and "event=upstream.up" in proxy.said()
    assert "secret" not in json.dumps(hook())


def test_a_program_that_fails_is_told_once(start, atlas):
    proxy = start("--events.hook=sh -c 'exit 3'", "--upstream.heartbeatFrequencyMS=500")
    until(lambda: "sh ended with status 3" in proxy.said())
    atlas.step_down()
    until(lambda: proxy.said().count("event=primary.changed") == 2)
    time.sleep(0.5)
    assert proxy.said().count("ended with status 3") == 1


def test_a_certificate_that_ends_soon(start, atlas, hook):
    atlas.certificate(kind="ends_soon")
    start(hook.flag)
    until(lambda: len(hook("cert.expiring")) == 3)
    assert all(e["not_after"].startswith("20") and e["node"] for e in hook("cert.expiring"))


def test_a_command_that_cannot_be_run_is_refused(start, atlas):
    from test_mistakes import check
    assert "cannot run /nowhere/x" in check(atlas.srv_uri(), "--events.hook=/nowhere/x")
    assert "is not closed" in check(atlas.srv_uri(), "--events.hook=sh -c 'x")


def outage_flags(atlas):
    return [f"--tls.caFile={atlas.ca}", f"--dns.resolvers={atlas.dns}",
            "--upstream.heartbeatFrequencyMS=500", "--reconnect.maxElapsedMS=1500"]


def test_given_up_a_process_ends_itself(atlas, tmp_path, hook):
    proxy = Mooring(tmp_path, atlas.srv_uri(), *outage_flags(atlas), "--reconnect.onGiveUp=exit",
                    hook.flag)
    with proxy.client() as client:
        client.admin.command("ping")
        for number in range(3):
            atlas.kill(node=number)
        assert proxy.process.wait(20) == 2, proxy.said()
    assert "event=upstream.gave_up" in proxy.said() and hook("upstream.gave_up")
    assert "Sanitizer" not in proxy.said() and "runtime error" not in proxy.said()


def test_given_up_and_tried_anew(start, atlas):
    proxy = start("--upstream.heartbeatFrequencyMS=500", "--reconnect.maxElapsedMS=1500")
    with proxy.client(retryReads=False, retryWrites=False) as client:
        client.admin.command("ping")
        for number in range(3):
            atlas.kill(node=number)
        until(lambda: "event=upstream.gave_up" in proxy.said())
        began = time.monotonic()
        with pytest.raises(pymongo.errors.PyMongoError, match="given up"):
            client.test.things.insert_one({})
        assert time.monotonic() - began < 0.5
        proxy.process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        began = time.monotonic()
        with pytest.raises(pymongo.errors.PyMongoError, match="given up"):
            client.test.things.insert_one({})
        assert 0.5 < time.monotonic() - began < 2.5
        for number in range(3):
            atlas.restart(node=number)
        until(lambda: proxy.said().count("event=upstream.up") == 2, 20)
        client.test.things.insert_one({})


@pytest.mark.parametrize("mode", ["strict", "readyGate"])
def test_a_start_that_wants_the_cluster(atlas, tmp_path, mode):
    atlas.dns_fault(fault="servfail")
    import subprocess
    from conftest import MOORING, free_port
    said = subprocess.run(
        [MOORING, "run", atlas.srv_uri(), f"--listen.addresses=127.0.0.1:{free_port()}",
         f"--tls.caFile={atlas.ca}", f"--dns.resolvers={atlas.dns}", f"--startup.mode={mode}",
         "--startup.timeoutMS=1000", "--dns.timeoutMS=800"],
        capture_output=True, text=True, timeout=20)
    assert said.returncode == 2 and "not reached at the start" in said.stderr
    assert ("listening on" in said.stderr) == (mode == "strict")
