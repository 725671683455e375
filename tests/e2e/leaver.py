"""An application that opens a cursor and a transaction, says so, and waits to be killed, or for a
line: then it goes on with both. Usage: leaver.py URI COLLECTION [strictApi]"""
import sys

import pymongo
import pymongo.server_api


def main(uri, name, *words):
    api = pymongo.server_api.ServerApi("1", strict=True) if "strictApi" in words else None
    client = pymongo.MongoClient(uri, serverSelectionTimeoutMS=20000, server_api=api)
    things = client.leavers[name]
    things.drop()
    things.insert_many([{"_id": i} for i in range(10)])
    cursor = things.find({}, batch_size=2)
    read = [next(cursor)]
    session = client.start_session()
    session.start_transaction()
    things.update_one({"_id": 0}, {"$set": {"by": name}}, session=session)
    print("ready", flush=True)
    sys.stdin.readline()
    read.extend(cursor)
    session.commit_transaction()
    print(f"done {len(read)} {things.find_one({'_id': 0})['by']}", flush=True)


main(*sys.argv[1:])
