"""Runs `mooring doctor` against pocket Atlas; every side probe goes to loopback."""
import json
import os
import socket
import subprocess
import time

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
            [MOORING, "doctor", self.atlas.srv_uri() if uri is None else uri, *settings, *flags],
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
        assert said.status == status, said.out
        assert said.seconds < FAULT_SECONDS
        return said

    def close(self):
        self.control.close()
