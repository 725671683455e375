#include "proxy/node_places.h"

#include "base/log.h"
#include "proxy/backend.h"
#include "proxy/cluster.h"
#include "proxy/monitor.h"
#include "proxy/node.h"
#include "proxy/proxy.h"
#include "proxy/refresh.h"

enum { LEAST_MS = 30000 };

static msec now_of(const struct node *node)
{
    return net_now(node->proxy->net);
}

static void plan(struct node *node, msec pause)
{
    net_set_deadline(node->proxy->net, &node->refresh, now_of(node) + pause);
}

/* No earlier than the time to live says: until then a resolver gives what it keeps. */
static void plan_next(struct node *node)
{
    msec left = node->places.fresh_until - now_of(node);
    msec least = left > LEAST_MS ? left : LEAST_MS;
    plan(node, refresh_between(node->proxy->net, least, least + least / 10));
}

/* --- what stands to addresses that are gone --- */

static bool is_at_gone(const struct node *node, const struct address *at)
{
    return at->family != ADDRESS_NONE && places_is_gone(&node->places, at, now_of(node));
}

static void renew_monitor(struct node *node, struct monitor *monitor)
{
    if (monitor != NULL && is_at_gone(node, monitor_address(monitor))) {
        monitor_hurry(monitor, MONITOR_ANEW);
    }
}

static void renew(struct node *node)
{
    size_t most = (size_t)node->proxy->settings->pool.connect_burst;
    size_t count = 0;
    for (size_t i = 0; i < (size_t)node->proxy->settings->pool.max_pool_size; i++) {
        const struct backend *b = node->backends[i];
        if (b != NULL && count < most && b->was_ready && pool_is_current(node->pool, b->id) &&
            is_at_gone(node, &b->link.at)) {
            pool_on_stale(node->pool, b->id, now_of(node));
            count++;
        }
    }
    if (count > 0) {
        log_info(LOG_POOL, node->name,
                 "replaces %zu connections to addresses that its name no longer means", count);
        node_perform(node);
    }
    renew_monitor(node, node->monitor);
    renew_monitor(node, node->probe);
}

/* --- asking --- */

static void on_found(void *owner, const struct names_addresses *found)
{
    struct node *node = owner;
    node->refreshing = NULL;
    if (found->status == STATUS_OK && found->count > 0) {
        node->refreshes_failed = 0;
        places_on_answer(&node->places, found->addresses, found->count, found->ttl_ms,
                         now_of(node));
        plan_next(node);
        renew(node);
        return;
    }
    log_debug(LOG_DNS, node->name, "%s", found->why.text);
    msec most = refresh_pause(&node->refreshes_failed);
    msec pause = refresh_between(node->proxy->net, most - most / 10, most);
    if (places_are_known(&node->places)) {
        places_on_silence(&node->places, pause, now_of(node));
    }
    plan(node, pause);
}

static void on_due(struct deadline *d, msec now)
{
    struct node *node = container_of(d, struct node, refresh);
    if (places_are_fresh(&node->places, now)) { /* who dialled has asked meanwhile */
        plan(node, node->places.fresh_until - now);
        renew(node);
        return;
    }
    node->refreshing =
        names_refresh_host(cluster_names(node->cluster), node->host, node->port, on_found, node);
}

void node_places_begin(struct node *node)
{
    struct address literal;
    deadline_init(&node->refresh, on_due);
    if (!node->proxy->outbound.server.is_used && !address_parse(node->host, node->port, &literal)) {
        plan(node, refresh_between(node->proxy->net, LEAST_MS, LEAST_MS + LEAST_MS / 10));
    }
}

void node_places_end(struct node *node)
{
    net_clear_deadline(node->proxy->net, &node->refresh);
    if (node->refreshing != NULL) {
        names_cancel(node->refreshing);
        node->refreshing = NULL;
    }
}
