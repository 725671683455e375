"""A name server (over TLS with `tls`) that passes questions on to pocket Atlas's, but for what a test has it say."""
import contextlib
import socket
import struct
import threading

from dnslib import RCODE, DNSRecord

PASS = object()  # a rule's word for: as the other one says


def has_edns(request):
    return any(r.rtype == 41 for r in request.ar)


def says(request, rcode):
    """An answer without records: "NXDOMAIN", "SERVFAIL", …"""
    reply = request.reply()
    reply.header.rcode = getattr(RCODE, rcode)
    return reply


def _read(one, size):
    """So many bytes, or fewer at the end."""
    got = b""
    while len(got) < size and (more := one.recv(size - len(got))):
        got += more
    return got


class Liar:
    """`rule(request, is_tcp)` gives a reply, bytes, None for silence, or PASS."""

    def __init__(self, behind, rule=lambda request, is_tcp: PASS, address="127.0.0.1", tcp=True,
                 tls=None):
        self.behind, self.rule, self.tls = behind, rule, tls
        for _ in range(50):
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind((address, 0))
            try:
                self.tcp = socket.create_server(self.udp.getsockname()) if tcp else None
                break
            except OSError:
                self.udp.close()
        self.name = "%s:%d" % self.udp.getsockname()
        self.threads = [threading.Thread(target=self._serve_udp, daemon=True)]
        if tcp:
            self.threads.append(threading.Thread(target=self._serve_tcp, daemon=True))
        for thread in self.threads:
            thread.start()

    def answer(self, packet, is_tcp):
        request = DNSRecord.parse(packet)
        reply = self.rule(request, is_tcp)
        if reply is PASS:
            host, port = self.behind.rsplit(":", 1)
            return request.send(host, int(port), tcp=True, timeout=5)
        return reply if reply is None or isinstance(reply, bytes) else reply.pack()

    def _serve_udp(self):
        while True:
            try:
                packet, sender = self.udp.recvfrom(4096)
                reply = self.answer(packet, False)
                if reply is not None:
                    self.udp.sendto(reply, sender)
            except OSError:
                return

    def _serve_tcp(self):
        while True:
            try:
                one, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_one, args=(one,), daemon=True).start()

    def _serve_one(self, one):
        with contextlib.suppress(OSError), one if self.tls is None else self.tls.wrap_socket(
                one, server_side=True) as one:
            head = _read(one, 2)
            while len(head) == 2:
                reply = self.answer(_read(one, struct.unpack("!H", head)[0]), True)
                if reply is not None:
                    one.sendall(struct.pack("!H", len(reply)) + reply)
                head = _read(one, 2)

    def close(self):
        for one in (self.udp, self.tcp):
            if one is not None:
                one.close()
