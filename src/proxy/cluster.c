/* Happy path: seeds (SRV and TXT, or the hosts of the URI) -> topology -> a node per server ->
 * heartbeats -> a primary is known -> who waits goes on.
 *
 * Failures: the seeds cannot be looked up (tried again with back-off; a wrong answer, for instance
 * a target outside the domain, is told at once and looked at again slowly); a check fails (SDAM
 * decides); nodes come and go. Closing: every node closes, then names, then cluster_free. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/require.h"
#include "core/dns/seeds.h"
#include "proxy/cluster_parts.h"
#include "proxy/monitor.h"
#include "proxy/proxy.h"

/* While an operation waits, two lookups of the seeds are at least this far apart. */
enum { SEEDS_LEAST_MS = 1000 };

enum { CURSORS_MOST = 100000, TRANSACTIONS_MOST = 100000 };

static void begin_anew(struct cluster *c);

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
        begin_anew(c);
        return;
    }
    affinity_on_time(c->affinity, now);
    net_set_deadline(c->proxy->net, &c->retry, now + MINUTES(1));
}

struct cluster *cluster_new(struct proxy *proxy)
{
    struct cluster *c = xcalloc(1, sizeof *c);
    c->proxy = proxy;
    c->names = names_new(proxy->net, &proxy->settings->dns);
    c->affinity = affinity_new(CURSORS_MOST, TRANSACTIONS_MOST);
    list_init(&c->nodes);
    list_init(&c->waiting);
    list_init(&c->greeting);
    deadline_init(&c->retry, on_retry);
    hello_values_init(&c->hello);
    net_random(proxy->net, c->hello.service_id, sizeof c->hello.service_id);
    c->hello_version = 1;
    return c;
}

/* --- credentials --- */

static void set_credentials(struct cluster *c, const char *txt_source)
{
    static const enum login_mechanism mechanisms[] = {
        [AUTH_NONE] = LOGIN_DEFAULT,
        [AUTH_DEFAULT] = LOGIN_DEFAULT,
        [AUTH_SCRAM_SHA_1] = LOGIN_SCRAM_SHA_1,
        [AUTH_SCRAM_SHA_256] = LOGIN_SCRAM_SHA_256,
        [AUTH_X509] = LOGIN_X509,
    };
    const struct upstream_settings *up = &c->proxy->settings->upstream;
    free(c->auth_source);
    c->auth_source =
        xstrdup(seeds_auth_source(up->srv_host, up->auth_source, txt_source, up->database));
    c->credentials = (struct login_credentials){.mechanism = mechanisms[up->auth_mechanism],
                                                .user = up->user,
                                                .password = up->password,
                                                .source = c->auth_source};
}

const struct login_credentials *cluster_credentials(const struct cluster *c)
{
    bool wants_login = c->proxy->settings->upstream.auth_mechanism != AUTH_NONE;
    return wants_login ? &c->credentials : NULL;
}

/* --- seeds --- */

static void make_topology(struct cluster *c, const char *txt_set_name)
{
    const struct upstream_settings *up = &c->proxy->settings->upstream;
    struct topology_options options = {
        .is_direct = up->direct_connection,
        .is_load_balanced = c->is_balanced,
        .set_name = up->replica_set != NULL ? up->replica_set : txt_set_name,
        .heartbeat_frequency = up->heartbeat_frequency_ms,
        .local_threshold = up->local_threshold_ms,
    };
    c->topology = topology_new(&options);
}

/* At the start, and again whenever the last server has left. */
static void begin_topology(struct cluster *c, const char *const *seeds, size_t count,
                           const char *txt_set_name)
{
    if (c->topology == NULL) {
        make_topology(c, txt_set_name);
        cluster_refresh_set_name(c);
    }
    topology_on_seeds(c->topology, seeds, count);
    net_set_deadline(c->proxy->net, &c->retry, net_now(c->proxy->net) + MINUTES(1));
    cluster_perform(c);
}

static void retry_seeds(struct cluster *c, bool is_permanent)
{
    const struct reconnect_settings *r = &c->proxy->settings->reconnect;
    double most = (double)r->initial_ms;
    uint32_t word;
    for (unsigned i = 0; i < c->lookups_failed && most < (double)r->max_ms; i++) {
        most *= r->factor;
    }
    c->lookups_failed++;
    if (is_permanent || most > (double)r->max_ms) {
        most = (double)r->max_ms;
    }
    net_random(c->proxy->net, &word, sizeof word);
    msec pause = is_permanent ? (msec)most : (msec)(most * word / UINT32_MAX);
    if (!is_permanent && cluster_is_awaited(c)) {
        pause = msec_earlier(pause, SEEDS_LEAST_MS); /* who waits must not wait out a back-off */
    }
    net_set_deadline(c->proxy->net, &c->retry, net_now(c->proxy->net) + pause + 1);
}

