"""The catalogue's rows about the network, the access list and TLS, each brought about and found: first
among the findings, in time, with its layer in the first line."""
import contextlib

import pytest

import wreck
from conftest import free_port
from wreck import World, alert, at_first, deaf, papers, refusal  # noqa: F401 (a fixture)


@pytest.fixture
def world(papers):
    one = World(papers)
    yield one
    one.close()


# --- TLS-*, ACL-*: what is seen of a handshake

@pytest.mark.parametrize("name, layer, changes", [
    ("ACL-02", "access list", {"greet": alert(80)}),
    ("ACL-02", "access list", {"greet": wreck.hang_up}),
    ("ACL-02", "access list", {"greet": wreck.hang_up_at_once}),
    ("ACL-02", "access list", {"greet": wreck.reset}),
    ("TLS-01", "TLS", {"context": "public_root"}),
    ("TLS-02", "TLS", {"context": "appliance"}),
    ("TLS-03", "TLS", {"context": "not_yet"}),
    ("TLS-03", "TLS", {"context": "expired"}),
    ("TLS-05", "TLS", {"context": "other_name"}),
    ("TLS-07", "TLS", {"context": "tls_1_1"}),
    ("TLS-07", "TLS", {"greet": alert(70)}),
    ("TLS-08", "TLS", {"context": "odd_cipher"}),
    ("TLS-08", "TLS", {"greet": alert(40)}),
    ("TLS-11", "TLS", {"greet": wreck.http}),
    ("TLS-11", "TLS", {"greet": wreck.ssh}),
    ("TCP-08", "network", {"greet": wreck.silent}),
    ("AUTH-04", "login", {"context": "wants_client"}),
], ids=lambda value: value if isinstance(value, str) else None)
def test_handshakes(world, name, layer, changes):
    world.all(**changes)
    world.open()
    world.finds(name, layer)


def test_an_expired_certificate_that_is_not_atlas(world):
    """TLS-04: no clock is to blame where certificates are not renewed for everybody."""
    hosts = [f"node{i}.pocket.test" for i in range(3)]
    world.put_names(hosts)
    world.all(context="expired")
    world.open()
    world.finds("TLS-04", "TLS", uri=world.hosts_uri())


def test_no_name_was_said(world):
    """TLS-06: what the shared tier answers to a client without SNI."""
    world.all(says={"hello": refusal(8000, "AtlasError", "no SNI name sent, make sure using a MongoDB "
                                     "3.4+ driver/shell.")})
    world.open()
    world.finds("TLS-06", "TLS")


def test_one_node_hangs_up(world):
    """TLS-10: it restarts, or is full; the others serve."""
    world.nodes[1].greet = wreck.hang_up
    world.open()
    world.finds("TLS-10", "TLS", status=1)


def test_connections_opened_too_fast(world):
    """LIM-02: the first ones are hung up on, later ones served."""
    world.all(greet=at_first(wreck.hang_up, 1))
    world.open()
    world.finds("LIM-02", "limits", status=1)


# --- TCP-*, ACL-01: what is seen of a dial

@pytest.fixture
def quiet(papers):
    """Nodes on the usual port that take no connection."""
    one = World(papers, net=21, port=27017)
    for node in one.nodes:
        node.close()
        one.stack.enter_context(deaf(node.address, 27017))
    yield one
    one.close()


def dead_port():
    """An address that refuses."""
    return "127.0.0.1:%d" % free_port()


def test_the_access_list_of_a_dedicated_cluster(quiet):
    """ACL-01: port 27017 gets out elsewhere."""
    quiet.config["--doctor.portProbe"] = "%s:%d" % quiet.free.getsockname()
    quiet.finds("ACL-01", "access list", "--portquiz")


def test_port_27017_is_blocked(quiet):
    """TCP-01: nor does it get out elsewhere."""
    with deaf("127.0.0.1") as port:
        quiet.config["--doctor.portProbe"] = f"127.0.0.1:{port}"
        quiet.finds("TCP-01", "network", "--portquiz")


def test_a_proxy_is_the_way_out(quiet):
    """TCP-09"""
    quiet.config["--doctor.controlAddresses"] = dead_port()
    quiet.finds("TCP-09", "network", environment={"HTTPS_PROXY": "http://proxy.corp.example:3128"})


def test_nothing_gets_out(quiet):
    """TCP-03: neither the nodes nor anything else can be reached."""
    quiet.config["--doctor.controlAddresses"] = dead_port()
    quiet.finds("TCP-03", "network")


def test_other_ports_are_silent(papers):
    """TCP-05: those of a private endpoint or of mongoses."""
    world = World(papers, net=22)
    with contextlib.ExitStack() as stack:
        for node in world.nodes:
            node.close()
            stack.enter_context(deaf(node.address, node.port))
        world.finds("TCP-05", "network")
    world.close()


def test_one_node_is_silent(world):
    """TCP-04"""
    world.nodes[2].close()
    with deaf(world.nodes[2].address, world.nodes[2].port):
        world.open(numbers=[0, 1])
        world.finds("TCP-04", "network", status=1)


def test_all_nodes_refuse(world):
    """TCP-02"""
    for node in world.nodes:
        node.close()
    world.finds("TCP-02", "network")


def test_servers_that_say_nothing(world):
    """TCP-07: TCP and TLS come up, and then nothing comes."""
    world.all(says={"hello": "silence"})
    world.open()
    world.finds("TCP-07", "network")
