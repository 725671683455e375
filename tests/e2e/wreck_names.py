"""A scripted resolver for the broken cluster, and a network namespace to put things into."""
import contextlib
import ctypes
import os
import socket
import struct
import subprocess
import threading

import dnslib


def _read(conn, size):
    data = b""
    while len(data) < size:
        more = conn.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


class Names:
    """A resolver. `zone`: (name, type) to a list of record data; `twist(request, reply, tcp)` may give
    other bytes, another record, or None for silence."""

    def __init__(self, zone, twist=None, address="127.0.0.1", port=0):
        self.zone, self.twist, self.asked = zone, twist, []
        for _ in range(20):
            self.tcp = socket.create_server((address, port))
            self.port = self.tcp.getsockname()[1]
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self.udp.bind((address, self.port))
                break
            except OSError:
                self.tcp.close()
                self.udp.close()
        self.at = f"{address}:{self.port}"
        for serve in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def close(self):
        for each in (self.tcp, self.udp):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def answer(self, packet, tcp):
        request = dnslib.DNSRecord.parse(packet)
        name, kind = str(request.q.qname).rstrip(".").lower(), dnslib.QTYPE[request.q.qtype]
        self.asked.append((name, kind, tcp))
        reply = request.reply()
        found = self.zone.get((name, kind))
        if found is None and not any(n == name for n, _ in self.zone):
            reply.header.rcode = dnslib.RCODE.NXDOMAIN
        for data in found or []:
            reply.add_answer(dnslib.RR(request.q.qname, getattr(dnslib.QTYPE, kind), ttl=60,
                                       rdata=data))
        said = reply if self.twist is None else self.twist(request, reply, tcp)
        return said.pack() if isinstance(said, dnslib.DNSRecord) else said

    def _serve_udp(self):
        while True:
            try:
                packet, peer = self.udp.recvfrom(4096)
                said = self.answer(packet, False)
                if said is not None:
                    self.udp.sendto(said, peer)
            except OSError:
                return

    def _serve_tcp(self):
        while True:
            try:
                conn, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_stream, args=(conn,), daemon=True).start()

    def _serve_stream(self, conn):
        with contextlib.suppress(OSError, ConnectionError), conn:
            while True:
                packet = _read(conn, struct.unpack(">H", _read(conn, 2))[0])
                said = self.answer(packet, True)
                if said is None:
                    conn.settimeout(20)
                    conn.recv(1)
                    return
                conn.sendall(struct.pack(">H", len(said)) + said)


def rcode(name, kinds=("SRV",)):
    """A twist: these types are answered by a code alone."""
    def twist(request, reply, _tcp):
        if dnslib.QTYPE[request.q.qtype] not in kinds:
            return reply
        bare = request.reply()
        bare.header.rcode = getattr(dnslib.RCODE, name)
        return bare
    return twist


def no_answer(kinds=("SRV",)):
    """A twist: these types are met with silence."""
    return lambda request, reply, _tcp: (
        None if dnslib.QTYPE[request.q.qtype] in kinds else reply)


# --- a network of its own

CLONE_NEWNET = 0x40000000


class Network:
    """A network namespace, entered by one thread: `call(f)` runs f in it; what it opens stays there."""

    def __init__(self, *orders):
        self._calls, self._ready = [], threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.call(self._begin)
        for order in ("ip link set lo up", *orders):
            self.call(lambda order=order: subprocess.run(order.split(), check=True))

    @staticmethod
    def _begin():
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")

    def _run(self):
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self._calls)
                call = self._calls.pop(0)
            if call is None:
                return
            call()

    def call(self, function):
        done, result = threading.Event(), {}

        def run():
            try:
                result["value"] = function()
            except BaseException as error:  # handed to who called
                result["error"] = error
            done.set()

        with self._ready:
            self._calls.append(run)
            self._ready.notify()
        done.wait()
        if "error" in result:
            raise result["error"]
        return result.get("value")

    def close(self):
        with self._ready:
            self._calls.append(None)
            self._ready.notify()