static void on_seeds_found(struct cluster *c, const struct names_seeds *found)
{
    c->seeds_fault = (struct error){0};
    c->is_balanced = found->load_balanced;
    set_credentials(c, found->auth_source);
    log_info(LOG_DNS, NULL, "%s has %zu servers", c->proxy->settings->upstream.srv_host,
             found->count);
    begin_topology(c, found->hosts, found->count, found->replica_set);
}

/* `is_permanent`: it will not pass by itself, as an answer that breaks a rule. */
static void on_seeds_failed(struct cluster *c, const struct error *why, bool is_permanent)
{
    cluster_on_failure(c, why);
    if (is_permanent) {
        if (strcmp(c->seeds_fault.text, why->text) != 0) {
            log_error(LOG_DNS, NULL, "%s", why->text);
        }
        c->seeds_fault = *why;
    } else {
        log_warn(LOG_DNS, NULL, "%s; trying again", why->text);
    }
    retry_seeds(c, is_permanent);
    if (is_permanent || c->proxy->settings->outage.mode == OUTAGE_FAIL_FAST) {
        cluster_wake_waiting(c);
    }
}

static void begin_with(struct cluster *c, char *const *hosts)
{
    size_t count = 0;
    while (hosts[count] != NULL) {
        count++;
    }
    begin_topology(c, (const char *const *)hosts, count, NULL);
}

/* The hosts of upstream.seeds serve while the SRV record cannot be had. */
static bool use_configured_seeds(struct cluster *c, const struct error *why)
{
    char **seeds = c->proxy->settings->upstream.seeds;
    if (seeds == NULL || seeds[0] == NULL) {
        return false;
    }
    log_warn(LOG_DNS, NULL, "%s; beginning with upstream.seeds instead", why->text);
    begin_with(c, seeds);
    return true;
}

static void on_seeds(void *owner, const struct names_seeds *found)
{
    struct cluster *c = owner;
    struct error why = found->why;
    bool is_permanent = found->status == STATUS_BAD_INPUT;
    c->lookup = NULL;
    c->looked_up_at = net_now(c->proxy->net);
    if (found->status == STATUS_OK) {
        on_seeds_found(c, found);
        return;
    } else if (!is_permanent && use_configured_seeds(c, &why)) {
        return;
    }
    on_seeds_failed(c, &why, is_permanent);
}

void cluster_hurry_seeds(struct cluster *c)
{
    msec soon = c->looked_up_at + SEEDS_LEAST_MS;
    bool is_retry_due =
        c->topology == NULL && c->lookup == NULL && c->seeds_fault.status == STATUS_OK;
    if (is_retry_due && deadline_is_set(&c->retry) && soon < c->retry.at) {
        msec now = net_now(c->proxy->net);
        net_set_deadline(c->proxy->net, &c->retry, soon < now ? now : soon);
    }
}

static void look_up_seeds(struct cluster *c)
{
    c->lookup = names_resolve_seeds(c->names, &c->proxy->settings->upstream, on_seeds, c);
}

static void begin_anew(struct cluster *c)
{
    const struct upstream_settings *up = &c->proxy->settings->upstream;
    if (up->srv_host != NULL) {
        look_up_seeds(c);
    } else {
        begin_with(c, up->hosts);
    }
}

void cluster_open(struct cluster *c)
{
    c->is_balanced = c->proxy->settings->upstream.load_balanced;
    set_credentials(c, NULL);
    cluster_load_hello(c);
    begin_anew(c);
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
        log_info(LOG_TOPOLOGY, node->name, "is the primary");
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

static void on_changed(struct cluster *c)
{
    cluster_check_wire(c);
    cluster_refresh_hello(c);
    log_primary(c);
    /* First who can serve: the waiters of a pool that goes down choose again at once. */
    tell_pools(c, true);
    tell_pools(c, false);
    cluster_wake_waiting(c);
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
            monitor_hurry(node->monitor, action->at_once);
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
    if (node->why.status != STATUS_OK) {
        log_info(LOG_TOPOLOGY, node->name, "answers");
        node->why = (struct error){0};
    }
    topology_on_hello(c->topology, node->id, d, rtt, net_now(c->proxy->net));
}

void cluster_on_check_failed(struct cluster *c, struct node *node, const struct error *why)
{
    struct error told;
    if (node->is_removed) {
        return;
    }
    error_set(&told, why->status, "%s: %s", node->name, why->text);
    if (strcmp(told.text, node->why.text) != 0) {
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
}

void cluster_set_budget(struct cluster *c, struct node *node)
{
    int64_t limit = c->proxy->settings->pool.max_total_connections;
    int64_t used = 0;
    if (limit <= 0) {
        return;
    }
    list_for_each (link, &c->nodes) {
        struct node *other = container_of(link, struct node, link);
        used += (int64_t)pool_counts(other->pool)->total + (other->monitor != NULL ? 1 : 0);
    }
    pool_on_budget(node->pool, used < limit ? (size_t)(limit - used) : 0, net_now(c->proxy->net));
}

/* --- the end --- */

void cluster_on_node_ended(struct cluster *c)
{
    if (c->is_closing && list_is_empty(&c->nodes) && !c->is_storing && !c->has_ended) {
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
    free(c);
}
