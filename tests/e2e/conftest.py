"""Starts a real database server with TLS and a login, and the built proxy in front of it."""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pymongo
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOORING = os.environ.get("MOORING_BIN", str(ROOT / "build/dev/mooring"))
USER, PASSWORD = "app", "p@ss:word/1"
ENCODED = "p%40ss%3Aword%2F1"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, process, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, f"the process ended with {process.returncode}"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port}")


def make_certificates(folder):
    """A throwaway CA, and a certificate for localhost and 127.0.0.1 signed by it."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-days", "30", "-subj", "/CN=throwaway CA")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "node.key", "-out", "node.csr",
            "-subj", "/CN=localhost")
    openssl("x509", "-req", "-in", "node.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "30", "-extfile", "names", "-out", "node.pem")


class Server:
    """secantusd as its own process; first without a login, to make the user."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        make_certificates(folder)
        self.start()
        with pymongo.MongoClient(port=self.port, directConnection=True) as client:
            client.admin.command("createUser", USER, pwd=PASSWORD, roles=["root"])
        self.stop()
        self.start("--auth", "--tls-cert-file", str(folder / "node.pem"), "--tls-key-file",
                   str(folder / "node.key"))

    def start(self, *options):
        program = pathlib.Path(sys.executable).parent / "secantusd-py"
        self.process = subprocess.Popen(
            [str(program), "--host", "127.0.0.1", "--port", str(self.port), "--storage-path",
             str(self.folder / "data"), "--session-max", "2000", "--log-level", "ERROR", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def uri(self, password=ENCODED):
        return f"mongodb://{USER}:{password}@127.0.0.1:{self.port}/?tls=true&authSource=admin"


class Mooring:
    """The proxy as its own process, its log in a file."""

    def __init__(self, folder, uri, *flags):
        self.port, self.log = free_port(), folder / f"mooring-{time.monotonic_ns()}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [MOORING, "run", uri, f"--listen.addresses=127.0.0.1:{self.port}", *flags],
                stdout=log, stderr=log)
        wait_for_port(self.port, self.process)

    def client(self, **options):
        options.setdefault("serverSelectionTimeoutMS", 20000)
        return pymongo.MongoClient("127.0.0.1", self.port, **options)

    def stop(self):
        """Ends it and says how: exit status, and no complaint of a sanitizer."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(40)
        text = self.log.read_text()
        assert status == 0, text[-4000:]
        assert "Sanitizer" not in text and "runtime error" not in text, text[-4000:]


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@pytest.fixture
def start(server, tmp_path):
    """start(*flags, uri=…) gives a running proxy; all are ended and checked afterwards."""
    running = []

    def run(*flags, uri=None):
        ca = f"--tls.caFile={server.folder / 'ca.pem'}"
        running.append(Mooring(tmp_path, uri or server.uri(), ca, *flags))
        return running[-1]

    yield run
    for mooring in running:
        mooring.stop()
