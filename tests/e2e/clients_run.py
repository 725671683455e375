"""Runs the client programs of tests/e2e/clients and reads what they say of their checks."""
import os
import pathlib
import re
import subprocess
import sys

import pymongo
import pymongo.errors

from conftest import ROOT

CLIENTS = pathlib.Path(__file__).resolve().parent / "clients"
# Longest time of one run, seconds; the longest takes about 20 on two cores.
RUN_MOST = 100

OPERATIONS = {"crud", "aggregation", "cursors", "bulk", "indexes", "sessions", "transactions",
              "transactionConflict", "changeStreams", "unacknowledged", "errors", "serverApi"}
LARGE = {"document15MiB", "batch48MB", "gridfs100MB"}
IDLE = {"monitors"}


class Client:
    """A program that is given a URI, a mode and perhaps strictApi, and the checks it must pass."""

    def __init__(self, name, *command, more=(), less=()):
        self.name, self.command = name, [str(part) for part in command]
        operations = (OPERATIONS | set(more)) - set(less)
        self.checks = {"operations": operations, "large": LARGE, "idle": IDLE}

    def run(self, uri, mode, *words):
        """What it printed; None when it did not end in time."""
        environment = {**os.environ, "NODE_PATH": str(ROOT / "build/node/node_modules")}
        try:
            done = subprocess.run([*self.command, uri, mode, *words], env=environment, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=RUN_MOST)
        except subprocess.TimeoutExpired as expired:
            return None, (expired.stdout or b"").decode(errors="replace")
        return done.returncode, done.stdout


NODE = ROOT / "build/node/bin/node"
ALL = [
    Client("node", NODE, CLIENTS / "node/client.js", more=["readPreferences"]),
    Client("mongoose", NODE, CLIENTS / "mongoose/client.js", more=["populate"]),
    Client("mongosh", NODE, CLIENTS / "mongosh/client.js", more=["shell"]),
    Client("go", ROOT / "build/go/client"),
    Client("libmongoc", ROOT / "build/dev/tests/e2e/clients/client_libmongoc",
           more=["findAndModify"]),
]

# Its everyday work has tests of its own, in test_pymongo.py; this is for test_matrix.py.
PYMONGO = Client("pymongo", sys.executable, CLIENTS / "pymongo/client.py",
                 more=["readPreferences", "commitAgain"], less=["errors", "serverApi"])


def answers(uri):
    """Whether the database server at that URI answers a ping."""
    with pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000, socketTimeoutMS=5000) as client:
        try:
            return client.admin.command("ping")["ok"] == 1
        except pymongo.errors.PyMongoError:
            return False


def check(client, uri, mode, *words, direct):
    """Every check of the mode passed, and no other; else says which did not, and why."""
    status, said = client.run(uri, mode, *words)
    verdict(client, mode, status, said, direct)
    assert status == 0, f"status {status}\n{said}"


def verdict(client, mode, status, said, direct, impossible=(), unsure=frozenset()):
    """Every check of the mode passed, but those that are impossible there, which failed, and perhaps
    those that are unsure."""
    failed = re.findall(r"^FAIL (\S+?):.*$", said, re.MULTILINE)
    passed = set(re.findall(r"^ok (\S+)$", said, re.MULTILINE))
    wanted = client.checks[mode] - set(impossible) - unsure
    missing = wanted - passed
    if status is None:
        assert answers(direct), f"the database server froze; not done: {sorted(missing)}"
        raise AssertionError(f"not done after {RUN_MOST} s: {sorted(missing)}\n{said}")
    assert set(failed) <= set(impossible) | unsure, said
    assert passed - unsure == wanted, f"status {status}, {missing}\n{said}"
