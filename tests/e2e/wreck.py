"""A cluster of Atlas that is broken in one way: names under mongodb.net, three nodes and a few hosts of
the network at large, all on loopback and all scripted. What pocket Atlas cannot be made to do (it has a
real database behind it) is done here: other certificates and versions of TLS, hang-ups at every point of
a handshake, silence, and whatever a server may say."""
import contextlib
import datetime
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

import bson
import dnslib
import pytest
import trustme

from conftest import MOORING, free_port
from doctor import FAULT_SECONDS, Said
from name_server import read_exactly
from wreck_names import Names

DOMAIN = "abcde.mongodb.net"
CLUSTER = f"cluster0.{DOMAIN}"
HOSTS = [f"cluster0-shard-00-0{i}.{DOMAIN}" for i in range(3)]
SET = "atlas-abc123-shard-0"
DAY = datetime.timedelta(days=1)


# --- certificates

class Papers:
    """Certificates of every sort, made once; `ca` is the file that the doctor trusts."""

    def __init__(self, folder):
        self.folder, self.contexts = folder, {}
        now = datetime.datetime.now(datetime.timezone.utc)
        self.good = trustme.CA(key_type=trustme.KeyType.ECDSA)
        self.ca = folder / "ca.pem"
        self.good.cert_pem.write_to_path(str(self.ca))
        appliance = trustme.CA(organization_name="Zscaler Inc.", key_type=trustme.KeyType.ECDSA)
        public = trustme.CA(organization_name="Let's Encrypt", key_type=trustme.KeyType.ECDSA)
        names = [f"*.{DOMAIN}", "*.pocket.test"]
        self.add("good", self.good, names)
        self.add("expired", self.good, names, not_before=now - 100 * DAY, not_after=now - 9 * DAY)
        self.add("not_yet", self.good, names, not_before=now + 9 * DAY, not_after=now + 100 * DAY)
        self.add("other_name", self.good, ["portal.hotel.example"])
        self.add("appliance", appliance, names)
        self.add("public_root", public, names)
        old = self.add("tls_1_1", self.good, names)
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.set_ciphers("ALL:@SECLEVEL=0")
        odd = self.add("odd_cipher", self.good, names)
        odd.maximum_version = ssl.TLSVersion.TLSv1_2
        odd.set_ciphers("AECDH-NULL-SHA:ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0")
        wants = self.add("wants_client", self.good, names)
        wants.verify_mode = ssl.CERT_REQUIRED
        self.good.configure_trust(wants)
        client = self.good.issue_cert("app@app.test", common_name="app",
                                      key_type=trustme.KeyType.ECDSA)
        self.client = folder / "client.pem"
        client.private_key_and_cert_chain_pem.write_to_path(str(self.client))

    def add(self, kind, ca, names, **options):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(*names, key_type=trustme.KeyType.ECDSA, **options).configure_cert(context)
        self.contexts[kind] = context
        return context


# --- ways to greet a caller before MongoDB's protocol is spoken

def client_hello(conn):
    """Reads one TLS record."""
    head = read_exactly(conn, 5)
    return head + read_exactly(conn, struct.unpack(">H", head[3:])[0])


def alert(number):
    def greet(conn):
        client_hello(conn)
        conn.sendall(b"\x15\x03\x03\x00\x02\x02" + bytes([number]))
        time.sleep(0.2)
    return greet


def hang_up(conn):
    client_hello(conn)


def hang_up_at_once(_conn):
    pass


def reset(conn):
    client_hello(conn)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def http(conn):
    conn.recv(4096)
    conn.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://portal.hotel.example/\r\n\r\n")
    time.sleep(0.2)


def ssh(conn):
    conn.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    time.sleep(0.5)


def silent(conn):
    with contextlib.suppress(OSError):
        conn.settimeout(20)
        while conn.recv(4096):
            pass


def at_first(greet, times):
    """So the first `times` callers of a node are greeted; the rest are served."""
    def choose(node):
        return greet if node.accepted <= times else None
    choose.chooses = True
    return choose


# --- a node

