/* The loop of a pool: told a fact, then asked until it has nothing more to do (node_perform). All
 * effects of pool policy are the cases of one switch. A backend that ends is reported once, by
 * node_on_backend_gone; what a failed dial means (a permanent fault or a passing one) is decided
 * here. */
#include "proxy/node.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/require.h"
#include "proxy/backend.h"
#include "proxy/cluster.h"
#include "proxy/exchange.h"
#include "proxy/monitor.h"
#include "proxy/node_pins.h"
#include "proxy/node_places.h"
#include "proxy/proxy.h"

static void on_pool_deadline(struct deadline *d, msec now)
{
    (void)now;
    node_perform(container_of(d, struct node, pool_deadline));
}

static struct pool_limits limits_of(const struct settings *settings)
{
    const struct pool_settings *p = &settings->pool;
    return (struct pool_limits){
        .max_size = (size_t)p->max_pool_size,
        .min_size = (size_t)p->min_pool_size,
        .max_connecting = (size_t)p->max_connecting,
        .connects_per_second = (size_t)p->connects_per_second,
        .connect_burst = (size_t)p->connect_burst,
        .max_idle = p->max_idle_time_ms,
        .max_lifetime = p->max_lifetime_ms,
        .check_after_idle = p->check_after_idle_ms,
        .backoff_initial = settings->reconnect.initial_ms,
        .backoff_factor = settings->reconnect.factor,
        .backoff_max = settings->reconnect.max_ms,
        .fault_pause = settings->reconnect.fault_ms,
        .waiters_most = (size_t)settings->outage.queue_max_operations,
        .max_awaiting = (size_t)share_of(p->max_awaiting, p->max_pool_size),
    };
}

/* "host:port" or "[::1]:port" into its parts; the path of a Unix socket is the host. */
static void split_name(struct node *node, const char *address)
{
    const char *colon = strrchr(address, ':');
    bool is_v6 = address[0] == '[';
    if (address[0] == '/') {
        node->name = xstrdup(address);
        node->host = xstrdup(address);
        return;
    }
    require(colon != NULL);
    const char *begin = address + (is_v6 ? 1 : 0);
    const char *end = colon - (is_v6 ? 1 : 0);
    node->name = xstrdup(address);
    node->host = xstrndup(begin, (size_t)(end - begin));
    node->port = (uint16_t)strtoul(colon + 1, NULL, 10);
}

struct node *node_new(struct cluster *cluster, uint32_t id, const char *address)
{
    struct node *node = xcalloc(1, sizeof *node);
    struct proxy *proxy = cluster_proxy(cluster);
    struct pool_limits limits = limits_of(proxy->settings);
    bool is_balanced = cluster_is_balanced(cluster);
    uint64_t seed;
    if (is_balanced && limits.min_size == 0) {
        limits.min_size = 1; /* nobody else learns what hello says */
    }
    node->proxy = proxy;
    node->cluster = cluster;
    node->id = id;
    node->is_mongod = true;
    split_name(node, address);
    net_random(proxy->net, &seed, sizeof seed);
    node->pool = pool_new(&limits, seed, net_now(proxy->net));
    node->backends = xcalloc(limits.max_size, sizeof *node->backends);
    node->resume = tls_resume_new();
    deadline_init(&node->pool_deadline, on_pool_deadline);
    node_places_begin(node);
    if (is_balanced) {
        node->is_mongod = false;
        node->pinning = node_pins_new(node);
    } else {
        node->monitor = monitor_open(node);
    }
    return node;
}

void node_close(struct node *node, enum status why)
{
    if (node->is_removed) {
        return;
    }
    node->is_removed = true;
    node_places_end(node);
    pool_on_drain(node->pool, why, net_now(node->proxy->net));
    if (node->pinning != NULL) {
        node_pins_close(node->pinning);
    } else {
        monitor_close(node->monitor);
    }
    if (node->probe != NULL) {
        monitor_close(node->probe);
    }
    node_perform(node);
    node_settle(node);
}

