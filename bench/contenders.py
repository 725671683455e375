"""The programs that are measured, and the stand-in behind them: each its own process on one core."""
import contextlib
import os
import pathlib
import resource
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build/release"
CAP = 16
CLIENTS_MOST = 10000
SPARE_CLIENTS = 100
CORE = {0}
WAIT_SECONDS = 20


def most_clients():
    """How many idle clients the limit of open files, raised where that is allowed, has room for:
    HAProxy needs two descriptors for each."""
    wanted = 2 * (CLIENTS_MOST + SPARE_CLIENTS)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, PermissionError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, most), max(wanted, most)))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return min(CLIENTS_MOST, most // 2 - SPARE_CLIENTS)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def take_core():
    """All on one core and, where that is allowed, ahead of what else the machine does there."""
    os.sched_setaffinity(0, CORE)
    with contextlib.suppress(PermissionError):
        os.nice(-15)


def spawn(words, log, **options):
    return subprocess.Popen([str(word) for word in words], stderr=log, preexec_fn=take_core,
                            stdout=options.pop("stdout", log), **options)


def wait_for_port(port, process, log):
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"{process.args[0]} does not listen; its log:\n{log.read_text()[-2000:]}")


def make_certificate(folder):
    """A throwaway authority and a certificate of it for 127.0.0.1; the two in one file for HAProxy."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "7",
            "-subj", "/CN=throwaway authority")
    openssl("req", *new_key, "-keyout", "node.key", "-out", "node.csr", "-subj", "/CN=localhost")
    openssl("x509", "-req", "-in", "node.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "7", "-extfile", "names", "-out", "node.pem")


class Program:
    """A running program that listens on `port`."""

    def __init__(self, folder, name, port, words):
        self.port, self.log = port, folder / f"{name}.log"
        with self.log.open("a") as log:
            self.process = spawn(words, log)
        wait_for_port(port, self.process, self.log)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(WAIT_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class StandIn(Program):
    """The server behind all of them, plain or by TLS."""

    def __init__(self, folder, by_tls):
        self.by_tls, self.control = by_tls, free_port()
        port = free_port()
        files = [folder / "node.pem", folder / "node.key"] if by_tls else []
        super().__init__(folder, "stand-in", port,
                         [BUILD / "bench/bench_standin", port, self.control, *files])

    def counts(self):
        """What it counted; its peaks begin anew."""
        with socket.create_connection(("127.0.0.1", self.control), WAIT_SECONDS) as s:
            lines = s.makefile().read().splitlines()
        return {name: int(value) for name, value in (line.split() for line in lines)}


class Direct:
    """No program between: what the others are compared with."""
    name, process = "direct", None

    def __init__(self, folder, standin):
        self.port = standin.port

    def stop(self):
        pass


class HAProxy(Program):
    name = "HAProxy"

    def __init__(self, folder, standin):
        port = free_port()
        tls = f" ssl verify required ca-file {folder / 'ca.pem'}" if standin.by_tls else ""
        settings = folder / f"haproxy-{port}.cfg"
        settings.write_text(
            f"global\n    nbthread 1\n    maxconn {most_clients() + SPARE_CLIENTS // 2}\n"
            "defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 1h\n"
            "    timeout server 1h\n"
            f"listen mongodb\n    bind 127.0.0.1:{port}\n"
            f"    server standin 127.0.0.1:{standin.port}{tls}\n")
        super().__init__(folder, self.name, port, ["haproxy", "-db", "-f", settings])


class Mooring(Program):
    """Its defaults, but for the cap, and that the pool may fill at once."""
    name = "Mooring"

    def __init__(self, folder, standin):
        port = free_port()
        scheme = f"mongodb://127.0.0.1:{standin.port}/"
        tls = [f"--tls.caFile={folder / 'ca.pem'}"] if standin.by_tls else []
        super().__init__(folder, self.name, port, [
            BUILD / "mooring", "run", scheme + ("?tls=true" if standin.by_tls else ""),
            f"--listen.addresses=127.0.0.1:{port}", f"--pool.maxPoolSize={CAP}",
            "--pool.connectsPerSecond=0", "--dns.fallback=off", "--dns.lastGoodFile=off",
            *tls])


class Mongobetween(Program):
    name = "mongobetween"

    def __init__(self, folder, standin):
        port = free_port()
        uri = f"mongodb://127.0.0.1:{standin.port}/?maxPoolSize={CAP}"
        if standin.by_tls:
            uri += f"&tls=true&tlsCAFile={folder / 'ca.pem'}"
        super().__init__(folder, self.name, port, [
            os.environ["MONGOBETWEEN"], "-loglevel", "error", f"127.0.0.1:{port}={uri}"])


def all_contenders():
    optional = [Mongobetween] if os.environ.get("MONGOBETWEEN") else []
    return [Direct, HAProxy, Mooring, *optional]
