/* Whether operations find a server, as events tell it: BEGINNING until the first contact or until
 * everybody has failed, then UP or DOWN in turns; and when to give up (reconnect.maxElapsedMS).
 *
 * UP means that a write would be taken: a primary is known, or a mongos, or the one server, and a
 * login has worked. Having given up is a fault like a wrong password: operations fail at once with
 * it. The checks go on, and the first server that can be used ends it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/require.h"
#include "proxy/cluster_parts.h"
#include "proxy/events.h"
#include "proxy/monitor.h"
#include "proxy/proxy.h"

/* An older cause of trouble is not taken for that of a primary's loss. */
enum { CAUSE_FRESH_MS = 30000 };

static void on_give_up(struct deadline *d, msec now);

void cluster_state_init(struct cluster *c)
{
    deadline_init(&c->give_up, on_give_up);
}

static void plan_to_give_up(struct cluster *c)
{
    msec limit = c->proxy->settings->reconnect.max_elapsed_ms;
    net_set_deadline(c->proxy->net, &c->give_up, msec_after(net_now(c->proxy->net), limit));
}

void cluster_state_begin(struct cluster *c)
{
    c->state_since = net_now(c->proxy->net);
    plan_to_give_up(c);
}

/* --- what is known --- */

static bool takes_writes(const struct cluster *c, const struct node *node)
{
    const struct server *server = topology_server(c->topology, node->id);
    enum server_type type = server == NULL ? SERVER_UNKNOWN : server->description.type;
    if (c->is_balanced) {
        const struct pool_counts *counts = pool_counts(node->pool);
        return counts->idle + counts->lent + counts->checking > 0;
    }
    if (topology_kind(c->topology) == TOPOLOGY_SINGLE) {
        return type != SERVER_UNKNOWN;
    }
    return type == SERVER_RS_PRIMARY || type == SERVER_MONGOS || type == SERVER_STANDALONE;
}

/* At first it takes a connection that is ready, login included: a hello alone says little. */
static bool is_proven(const struct cluster *c)
{
    return c->state != CLUSTER_BEGINNING || c->has_backend ||
           c->proxy->settings->pool.min_pool_size == 0;
}

static bool is_serving(const struct cluster *c)
{
    if (c->topology == NULL || !is_proven(c) || cluster_standing_fault(c) != NULL) {
        return false;
    }
    list_for_each (link, &c->nodes) {
        const struct node *node = container_of(link, struct node, link);
        if (!node->is_removed && takes_writes(c, node)) {
            return true;
        }
    }
    return false;
}

/* While it begins: somebody has neither answered nor failed. */
static bool is_undecided(const struct cluster *c)
{
    if (c->topology == NULL || topology_count(c->topology) == 0) {
        return c->why.status == STATUS_OK;
    }
    list_for_each (link, &c->nodes) {
        const struct node *node = container_of(link, struct node, link);
        bool is_known = cluster_knows(c, node) && !c->is_balanced && is_proven(c);
        bool has_failed = node->why.status != STATUS_OK || node->fault.status != STATUS_OK;
        if (!node->is_removed && !is_known && !has_failed) {
            return true;
        }
    }
    return false;
}

static bool has_usable(const struct cluster *c)
{
    list_for_each (link, &c->nodes) {
        const struct node *node = container_of(link, struct node, link);
        if (!node->is_removed && topology_is_usable(c->topology, node->id)) {
            return true;
        }
    }
    return false;
}

/* The catalogue's row for a status, where the status alone says it. */
static const char *finding_of(enum status status)
{
    switch ((int)status) {
    case STATUS_AUTH_FAILED:
        return "AUTH-01";
    case STATUS_AUTH_UNSUPPORTED:
        return "AUTH-03";
    case STATUS_NAME_NOT_FOUND:
        return "DNS-06";
    case STATUS_NAME_LOOKUP_FAILED:
        return "DNS-03";
    case STATUS_REFUSED:
        return "TCP-02";
    case STATUS_UNREACHABLE:
        return "TCP-03";
    case STATUS_INCOMPATIBLE:
        return "TOPO-09";
    default:
        return NULL;
    }
}

/* Servers answer, and none of them takes writes. */
static bool lacks_primary(const struct cluster *c)
{
    return cluster_standing_fault(c) == NULL && c->topology != NULL && !c->is_balanced &&
           has_usable(c);
}

const char *cluster_print_finding(const struct cluster *c, char text[CLUSTER_FINDING_SIZE])
{
    const struct error *fault = cluster_standing_fault(c);
    const char *id = lacks_primary(c) ? "TOPO-01"
                     : fault != NULL  ? finding_of(fault->status)
                                      : finding_of(c->why.status);
    text[0] = '\0';
    if (id != NULL) {
        snprintf(text, CLUSTER_FINDING_SIZE, " [%s]", id);
    }
    return text;
}

static void tell_down(struct cluster *c)
{
    const struct error *fault = cluster_standing_fault(c);
    bool is_leaderless = lacks_primary(c);
    struct error lack;
    bool is_fresh = net_now(c->proxy->net) - c->why_at < CAUSE_FRESH_MS;
    const char *last = is_fresh ? c->why.text : "";
    error_set(&lack, STATUS_NOT_SUITABLE, "no primary is known%s%s",
              last[0] == '\0' ? "" : "; last cause: ", last);
    const struct error *cause = fault != NULL ? fault : is_leaderless ? &lack : &c->why;
    struct event event = {
        .kind = EVENT_UPSTREAM_DOWN,
        .scope = "cluster",
        .cause = cause->text,
        .finding = is_leaderless ? "TOPO-01" : finding_of(cause->status),
    };
    events_tell(c->proxy->events, &event);
}