void node_settle(struct node *node)
{
    if (!node->is_removed || node->is_performing || node->backend_count > 0 ||
        node->monitor != NULL || node->probe != NULL) {
        return;
    }
    struct cluster *cluster = node->cluster;
    net_clear_deadline(node->proxy->net, &node->pool_deadline);
    list_remove(&node->link);
    node_pins_free(node->pinning);
    pool_free(node->pool);
    tls_resume_free(node->resume);
    free(node->backends);
    free(node->name);
    free(node->host);
    free(node);
    cluster_on_node_ended(cluster);
}

/* --- for exchanges --- */

struct waiter_id node_want(struct node *node, uint64_t exchange, enum pool_lane lane, msec deadline)
{
    return pool_on_wanted(node->pool, exchange, lane, deadline, net_now(node->proxy->net));
}

struct waiter_id node_want_turn(struct node *node, uint64_t exchange, msec turn, msec deadline)
{
    return pool_on_awaiting(node->pool, exchange, turn, deadline, net_now(node->proxy->net));
}

void node_unwant(struct node *node, struct waiter_id waiter)
{
    pool_on_unwanted(node->pool, waiter, net_now(node->proxy->net));
}

void node_return(struct node *node, struct backend *backend, enum pool_outcome outcome)
{
    pool_on_returned(node->pool, backend->id, backend->is_tainted ? POOL_DIRTY : outcome,
                     net_now(node->proxy->net));
}

void node_interrupt(struct node *node, enum status why)
{
    for (size_t i = 0; i < (size_t)node->proxy->settings->pool.max_pool_size; i++) {
        if (node->backends[i] != NULL) {
            backend_interrupt(node->backends[i], why);
        }
    }
}

static void perform(struct node *node, const struct pool_action *action)
{
    struct backend **slot = &node->backends[action->backend.index];
    struct exchange *x;
    switch (action->kind) {
    case POOL_DIAL:
        node->backend_count++;
        *slot = backend_open(node, action->backend);
        break;
    case POOL_GRANT:
        x = proxy_find_exchange(node->proxy, action->exchange);
        require(x != NULL && *slot != NULL);
        if (action->waited > 0) {
            metrics_count(&node->proxy->metrics, pool_waits);
        }
        exchange_on_granted(x, *slot);
        break;
    case POOL_CHECK:
        backend_check(*slot);
        break;
    case POOL_REFUSE:
        x = proxy_find_exchange(node->proxy, action->exchange);
        require(x != NULL);
        exchange_on_refused(x, action->status, action->waited);
        break;
    case POOL_CLOSE:
        backend_close(*slot, action->status);
        break;
    }
}

void node_perform(struct node *node)
{
    struct net *net = node->proxy->net;
    struct pool_action action;
    if (node->is_performing) {
        return; /* the loop below us goes on */
    }
    node->is_performing = true;
    cluster_set_budget(node->cluster, node);
    while (pool_next_action(node->pool, net_now(net), &action)) {
        perform(node, &action);
    }
    node->is_performing = false;
    net_set_deadline(net, &node->pool_deadline, pool_deadline(node->pool, net_now(net)));
}

void node_set_passive(struct node *node, bool is_passive)
{
    if (is_passive == node->is_passive) {
        return;
    }
    node->is_passive = is_passive;
    node_try_anew(node);
}

void node_try_anew(struct node *node)
{
    struct pool_limits limits = limits_of(node->proxy->settings);
    if (node->is_removed) {
        return;
    }
    if (node->is_passive) {
        limits.min_size = 0;
    } else if (node->pinning != NULL && limits.min_size == 0) {
        limits.min_size = 1; /* nobody else learns what hello says */
    }
    pool_on_limits(node->pool, &limits, net_now(node->proxy->net));
    node_perform(node);
}

/* --- for backends and the monitor --- */

void node_plan(struct node *node, struct link_plan *plan)
{
    const struct settings *s = node->proxy->settings;
    *plan = (struct link_plan){
        .names = cluster_names(node->cluster),
        .places = &node->places,
        .host = node->host,
        .port = node->port,
        .options = {.keep_alive_seconds = s->upstream.keep_alive_seconds,
                    .user_timeout_ms = s->upstream.tcp_user_timeout_ms},
        .security = {.config = node->proxy->tls, .host_name = node->host, .resume = node->resume},
        .proxy = &node->proxy->outbound,
    };
}

