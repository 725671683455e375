"""Name servers that lie, stall and cut, by a script; each has a name in LIES."""
import contextlib
import dataclasses
import socket
import struct
import threading

import dnslib

from name_servers import DOMAIN, free_ports


@dataclasses.dataclass
class Answer:
    """What a lie makes of a question; None: nothing is sent."""
    datagram: bytes | None = None
    stream: bytes | None = None
    after: float = 0
    before: tuple = ()  # datagrams that go ahead


def _error(code):
    def lie(_, request):
        reply = request.reply()
        reply.header.rcode = getattr(dnslib.RCODE, code)
        return Answer(reply.pack(), reply.pack())
    return lie


def _truth(zone, request):
    reply = zone.reply(request).pack()
    return Answer(reply, reply)


def _silent(_zone, _request):
    return Answer()


def _nodata(_, request):
    reply = request.reply().pack()
    return Answer(reply, reply)


def _truncated(zone, request):
    short = request.reply()
    short.header.tc = 1
    return Answer(short.pack(), zone.reply(request).pack())


def _late(zone, request):
    reply = zone.reply(request).pack()
    return Answer(reply, reply, after=1.2)


def _by_tcp_alone(zone, request):
    return Answer(None, zone.reply(request).pack())


def _cut(zone, request):
    reply = zone.reply(request).pack()
    return Answer(reply[:len(reply) - 7], reply[:len(reply) - 7])


def _forged_first(zone, request):
    """Somebody else's guesses come first: another id, and another question under the right one."""
    reply, lie = zone.reply(request).pack(), dnslib.DNSRecord.question("evil.test", "SRV").reply()
    lie.header.id, lie.header.rcode = request.header.id, dnslib.RCODE.NXDOMAIN
    other = struct.pack(">H", request.header.id ^ 1) + _error("NXDOMAIN")(zone, request).datagram[2:]
    return Answer(reply, reply, before=(other, lie.pack(), b"\0"))


def _odd_ttls(zone, request):
    reply = zone.reply(request)
    for record in reply.rr:
        record.ttl = 0xFFFFFFFF
    return Answer(reply.pack(), reply.pack())


def _txt_servfail(zone, request):
    return (_error("SERVFAIL") if request.q.qtype == dnslib.QTYPE.TXT else _truth)(zone, request)


class CompressedTarget(dnslib.SRV):
    """RFC 2782 forbids it, and home routers do it."""

    def pack(self, buffer):
        buffer.pack("!HHH", self.priority, self.weight, self.port)
        buffer.encode_name(self.target)


def _compressed(zone, request):
    reply = zone.reply(request)
    for record in reply.rr:
        if isinstance(record.rdata, dnslib.SRV):
            record.rdata.__class__ = CompressedTarget
    return Answer(reply.pack(), reply.pack())


def _by_cname(zone, request):
    """Every name is an alias; and records that nobody asked for stand around the answer."""
    reply = zone.reply(request)
    alias = dnslib.DNSLabel("alias." + str(request.q.qname))
    for record in reply.rr:
        record.rname = alias
    if reply.rr:
        reply.rr = [dnslib.RR(request.q.qname, dnslib.QTYPE.CNAME, ttl=5, rdata=dnslib.CNAME(alias)),
                    dnslib.RR("evil.test", dnslib.QTYPE.A, ttl=5, rdata=dnslib.A("127.9.9.9")),
                    *reply.rr]
        reply.add_auth(dnslib.RR(DOMAIN, dnslib.QTYPE.NS, rdata=dnslib.NS("ns." + DOMAIN)))
        reply.add_ar(dnslib.RR("ns." + DOMAIN, dnslib.QTYPE.A, rdata=dnslib.A("127.9.9.9")))
    return Answer(reply.pack(), reply.pack())


def _flood(zone, request):
    """Some 8 KB in one datagram, where 1232 bytes were asked for."""
    reply = zone.reply(request)
    for i in range(300):
        reply.add_ar(dnslib.RR(f"n{i}.{DOMAIN}", dnslib.QTYPE.A, ttl=5, rdata=dnslib.A("127.9.9.9")))
    return Answer(reply.pack(), reply.pack())


def _without_edns(zone, request):
    return _error("FORMERR")(zone, request) if request.ar else _truth(zone, request)


LIES = {"truth": _truth, "silent": _silent, "nodata": _nodata, "truncated": _truncated,
        "late": _late, "tcp alone": _by_tcp_alone, "cut": _cut, "forged first": _forged_first,
        "odd ttls": _odd_ttls, "compressed": _compressed, "txt servfail": _txt_servfail, "cname": _by_cname, "flood": _flood, "without edns": _without_edns,
        **{code.lower(): _error(code) for code in ("SERVFAIL", "NXDOMAIN", "REFUSED", "NOTIMP")}}


class Liar:
    """Answers on one port of one or more addresses as `lie` says, which may change while it runs."""

    def __init__(self, zone, lie, addresses=("127.0.0.1",), has_tcp=True, port=None):
        self.zone, self.lie, self.asked = zone, lie, 0
        self.over, self.threads, self.sockets = threading.Event(), [], []
        self.port = port or free_ports(1, addresses[0])[0]
        self.addresses = [f"{address}:{self.port}" for address in addresses]
        self.address = self.addresses[0]
        for address in addresses:
            self._serve(socket.SOCK_DGRAM, address, self._serve_udp)
            if has_tcp:
                self._serve(socket.SOCK_STREAM, address, self._serve_tcp)

    def _serve(self, kind, address, run):
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, self.port))
        s.settimeout(0.05)
        if kind == socket.SOCK_STREAM:
            s.listen()
        self.sockets.append(s)
        self._start(run, s)

    def _start(self, run, *arguments):
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _answer(self, packet):
        self.asked += 1
        return LIES[self.lie](self.zone, dnslib.DNSRecord.parse(packet))

    def _serve_udp(self, s):
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError):
                packet, peer = s.recvfrom(4096)
                self._start(self._send_datagrams, s, peer, self._answer(packet))

    def _send_datagrams(self, s, peer, answer):
        if not self.over.wait(answer.after) and answer.datagram is not None:
            with contextlib.suppress(OSError):
                for datagram in (*answer.before, answer.datagram):
                    s.sendto(datagram, peer)

    def _serve_tcp(self, s):
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError):
                self._start(self._serve_stream, s.accept()[0])

    def _serve_stream(self, stream):
        with stream, contextlib.suppress(OSError, struct.error):
            stream.settimeout(5)
            while not self.over.is_set():
                size, = struct.unpack(">H", stream.recv(2))
                answer = self._answer(stream.recv(size))
                if self.over.wait(answer.after) or answer.stream is None:
                    self.over.wait(5)
                    return
                stream.sendall(struct.pack(">H", len(answer.stream)) + answer.stream)

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(10)
        for each in self.sockets:
            each.close()
