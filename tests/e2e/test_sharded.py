"""Before several mongoses: each knows its own cursors and transactions, and chooses shards itself."""
import uuid

import bson
import pymongo
import pytest
from pymongo.read_preferences import Nearest, SecondaryPreferred

from atlas import Atlas
from conftest import Mooring
from raw import Raw, Transaction


@pytest.fixture(scope="module")
def sharded():
    atlas = Atlas("mongos")
    yield atlas
    atlas.stop()


@pytest.fixture
def proxy(sharded, tmp_path):
    mooring = Mooring(tmp_path, sharded.srv_uri(), f"--tls.caFile={sharded.ca}",
                      f"--dns.resolvers={sharded.dns}",
                      "--upstream.localThresholdMS=10000")  # a busy machine makes one look far
    yield mooring
    mooring.stop()


@pytest.fixture
def database(proxy):
    name = f"t{uuid.uuid4().hex[:10]}"
    with proxy.client() as client:
        client[name].things.insert_many([{"_id": i} for i in range(100)])
    return name


def commands(sharded, name):
    return [node["commands"].get(name, 0) for node in sharded.counters()]


def test_new_work_goes_to_every_mongos(sharded, proxy, database):
    sharded.counters(reset=True)
    with proxy.client() as client:
        for _ in range(40):
            client[database].things.find_one()
    assert min(commands(sharded, "find")) > 0


def test_cursors_are_read_on_at_their_mongos(proxy, database):
    raws = [Raw("127.0.0.1", proxy.port) for _ in range(3)]
    for begin in range(12):  # some at each mongos
        reply = raws[begin % 3].command({"find": "things", "batchSize": 30, "$db": database})
        seen = [d["_id"] for d in reply["cursor"]["firstBatch"]]
        while reply["cursor"]["id"]:
            begin += 1
            reply = raws[begin % 3].command({
                "getMore": bson.Int64(reply["cursor"]["id"]), "collection": "things",
                "batchSize": 30, "$db": database})
            assert reply["ok"] == 1, reply
            seen += [d["_id"] for d in reply["cursor"]["nextBatch"]]
        assert seen == list(range(100))


def test_transactions_stay_at_their_mongos_over_other_sockets(proxy, database):
    raws = [Raw("127.0.0.1", proxy.port) for _ in range(3)]
    transactions = [Transaction(database) for _ in range(8)]
    for number, one in enumerate(transactions):
        one.begin(raws[number % 3], {"insert": "things", "documents": [{"_id": 1000 + number}]})
    for step in range(1, 4):
        for number, one in enumerate(transactions):
            reply = one.statement(raws[(number + step) % 3], {"find": "things", "filter": {
                "_id": 1000 + number}})
            assert len(reply["cursor"]["firstBatch"]) == 1, reply
    for number, one in enumerate(transactions):
        token = one.token
        assert token is not None
        assert one.commit(raws[number % 3], recoveryToken=token)["ok"] == 1
        assert one.commit(raws[(number + 1) % 3], recoveryToken=token)["ok"] == 1
    with proxy.client() as client:
        assert client[database].things.count_documents({"_id": {"$gte": 1000}}) == 8


def test_read_preferences_reach_the_mongos_untouched(sharded, proxy, database):
    tagged = SecondaryPreferred(tag_sets=[{"region": "nowhere"}], max_staleness=120)
    sharded.counters(reset=True)
    with proxy.client() as client:
        for preference, times in ((pymongo.ReadPreference.PRIMARY, 2), (Nearest(), 3),
                                  (tagged, 4)):
            reading = client[database].get_collection("things", read_preference=preference)
            for _ in range(times):
                assert reading.find_one() is not None
    seen = [node["preferences"] for node in sharded.counters()]
    assert sum(s.get("nearest", 0) for s in seen) == 3
    assert sum(s.get("secondaryPreferred", 0) for s in seen) == 4
    assert sum(s.get("primary", 0) for s in seen) == 0
