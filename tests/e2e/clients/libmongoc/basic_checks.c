/* CRUD, aggregation, cursors, bulk writes and indexes. */
#include "world.h"

#include <string.h>

static bool insert_range(struct world *w, mongoc_collection_t *things, int from, int to,
                         int modulus)
{
    bson_error_t error;
    int many = to - from;
    const bson_t **docs = bson_malloc0((size_t)many * sizeof(*docs));
    for (int i = 0; i < many; i++)
        docs[i] = doc(w, "{'_id': %d, 'n': %d}", from + i, (from + i) % modulus);
    bool done = mongoc_collection_insert_many(things, docs, (size_t)many, NULL, NULL, &error);
    if (!done)
        check_fail(w, __LINE__, "insert: %s", error.message);
    bson_free(docs);
    return done;
}

static void crud(struct world *w)
{
    bson_error_t error;
    bson_t *reply = reply_room(w);
    mongoc_collection_t *things = collection(w, "crud");
    CALL(w, mongoc_collection_insert_one(things, doc(w, "{'_id': -1}"), NULL, NULL, &error));
    if (!insert_range(w, things, 0, 20, 3))
        return;
    EXPECT(w, !strcmp(first_json(w, things, doc(w, "{'_id': 7}")), "{ \"_id\" : 7, \"n\" : 1 }"),
           "find: %s", first_json(w, things, doc(w, "{'_id': 7}")));
    CALL(w, mongoc_collection_update_many(things, doc(w, "{'n': 1}"), doc(w, "{'$set': {'n': 9}}"),
                                          NULL, reply, &error));
    EXPECT(w, int_at(reply, "modifiedCount") == 7, "%d", (int)int_at(reply, "modifiedCount"));
    reply = reply_room(w);
    CALL(w, mongoc_collection_replace_one(things, doc(w, "{'_id': 2}"), doc(w, "{'n': 5}"), NULL,
                                          reply, &error));
    EXPECT(w, int_at(reply, "modifiedCount") == 1, "%d", (int)int_at(reply, "modifiedCount"));
    reply = reply_room(w);
    CALL(w,
         mongoc_collection_update_one(things, doc(w, "{'_id': 99}"), doc(w, "{'$inc': {'n': 1}}"),
                                      doc(w, "{'upsert': true}"), reply, &error));
    EXPECT(w, int_at(reply, "upsertedId") == 99, "%d", (int)int_at(reply, "upsertedId"));
    reply = reply_room(w);
    CALL(w, mongoc_collection_delete_many(things, doc(w, "{'n': 9}"), NULL, reply, &error));
    EXPECT(w, int_at(reply, "deletedCount") == 7, "%d", (int)int_at(reply, "deletedCount"));
    EXPECT(w, count(things) == 15, "%d", (int)count(things));
}

static void find_and_modify(struct world *w)
{
    bson_error_t error;
    bson_t *reply = reply_room(w);
    mongoc_collection_t *things = collection(w, "modified");
    if (!insert_range(w, things, 0, 3, 3))
        return;
    mongoc_find_and_modify_opts_t *opts = mongoc_find_and_modify_opts_new();
    mongoc_find_and_modify_opts_set_update(opts, doc(w, "{'$inc': {'n': 10}}"));
    mongoc_find_and_modify_opts_set_flags(opts, MONGOC_FIND_AND_MODIFY_RETURN_NEW);
    bool done = mongoc_collection_find_and_modify_with_opts(things, doc(w, "{'_id': 1}"), opts,
                                                            reply, &error);
    mongoc_find_and_modify_opts_destroy(opts);
    CALL(w, done);
    EXPECT(w, int_at(reply, "value.n") == 11, "%d", (int)int_at(reply, "value.n"));
}

static void aggregation(struct world *w)
{
    const bson_t *group;
    mongoc_collection_t *things = collection(w, "aggregation");
    if (!insert_range(w, things, 0, 1000, 10))
        return;
    bson_t *pipeline = doc(w, "{'pipeline': [{'$match': {'n': {'$lt': 5}}},"
                              " {'$group': {'_id': '$n', 'sum': {'$sum': '$_id'}}},"
                              " {'$sort': {'_id': 1}}]}");
    mongoc_cursor_t *cursor =
        keep_cursor(w, mongoc_collection_aggregate(things, MONGOC_QUERY_NONE, pipeline,
                                                   doc(w, "{'batchSize': 2}"), NULL));
    int groups = 0;
    for (; mongoc_cursor_next(cursor, &group); groups++)
        EXPECT(w, int_at(group, "_id") == groups && int_at(group, "sum") == 49500 + 100 * groups,
               "group %d: %lld", groups, (long long)int_at(group, "sum"));
    EXPECT(w, groups == 5, "%d groups", groups);
    pipeline = doc(w, "{'pipeline': [{'$match': {'n': 3}}, {'$merge': {'into': 'merged'}}]}");
    cursor = keep_cursor(
        w, mongoc_collection_aggregate(things, MONGOC_QUERY_NONE, pipeline, NULL, NULL));
    EXPECT(w, !mongoc_cursor_next(cursor, &group), "$merge gave a document");
    EXPECT(w, count(collection(w, "merged")) == 100, "%d", (int)count(collection(w, "merged")));
}

/* A cursor that was given back before its end is gone from the server. */
static void half_read(struct world *w, mongoc_collection_t *things)
{
    bson_error_t error;
    const bson_t *found;
    mongoc_cursor_t *half =
        mongoc_collection_find_with_opts(things, doc(w, "{}"), doc(w, "{'batchSize': 10}"), NULL);
    bool any = mongoc_cursor_next(half, &found);
    int64_t id = mongoc_cursor_get_id(half);
    mongoc_cursor_destroy(half);
    EXPECT(w, any && id, "nothing was read");
    bson_t *more =
        doc(w, "{'getMore': {'$numberLong': '%lld'}, 'collection': 'cursors'}", (long long)id);
    EXPECT(w, !mongoc_database_command_simple(w->db, more, NULL, NULL, &error) && error.code == 43,
           "a closed cursor was still there");
}

