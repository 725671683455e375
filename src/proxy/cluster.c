/* Happy path: seeds -> topology -> a node per server -> heartbeats -> a primary is known -> who
 * waits goes on.
 *
 * Failures: a check fails (SDAM decides); nodes come and go; nobody is left (begin anew). Closing:
 * every node closes, then names, then cluster_free. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/require.h"
#include "proxy/cluster_parts.h"
#include "proxy/monitor.h"
#include "proxy/proxy.h"

enum { CURSORS_MOST = 100000, TRANSACTIONS_MOST = 100000 };

struct proxy *cluster_proxy(const struct cluster *c)
{
    return c->proxy;
}

bool cluster_is_balanced(const struct cluster *c)
{
    return c->is_balanced;
}

struct node *cluster_balancer(const struct cluster *c)
{
    struct list *first = c->is_balanced ? list_first(&c->nodes) : NULL;
    struct node *node = first == NULL ? NULL : container_of(first, struct node, link);
    return node == NULL || node->is_removed ? NULL : node;
}

struct names *cluster_names(const struct cluster *c)
{
    return c->names;
}

static void on_retry(struct deadline *d, msec now)
{
    struct cluster *c = container_of(d, struct cluster, retry);
    if (c->topology == NULL || topology_count(c->topology) == 0) {
        cluster_begin_anew(c);
        return;
    }
    affinity_on_time(c->affinity, now);
    net_set_deadline(c->proxy->net, &c->retry, now + MINUTES(1));
}

static void log_resolvers(const struct cluster *c)
{
    char text[1000];
    names_describe(c->names, text, sizeof text);
    log_info(LOG_DNS, NULL, "%s", text);
}

struct cluster *cluster_new(struct proxy *proxy)
{
    struct cluster *c = xcalloc(1, sizeof *c);
    c->proxy = proxy;
    c->names = names_new(proxy->net, &proxy->settings->dns);
    names_set_listener(c->names, cluster_on_names_news, c);
    log_resolvers(c);
    names_remember(c->names, &proxy->settings->upstream, &proxy->settings->dns, true);
    c->affinity = affinity_new(CURSORS_MOST, TRANSACTIONS_MOST);
    list_init(&c->nodes);
    list_init(&c->waiting);
    list_init(&c->greeting);
    deadline_init(&c->retry, on_retry);
    deadline_init(&c->poll, cluster_on_refresh_due);
    cluster_state_init(c);
    hello_values_init(&c->hello);
    net_random(proxy->net, c->hello.service_id, sizeof c->hello.service_id);
    c->hello_version = 1;
    return c;
}

/* --- topology --- */

static void log_primary(struct cluster *c)
{
    uint32_t primary = topology_primary(c->topology);
    if (primary == c->primary) {
        return;
    }
    struct node *node = cluster_find_node(c, primary);
    if (node != NULL) {
        metrics_count(&c->proxy->metrics, primary_changes);
        cluster_tell_primary(c, node);
    } else {
        log_warn(LOG_TOPOLOGY, NULL, "no primary is known");
    }
    c->primary = primary;
}

/* Tells the pools of those nodes that can serve, or of those that cannot. */
static void tell_pools(struct cluster *c, bool are_usable)
{
    struct list *next;
    for (struct list *link = c->nodes.next; link != &c->nodes; link = next) {
        struct node *node = container_of(link, struct node, link);
        next = link->next;
        if (topology_is_usable(c->topology, node->id) == are_usable) {
            node_on_usable(node, are_usable);
        }
    }
}

static void tell_roles(struct cluster *c)
{
    struct list *next;
    for (struct list *link = c->nodes.next; link != &c->nodes; link = next) {
        struct node *node = container_of(link, struct node, link);
        const struct server *server = topology_server(c->topology, node->id);
        next = link->next;
        if (server != NULL) {
            node_on_role(node, server->description.type);
        }
    }
}

static void on_changed(struct cluster *c)
{
    cluster_check_wire(c);
    cluster_refresh_hello(c);
    log_primary(c);
    /* First who can serve: the waiters of a pool that goes down choose again at once. */
    tell_pools(c, true);
    tell_pools(c, false);
    tell_roles(c);
    cluster_wake_waiting(c);
    cluster_refresh_state(c);
}

/* When nobody is left, that is most likely a mistake in the settings, or passes by: the seeds are
 * tried again. */
static void note_leaving(struct cluster *c, const struct node *node, const char *why)
{
    struct error told;
    const char *text = why == NULL ? "it is not listed any more" : why;
    if (topology_count(c->topology) > 0) {
        log_info(LOG_TOPOLOGY, node->name, "leaves: %s", text);
        return;
    }
    log_warn(LOG_TOPOLOGY, node->name, "leaves, and no server is left: %s", text);
    error_set(&told, STATUS_NOT_SUITABLE, "%s: %s", node->name, text);
    cluster_on_failure(c, &told);
    net_set_deadline(
        c->proxy->net, &c->retry,
        msec_after(net_now(c->proxy->net), c->proxy->settings->upstream.heartbeat_frequency_ms));
}