static void tell_up(struct cluster *c, enum cluster_state before)
{
    msec now = net_now(c->proxy->net);
    struct event event = {
        .kind = EVENT_UPSTREAM_UP,
        .scope = "cluster",
        .downtime = before == CLUSTER_DOWN ? now - c->state_since : 0,
    };
    events_tell(c->proxy->events, &event);
}

void cluster_refresh_state(struct cluster *c)
{
    enum cluster_state before = c->state;
    bool serves = is_serving(c);
    if (c->is_closing || (serves && before == CLUSTER_UP) || (!serves && before == CLUSTER_DOWN) ||
        (!serves && before == CLUSTER_BEGINNING && is_undecided(c))) {
        return;
    }
    c->state = serves ? CLUSTER_UP : CLUSTER_DOWN;
    if (serves) {
        tell_up(c, before);
        c->gave_up = (struct error){0};
        net_clear_deadline(c->proxy->net, &c->give_up);
        c->state_since = net_now(c->proxy->net);
        proxy_on_cluster_up(c->proxy);
        return;
    }
    tell_down(c);
    if (before == CLUSTER_UP) {
        c->state_since = net_now(c->proxy->net);
        plan_to_give_up(c);
    }
    proxy_on_cluster_down(c->proxy);
}

/* --- giving up --- */

static void on_give_up(struct deadline *d, msec now)
{
    struct cluster *c = container_of(d, struct cluster, give_up);
    const struct error *fault = cluster_standing_fault(c);
    const char *why = fault != NULL ? fault->text : c->why.text;
    char since[40];
    log_time_text(now - c->state_since, since, sizeof since);
    error_set(&c->gave_up, fault != NULL ? fault->status : STATUS_NOT_SUITABLE,
              "given up %lld s after no server could be used any more, since %s "
              "(reconnect.maxElapsedMS); SIGHUP to Mooring lets operations wait again; last "
              "cause: %s",
              (long long)(now - c->state_since) / 1000, since, why[0] == '\0' ? "none known" : why);
    struct event event = {
        .kind = EVENT_UPSTREAM_GAVE_UP,
        .scope = "cluster",
        .cause = why,
        .finding = fault != NULL ? finding_of(fault->status) : finding_of(c->why.status),
        .downtime = now - c->state_since,
        .began = c->state_since,
    };
    events_tell(c->proxy->events, &event);
    cluster_wake_waiting(c);
    if (c->proxy->settings->reconnect.on_give_up == GIVE_UP_EXIT) {
        proxy_fail(c->proxy);
    }
}

void cluster_rearm(struct cluster *c)
{
    msec now = net_now(c->proxy->net);
    if (c->state == CLUSTER_UP || c->is_closing) {
        return;
    }
    c->gave_up = (struct error){0};
    plan_to_give_up(c);
    if (c->lookup == NULL && (c->topology == NULL || topology_count(c->topology) == 0)) {
        net_set_deadline(c->proxy->net, &c->retry, now);
    }
    list_for_each_safe (link, &c->nodes) {
        struct node *node = container_of(link, struct node, link);
        if (node->monitor != NULL && !node->is_removed) {
            monitor_hurry(node->monitor, MONITOR_AT_ONCE);
        }
        node_try_anew(node);
    }
}

/* --- single nodes --- */

bool cluster_tell_node_down(struct cluster *c, struct node *node, const struct error *why)
{
    if (node->down_since != 0) {
        return false;
    }
    node->down_since = net_now(c->proxy->net);
    struct event event = {
        .kind = EVENT_NODE_DOWN,
        .scope = "node",
        .node = node->name,
        .cause = why->text,
        .finding = finding_of(why->status),
    };
    events_tell(c->proxy->events, &event);
    return true;
}

void cluster_tell_node_up(struct cluster *c, struct node *node)
{
    if (node->down_since == 0) {
        return;
    }
    struct event event = {
        .kind = EVENT_NODE_UP,
        .scope = "node",
        .node = node->name,
        .downtime = net_now(c->proxy->net) - node->down_since,
    };
    node->down_since = 0;
    events_tell(c->proxy->events, &event);
}

void cluster_tell_primary(struct cluster *c, const struct node *node)
{
    struct event event = {
        .kind = EVENT_PRIMARY_CHANGED,
        .node = node->name,
        .from = c->last_primary,
        .to = node->name,
    };
    events_tell(c->proxy->events, &event);
    free(c->last_primary);
    c->last_primary = xstrdup(node->name);
}

/* --- names --- */

void cluster_on_names_news(void *owner, const struct names_news *news)
{
    struct cluster *c = owner;
    bool is_stale = news->kind == NAMES_STALE_USED;
    struct event event = {
        .kind = is_stale ? EVENT_DNS_STALE_USED : EVENT_DNS_FALLBACK_USED,
        .name = news->name,
        .source = news->source,
        .cause = news->cause,
        .age = news->age,
    };
    if (news->is_repeated) {
        c->proxy->metrics.events[event.kind]++;
        return;
    }
    events_tell(c->proxy->events, &event);
}
