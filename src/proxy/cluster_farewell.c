/* What an owner of cursors and transactions has left open, as requests that end it. Each is
 * forgotten as soon as it is handed out: it is ended once, or by the server. */
#include "core/wire/farewell.h"

#include "proxy/cluster_parts.h"
#include "proxy/proxy.h"

enum { CURSORS_AT_ONCE = 100, LOOKED_AT_MOST = 1000 };

bool cluster_owes_farewell(const struct cluster *c, uint64_t owner)
{
    return affinity_next_transaction_of(c->affinity, owner, NULL) != NULL ||
           affinity_next_cursor_of(c->affinity, owner, NULL) != NULL;
}

static bool next_transaction(struct cluster *c, uint64_t owner, struct farewell *out)
{
    const struct known_transaction *t = affinity_next_transaction_of(c->affinity, owner, NULL);
    if (t == NULL) {
        return false;
    }
    out->node = cluster_find_node(c, t->server);
    out->count = 1;
    farewell_abort_transaction(t->lsid, t->number, t->terms, &out->command);
    affinity_on_transaction_gone(c->affinity, t->lsid);
    return true;
}

static bool is_along(const struct known_cursor *cursor, const struct known_cursor *first)
{
    return cursor->server == first->server && span_equals(cursor->ns, first->ns) &&
           !cursor->has_txn_number;
}

/* Those of one node and namespace go together. A transaction's end with it. */
static bool next_cursors(struct cluster *c, uint64_t owner, struct farewell *out)
{
    int64_t ids[CURSORS_AT_ONCE];
    const struct known_cursor *first = affinity_next_cursor_of(c->affinity, owner, NULL);
    if (first == NULL) {
        return false;
    }
    uint32_t server = first->server;
    const struct known_cursor *next = first;
    size_t most = c->is_balanced ? 1 : CURSORS_AT_ONCE; /* each may be on another connection */
    for (size_t i = 0; next != NULL && out->count < most && i < LOOKED_AT_MOST; i++) {
        if (is_along(next, first)) {
            ids[out->count++] = next->id;
        }
        next = affinity_next_cursor_of(c->affinity, owner, next);
    }
    if (out->count > 0 && farewell_kill_cursors(first->ns, ids, out->count, &out->command)) {
        out->node = cluster_find_node(c, server);
    }
    int64_t passed_over = first->id;
    for (size_t i = 0; i < out->count; i++) {
        affinity_on_cursor_gone(c->affinity, ids[i], server);
    }
    affinity_on_cursor_gone(c->affinity, passed_over, server);
    return true;
}

bool cluster_next_farewell(struct cluster *c, uint64_t owner, struct farewell *out)
{
    if (c->is_closing) {
        return false;
    }
    *out = (struct farewell){.node = NULL};
    bson_init(&out->command);
    while (next_transaction(c, owner, out) || next_cursors(c, owner, out)) {
        if (out->node != NULL) {
            return true;
        }
        bson_reinit(&out->command);
        out->count = 0;
    }
    bson_destroy(&out->command);
    return false;
}
