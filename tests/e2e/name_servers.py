"""Name servers for tests: unbound (plain, TLS, HTTPS), knot with the zone, and servers that lie.

All listen on addresses of 127.0.0.0/8 and ports that were free, and end with the test."""
import contextlib
import dataclasses
import pathlib
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time

import dnslib
import trustme

NAME = "dns.pocket.test"  # what the certificates of good resolvers say
DOMAIN = "pocket.test"
START_SECONDS = 20


def find(program):
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    assert found, f"{program} is missing: tests/packages/install test"
    return found


def free_ports(count, address="127.0.0.1"):
    """Free for TCP and UDP alike; not reserved, so take them at once."""
    held, ports = [], []
    while len(ports) < count:
        tcp, udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        held += [tcp, udp]
        tcp.bind((address, 0))
        with contextlib.suppress(OSError):
            udp.bind((address, tcp.getsockname()[1]))
            ports.append(tcp.getsockname()[1])
    for each in held:
        each.close()
    return ports


# --- what is true ---

class Zone:
    """Records by name and kind, and their time to live."""

    def __init__(self, records, ttl=60):
        self.records, self.ttl = records, ttl

    @classmethod
    def of(cls, atlas, ttl=60):
        """Those of a pocket Atlas, as its own name server tells them."""
        address, port = atlas.dns.rsplit(":", 1)
        wanted = [(f"_mongodb._tcp.{atlas.name}", "SRV"), (atlas.name, "TXT"),
                  *[(node["host"], "A") for node in atlas.nodes]]
        zone = cls({}, ttl)
        for name, kind in wanted:
            packet = dnslib.DNSRecord.question(name, kind).send(address, int(port), timeout=10)
            zone.records[name, kind] = [rr.rdata for rr in dnslib.DNSRecord.parse(packet).rr]
            assert zone.records[name, kind], (name, kind)
        return zone

    def find(self, name, kind):
        """Records, empty when there is none of that kind; None when there is no such name."""
        if (name, kind) in self.records:
            return self.records[name, kind]
        return [] if any(n == name for n, _ in self.records) else None

    def lines(self):
        """As a zone file has them."""
        for (name, kind), records in self.records.items():
            for record in records:
                yield f"{name}. {self.ttl} IN {kind} {record}"

    def reply(self, request):
        name, kind = str(request.q.qname).rstrip(".").lower(), dnslib.QTYPE[request.q.qtype]
        found, reply = self.find(name, kind), request.reply()
        if found is None:
            reply.header.rcode = dnslib.RCODE.NXDOMAIN
        for record in found or []:
            reply.add_answer(dnslib.RR(request.q.qname, request.q.qtype, ttl=self.ttl, rdata=record))
        return reply


# --- certificates ---

class Authority:
    """A CA for resolvers, and what it signs: each a file with key and certificate."""

    def __init__(self, folder):
        self.folder, self.ca = folder, trustme.CA(key_type=trustme.KeyType.ECDSA)
        self.file = folder / "dns-ca.pem"
        self.ca.cert_pem.write_to_path(str(self.file))

    def issue(self, *names, **options):
        names = names or (NAME,)
        path = self.folder / f"{names[0]}-{len(options)}.pem"
        if not path.exists():
            self.ca.issue_cert(*names, key_type=trustme.KeyType.ECDSA, **options) \
                .private_key_and_cert_chain_pem.write_to_path(str(path))
        return path


# --- real servers ---

class Program:
    """A name server as a process; `say` is what it is asked to know that it answers."""

    def __init__(self, folder, command, port):
        self.log = folder / f"{pathlib.Path(command[0]).name}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)
        end = time.monotonic() + START_SECONDS
        while not self._answers(port):
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise AssertionError(f"{command[0]} does not start: {self.log.read_text()}")
            time.sleep(0.02)

    @staticmethod
    def _answers(port):
        question = dnslib.DNSRecord.question(DOMAIN, "SOA")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as s:
            s.sendall(struct.pack(">H", len(question.pack())) + question.pack())
            return len(s.recv(512)) > 0
        return False

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


KNOT = """
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{folder}"
control:
    listen: "{folder}/knot.sock"
log:
  - target: stderr
    any: warning
zone:
  - domain: {domain}
    file: "{folder}/zone"
"""


