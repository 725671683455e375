"""Elections that no application sees, and what a server that is lost costs: no more than the table
of README.md says."""
import os
import socket
import threading
import time
import uuid

import bson
import pymongo
import pymongo.errors
import pytest
from atlas import wire
from pymongo import monitoring

import elections

# A longer time shows more: MOORING_ELECTION_SECONDS=120 has an election every 10 seconds.
SECONDS = float(os.environ.get("MOORING_ELECTION_SECONDS", "30"))
PAUSE_SECONDS = 10 if SECONDS >= 100 else 5
WORKERS = 100

# The cluster is noticed to change within seconds instead of the default's tens.
QUICK = ("--upstream.heartbeatFrequencyMS=500", "--upstream.connectTimeoutMS=1500",
         "--pool.connectsPerSecond=50")


@pytest.mark.parametrize("driver", elections.DRIVERS)
def test_100_clients_see_no_election(start, atlas, driver):
    proxy, moments = start(), []
    with proxy.client() as client:
        client.drop_database(elections.DATABASE)
        client[elections.DATABASE].create_collection("things")
        end = time.monotonic() + SECONDS
        application = elections.DRIVERS[driver](proxy.uri(), WORKERS)
        while time.monotonic() < end:
            time.sleep(PAUSE_SECONDS - 1)
            atlas.step_down(seconds=1)
            moments.append(time.time())
        time.sleep(3)
        said = application.stop()
        elections.check_stored(client[elections.DATABASE].things, said)
        client.drop_database(elections.DATABASE)
    firsts = elections.first_successes(said, moments)
    print(f"{driver}: {len(moments)} elections, {len(said['times'])} writes, first success after "
          f"the new primary was there: {', '.join(f'{s * 1000:.0f}' for s in firsts)} ms; "
          f"{said['failed']} commands that the driver repeated")
    assert said["errors"] == []
    assert (said["closed"], said["cleared"]) == (0, 0)
    assert max(firsts) < 1


class Commands(monitoring.CommandListener):
    """The error documents that came to the driver."""

    def __init__(self):
        self.failures = []

    def started(self, event):
        pass

    succeeded = started

    def failed(self, event):
        self.failures.append(event.failure)


def application(proxy, **options):
    """A client whose driver repeats no read; of writes only what is told to."""
    commands = Commands()
    client = proxy.client(retryReads=False, event_listeners=[commands],
                          **{"retryWrites": False, **options})
    return client, commands


def fresh(client, documents=20, size=100):
    things = client[f"t{uuid.uuid4().hex[:10]}"].things
    things.insert_many([{"_id": n, "n": 0, "x": "x" * size} for n in range(documents)])
    return things


def while_under_way(atlas, act, order):
    """What `act` returned or raised, whose server is lost while it has the request."""
    ended = []

    def run():
        try:
            ended.append(act())
        except pymongo.errors.PyMongoError as wrong:
            ended.append(wrong)

    thread = threading.Thread(target=run)
    if order == "hang":  # it takes the request and answers nothing any more
        hang = threading.Thread(target=atlas.hang, kwargs={"node": "primary", "seconds": 0.5})
        hang.start()
        time.sleep(0.1)
        thread.start()
        hang.join()
    else:
        atlas.slow(node="primary", seconds=1)
        thread.start()
        time.sleep(0.3)
        atlas.slow(seconds=0)  # the reply under way stays slow
        atlas.do(order, node="primary", **({"seconds": 0.5} if order == "kill" else {}))
    thread.join(30)
    assert ended, "it did not end"
    return ended[0]


LOSSES = ["kill", "hang", "reset"]


@pytest.mark.parametrize("order", LOSSES)
def test_a_read_survives_the_loss_of_its_server(start, atlas, order):
    client, commands = application(start(*QUICK))
    with client:
        things = fresh(client)
        found = while_under_way(atlas, lambda: things.find_one({"_id": 3}), order)
        assert found["_id"] == 3 and commands.failures == []


@pytest.mark.parametrize("order", LOSSES)
def test_a_retryable_write_survives_the_loss_of_its_server(start, atlas, order):
    client, commands = application(start(*QUICK), retryWrites=True)
    with client:
        things = fresh(client)
        done = while_under_way(
            atlas, lambda: things.update_one({"_id": 3}, {"$inc": {"n": 1}}), order)
        assert done.matched_count == 1 and commands.failures == []
        assert things.find_one({"_id": 3})["n"] == 1


@pytest.mark.parametrize("order", LOSSES)
def test_a_plain_write_is_told_of_the_loss_of_its_server(start, atlas, order):
    client, commands = application(start(*QUICK))
    with client:
        things = fresh(client)
        atlas.counters(reset=True)
        wrong = while_under_way(
            atlas, lambda: things.update_many({}, {"$inc": {"n": 1}}), order)
        assert wrong.code == 6 and "errorLabels" not in wrong.details
        sent = sum(n["commands"].get("update", 0) for n in atlas.counters())
        assert sent == (0 if order == "hang" else 1)  # a server that hangs counts nothing
        atlas.heal()
        assert things.update_many({}, {"$set": {"a": 1}}).matched_count == 20  # the same socket


