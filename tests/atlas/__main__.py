"""Runs a pocket cluster until SIGTERM or SIGINT: `python -m atlas [--kind KIND]`.

Prints one line of JSON with everything a caller needs once it is up.
"""
import argparse
import asyncio
import json
import signal

from .deployment import KINDS
from .pocket import Pocket


async def run(kind):
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    pocket = Pocket(kind)
    try:
        await pocket.start()
        print(json.dumps(pocket.describe()), flush=True)
        await ended.wait()
        await pocket.stop()
    finally:
        pocket.remove()


def main():
    parser = argparse.ArgumentParser(prog="atlas", description="A pocket MongoDB Atlas cluster.")
    parser.add_argument("--kind", choices=KINDS, default="replica")
    asyncio.run(run(parser.parse_args().kind))


main()
