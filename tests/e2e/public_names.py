"""Run in a network namespace of its own by test_names_public.py: the addresses of the public resolvers
stand on the loopback interface there, with servers of ours behind them. Prints one JSON line per
case: its title and what `mooring resolve` said."""
import json
import pathlib
import subprocess
import sys
import tempfile

import dnslib

from liars import Liar
from name_servers import Authority, Knot, Unbound, Zone

HOST = "cluster0.pocket.test"
V4 = ["8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9"]
V6 = ["2001:4860:4860::8888", "2606:4700:4700::1111", "2620:fe::fe"]
NAMES = ["dns.google", "one.one.one.one", "cloudflare-dns.com", "dns.quad9.net"]
ZONE = Zone({(f"_mongodb._tcp.{HOST}", "SRV"): [dnslib.SRV(0, 0, 27017, "a.pocket.test.")],
             (HOST, "TXT"): [dnslib.TXT("authSource=admin")],
             ("a.pocket.test", "A"): [dnslib.A("127.0.0.2")]})


def resolve(mooring, *flags):
    done = subprocess.run([mooring, "resolve", f"mongodb+srv://{HOST}/", "--json",
                           "--dns.resolvers=127.0.0.1:9", "--dns.lastGoodFile=off", *flags],
                          capture_output=True, text=True, timeout=30)
    return {"asked": json.loads(done.stdout)["asked"], "status": done.returncode,
            "error": done.stderr}


def tell(title, said, public):
    """`public`: how many questions have come to the public plain ones."""
    print(json.dumps({"title": title, "public": public, **said}), flush=True)


def show(folder, mooring):
    authority = Authority(folder)
    knot = Knot(folder / "knot", ZONE)
    servers = [knot]
    flags = (f"--dns.caFile={authority.file}", "--dns.fallback=auto")
    plain = Liar(ZONE, "truth", [*V4, *V6], port=53)
    servers.append(plain)
    try:
        for fallback in ("off", "listed"):
            listed = "--dns.fallbackResolvers=127.0.0.1:9" if fallback == "listed" else flags[0]
            said = resolve(mooring, f"--dns.fallback={fallback}", listed)
            tell(fallback, said, plain.asked)
        tell("plain", resolve(mooring, *flags), plain.asked)
        plain.lie = "silent"
        certificate = authority.issue(*NAMES)
        https = Unbound(folder / "https", knot.port, certificate, https="9.9.9.9@443")
        servers.append(https)
        tell("HTTPS", resolve(mooring, *flags), plain.asked)
        tls = Unbound(folder / "tls", knot.port, certificate, tls="1.1.1.1@853")
        servers.append(tls)
        tell("TLS", resolve(mooring, *flags), plain.asked)
    finally:
        for server in servers:
            server.stop()


def main(mooring):
    for command in (["link", "set", "lo", "up"],
                    *[["address", "add", f"{a}/32", "dev", "lo"] for a in V4],
                    *[["address", "add", f"{a}/128", "dev", "lo", "nodad"] for a in V6]):
        subprocess.run(["ip", *command], check=True)
    with tempfile.TemporaryDirectory() as folder:
        show(pathlib.Path(folder), mooring)


main(sys.argv[1])
