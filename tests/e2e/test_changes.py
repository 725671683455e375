"""The cluster changes under an application: elections, nodes that die, hang or cut replies off, a
cluster that is not there yet."""
import socket
import threading
import time
import uuid

import pymongo
import pymongo.errors
import pytest

from load import Load

# The cluster is noticed to change within seconds instead of the default's tens.
QUICK = ("--upstream.heartbeatFrequencyMS=500", "--upstream.connectTimeoutMS=1500",
         "--pool.connectsPerSecond=50")


def fresh(client):
    things = client[f"t{uuid.uuid4().hex[:10]}"].things
    things.insert_one({"_id": "first"})
    return things


def check_load(load, slowest):
    assert load.errors == []
    assert load.stored == {"first", *load.written}
    assert load.slowest < slowest


def test_a_step_down_under_load(start, atlas):
    with start(*QUICK).client() as client, Load(fresh(client), 8) as load:
        for _ in range(2):
            load.wait_for_progress()
            atlas.step_down(seconds=1)
        load.wait_for_progress()
    check_load(load, slowest=6)


def test_an_election_is_noticed_at_once(start, atlas):
    """With the default settings: the servers report it, over two connections each that never log in."""
    with start().client() as client, Load(fresh(client), 4) as load:
        load.wait_for_progress()
        for _ in range(2):
            atlas.step_down(seconds=1)
            elected = time.monotonic()
            load.wait_for_progress(operations=1)
            print(f"the first write {time.monotonic() - elected:.3f} s after the election")
            assert time.monotonic() - elected < 1
            load.wait_for_progress()
        monitors = [n["open"] - n["authenticated"] for n in atlas.counters()]
        print(f"connections to the nodes that have not logged in: {monitors}")
        assert max(monitors) == 2
    check_load(load, slowest=3)


@pytest.mark.parametrize("order, slowest", [("kill", 10), ("hang", 15)])
def test_the_primary_is_lost_under_load(start, atlas, order, slowest):
    with start(*QUICK).client() as client, Load(fresh(client), 8) as load:
        load.wait_for_progress()
        atlas.do(order, node="primary", seconds=1)
        load.wait_for_progress()
    check_load(load, slowest)


def test_a_secondary_dies_and_comes_back(start, atlas):
    with start(*QUICK).client() as client, Load(fresh(client), 4) as load:
        load.wait_for_progress()
        atlas.kill(node="secondary")
        load.wait_for_progress()
        atlas.restart()
        load.wait_for_progress()
    check_load(load, slowest=5)


def test_every_connection_is_reset_under_load(start, atlas):
    with start(*QUICK).client() as client, Load(fresh(client), 8) as load:
        for _ in range(3):
            load.wait_for_progress()
            atlas.reset()
        load.wait_for_progress()
    check_load(load, slowest=10)


@pytest.mark.parametrize("size", [100, 3_000_000], ids=["a small reply", "a large reply"])
def test_a_reply_that_is_cut_off(start, atlas, size):
    with start(*QUICK).client() as client:
        things = fresh(client)
        things.insert_one({"_id": 1, "filler": "x" * size})
        atlas.trip(command="find", how="cut")
        assert len(things.find_one({"_id": 1})["filler"]) == size  # the driver's retry
        assert things.count_documents({}) == 2


def test_a_write_whose_reply_is_lost_is_not_done_twice_by_the_proxy(start, atlas):
    with start(*QUICK).client(retryWrites=False) as client:
        things = fresh(client)
        things.insert_one({"_id": 1, "n": 0})
        atlas.counters(reset=True)
        atlas.trip(command="update", how="lose")
        with pytest.raises(pymongo.errors.PyMongoError) as caught:
            things.update_one({"_id": 1}, {"$inc": {"n": 1}})
        assert not caught.value.has_error_label("RetryableWriteError")
        assert "mooring: " in str(caught.value)
        assert things.find_one({"_id": 1})["n"] == 1
        assert sum(n["commands"].get("update", 0) for n in atlas.counters()) == 1


def test_a_transaction_that_a_step_down_ends_is_begun_again_by_the_driver(start, atlas):
    with start(*QUICK).client() as client:
        things, tries = fresh(client), []

        def work(session):
            tries.append(1)
            things.insert_one({"_id": len(tries)}, session=session)
            if len(tries) == 1:
                atlas.step_down(seconds=0.3)
            things.insert_one({"_id": f"second of {len(tries)}"}, session=session)

        with client.start_session() as session:
            session.with_transaction(work)
        assert len(tries) >= 2
        assert {d["_id"] for d in things.find()} == {"first", len(tries),
                                                     f"second of {len(tries)}"}


def test_a_login_that_expired_is_renewed_unseen(start, atlas):
    expired = {"ok": 0.0, "errmsg": "reauthenticate", "code": 391,
               "codeName": "ReauthenticationRequired"}
    with start(*QUICK).client() as client:
        things = fresh(client)
        logins = sum(node["logins"] for node in atlas.counters())
        atlas.trip(command="find", how="error", error=expired)
        assert things.find_one({"_id": "first"}) is not None
        commands = [node["commands"] for node in atlas.counters()]
        assert sum(c.get("saslContinue", 0) for c in commands) > logins


def test_a_cluster_that_comes_after_the_proxy(start, atlas):
    atlas.dns_fault(fault="refuse")
    for node in range(3):
        atlas.kill(node=node)
    proxy = start(*QUICK)
    said = {}
    with proxy.client() as client:
        waiting = threading.Thread(target=lambda: said.update(client.admin.command("ping")))
        waiting.start()
        time.sleep(2)
        atlas.heal()
        waiting.join(15)
    assert said.get("ok") == 1


def test_fail_fast_says_why_at_once(start, atlas):
    for node in range(3):
        atlas.kill(node=node)
    proxy = start("--outage.mode=failFast", *QUICK)
    with proxy.client() as client:
        with pytest.raises(pymongo.errors.OperationFailure):
            client.test.things.find_one()
        began = time.monotonic()
        with pytest.raises(pymongo.errors.OperationFailure) as caught:
            client.test.things.find_one()
        assert time.monotonic() - began < 1
        assert "refused" in str(caught.value)
        atlas.heal()
        end = time.monotonic() + 15
        while time.monotonic() < end:
            try:
                assert client.admin.command("ping")["ok"] == 1
                return
            except (pymongo.errors.OperationFailure, pymongo.errors.AutoReconnect):
                time.sleep(0.1)  # the first contact closes clients that were told of another version
    raise AssertionError("the cluster was not found again")


def test_fail_fast_names_a_port_where_nobody_listens(start):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        proxy = start("--outage.mode=failFast", uri=f"mongodb://127.0.0.1:{s.getsockname()[1]}/")
        with proxy.client() as client:
            with pytest.raises(pymongo.errors.PyMongoError) as caught:
                client.test.things.find_one()
    assert "refused" in str(caught.value)


def test_a_slow_node_and_one_that_rejects(start, atlas):
    atlas.slow(node=2, seconds=0.2)
    atlas.reject(node=1)
    with start(*QUICK).client() as client, Load(fresh(client), 4) as load:
        load.wait_for_progress()
        atlas.reject(node=1, on=False)
        load.wait_for_progress()
    check_load(load, slowest=5)
