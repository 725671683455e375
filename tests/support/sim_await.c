/* Change streams and awaitData cursors of the simulated cluster: a getMore waits for an event of
 * the kind that its cursor hears, for at most its maxTimeMS or a second. */
#include "base/require.h"
#include "support/sim_server.h"

enum { DEFAULT_WAIT_MS = 1000 };

void sim_await_begin(struct sim_node *n, struct sim_cursor *cursor, const bson_t *request)
{
    cursor->awaits = true;
    cursor->hears = sim_int(request, "hears");
    require(cursor->hears >= 0 && cursor->hears < SIM_KINDS_MOST);
    cursor->seen = n->cluster->events[cursor->hears];
}

static bool has_news(const struct sim_node *n, const struct sim_cursor *cursor)
{
    return n->cluster->events[cursor->hears] > cursor->seen;
}

static void note_await(struct sim_node *n, const bson_t *request)
{
    msec asked = sim_int(request, "maxTimeMS");
    n->awaits++;
    if (asked > 0 && (n->least_await == 0 || asked < n->least_await)) {
        n->least_await = asked;
    }
}

bool sim_await_must_wait(struct sim_reply *r)
{
    struct sim_node *n = r->server->node;
    const struct sim_cursor *cursor =
        sim_has(r->request.body, "getMore") ? sim_cursor_of(n, r->request.body) : NULL;
    size_t waiting = 0;
    if (cursor == NULL || !cursor->awaits || r->has_awaited) {
        return false;
    }
    msec wait = sim_int(r->request.body, "maxTimeMS");
    note_await(n, r->request.body);
    r->has_awaited = true;
    if (has_news(n, cursor)) {
        return false;
    }
    list_push_back(&n->awaiting, &r->waiting);
    list_for_each (link, &n->awaiting) {
        waiting++;
    }
    n->awaits_most = waiting > n->awaits_most ? waiting : n->awaits_most;
    net_set_deadline(n->cluster->net, &r->due,
                     net_now(n->cluster->net) + (wait > 0 ? wait : DEFAULT_WAIT_MS));
    return true;
}

void sim_await_reply(struct sim_node *n, struct sim_cursor *cursor, bson_t *reply)
{
    bson_t body;
    bson_t part;
    int64_t *events = &n->cluster->events[cursor->hears];
    BSON_APPEND_DOCUMENT_BEGIN(reply, "cursor", &body);
    BSON_APPEND_ARRAY_BEGIN(&body, "nextBatch", &part);
    if (has_news(n, cursor)) {
        BCON_APPEND(&part, "0", "{", "event", BCON_INT64(*events), "}");
    }
    bson_append_array_end(&body, &part);
    BSON_APPEND_INT64(&body, "id", cursor->id);
    BSON_APPEND_UTF8(&body, "ns", "test.things");
    BCON_APPEND(&body, "postBatchResumeToken", "{", "_data", BCON_INT64(*events), "}");
    bson_append_document_end(reply, &body);
    cursor->seen = *events;
}

void sim_cluster_event(struct sim_cluster *c, int64_t kind)
{
    c->events[kind]++;
    for (size_t i = 0; i < c->count; i++) {
        list_for_each_safe (link, &c->nodes[i].awaiting) {
            struct sim_reply *r = container_of(link, struct sim_reply, waiting);
            const struct sim_cursor *cursor = sim_cursor_of(&c->nodes[i], r->request.body);
            if (cursor != NULL && has_news(&c->nodes[i], cursor)) {
                list_remove(&r->waiting);
                net_set_deadline(c->net, &r->due, net_now(c->net));
            }
        }
    }
}
