/* What exchanges ask of a cluster: a node to go to, a place to wait, values for hello. */
#include <string.h>

#include "base/log.h"
#include "proxy/backend.h"
#include "proxy/cluster_parts.h"
#include "proxy/exchange.h"
#include "proxy/monitor.h"
#include "proxy/node_pins.h"
#include "proxy/proxy.h"

struct node *cluster_find_node(const struct cluster *c, uint32_t id)
{
    list_for_each (link, &c->nodes) {
        struct node *node = container_of(link, struct node, link);
        if (node->id == id && !node->is_removed) {
            return node;
        }
    }
    return NULL;
}

/* --- choosing --- */

static size_t operations_at(void *owner, uint32_t id)
{
    struct node *node = cluster_find_node(owner, id);
    return node == NULL ? 0 : pool_counts(node->pool)->lent + pool_counts(node->pool)->waiting;
}

bool cluster_lacks_primary(const struct cluster *c, const struct node *node)
{
    enum topology_kind kind = topology_kind(c->topology);
    if (kind == TOPOLOGY_SINGLE) {
        const struct server *s = topology_server(c->topology, node->id);
        return s != NULL && (s->description.type == SERVER_RS_SECONDARY ||
                             s->description.type == SERVER_RS_OTHER);
    }
    return kind == TOPOLOGY_RS_NO_PRIMARY ||
           (kind == TOPOLOGY_RS_WITH_PRIMARY && topology_primary(c->topology) != node->id);
}

/* SDAM: selection that finds nothing asks for checks. */
static void hurry_monitors(struct cluster *c)
{
    list_for_each (link, &c->nodes) {
        struct node *node = container_of(link, struct node, link);
        if (node->monitor != NULL && !node->is_removed) {
            monitor_hurry(node->monitor, MONITOR_SOON);
        }
    }
}

static struct selection selection_of(struct cluster *c, const struct cluster_wish *wish)
{
    const struct request_facts *facts = wish->facts;
    enum topology_kind kind = topology_kind(c->topology);
    struct selection want = {.operations = operations_at, .owner = c};
    if (wish->failed != 0 && kind == TOPOLOGY_SHARDED) {
        want.excluded = &wish->failed;
        want.excluded_count = 1;
    }
    if (wish->may_fall_back && kind == TOPOLOGY_RS_NO_PRIMARY) {
        want.mode = READ_PRIMARY_PREFERRED;
        hurry_monitors(c); /* it does not wait for a primary, but wants one */
        return want;
    }
    want.is_write = !facts_may_use_secondary(facts, c->hello.max_wire_version);
    want.mode = facts_read_mode(facts);
    want.is_fixed = facts_is_of_node(facts);
    want.tags = facts->preference.tags;
    want.max_staleness_seconds = facts->preference.max_staleness_seconds;
    return want;
}

enum select_outcome cluster_choose(struct cluster *c, const struct cluster_wish *wish,
                                   struct node **node, struct select_refusal *refusal)
{
    uint32_t id;
    if (c->topology == NULL || c->wire_fault.status != STATUS_OK) {
        return SELECT_NONE;
    }
    struct selection want = selection_of(c, wish);
    net_random(c->proxy->net, &want.random, sizeof want.random);
    enum select_outcome outcome = select_server(c->topology, &want, &id, refusal);
    if (outcome == SELECT_FOUND) {
        *node = cluster_find_node(c, id);
        if (*node == NULL || !pool_is_up((*node)->pool)) {
            return SELECT_NONE; /* it is about to be told; who waits is then woken */
        }
    }
    return outcome;
}

/* --- waiting --- */

bool cluster_wait(struct cluster *c, struct exchange *x)
{
    const struct outage_settings *limits = &c->proxy->settings->outage;
    if ((int64_t)c->waiting_count >= limits->queue_max_operations ||
        c->waiting_bytes + x->request.size > limits->queue_max_bytes || c->is_closing) {
        return false;
    }
    x->waiting_bytes = x->request.size; /* a large one may grow by what was read already */
    c->waiting_count++;
    c->waiting_bytes += x->waiting_bytes;
    list_push_back(&c->waiting, &x->link);
    cluster_hurry_seeds(c);
    hurry_monitors(c);
    return true;
}

void cluster_wait_contact(struct cluster *c, struct exchange *x)
{
    list_push_back(&c->greeting, &x->link);
}

