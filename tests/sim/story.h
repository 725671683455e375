/* What one application does, from hello to a commit, so that a sweep can end it, or whatever it
 * relies on, at every step. */
#ifndef TESTS_SIM_STORY_H
#define TESTS_SIM_STORY_H

#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "support/sim_world.h"

enum story_chapter {
    STORY_HELLO,
    STORY_WRITE,
    STORY_CURSOR,
    STORY_NEXT_BATCH,
    STORY_KILL_CURSOR,
    STORY_BEGIN,
    STORY_LARGE, /* a request that streams, in the transaction, and a reply that does */
    STORY_COMMIT,
    STORY_UNACKNOWLEDGED,
    STORY_END
};

struct story {
    struct sim_world *w;
    struct sim_client *client;
    enum story_chapter chapter;
    struct sim_txn transaction;
    size_t large_bytes;
    size_t failed; /* chapters that ended in an error */
};

static inline void story_ask_large(struct story *s)
{
    char *filler = xmalloc(s->large_bytes + 1);
    memset(filler, 'x', s->large_bytes);
    filler[s->large_bytes] = '\0';
    sim_client_ask_in(s->client, &s->transaction,
                      "{'insert': 'things', 'documents': [{'x': '%s'}], 'bytes': %zu}", filler,
                      s->large_bytes);
    free(filler);
}

static inline void story_go_on(struct story *s, const bson_t *last)
{
    struct sim_client *c = s->client;
    switch (s->chapter) {
    case STORY_HELLO:
        sim_client_ask(c, "{'hello': 1, 'helloOk': true, 'client': " SIM_CLIENT_DOCUMENT "}",
                       "story");
        break;
    case STORY_WRITE:
        sim_client_ask(c, "{'insert': 'things', 'documents': [{}], 'delay': 2}");
        break;
    case STORY_CURSOR:
        sim_client_ask(c, "{'find': 'things', 'more': 2, 'bytes': 3000, "
                          "'$readPreference': {'mode': 'secondaryPreferred'}}");
        break;
    case STORY_NEXT_BATCH:
        c->number = sim_int(last, "cursor.id");
        sim_client_ask(c, "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things'}",
                       (long long)c->number);
        break;
    case STORY_KILL_CURSOR:
        sim_client_ask(c, "{'killCursors': 'things', 'cursors': [{'$numberLong': '%lld'}]}",
                       (long long)c->number);
        break;
    case STORY_BEGIN:
        sim_client_ask_in(c, &s->transaction,
                          "{'insert': 'things', 'documents': [{}], 'lock': true}");
        break;
    case STORY_LARGE:
        story_ask_large(s);
        break;
    case STORY_COMMIT:
        sim_client_ask_in(c, &s->transaction, "{'commitTransaction': 1}");
        break;
    case STORY_UNACKNOWLEDGED:
        sim_client_tell(c, "{'insert': 'things', 'documents': [{}]}");
        sim_client_ask(c, "{'ping': 1}");
        break;
    case STORY_END:
        break;
    }
}

static inline void story_on_reply(struct sim_client *c, const bson_t *reply)
{
    struct story *s = c->owner;
    if (reply == NULL) {
        return;
    }
    s->failed += sim_int(reply, "ok") == 0;
    if (s->chapter < STORY_END && s->client->conn != NULL) {
        s->chapter++;
        story_go_on(s, reply);
    }
}

static inline void story_begin(struct story *s, struct sim_world *w, size_t large_bytes)
{
    *s = (struct story){.w = w, .large_bytes = large_bytes};
    s->transaction.number = 1;
    memset(s->transaction.lsid, 7, sizeof s->transaction.lsid);
    s->client = sim_client_open(w);
    s->client->owner = s;
    s->client->on_reply = story_on_reply;
    story_go_on(s, NULL);
}

static inline bool story_is_over(void *owner)
{
    const struct story *s = owner;
    return s->chapter == STORY_END || s->client->conn == NULL;
}

#endif
