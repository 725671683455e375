"""Many clients over few connections: nobody gets another's reply, and the cap holds."""
import asyncio
import os
import random
import threading
import time
import uuid

import pymongo

from crowd import DATABASE, Crowd

CAP = 8
# A shorter time serves while one works on something: MOORING_CROWD_SECONDS=5.
SECONDS = float(os.environ.get("MOORING_CROWD_SECONDS", "60"))


def most_authenticated(atlas):
    return max(node["most_authenticated"] for node in atlas.counters())


def make_collections(client):
    """Before the crowd: the database server dislikes making them under load."""
    for number in range(20):
        client[DATABASE][f"c{number}"].create_index("token")


def test_500_clients_over_a_cap_of_8_with_some_killed_in_mid_request(start, atlas):
    proxy = start(f"--pool.maxPoolSize={CAP}", "--pool.connectsPerSecond=50")
    with proxy.client() as client:
        make_collections(client)
        seed = random.randrange(1 << 30)
        crowd = Crowd(proxy.port, 500, kill_one_in=150, seed=seed)
        asyncio.run(crowd.run(SECONDS))
        client.drop_database(DATABASE)
    print(f"seed {seed}: {crowd.requests} requests, {crowd.killed} killed")
    assert crowd.wrong == []
    assert crowd.requests > 1000 and crowd.killed > 5
    assert 1 < most_authenticated(atlas) <= CAP


def test_a_commit_gets_past_the_writers_that_wait_for_it(start, atlas):
    proxy = start(f"--pool.maxPoolSize={CAP}")
    with proxy.client(maxPoolSize=50) as client:
        things = client[f"t{uuid.uuid4().hex[:10]}"].things
        things.insert_one({"_id": 1, "n": 0})
        with client.start_session() as session:
            session.start_transaction()
            things.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)
            writers = [threading.Thread(
                target=things.update_one, args=({"_id": 1}, {"$inc": {"n": 1}}))
                for _ in range(CAP)]
            for writer in writers:
                writer.start()
            wait_until_blocked(atlas)
            began = time.monotonic()
            session.commit_transaction()
            assert time.monotonic() - began < 3
        for writer in writers:
            writer.join(20)
            assert not writer.is_alive()
        assert things.find_one() == {"_id": 1, "n": CAP + 1}
    assert most_authenticated(atlas) <= CAP


def wait_until_blocked(atlas, seconds=10):
    """All connections but the one kept for transactions are taken by writers."""
    end = time.monotonic() + seconds
    while sum(node["commands"].get("update", 0) for node in atlas.counters()) < CAP:
        assert time.monotonic() < end, "the writers did not get to the server"
        time.sleep(0.05)


def test_threads_of_one_driver_get_their_own_replies(start):
    proxy = start("--pool.maxPoolSize=4", "--pool.connectsPerSecond=0")
    wrong = []
    with proxy.client(maxPoolSize=40) as client:
        things = client[f"t{uuid.uuid4().hex[:10]}"].things
        things.insert_many([{"_id": i} for i in range(40)])

        def read_back(number):
            for _ in range(25):
                if things.find_one({"_id": number})["_id"] != number:
                    wrong.append(number)

        threads = [threading.Thread(target=read_back, args=(i,)) for i in range(40)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
    assert wrong == []


def test_unacknowledged_writes_arrive_although_the_client_leaves_at_once(start):
    proxy = start()
    name = f"t{uuid.uuid4().hex[:10]}"
    with proxy.client() as client:
        client[name].things.insert_one({"_id": -1})
    for number in range(20):
        with proxy.client(directConnection=True) as leaving:
            quiet = leaving[name].get_collection("things",
                                                 write_concern=pymongo.WriteConcern(w=0))
            quiet.insert_one({"_id": number})
    with proxy.client() as client:
        end = time.monotonic() + 10
        while client[name].things.count_documents({}) < 21 and time.monotonic() < end:
            time.sleep(0.05)
        assert client[name].things.count_documents({}) == 21
