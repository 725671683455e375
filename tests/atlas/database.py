"""The one database server behind all nodes: secantusd in a process of its own.

It can freeze (a thread spins with its storage lock held); then a ping does not return. That is
noticed here, said, and the server is started again with empty data.
"""
import asyncio
import contextlib
import pathlib
import shutil
import signal
import socket
import subprocess
import sys

from . import scram, wire
from .parent import end_with_parent

PING_SECONDS, PATIENCE_SECONDS, START_SECONDS = 2, 20, 60


class Link:
    """A connection to the database: one message out, its reply in."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def command(self, document):
        self.writer.write(wire.make_message(document))
        reply = await wire.read_message(self.reader)
        if reply is None:
            raise ConnectionError("the database closed the connection")
        reply = reply.document()
        if reply.get("ok") != 1:
            raise ConnectionError(f"the database refused {next(iter(document))}: {reply}")
        return reply

    def close(self):
        self.writer.close()


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Database:
    def __init__(self, folder, user, password):
        self.folder, self.user, self.password = pathlib.Path(folder), user, password
        self.port = _free_port()
        self.freezes = 0
        self.process = self.service = None

    async def start(self):
        """Makes the users on a first run without a login, then runs with one."""
        await self._run("template")
        link = await self.open_link()
        await link.command({"createUser": self.user, "pwd": self.password, "roles": ["root"],
                            "$db": "admin"})
        await link.command({"createUser": "old", "pwd": self.password, "roles": ["root"],
                            "mechanisms": ["SCRAM-SHA-1"], "$db": "admin"})
        link.close()
        await self._end(signal.SIGTERM)
        await self._run_fresh()

    async def stop(self):
        await self._end(signal.SIGKILL)

    async def open_link(self):
        return Link(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20))

    async def open_service_link(self):
        """One that is logged in as the root user."""
        link = await self.open_link()
        await scram.log_in(link.command, self.user, self.password)
        return link

    async def watch(self):
        """Pings until cancelled; a server that does not answer is started again."""
        while True:
            await asyncio.sleep(PING_SECONDS)
            try:
                await asyncio.wait_for(self.service.command({"ping": 1, "$db": "admin"}),
                                       PATIENCE_SECONDS)
            except (asyncio.TimeoutError, ConnectionError):
                self.freezes += 1
                print("pocket Atlas: the database server froze; starting it again",
                      file=sys.stderr, flush=True)
                await self._end(signal.SIGKILL)
                await self._run_fresh()

    async def _run_fresh(self):
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        shutil.copytree(self.folder / "template", self.folder / "data")
        await self._run("data", "--auth")
        self.service = await self.open_service_link()

    async def _run(self, data, *options):
        program = pathlib.Path(sys.executable).parent / "secantusd-py"
        with (self.folder / "database.log").open("a") as log:
            self.process = subprocess.Popen(
                [str(program), "--host", "127.0.0.1", "--port", str(self.port), "--storage-path",
                 str(self.folder / data), "--session-max", "3000", "--log-level", "ERROR",
                 *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=end_with_parent(signal.SIGKILL))
        async with asyncio.timeout(START_SECONDS):
            while not await self._answers():
                if self.process.poll() is not None:
                    raise RuntimeError(f"the database ended: see {self.folder}/database.log")
                await asyncio.sleep(0.05)

    async def _answers(self):
        try:
            link = await self.open_link()
            await link.command({"hello": 1, "$db": "admin"})
            link.close()
            return True
        except ConnectionError:
            return False

    async def _end(self, how):
        if self.process is None or self.process.poll() is not None:
            return
        if self.service is not None:
            self.service.close()
        self.process.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self.process.wait, 10)
        if self.process.poll() is None:
            self.process.kill()
            await asyncio.to_thread(self.process.wait, 10)
