"""One server of the pocket cluster: its address, its listener, its life and death."""
import asyncio
import itertools
import socket
import ssl

import bson

from .caller import Caller
from .cursors import Cursors
from .faults import Counters, Faults

HANDSHAKE_SECONDS = 30


class Node:
    def __init__(self, number, host, deployment, contexts):
        self.number, self.host, self.deployment = number, host, deployment
        self.contexts = contexts  # kind of certificate -> its context
        self.address = f"127.0.0.{2 + number}"
        self.faults, self.counters = Faults(), Counters()
        self.callers, self._tasks = set(), set()
        self._connections = itertools.count(1)
        self._listener = self._accepting = None
        self.port = 0
        self._begin_anew()
        self._take_port()

    def _begin_anew(self):
        """What a process forgets when it ends."""
        self.process_id, self.topology_counter = bson.ObjectId(), 0
        # Several drivers at once ask for cursors that they closed: at mongoses no other has that id.
        self.cursors = Cursors(
            self.deployment.cursor_ids if self.deployment.kind == "mongos" else None)

    def name(self, by_name=True):
        return f"{self.host if by_name else self.address}:{self.port}"

    def next_connection(self):
        return next(self._connections)

    def topology_version(self):
        return {"processId": self.process_id, "counter": bson.Int64(self.topology_counter)}

    # --- life

    def is_up(self):
        return self._accepting is not None and self.faults.running.is_set()

    def _take_port(self):
        """Binds without listening: connections are refused, and nobody else gets the port."""
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.setblocking(False)
        self._listener.bind((self.address, self.port))
        self.port = self._listener.getsockname()[1]

    def start(self):
        if self._accepting is None:
            self._listener.listen(1024)
            self._accepting = asyncio.create_task(self._accept())

    def kill(self):
        """As kill -9 would: listener and sockets are gone at once."""
        if self._accepting is None:
            return
        self._accepting.cancel()
        self._accepting = None
        self._listener.close()
        self.reset()
        self._begin_anew()
        self._take_port()

    def reset(self):
        for caller in list(self.callers):
            caller.reset()

    async def stop(self):
        self.kill()
        self._listener.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- connections

    async def _accept(self):
        loop = asyncio.get_running_loop()
        while True:
            accepted, _ = await loop.sock_accept(self._listener)
            await self.faults.running.wait()
            self.counters.accepted += 1
            if self.faults.is_rejecting:
                accepted.close()
                continue
            task = asyncio.create_task(self._greet(accepted))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _greet(self, accepted):
        loop = asyncio.get_running_loop()
        caller = None

        def made():
            nonlocal caller
            caller = Caller(self)
            return caller

        try:
            await loop.connect_accepted_socket(
                made, accepted, ssl=self.contexts[self.faults.certificate],
                ssl_handshake_timeout=HANDSHAKE_SECONDS)
        except (ssl.SSLError, OSError):
            self.counters.failed_handshakes += 1
            return
        self.counters.handshakes += 1
        await caller.run()
