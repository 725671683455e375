"""What applications may say in their URI: replicaSet= with listen.presentation, and
loadBalanced=true."""
import subprocess
import urllib.parse

import pymongo
import pymongo.errors
import pytest

import clients_run
from atlas import Atlas
from atlas.deployment import SET_NAME
from conftest import MOORING, Mooring

AS_SET = "--listen.presentation=replicaSet"
client = pytest.mark.parametrize("client", clients_run.ALL, ids=lambda c: c.name)


@pytest.fixture
def direct(atlas):
    return atlas.direct_uri()


@client
def test_every_client_as_of_a_replica_set(client, start, direct):
    mooring = start(AS_SET)
    clients_run.check(client, mooring.uri(replicaSet=SET_NAME), "operations", direct=direct)


def test_one_primary_and_nothing_else(start):
    mooring = start(AS_SET)
    with mooring.client(replicaSet=SET_NAME) as client:
        assert client.admin.command("hello")["setName"] == SET_NAME
        assert client.primary == ("127.0.0.1", mooring.port)
        assert client.nodes == {client.primary} and not client.secondaries
        assert client.topology_description.topology_type_name == "ReplicaSetWithPrimary"


@pytest.mark.parametrize("mode", ["primaryPreferred", "secondaryPreferred", "nearest"])
def test_reads_that_may_go_elsewhere(mode, start):
    with start(AS_SET).client(replicaSet=SET_NAME, readPreference=mode) as client:
        client.shop.things.insert_one({"mode": mode})
        assert client.shop.things.estimated_document_count() > 0


def test_a_name_of_ones_own_and_a_host(start):
    """The seed is replaced by what hello says: localhost resolves to where we listen, too."""
    mooring = start(AS_SET, "--listen.replicaSet=rs0", "--listen.advertisedHost=localhost")
    with mooring.client(replicaSet="rs0") as client:
        client.shop.things.insert_one({})
        assert client.primary == ("localhost", mooring.port)
    with mooring.client(replicaSet="other", serverSelectionTimeoutMS=1000) as client:
        with pytest.raises(pymongo.errors.ServerSelectionTimeoutError):
            client.admin.command("ping")


def test_by_localhost_in_the_uri(start):
    mooring = start(AS_SET)
    uri = f"mongodb://localhost:{mooring.port}/?replicaSet={SET_NAME}"
    with pymongo.MongoClient(uri, serverSelectionTimeoutMS=10000) as client:
        client.shop.things.insert_one({})
        assert client.primary == ("127.0.0.1", mooring.port)


def test_by_a_unix_socket(start, tmp_path):
    path = tmp_path / "mooring.sock"
    start(AS_SET, f"--listen.unixSocket={path}")
    uri = f"mongodb://{urllib.parse.quote(str(path), safe='')}/?replicaSet={SET_NAME}"
    with pymongo.MongoClient(uri, serverSelectionTimeoutMS=10000) as client:
        client.shop.things.insert_one({})
        assert client.primary[0] == str(path)


def test_it_outlives_an_election(start, atlas):
    mooring = start(AS_SET)
    with mooring.client(replicaSet=SET_NAME, retryWrites=True) as client:
        client.shop.things.insert_one({})
        atlas.step_down(seconds=0.5)
        client.shop.things.insert_one({})
        assert client.primary == ("127.0.0.1", mooring.port)


def test_a_mongos_is_none_for_who_wants_a_set(start):
    """Nothing on the wire shows it to the proxy: the driver's own error is what there is."""
    with start().client(replicaSet=SET_NAME, serverSelectionTimeoutMS=1000) as client:
        with pytest.raises(pymongo.errors.ServerSelectionTimeoutError):
            client.admin.command("ping")


def test_the_app_starts_before_the_name_is_known(start, atlas, tmp_path):
    """Remembered on disk; without that, the member is not ready, and is waited for."""
    kept = tmp_path / "hello"
    atlas.kill()
    mooring = start(AS_SET, f"--listen.lastHelloFile={kept}", uri=without_name(atlas))
    with mooring.client(replicaSet=SET_NAME) as client:
        said = client.topology_description
        assert not said.has_writable_server()
        atlas.restart()
        client.shop.things.insert_one({})
        assert client.primary == ("127.0.0.1", mooring.port)
    assert "listen.presentation: the name of the replica set is not known" in mooring.said()
    atlas.kill()
    second = start(AS_SET, f"--listen.lastHelloFile={kept}", uri=without_name(atlas))
    with second.client(replicaSet=SET_NAME, directConnection=True) as client:
        assert client.admin.command("hello")["setName"] == SET_NAME
    atlas.restart()


@pytest.mark.parametrize("kind, said", [("standalone", "has no retryable writes"),
                                        ("mongos", "set listen.replicaSet")])
def test_a_cluster_that_is_no_replica_set(kind, said, tmp_path):
    """Shown as what it is; `check --connect` and the log say so."""
    atlas = Atlas(kind)
    flags = (AS_SET, f"--tls.caFile={atlas.ca}", f"--dns.resolvers={atlas.dns}")
    try:
        done = subprocess.run([MOORING, "check", "--connect", atlas.srv_uri(), *flags], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        assert done.returncode == 1 and said in done.stderr
        mooring = Mooring(tmp_path, atlas.srv_uri(), *flags)
        with mooring.client() as client:
            assert "setName" not in client.admin.command("hello")
            client.shop.things.find_one({})
        assert said in mooring.said()
        mooring.stop()
    finally:
        atlas.stop()


def test_a_name_for_a_sharded_cluster(tmp_path):
    atlas = Atlas("mongos")
    try:
        mooring = Mooring(tmp_path, atlas.srv_uri(), AS_SET, "--listen.replicaSet=rs0",
                          f"--tls.caFile={atlas.ca}", f"--dns.resolvers={atlas.dns}")
        with mooring.client(replicaSet="rs0") as client:
            things = client.shop.sharded
            with client.start_session() as session, session.start_transaction():
                things.insert_one({}, session=session)
            assert things.count_documents({}) == 1
        mooring.stop()
    finally:
        atlas.stop()


def without_name(atlas):
    """No TXT record and no replicaSet=: the servers alone know the name."""
    return atlas.direct_uri().replace(f"&replicaSet={SET_NAME}", "")


@pytest.mark.parametrize("client", [c for c in clients_run.ALL if c.name == "node"],
                         ids=lambda c: c.name)
def test_a_client_in_load_balanced_mode(client, start, direct):
    clients_run.check(client, start().uri(loadBalanced="true"), "operations", direct=direct)


@pytest.mark.parametrize("presentation", ["mongos", "replicaSet"])
def test_load_balanced_mode_of_pymongo(presentation, start):
    """No monitor; cursors and transactions stay on the socket on which they began."""
    mooring = start(f"--listen.presentation={presentation}")
    with mooring.client(loadBalanced=True) as client:
        things = client.shop.balanced
        things.drop()
        things.insert_many([{"_id": i} for i in range(300)])
        assert client.topology_description.topology_type_name == "LoadBalanced"
        assert len(list(things.find(batch_size=50))) == 300
        with client.start_session() as session, session.start_transaction():
            things.insert_one({"_id": "in"}, session=session)
            assert things.count_documents({}, session=session) == 301
        assert things.count_documents({}) == 301
        with things.watch(max_await_time_ms=500) as stream:
            things.insert_one({"_id": "seen"})
            assert stream.next()["documentKey"] == {"_id": "seen"}
