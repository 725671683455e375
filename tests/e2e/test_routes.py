"""Every request reaches a server that may answer it: cursors, transactions, secondary reads; and
every way to log in. Pocket Atlas refuses what came to the wrong node."""
import uuid

import bson
import pymongo
import pymongo.errors
import pytest
from pymongo.read_preferences import Nearest, Secondary, SecondaryPreferred


def fresh(client, **options):
    return client[f"t{uuid.uuid4().hex[:10]}"].get_collection("things", **options)


def reads_by_node(atlas, command="find"):
    """How many such commands each node has had; the primary first."""
    primary = atlas.status()["primary"]
    counted = [node["commands"].get(command, 0) for node in atlas.counters()]
    return [counted[primary]] + counted[:primary] + counted[primary + 1:]


def test_a_cursor_is_read_on_over_other_sockets(start):
    proxy = start()
    with proxy.client() as client:
        things = fresh(client)
        things.insert_many([{"_id": i} for i in range(100)])
        reply = things.database.command("find", "things", batchSize=10, sort={"_id": 1})
    seen = [d["_id"] for d in reply["cursor"]["firstBatch"]]
    cursor = reply["cursor"]["id"]
    name = things.database.name
    while cursor:
        with proxy.client() as other:  # another socket each time
            reply = other[name].command("getMore", bson.Int64(cursor), collection="things",
                                        batchSize=10)
        seen += [d["_id"] for d in reply["cursor"]["nextBatch"]]
        cursor = reply["cursor"]["id"]
    assert seen == list(range(100))


def test_a_killed_cursor_is_unknown_afterwards(start):
    with start().client() as client:
        things = fresh(client, read_preference=Secondary())
        things.with_options(read_preference=pymongo.ReadPreference.PRIMARY).insert_many(
            [{"_id": i} for i in range(10)])
        reply = things.database.command("find", "things", batchSize=2,
                                        read_preference=Secondary())
        cursor = reply["cursor"]["id"]
        said = things.database.command("killCursors", "things", cursors=[bson.Int64(cursor)])
        assert said["cursorsKilled"] == [cursor]
        with pytest.raises(pymongo.errors.OperationFailure) as caught:
            things.database.command("getMore", bson.Int64(cursor), collection="things")
        assert caught.value.code == 43


@pytest.mark.parametrize("preference, to_primary, to_secondaries", [
    (pymongo.ReadPreference.PRIMARY, True, False), (Secondary(), False, True),
    (SecondaryPreferred(), False, True),
    (Secondary(tag_sets=[{"node": "2"}]), False, True)], ids=lambda v: getattr(v, "name", v))
def test_reads_go_where_the_read_preference_says(start, atlas, preference, to_primary,
                                                 to_secondaries):
    atlas.step_down(seconds=0)
    while atlas.status()["primary"] == 2:  # the tagged node must be a secondary
        atlas.step_down(seconds=0)
    with start().client() as client:
        things = fresh(client)
        things.insert_one({"_id": 1})
        atlas.counters(reset=True)
        reading = things.with_options(read_preference=preference)
        for _ in range(20):
            assert reading.find_one() == {"_id": 1}
        counted = reads_by_node(atlas)
        assert (counted[0] > 0, sum(counted[1:]) > 0) == (to_primary, to_secondaries)
        if getattr(preference, "tag_sets", [{}]) != [{}]:
            assert atlas.counters()[2]["commands"]["find"] == 20


def test_nearest_avoids_a_slow_node(start, atlas):
    atlas.slow(node="primary", seconds=0.15)
    with start("--upstream.heartbeatFrequencyMS=500").client() as client:
        things = fresh(client)
        things.insert_one({"_id": 1})
        atlas.counters(reset=True)
        reading = things.with_options(read_preference=Nearest())
        for _ in range(20):
            reading.find_one()
        assert reads_by_node(atlas)[0] <= 2


def test_writes_and_out_succeed_whatever_the_read_preference(start):
    with start().client(readPreference="secondary") as client:
        things = fresh(client)
        things.insert_many([{"_id": i} for i in range(5)])
        list(things.aggregate([{"$match": {}}, {"$out": "copied"}]))
        assert things.database.copied.count_documents({}) == 5
        things.create_index("n")


def test_a_transaction_is_carried_by_any_pooled_connection(start):
    with start("--pool.maxPoolSize=4", "--pool.minPoolSize=4").client() as client:
        things = fresh(client)
        things.insert_one({"_id": -1})
        with client.start_session() as session, session.start_transaction():
            for number in range(20):
                things.insert_one({"_id": number}, session=session)
                things.find_one({"_id": -1})  # another connection in between
        assert things.count_documents({}) == 21


def test_scram_sha_1(start, atlas):
    with start(uri=atlas.old_user_srv_uri).client() as client:
        assert client.admin.command("ping")["ok"] == 1


def test_x509(start, atlas):
    flag = f"--tls.certificateKeyFile={atlas.client_certificate}"
    with start(flag, uri=atlas.x509_srv_uri).client() as client:
        fresh(client).insert_one({})
    assert max(node["logins"] for node in atlas.counters()) > 0


def test_credentials_that_are_withdrawn_are_told(start, atlas):
    atlas.forget_credentials()
    with start().client() as client:
        with pytest.raises(pymongo.errors.OperationFailure) as caught:
            client.test.things.find_one()
    assert caught.value.code == 18


def test_a_direct_connection_reads_from_whatever_member_it_is(start, atlas):
    every = ",".join(f"{n['address']}:{n['port']}" for n in atlas.nodes)
    with start().client() as client:
        things = fresh(client)
        things.insert_one({"_id": 1})
    for node in atlas.nodes:
        uri = atlas.direct_uri(directConnection="true").replace(
            every, f"{node['address']}:{node['port']}")
        with start(uri=uri).client() as client:
            reading = client[things.database.name].things
            assert reading.find_one() == {"_id": 1}
            assert reading.count_documents({}) == 1
            assert [d["_id"] for d in reading.aggregate([{"$match": {}}])] == [1]
