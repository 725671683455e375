"""Runs `mooring doctor` against pocket Atlas; every side probe goes to loopback."""
import contextlib
import json
import os
import socket
import subprocess
import threading
import time

import pytest

from conftest import MOORING, free_port

HEALTHY_SECONDS, FAULT_SECONDS = 2, 8


class Said:
    """What one run said: status, seconds, and its JSON."""

    def __init__(self, run, seconds):
        self.status, self.seconds = run.returncode, seconds
        self.out, self.err = run.stdout, run.stderr
        assert "Sanitizer" not in run.stderr and "runtime error" not in run.stderr, run.stderr

    @property
    def json(self):
        return json.loads(self.out)

    def ids(self):
        return [f["id"] for f in self.json["findings"]]

    def finding(self, name):
        return next(f for f in self.json["findings"] if f["id"] == name)


class Silent:
    """A port of loopback where dials get no answer: its queue of new connections is full."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.name = f"127.0.0.1:{self.port}"
        self.waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(self.listener.getsockname())
            self.waiting.append(one)

    def close(self):
        for one in [*self.waiting, self.listener]:
            one.close()


class Doctor:
    def __init__(self, atlas):
        self.atlas, self.control = atlas, socket.create_server(("127.0.0.1", 0))
        self.port = free_port()

    def run(self, *flags, uri=None, config=(), environment=None):
        """One run as a user sees it. `config` are settings that stand in for the usual ones."""
        control = "%s:%d" % self.control.getsockname()
        usual = {"--tls.caFile": self.atlas.ca, "--dns.resolvers": self.atlas.dns,
                 "--dns.fallback": "off", "--listen.addresses": f"127.0.0.1:{self.port}",
                 "--doctor.controlAddresses": control}
        usual.update(config)
        settings = [f"{name}={value}" for name, value in usual.items() if value is not None]
        clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        began = time.monotonic()
        run = subprocess.run(
            [MOORING, "doctor", *[self.atlas.srv_uri() if uri is None else uri][:uri != ""], *settings, *flags],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
            env={**clean, **(environment or {})})
        return Said(run, time.monotonic() - began)

    def __call__(self, *flags, **how):
        return self.run("--json", *flags, **how)

    def finds(self, name, *flags, status=2, **how):
        """The one run of a fault: in time, with this finding first."""
        said = self(*flags, **how)
        assert said.out, said.err
        assert said.ids()[:1] == [name], said.out
        assert status in (None, said.status), said.out
        assert said.seconds < FAULT_SECONDS
        return said

    @contextlib.contextmanager
    def talker(self, words):
        """A server that answers the first bytes of whoever comes with these, and hangs up."""
        listener = socket.create_server(("127.0.0.1", 0))

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    one, _ = listener.accept()
                    with one:
                        one.recv(4096)
                        one.sendall(words)
                        one.shutdown(socket.SHUT_WR)
                        one.recv(4096)

        threading.Thread(target=serve, daemon=True).start()
        yield "%s:%d" % listener.getsockname()
        listener.close()

    @contextlib.contextmanager
    def web_proxy(self, says=b"HTTP/1.1 200 OK\r\n\r\n"):
        """An HTTP proxy that knows CONNECT and the names of pocket Atlas."""
        hosts = {n["host"]: n["address"] for n in self.atlas.nodes}
        listener = socket.create_server(("127.0.0.1", 0))

        def pump(source, to):
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    to.sendall(data)
                to.shutdown(socket.SHUT_WR)

        def serve_one(one):
            head = b""
            while b"\r\n\r\n" not in head:
                head += one.recv(4096)
            host, port = head.split()[1].decode().rsplit(":", 1)
            one.sendall(says)
            if b" 200 " in says:
                other = socket.create_connection((hosts[host], int(port)))
                threading.Thread(target=pump, args=(other, one), daemon=True).start()
                pump(one, other)
            else:
                one.close()

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve_one, args=(listener.accept()[0],),
                                     daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield "%s:%d" % listener.getsockname()
        listener.close()

    def close(self):
        self.control.close()


@pytest.fixture
def doctor(atlas):
    one = Doctor(atlas)
    yield one
    one.close()
