"""One connection that sends the very documents it is given: no driver decides for the test."""
import socket
import ssl
import struct
import uuid

import bson

_SECONDS = 20


class Raw:
    """Said hello to, and logged in by X.509 where TLS is wanted."""

    def __init__(self, address, port, atlas=None, hello=None):
        self.socket = socket.create_connection((address, port), _SECONDS)
        self.number = 0
        if atlas is not None:
            context = ssl.create_default_context(cafile=atlas.ca)
            context.load_cert_chain(atlas.client_certificate)
            self.socket = context.wrap_socket(self.socket, server_hostname=address)
        self.hello = self.admin({"hello": 1, **(hello or {})})
        if atlas is not None and self.hello["ok"] == 1:
            self.admin({"authenticate": 1, "mechanism": "MONGODB-X509"}, "$external")

    @classmethod
    def to_node(cls, atlas, number=0, **hello):
        node = atlas.nodes[number]
        return cls(node["address"], node["port"], atlas, hello)

    def admin(self, document, database="admin"):
        return self.command({**document, "$db": database})

    def command(self, document):
        """The reply, whatever it says; ConnectionError when there is none."""
        self.send(document)
        length, = struct.unpack("<i", self._read(4))
        return bson.decode(self._read(length - 4)[17:])

    def send(self, document):
        body = bson.encode(document)
        self.number += 1
        self.socket.sendall(struct.pack("<iiiiiB", 21 + len(body), self.number, 0, 2013, 0, 0) +
                            body)

    def _read(self, size):
        got = b""
        while len(got) < size:
            piece = self.socket.recv(size - len(got))
            if not piece:
                raise ConnectionError("closed by the server")
            got += piece
        return got

    def close(self):
        self.socket.close()


class Transaction:
    """The documents of one transaction, one after another, over whatever connection."""

    def __init__(self, database):
        self.database, self.number = database, 1
        self.lsid = {"id": bson.Binary(uuid.uuid4().bytes, 4)}
        self.token = None

    def statement(self, raw, document, **more):
        fields = {"lsid": self.lsid, "txnNumber": bson.Int64(self.number), "autocommit": False}
        reply = raw.command({**document, "$db": self.database, **fields, **more})
        self.token = reply.get("recoveryToken", self.token)
        return reply

    def begin(self, raw, document):
        return self.statement(raw, document, startTransaction=True)

    def commit(self, raw, **more):
        return self._end(raw, {"commitTransaction": 1, **more})

    def abort(self, raw):
        return self._end(raw, {"abortTransaction": 1})

    def _end(self, raw, document):
        fields = {"lsid": self.lsid, "txnNumber": bson.Int64(self.number), "autocommit": False}
        return raw.command({**document, "$db": "admin", **fields})
