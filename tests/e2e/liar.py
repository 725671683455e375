"""A name server that passes questions on to pocket Atlas's, but for what a test has it say."""
from dnslib import RCODE, DNSRecord

from name_server import NameServer

PASS = object()  # a rule's word for: as the other one says


def has_edns(request):
    return any(r.rtype == 41 for r in request.ar)


def says(request, rcode):
    """An answer without records: "NXDOMAIN", "SERVFAIL", …"""
    reply = request.reply()
    reply.header.rcode = getattr(RCODE, rcode)
    return reply


class Liar(NameServer):
    """`rule(request, is_tcp)` gives a reply, bytes, None for silence, or PASS."""

    def __init__(self, behind, rule=lambda request, is_tcp: PASS, **how):
        self.behind, self.rule = behind, rule
        super().__init__(**how)

    def answer(self, packet, is_tcp):
        request = DNSRecord.parse(packet)
        reply = self.rule(request, is_tcp)
        if reply is PASS:
            host, port = self.behind.rsplit(":", 1)
            return request.send(host, int(port), tcp=True, timeout=5)
        return reply if reply is None or isinstance(reply, bytes) else reply.pack()