def test_a_server_that_answers_nothing_but_its_monitor(start, atlas):
    client, commands = application(start("--upstream.operationTimeoutMS=800"))
    with client:
        things = fresh(client)
        atlas.slow(node="primary", seconds=3)
        with pytest.raises(pymongo.errors.PyMongoError) as caught:
            things.update_many({}, {"$inc": {"n": 1}})
        assert caught.value.code == 89 and "operationTimeoutMS" in str(caught.value)
        atlas.slow(seconds=0)


@pytest.mark.parametrize("size, survives", [(100, True), (300_000, False)])
def test_a_reply_that_is_cut_off_without_the_drivers_retry(start, atlas, size, survives):
    client, commands = application(start(*QUICK))
    with client:
        things = fresh(client, size=size)
        atlas.trip(command="find", how="cut")
        if survives:
            assert things.find_one({"_id": 3})["_id"] == 3
        else:  # a part of it was with the application: only a closed socket is left to say
            with pytest.raises(pymongo.errors.AutoReconnect):
                things.find_one({"_id": 3})
        assert things.find_one({"_id": 4})["_id"] == 4


@pytest.mark.parametrize("kind", ["expired", "other_name", "unknown_ca"])
def test_certificates_that_changed(start, atlas, kind):
    client, commands = application(start(*QUICK, "--reconnect.maxMS=1000", "--reconnect.faultMS=1000"))
    with client:
        things = fresh(client)
        atlas.certificate(kind=kind)
        assert things.find_one({"_id": 3})["_id"] == 3  # connections that stand go on
        atlas.reset()
        with pytest.raises(pymongo.errors.PyMongoError) as caught:
            for _ in range(20):
                things.update_many({}, {"$inc": {"n": 1}})
                time.sleep(0.1)
        assert caught.value.code in (6, 133)
        with pytest.raises(pymongo.errors.PyMongoError) as caught:
            things.update_many({}, {"$inc": {"n": 1}})
        assert caught.value.code == 133 and "certificate" in str(caught.value)
        atlas.certificate(kind="good")
        end = time.monotonic() + 15
        while True:
            try:
                assert things.find_one({"_id": 3})["_id"] == 3
                break
            except pymongo.errors.PyMongoError:
                assert time.monotonic() < end, "it does not come back"
                time.sleep(0.2)


def test_a_secondary_answers_while_there_is_no_primary(start, atlas):
    client, commands = application(start("--outage.readsFromSecondary=true"))
    with client:
        things = fresh(client)
        election = threading.Thread(target=atlas.step_down, kwargs={"seconds": 4})
        election.start()
        time.sleep(0.5)
        began = time.monotonic()
        assert things.find_one({"_id": 3})["_id"] == 3
        assert things.database.list_collection_names() == ["things"]
        assert len(list(things.find(batch_size=5))) == 20
        assert time.monotonic() - began < 2
        assert commands.failures == []
        election.join()
        assert things.insert_one({"_id": "after"}).acknowledged


def test_a_state_change_in_a_large_reply_is_rewritten_too(start, atlas):
    """Else the driver would take Mooring for the server that shuts down, and clear its pool."""
    said = {"cleared": 0, "closed": 0}
    with start().client(event_listeners=[elections.Seen(said)]) as client:
        things = fresh(client)
        concern = {"code": 91, "codeName": "ShutdownInProgress", "errmsg": "in shutdown"}
        atlas.trip(command="insert", how="error_after", error={
            "ok": 1, "n": 0, "writeErrors": [{"index": 0, "code": 11000, "errmsg": "x" * 200_000}],
            "writeConcernError": concern})
        with pytest.raises(pymongo.errors.PyMongoError) as caught:
            things.insert_one({"_id": "new"})
        assert "x" * 1000 in str(caught.value)
        assert said == {"cleared": 0, "closed": 0}


def raw_reply(client, things):
    """One find, which no driver repeats."""
    with socket.create_connection(client.address, 10) as one:
        one.sendall(wire.make_message({"find": "things", "$db": things.database.name}))
        head = one.recv(4, socket.MSG_WAITALL)
        rest = one.recv(int.from_bytes(head, "little") - 4, socket.MSG_WAITALL)
    return bson.decode((head + rest)[21:])


def test_an_overloaded_server_is_not_asked_again(start, atlas):
    client, commands = application(start())
    with client:
        things = fresh(client)
        atlas.counters(reset=True)
        atlas.trip(command="find", how="error", times=9, error={
            "ok": 0, "code": 462, "codeName": "IngressRequestRateLimitExceeded", "errmsg": "busy",
            "errorLabels": ["SystemOverloadedError", "RetryableError"]})
        reply = raw_reply(client, things)
        assert reply["code"] == 462
        assert reply["errorLabels"] == ["SystemOverloadedError", "RetryableError"]
        assert sum(n["commands"].get("find", 0) for n in atlas.counters()) == 1
