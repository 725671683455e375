"""What tests of names share: servers that know a pocket Atlas, a proxy that asks them, and a row of the
table for each case. Fixtures are for importing."""
import time

import pymongo
import pytest

import name_servers
from conftest import Mooring
from name_servers import Knot, Unbound, Zone, write_resolv_conf


class World:
    """What is true, who says so, and what is started by a case and ended with it."""

    def __init__(self, folder, atlas):
        self.folder, self.zone = folder, Zone.of(atlas)
        self.authority = name_servers.Authority(folder)
        self.addresses = [node["address"] for node in atlas.nodes]
        self.knot = Knot(folder / "knot", self.zone)
        self.unbound = Unbound(folder / "unbound", self.knot.port, self.authority.issue())


@pytest.fixture(scope="module")
def world(whole_atlas, tmp_path_factory):
    world = World(tmp_path_factory.mktemp("names"), whole_atlas)
    yield world
    world.unbound.stop()
    world.knot.stop()


@pytest.fixture(scope="module")
def usual(world, whole_atlas, tmp_path_factory):
    """Seconds until the first reply when nothing is wrong: more on a machine that is busy."""
    took = []
    for _ in range(2):
        began = time.monotonic()
        proxy = Mooring(tmp_path_factory.mktemp("usual"), whole_atlas.srv_uri(),
                        f"--tls.caFile={whole_atlas.ca}", f"--dns.resolvers={world.unbound.plain}",
                        "--dns.lastGoodFile=off", "--listen.lastHelloFile=off")
        with proxy.client() as client:
            client.admin.command("ping")
        took.append(time.monotonic() - began)
        proxy.stop()
    return max(took)


@pytest.fixture
def begun():
    """Servers of one case; all are stopped."""
    servers = []
    yield lambda server: servers.append(server) or server
    for server in servers:
        server.stop()


@pytest.fixture
def row(record_property, request, usual):
    """row(answered, seconds, promised): a line of the table, and the promise is kept."""
    def add(answered, seconds, promised):
        title = request.node.callspec.id if hasattr(request.node, "callspec") else \
            request.node.name.removeprefix("test_").replace("_", " ")
        most = promised + 3 * usual + 0.3
        record_property("names", (title, answered, seconds, promised, most))
        assert seconds <= most, (title, answered, seconds, promised)
    return add


def source_of(proxy):
    """Who gave the records of the cluster: "system", or the text of another resolver."""
    found = [line for line in proxy.said().splitlines() if "dns.fallback_used" in line]
    return found[0].split("source=")[1].split()[0].strip('"') if found else "system"


def shown(source):
    kinds = {"system": "the system's", "tls:": "fallback over TLS", "https:": "fallback over HTTPS"}
    return kinds.get(source.partition("//")[0], "plain fallback")


class Run:
    """A proxy whose names come from `resolvers` in a file, and an application of it."""

    def __init__(self, world, start, folder, resolvers, fallback=(), *flags):
        self.file = folder / "resolv.conf"
        if resolvers is not None:
            write_resolv_conf(self.file, *resolvers)
        listed = ["--dns.fallback=listed", "--dns.fallbackResolvers=" + ",".join(fallback)]
        self.began = time.monotonic()
        self.proxy = start("--dns.resolvers=system", f"--dns.resolvConf={self.file}",
                           *([f"--dns.caFile={world.authority.file}"] if "//" in listed[1] else []),
                           *(listed if fallback else ["--dns.fallback=off"]), *flags)

    def ping(self):
        """Seconds since the start when the application had its first reply; and then it goes on."""
        with self.proxy.client() as client:
            client.admin.command("ping")
            seconds = time.monotonic() - self.began
            client.test.names.insert_one({"_id": 1})
            assert client.test.names.find_one() == {"_id": 1}
            client.test.names.drop()
        return seconds

    def fails(self):
        """The error that the application gets, and after how many seconds."""
        with self.proxy.client(retryReads=False) as client, pytest.raises(pymongo.errors.PyMongoError) as error:
            client.admin.command("ping")
        return str(error.value), time.monotonic() - self.began


@pytest.fixture
def run(world, start, tmp_path):
    return lambda *how: Run(world, start, tmp_path, *how)
