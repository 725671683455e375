"""A crowd of plain clients, each with a token of its own that every reply to it must carry.

They speak the protocol by themselves, so that each can be killed at any byte.
"""
import asyncio
import random
import time

import bson
from atlas import wire

DATABASE = "crowd"
BIG_BYTES, HUGE_BYTES = 200_000, 900_000  # held whole, and streamed, by the proxy's default
PATIENCE_SECONDS = 60


class Foreign(Exception):
    """A reply that is another's, or none's."""


class Lost(Exception):
    """An error or a closed socket that the client did not cause."""


class One:
    """One client with one socket."""

    def __init__(self, port, number, dice):
        self.port, self.number, self.dice = port, number, dice
        self.token = f"{number}-{dice.getrandbits(64):x}"
        self.name = f"c{number % 20}"

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port,
                                                                 limit=1 << 20)
        await self.ask({"hello": 1})
        await self.ask(self.insert(100))

    def close(self):
        self.writer.transport.abort()

    def insert(self, size):
        document = {"_id": bson.ObjectId(), "token": self.token, "filler": b"x" * size}
        return {"insert": self.name, "documents": [document]}

    def find(self, **more):
        return {"find": self.name, "filter": {"token": self.token}, **more}

    async def ask(self, command):
        """The reply, which must be to this very request and carry this client's token."""
        message = wire.make_message({**command, "$db": DATABASE})
        self.writer.write(message)
        reply = await asyncio.wait_for(wire.read_message(self.reader), PATIENCE_SECONDS)
        if reply is None:
            raise Lost(f"client {self.number}: closed at {next(iter(command))}")
        if reply.response_to != wire.id_of(message):
            raise Foreign(f"client {self.number}: a reply to {reply.response_to}")
        said = reply.document()
        if said.get("ok") != 1 or "writeErrors" in said:
            raise Lost(f"client {self.number}: {said}")
        return said

    def check(self, documents):
        if not documents or any(d["token"] != self.token for d in documents):
            raise Foreign(f"client {self.number} got {[d.get('token') for d in documents]}")

    async def read_back(self):
        said = await self.ask(self.find(limit=1))
        self.check(said["cursor"]["firstBatch"])

    async def change(self):
        said = await self.ask({"findAndModify": self.name, "query": {"token": self.token},
                               "update": {"$inc": {"n": 1}}})
        self.check([said["value"]])

    async def read_in_batches(self):
        await self.ask(self.insert(100))
        said = await self.ask(self.find(batchSize=1))
        cursor = said["cursor"]
        self.check(cursor["firstBatch"])
        while cursor["id"]:
            said = await self.ask({"getMore": bson.Int64(cursor["id"]), "collection": self.name,
                                   "batchSize": 1})
            cursor = said["cursor"]
            self.check(cursor["nextBatch"] or [{"token": self.token}])

    async def write_big(self):
        await self.ask(self.insert(BIG_BYTES))
        await self.ask({"delete": self.name, "deletes": [
            {"q": {"token": self.token, "filler": b"x" * BIG_BYTES}, "limit": 0}]})

    async def work(self):
        kind = self.dice.random()
        if kind < 0.85:
            await self.read_back()
        elif kind < 0.93:
            await self.change()
        elif kind < 0.99:
            await self.read_in_batches()
        else:
            await self.write_big()

    async def die(self):
        """Leaves in the middle: of a request, before its reply, or in its reply."""
        kind = self.dice.randrange(4)
        if kind == 0:  # half of a huge request
            message = wire.make_message({**self.insert(HUGE_BYTES), "$db": DATABASE})
            self.writer.write(message[:self.dice.randrange(1, len(message))])
            await self.writer.drain()
        elif kind == 1:  # a few bytes
            message = wire.make_message({**self.find(), "$db": DATABASE})
            self.writer.write(message[:self.dice.randrange(1, len(message))])
        else:  # a whole one, whose reply nobody reads or only begins to be read
            message = wire.make_message({**self.find(), "$db": DATABASE})
            self.writer.write(message)
            if kind == 3:
                await self.reader.read(10)
        await asyncio.sleep(0)
        self.close()


class Crowd:
    """`size` clients at work for a while; each in so many requests is killed and replaced."""

    def __init__(self, port, size, kill_one_in, seed):
        self.port, self.size, self.kill_one_in = port, size, kill_one_in
        self.dice = random.Random(seed)
        self.requests = self.killed = 0
        self.wrong = []

    async def run(self, seconds):
        end = time.monotonic() + seconds
        await asyncio.gather(*[self._live(number, end) for number in range(self.size)])

    async def _live(self, number, end):
        try:
            while time.monotonic() < end:
                await self._one_life(number, end)
        except (Foreign, Lost, OSError, asyncio.TimeoutError) as wrong:
            self.wrong.append(f"{type(wrong).__name__}: {wrong}")

    async def _one_life(self, number, end):
        one = One(self.port, number, random.Random(self.dice.random()))
        await one.open()
        try:
            while time.monotonic() < end:
                if self.dice.randrange(self.kill_one_in) == 0:
                    self.killed += 1
                    await one.die()
                    return
                await one.work()
                self.requests += 1
        finally:
            one.close()
