/* Messages up to the protocol's limits, and a long GridFS file. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#define MIB (1024 * 1024)

/* Bytes that differ from place to place, freed with bson_free. */
static uint8_t *noise(size_t length, uint32_t seed)
{
    uint8_t *bytes = bson_malloc(length);
    for (size_t i = 0; i < length; i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(seed >> 24);
    }
    return bytes;
}

static bool same_binary(const bson_t *document, const char *key, const uint8_t *bytes,
                        uint32_t length)
{
    bson_iter_t iter;
    bson_subtype_t subtype;
    uint32_t got_length;
    const uint8_t *got;
    if (!bson_iter_init_find(&iter, document, key) || !BSON_ITER_HOLDS_BINARY(&iter))
        return false;
    bson_iter_binary(&iter, &subtype, &got_length, &got);
    return got_length == length && memcmp(got, bytes, length) == 0;
}

static void document_15_mib(struct world *w)
{
    bson_error_t error;
    const bson_t *found;
    mongoc_collection_t *things = collection(w, "documents");
    bson_t *big = doc(w, "{'_id': 1}");
    uint8_t *bytes = noise(15 * MIB, 1);
    BSON_APPEND_BINARY(big, "blob", BSON_SUBTYPE_BINARY, bytes, 15 * MIB);
    bool sent = mongoc_collection_insert_one(things, big, NULL, NULL, &error);
    mongoc_cursor_t *cursor = find(w, things, doc(w, "{'_id': 1}"), NULL);
    bool same = mongoc_cursor_next(cursor, &found) && same_binary(found, "blob", bytes, 15 * MIB);
    bson_free(bytes);
    CALL(w, sent);
    EXPECT(w, same, "other bytes came back");
}

/* More than one message holds, so that the driver fills one up to maxMessageSizeBytes. */
static void batch_48_mb(struct world *w)
{
    enum { DOCS = 60, PART = 1000000 };
    bson_error_t error;
    const bson_t *found, *docs[DOCS];
    mongoc_collection_t *things = collection(w, "batches");
    uint8_t *bytes = noise(PART, 2);
    for (int i = 0; i < DOCS; i++) {
        bson_t *one = doc(w, "{'_id': %d}", i);
        BSON_APPEND_BINARY(one, "part", BSON_SUBTYPE_BINARY, bytes, PART);
        docs[i] = one;
    }
    bool sent = mongoc_collection_insert_many(things, docs, DOCS, NULL, NULL, &error);
    mongoc_cursor_t *cursor = find(w, things, doc(w, "{'_id': 59}"), NULL);
    bool same = mongoc_cursor_next(cursor, &found) && same_binary(found, "part", bytes, PART);
    bson_free(bytes);
    CALL(w, sent);
    EXPECT(w, same, "other bytes came back");
    EXPECT(w, count(things) == DOCS, "%d", (int)count(things));
}

/* Writes, or reads and compares, 100 pieces of 1 MiB, each of its own bytes. */
static bool move_pieces(mongoc_stream_t *stream, bool write, uint8_t *room)
{
    for (uint32_t i = 0; i < 100; i++) {
        uint8_t *piece = noise(MIB, i);
        ssize_t moved = write ? mongoc_stream_write(stream, piece, MIB, 0)
                              : mongoc_stream_read(stream, room, MIB, MIB, 0);
        bool same = moved == MIB && (write || memcmp(piece, room, MIB) == 0);
        bson_free(piece);
        if (!same)
            return false;
    }
    return true;
}

static bool upload(mongoc_gridfs_bucket_t *bucket, uint8_t *room, bson_value_t *id,
                   bson_error_t *error)
{
    mongoc_stream_t *up = mongoc_gridfs_bucket_open_upload_stream(bucket, "big", NULL, id, error);
    if (!up)
        return false;
    bool done = move_pieces(up, true, room);
    mongoc_gridfs_bucket_stream_error(up, error);
    mongoc_stream_close(up);
    mongoc_stream_destroy(up);
    return done;
}

static bool download(mongoc_gridfs_bucket_t *bucket, uint8_t *room, const bson_value_t *id,
                     bson_error_t *error)
{
    mongoc_stream_t *down = mongoc_gridfs_bucket_open_download_stream(bucket, id, error);
    if (!down)
        return false;
    bool done = move_pieces(down, false, room) && mongoc_stream_read(down, room, 1, 1, 0) == 0;
    mongoc_gridfs_bucket_stream_error(down, error);
    mongoc_stream_close(down);
    mongoc_stream_destroy(down);
    return done;
}

static void gridfs_100_mb(struct world *w)
{
    bson_error_t error = {0};
    bson_value_t id = {0};
    uint8_t *room = bson_malloc(MIB);
    mongoc_gridfs_bucket_t *bucket = mongoc_gridfs_bucket_new(w->db, NULL, NULL, &error);
    bool up = upload(bucket, room, &id, &error);
    bool down = up && download(bucket, room, &id, &error);
    bool deleted = down && mongoc_gridfs_bucket_delete_by_id(bucket, &id, &error);
    mongoc_gridfs_bucket_destroy(bucket);
    bson_value_destroy(&id);
    bson_free(room);
    EXPECT(w, up, "upload: %s", error.message);
    EXPECT(w, down, "download, or other bytes: %s", error.message);
    CALL(w, deleted);
}

const struct check large_checks[] = {
    {"document15MiB", document_15_mib},
    {"batch48MB", batch_48_mb},
    {"gridfs100MB", gridfs_100_mb},
    {NULL, NULL},
};
