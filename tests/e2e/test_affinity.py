"""Follow-ups reach the node that knows them, however alike two nodes' cursors are. Pocket Atlas deals
the same cursor ids at every node on purpose."""
import threading
import uuid

import bson
import pymongo
import pytest
from pymongo.read_preferences import Secondary

PRIMARY = pymongo.ReadPreference.PRIMARY


def filled(client, count=100, **options):
    things = client[f"t{uuid.uuid4().hex[:10]}"].get_collection("things", **options)
    things.with_options(read_preference=PRIMARY).insert_many(
        [{"_id": i} for i in range(count)])
    return things


def a_secondary(atlas):
    """A read preference that one secondary alone satisfies."""
    primary = atlas.status()["primary"]
    return Secondary(tag_sets=[{"node": str(0 if primary != 0 else 1)}])


def open_cursor(things, preference, session):
    reply = things.database.command("find", things.name, batchSize=5, sort={"_id": 1},
                                    read_preference=preference, session=session)
    return reply["cursor"]["id"], [d["_id"] for d in reply["cursor"]["firstBatch"]]


def open_alike(things, secondary, one, other):
    """Opens cursors until one at the primary and one at the secondary have the same id."""
    here, there = open_cursor(things, PRIMARY, one), open_cursor(things, secondary, other)
    while here[0] != there[0]:
        if here[0] < there[0]:
            here = open_cursor(things, PRIMARY, one)
        else:
            there = open_cursor(things, secondary, other)
    return here, there


def more(things, cursor, session):
    reply = things.database.command("getMore", bson.Int64(cursor), collection=things.name,
                                    batchSize=5, session=session)["cursor"]
    return reply["id"], [d["_id"] for d in reply["nextBatch"]]


def counted(atlas, command):
    return [node["commands"].get(command, 0) for node in atlas.counters()]


def test_one_id_at_two_nodes_is_told_apart_by_the_session(start, atlas):
    secondary = a_secondary(atlas)
    with start().client() as client:
        things = filled(client)
        with client.start_session() as one, client.start_session() as other:
            (id_here, here), (id_there, there) = open_alike(things, secondary, one, other)
            assert id_here == id_there
            atlas.counters(reset=True)
            while id_here or id_there:
                if id_here:
                    id_here, batch = more(things, id_here, one)
                    here += batch
                if id_there:
                    id_there, batch = more(things, id_there, other)
                    there += batch
            assert here == there == list(range(100))
        primary, node = atlas.status()["primary"], int(secondary.tag_sets[0]["node"])
        asked = counted(atlas, "getMore")
        assert asked[primary] > 0 and asked[primary] == asked[node]


def test_one_id_at_two_nodes_is_told_apart_by_the_namespace(start, atlas):
    secondary = a_secondary(atlas)
    with start().client() as client:
        things, others = filled(client), filled(client)
        with client.start_session() as session:
            here, there = open_cursor(things, PRIMARY, session), open_cursor(others, secondary,
                                                                             session)
            while here[0] != there[0]:
                if here[0] < there[0]:
                    here = open_cursor(things, PRIMARY, session)
                else:
                    there = open_cursor(others, secondary, session)
            for _ in range(10):
                assert more(things, here[0], session)[0] in (here[0], 0)
                assert more(others, there[0], session)[0] in (there[0], 0)


def read_all(things, seen):
    seen.append([d["_id"] for d in things.find(batch_size=7, sort=[("_id", 1)])])


def test_primary_and_secondary_cursors_at_once(start, atlas):
    with start("--pool.maxPoolSize=8").client() as client:
        things = filled(client, 200)
        seen = []
        readers = [threading.Thread(target=read_all, args=(things.with_options(
            read_preference=(PRIMARY, Secondary())[i % 2]), seen)) for i in range(12)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(60)
    assert seen == [list(range(200))] * 12


@pytest.mark.parametrize("command", ["find", "aggregate", "count", "distinct"])
def test_the_default_read_preference_sends_reads_to_secondaries(start, atlas, command):
    with start("--listen.defaultReadPreference=secondary").client() as client:
        things = filled(client, 20)
        atlas.counters(reset=True)
        for _ in range(5):
            if command == "find":
                assert len(list(things.find(batch_size=5))) == 20
            elif command == "aggregate":
                assert len(list(things.aggregate([{"$match": {}}]))) == 20
            elif command == "count":
                assert things.database.command("count", "things")["n"] == 20
            else:
                assert len(things.distinct("_id")) == 20
        asked = counted(atlas, command)
        assert asked[atlas.status()["primary"]] == 0 and sum(asked) == 5


def test_the_default_read_preference_is_not_for_transactions_and_writes(start, atlas):
    with start("--listen.defaultReadPreference=secondary").client() as client:
        things = filled(client, 5)
        with client.start_session() as session, session.start_transaction():
            things.insert_one({"_id": 5}, session=session)
            assert things.count_documents({}, session=session) == 6
        list(things.aggregate([{"$match": {}}, {"$out": "copied"}]))
        atlas.counters(reset=True)
        said = things.database.command("find", "things", read_preference=PRIMARY,
                                       **{"$readPreference": {"mode": "primary"}})
        assert len(said["cursor"]["firstBatch"]) == 6
        assert counted(atlas, "find")[atlas.status()["primary"]] == 1
