"""Behind a load balancer: each connection reaches one of two services, and what lives on it is known
nowhere else."""
import threading
import time
import uuid

import bson
import pymongo
import pymongo.errors
import pytest

from atlas import Atlas
from conftest import Mooring
from raw import Raw, Transaction


@pytest.fixture(scope="module")
def balanced():
    atlas = Atlas("balanced")
    yield atlas
    atlas.stop()


@pytest.fixture
def start(balanced, tmp_path):
    running = []

    def run(*flags, uri=None):
        running.append(Mooring(tmp_path, uri or balanced.srv_uri(), f"--tls.caFile={balanced.ca}",
                               f"--dns.resolvers={balanced.dns}", *flags))
        return running[-1]

    balanced.heal()
    balanced.counters(reset=True)
    yield run
    balanced.heal()
    for mooring in running:
        mooring.stop()


@pytest.fixture
def database(start, balanced):
    name = f"t{uuid.uuid4().hex[:10]}"
    raw = Raw.to_node(balanced, loadBalanced=True)
    raw.command({"insert": "things", "documents": [{"_id": i} for i in range(100)], "$db": name})
    raw.close()
    return name


def sockets(mooring, count):
    return [Raw("127.0.0.1", mooring.port) for _ in range(count)]


def insert(number):
    return {"insert": "things", "documents": [{"_id": number}]}


@pytest.mark.parametrize("way", ["by TXT", "by the URI"])
def test_nothing_is_monitored_and_hello_is_the_services(start, balanced, way):
    uri = None if way == "by TXT" else balanced.direct_uri()
    with start(uri=uri).client() as client:
        hello = client.admin.command("hello")
        assert hello["msg"] == "isdbgrid" and "serviceId" not in hello
        client.admin.command("ping")
        time.sleep(1)
    counted, = balanced.counters()
    assert counted["commands"]["hello"] == counted["accepted"] == counted["logins"]


def test_cursors_are_read_on_over_other_sockets(start, database):
    raws = sockets(start(), 3)
    cursors = []
    for number in range(6):
        reply = raws[number % 3].command({"find": "things", "batchSize": 20, "$db": database})
        cursors.append((bson.Int64(reply["cursor"]["id"]), reply["cursor"]["firstBatch"]))
    for step in range(1, 5):
        for number, (cursor, seen) in enumerate(cursors):
            reply = raws[(number + step) % 3].command({
                "getMore": cursor, "collection": "things", "batchSize": 20, "$db": database})
            assert reply["ok"] == 1, reply
            seen += reply["cursor"]["nextBatch"]
    for _, seen in cursors:
        assert [d["_id"] for d in seen] == list(range(100))


def test_transactions_go_on_over_other_sockets(start, database):
    mooring = start()
    raws = sockets(mooring, 3)
    transactions = [Transaction(database) for _ in range(6)]
    for step in range(4):
        for number, one in enumerate(transactions):
            say = one.statement if step else one.begin
            reply = say(raws[(number + step) % 3], insert(1000 + 10 * number + step))
            assert reply["ok"] == 1, reply
    for number, one in enumerate(transactions):
        assert one.commit(raws[number % 3], recoveryToken=one.token)["ok"] == 1
        assert one.commit(raws[number % 2], recoveryToken=one.token)["ok"] == 1
    with mooring.client() as client:
        assert client[database].things.count_documents({"_id": {"$gte": 1000}}) == 24


def test_a_broken_connection_is_told_so_that_the_driver_begins_anew(start, balanced, database):
    raw, = sockets(start("--upstream.heartbeatFrequencyMS=500"), 1)
    one = Transaction(database)
    one.begin(raw, insert(2000))
    balanced.reset()
    reply = one.statement(raw, insert(2001))
    assert reply["ok"] == 0 and reply["errorLabels"] == ["TransientTransactionError"], reply
    one.number += 1
    assert one.begin(raw, insert(2000))["ok"] == 1  # no lock of the first is left
    assert one.commit(raw)["ok"] == 1


def test_with_transaction_goes_on_after_a_broken_connection(start, balanced, database):
    with start().client() as client:
        things, tries = client[database].things, []

        def work(session):
            tries.append(1)
            things.insert_one({"_id": 3000}, session=session)
            if len(tries) == 1:
                balanced.reset()
            things.insert_one({"_id": 3001}, session=session)

        with client.start_session() as session:
            session.with_transaction(work)
        assert len(tries) == 2
        assert things.count_documents({"_id": {"$gte": 3000}}) == 2


def test_a_change_stream_goes_on_after_a_broken_connection(start, balanced, database):
    with start().client() as client:
        things = client[database].things
        with things.watch(max_await_time_ms=200) as stream:
            things.insert_one({"_id": 4000})
            assert stream.next()["documentKey"]["_id"] == 4000
            balanced.reset()
            things.insert_one({"_id": 4001})
            assert stream.next()["documentKey"]["_id"] == 4001


def test_cursors_leave_room_for_all_else(start, database):
    """Readers that write for each document that they read: more of them than the pool has."""
    with start("--pool.maxPoolSize=4", "--pool.maxPinned=75%").client() as client:
        things, copies = client[database].things, client[database].copies

        def copy():
            for document in things.find(batch_size=10):
                copies.insert_one({"of": document["_id"]})

        readers = [threading.Thread(target=copy) for _ in range(8)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(60)
        assert copies.count_documents({}) == 800


def test_who_waits_is_told_what_is_in_use(start, database):
    mooring = start("--pool.maxPoolSize=4", "--pool.maxPinned=1", "--pool.waitQueueTimeoutMS=500")
    raw, = sockets(mooring, 1)
    find = {"find": "things", "batchSize": 10, "$db": database}
    assert raw.command(find)["cursor"]["id"] != 0
    reply = raw.command(find)
    assert reply["code"] == 407 and "1 by cursors, 0 by transactions" in reply["errmsg"], reply
    assert raw.command({**insert(5000), "$db": database})["ok"] == 1


def test_a_server_that_is_not_behind_a_load_balancer_is_told(start):
    alone = Atlas("standalone")
    try:
        uri = alone.direct_uri(loadBalanced="true").replace(
            f"tlsCAFile={alone.ca}", "").rstrip("&")
        with start(f"--tls.caFile={alone.ca}", uri=uri).client() as client:
            with pytest.raises(pymongo.errors.OperationFailure) as caught:
                client.test.things.find_one()
        assert "has no serviceId" in str(caught.value)
    finally:
        alone.stop()
