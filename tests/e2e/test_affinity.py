"""Follow-ups reach the node that knows them, however alike two nodes' cursors are. Pocket Atlas deals
the same cursor ids at every node on purpose."""
import threading
import time
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


# --- killCursors, and cursors that nobody knows

def test_one_kill_cursors_for_several_nodes(start, atlas):
    secondary = a_secondary(atlas)
    with start().client() as client:
        things = filled(client)
        with client.start_session() as one, client.start_session() as other:
            here = [open_cursor(things, PRIMARY, one)[0] for _ in range(3)]
            there = [open_cursor(things, secondary, other)[0] for _ in range(3)]
            while set(here) & set(there):  # one command cannot mean two cursors by one id
                things.database.command("killCursors", "things", session=other,
                                        cursors=[bson.Int64(i) for i in there])
                there = [open_cursor(things, secondary, other)[0] for _ in range(3)]
            asked = [*here, 99, *there]
            said = things.database.command("killCursors", "things",
                                           cursors=[bson.Int64(i) for i in asked], session=one)
            assert sorted(said["cursorsKilled"]) == sorted(here + there)
            assert said["cursorsNotFound"] == [99]
            assert said["cursorsAlive"] == said["cursorsUnknown"] == []
            for cursor in here + there:
                with pytest.raises(pymongo.errors.OperationFailure) as caught:
                    more(things, cursor, one)
                assert caught.value.code == 43


def test_kill_cursors_does_not_wait_for_a_node_that_is_down(start, atlas):
    secondary = a_secondary(atlas)
    with start().client() as client:
        things = filled(client)
        with client.start_session() as one, client.start_session() as other:
            here, there = (open_cursor(things, PRIMARY, one)[0],
                           open_cursor(things, secondary, other)[0])
            while here == there:
                here = open_cursor(things, PRIMARY, one)[0]
            atlas.kill(node=int(secondary.tag_sets[0]["node"]))
            time.sleep(1)  # until it is noticed
            began = time.monotonic()
            said = things.database.command("killCursors", "things",
                                           cursors=[bson.Int64(here), bson.Int64(there)])
            assert (said["cursorsKilled"], said["cursorsAlive"]) == ([here], [there])
            assert time.monotonic() - began < 3


def test_a_cursor_outlives_the_proxy(start, atlas):
    """Killed and started again in between, it does not know any cursor: they are looked for."""
    secondary = a_secondary(atlas)
    first = start()
    with first.client() as client:
        things = filled(client)
        name = things.database.name
        primary_cursor = things.database.command("find", "things", batchSize=5, sort={"_id": 1})
        secondary_cursor = things.database.command("find", "things", batchSize=5, sort={"_id": 1},
                                                   read_preference=secondary)
        cursors = {c["cursor"]["id"]: [d["_id"] for d in c["cursor"]["firstBatch"]]
                   for c in (primary_cursor, secondary_cursor)}
        first.process.kill()
        first.process.wait()
        first.process.returncode = 0  # as wished
    first.stop = lambda: None
    with start().client() as client:
        database = client[name]
        for cursor in list(cursors):
            left = cursor
            while left:
                reply = database.command("getMore", bson.Int64(left), collection="things")
                cursors[cursor] += [d["_id"] for d in reply["cursor"]["nextBatch"]]
                left = reply["cursor"]["id"]
        with pytest.raises(pymongo.errors.OperationFailure) as caught:
            database.command("getMore", bson.Int64(12345), collection="things")
        assert caught.value.code == 43 and not str(caught.value).startswith("mooring")
    assert all(seen == list(range(100)) for seen in cursors.values())


def test_a_large_first_batch_is_known_before_its_last_byte(start, atlas):
    """As soon as one socket has all of it, another one goes on, at the right node."""
    secondary = a_secondary(atlas)
    with start().client() as client, start().client() as _:
        things = filled(client, 1)
        things.insert_many([{"_id": i, "text": "x" * 3000} for i in range(1, 200)])
        reading = things.with_options(read_preference=secondary)
        for _ in range(20):
            reply = reading.database.command("find", "things", batchSize=100, sort={"_id": 1},
                                             read_preference=secondary)
            assert len(bson.encode(reply)) > 256 * 1024
            rest = []

            def go_on():
                rest.append(things.database.command("getMore", bson.Int64(reply["cursor"]["id"]),
                                                    collection="things"))

            other = threading.Thread(target=go_on)
            other.start()
            other.join()
            assert len(rest[0]["cursor"]["nextBatch"]) == 100


