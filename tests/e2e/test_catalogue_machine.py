"""The catalogue's rows about this machine, its network and the local side: routes that lead nowhere, in a
network namespace; limits of the process; and applications that do it wrong."""
import contextlib
import socket

import pymongo
import pymongo.errors
import pytest

import wreck
from wreck import World, alert, deaf, papers  # noqa: F401 (a fixture)
from wreck_names import Network

AWAY = "203.0.113.7"  # of an example network, reached by nothing
INSIDE = "10.1.2.3"


class Place:
    """A broken cluster in a network of its own."""

    def __init__(self, papers, *orders, **how):
        self.network = Network(*orders)
        self.world = self.network.call(lambda: World(papers, **how))

    def at(self, address, hosts=wreck.HOSTS, ports=None):
        """From now on the nodes' names mean this address."""
        world = self.world
        world.put_names(hosts)
        for i, host in enumerate(hosts):
            world.zone[(host, "A")] = [wreck.dnslib.A(address)]
        if ports:
            world.zone[(f"_mongodb._tcp.{wreck.CLUSTER}", "SRV")] = [
                wreck.dnslib.SRV(0, 0, port, host + ".") for port, host in zip(ports, hosts)]

    def finds(self, *arguments, **how):
        return self.network.call(lambda: self.world.finds(*arguments, **how))

    def enter(self, context):
        return self.network.call(lambda: self.world.stack.enter_context(context))

    def close(self):
        self.network.call(self.world.close)
        self.network.close()


@pytest.fixture
def place(papers):
    made = []

    def make(*orders, **how):
        made.append(Place(papers, *orders, **how))
        return made[-1]

    yield make
    for each in made:
        each.close()


# --- routes

@pytest.mark.parametrize("kind", ["unreachable", "prohibit", None])
def test_no_route(place, kind):
    """TCP-03: no route at all, one that says so, and one that forbids it."""
    here = place(*([f"ip route add {kind} 203.0.113.0/24"] if kind else []))
    here.at(AWAY)
    here.finds("TCP-03", "network")


VETH = ("ip link add v0 type veth peer name v1", "ip link set v0 up", "ip link set v1 up")


def test_ipv6_only(place):
    """DNS-16: the nodes have IPv4 addresses, the machine has a way for IPv6 alone."""
    here = place(*VETH, "ip -6 addr add fd00::1/64 dev v0 nodad",
                 "ip -6 route add default via fd00::2 dev v0")
    here.at(AWAY)
    here.finds("DNS-16", "DNS")


def test_packets_that_are_dropped(place):
    """ACL-01, and behind it TCP-01: without a look at another host's port 27017 both are possible."""
    here = place(*VETH, "ip route add 203.0.113.0/24 dev v0",
                 f"ip neigh add {AWAY} lladdr 02:00:00:00:00:09 dev v0 nud permanent")
    here.at(AWAY, ports=[27017] * 3)
    said = here.finds("ACL-01", "access list")
    assert "TCP-01" in said.ids()


def test_a_private_address_from_outside(place):
    """DNS-15: DNS gives the address of the peered network."""
    here = place(f"ip addr add {INSIDE}/32 dev lo")
    here.at(INSIDE, ports=[27017] * 3)
    here.enter(deaf(INSIDE, 27017))
    here.finds("DNS-15", "DNS")


def test_a_private_endpoint_that_is_closed(place):
    """TOPO-08"""
    here = place(f"ip addr add {INSIDE}/32 dev lo")
    here.at(INSIDE, hosts=[f"pl-0-us-east-1.{wreck.DOMAIN}"] * 3, ports=[1024, 1025, 1026])
    for port in (1024, 1025, 1026):
        here.enter(deaf(INSIDE, port))
    here.finds("TOPO-08", "topology")


def test_local_ports_are_used_up(place):
    """LIM-09: every port of this side is taken by a connection to that very node."""
    here = place(count=1)
    world = here.world

    def use_up():
        with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as file:
            file.write("40000 40007")
        world.open()
        where = (world.nodes[0].address, world.nodes[0].port)
        with contextlib.suppress(OSError):
            for _ in range(20):
                world.stack.enter_context(socket.create_connection(where, 2))

    world.config["--listen.addresses"] = "127.0.0.1:1"  # no port is free to be found
    here.network.call(use_up)
    here.finds("LIM-09", "this machine", uri=f"mongodb://{world.names_of_nodes()[0]}/?tls=true")


# --- the process

@pytest.fixture
def world(papers):
    one = World(papers, net=24)
    yield one
    one.close()


def test_too_few_descriptors(world):
    """LIM-08"""
    world.open()
    world.finds("LIM-08", "this machine", status=1, before=["prlimit", "--nofile=60:60"])


# --- a Mooring that runs, and who comes to it

@pytest.fixture
def mooring(world, tmp_path):
    """A Mooring before the broken cluster."""
    from conftest import Mooring
    running = []

    def run(*flags):
        running.append(Mooring(tmp_path, world.srv_uri(), f"--tls.caFile={world.papers.ca}",
                               f"--dns.resolvers={world.names.at}", "--dns.fallback=off", *flags))
        world.config["--listen.addresses"] = f"127.0.0.1:{running[-1].port}"
        return running[-1]

    yield run
    for each in running:
        each.stop()


def test_old_connections_live_on(world, mooring):
    """ACL-04: the Mooring that runs keeps its connections; whoever comes anew is turned away."""
    world.open()
    with mooring().client() as client:
        assert client.admin.command("ping")["ok"] == 1
        world.all(greet=alert(80))
        said = world.finds("ACL-04", "access list", status=1)
        assert "ACL-02" not in said.ids()


def test_all_connections_are_lent(world, mooring):
    """LIM-04: the running Mooring says so to whoever waits."""
    import threading
    import time

    def slowly(_command):
        time.sleep(15)
        return {"ok": 1.0}

    world.all(says={"count": slowly})
    world.open()
    proxy = mooring("--pool.maxPoolSize=2", "--pool.waitQueueTimeoutMS=700")

    def hold():
        with contextlib.suppress(pymongo.errors.PyMongoError), proxy.client() as client:
            client.test.command("count", "things")

    with proxy.client() as client:
        client.admin.command("ping")
    for _ in range(2):
        threading.Thread(target=hold, daemon=True).start()
    time.sleep(0.5)
    world.finds("LIM-04", "limits", status=1)


@pytest.mark.parametrize("name, greeting", [
    ("LOC-07", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 32),
    ("LOC-09", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")])
def test_a_wrong_caller(world, mooring, name, greeting):
    """LOC-07, LOC-09: Mooring says so in its log, and where the protocol has an answer, there."""
    world.open()
    proxy = mooring()
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as s:
        s.sendall(greeting)
        answer = s.recv(1000)
    assert name == "LOC-07" or b"[LOC-09]" in answer
    assert f"[{name}]" in proxy.said()


def test_an_application_that_brings_a_password(world, mooring):
    """LOC-08"""
    world.open()
    with mooring().client(username="app", password="secret") as client:
        with pytest.raises(pymongo.errors.OperationFailure, match="LOC-08"):
            client.admin.command("ping")


def test_an_outage_is_told_with_its_row(world, mooring):
    """TCP-02: in the error that an application gets, and so in what the doctor says of it."""
    for node in world.nodes:
        node.close()
    with mooring("--outage.queueTimeoutMS=1000").client() as client:
        with pytest.raises(pymongo.errors.PyMongoError, match="TCP-02"):
            client.admin.command("ping")
    world.finds("TCP-02", "network")
