"""Pocket Atlas refuses what real deployments refuse: without that, wrong routing would stay green."""
import time
import uuid

import bson
import pytest

from atlas import Atlas
from raw import Raw, Transaction

ANY = {"$readPreference": {"mode": "secondaryPreferred"}}


@pytest.fixture(scope="module")
def kinds():
    """kinds(kind) is a pocket cluster of that kind; one is up at a time."""
    up = {}

    def of(kind):
        if kind not in up:
            for atlas in up.values():
                atlas.stop()
            up.clear()
            up[kind] = Atlas(kind)
        return up[kind]

    yield of
    for atlas in up.values():
        atlas.stop()


@pytest.fixture
def made(kinds, request):
    """The cluster of the kind that the test names, with 50 documents, and their database."""
    atlas = kinds(request.param)
    database = f"t{uuid.uuid4().hex[:10]}"
    first = Raw.to_node(atlas, **greeting(request.param))
    first.command({"insert": "things", "documents": [{"_id": i} for i in range(50)],
                   "$db": database})
    yield atlas, database, first
    first.close()


def of(kind):
    return pytest.mark.parametrize("made", [kind], indirect=True)


def greeting(kind):
    return {"loadBalanced": True} if kind == "balanced" else {}


def half_read(raw, database):
    """The id of a cursor with more to give."""
    reply = raw.command({"find": "things", "batchSize": 10, "$db": database})
    return bson.Int64(reply["cursor"]["id"])


def insert(number):
    return {"insert": "things", "documents": [{"_id": number}]}


def refused(reply, code, *labels):
    assert (reply["ok"], reply["code"]) == (0, code), reply
    assert sorted(reply.get("errorLabels", [])) == sorted(labels), reply


@of("replica")
def test_a_secondary_refuses_writes_and_reads_for_the_primary(made):
    atlas, database, _ = made
    secondary = Raw.to_node(atlas, (atlas.status()["primary"] + 1) % 3)
    find = {"find": "things", "$db": database}
    out = {"aggregate": "things", "pipeline": [{"$out": "copy"}], "cursor": {}, "$db": database}
    refused(secondary.command(find), 13435)
    refused(secondary.command(out), 10107)
    refused(secondary.command({**insert(100), "$db": database, **ANY}), 10107)
    assert len(secondary.command({**find, **ANY})["cursor"]["firstBatch"]) == 50
    assert secondary.command({**out, **ANY})["ok"] == 1


@of("replica")
def test_a_cursor_is_known_at_its_node_alone(made):
    atlas, database, primary = made
    cursor = half_read(primary, database)
    secondary = Raw.to_node(atlas, (atlas.status()["primary"] + 1) % 3)
    more = {"getMore": cursor, "collection": "things", "$db": database}
    refused(secondary.command({**more, **ANY}), 43)
    assert Raw.to_node(atlas, atlas.status()["primary"]).command(more)["ok"] == 1


@of("replica")
def test_a_transaction_that_nobody_began_is_unknown(made):
    _, database, primary = made
    refused(Transaction(database).statement(primary, insert(101)), 251,
            "TransientTransactionError")


@of("replica")
def test_a_secondary_that_lags_answers_a_causal_read_late(made):
    atlas, database, _ = made
    number = (atlas.status()["primary"] + 1) % 3
    secondary = Raw.to_node(atlas, number)
    find = {"find": "things", "$db": database, **ANY}
    atlas.lag(node=number, seconds=3)
    after = bson.Timestamp(int(time.time()), 1)
    began = time.monotonic()
    assert secondary.command({**find, "readConcern": {"afterClusterTime": after}})["ok"] == 1
    assert time.monotonic() - began > 1.5
    began = time.monotonic()
    assert secondary.command(find)["ok"] == 1
    assert time.monotonic() - began < 1.5
    atlas.heal()


@of("mongos")
def test_a_cursor_and_a_transaction_are_known_at_their_mongos_alone(made):
    atlas, database, one = made
    other = Raw.to_node(atlas, 1)
    cursor = half_read(one, database)
    refused(other.command({"getMore": cursor, "collection": "things", "$db": database}), 43)
    transaction = Transaction(database)
    assert "recoveryToken" in transaction.begin(one, insert(200))
    refused(transaction.statement(other, insert(201)), 251, "TransientTransactionError")
    assert transaction.statement(Raw.to_node(atlas, 0), insert(202))["ok"] == 1
    refused(transaction.commit(other), 251, "TransientTransactionError")
    assert transaction.commit(other, recoveryToken=transaction.token)["ok"] == 1


@of("balanced")
def test_who_comes_through_a_load_balancer_must_say_so(made):
    atlas, _, _ = made
    ignorant = Raw.to_node(atlas)
    refused(ignorant.hello, 354)
    with pytest.raises(ConnectionError):
        ignorant.admin({"ping": 1})
    said = {Raw.to_node(atlas, loadBalanced=True).hello["serviceId"] for _ in range(4)}
    assert len(said) == 2


@of("balanced")
def test_behind_a_load_balancer_all_lives_on_one_connection(made):
    atlas, database, one = made
    other = Raw.to_node(atlas, loadBalanced=True)
    more = {"getMore": half_read(one, database), "collection": "things", "$db": database}
    refused(other.command(more), 43)
    assert one.command(more)["ok"] == 1
    transaction = Transaction(database)
    transaction.begin(one, insert(300))
    refused(transaction.statement(other, insert(301)), 251, "TransientTransactionError")
    assert transaction.statement(one, insert(302))["ok"] == 1
    assert transaction.commit(one)["ok"] == 1


@of("balanced")
def test_a_load_balanced_connection_takes_its_transaction_with_it(made):
    atlas, database, one = made
    doomed, transaction = Raw.to_node(atlas, loadBalanced=True), Transaction(database)
    transaction.begin(doomed, insert(400))
    doomed.close()
    end = time.monotonic() + 10
    while one.command({**insert(400), "$db": database}).get("n") != 1:  # no conflict any more
        assert time.monotonic() < end
    refused(transaction.commit(one), 251, "TransientTransactionError")


@of("standalone")
def test_a_standalone_knows_no_transactions_and_no_change_streams(made):
    _, database, alone = made
    refused(Transaction(database).begin(alone, insert(500)), 20)
    refused(alone.command({"aggregate": "things", "pipeline": [{"$changeStream": {}}],
                           "cursor": {}, "$db": database}), 40573)
    assert "setName" not in alone.hello and "msg" not in alone.hello