class Knot(Program):
    """Authoritative for the zone."""

    def __init__(self, folder, zone):
        self.port, = free_ports(1)
        folder.mkdir()
        soa = f"{DOMAIN}. 60 IN SOA ns.{DOMAIN}. root.{DOMAIN}. 1 60 60 3600 60\n" \
              f"{DOMAIN}. 60 IN NS ns.{DOMAIN}.\nns.{DOMAIN}. 60 IN A 127.0.0.1\n"
        (folder / "zone").write_text(soa + "\n".join(zone.lines()) + "\n")
        (folder / "knot.conf").write_text(
            KNOT.format(folder=folder, port=self.port, domain=DOMAIN))
        self.address = f"127.0.0.1:{self.port}"
        super().__init__(folder, [find("knotd"), "-c", folder / "knot.conf"], self.port)


UNBOUND = """
server:
    directory: "{folder}"
    username: ""
    chroot: ""
    pidfile: ""
    use-syslog: no
    logfile: ""
    do-daemonize: no
    num-threads: 1
    do-ip6: no
    interface: {plain}
    interface: {tls}
    interface: {https}
    tls-port: {tls_port}
    https-port: {https_port}
    tls-service-key: "{certificate}"
    tls-service-pem: "{certificate}"
    module-config: "iterator"
    qname-minimisation: no
    do-not-query-localhost: no
    access-control: 0.0.0.0/0 allow
    local-zone: "test." nodefault
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@{upstream}
remote-control:
    control-enable: no
"""


class Unbound(Program):
    """Forwards to a server of the zone (and to nobody else); speaks all three transports."""

    def __init__(self, folder, upstream, certificate, tls=None, https=None):
        """`tls` and `https`: address@port; free ports when not said."""
        ports = free_ports(3)
        plain = f"127.0.0.1@{ports[0]}"
        tls, https = tls or f"127.0.0.1@{ports[1]}", https or f"127.0.0.1@{ports[2]}"
        folder.mkdir()
        (folder / "unbound.conf").write_text(UNBOUND.format(
            folder=folder, plain=plain, tls=tls, https=https, upstream=upstream,
            tls_port=tls.split("@")[1], https_port=https.split("@")[1], certificate=certificate))
        self.plain = plain.replace("@", ":")
        self.tls = f"tls://{tls.replace('@', ':')}#{NAME}"
        self.https = f"https://{https.replace('@', ':')}/dns-query#{NAME}"
        super().__init__(folder, [find("unbound"), "-d", "-c", folder / "unbound.conf"], ports[0])


# --- servers that lie ---

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


def _without_edns(zone, request):
    return _error("FORMERR")(zone, request) if request.ar else _truth(zone, request)


LIES = {"truth": _truth, "silent": _silent, "nodata": _nodata, "truncated": _truncated,
        "late": _late, "tcp alone": _by_tcp_alone, "cut": _cut, "forged first": _forged_first,
        "odd ttls": _odd_ttls, "compressed": _compressed, "txt servfail": _txt_servfail, "cname": _by_cname, "without edns": _without_edns,
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


# --- what stands where a resolver over TLS should ---

class Impostor:
    """A TCP port: `certificate` None: no TLS. `say`: what it sends once something has come."""

    def __init__(self, certificate=None, say=b"", closes_at_once=False, protocols=()):
        self.over, self.context = threading.Event(), None
        if certificate is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate)
            if protocols:
                self.context.set_alpn_protocols(list(protocols))
        self.say, self.closes_at_once = say, closes_at_once
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.05)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError, OSError):
                conn, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        with contextlib.suppress(OSError), conn:
            conn.settimeout(5)
            if self.closes_at_once:
                return
            stream = conn if self.context is None else \
                self.context.wrap_socket(conn, server_side=True)
            with stream:
                stream.recv(4096)
                if self.say is None:
                    self.over.wait(10)
                elif self.say:
                    stream.sendall(self.say)
                    stream.settimeout(0.5)  # so that it is read: closing now might be a reset
                    while stream.recv(4096):
                        pass

    def stop(self):
        self.over.set()
        self.listener.close()
        self.thread.join(10)


def write_resolv_conf(path, *addresses):
    """As a file that is replaced: never seen half written."""
    text = "# made by a test\nsearch example.test\n" + \
        "".join(f"nameserver {address}\n" for address in addresses) + "options ndots:5\n"
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)
    return path
