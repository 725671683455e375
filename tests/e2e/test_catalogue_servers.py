"""The catalogue's rows about logins, limits and topology: what servers say, scripted, and what the doctor
makes of it."""
import datetime

import pytest

import wreck
from wreck import SET, World, deaf, papers, refusal  # noqa: F401 (a fixture)

BAD_AUTH = refusal(8000, "AtlasError", "bad auth : authentication failed")
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def world(papers):
    one = World(papers, net=23)
    yield one
    one.close()


# --- AUTH-*: what a login is answered

@pytest.mark.parametrize("name, layer, reply", [
    ("AUTH-01", "login", BAD_AUTH),
    ("AUTH-01", "login", refusal(18, "AuthenticationFailed", "Authentication failed.")),
    ("AUTH-01", "login", refusal(11, "UserNotFound", "Could not find user app@admin")),
    ("AUTH-03", "login", refusal(334, "MechanismUnavailable",
                                 "Received authentication for mechanism SCRAM-SHA-256 which is not "
                                 "enabled")),
    ("AUTH-06", "login", refusal(214, "AuthenticationRestrictionUnmet",
                                 "authentication restrictions unmet")),
    ("LIM-05", "overload", refusal(462, "IngressRequestRateLimitExceeded",
                                   "Rate limiter 'ingressRequestRateLimiter' rate exceeded")),
], ids=lambda value: value if isinstance(value, str) else None)
def test_logins(world, name, layer, reply):
    world.all(says={"saslStart": reply})
    for node in world.nodes:
        node.says["hello"] = lambda command, node=node: node.hello(
            saslSupportedMechs=["SCRAM-SHA-1", "SCRAM-SHA-256"])
    world.open()
    status = 1 if name == "LIM-05" else 2
    world.finds(name, layer, uri=world.srv_uri(user="app"), status=status)


def test_another_database(world):
    """AUTH-02: the string names a database that knows no such user."""
    world.all(says={"saslStart": BAD_AUTH})
    world.open()
    world.finds("AUTH-02", "login", uri=world.srv_uri(user="app", options="?authSource=shop"))


def test_the_database_of_the_path(world):
    """URI-09: nobody said where the user lives, so the path's database was asked."""
    world.all(says={"saslStart": BAD_AUTH})
    world.put_names([f"node{i}.pocket.test" for i in range(3)])
    world.open()
    uri = world.hosts_uri(user="app").replace("/?", "/shop?")
    world.finds("URI-09", "connection string", uri=uri)


def test_a_client_certificate_that_nobody_knows(world):
    """AUTH-04: its subject is no user."""
    world.all(says={"authenticate": refusal(18, "AuthenticationFailed", "bad auth"),
                    "saslStart": BAD_AUTH})
    world.config["--tls.certificateKeyFile"] = world.papers.client
    world.open()
    world.finds("AUTH-04", "login", uri=world.srv_uri(options="?authMechanism=MONGODB-X509"))


# --- AUTH-08, LIM-*: what a command is answered

@pytest.mark.parametrize("name, layer, reply", [
    ("AUTH-08", "permissions", refusal(13, "Unauthorized", "not authorized on admin to execute "
                                       "command { ping: 1 }")),
    ("AUTH-08", "permissions", refusal(8000, "AtlasError", "command ping is not allowed in this "
                                       "Atlas tier")),
    ("LIM-05", "overload", refusal(463, "IngressOperationRateLimitExceeded", "Request rejected: "
                                   "ingress operation rate limit exceeded")),
    ("LIM-07", "limits", refusal(8000, "AtlasError", "you are over your space quota, using 512 MB of "
                                 "512 MB")),
], ids=lambda value: value if isinstance(value, str) else None)
def test_commands(world, name, layer, reply):
    world.all(says={"ping": reply})
    world.open()
    world.finds(name, layer, status=1)


def load(current, available):
    return {"ok": 1.0, "connections": {"current": current, "available": available}}


@pytest.mark.parametrize("name, current, available", [
    ("LIM-01", 1495, 5), ("LIM-03", 495, 5)])
def test_a_node_that_is_full(world, name, current, available):
    world.nodes[1].says["serverStatus"] = load(current, available)
    world.open()
    said = world.finds(name, "limits", status=1)
    assert str(current + available) in said.finding(name)["evidence"]["limit"]


@pytest.mark.parametrize("name, flags", [
    ("LIM-01", ["--tier", "M10", "--replicas", "40", "--pool.maxPoolSize=100",
                "--pool.connectsPerSecond=0"]),
    ("LIM-02", ["--tier", "M10", "--replicas", "20"]),
    (None, ["--tier", "M30", "--replicas", "20"])])