class Node:
    """A thread a caller. `says`: command to a document, or a function of the command that gives one;
    None: hangs up; "silence": says nothing."""

    def __init__(self, world, number, address, port=0):
        self.world, self.number, self.address = world, number, address
        self.greet, self.context, self.says, self.accepted = None, "good", {}, 0
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.port = self.listener.getsockname()[1]
        self.is_over = False

    def open(self):
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.is_over = True
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while not self.is_over:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        greet = self.greet
        if getattr(greet, "chooses", False):
            greet = greet(self)
        with contextlib.suppress(OSError, ConnectionError, ssl.SSLError), conn:
            conn.settimeout(20)
            if greet is not None:
                greet(conn)
                return
            if self.context is not None:
                conn = self.world.papers.contexts[self.context].wrap_socket(conn, server_side=True)
            with conn:
                while self._answer(conn):
                    pass

    def _answer(self, conn):
        length, request, _, opcode = struct.unpack("<iiii", read_exactly(conn, 16))
        body = read_exactly(conn, length - 16)
        if opcode == 2013:
            command = bson.decode(body[5:5 + struct.unpack("<i", body[5:9])[0]])
        else:
            at = body.index(b"\0", 4) + 9
            command = bson.decode(body[at:at + struct.unpack("<i", body[at:at + 4])[0]])
        reply = self._reply(command)
        if reply is None:
            return False
        if reply == "silence":
            silent(conn)
            return False
        head = b"\0\0\0\0\0" if opcode == 2013 else struct.pack("<iqii", 8, 0, 0, 1)
        body = head + bson.encode(reply)
        conn.sendall(struct.pack("<iiii", 16 + len(body), 1, request,
                                 2013 if opcode == 2013 else 1) + body)
        return True

    def _reply(self, command):
        name = next(iter(command))
        name = "hello" if name in ("ismaster", "isMaster") else name
        if name in self.says:
            said = self.says[name]
            return said(command) if callable(said) else said
        if name == "hello":
            return self.hello()
        if name == "connectionStatus":
            return {"ok": 1.0, "authInfo": {"authenticatedUsers": [], "authenticatedUserRoles": []}}
        if name == "serverStatus":
            return {"ok": 0.0, "code": 13, "codeName": "Unauthorized", "errmsg": "not authorized"}
        return {"ok": 1.0}

    def hello(self, **changes):
        now = datetime.datetime.now(datetime.timezone.utc)
        hosts = self.world.names_of_nodes()
        said = {"ismaster": self.number == 0, "isWritablePrimary": self.number == 0,
                "secondary": self.number != 0, "helloOk": True, "setName": SET, "setVersion": 1,
                "hosts": hosts, "me": hosts[self.number], "primary": hosts[0],
                "electionId": bson.ObjectId("7fffffff0000000000000001"),
                "lastWrite": {"lastWriteDate": now}, "localTime": now,
                "minWireVersion": 0, "maxWireVersion": 21, "maxBsonObjectSize": 16777216,
                "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000, "ok": 1.0}
        said.update(changes)
        return {k: v for k, v in said.items() if v is not None}


def refusal(code, name, text):
    return {"ok": 0.0, "code": code, "codeName": name, "errmsg": text}


@contextlib.contextmanager
def deaf(address, port=0):
    """A port that takes no connection and refuses none: its queue is full, so SYNs are dropped."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(0)
    where, fillers = listener.getsockname(), []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            filler.connect(where)
        fillers.append(filler)
    time.sleep(0.05)
    try:
        yield where[1]
    finally:
        for each in [*fillers, listener]:
            each.close()


# --- the whole

class World:
    """`first`: the first address of the nodes, 127.0.N.1 and so on; `port` 0: whatever is free."""

    def __init__(self, papers, net=20, port=0, count=3):
        self.papers, self.stack = papers, contextlib.ExitStack()
        self.nodes = [Node(self, i, f"127.0.{net}.{i + 1}", port) for i in range(count)]
        self.zone = {}
        self.put_names()
        self.names = Names(self.zone)
        self.control = socket.create_server(("127.0.0.1", 0))
        self.free = socket.create_server(("127.0.0.1", 0))
        self.config = {}

    def put_names(self, hosts=HOSTS, txt=f"authSource=admin&replicaSet={SET}"):
        self.hosts = list(hosts)
        self.zone.clear()
        self.zone[(f"_mongodb._tcp.{CLUSTER}", "SRV")] = [
            dnslib.SRV(0, 0, node.port, host + ".") for node, host in zip(self.nodes, hosts)]
        self.zone[(CLUSTER, "TXT")] = [dnslib.TXT(txt)] if txt else []
        for node, host in zip(self.nodes, hosts):
            self.zone[(host, "A")] = [dnslib.A(node.address)]

    def names_of_nodes(self):
        return [f"{host}:{node.port}" for node, host in zip(self.nodes, self.hosts)]

    def open(self, numbers=None):
        for node in self.nodes:
            if numbers is None or node.number in numbers:
                node.open()

    def all(self, **changes):
        for node in self.nodes:
            for key, value in changes.items():
                setattr(node, key, dict(value) if isinstance(value, dict) else value)

    def close(self):
        for each in [*self.nodes, self.names]:
            each.close()
        self.control.close()
        self.free.close()
        self.stack.close()

    def srv_uri(self, user=None, options=""):
        login = f"{user}:secret@" if user else ""
        return f"mongodb+srv://{login}{CLUSTER}/{options}"

    def hosts_uri(self, user=None, options="?tls=true"):
        login = f"{user}:secret@" if user else ""
        return f"mongodb://{login}{','.join(self.names_of_nodes())}/{options}"

    def command(self, *flags, uri=None):
        usual = {"--tls.caFile": self.papers.ca, "--dns.resolvers": self.names.at,
                 "--dns.fallback": "off", "--doctor.controlAddresses":
                 "%s:%d" % self.control.getsockname(),
                 "--listen.addresses": None}
        usual.update(self.config)
        usual["--listen.addresses"] = usual["--listen.addresses"] or "127.0.0.1:%d" % free_port()
        settings = [f"{name}={value}" for name, value in usual.items() if value is not None]
        return [MOORING, "doctor", self.srv_uri() if uri is None else uri, *settings, *flags]

    def doctor(self, *flags, uri=None, environment=None, before=()):
        clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        self.all(accepted=0)
        began = time.monotonic()
        run = subprocess.run([*before, *self.command(*flags, uri=uri)], capture_output=True,
                             text=True, stdin=subprocess.DEVNULL, timeout=60,
                             env={**clean, **(environment or {})})
        return Said(run, time.monotonic() - began)

    def finds(self, name, layer, *flags, status=2, **how):
        """As JSON: this finding first; as text: its layer in the first line; both in time."""
        said = self.doctor("--json", *flags, **how)
        assert said.out, said.err
        assert said.ids()[:1] == [name], said.out
        assert said.status == status, said.out
        assert said.seconds < FAULT_SECONDS, said.seconds
        line = self.doctor("--gate", *flags, **how).out
        word = {2: "fatal", 1: "degraded"}[status]
        assert line.startswith(f"{word}: {layer}: ") and line.endswith(f"[{name}]\n"), line
        assert "secret" not in said.out + line
        return said


@pytest.fixture(scope="session")
def papers():
    with tempfile.TemporaryDirectory() as folder:
        yield Papers(pathlib.Path(folder))
