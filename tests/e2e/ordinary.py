"""Plain clients that read now and then, in a process of their own so that nothing but the proxy and
the cluster is in their way.

    ordinary.py PORT CLIENTS SECONDS    prints {"count": …, "p50": ms, "p99": ms, "longest": ms}
"""
import asyncio
import json
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from crowd import One  # noqa: E402  (it needs the line above)

PAUSE_SECONDS = 0.2  # between two operations of a client: the pool is used, not overrun


async def live(one, end, times):
    await asyncio.sleep(one.dice.random() * PAUSE_SECONDS)
    while time.monotonic() < end:
        began = time.monotonic()
        await one.read_back()
        times.append((time.monotonic() - began) * 1000)
        await asyncio.sleep(one.dice.random() * 2 * PAUSE_SECONDS)


async def run(port, count, seconds):
    clients = [One(port, number, random.Random(number)) for number in range(count)]
    for one in clients:
        await one.open()
    times, end = [], time.monotonic() + seconds
    await asyncio.gather(*[live(one, end, times) for one in clients])
    for one in clients:
        one.close()
    times.sort()
    return {"count": len(times), "p50": round(times[len(times) // 2], 1),
            "p99": round(times[len(times) * 99 // 100], 1), "longest": round(times[-1], 1)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(*map(int, sys.argv[1:])))))
