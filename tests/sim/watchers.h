/* Applications that watch: each reads its change stream, or tails a capped collection, again and
 * again, and notes what it hears. */
#ifndef TESTS_SIM_WATCHERS_H
#define TESTS_SIM_WATCHERS_H

#include <stdlib.h>

#include "base/require.h"
#include "support/sim_world.h"

enum { WATCHERS_MOST = 200, AWAIT_MS = 1000 };

struct watcher {
    struct watchers *all;
    struct sim_client *client;
    int64_t cursor;
    int64_t events; /* told to it */
    msec heard_at;  /* the last one */
    size_t served;  /* replies of the server */
    size_t local;   /* of the proxy */
    size_t errors;
    int64_t code; /* of the last one */
};

struct watchers {
    struct sim_world *w;
    struct watcher list[WATCHERS_MOST];
    size_t count;
    int await_ms; /* maxTimeMS of its getMores; 0: none is given */
    msec longest; /* a getMore ever took */
    bool has_stopped;
};

static inline void watcher_read(struct watcher *s)
{
    if (s->all->has_stopped) {
        return;
    }
    if (s->all->await_ms > 0) {
        sim_client_ask(s->client,
                       "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things', "
                       "'maxTimeMS': %d}",
                       (long long)s->cursor, s->all->await_ms);
    } else {
        sim_client_ask(s->client, "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things'}",
                       (long long)s->cursor);
    }
}

static inline void note_batch(struct watcher *s, const bson_t *reply)
{
    assert_int_equal(sim_int(reply, "cursor.id"), s->cursor);
    assert_string_equal(sim_text(reply, "cursor.ns"), "test.things");
    s->all->longest = s->client->took > s->all->longest ? s->client->took : s->all->longest;
    if (!sim_has(reply, "cursor.postBatchResumeToken")) {
        s->local++;
        return;
    }
    s->served++;
    if (sim_has(reply, "cursor.nextBatch.0")) {
        s->events = sim_int(reply, "cursor.nextBatch.0.event");
        s->heard_at = net_now(s->all->w->net);
    }
}

static inline void on_watcher_reply(struct sim_client *c, const bson_t *reply)
{
    struct watcher *s = c->owner;
    if (reply == NULL) {
        return;
    }
    if (sim_int(reply, "ok") == 0) {
        s->errors++;
        s->code = sim_int(reply, "code");
        return; /* a driver would begin anew */
    }
    if (s->cursor == 0) {
        s->cursor = sim_int(reply, "cursor.id");
    } else {
        note_batch(s, reply);
    }
    watcher_read(s);
}

static inline struct watcher *watcher_open(struct watchers *all, int64_t hears)
{
    struct watcher *s = &all->list[all->count++];
    s->all = all;
    s->client = sim_client_open(all->w);
    s->client->owner = s;
    s->client->on_reply = on_watcher_reply;
    if (hears % 2 == 0) {
        sim_client_ask(s->client,
                       "{'aggregate': 'things', 'pipeline': [{'$changeStream': {}}], "
                       "'cursor': {}, 'hears': %d}",
                       (int)hears);
    } else {
        sim_client_ask(s->client,
                       "{'find': 'things', 'tailable': true, 'awaitData': true, 'hears': %d}",
                       (int)hears);
    }
    return s;
}

static inline struct watchers *watchers_new(struct sim_world *w, size_t count, int await_ms)
{
    struct watchers *all = xcalloc(1, sizeof *all);
    all->w = w;
    all->await_ms = await_ms;
    for (size_t i = 0; i < count; i++) {
        watcher_open(all, (int64_t)i);
    }
    return all;
}

/* Asks no more; the world is at rest once all have been answered. */
static inline void watchers_end(struct watchers *all)
{
    all->has_stopped = true;
    for (size_t i = 0; i < all->count; i++) {
        sim_world_answer(all->w, all->list[i].client, 2 * AWAIT_MS + all->await_ms);
    }
    assert_int_equal(sim_world_pool(all->w, 0)->lent, 0);
    assert_int_equal(sim_world_pool(all->w, 0)->waiting, 0);
    sim_world_end(all->w);
    free(all);
}

static inline bool all_have_heard(void *owner)
{
    const struct watchers *all = owner;
    for (size_t i = 0; i < all->count; i++) {
        if (all->list[i].events == 0) {
            return false;
        }
    }
    return true;
}

#endif
