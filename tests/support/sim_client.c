#include "support/sim_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "support/sim_world.h"

enum { MORE_TO_COME = 2 };

static void on_bytes(void *owner, struct span bytes);
static void on_closed(void *owner, enum status why);

static void on_nothing(void *owner)
{
    (void)owner;
}

static const struct conn_events events = {
    .on_open = on_nothing, .on_bytes = on_bytes, .on_drained = on_nothing, .on_closed = on_closed};

struct sim_client *sim_client_open(struct sim_world *w)
{
    struct sim_client *c = xcalloc(1, sizeof *c);
    c->world = w;
    c->conn = net_dial(w->net, &w->at, NULL, &events, c);
    list_push_back(&w->clients, &c->link);
    return c;
}

/* --- requests --- */

static uint8_t *make(struct sim_client *c, bson_t *command, uint32_t flags, size_t *size)
{
    struct sim_world *w = c->world;
    int64_t token = ++w->last_token;
    int32_t id = (int32_t)(1000000 + token); /* unlike any id of the proxy's */
    BSON_APPEND_INT64(command, "token", token);
    BSON_APPEND_UTF8(command, "$db", "test");
    if ((flags & MORE_TO_COME) == 0) {
        require(c->asked_count < SIM_ASKED_MOST);
        c->asked[c->asked_count++] =
            (struct sim_asked){.request_id = id, .token = token, .at = net_now(w->net)};
    }
    uint8_t *bytes = sim_message_write(id, 0, flags, command, size);
    bson_destroy(command);
    return bytes;
}

static int64_t ask(struct sim_client *c, bson_t *command, uint32_t flags)
{
    struct span part;
    uint8_t *bytes = make(c, command, flags, &part.size);
    part.at = bytes;
    require(c->conn != NULL && c->rest == NULL);
    conn_send(c->conn, &part, 1);
    free(bytes);
    return c->world->last_token;
}

int64_t sim_client_ask(struct sim_client *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bson_t *command = sim_document_list(format, args);
    va_end(args);
    return ask(c, command, 0);
}

int64_t sim_client_tell(struct sim_client *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bson_t *command = sim_document_list(format, args);
    va_end(args);
    BCON_APPEND(command, "writeConcern", "{", "w", BCON_INT32(0), "}");
    return ask(c, command, MORE_TO_COME);
}

int64_t sim_client_ask_in(struct sim_client *c, struct sim_txn *t, const char *format, ...)
{
    va_list args;
    bson_t lsid;
    va_start(args, format);
    bson_t *command = sim_document_list(format, args);
    va_end(args);
    BSON_APPEND_DOCUMENT_BEGIN(command, "lsid", &lsid);
    BSON_APPEND_BINARY(&lsid, "id", BSON_SUBTYPE_UUID, t->lsid, sizeof t->lsid);
    bson_append_document_end(command, &lsid);
    BSON_APPEND_INT64(command, "txnNumber", t->number);
    BSON_APPEND_BOOL(command, "autocommit", false);
    if (!t->has_begun) {
        BSON_APPEND_BOOL(command, "startTransaction", true);
    }
    t->has_begun = true;
    return ask(c, command, 0);
}

int64_t sim_client_ask_in_part(struct sim_client *c, size_t part, const char *format, ...)
{
    va_list args;
    size_t size;
    va_start(args, format);
    bson_t *command = sim_document_list(format, args);
    va_end(args);
    uint8_t *bytes = make(c, command, 0, &size);
    struct span first = span_of(bytes, part < size ? part : size);
    conn_send(c->conn, &first, 1);
    c->rest_size = size - first.size;
    memmove(bytes, bytes + first.size, c->rest_size);
    c->rest = bytes;
    return c->world->last_token;
}

void sim_client_send_rest(struct sim_client *c)
{
    struct span rest = span_of(c->rest, c->rest_size);
    if (c->conn != NULL) {
        conn_send(c->conn, &rest, 1);
    }
    free(c->rest);
    c->rest = NULL;
}

/* --- replies --- */

static bool is_made_by_proxy(const bson_t *reply)
{
    return strncmp(sim_text(reply, "errmsg"), "mooring: ", 9) == 0;
}

/* The batch of a getMore that had no turn: empty, with no resume token. */
static bool is_local_batch(const bson_t *reply)
{
    return sim_has(reply, "cursor.nextBatch") && !sim_has(reply, "token") &&
           !sim_has(reply, "cursor.nextBatch.0") && !sim_has(reply, "cursor.postBatchResumeToken");
}

static void check_reply(struct sim_client *c, const struct sim_message *m)
{
    const struct sim_asked *a = &c->asked[0];
    if (c->asked_count == 0 || m->response_to != a->request_id) {
        sim_world_fail(c->world, "a reply to %d, which is not asked", m->response_to);
    }
    bool is_ours = is_made_by_proxy(m->body) || sim_has(m->body, "cursorsUnknown") ||
                   sim_has(m->body, "isWritablePrimary") || sim_has(m->body, "ismaster") ||
                   is_local_batch(m->body);
    if (!is_ours && sim_int(m->body, "token") != a->token) {
        sim_world_fail(c->world, "the reply with token %lld went to who asked with %lld",
                       (long long)sim_int(m->body, "token"), (long long)a->token);
    }
}

static void take_reply(struct sim_client *c, struct sim_message *m)
{
    check_reply(c, m);
    c->took = net_now(c->world->net) - c->asked[0].at;
    c->asked_count--;
    memmove(c->asked, c->asked + 1, c->asked_count * sizeof *c->asked);
    c->replies++;
    c->errors += sim_int(m->body, "ok") == 0;
    bson_destroy(c->last);
    c->last = bson_copy(m->body);
    if (c->on_reply != NULL) {
        c->on_reply(c, c->last);
    }
}

static void on_bytes(void *owner, struct span bytes)
{
    struct sim_client *c = owner;
    struct sim_message m;
    sim_inbox_add(&c->inbox, bytes);
    while (sim_inbox_take(&c->inbox, &m)) {
        take_reply(c, &m);
        sim_message_clear(&m);
    }
}

/* --- the end --- */

static void on_closed(void *owner, enum status why)
{
    struct sim_client *c = owner;
    c->conn = NULL;
    c->why_closed = why;
    sim_inbox_clear(&c->inbox);
    if (c->on_reply != NULL) {
        c->on_reply(c, NULL);
    }
}

void sim_client_leave(struct sim_client *c, enum close_how how)
{
    if (c->conn != NULL) {
        conn_close(c->conn, how);
    }
}

void sim_client_free(struct sim_client *c)
{
    list_remove(&c->link);
    bson_destroy(c->last);
    free(c->rest);
    free(c);
}
