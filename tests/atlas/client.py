"""Pocket Atlas as a caller sees it: starts the program, speaks to its control port, ends it."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import urllib.parse

from .parent import end_with_parent

STOP_SECONDS, ORDER_SECONDS = 20, 60


class Atlas:
    """atlas.kill(node="primary") and the like: every order of control.py is a method.

    The attributes are what the program printed: dns, name, nodes, user, password, ca, …
    """

    def __init__(self, kind="replica", log=None):
        folder = pathlib.Path(__file__).resolve().parents[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "atlas", "--kind", kind], stdout=subprocess.PIPE, stderr=log,
            stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(folder)}, text=True,
            preexec_fn=end_with_parent(signal.SIGTERM))
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"pocket Atlas ended with status {self.process.wait()}")
        self.said = json.loads(line)
        self._control = socket.create_connection(("127.0.0.1", self.said["control"]))
        self._lines = self._control.makefile("r")

    def __getattr__(self, name):
        if name in self.__dict__.get("said", ()):
            return self.said[name]
        if name.startswith("_") or name == "said":
            raise AttributeError(name)
        return lambda **how: self.do(name, **how)

    def do(self, name, **how):
        self._control.settimeout(ORDER_SECONDS)
        self._control.sendall(json.dumps({"do": name, **how}).encode() + b"\n")
        reply = json.loads(self._lines.readline())
        if not reply["ok"]:
            raise RuntimeError(f"pocket Atlas refused {name}: {reply['error']}")
        return reply["said"]

    def srv_uri(self, password=None, **options):
        """The mongodb+srv:// string, which a resolver at `dns` understands."""
        login = f"{self.user}:{urllib.parse.quote(password or self.password, safe='')}"
        return f"mongodb+srv://{login}@{self.name}/{_query(options)}"

    def direct_uri(self, **options):
        """A mongodb:// string of IP addresses, for drivers that know no `.test` names."""
        return self.said["direct_uri"] + _query(options).replace("?", "&", 1)

    def primary_uri(self, **options):
        """The same for the node that is primary now, and no other."""
        node = self.nodes[self.status()["primary"]]
        every, one = (",".join(f"{n['address']}:{n['port']}" for n in nodes)
                      for nodes in (self.nodes, [node]))
        return self.direct_uri(**options).replace(every, one)

    def stop(self):
        self._control.close()
        self.process.terminate()
        status = self.process.wait(STOP_SECONDS)
        self.process.stdout.close()
        assert status == 0, f"pocket Atlas ended with status {status}"


def _query(options):
    return "?" + urllib.parse.urlencode(options) if options else ""
