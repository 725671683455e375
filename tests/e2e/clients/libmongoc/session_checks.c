/* Sessions, transactions and change streams. */
#include "world.h"

#include <string.h>

static void sessions(struct world *w)
{
    bson_error_t error;
    const bson_t *found;
    uint32_t timestamp = 0, increment;
    mongoc_collection_t *things = collection(w, "sessions");
    mongoc_client_session_t *mine = session(w);
    bson_t *opts = in_session(w, mine);
    for (int i = 0; i < 10; i++) {
        bson_t *one = doc(w, "{'_id': %d}", i);
        CALL(w, mongoc_collection_insert_one(things, one, opts, NULL, &error));
        EXPECT(w, mongoc_cursor_next(find(w, things, one, opts), &found), "own write not read");
    }
    mongoc_client_session_get_operation_time(mine, &timestamp, &increment);
    EXPECT(w, timestamp, "operationTime was not learnt");
    EXPECT(w, mongoc_client_session_get_cluster_time(mine), "clusterTime was not learnt");
}

static bool move(mongoc_client_session_t *session, void *context, bson_t **reply,
                 bson_error_t *error)
{
    struct world *w = context;
    bson_t *opts = in_session(w, session);
    *reply = NULL;
    return mongoc_collection_update_one(collection(w, "two"), doc(w, "{'_id': 1}"),
                                        doc(w, "{'$set': {'n': 1}}"), opts, NULL, error) &&
           mongoc_collection_delete_one(collection(w, "one"), doc(w, "{'_id': 1}"), opts, NULL,
                                        error);
}

static void transactions(struct world *w)
{
    bson_error_t error;
    mongoc_collection_t *one = made_collection(w, "one"), *two = made_collection(w, "two");
    mongoc_client_session_t *mine = session(w);
    bson_t *opts = in_session(w, mine), *first = doc(w, "{'_id': 1}");
    CALL(w, mongoc_client_session_start_transaction(mine, NULL, &error));
    CALL(w, mongoc_collection_insert_one(one, first, opts, NULL, &error));
    CALL(w, mongoc_collection_insert_one(two, first, opts, NULL, &error));
    EXPECT(w, count(one) == 0, "seen by others before the commit");
    CALL(w, mongoc_client_session_commit_transaction(mine, NULL, &error));
    EXPECT(w, count(one) == 1 && count(two) == 1, "not committed");

    CALL(w, mongoc_client_session_start_transaction(mine, NULL, &error));
    CALL(w, mongoc_collection_insert_one(one, doc(w, "{'_id': 2}"), opts, NULL, &error));
    CALL(w, mongoc_client_session_abort_transaction(mine, &error));
    CALL(w, mongoc_client_session_with_transaction(mine, move, NULL, w, NULL, &error));
    EXPECT(w, count(one) == 0, "%d left", (int)count(one));
    EXPECT(w, !strcmp(first_json(w, two, first), "{ \"_id\" : 1, \"n\" : 1 }"), "%s",
           first_json(w, two, first));
}

static void transaction_conflict(struct world *w)
{
    bson_error_t error;
    bson_t *reply = reply_room(w), *one = doc(w, "{'_id': 1}");
    mongoc_collection_t *things = made_collection(w, "conflict");
    mongoc_client_session_t *first = session(w), *second = session(w);
    CALL(w, mongoc_collection_insert_one(things, one, NULL, NULL, &error));
    CALL(w, mongoc_client_session_start_transaction(first, NULL, &error));
    CALL(w, mongoc_client_session_start_transaction(second, NULL, &error));
    CALL(w, mongoc_collection_update_one(things, one, doc(w, "{'$set': {'by': 1}}"),
                                         in_session(w, first), NULL, &error));
    EXPECT(w,
           !mongoc_collection_update_one(things, one, doc(w, "{'$set': {'by': 2}}"),
                                         in_session(w, second), reply, &error),
           "no conflict");
    EXPECT(w, error.code == 112, "%s", error.message);
    EXPECT(w, mongoc_error_has_label(reply, "TransientTransactionError"), "no label");
    CALL(w, mongoc_client_session_abort_transaction(second, &error));
    CALL(w, mongoc_client_session_commit_transaction(first, NULL, &error));
    EXPECT(w, !strcmp(first_json(w, things, one), "{ \"_id\" : 1, \"by\" : 1 }"), "%s",
           first_json(w, things, one));
}

/* Waits for the next event, 10 s at most, and says whether it is one of that type. */
static bool comes(mongoc_change_stream_t *stream, const char *type)
{
    const bson_t *event;
    bson_iter_t iter;
    int64_t end = bson_get_monotonic_time() + 10 * 1000 * 1000;
    while (!mongoc_change_stream_next(stream, &event))
        if (bson_get_monotonic_time() > end)
            return false;
    return bson_iter_init_find(&iter, event, "operationType") &&
           !strcmp(bson_iter_utf8(&iter, NULL), type);
}

static void change_streams(struct world *w)
{
    bson_error_t error;
    const bson_t *event;
    mongoc_collection_t *things = made_collection(w, "watched");
    mongoc_change_stream_t *stream = watch(w, things, doc(w, "{'maxAwaitTimeMS': 200}"));
    bson_t *one = doc(w, "{'_id': 1}");
    EXPECT(w, !mongoc_change_stream_next(stream, &event), "an event from nowhere");
    CALL(w, mongoc_collection_insert_one(things, one, NULL, NULL, &error));
    CALL(w, mongoc_collection_update_one(things, one, doc(w, "{'$set': {'n': 2}}"), NULL, NULL,
                                         &error));
    CALL(w, mongoc_collection_delete_one(things, one, NULL, NULL, &error));
    EXPECT(w, comes(stream, "insert"), "no insert");
    bson_t *opts = doc(w, "{'maxAwaitTimeMS': 200}");
    BSON_APPEND_DOCUMENT(opts, "resumeAfter", mongoc_change_stream_get_resume_token(stream));
    EXPECT(w, comes(stream, "update"), "no update");
    mongoc_change_stream_t *resumed = watch(w, things, opts);
    EXPECT(w, comes(resumed, "update") && comes(resumed, "delete"), "not resumed");
}

const struct check session_checks[] = {
    {"sessions", sessions},
    {"transactions", transactions},
    {"transactionConflict", transaction_conflict},
    {"changeStreams", change_streams},
    {NULL, NULL},
};