# --- other replies with a cursor

def test_cursors_of_every_command_that_gives_one(start, atlas):
    secondary = a_secondary(atlas)
    with start().client() as client:
        things = filled(client, 30)
        database = things.database
        for number in range(8):
            database.create_collection(f"c{number}")
            things.create_index(f"field{number}")
        asked = [("aggregate", {"aggregate": "things", "pipeline": [], "cursor": {"batchSize": 3}}),
                 ("listCollections", {"listCollections": 1, "cursor": {"batchSize": 2}}),
                 ("listIndexes", {"listIndexes": "things", "cursor": {"batchSize": 2}})]
        for name, command in asked:
            reply = database.command(command, read_preference=secondary)["cursor"]
            count, rounds = len(reply["firstBatch"]), 0
            while reply["id"]:
                namespace = reply["ns"].partition(".")[2]
                reply = database.command("getMore", bson.Int64(reply["id"]),
                                         collection=namespace)["cursor"]
                count, rounds = count + len(reply["nextBatch"]), rounds + 1
            assert count >= 9, name


# --- by what they are

def commands_at(atlas, client, command, preference, times=6):
    """How many of them the primary and the others have had."""
    atlas.counters(reset=True)
    for _ in range(times):
        client.test.command(command, read_preference=preference)
    asked = counted(atlas, next(iter(command)))
    primary = asked.pop(atlas.status()["primary"])
    return primary, sum(asked)


@pytest.mark.parametrize("command, to_primary", [
    ({"explain": {"find": "things"}}, False), ({"explain": {"update": "things", "updates": []}}, True),
    ({"count": "things"}, False), ({"dbStats": 1}, False), ({"listCollections": 1}, False),
    ({"find": "things", "readConcern": {"level": "linearizable"}}, True),
    ({"serverStatus": 1}, False)], ids=lambda v: "-".join(v) if isinstance(v, dict) else None)
def test_a_secondary_read_preference_counts_where_it_can(start, atlas, command, to_primary):
    with start().client() as client:
        client.test.things.insert_one({})
        atlas.counters(reset=True)
        for _ in range(6):
            try:
                client.test.command(dict(command), read_preference=Secondary())
            except pymongo.errors.OperationFailure as wrong:
                assert wrong.code not in (10107, 13435), wrong  # what the database cannot, is its own
        asked = counted(atlas, next(iter(command)))
        primary = asked.pop(atlas.status()["primary"])
        assert (primary, sum(asked)) == ((6, 0) if to_primary else (0, 6))


@pytest.mark.parametrize("stage", [{"$out": "copied"},
                                   {"$merge": {"into": "copied"}}], ids=["out", "merge"])
def test_out_and_merge_by_a_secondary(start, atlas, stage):
    with start().client() as client:
        things = filled(client, 7)
        atlas.counters(reset=True)
        list(things.with_options(read_preference=Secondary()).aggregate([{"$match": {}}, stage]))
        asked = counted(atlas, "aggregate")
        assert asked[atlas.status()["primary"]] == 0 and sum(asked) == 1
        assert things.database.copied.count_documents({}) == 7


# --- transactions

def test_transactions_interleaved_with_all_else(start):
    """Statements of several transactions, and others in between, over few pooled connections."""
    with start("--pool.maxPoolSize=3").client() as client:
        things = filled(client, 1)
        sessions = [client.start_session() for _ in range(3)]
        for session in sessions:
            session.start_transaction()
        for number in range(10):
            for i, session in enumerate(sessions):
                things.insert_one({"_id": f"{i}-{number}"}, session=session)
                assert things.find_one({"_id": f"{i}-{number}"}) is None
                assert things.find_one({"_id": f"{i}-{number}"}, session=session)
        sessions[0].commit_transaction()
        sessions[1].abort_transaction()
        sessions[2].commit_transaction()
        for session in sessions:
            session.end_session()
        assert things.count_documents({}) == 21
