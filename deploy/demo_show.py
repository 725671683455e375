"""Runs the demo: a driver that fails by itself, then the same application through Mooring."""
import argparse
import json
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

import dns.resolver
import dnslib
import dnslib.server
import pymongo
import pymongo.errors

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from atlas import Atlas  # noqa: E402  (found by the line above)

MOORING = ROOT / "build/release/mooring"
CLIENTS, CAP, SECONDS, STEP_DOWN_AFTER = 200, 10, 8, 3
USUAL_PORT = 27017


def say(text=""):
    print(text, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listening_port():
    """The usual port when nobody has it."""
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", USUAL_PORT))
            return USUAL_PORT
        except OSError:
            return free_port()


class Refusing(dnslib.server.BaseResolver):
    """A name server as a firewall or a broken router makes of it: it refuses every question."""

    def resolve(self, request, handler):
        reply = request.reply()
        reply.header.rcode = dnslib.RCODE.REFUSED
        return reply


def start_refusing_resolver():
    """Its port; it ends with the process."""
    server = dnslib.server.DNSServer(Refusing(), address="127.0.0.1", port=0,
                                     logger=dnslib.server.DNSLogger(logf=lambda text: None))
    server.start_thread()
    return server.server.server_address[1]


def show_direct_failure(atlas, refusing_port):
    """The driver by itself, on a machine whose name server refuses. Whether it failed as it should."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], refusing_port
    dns.resolver.default_resolver = resolver
    say(f"1. A driver by itself, where the system's name server (127.0.0.1:{refusing_port}) refuses:")
    try:
        with pymongo.MongoClient(atlas.srv_uri(), serverSelectionTimeoutMS=5000) as client:
            client.admin.command("ping")
    except pymongo.errors.ConfigurationError as error:
        say(f"   MongoClient('mongodb+srv://…@{atlas.name}/'):")
        say(f"   {error}")
        say("   (the driver of Node.js says querySrv EREFUSED or ECONNREFUSED)")
        return True
    say("   it connected, which it should not have")
    return False


def start_mooring(atlas, refusing_port, folder):
    port = listening_port()
    flags = [f"--listen.addresses=127.0.0.1:{port}", f"--pool.maxPoolSize={CAP}",
             "--listen.lastHelloFile=off", "--dns.fallback=off", "--dns.lastGoodFile=off",
             f"--tls.caFile={atlas.ca}",
             f"--dns.resolvers=127.0.0.1:{refusing_port},{atlas.dns}"]
    say()
    say(f"2. Mooring on 127.0.0.1:{port}, with a second resolver behind the one that refuses,")
    say(f"   and at most {CAP} connections to a node:")
    say(f"   mooring run 'mongodb+srv://…@{atlas.name}/' {' '.join(flags[1:2] + flags[-1:])}")
    with (folder / "mooring.log").open("w") as log:
        process = subprocess.Popen([MOORING, "run", atlas.srv_uri(), *flags], stdout=log, stderr=log,
                                   stdin=subprocess.DEVNULL)
    return process, port


def run_application(atlas, port):
    say()
    say(f"3. An application with {CLIENTS} clients for {SECONDS} s; the primary steps down after "
        f"{STEP_DOWN_AFTER} s:")
    app = subprocess.Popen(
        [sys.executable, ROOT / "deploy/demo_app.py", f"mongodb://127.0.0.1:{port}/",
         str(CLIENTS), str(SECONDS)], stdout=subprocess.PIPE, text=True)
    if app.stdout.readline().strip() != "ready":
        say(f"   the application ended with status {app.wait()}")
        return None
    time.sleep(STEP_DOWN_AFTER)
    atlas.step_down(seconds=1.0)
    printed = app.stdout.read()
    return json.loads(printed) if app.wait() == 0 else None


def tell(app, nodes):
    say()
    say(f"   {'what the application saw':<42}what the cluster saw")
    left = [f"{app['operations']} operations, {app['errors']} errors",
            f"{app['inserted']} inserts, {app['lost']} lost or doubled",
            f"latency: {app['median_ms']:.0f} ms median, {app['p99_ms']:.0f} ms p99",
            f"         {app['most_ms']:.0f} ms at most (the election)"]
    right = [f"node {n['node']}: at most {n['most_authenticated']} pooled connections, "
             f"{n['handshakes']} TLS handshakes" for n in nodes]
    for row in range(max(len(left), len(right))):
        cells = [column[row] if row < len(column) else "" for column in (left, right)]
        say(f"   {cells[0]:<42}{cells[1]}")
    for example in app["examples"]:
        say(f"   error: {example}")


def is_as_promised(app, nodes):
    return (app["errors"] == 0 and app["lost"] == 0 and app["operations"] > CLIENTS and
            all(n["most_authenticated"] <= CAP for n in nodes))


def stay(port):
    say()
    say(f"It stays up until Ctrl-C:  mongosh mongodb://127.0.0.1:{port}/demo")
    try:
        signal.pause()
    except KeyboardInterrupt:
        say()


def show(atlas, folder, once):
    refusing_port = start_refusing_resolver()
    failed_directly = show_direct_failure(atlas, refusing_port)
    mooring, port = start_mooring(atlas, refusing_port, folder)
    try:
        app = run_application(atlas, port)
        if app is None:
            say((folder / "mooring.log").read_text()[-2000:])
            return 1
        nodes = atlas.counters()
        tell(app, nodes)
        good = failed_directly and is_as_promised(app, nodes)
        say()
        say("As promised." if good else "NOT as promised.")
        if not once:
            stay(port)
        return 0 if good else 1
    finally:
        mooring.send_signal(signal.SIGTERM)
        mooring.wait(40)


def main():
    parser = argparse.ArgumentParser(prog="deploy/demo")
    parser.add_argument("--once", action="store_true")
    once = parser.parse_args().once
    atlas = Atlas()
    try:
        with tempfile.TemporaryDirectory() as folder:
            return show(atlas, pathlib.Path(folder), once)
    finally:
        atlas.stop()


sys.exit(main())
