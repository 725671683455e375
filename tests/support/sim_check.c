/* What is always true of the proxy, looked at from outside after every step. */
#include <stdio.h>

#include "proxy/backend.h"
#include "proxy/client.h"
#include "proxy/cluster_parts.h"
#include "proxy/exchange.h"
#include "proxy/node_pins.h"
#include "support/sim_world.h"

/* Backends, dials included, within the cap: by the pool's own counts, and by the conns that really
 * stand (two more are the monitor's). */
static void check_cap(struct sim_world *w, const struct node *node)
{
    const struct pool_counts *counts = pool_counts(node->pool);
    size_t most = (size_t)w->settings.pool.max_pool_size;
    size_t parts =
        counts->dialling + counts->checking + counts->idle + counts->lent + counts->closing;
    if (counts->total > most || counts->total != parts || counts->total != node->backend_count) {
        sim_world_fail(w, "%s: the pool counts %zu (its parts %zu) of %zu, and %zu backends are",
                       node->name, counts->total, parts, most, node->backend_count);
    }
    if (counts->dialling > (size_t)w->settings.pool.max_connecting) {
        sim_world_fail(w, "%s: %zu dials at once", node->name, counts->dialling);
    }
}

static void check_conns(struct sim_world *w, const struct sim_node *n)
{
    size_t conns = sim_count_dialled(w->sim, &n->at);
    size_t most = (size_t)w->settings.pool.max_pool_size + 2;
    if (conns > most) {
        sim_world_fail(w, "%s: %zu conns, more than %zu", n->name, conns, most);
    }
}

/* Lent to one exchange, which knows it; and counted so. */
static void check_backends(struct sim_world *w, const struct node *node)
{
    size_t lent = 0;
    size_t resting = 0;
    for (size_t i = 0; i < (size_t)w->settings.pool.max_pool_size; i++) {
        const struct backend *b = node->backends[i];
        if (b == NULL) {
            continue;
        }
        bool is_pinned = node->pinning != NULL && pins_holds(node->pinning->pins, b->id);
        resting += b->state.now_in == BACKEND_IDLE && !is_pinned;
        if (b->exchange == NULL) {
            continue;
        }
        lent++;
        if (b->exchange->backend != b || b->exchange->node != node) {
            sim_world_fail(w, "%s: backend %u and its exchange do not agree", node->name,
                           b->number);
        }
    }
    if (resting != pool_counts(node->pool)->idle) {
        sim_world_fail(w, "%s: %zu backends serve nobody and are not pinned, the pool counts %zu",
                       node->name, resting, pool_counts(node->pool)->idle);
    }
    if (lent > pool_counts(node->pool)->lent) {
        sim_world_fail(w, "%s: %zu backends are lent, the pool counts %zu", node->name, lent,
                       pool_counts(node->pool)->lent);
    }
}

static void check_deadlines(struct sim_world *w, const struct node *node)
{
    bool has_limit = w->settings.pool.wait_queue_timeout_ms > 0;
    if (has_limit && pool_counts(node->pool)->waiting > 0 &&
        !deadline_is_set(&node->pool_deadline)) {
        sim_world_fail(w, "%s: exchanges wait without a deadline", node->name);
    }
    for (size_t i = 0; i < (size_t)w->settings.pool.max_pool_size; i++) {
        const struct backend *b = node->backends[i];
        bool must_have = b != NULL && b->state.now_in != BACKEND_IDLE &&
                         b->state.now_in != BACKEND_LENT && b->state.now_in != BACKEND_CLOSING;
        if (must_have && !deadline_is_set(&b->deadline)) {
            sim_world_fail(w, "%s: backend %u has no deadline in %s", node->name, b->number,
                           sm_name(&b->state));
        }
    }
}

static void check_exchange(struct sim_world *w, const struct exchange *x)
{
    bool is_waiting = x->state.now_in == EXCHANGE_GREETING ||
                      x->state.now_in == EXCHANGE_ADMITTING ||
                      x->state.now_in == EXCHANGE_SELECTING;
    bool is_limited = x->state.now_in == EXCHANGE_RELAYING &&
                      (x->client == NULL || w->settings.upstream.operation_timeout_ms > 0);
    if ((is_waiting || is_limited) && !deadline_is_set(&x->deadline)) {
        sim_world_fail(w, "an exchange has no deadline in %s", sm_name(&x->state));
    }
    bool waits_for_pin = x->state.now_in == EXCHANGE_WAITING && !list_is_empty(&x->link);
    if (waits_for_pin && w->settings.pool.wait_queue_timeout_ms > 0 &&
        !deadline_is_set(&x->deadline)) {
        sim_world_fail(w, "an exchange waits for a pinned backend without a deadline");
    }
    if ((x->waiter.tag != 0 || waits_for_pin) != (x->state.now_in == EXCHANGE_WAITING)) {
        sim_world_fail(w, "an exchange in %s %s a waiter", sm_name(&x->state),
                       x->waiter.tag != 0 ? "is" : "is not");
    }
}

static void check_waiting(struct sim_world *w)
{
    const struct cluster *c = w->proxy->cluster;
    size_t count = 0;
    byte_count bytes = 0;
    list_for_each (link, &c->waiting) {
        const struct exchange *x = container_of(link, struct exchange, link);
        count++;
        bytes += x->waiting_bytes;
    }
    if (count != c->waiting_count || bytes != c->waiting_bytes) {
        sim_world_fail(w, "%zu wait with %zu bytes, counted are %zu with %zu", count, bytes,
                       c->waiting_count, c->waiting_bytes);
    }
}

static void check_clients(struct sim_world *w)
{
    size_t count = 0;
    list_for_each (link, &w->proxy->clients) {
        const struct client *c = container_of(link, struct client, link);
        count++;
        if (c->exchange != NULL && c->exchange->client != c) {
            sim_world_fail(w, "client %u and its exchange do not agree", c->id);
        }
    }
    if (count != w->proxy->client_count) {
        sim_world_fail(w, "%zu clients, counted are %zu", count, w->proxy->client_count);
    }
}

void sim_world_check(void *owner)
{
    struct sim_world *w = owner;
    if (w->proxy == NULL) {
        return;
    }
    list_for_each (link, &w->proxy->cluster->nodes) {
        const struct node *node = container_of(link, struct node, link);
        check_cap(w, node);
        check_backends(w, node);
        check_deadlines(w, node);
    }
    for (size_t i = 0; i < w->cluster->count; i++) {
        check_conns(w, &w->cluster->nodes[i]);
    }
    for (size_t i = 0; i < w->proxy->place_count; i++) {
        if (w->proxy->places[i].exchange != NULL) {
            check_exchange(w, w->proxy->places[i].exchange);
        }
    }
    check_waiting(w);
    check_clients(w);
}
