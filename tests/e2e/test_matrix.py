"""Every deployment, by every presentation, with every driver: everyday work, all of it green.

A row of the matrix (a deployment and a presentation) is run once, its drivers two at a time; each
driver's verdict is a test. `directly` is the same without the proxy: what fails there is not ours.
"""
import concurrent.futures
import urllib.parse

import pytest

import clients_run
from atlas import Atlas
from atlas.deployment import SET_NAME
from conftest import Mooring

# name: the kind of pocket Atlas
DEPLOYMENTS = {"replica set": "replica", "sharded": "mongos", "load-balanced": "balanced",
               "standalone": "standalone", "single node": "replica"}
# name: flags of the proxy, and options of the application's URI
PRESENTATIONS = {
    "mongos": ((), {}),
    "replicaSet": (("--listen.presentation=replicaSet", f"--listen.replicaSet={SET_NAME}"),
                   {"replicaSet": SET_NAME}),
    "loadBalanced": ((), {"loadBalanced": "true"}),
    "directly": None,
}
DRIVERS = {c.name: c for c in [clients_run.PYMONGO, *clients_run.ALL] if c.name != "mongosh"}

# What cannot be, and why. A name that is missing stands for all.
IMPOSSIBLE = [
    ("standalone", "replicaSet", None, "a standalone is shown as what it is"),
    ("standalone", "loadBalanced", None,
     "through a load balancer drivers send txnNumber, which a standalone refuses"),
    ("single node", "directly", None, "the same as a replica set, directly"),
    (None, "replicaSet", "mongoose", "its driver is Node's, which has a place of its own"),
    (None, "loadBalanced", "mongoose", "its driver is Node's, which has a place of its own"),
    ("load-balanced", "directly", "mongoose",
     "its driver sends killCursors while a getMore is out, and takes one reply for the other"),
    ("standalone", None, "mongoose",
     "a change stream that is refused ends the program, by a rejection that nobody can catch"),
]
# Checks that a deployment refuses: they must fail.
REFUSED_CHECKS = {"standalone": {"transactions", "commitAgain", "transactionConflict",
                                 "changeStreams"}}
# Checks that pass or fail there, as it happens.
UNSURE_CHECKS = {
    # A driver that takes us for a replica set sends no recoveryToken, and the connection that knows
    # the outcome may be another's by then.
    ("load-balanced", "replicaSet"): {"commitAgain"}}

ROWS = [(d, p) for d in DEPLOYMENTS for p in PRESENTATIONS]


def reason_against(deployment, presentation, driver):
    """Why that cannot be; None when it can."""
    asked = (deployment, presentation, driver)
    for *names, reason in IMPOSSIBLE:
        if all(name in (None, one) for name, one in zip(names, asked)):
            return reason
    return None


def upstream_uri(name, atlas):
    return atlas.primary_uri(directConnection="true") if name == "single node" else atlas.srv_uri()


def run_drivers(names, uri):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = {n: pool.submit(DRIVERS[n].run, uri, "operations") for n in names}
        return {n: run.result() for n, run in runs.items()}


class Matrix:
    """Runs each row once, when it is asked for first; one deployment is up at a time."""

    def __init__(self, folder):
        self.folder, self.name, self.atlas, self.rows = folder, None, None, {}

    def row(self, name, presentation):
        """What each driver printed; once more when the database server froze meanwhile."""
        self._deploy(name)
        if presentation not in self.rows:
            before = self.atlas.status()["freezes"]
            self.rows[presentation] = self._run(presentation)
            if self.atlas.status()["freezes"] > before:
                self.rows[presentation] = self._run(presentation)
        return self.rows[presentation]

    def _deploy(self, name):
        if self.name != name:
            self.stop()
            self.name, self.atlas, self.rows = name, Atlas(DEPLOYMENTS[name]), {}

    def stop(self):
        if self.atlas is not None:
            self.atlas.stop()

    def _run(self, presentation):
        drivers = [d for d in DRIVERS if reason_against(self.name, presentation, d) is None]
        if presentation == "directly":
            return run_drivers(drivers, self.atlas.direct_uri())
        flags, options = PRESENTATIONS[presentation]
        mooring = Mooring(self.folder, upstream_uri(self.name, self.atlas),
                          f"--tls.caFile={self.atlas.ca}",
                          f"--dns.resolvers={self.atlas.dns}", *flags)
        query = urllib.parse.urlencode(options)
        try:
            return run_drivers(drivers, f"mongodb://127.0.0.1:{mooring.port}/?{query}".rstrip("?"))
        finally:
            mooring.stop()


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    whole = Matrix(tmp_path_factory.mktemp("matrix"))
    yield whole
    whole.stop()


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("deployment, presentation", ROWS)
def test_everyday_work(matrix, deployment, presentation, driver):
    why_not = reason_against(deployment, presentation, driver)
    if why_not is not None:
        pytest.skip(why_not)
    status, said = matrix.row(deployment, presentation)[driver]
    clients_run.verdict(DRIVERS[driver], "operations", status, said, matrix.atlas.direct_uri(),
                        REFUSED_CHECKS.get(deployment, ()),
                        UNSURE_CHECKS.get((deployment, presentation), set()))