struct login *node_new_login(struct node *node)
{
    const struct login_credentials *credentials = cluster_credentials(node->cluster);
    uint8_t nonce[LOGIN_NONCE_BYTES];
    if (credentials == NULL) {
        return NULL;
    }
    net_random(node->proxy->net, nonce, sizeof nonce);
    return login_new(credentials, nonce, node->proxy->login_keys);
}

void node_on_backend_ready(struct node *node, struct backend *backend)
{
    if (node->fault.status != STATUS_OK) {
        log_info(LOG_POOL, node->name, "logged in again");
        node->fault = (struct error){0};
    }
    pool_on_ready(node->pool, backend->id, net_now(node->proxy->net));
    cluster_on_login(node->cluster);
    node_perform(node);
}

static void note_failed_dial(struct node *node, struct backend *b)
{
    const char *text = b->why.text[0] == '\0' ? status_text(b->why.status) : b->why.text;
    metrics_count(&node->proxy->metrics, dials_failed);
    error_set(&node->why, b->why.status, "%s: %s", node->name, text);
    if (b->is_permanent) {
        bool is_new_here = strcmp(node->fault.text, node->why.text) != 0;
        if (is_new_here && cluster_is_news(node->cluster, text)) {
            log_error(LOG_POOL, node->name, "%s; tried again every %lld s or so", text,
                      (long long)node->proxy->settings->reconnect.fault_ms / 1000);
        }
        node->fault = node->why;
    } else {
        log_warn(LOG_POOL, node->name, "a connection did not become ready: %s", text);
    }
    cluster_on_failure(node->cluster, &node->why);
}

void node_on_backend_gone(struct node *node, struct backend *b)
{
    msec now = net_now(node->proxy->net);
    node->backends[b->id.index] = NULL;
    if (node->pinning != NULL) {
        node_pins_on_backend_gone(node->pinning, b);
    }
    node->backend_count--;
    metrics_count(&node->proxy->metrics, backends_closed);
    bool is_failed_dial = !b->was_ready && b->why.status != STATUS_STALE_GENERATION &&
                          b->why.status != STATUS_CLOSED_BY_US && !node->is_removed;
    if (is_failed_dial) {
        note_failed_dial(node, b);
        pool_on_dial_failed(node->pool, b->id, b->why.status, b->is_permanent, now);
    } else {
        pool_on_closed(node->pool, b->id, now);
    }
    if (b->was_ready && b->state.now_in != BACKEND_CLOSING && node->monitor != NULL) {
        /* One that died by itself, perhaps idle: that alone says nothing of the server (SDAM), but
         * is a reason to look. */
        monitor_hurry(node->monitor, MONITOR_SOON);
    }
    node_perform(node);
}

void node_on_role(struct node *node, enum server_type role)
{
    if (role == node->role || node->is_removed) {
        return;
    }
    node->role = role;
    pool_on_role(node->pool, net_now(node->proxy->net));
    node_perform(node);
}

void node_on_usable(struct node *node, bool is_usable)
{
    msec now = net_now(node->proxy->net);
    if (is_usable == pool_is_up(node->pool) || node->is_removed) {
        return;
    }
    if (is_usable) {
        pool_on_up(node->pool, now);
    } else {
        pool_on_down(node->pool, now);
    }
    node_perform(node);
}

void node_print_name(const struct node *node, char *text, size_t size)
{
    snprintf(text, size, "%s", node->name);
}

void node_print(const struct node *node, char *text, size_t size)
{
    char pool[160];
    char pins[160] = "";
    pool_print(node->pool, pool, sizeof pool);
    if (node->pinning != NULL) {
        node_pins_print(node->pinning, pins, sizeof pins);
    }
    snprintf(text, size, "%s: %s%s%s", node->name, pool, pins[0] == '\0' ? "" : "; ", pins);
}
