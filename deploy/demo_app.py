"""The application of the demo: many clients that insert and read back, for some seconds.

Usage: demo_app.py URI CLIENTS SECONDS. Prints one line of JSON with what it saw.
"""
import asyncio
import json
import sys
import time

import pymongo
import pymongo.errors

START_SECONDS = 30


class Seen:
    """What all clients together saw."""

    def __init__(self):
        self.latencies, self.errors, self.inserted = [], [], []

    async def timed(self, operation):
        began = time.monotonic()
        try:
            result = await operation
        except pymongo.errors.PyMongoError as error:
            self.errors.append(f"{type(error).__name__}: {error}"[:300])
            return None
        self.latencies.append(time.monotonic() - began)
        return result


async def one_client(uri, number, seen, ready, until):
    async with pymongo.AsyncMongoClient(uri, serverSelectionTimeoutMS=START_SECONDS * 1000) as client:
        things = client.demo.things
        await seen.timed(client.admin.command("ping"))
        await ready.wait()
        count = 0
        while time.monotonic() < until():
            name = f"{number}-{count}"
            count += 1
            done = await seen.timed(things.insert_one({"_id": name, "client": number}))
            if done is None:
                continue
            seen.inserted.append(name)
            found = await seen.timed(things.find_one({"_id": name}))
            if found is not None and found["client"] != number:
                seen.errors.append(f"client {number} got the document of {found['client']}")


async def check(uri, seen):
    """How many acknowledged inserts are not there exactly once."""
    async with pymongo.AsyncMongoClient(uri) as client:
        there = [d["_id"] async for d in client.demo.things.find({}, {"_id": 1})]
    return len(set(seen.inserted) - set(there)) + len(there) - len(set(there))


async def main(uri, clients, seconds):
    seen, ready, end = Seen(), asyncio.Event(), [0.0]
    tasks = [asyncio.create_task(one_client(uri, n, seen, ready, lambda: end[0]))
             for n in range(clients)]
    while len(seen.latencies) + len(seen.errors) < clients:
        await asyncio.sleep(0.05)
    print("ready", flush=True)
    seen.latencies.clear()
    end[0] = time.monotonic() + seconds
    ready.set()
    await asyncio.gather(*tasks)
    ordered = sorted(seen.latencies) or [0.0]
    print(json.dumps({
        "operations": len(ordered), "errors": len(seen.errors), "examples": seen.errors[:3],
        "inserted": len(seen.inserted), "lost": await check(uri, seen),
        "median_ms": 1000 * ordered[len(ordered) // 2],
        "p99_ms": 1000 * ordered[len(ordered) * 99 // 100], "most_ms": 1000 * ordered[-1]}))


asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