static void perform(struct cluster *c, const struct topology_action *action)
{
    struct node *node = cluster_find_node(c, action->id);
    switch (action->kind) {
    case TOPOLOGY_ADD:
        log_info(LOG_TOPOLOGY, action->address, "joins");
        node = node_new(c, action->id, action->address);
        list_push_back(&c->nodes, &node->link);
        break;
    case TOPOLOGY_REMOVE:
        if (node != NULL) {
            note_leaving(c, node, action->why);
            affinity_on_server_gone(c->affinity, action->id);
            node_close(node, STATUS_NOT_SUITABLE);
        }
        break;
    case TOPOLOGY_CLEAR_POOL:
        if (node != NULL) {
            pool_on_generation(node->pool, net_now(c->proxy->net));
            node_perform(node);
        }
        break;
    case TOPOLOGY_CHECK_NOW:
        if (node != NULL && node->monitor != NULL) {
            monitor_hurry(node->monitor, action->anew      ? MONITOR_ANEW
                                         : action->at_once ? MONITOR_AT_ONCE
                                                           : MONITOR_SOON);
        }
        break;
    case TOPOLOGY_CHANGED:
        on_changed(c);
        break;
    }
}

void cluster_perform(struct cluster *c)
{
    struct topology_action action;
    if (c->is_performing || c->is_closing || c->topology == NULL) {
        return;
    }
    c->is_performing = true;
    while (!c->is_closing && topology_next_action(c->topology, &action)) {
        perform(c, &action);
    }
    c->is_performing = false;
}

void cluster_on_hello(struct cluster *c, struct node *node, const struct server_description *d,
                      msec rtt)
{
    if (node->is_removed) {
        return;
    }
    node->is_mongod = d->type != SERVER_MONGOS && d->type != SERVER_LOAD_BALANCER;
    node_set_passive(node, d->is_passive);
    if (node->fault.status == STATUS_TLS_CERTIFICATE) {
        node->fault = (struct error){0};
    }
    cluster_tell_node_up(c, node);
    node->why = (struct error){0};
    topology_on_hello(c->topology, node->id, d, rtt, net_now(c->proxy->net));
}

void cluster_on_check_failed(struct cluster *c, struct node *node, const struct error *why)
{
    struct error told;
    if (node->is_removed) {
        return;
    }
    error_set(&told, why->status, "%s: %s", node->name, why->text);
    if (!cluster_tell_node_down(c, node, why) && strcmp(told.text, node->why.text) != 0) {
        log_warn(LOG_TOPOLOGY, node->name, "cannot be reached: %s", why->text);
    }
    node->why = told;
    bool is_permanent = why->status == STATUS_TLS_CERTIFICATE;
    if (is_permanent) {
        node->fault = told;
    }
    cluster_on_failure(c, &told);
    topology_on_check_failed(c->topology, node->id, why->status, why->text, net_now(c->proxy->net));
    if (is_permanent || c->proxy->settings->outage.mode == OUTAGE_FAIL_FAST) {
        cluster_perform(c);
        cluster_wake_waiting(c);
    }
}

void cluster_on_failure(struct cluster *c, const struct error *why)
{
    c->why = *why;
    c->why_at = net_now(c->proxy->net);
    cluster_refresh_state(c);
}

/* How many connections more there may be: pool.maxTotalConnections, less those that are. */
static size_t room(const struct cluster *c)
{
    int64_t limit = c->proxy->settings->pool.max_total_connections;
    int64_t used = 0;
    if (limit <= 0) {
        return SIZE_MAX;
    }
    list_for_each (link, &c->nodes) {
        const struct node *node = container_of(link, struct node, link);
        used += (int64_t)pool_counts(node->pool)->total + (node->monitor != NULL) +
                (node->probe != NULL);
    }
    return used < limit ? (size_t)(limit - used) : 0;
}

void cluster_set_budget(struct cluster *c, struct node *node)
{
    pool_on_budget(node->pool, room(c), net_now(c->proxy->net));
}

bool cluster_has_room(const struct cluster *c)
{
    int64_t limit = c->proxy->settings->pool.max_total_connections;
    int64_t nodes = 0;
    list_for_each (link, &c->nodes) {
        nodes++;
    }
    return room(c) > 0 && (limit <= 0 || limit >= 3 * nodes);
}

bool cluster_knows(const struct cluster *c, const struct node *node)
{
    const struct server *server = topology_server(c->topology, node->id);
    return server != NULL && server->description.type != SERVER_UNKNOWN;
}

/* --- the end --- */

static void on_names_settled(void *owner)
{
    struct cluster *c = owner;
    cluster_on_node_ended(c);
}

void cluster_on_node_ended(struct cluster *c)
{
    if (c->is_closing && list_is_empty(&c->nodes) && !c->is_storing && !c->has_ended &&
        names_settle(c->names, on_names_settled, c)) {
        c->has_ended = true;
        proxy_on_cluster_ended(c->proxy);
    }
}

void cluster_close(struct cluster *c)
{
    struct list *next;
    if (c->is_closing) {
        return;
    }
    c->is_closing = true;
    net_clear_deadline(c->proxy->net, &c->retry);
    net_clear_deadline(c->proxy->net, &c->poll);
    net_clear_deadline(c->proxy->net, &c->give_up);
    if (c->lookup != NULL) {
        names_cancel(c->lookup);
        c->lookup = NULL;
    }
    cluster_wake_waiting(c);
    for (struct list *link = c->nodes.next; link != &c->nodes; link = next) {
        next = link->next;
        node_close(container_of(link, struct node, link), STATUS_DRAINING);
    }
    cluster_on_node_ended(c);
}

void cluster_free(struct cluster *c)
{
    topology_free(c->topology);
    affinity_free(c->affinity);
    names_free(c->names);
    free(c->auth_source);
    free(c->last_primary);
    free(c);
}