def test_a_deployment_that_is_too_large(world, name, flags):
    """LIM-01, LIM-02: the doctor does the sum as well."""
    world.open()
    if name is not None:
        world.finds(name, "limits", *flags, status=1)
    else:
        assert world.doctor("--json", *flags).ids() == []


def test_room_enough(world):
    world.all(says={"serverStatus": load(120, 1380)})
    world.open()
    assert world.doctor("--json").ids() == []


def test_the_shared_tier_slows_down(world):
    """LIM-06: hello comes at once, a command a second later."""
    import time

    def slowly(_command):
        time.sleep(1.2)
        return {"ok": 1.0}

    world.all(says={"ping": slowly})
    world.open()
    world.finds("LIM-06", "limits", status=1)


# --- TOPO-*

def without_primary(node, **changes):
    return lambda _command: node.hello(ismaster=False, isWritablePrimary=False, secondary=True,
                                       primary=None, electionId=None, **changes)


def test_an_election(world):
    """TOPO-01"""
    for node in world.nodes:
        node.says["hello"] = without_primary(node)
    world.open()
    world.finds("TOPO-01", "topology", status=1)


def test_no_primary_for_long(world):
    """TOPO-02: the last write that anybody saw is an hour old."""
    old = datetime.datetime.now(datetime.timezone.utc) - HOUR
    for node in world.nodes:
        node.says["hello"] = without_primary(node, lastWrite={"lastWriteDate": old})
    world.open()
    world.finds("TOPO-02", "topology")


def test_the_primary_alone_cannot_be_reached(world):
    """TCP-04: a firewall lets us to two of three, and the third is what counts."""
    world.nodes[0].close()
    with deaf(world.nodes[0].address, world.nodes[0].port):
        world.open(numbers=[1, 2])
        world.finds("TCP-04", "network")


def test_another_set(world):
    """TOPO-03: the TXT record names it otherwise."""
    world.put_names(txt="authSource=admin&replicaSet=atlas-other-shard-0")
    world.open()
    world.finds("TOPO-03", "topology")


def test_another_set_by_the_string(world):
    """URI-10"""
    world.open()
    world.finds("URI-10", "connection string", uri=world.srv_uri(options="?replicaSet=mine"))


def test_names_of_the_inside(world):
    """TOPO-04: the set's members are called by names that are not known here."""
    inside = [f"ip-10-0-0-{i}.ec2.internal:27017" for i in range(3)]
    for node in world.nodes:
        node.says["hello"] = lambda _command, node=node: node.hello(
            hosts=inside, me=inside[node.number], primary=inside[0])
    world.open()
    world.finds("TOPO-04", "topology")


def test_a_cluster_that_is_being_built(world):
    """TOPO-05: TLS stands, and the server hangs up on hello."""
    world.all(says={"hello": None})
    world.open()
    world.finds("TOPO-05", "topology")


def test_machines_that_are_no_longer_of_the_set(world):
    """TOPO-06: the string lists a host that the set has not, and not one that it has."""
    gone = f"old-shard-00-02.{wreck.DOMAIN}"
    world.zone[(gone, "A")] = [wreck.dnslib.A("127.0.23.99")]
    world.open()
    listed = [*world.names_of_nodes()[:2], f"{gone}:{world.nodes[2].port}"]
    said = world.doctor("--json", uri=f"mongodb://{','.join(listed)}/?tls=true")
    assert said.finding("TOPO-06")["evidence"]["host"] == listed[2]
    assert said.ids()[0] == "TCP-02" and said.status == 1


def test_load_balancer_wanted_and_none_there(world):
    """TOPO-07"""
    world.zone[(f"_mongodb._tcp.{wreck.CLUSTER}", "SRV")] = \
        world.zone[(f"_mongodb._tcp.{wreck.CLUSTER}", "SRV")][:1]
    world.zone[(wreck.CLUSTER, "TXT")] = [wreck.dnslib.TXT("authSource=admin&loadBalanced=true")]
    world.open()
    world.finds("TOPO-07", "topology")


def test_a_server_that_is_too_old(world):
    """TOPO-09"""
    for node in world.nodes:
        node.says["hello"] = lambda _command, node=node: node.hello(maxWireVersion=3)
    world.open()
    world.finds("TOPO-09", "topology")


def test_plain_bytes_to_atlas(world):
    """URI-11: the string switches TLS off."""
    world.open()
    world.finds("URI-11", "connection string", uri=world.srv_uri(options="?tls=false"))


def test_a_healthy_world_has_no_finding(world):
    world.open()
    said = world.doctor("--json")
    assert (said.status, said.ids()) == (0, []), said.out
    assert SET in said.out
