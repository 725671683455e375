"""An application that runs away waits for itself, and the others do not wait for it."""
import threading
import time

import pymongo

POOL = ("--pool.maxPoolSize=6", "--pool.connectsPerSecond=0")


class Runaway:
    """Threads that read one after the other, as fast as they get replies."""

    def __init__(self, mooring, threads):
        self.client = mooring.client(appName="runaway", maxPoolSize=threads)
        self.is_over, self.done, self.errors = False, 0, []
        self.threads = [threading.Thread(target=self.read) for _ in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join(60)
        self.client.close()

    def read(self):
        try:
            while not self.is_over:
                self.client.shop.things.find_one({})
                self.done += 1
        except pymongo.errors.PyMongoError as wrong:
            self.errors.append(wrong)


def slowest_read(client, seconds):
    slowest, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        client.shop.things.find_one({})
        slowest = max(slowest, time.monotonic() - began)
    return slowest


def test_a_runaway_waits_for_itself(start, atlas):
    """Each read takes a tenth of a second at the server: forty threads would fill the pool's queue."""
    slowest = {}
    for share in (0, 3):
        mooring = start(*POOL, f"--limits.maxOperationsPerApp={share}")
        with mooring.client(appName="calm") as calm:
            calm.shop.things.insert_one({})
            atlas.slow(seconds=0.1)
            with Runaway(mooring, 40) as runaway:
                time.sleep(1)
                slowest[share] = slowest_read(calm, 3)
            atlas.slow(seconds=0)
        assert runaway.errors == [] and runaway.done > 40
    assert slowest[3] < 0.45 < slowest[0], slowest
