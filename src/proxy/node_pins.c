#include "proxy/node_pins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/require.h"
#include "core/topology/server.h"
#include "proxy/backend.h"
#include "proxy/cluster.h"
#include "proxy/exchange.h"
#include "proxy/node.h"
#include "proxy/proxy.h"

static size_t pool_size(const struct node_pins *n)
{
    return (size_t)n->node->proxy->settings->pool.max_pool_size;
}

static size_t pins_limit(const struct node_pins *n)
{
    const struct pool_settings *pool = &n->node->proxy->settings->pool;
    return pins_most(pool_size(n), (size_t)share_of(pool->max_pinned, pool->max_pool_size));
}

static void on_deadline(struct deadline *d, msec now);

struct node_pins *node_pins_new(struct node *node)
{
    struct node_pins *n = xcalloc(1, sizeof *n);
    const struct pool_settings *pool = &node->proxy->settings->pool;
    n->node = node;
    n->pins = pins_new(pins_limit(n), pool->max_pinned_idle_time_ms);
    list_init(&n->waiting);
    deadline_init(&n->deadline, on_deadline);
    return n;
}

void node_pins_free(struct node_pins *n)
{
    if (n == NULL) {
        return;
    }
    net_clear_deadline(n->node->proxy->net, &n->deadline);
    pins_free(n->pins);
    free(n);
}

static struct exchange *take_waiting(struct list *queue)
{
    struct list *link = list_first(queue);
    if (link == NULL) {
        return NULL;
    }
    struct exchange *x = container_of(link, struct exchange, link);
    exchange_unwait_pin(x);
    return x;
}

static void refuse_all(struct list *queue)
{
    struct exchange *x;
    while ((x = take_waiting(queue)) != NULL) {
        exchange_refuse(x, STATUS_DRAINING);
    }
}

void node_pins_close(struct node_pins *n)
{
    refuse_all(&n->waiting);
    for (size_t i = 0; i < pool_size(n); i++) {
        struct backend *b = n->node->backends[i];
        if (b != NULL && pins_holds(n->pins, b->id)) {
            refuse_all(&b->followers);
            pins_on_backend_gone(n->pins, b->id);
            node_pins_release(n, b->id);
        }
    }
}

struct backend *node_pins_backend(const struct node_pins *n, struct backend_id id)
{
    struct backend *b = id.index < pool_size(n) ? n->node->backends[id.index] : NULL;
    bool can_serve = b != NULL && backend_id_equals(b->id, id) &&
                     (b->state.now_in == BACKEND_IDLE || b->state.now_in == BACKEND_LENT);
    return can_serve ? b : NULL;
}

void node_pins_on_backend_gone(struct node_pins *n, struct backend *backend)
{
    struct list queue;
    struct exchange *x;
    pins_on_backend_gone(n->pins, backend->id);
    list_init(&queue);
    list_move_all(&queue, &backend->followers);
    while ((x = take_waiting(&queue)) != NULL) {
        if (n->node->is_removed) {
            exchange_refuse(x, STATUS_DRAINING);
        } else {
            exchange_choose(x); /* any backend: the server then says what it does not know */
        }
    }
    node_pins_settle(n);
}

void node_pins_settle(struct node_pins *n)
{
    struct exchange *x;
    while (pins_has_room(n->pins) && (x = take_waiting(&n->waiting)) != NULL) {
        exchange_choose_with_room(x);
    }
    net_set_deadline(n->node->proxy->net, &n->deadline, pins_deadline(n->pins));
}

void node_pins_release(struct node_pins *n, struct backend_id id)
{
    struct backend *b = node_pins_backend(n, id);
    if (b != NULL && b->exchange == NULL && !pins_holds(n->pins, id)) {
        node_return(n->node, b, POOL_CLEAN);
    }
}

/* A cursor or transaction that nobody came back for must not keep a backend for ever. */
static void on_deadline(struct deadline *d, msec now)
{
    struct node_pins *n = container_of(d, struct node_pins, deadline);
    struct backend_id id;
    while (pins_next_expired(n->pins, now, &id)) {
        struct backend *b = node_pins_backend(n, id);
        if (b != NULL && b->exchange != NULL) {
            pins_on_used(n->pins, id, now);
            continue;
        }
        pins_on_backend_gone(n->pins, id);
        if (b != NULL) {
            log_warn(LOG_POOL, n->node->name,
                     "a connection is closed: the cursor or transaction on it was not used for "
                     "pool.maxPinnedIdleTimeMS (%lld ms)",
                     (long long)n->node->proxy->settings->pool.max_pinned_idle_time_ms);
            node_return(n->node, b, POOL_DIRTY);
        }
    }
    node_pins_settle(n);
    node_perform(n->node);
}

bool node_pins_accept(struct node_pins *n, struct backend *backend, const bson_t *reply,
                      struct error *why)
{
    struct server_description d;
    struct span hello = span_of(bson_get_data(reply), reply->len);
    if (server_description_read(hello, &d, why) != STATUS_OK) {
        return false;
    }
    bool is_balanced = d.has_service_id;
    if (is_balanced) {
        memcpy(backend->service_id, d.service_id, sizeof backend->service_id);
        cluster_on_balanced_hello(n->node->cluster, &d);
    } else {
        error_set(why, STATUS_HELLO_FAILED,
                  "the URI or its TXT record says loadBalanced=true, but the server's hello has no "
                  "serviceId: it is not behind a load balancer; leave loadBalanced out");
    }
    server_description_clear(&d);
    return is_balanced;
}

void node_pins_clear_service(struct node_pins *n, const struct backend *backend)
{
    msec now = net_now(n->node->proxy->net);
    for (size_t i = 0; i < pool_size(n); i++) {
        const struct backend *b = n->node->backends[i];
        if (b != NULL && b->was_ready &&
            memcmp(b->service_id, backend->service_id, sizeof b->service_id) == 0) {
            pool_on_stale(n->node->pool, b->id, now);
        }
    }
}

void node_pins_print(const struct node_pins *n, char *text, size_t size)
{
    struct pins_counts counts = pins_counts(n->pins);
    size_t lent = pool_counts(n->node->pool)->lent;
    size_t pinned = counts.by_cursors + counts.by_transactions;
    size_t others = lent > pinned ? lent - pinned : 0;
    snprintf(text, size,
             "connections in use: %zu by cursors, %zu by transactions, %zu by others; "
             "pool.maxPinned admits %zu by the first two",
             counts.by_cursors, counts.by_transactions, others, pins_limit(n));
}
