"""Small servers for tests of the commands: a resolver with a few records, and a mongod that only
greets. Each answers on a thread of its own, on a free port of 127.0.0.1."""
import contextlib
import socket
import struct
import threading

import bson

from name_server import read_exactly

A, SRV, TXT = 1, 33, 16
NXDOMAIN, SERVFAIL = 3, 2


def _name(text):
    labels = [label.encode() for label in text.rstrip(".").split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def srv(port, target):
    return SRV, struct.pack(">HHH", 0, 0, port) + _name(target)


def a(address):
    return A, socket.inet_aton(address)


def txt(*strings):
    return TXT, b"".join(bytes([len(s)]) + s.encode() for s in strings)


def _answer(query, zone):
    """`zone`: name to records, or to an rcode."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    question = query[12:at + 5]
    kind, = struct.unpack(">H", query[at + 1:at + 3])
    found = zone.get(".".join(labels).lower(), NXDOMAIN)
    rcode = found if isinstance(found, int) else 0
    records = [] if rcode else [data for type_, data in found if type_ == kind]
    body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
                    for data in records)
    return query[:2] + struct.pack(">HHHHH", 0x8580 | rcode, 1, len(records), 0, 0) + question + body


@contextlib.contextmanager
def resolver(zone):
    """Gives its address, for dns.resolvers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(0.1)
        is_over = threading.Event()

        def serve():
            while not is_over.is_set():
                with contextlib.suppress(TimeoutError):
                    query, peer = udp.recvfrom(4096)
                    udp.sendto(_answer(query, zone), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield "127.0.0.1:%d" % udp.getsockname()[1]
        finally:
            is_over.set()
            thread.join()


HELLO = {"ok": 1.0, "ismaster": True, "isWritablePrimary": True, "helloOk": True,
         "minWireVersion": 0, "maxWireVersion": 21, "maxBsonObjectSize": 16777216,
         "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000}


def _greet(conn):
    """Answers every message with the same hello, in the form it came in."""
    with conn, contextlib.suppress(OSError):
        while True:
            length, request, _, opcode = struct.unpack("<iiii", read_exactly(conn, 16))
            read_exactly(conn, length - 16)
            body = b"\0\0\0\0\0" if opcode == 2013 else struct.pack("<iqii", 8, 0, 0, 1)
            body += bson.encode(HELLO)
            conn.sendall(struct.pack("<iiii", 16 + len(body), 1, request,
                                     2013 if opcode == 2013 else 1) + body)


@contextlib.contextmanager
def greeter(path=None):
    """Gives its port (or listens at `path`), and a list of what has connected."""
    with socket.socket(socket.AF_UNIX if path else socket.AF_INET) as listener:
        listener.bind(path or ("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.1)
        is_over, conns = threading.Event(), []

        def serve():
            while not is_over.is_set():
                with contextlib.suppress(TimeoutError):
                    conn, _ = listener.accept()
                    conns.append(conn)
                    threading.Thread(target=_greet, args=(conn,), daemon=True).start()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield (None if path else listener.getsockname()[1]), conns
        finally:
            is_over.set()
            thread.join()
            for conn in conns:
                with contextlib.suppress(OSError):
                    conn.shutdown(socket.SHUT_RDWR)
