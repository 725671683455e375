"""PyMongo's everyday work, straight to pocket Atlas and through the proxy, connected every way."""
import hashlib
import random
import threading
import uuid

import bson
import gridfs
import pymongo
import pymongo.errors
import pytest
from pymongo.server_api import ServerApi

WAYS = {
    "no options": {},
    "directConnection": {"directConnection": True},
    "serverApi": {"server_api": ServerApi("1", strict=True)},
    "retryWrites": {"retryWrites": True, "retryReads": True},
}
every_way = pytest.mark.parametrize("way", WAYS, indirect=True)
MIB = 1 << 20


@pytest.fixture
def way(request):
    return WAYS[getattr(request, "param", "no options")]


@pytest.fixture
def things(reach, way):
    """A fresh collection, by the way that the test names."""
    return reach(**way)[f"t{uuid.uuid4().hex[:10]}"].things


@every_way
def test_crud(things):
    things.insert_many([{"_id": i, "n": i % 7} for i in range(1000)])
    assert things.count_documents({"n": 3}) == len(range(3, 1000, 7))
    assert things.update_many({"n": 1}, {"$set": {"n": 9}}).modified_count == 143
    assert things.replace_one({"_id": 2}, {"n": 50}).modified_count == 1
    assert things.find_one({"_id": 2}) == {"_id": 2, "n": 50}
    assert things.find_one_and_update({"_id": 2}, {"$inc": {"n": 1}}, return_document=True)["n"] == 51
    assert things.delete_one({"_id": 4}).deleted_count == 1
    with pytest.raises(pymongo.errors.DuplicateKeyError):
        things.insert_one({"_id": 2})


@every_way
def test_aggregation_and_cursors_over_many_batches(things):
    things.insert_many([{"_id": i, "n": i % 5} for i in range(3000)])
    assert [d["_id"] for d in things.find().sort("_id").batch_size(100)] == list(range(3000))
    groups = list(things.aggregate([{"$group": {"_id": "$n", "sum": {"$sum": 1}}},
                                    {"$sort": {"_id": 1}}], batchSize=2))
    assert groups == [{"_id": n, "sum": 600} for n in range(5)]
    half_read = things.find(batch_size=10)
    next(half_read)
    half_read.close()
    list(things.aggregate([{"$match": {"n": 0}}, {"$out": "picked"}]))
    assert things.database.picked.count_documents({}) == 600


@every_way
def test_bulk_writes_and_indexes(things):
    name = things.create_index([("n", 1)], unique=True)
    assert name in things.index_information()
    result = things.bulk_write([pymongo.InsertOne({"_id": 1, "n": 1}),
                                pymongo.UpdateOne({"_id": 1}, {"$set": {"x": 2}}),
                                pymongo.InsertOne({"_id": 2, "n": 2}),
                                pymongo.DeleteOne({"_id": 2})])
    assert (result.inserted_count, result.modified_count, result.deleted_count) == (2, 1, 1)
    with pytest.raises(pymongo.errors.BulkWriteError) as caught:
        things.bulk_write([pymongo.InsertOne({"n": n}) for n in (5, 1, 6)], ordered=False)
    assert caught.value.details["nInserted"] == 2
    things.drop_index(name)
    assert name not in things.index_information()


@every_way
def test_sessions_and_transactions(things):
    client = things.database.client
    things.insert_one({"_id": 0})
    with client.start_session(causal_consistency=True) as session:
        things.update_one({"_id": 0}, {"$set": {"x": 1}}, session=session)
        assert things.find_one({"_id": 0}, session=session)["x"] == 1
        with session.start_transaction():
            things.insert_one({"_id": 1}, session=session)
            assert things.find_one({"_id": 1}) is None  # not seen from outside
        session.start_transaction()
        things.insert_one({"_id": 2}, session=session)
        session.abort_transaction()
        session.with_transaction(lambda s: things.insert_one({"_id": 3}, session=s))
    assert [d["_id"] for d in things.find().sort("_id")] == [0, 1, 3]


def test_conflicting_transactions_are_told(things):
    things.insert_one({"_id": 1, "n": 0})
    client = things.database.client
    with client.start_session() as one, client.start_session() as other:
        one.start_transaction()
        things.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=one)
        other.start_transaction()
        with pytest.raises(pymongo.errors.OperationFailure) as caught:
            things.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=other)
        assert caught.value.has_error_label("TransientTransactionError")
        one.commit_transaction()
    assert things.find_one() == {"_id": 1, "n": 1}


@pytest.mark.parametrize("way", ["no options", "directConnection", "retryWrites"],
                         indirect=True)
def test_change_streams(things):
    things.insert_one({"_id": 0})
    with things.watch(max_await_time_ms=300) as stream:
        assert stream.try_next() is None
        writer = threading.Thread(target=lambda: things.insert_many([{"_id": i} for i in (1, 2)]))
        writer.start()
        assert [next(stream)["documentKey"]["_id"] for _ in range(2)] == [1, 2]
        writer.join()
        token = stream.resume_token
    things.insert_one({"_id": 3})
    with things.watch(resume_after=token) as stream:
        assert next(stream)["documentKey"]["_id"] == 3


def test_documents_of_15_mib(things):
    for number in range(3):
        blob = random.Random(number).randbytes(15 * MIB)
        things.insert_one({"_id": number, "blob": blob})
        assert things.find_one({"_id": number})["blob"] == blob


def test_insert_batches_of_48_mb(things):
    part = bson.Binary(b"x" * 1_000_000)
    for batch in range(2):
        things.insert_many([{"_id": 47 * batch + i, "part": part} for i in range(47)])
    assert things.count_documents({}) == 94
    assert sum(len(d["part"]) for d in things.find().batch_size(20)) == 94_000_000


def test_a_gridfs_file_of_100_mb(things):
    bucket = gridfs.GridFSBucket(things.database)
    sent, received = hashlib.sha256(), hashlib.sha256()
    block = random.Random(1).randbytes(MIB)
    with bucket.open_upload_stream("big", chunk_size_bytes=2 * MIB) as upload:
        for number in range(100):
            piece = number.to_bytes(4, "big") + block[4:]
            sent.update(piece)
            upload.write(piece)
    with bucket.open_download_stream_by_name("big") as download:
        while piece := download.read(4 * MIB):
            received.update(piece)
    assert received.digest() == sent.digest()