void cluster_unwait(struct cluster *c, struct exchange *x)
{
    list_remove(&x->link);
    if (x->state.now_in == EXCHANGE_SELECTING) {
        c->waiting_count--;
        c->waiting_bytes -= x->waiting_bytes;
    }
}

void cluster_wake_waiting(struct cluster *c)
{
    struct list woken;
    list_init(&woken);
    list_move_all(&woken, &c->waiting);
    while (!list_is_empty(&woken)) {
        struct exchange *x = container_of(list_first(&woken), struct exchange, link);
        cluster_unwait(c, x);
        net_clear_deadline(c->proxy->net, &x->deadline);
        if (c->is_closing) {
            exchange_refuse(x, STATUS_DRAINING);
        } else {
            exchange_choose(x);
        }
    }
}

bool cluster_is_awaited(const struct cluster *c)
{
    return c->waiting_count > 0;
}

/* --- what is wrong --- */

const char *cluster_why(const struct cluster *c)
{
    if (c->why.text[0] != '\0') {
        return c->why.text;
    }
    return c->topology == NULL
               ? "no resolver has answered yet (DNS-03)"
               : "no server has answered yet, nor has the look-up of an address failed";
}

const struct error *cluster_fault(const struct cluster *c)
{
    return c->gave_up.status != STATUS_OK ? &c->gave_up : cluster_standing_fault(c);
}

const struct error *cluster_standing_fault(const struct cluster *c)
{
    const struct error *fault = NULL;
    if (c->seeds_fault.status != STATUS_OK) {
        return &c->seeds_fault;
    }
    if (c->wire_fault.status != STATUS_OK) {
        return &c->wire_fault;
    }
    list_for_each (link, &c->nodes) {
        const struct node *node = container_of(link, struct node, link);
        if (node->fault.status == STATUS_OK && !node->is_removed) {
            return NULL;
        }
        fault = &node->fault;
    }
    return fault;
}

/* SDAM: one such server makes the whole deployment unusable, since an operation might go there. */
void cluster_check_wire(struct cluster *c)
{
    struct error why;
    if (topology_is_compatible(c->topology, &why)) {
        c->wire_fault = (struct error){0};
        return;
    }
    if (strcmp(why.text, c->wire_fault.text) != 0) {
        log_error(LOG_TOPOLOGY, NULL, "%s", why.text);
    }
    c->wire_fault = why;
}

bool cluster_is_news(struct cluster *c, const char *text)
{
    bool is_news = strcmp(c->told.text, text) != 0;
    if (is_news) {
        error_set(&c->told, STATUS_AUTH_FAILED, "%s", text);
    }
    return is_news;
}

void cluster_on_login(struct cluster *c)
{
    c->told = (struct error){0};
    c->has_backend = true;
    cluster_refresh_state(c);
}

bool cluster_has_failed(const struct cluster *c)
{
    return c->why.status != STATUS_OK || c->has_contact;
}

/* --- what replies teach --- */

void cluster_on_command_error(struct cluster *c, struct node *node, const struct backend *backend,
                              int32_t code, const struct reply_facts *reply)
{
    struct topology_error error = {
        .code = code,
        .version = {.is_set = reply->has_topology_version, .counter = reply->topology_counter},
        .is_current = pool_is_current(node->pool, backend->id),
    };
    if (node->pinning != NULL && error.is_current) {
        node_pins_clear_service(node->pinning, backend);
    }
    memcpy(error.version.process_id, reply->process_id, OBJECT_ID_BYTES);
    if (topology_on_command_error(c->topology, node->id, &error, net_now(c->proxy->net))) {
        c->why_at = net_now(c->proxy->net);
        error_set(&c->why, STATUS_NOT_SUITABLE, "%s said that its state changed (code %d)",
                  node->name, code);
        log_info(LOG_TOPOLOGY, node->name, "its state changed (code %d): checking", code);
    }
}

void cluster_on_network_error(struct cluster *c, struct node *node, const struct backend *backend,
                              enum status why)
{
    bool is_current = pool_is_current(node->pool, backend->id);
    if (node->is_removed || !is_current) {
        return;
    }
    if (node->pinning != NULL) {
        node_pins_clear_service(node->pinning, backend);
    }
    c->why_at = net_now(c->proxy->net);
    error_set(&c->why, why, "%s: a connection broke while it served: %s", node->name,
              status_text(why));
    log_warn(LOG_TOPOLOGY, node->name, "a connection broke while it served: %s; checking",
             status_text(why));
    topology_on_network_error(c->topology, node->id, is_current, why, net_now(c->proxy->net));
}
