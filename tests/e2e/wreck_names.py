"""A scripted resolver for the broken cluster, and a network namespace to put things into."""
import ctypes
import os
import subprocess
import threading

import dnslib

from name_server import NameServer


class Names(NameServer):
    """A resolver. `zone`: (name, type) to a list of record data; `twist(request, reply, tcp)` may give
    other bytes, another record, or None for silence."""

    def __init__(self, zone, twist=None, **where):
        self.zone, self.twist, self.asked = zone, twist, []
        super().__init__(**where)

    def answer(self, packet, is_tcp):
        request = dnslib.DNSRecord.parse(packet)
        name, kind = str(request.q.qname).rstrip(".").lower(), dnslib.QTYPE[request.q.qtype]
        self.asked.append((name, kind, is_tcp))
        reply = request.reply()
        found = self.zone.get((name, kind))
        if found is None and not any(n == name for n, _ in self.zone):
            reply.header.rcode = dnslib.RCODE.NXDOMAIN
        for data in found or []:
            reply.add_answer(dnslib.RR(request.q.qname, getattr(dnslib.QTYPE, kind), ttl=60,
                                       rdata=data))
        said = reply if self.twist is None else self.twist(request, reply, is_tcp)
        return said.pack() if isinstance(said, dnslib.DNSRecord) else said


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
