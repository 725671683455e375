"""Limits of messages, as drivers meet them."""
import uuid

import bson


def fresh(client):
    return client[f"t{uuid.uuid4().hex[:10]}"].things


def test_large_requests_held_in_many_pieces_arrive_whole(start):
    with start("--limits.holdBytes=1MiB").client() as client:
        things = fresh(client)
        blob = bytes(range(251)) * 12_000
        things.insert_one({"_id": 1, "blob": blob})
        assert things.find_one({"_id": 1})["blob"] == blob


def test_drivers_are_told_the_largest_message(start):
    with start("--limits.maxMessageBytes=1MiB").client() as client:
        assert client.admin.command("hello")["maxMessageSizeBytes"] == 1 << 20
        things = fresh(client)
        part = bson.Binary(b"x" * 300_000)
        things.insert_many([{"_id": i, "part": part} for i in range(10)])
        assert things.count_documents({}) == 10