static void cursors(struct world *w)
{
    enum { DOCS = 3000, CURSORS = 3 };
    const bson_t *found;
    bson_error_t error;
    mongoc_collection_t *things = collection(w, "cursors");
    mongoc_cursor_t *walks[CURSORS];
    if (!insert_range(w, things, 0, DOCS, 7))
        return;
    for (int c = 0; c < CURSORS; c++)
        walks[c] = find(w, things, doc(w, "{}"), doc(w, "{'sort': {'_id': 1}, 'batchSize': 100}"));
    for (int i = 0; i < DOCS * CURSORS; i++) {
        mongoc_cursor_t *walk = walks[i % CURSORS];
        EXPECT(w, mongoc_cursor_next(walk, &found), "cursor %d ended at %d: %s", i % CURSORS,
               i / CURSORS, mongoc_cursor_error(walk, &error) ? error.message : "no error");
        EXPECT(w, int_at(found, "_id") == i / CURSORS, "cursor %d at %d: %d", i % CURSORS,
               i / CURSORS, (int)int_at(found, "_id"));
    }
    EXPECT(w, !mongoc_cursor_next(walks[0], &found), "more than there is");
    half_read(w, things);
}

static void bulk_ordered(struct world *w)
{
    bson_error_t error;
    bson_t *reply = reply_room(w);
    mongoc_bulk_operation_t *bulk = bulk_operation(w, collection(w, "bulk"), NULL);
    mongoc_bulk_operation_insert(bulk, doc(w, "{'_id': 1}"));
    mongoc_bulk_operation_insert(bulk, doc(w, "{'_id': 2}"));
    mongoc_bulk_operation_update(bulk, doc(w, "{}"), doc(w, "{'$set': {'n': 1}}"), false);
    mongoc_bulk_operation_replace_one(bulk, doc(w, "{'_id': 3}"), doc(w, "{'n': 3}"), true);
    mongoc_bulk_operation_remove_one(bulk, doc(w, "{'_id': 1}"));
    CALL(w, mongoc_bulk_operation_execute(bulk, reply, &error));
    EXPECT(w,
           int_at(reply, "nInserted") == 2 && int_at(reply, "nModified") == 2 &&
               int_at(reply, "nUpserted") == 1 && int_at(reply, "nRemoved") == 1,
           "other counts");
}

static void bulk_unordered(struct world *w)
{
    bson_error_t error;
    bson_t *reply = reply_room(w);
    mongoc_collection_t *things = collection(w, "bulk");
    mongoc_bulk_operation_t *bulk = bulk_operation(w, things, doc(w, "{'ordered': false}"));
    mongoc_bulk_operation_insert(bulk, doc(w, "{'_id': 2}"));
    mongoc_bulk_operation_insert(bulk, doc(w, "{'_id': 4}"));
    mongoc_bulk_operation_insert(bulk, doc(w, "{'_id': 3}"));
    EXPECT(w, !mongoc_bulk_operation_execute(bulk, reply, &error), "duplicates passed");
    EXPECT(w,
           int_at(reply, "writeErrors.0.index") == 0 && int_at(reply, "writeErrors.1.index") == 2,
           "errors of other documents");
    EXPECT(w, int_at(reply, "writeErrors.1.code") == 11000, "another code");
    EXPECT(w, count(things) == 3, "%d", (int)count(things));
}

static void bulk(struct world *w)
{
    bulk_ordered(w);
    if (!w->failed)
        bulk_unordered(w);
}

static int index_count(struct world *w, mongoc_collection_t *things)
{
    const bson_t *index;
    int found = 0;
    mongoc_cursor_t *cursor =
        keep_cursor(w, mongoc_collection_find_indexes_with_opts(things, NULL));
    while (mongoc_cursor_next(cursor, &index))
        found++;
    return found;
}

static void indexes(struct world *w)
{
    bson_error_t error;
    mongoc_collection_t *things = collection(w, "indexes");
    bson_t *create = doc(w, "{'createIndexes': 'indexes', 'indexes': ["
                            "{'name': 'name_1', 'key': {'name': 1}, 'unique': true},"
                            "{'name': 'pair', 'key': {'a': 1, 'b': -1}}]}");
    CALL(w, mongoc_database_write_command_with_opts(w->db, create, NULL, NULL, &error));
    EXPECT(w, index_count(w, things) == 3, "%d indexes", index_count(w, things));
    CALL(w, mongoc_collection_insert_one(things, doc(w, "{'name': 'x'}"), NULL, NULL, &error));
    EXPECT(w, !mongoc_collection_insert_one(things, doc(w, "{'name': 'x'}"), NULL, NULL, &error),
           "a unique index let a duplicate pass");
    EXPECT(w, error.code == 11000, "%s", error.message);
    CALL(w, mongoc_collection_drop_index_with_opts(things, "name_1", NULL, &error));
    CALL(w, mongoc_collection_insert_one(things, doc(w, "{'name': 'x'}"), NULL, NULL, &error));
    EXPECT(w, index_count(w, things) == 2, "%d indexes", index_count(w, things));
}

const struct check basic_checks[] = {
    {"crud", crud},
    {"findAndModify", find_and_modify},
    {"aggregation", aggregation},
    {"cursors", cursors},
    {"bulk", bulk},
    {"indexes", indexes},
    {NULL, NULL},
};
