"""Starts pocket Atlas once, and the built proxy in front of it as often as a test wants."""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

import pymongo
import pytest
from _pytest.runner import runtestprotocol

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from atlas import Atlas  # noqa: E402  (found by the line above)

MOORING = os.environ.get("MOORING_BIN", str(ROOT / "build/dev/mooring"))
# No test may send a question to a public resolver; those of the fallback name resolvers of their own.
os.environ["MOORING_DNS_FALLBACK"] = "off"
START_SECONDS, STOP_SECONDS = 30, 40


@pytest.fixture(autouse=True)
def state_of_its_own(monkeypatch, tmp_path):
    """What one test's cluster was must not serve the next one's, whose name may be the same."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, process, seconds=START_SECONDS):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, f"the process ended with {process.returncode}"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port}")


class Mooring:
    """The proxy as its own process, its log in a file."""

    def __init__(self, folder, uri, *flags, listen="127.0.0.1:{port}"):
        self.port, self.log = free_port(), folder / f"mooring-{time.monotonic_ns()}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [MOORING, "run", uri, "--listen.addresses=" + listen.format(port=self.port), *flags],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for_port(self.port, self.process)

    def uri(self, **options):
        """What an application is given; options are those of a connection string."""
        query = "?" + urllib.parse.urlencode(options) if options else ""
        return f"mongodb://127.0.0.1:{self.port}/{query}"

    def client(self, **options):
        options.setdefault("serverSelectionTimeoutMS", 20000)
        return pymongo.MongoClient("127.0.0.1", self.port, **options)

    def said(self):
        return self.log.read_text()

    def stop(self):
        """Ends it and says how: exit status, and no complaint of a sanitizer."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_SECONDS)
        text = self.said()
        assert status == 0, text[-4000:]
        assert "Sanitizer" not in text and "runtime error" not in text, text[-4000:]


@pytest.fixture(scope="session")
def whole_atlas(request):
    atlas = request.config.pocket_atlas = Atlas()
    yield atlas
    request.config.pocket_atlas = None
    atlas.stop()


@pytest.fixture
def atlas(whole_atlas):
    """Pocket Atlas, whole again and with counters anew for each test."""
    whole_atlas.heal()
    whole_atlas.counters(reset=True)
    yield whole_atlas
    whole_atlas.heal()


@pytest.fixture
def start(atlas, tmp_path):
    """start(*flags, uri=…) gives a running proxy; all are ended and checked afterwards."""
    running = []

    def run(*flags, uri=None, **how):
        named = [f.partition("=")[0] for f in flags]
        defaults = {"--tls.caFile": atlas.ca, "--dns.resolvers": atlas.dns}
        given = [f"{name}={value}" for name, value in defaults.items() if name not in named]
        running.append(Mooring(tmp_path, uri or atlas.srv_uri(), *given, *flags, **how))
        return running[-1]

    yield run
    for mooring in running:
        mooring.stop()


@pytest.fixture(params=["directly", "through Mooring"])
def reach(request, atlas):
    """reach(**options) gives a client: what fails directly too is not the proxy's fault."""
    clients = []
    if request.param == "directly":
        def client(**options):
            one = options.get("directConnection")
            return pymongo.MongoClient(atlas.primary_uri() if one else atlas.direct_uri(),
                                       **options)
    else:
        client = request.getfixturevalue("start")().client

    def reach_by(**options):
        clients.append(client(**options))
        return clients[-1]

    yield reach_by
    for each in clients:
        each.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """The database server behind pocket Atlas can freeze: that test is run once more."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    before = freezes(item)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if any(r.failed for r in reports) and freezes(item) > before:
        sys.stderr.write(f"\nthe database server froze: {item.nodeid} is run once more\n")
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def freezes(item):
    atlas = getattr(item.config, "pocket_atlas", None)
    return 0 if atlas is None else atlas.status()["freezes"]


def pytest_terminal_summary(terminalreporter):
    """The table of tests/e2e/test_names.py, whoever of the workers ran it."""
    rows = {value[0]: value for reports in terminalreporter.stats.values() for report in reports
            if getattr(report, "when", None) == "call"
            for name, value in report.user_properties if name == "names"}
    if not rows:
        return
    terminalreporter.section("names: who answered, and when the application had its first reply")
    wide, less = (max(len(row[i]) for row in rows.values()) for i in range(2))
    write = terminalreporter.write_line
    write(f"{'case':{wide}}  {'answered':{less}}  seconds  promised  with a start and a login")
    for title, answered, seconds, promised, most in rows.values():
        write(f"{title:{wide}}  {answered:{less}}  {seconds:7.2f}  {promised:8.1f}  {most:8.1f}")
