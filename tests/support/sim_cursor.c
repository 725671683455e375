/* Cursors of the simulated cluster. */
#include <stdio.h>
#include <stdlib.h>

#include "base/require.h"
#include "support/sim_server.h"

enum { CODE_BAD_VALUE = 2, CODE_CURSOR_NOT_FOUND = 43 };

static void append_cursor(bson_t *reply, const bson_t *request, const char *batch, int64_t id)
{
    const char *ns = sim_text(request, "ns");
    bson_t cursor;
    bson_t documents;
    BSON_APPEND_DOCUMENT_BEGIN(reply, "cursor", &cursor);
    BSON_APPEND_ARRAY_BEGIN(&cursor, batch, &documents);
    bson_append_array_end(&cursor, &documents);
    BSON_APPEND_INT64(&cursor, "id", id);
    BSON_APPEND_UTF8(&cursor, "ns", ns[0] == '\0' ? "test.things" : ns);
    if (sim_has(request, "tokened")) {
        BCON_APPEND(&cursor, "postBatchResumeToken", "{", "_data", "8264", "}");
    }
    bson_append_document_end(reply, &cursor);
}

void sim_node_forget(struct sim_node *n)
{
    list_for_each_safe (link, &n->cursors) {
        list_remove(link);
        free(container_of(link, struct sim_cursor, link));
    }
    sim_txn_forget(n);
}

static struct sim_cursor *open_cursor(struct sim_node *n, int64_t batches)
{
    bool collides = n->cluster->cursors_collide;
    struct sim_cursor *cursor = xcalloc(1, sizeof *cursor);
    cursor->id = collides ? 5000 + n->next_cursor++ : ++n->cluster->next_cursor;
    cursor->left = batches;
    cursor->maker = n->maker;
    list_push_back(&n->cursors, &cursor->link);
    return cursor;
}

int64_t sim_node_open_cursor(struct sim_node *n, int64_t batches)
{
    return open_cursor(n, batches)->id;
}

void sim_cursor_find(struct sim_node *n, const bson_t *request, bson_t *reply)
{
    int64_t more = sim_int(request, "more");
    bool awaits = sim_has(request, "awaitData") || sim_has(request, "pipeline.0.$changeStream");
    struct sim_cursor *cursor = more > 0 || awaits ? open_cursor(n, more) : NULL;
    if (awaits) {
        sim_await_begin(n, cursor, request);
    }
    append_cursor(reply, request, "firstBatch", cursor == NULL ? 0 : cursor->id);
}

static struct sim_cursor *find_cursor(struct sim_node *n, int64_t id)
{
    list_for_each (link, &n->cursors) {
        struct sim_cursor *cursor = container_of(link, struct sim_cursor, link);
        if (cursor->id == id && cursor->maker == n->maker) {
            return cursor;
        }
    }
    return NULL;
}

static void forget_cursor(struct sim_cursor *cursor)
{
    list_remove(&cursor->link);
    free(cursor);
}

struct sim_cursor *sim_cursor_of(struct sim_node *n, const bson_t *request)
{
    return find_cursor(n, sim_int(request, "getMore"));
}

bool sim_cursor_get_more(struct sim_node *n, const bson_t *request, bson_t *reply)
{
    struct sim_cursor *cursor = sim_cursor_of(n, request);
    if (cursor == NULL) {
        sim_error_append(n, reply, CODE_CURSOR_NOT_FOUND, "cursor not found");
        return false;
    }
    if (cursor->awaits) {
        sim_await_reply(n, cursor, reply);
        return true;
    }
    if (sim_has(request, "maxTimeMS")) {
        sim_error_append(n, reply, CODE_BAD_VALUE, "maxTimeMS, and the cursor is not awaitData");
        return false;
    }
    cursor->left--;
    append_cursor(reply, request, "nextBatch", cursor->left == 0 ? 0 : cursor->id);
    if (cursor->left == 0) {
        forget_cursor(cursor);
    }
    return true;
}

/* Of the ids, those that are known here, or those that are not; the known ones go when they are
 * `killed`. */
static void append_ids(struct sim_node *n, const bson_t *request, bson_t *reply, const char *name,
                       bool killed)
{
    bson_iter_t it;
    bson_iter_t id;
    bson_t list;
    char key[12];
    int count = 0;
    BSON_APPEND_ARRAY_BEGIN(reply, name, &list);
    require(bson_iter_init_find(&it, request, "cursors") && bson_iter_recurse(&it, &id));
    while (bson_iter_next(&id)) {
        struct sim_cursor *cursor = find_cursor(n, bson_iter_int64(&id));
        if ((cursor != NULL) == killed) {
            snprintf(key, sizeof key, "%d", count++);
            BSON_APPEND_INT64(&list, key, bson_iter_int64(&id));
        }
        if (cursor != NULL && killed) {
            forget_cursor(cursor);
        }
    }
    bson_append_array_end(reply, &list);
}

void sim_cursor_kill(struct sim_node *n, const bson_t *request, bson_t *reply)
{
    n->killings++;
    append_ids(n, request, reply, "cursorsNotFound", false);
    append_ids(n, request, reply, "cursorsKilled", true);
}
