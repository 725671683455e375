/* Unacknowledged writes, and the domains and codes in which a server's errors arrive. */
#include "world.h"

#include <string.h>

static void unacknowledged(struct world *w)
{
    bson_error_t error;
    mongoc_collection_t *things = made_collection(w, "unacknowledged");
    bson_t *quiet = doc(w, "{'writeConcern': {'w': 0}}");
    for (int i = 0; i < 30; i++)
        CALL(w,
             mongoc_collection_insert_one(things, doc(w, "{'_id': %d}", i), quiet, NULL, &error));
    int64_t end = bson_get_monotonic_time() + 10 * 1000 * 1000;
    while (count(things) != 30)
        EXPECT(w, bson_get_monotonic_time() < end, "%d of 30 arrived", (int)count(things));
}

static void duplicate_key(struct world *w, mongoc_collection_t *things)
{
    bson_error_t error;
    bson_t *reply = reply_room(w), *one = doc(w, "{'_id': 1}");
    CALL(w, mongoc_collection_insert_one(things, one, NULL, NULL, &error));
    EXPECT(w, !mongoc_collection_insert_one(things, one, NULL, reply, &error),
           "a duplicate passed");
    EXPECT(w, error.domain == MONGOC_ERROR_SERVER && error.code == 11000, "domain %u, code %u",
           error.domain, error.code);
    EXPECT(w, int_at(reply, "writeErrors.0.keyValue._id") == 1, "keyValue was lost");
}

static void errors(struct world *w)
{
    bson_error_t error;
    const bson_t *found;
    mongoc_collection_t *things = collection(w, "errors");
    duplicate_key(w, things);
    if (w->failed)
        return;
    EXPECT(
        w,
        !mongoc_database_command_simple(w->db, doc(w, "{'noSuchCommand': 1}"), NULL, NULL, &error),
        "an unknown command passed");
    EXPECT(w, error.domain == MONGOC_ERROR_SERVER && error.code == 59, "domain %u, code %u: %s",
           error.domain, error.code, error.message);

    for (int i = 2; i <= 500; i++)
        CALL(w, mongoc_collection_insert_one(things, doc(w, "{'_id': %d}", i), NULL, NULL, &error));
    bson_t *pairs = doc(w, "{'pipeline': [{'$lookup': {'from': 'errors', 'pipeline': [],"
                           " 'as': 'all'}}, {'$count': 'n'}]}");
    mongoc_cursor_t *cursor =
        keep_cursor(w, mongoc_collection_aggregate(things, MONGOC_QUERY_NONE, pairs,
                                                   doc(w, "{'maxTimeMS': 1}"), NULL));
    EXPECT(w, !mongoc_cursor_next(cursor, &found) && mongoc_cursor_error(cursor, &error),
           "no error of maxTimeMS");
    EXPECT(w, error.domain == MONGOC_ERROR_SERVER && error.code == 50, "domain %u, code %u: %s",
           error.domain, error.code, error.message);
    EXPECT(w, count(things) == 500, "the connection does not go on working");
}

/* With apiStrict the server itself must have heard of it: it refuses what is not in version 1. */
static void server_api(struct world *w)
{
    bson_error_t error;
    bson_t *reply = reply_room(w), *distinct = doc(w, "{'distinct': 'api', 'key': '_id'}");
    CALL(w, mongoc_collection_insert_one(collection(w, "api"), doc(w, "{'_id': 1}"), NULL, NULL,
                                         &error));
    bool done = mongoc_database_command_simple(w->db, distinct, NULL, reply, &error);
    EXPECT(w, done == !w->strict, "distinct: %s", done ? "passed" : error.message);
    EXPECT(w, done ? int_at(reply, "values.0") == 1 : error.code == 323, "another answer");
}

const struct check error_checks[] = {
    {"unacknowledged", unacknowledged},
    {"errors", errors},
    {"serverApi", server_api},
    {NULL, NULL},
};
