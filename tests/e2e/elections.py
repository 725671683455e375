"""Applications that write and read all the time, with the drivers' retries on, and note all that
they see of elections: PyMongo's in threads here, Node's in a process of its own.

Both do the same in turn: insert a document, count up another one, read that.
"""
import json
import os
import random
import subprocess
import threading
import time

import pymongo
import pymongo.errors
from pymongo import monitoring

from clients_run import CLIENTS, NODE
from conftest import ROOT

PATIENCE_SECONDS = 90
DATABASE = "failover"


class Seen(monitoring.ConnectionPoolListener):
    """What PyMongo says of its pool."""

    def __init__(self, said):
        self.said = said

    def connection_closed(self, event):
        self.said["closed"] += 1

    def pool_cleared(self, event):
        self.said["cleared"] += 1

    def _nothing(self, event):
        pass

    pool_created = pool_ready = pool_closed = connection_created = connection_ready = _nothing
    connection_check_out_started = connection_check_out_failed = _nothing
    connection_checked_out = connection_checked_in = _nothing


class Failures(monitoring.CommandListener):
    """What PyMongo repeats by itself counts here too."""

    def __init__(self, said):
        self.said = said

    def started(self, event):
        pass

    succeeded = started

    def failed(self, event):
        self.said["failed"] += 1


class InPython:
    def __init__(self, uri, workers):
        self.said = {"inserted": [], "counted": {}, "errors": [], "times": [], "closed": 0,
                     "cleared": 0, "failed": 0}
        self._stop = threading.Event()
        self._client = pymongo.MongoClient(
            uri, maxPoolSize=workers, event_listeners=[Seen(self.said), Failures(self.said)])
        self._threads = [threading.Thread(target=self._work, args=(f"python-{number}",))
                         for number in range(workers)]
        for thread in self._threads:
            thread.start()

    def _work(self, name):
        number = 0
        while not self._stop.wait(random.random() * 0.4):
            try:
                self._step(self._client[DATABASE].things, name, number)
            except (pymongo.errors.PyMongoError, AssertionError) as wrong:
                self.said["errors"].append(f"{type(wrong).__name__}: {wrong}")
            number += 1

    def _step(self, things, name, number):
        if number % 3 == 0:
            things.insert_one({"_id": f"{name}-{number}"})
            self.said["inserted"].append(f"{name}-{number}")
        elif number % 3 == 1:
            things.update_one({"_id": name}, {"$inc": {"n": 1}}, upsert=True)
            self.said["counted"][name] = self.said["counted"].get(name, 0) + 1
        else:
            assert things.find_one({"_id": name})["n"] == self.said["counted"][name]
            return
        self.said["times"].append(time.time())

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive(), "an operation did not end"
        said = json.loads(json.dumps(self.said))  # as it is before the pool closes
        self._client.close()
        return said


class InNode:
    def __init__(self, uri, workers):
        self._process = subprocess.Popen(
            [NODE, CLIENTS / "node/failover.js", uri, str(workers)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "NODE_PATH": str(ROOT / "build/node/node_modules")})

    def stop(self):
        said, _ = self._process.communicate("stop\n", timeout=PATIENCE_SECONDS)
        assert self._process.returncode == 0
        return json.loads(said)


DRIVERS = {"PyMongo": InPython, "Node": InNode}


def first_successes(said, elections):
    """Seconds from each moment to the first write that succeeded after it."""
    return [min((t for t in said["times"] if t >= moment), default=moment + 1e6) - moment
            for moment in elections]


def check_stored(things, said):
    """Every acknowledged write is there exactly once, and no other."""
    stored = {d["_id"]: d.get("n") for d in things.find()}
    inserted = [name for name, n in stored.items() if n is None]
    assert sorted(inserted) == sorted(said["inserted"])
    assert {name: n for name, n in stored.items() if n is not None} == said["counted"]
