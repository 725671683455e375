"""PyMongo. Usage: client.py URI operations

Prints `ok NAME` or `FAIL NAME: why` for every check; the status is 0 when all passed.
"""
import sys
import threading
import time
import traceback
import uuid

import bson
import pymongo
import pymongo.errors
from pymongo.read_preferences import Nearest, PrimaryPreferred, SecondaryPreferred

CHECKS = {}


def check(function):
    name = "".join(part.capitalize() for part in function.__name__.split("_"))
    CHECKS[name[0].lower() + name[1:]] = function
    return function


def refused(code, call, *arguments, **options):
    """The error that the server refuses the call with; it has that code."""
    try:
        said = call(*arguments, **options)
    except pymongo.errors.OperationFailure as failure:
        assert failure.code == code, failure
        return failure
    raise AssertionError(f"not refused, but {said}")


@check
def crud(db):
    things = db.crud
    things.insert_one({"_id": -1})
    things.insert_many([{"_id": i, "n": i % 3} for i in range(20)])
    assert things.find_one({"_id": 7})["n"] == 1
    assert things.update_many({"n": 1}, {"$set": {"n": 9}}).modified_count == 7
    assert things.update_one({"_id": 99}, {"$inc": {"n": 1}}, upsert=True).upserted_id == 99
    assert things.find_one_and_update({"_id": 99}, {"$inc": {"n": 1}}, return_document=True)["n"] == 2
    assert things.delete_many({"n": 9}).deleted_count == 7
    assert things.count_documents({}) == 15
    refused(11000, things.insert_one, {"_id": 2})


@check
def aggregation(db):
    things = db.aggregation
    things.insert_many([{"_id": i, "n": i % 5} for i in range(1000)])
    groups = list(things.aggregate([{"$group": {"_id": "$n", "sum": {"$sum": 1}}},
                                    {"$sort": {"_id": 1}}], batchSize=2))
    assert groups == [{"_id": n, "sum": 200} for n in range(5)]
    list(things.aggregate([{"$match": {"n": 0}}, {"$out": "picked"}]))
    assert db.picked.count_documents({}) == 200


@check
def cursors(db):
    things = db.cursors
    things.insert_many([{"_id": i} for i in range(3000)])
    three = [things.find().sort("_id").batch_size(100) for _ in range(3)]
    for number in range(3000):
        assert [next(cursor)["_id"] for cursor in three] == [number] * 3
    assert next(three[0], None) is None
    half = things.find(batch_size=10)
    next(half)
    cursor = half.cursor_id
    half.close()
    refused(43, db.command, "getMore", bson.Int64(cursor), collection="cursors")


@check
def bulk(db):
    done = db.bulk.bulk_write([pymongo.InsertOne({"_id": 1, "n": 1}),
                               pymongo.UpdateOne({"_id": 1}, {"$set": {"x": 2}}),
                               pymongo.InsertOne({"_id": 2, "n": 2}),
                               pymongo.DeleteOne({"_id": 2})])
    assert (done.inserted_count, done.modified_count, done.deleted_count) == (2, 1, 1)


@check
def indexes(db):
    name = db.indexes.create_index([("n", 1)], unique=True)
    assert name in db.indexes.index_information()
    db.indexes.drop_index(name)
    assert name not in db.indexes.index_information()


@check
def sessions(db):
    with db.client.start_session(causal_consistency=True) as session:
        for number in range(10):
            db.sessions.insert_one({"_id": number}, session=session)
            assert db.sessions.find_one({"_id": number}, session=session)
        assert session.operation_time is not None


@check
def transactions(db):
    one, two = db.create_collection("one"), db.create_collection("two")
    with db.client.start_session() as session:
        with session.start_transaction():
            one.insert_one({"_id": 1}, session=session)
            two.insert_many([{"_id": i} for i in range(50)], session=session)
            assert one.find_one({}) is None, "seen by others before the commit"
            read = list(two.find({}, session=session, batch_size=7).sort("_id"))
            assert [d["_id"] for d in read] == list(range(50))
        session.start_transaction()
        one.insert_one({"_id": 2}, session=session)
        session.abort_transaction()
        session.with_transaction(lambda s: one.insert_one({"_id": 3}, session=s))
    assert [d["_id"] for d in one.find().sort("_id")] == [1, 3]


@check
def commit_again(db):
    """The outcome is told again."""
    things = db.create_collection("committed")
    with db.client.start_session() as session:
        session.start_transaction()
        things.insert_one({"_id": 4}, session=session)
        session.commit_transaction()
        session.commit_transaction()
    assert [d["_id"] for d in things.find()] == [4]


@check
def transaction_conflict(db):
    things = db.create_collection("conflict")
    things.insert_one({"_id": 1, "n": 0})
    with db.client.start_session() as one, db.client.start_session() as other:
        one.start_transaction()
        things.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=one)
        other.start_transaction()
        error = refused(112, things.update_one, {"_id": 1}, {"$inc": {"n": 1}}, session=other)
        assert error.has_error_label("TransientTransactionError"), error
        one.commit_transaction()
    assert things.find_one() == {"_id": 1, "n": 1}


@check
def change_streams(db):
    things = db.create_collection("watched")
    with things.watch(max_await_time_ms=200) as stream:
        assert stream.try_next() is None
        writer = threading.Thread(target=lambda: things.insert_many([{"_id": i} for i in (1, 2)]))
        writer.start()
        assert [next(stream)["documentKey"]["_id"] for _ in range(2)] == [1, 2]
        writer.join()
        token = stream.resume_token
    things.insert_one({"_id": 3})
    with things.watch(resume_after=token) as stream:
        assert next(stream)["documentKey"]["_id"] == 3


@check
def read_preferences(db):
    db.preferred.insert_many([{"_id": i} for i in range(100)])
    for preference in (PrimaryPreferred(), SecondaryPreferred(), Nearest()):
        reading = db.get_collection("preferred", read_preference=preference)
        assert len(list(reading.find(batch_size=30))) == 100
        assert reading.count_documents({"_id": {"$lt": 9}}) == 9
        assert len(list(reading.aggregate([{"$match": {}}], batchSize=30))) == 100


@check
def unacknowledged(db):
    quiet = db.create_collection("unacknowledged").with_options(
        write_concern=pymongo.WriteConcern(w=0))
    for number in range(30):
        quiet.insert_one({"_id": number})
    end = time.monotonic() + 10
    while db.unacknowledged.count_documents({}) != 30:
        assert time.monotonic() < end, "unacknowledged writes did not all arrive"


def passes(name, function, db):
    try:
        function(db)
    except Exception as wrong:  # whatever it was is the check's verdict
        where = traceback.extract_tb(wrong.__traceback__)[1].lineno
        print(f"FAIL {name}: line {where}: {type(wrong).__name__}: {wrong}".replace("\n", " | "))
        return False
    print(f"ok {name}")
    return True


def main(uri, mode):
    assert mode == "operations"
    with pymongo.MongoClient(uri, serverSelectionTimeoutMS=20000) as client:
        db = client[f"pymongo_{uuid.uuid4().hex[:10]}"]
        passed = [passes(name, function, db) for name, function in CHECKS.items()]
        client.drop_database(db)
    sys.exit(0 if all(passed) else 1)


main(*sys.argv[1:])
