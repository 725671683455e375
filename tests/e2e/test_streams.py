"""Change streams and tailable cursors over a pool that is smaller than they are many."""
import json
import pathlib
import subprocess
import sys
import threading
import time
import uuid

import pymongo
import pymongo.errors

CAP, STREAMS, CLIENTS, SECONDS = 10, 200, 50, 5
ORDINARY = pathlib.Path(__file__).with_name("ordinary.py")
# The product's promise is three seconds; the machine that runs the tests may be busy.
HEARD_SECONDS, OPEN_SECONDS = 5, 90


class Streams:
    """Threads, one a stream, that note when they heard of which kind of event."""

    def __init__(self, things, count, **options):
        self.heard = [{} for _ in range(count)]
        self.errors = []
        self._open = threading.Semaphore(0)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._watch, args=(things, i, options))
                         for i in range(count)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        for _ in self._threads:
            assert self._open.acquire(timeout=OPEN_SECONDS), f"not all opened: {self.errors[:3]}"
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def _watch(self, things, number, options):
        wanted = [{"$match": {"fullDocument.kind": {"$in": [number, "all"]}}}]
        try:
            with things.watch(wanted, **options) as stream:
                self._open.release()
                while not self._stop.is_set():
                    event = stream.try_next()
                    if event is not None:
                        self.heard[number][event["fullDocument"]["_id"]] = time.monotonic()
        except pymongo.errors.PyMongoError as wrong:
            self.errors.append(f"{number}: {wrong}")

    def wait(self, document_id, numbers, since):
        """Seconds until the last of them has heard of it."""
        end = since + 4 * HEARD_SECONDS
        while any(document_id not in self.heard[i] for i in numbers):
            assert time.monotonic() < end and not self.errors, self.errors[:3]
            time.sleep(0.02)
        return max(self.heard[i][document_id] for i in numbers) - since


def ordinary(port):
    done = subprocess.run([sys.executable, ORDINARY, str(port), str(CLIENTS), str(SECONDS)],
                          stdout=subprocess.PIPE, check=True, timeout=120)
    return json.loads(done.stdout)


def get_mores(atlas):
    return sum(node["commands"].get("getMore", 0) for node in atlas.counters())


def most_authenticated(atlas):
    return max(node["most_authenticated"] for node in atlas.counters())


def test_200_change_streams_over_a_cap_of_10_and_50_ordinary_clients(start, atlas):
    proxy = start(f"--pool.maxPoolSize={CAP}", "--pool.connectsPerSecond=0")
    with proxy.client(maxPoolSize=None) as client:
        things = client[f"t{uuid.uuid4().hex[:10]}"].things
        things.insert_one({"_id": 0})
        without = ordinary(proxy.port)
        with Streams(things, STREAMS) as streams:
            before, began = get_mores(atlas), time.monotonic()
            beside = ordinary(proxy.port)
            rate = (get_mores(atlas) - before) / (time.monotonic() - began)
            since = time.monotonic()
            things.insert_one({"_id": "all", "kind": "all"})
            all_heard = streams.wait("all", range(STREAMS), since)
            alone = []
            for number in range(0, STREAMS, STREAMS // 8):
                since = time.monotonic()
                things.insert_one({"_id": f"for {number}", "kind": number})
                alone.append(streams.wait(f"for {number}", [number], since))
        assert streams.errors == []
    print(f"\nordinary operations, ms, without streams: {without}\n"
          f"beside {STREAMS} streams: {beside}\n"
          f"getMores to the cluster per second: {rate:.0f}; an event reached all within "
          f"{all_heard:.2f} s, one of them within {max(alone):.2f} s")
    assert all_heard < HEARD_SECONDS and max(alone) < HEARD_SECONDS
    # A slice is 50 ms at least; this database server ends some early when others write.
    assert rate < CAP // 2 * 20 * 1.6
    assert beside["p50"] < without["p50"] + 50 and beside["p99"] < without["p99"] + 400
    assert most_authenticated(atlas) <= CAP


def test_few_streams_are_not_sliced(start, atlas):
    proxy = start(f"--pool.maxPoolSize={CAP}")
    with proxy.client() as client:
        things = client[f"t{uuid.uuid4().hex[:10]}"].things
        things.insert_one({"_id": 0})
        with Streams(things, 2, max_await_time_ms=3000) as streams:
            before = get_mores(atlas)
            time.sleep(4)
            asked = get_mores(atlas) - before
            since = time.monotonic()
            things.insert_one({"_id": 1, "kind": "all"})
            assert streams.wait(1, range(2), since) < 2
        assert streams.errors == []
    assert asked <= 4


def test_tails_of_a_capped_collection_take_turns(start, atlas):
    proxy = start("--pool.maxPoolSize=4", "--pool.connectsPerSecond=0")
    tails, seen = 30, []
    with proxy.client(maxPoolSize=None) as client:
        database = client[f"t{uuid.uuid4().hex[:10]}"]
        log = database.create_collection("log", capped=True, size=1 << 20)
        log.insert_one({"_id": 0})

        def follow():
            cursor = log.find(cursor_type=pymongo.CursorType.TAILABLE_AWAIT)
            while cursor.alive:
                for document in cursor:
                    seen.append(document["_id"])
                    if document["_id"] == 1:
                        return

        threads = [threading.Thread(target=follow) for _ in range(tails)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + OPEN_SECONDS
        while seen.count(0) < tails:
            assert time.monotonic() < end
            time.sleep(0.05)
        time.sleep(2)
        log.insert_one({"_id": 1})
        for thread in threads:
            thread.join(4 * HEARD_SECONDS)
            assert not thread.is_alive()
    assert seen.count(1) == tails
    assert most_authenticated(atlas) <= 4


def test_a_stream_goes_on_where_it_was_after_a_new_primary(start, atlas):
    """Beside others, so that its getMores are sliced: no event is lost, none comes twice."""
    proxy = start("--pool.maxPoolSize=4", "--pool.connectsPerSecond=0")
    with proxy.client(maxPoolSize=None) as client:
        things = client[f"t{uuid.uuid4().hex[:10]}"].things
        things.insert_one({"_id": 0})
        with Streams(things, 30) as streams:
            for number in range(40):
                if number == 15:
                    atlas.step_down(seconds=0.5)
                things.insert_one({"_id": number + 1, "kind": "all"})
                time.sleep(0.05)
            streams.wait(40, range(30), time.monotonic())
        assert streams.errors == []
        assert all(sorted(h) == list(range(1, 41)) for h in streams.heard)
