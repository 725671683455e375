"""MongoDB's messages, as far as pocket Atlas must know them.

Written apart from the product's code, so that a misreading of the protocol cannot hide in both.
Messages are not decoded whole: a walk over the top level of the body finds the few fields that a
rule needs, and a change is made in place.
"""
import asyncio
import itertools
import struct

import bson

HEADER = struct.Struct("<iiii")
INT32 = struct.Struct("<i")
INT64 = struct.Struct("<q")
OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
MORE_TO_COME, EXHAUST_ALLOWED = 1 << 1, 1 << 16
LARGEST = 48_000_000
HOLD = 1 << 20  # of a larger request only this much is held; the rest streams
CODEC = bson.CodecOptions(tz_aware=False)

_ids = itertools.count(1)
_FIXED = {0x01: 8, 0x06: 0, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8,
          0x13: 16, 0x7F: 0, 0xFF: 0}
_TEXT = (0x02, 0x0D, 0x0E)
_DOCUMENT = (0x03, 0x04, 0x0F)


class BadMessage(Exception):
    """The peer does not speak the protocol."""


def _value_end(raw, kind, at):
    if kind in _FIXED:
        return at + _FIXED[kind]
    size = INT32.unpack_from(raw, at)[0]
    if kind in _TEXT:
        return at + 4 + size
    if kind in _DOCUMENT:
        return at + size
    if kind == 0x05:
        return at + 5 + size
    raise BadMessage(f"BSON type {kind:#x} at {at}")


def walk(raw, at):
    """Yields (name, type, begin, end) of the elements of the document at `at`, as far as held."""
    end = min(at + INT32.unpack_from(raw, at)[0], len(raw))
    at += 4
    while at < end and raw[at] != 0:
        name_end = raw.find(b"\0", at + 1, end)
        begin = name_end + 1
        if name_end < 0 or (begin + 4 > end and raw[at] not in _FIXED):
            return
        stop = _value_end(raw, raw[at], begin)
        yield raw[at + 1:name_end].decode(), raw[at], begin, stop
        at = stop


def value_of(raw, kind, begin, end):
    """The value of one element, decoded; None when it is not held whole."""
    if end > len(raw):
        return None
    element = bytes([kind]) + b"v\0" + bytes(raw[begin:end])
    return bson.decode(INT32.pack(len(element) + 5) + element + b"\0", CODEC)["v"]


class Message:
    """One message: its first bytes, and how many are still to come from the peer."""

    def __init__(self, raw, to_come=0):
        self.raw, self.to_come = raw, to_come
        _, self.request_id, self.response_to, self.opcode = HEADER.unpack_from(raw)
        self.flags = INT32.unpack_from(raw, 16)[0] & 0xFFFFFFFF
        self.body = self._find_body()
        self.elements = {} if self.body is None else {e[0]: e[1:] for e in walk(raw, self.body)}
        self.name = next(iter(self.elements), "")
        if self.name in ("$query", "query") and self.opcode == OP_QUERY:
            self.body = self.elements[self.name][1]
            self.elements = {e[0]: e[1:] for e in walk(raw, self.body)}
            self.name = next(iter(self.elements), "")

    def _find_body(self):
        if self.opcode == OP_REPLY:
            return 36
        if self.opcode == OP_QUERY:
            return self.raw.index(b"\0", 20) + 9
        if self.opcode != OP_MSG:
            raise BadMessage(f"opcode {self.opcode}")
        at = 20
        while at < len(self.raw):
            if self.raw[at] == 0:
                return at + 1
            at += 1 + INT32.unpack_from(self.raw, at + 1)[0]
        return None

    def get(self, name):
        element = self.elements.get(name)
        return None if element is None else value_of(self.raw, *element)

    def document(self):
        size = INT32.unpack_from(self.raw, self.body)[0]
        return bson.decode(bytes(self.raw[self.body:self.body + size]), CODEC)

    @property
    def more_to_come(self):
        return self.opcode == OP_MSG and bool(self.flags & MORE_TO_COME)

    @property
    def wants_exhaust(self):
        return self.opcode == OP_MSG and bool(self.flags & EXHAUST_ALLOWED)

    def patch_int64(self, at, value):
        if not isinstance(self.raw, bytearray):
            self.raw = bytearray(self.raw)
        INT64.pack_into(self.raw, at, value)


async def read_message(reader, hold=LARGEST):
    """The next message, or None when the peer has closed."""
    try:
        head = await reader.readexactly(HEADER.size)
        length = HEADER.unpack(head)[0]
        if not 21 <= length <= LARGEST:
            raise BadMessage(f"a message of {length} bytes")
        take = min(length, hold)
        return Message(head + await reader.readexactly(take - len(head)), length - take)
    except (asyncio.IncompleteReadError, OSError):
        return None


def make_message(document, response_to=0, flags=0):
    body = bson.encode(document)
    return HEADER.pack(21 + len(body), next(_ids), response_to, OP_MSG) + struct.pack(
        "<iB", flags, 0) + body


def make_reply(request, document):
    """A reply of the kind that the request asks for."""
    if request.opcode == OP_MSG:
        return make_message(document, request.request_id)
    body = bson.encode(document)
    return HEADER.pack(36 + len(body), next(_ids), request.request_id, OP_REPLY) + struct.pack(
        "<iqii", 8, 0, 0, 1) + body


def id_of(message_bytes):
    return HEADER.unpack_from(message_bytes)[1]
