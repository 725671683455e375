"""Threads of one application that write and read until told to stop, and note what went wrong."""
import threading
import time

import pymongo.errors

PATIENCE_SECONDS = 60


class Load:
    """with Load(things, 8) as load: … — afterwards load.errors and load.slowest say how it went."""

    def __init__(self, things, threads):
        self.things, self.errors, self.written = things, [], []
        self.slowest = 0.0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(i,)) for i in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive(), "an operation did not end"
        self.stored = {d["_id"] for d in self.things.find()}

    def _work(self, number):
        step = 0
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self._write_and_read(f"{number}-{step}")
            except (pymongo.errors.PyMongoError, AssertionError) as wrong:
                self.errors.append(f"{type(wrong).__name__}: {wrong}")
            self.slowest = max(self.slowest, time.monotonic() - began)
            step += 1

    def _write_and_read(self, name):
        self.things.insert_one({"_id": name})
        self.written.append(name)
        assert self.things.find_one({"_id": name}) == {"_id": name}

    def wait_for_progress(self, operations=40):
        """Returns once that many more were written."""
        wanted, end = len(self.written) + operations, time.monotonic() + PATIENCE_SECONDS
        while len(self.written) < wanted:
            assert time.monotonic() < end, f"no progress: {self.errors[-3:]}"
            time.sleep(0.02)
