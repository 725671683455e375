"""The name server of the pocket cluster: SRV, TXT, A and AAAA, over UDP and TCP, and its faults."""
import asyncio
import struct

from dnslib import QTYPE, RCODE, RR, SRV, TXT, A, DNSRecord

FAULTS = ("refuse", "silent", "servfail", "nxdomain", "nodata", "truncate")
_CODES = {"refuse": "REFUSED", "servfail": "SERVFAIL", "nxdomain": "NXDOMAIN"}
FOREIGN_HOST = "node.elsewhere.example"


class Zone:
    """What is said. `fault` maps a record type, or "*", to one of FAULTS."""

    def __init__(self, name, txt, nodes):
        self.name, self.txt, self.nodes = name, txt, nodes
        self.fault, self.extra_txt, self.foreign_targets = {}, [], False
        self.asked = {}

    def answer(self, request):
        """The reply to a request (DNSRecord), or None to stay silent."""
        kind, name = QTYPE[request.q.qtype], str(request.q.qname).rstrip(".").lower()
        self.asked[kind] = self.asked.get(kind, 0) + 1
        fault = self.fault.get(kind) or self.fault.get("*")
        if fault == "silent":
            return None
        reply = request.reply()
        if fault in _CODES:
            reply.header.rcode = getattr(RCODE, _CODES[fault])
            return reply
        records = self._records(kind, name)
        if records is None:
            reply.header.rcode = RCODE.NXDOMAIN
        elif fault != "nodata":
            reply.add_answer(*[RR(request.q.qname, request.q.qtype, ttl=60, rdata=r)
                               for r in records])
        return reply

    def _records(self, kind, name):
        """A list, empty when the name has no such record; None when there is no such name."""
        if name == f"_mongodb._tcp.{self.name}":
            return self._srv() if kind == "SRV" else []
        if name == self.name:
            return [TXT(t) for t in [self.txt, *self.extra_txt]] if kind == "TXT" else []
        for node in self.nodes:
            if name == node.host:
                return [A(node.address)] if kind == "A" else []
        return None

    def _srv(self):
        targets = [(node.host, node.port) for node in self.nodes]
        if self.foreign_targets:
            targets[-1] = (FOREIGN_HOST, targets[-1][1])
        return [SRV(0, 0, port, host + ".") for host, port in targets]

    def is_truncated(self, request):
        kind = QTYPE[request.q.qtype]
        return "truncate" in (self.fault.get(kind), self.fault.get("*"))


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, zone):
        self.zone = zone

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, packet, sender):
        request = DNSRecord.parse(packet)
        reply = self.zone.answer(request)
        if reply is None:
            return
        if self.zone.is_truncated(request):
            reply = request.reply()
            reply.header.tc = 1
        self.transport.sendto(reply.pack(), sender)


class NameServer:
    def __init__(self, zone):
        self.zone = zone

    async def start(self, address):
        loop = asyncio.get_running_loop()
        for _ in range(20):
            self.tcp = await asyncio.start_server(self._on_tcp, address, 0)
            self.port = self.tcp.sockets[0].getsockname()[1]
            try:
                self.udp, _ = await loop.create_datagram_endpoint(
                    lambda: _Udp(self.zone), (address, self.port))
                return
            except OSError:
                self.tcp.close()
        raise OSError(f"no port of {address} is free for both UDP and TCP")

    def stop(self):
        self.tcp.close()
        self.udp.close()

    async def _on_tcp(self, reader, writer):
        try:
            while True:
                size = struct.unpack(">H", await reader.readexactly(2))[0]
                reply = self.zone.answer(DNSRecord.parse(await reader.readexactly(size)))
                if reply is not None:
                    packet = reply.pack()
                    writer.write(struct.pack(">H", len(packet)) + packet)
        except (asyncio.IncompleteReadError, OSError):
            writer.close()
