"""Name servers for tests: unbound (plain, TLS, HTTPS), knot with the zone, and what stands in the place
of one. Those that lie are in liars.py.

All listen on addresses of 127.0.0.0/8 and ports that were free, and end with the test."""
import contextlib
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
