"""One connection to a node, from hello to its end, and its own connection to the database."""
import asyncio
import socket
import struct

from . import hello, rules, wire
from .certificates import subject_of
from .cursors import Cursors

LOGINS = ("saslStart", "saslContinue", "authenticate")
COPY = 1 << 18
CUT_SECONDS = 0.2  # until the half is read: a reset takes back what is not
RESET = struct.pack("ii", 1, 0)  # SO_LINGER that makes a close a reset


class Caller(asyncio.StreamReaderProtocol):
    def __init__(self, node):
        self.node, self.link, self.is_authenticated = node, None, False
        self.is_greeted = False  # has said hello, as who comes through a load balancer must
        self.cursors = node.cursors
        if node.deployment.kind == "balanced":
            self.cursors = Cursors(node.deployment.cursor_ids)  # gone with the connection
        self.lost = asyncio.Event()
        self.incoming = asyncio.StreamReader(limit=1 << 20)
        super().__init__(self.incoming)

    # --- the connection

    def connection_made(self, transport):
        super().connection_made(transport)
        self.transport = transport
        self.socket = transport.get_extra_info("socket")  # one that closes cannot be asked for it
        self.writer = asyncio.StreamWriter(transport, self, self.incoming,
                                           asyncio.get_running_loop())
        self.tls = transport.get_extra_info("ssl_object")
        name = getattr(self.tls, "asked_name", None) or ""
        self.by_name = name.endswith(".test")
        self.number = self.node.next_connection()
        self.node.counters.on_open()
        self.node.callers.add(self)

    def connection_lost(self, exc):
        super().connection_lost(exc)
        self.lost.set()
        self.node.counters.on_lost(self.is_authenticated)
        self.node.callers.discard(self)

    def reset(self):
        """Ends it as a crash would: by RST."""
        if self.socket.fileno() >= 0:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()

    # --- its requests, one after the other

    async def run(self):
        try:
            while await self._serve_next():
                pass
        except (wire.BadMessage, OSError):
            pass  # it ends below
        finally:
            if self.node.deployment.kind == "balanced":
                await self.node.deployment.end_transactions(self)
            if self.link is not None:
                self.link.close()
            self.transport.close()

    def transaction_owner(self):
        """Who knows the transactions that begin here, and nobody else."""
        kind = self.node.deployment.kind
        return {"mongos": self.node, "balanced": self}.get(kind, self.node.deployment)

    async def _serve_next(self):
        request = await wire.read_message(self.incoming, wire.HOLD)
        if request is None:
            return False
        await self._while_hanging()
        self.node.counters.commands[request.name] += 1
        if request.name in hello.NAMES:
            return await self._say_hello(request)
        trip = self.node.faults.take(request.name)
        if trip is not None and trip.how == "reset":
            self.reset()
            return False
        refused = trip.error if trip is not None and trip.how == "error" else None
        refused = refused or self._refused_login(request) or rules.refusal(self, request)
        if refused is not None:
            return await self._refuse(request, refused)
        if request.name == "authenticate":
            return await self._authenticate(request)
        await rules.wait_for_lag(self.node, request)
        return await self._forward(request, trip)

    async def _while_hanging(self):
        await self.node.faults.running.wait()

    async def _send(self, message):
        await self._while_hanging()
        if self.node.faults.delay:
            await asyncio.sleep(self.node.faults.delay)
        self.writer.write(message)
        await self.writer.drain()
        return True

    async def _refuse(self, request, document):
        while request.to_come > 0:
            chunk = await self.incoming.read(min(request.to_come, COPY))
            if not chunk:
                return False
            request.to_come -= len(chunk)
        if request.more_to_come:
            return False  # a server tells a writer that does not listen by closing
        return await self._send(wire.make_reply(request, document))

    # --- hello

    async def _say_hello(self, request):
        if not self.is_greeted and not self._is_welcome(request):
            await self._refuse(request, rules.not_balanced())
            return False
        self.is_greeted = True
        seconds = hello.waits(self.node, request)
        if seconds and request.wants_exhaust:
            return await self._stream_hellos(request, seconds)
        if seconds:
            await self._wait_for_change(seconds)
        document = hello.say(self.node, request, self.by_name, self.number)
        document.update(await self._login_fields(request))
        return await self._send(wire.make_reply(request, document))

    def _is_welcome(self, request):
        return self.node.deployment.kind != "balanced" or request.get("loadBalanced") is True

    async def _stream_hellos(self, request, seconds):
        previous = request.request_id
        while not self.lost.is_set():
            await self._wait_for_change(seconds)
            document = hello.say(self.node, request, self.by_name, self.number)
            message = hello.streamed(document, previous, False)
            previous = wire.id_of(message)
            await self._send(message)
        return False

    async def _wait_for_change(self, seconds):
        change = asyncio.ensure_future(self.node.deployment.wait_for_change(seconds))
        lost = asyncio.ensure_future(self.lost.wait())
        await asyncio.wait([change, lost], return_when=asyncio.FIRST_COMPLETED)
        change.cancel()
        lost.cancel()

    async def _login_fields(self, request):
        """What a hello asks about logins is the database's to answer, except for X.509."""
        asked = {name: request.get(name) for name in ("saslSupportedMechs",
                 "speculativeAuthenticate") if name in request.elements}
        speculative = asked.get("speculativeAuthenticate", {})
        if not asked or not self.node.deployment.credentials_are_known:
            return {}
        if speculative.get("mechanism") == "MONGODB-X509":
            accepted = await self._accept_certificate(speculative.get("user"))
            return {"speculativeAuthenticate": accepted} if accepted.get("ok") else {}
        said = await (await self._link()).command({"hello": 1, **asked, "$db": "admin"})
        self._note_login(said.get("speculativeAuthenticate", {}))
        return {name: said[name] for name in asked if name in said}

    # --- logins

    def _refused_login(self, request):
        if request.name not in LOGINS or self.node.deployment.credentials_are_known:
            return None
        self.node.counters.refused_logins += 1
        return rules.error(18, "AuthenticationFailed", "Authentication failed.")

    async def _authenticate(self, request):
        return await self._send(wire.make_reply(
            request, await self._accept_certificate(request.get("user"))))

    async def _accept_certificate(self, user):
        """X.509: the node trusts the certificate and logs in to the database on its behalf."""
        subject = subject_of(self.tls)
        if subject is None or (user is not None and user != subject):
            self.node.counters.refused_logins += 1
            return rules.error(18, "AuthenticationFailed", "No verified subject name available "
                               "from client" if subject is None else "There is no such user")
        if self.link is not None:
            self.link.close()
        self.link = await self.node.deployment.database.open_service_link()
        self._note_login({"done": True})
        return {"dbname": "$external", "user": subject, "ok": 1.0}

    def _note_login(self, said):
        if said.get("done") and not self.is_authenticated and not self.lost.is_set():
            self.is_authenticated = True
            self.node.counters.on_login()

    # --- everything else goes to the database

    async def _link(self):
        if self.link is None:
            self.link = await self.node.deployment.database.open_link()
        return self.link

    async def _forward(self, request, trip):
        link = await self._link()
        rules.note_forwarded(self, request)
        link.writer.write(self.cursors.outgoing(request))
        while request.to_come > 0:
            chunk = await self.incoming.read(min(request.to_come, COPY))
            if not chunk:
                return False
            request.to_come -= len(chunk)
            link.writer.write(chunk)
            await link.writer.drain()
        if request.more_to_come:
            return True
        return await self._relay(request, trip)

    async def _relay(self, request, trip):
        while True:
            reply = await wire.read_message(self.link.reader)
            if reply is None:
                return False
            if request.name in LOGINS:
                self._on_login_reply(reply)
            message = self._rewrite(request, reply)
            if trip is not None:
                return await self._trip_over(trip, request, message)
            await self._send(message)
            if not reply.more_to_come:
                return True

    def _on_login_reply(self, reply):
        said = reply.document()
        if said.get("ok") != 1:
            self.node.counters.refused_logins += 1
        self._note_login(said)

    def _rewrite(self, request, reply):
        with_token = rules.recovery_token(self.node, request, reply)
        if with_token is not None:
            reply = wire.Message(wire.make_message(with_token, request.request_id))
        return self.cursors.incoming(request, reply)

    async def _trip_over(self, trip, request, message):
        if trip.how == "error_after":
            return await self._send(wire.make_reply(request, trip.error))
        if trip.size:
            message = wire.make_reply(request, {"ok": 1, "filler": "x" * trip.size})
        if trip.how in ("cut", "stop"):
            await self._send(message[:len(message) // 2])
            await asyncio.sleep(CUT_SECONDS)
        if trip.how == "stop":
            await self.lost.wait()
        self.reset()
        return False
