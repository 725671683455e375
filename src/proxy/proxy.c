/* Happy path: proxy_open -> listeners accept -> clients come and go -> proxy_drain -> proxy_close
 * -> on_ended.
 *
 * The drain has three stages behind one deadline: accept on for drain.minMS (load balancers
 * notice), then stop accepting and end each client at an operation boundary outside transactions,
 * then, when all are gone or drain.maxMS is over, close what is left. */
#include "proxy/proxy.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/require.h"
#include "proxy/apps.h"
#include "proxy/client.h"
#include "proxy/cluster.h"
#include "proxy/events.h"
#include "proxy/exchange.h"
#include "proxy/vanished.h"

static void on_deadline(struct deadline *d, msec now);

struct proxy *proxy_new(struct net *net, const struct settings *settings, struct tls_config *tls,
                        void (*on_ended)(void *owner), void *owner)
{
    struct proxy *p = xcalloc(1, sizeof *p);
    p->net = net;
    p->settings = settings;
    p->tls = tls;
    p->on_ended = on_ended;
    p->owner = owner;
    p->login_keys = login_keys_new();
    tunnel_proxy_read(settings->upstream.socks_proxy, settings->upstream.http_proxy,
                      &p->outbound.server);
    list_init(&p->clients);
    deadline_init(&p->deadline, on_deadline);
    p->events = events_new(p);
    p->cluster = cluster_new(p);
    p->vanished = vanished_new(p);
    p->apps = apps_new(p);
    return p;
}

/* --- the end --- */

static void stop_listening(struct proxy *p)
{
    while (p->listener_count > 0) {
        listener_close(p->listeners[--p->listener_count]);
    }
}

/* No client, and no exchange that outlived its client (an unacknowledged write on its way). */
static bool is_idle(const struct proxy *p)
{
    return p->client_count == 0 && p->free_count == p->place_count;
}

static void end_if_empty(struct proxy *p)
{
    bool are_parts_over = p->has_cluster_ended && p->have_events_ended;
    if (p->is_closing && are_parts_over && p->client_count == 0) {
        p->has_cluster_ended = false; /* told once */
        net_clear_deadline(p->net, &p->deadline);
        p->on_ended(p->owner);
    }
}

/* Exchanges whose client is gone and that still have a backend, or wait for their application. */
static void abandon_orphans(struct proxy *p)
{
    for (size_t i = 0; i < p->place_count; i++) {
        struct exchange *x = p->places[i].exchange;
        bool is_left = x != NULL && x->client == NULL;
        if (is_left && (x->backend != NULL || x->state.now_in == EXCHANGE_ADMITTING)) {
            exchange_abandon(x);
        }
    }
}

void proxy_close(struct proxy *p)
{
    struct list *next;
    if (p->is_closing) {
        return;
    }
    p->is_closing = true;
    vanished_close(p->vanished);
    stop_listening(p);
    net_clear_deadline(p->net, &p->deadline);
    net_clear_deadline(p->net, &p->startup);
    events_close(p->events);
    for (struct list *link = p->clients.next; link != &p->clients; link = next) {
        next = link->next;
        struct client *c = container_of(link, struct client, link);
        if (c->conn != NULL) {
            if (c->exchange != NULL) {
                exchange_on_shutdown(c->exchange);
            }
            client_close(c, STATUS_DRAINING, "Mooring is shutting down");
        } else {
            client_abandon(c);
        }
    }
    abandon_orphans(p);
    cluster_close(p->cluster);
    end_if_empty(p);
}

static void end_clients(struct proxy *p)
{
    struct list *next;
    stop_listening(p);
    for (struct list *link = p->clients.next; link != &p->clients; link = next) {
        next = link->next;
        client_close_when_idle(container_of(link, struct client, link));
    }
}

void proxy_drain(struct proxy *p)
{
    if (p->is_draining) {
        return;
    }
    p->is_draining = true;
    log_info(LOG_MAIN, NULL, "draining: %zu clients", p->client_count);
    net_set_deadline(p->net, &p->deadline, net_now(p->net) + p->settings->drain.min_ms);
}

static void on_deadline(struct deadline *d, msec now)
{
    struct proxy *p = container_of(d, struct proxy, deadline);
    bool is_over = p->listener_count == 0;
    if (is_over || is_idle(p)) {
        proxy_close(p);
        return;
    }
    end_clients(p);
    net_set_deadline(p->net, &p->deadline, now + p->settings->drain.max_ms);
}

void proxy_on_part_ended(struct proxy *p)
{
    if (p->is_draining && !p->is_closing && p->listener_count == 0 && is_idle(p)) {
        net_set_deadline(p->net, &p->deadline, net_now(p->net));
    }
    end_if_empty(p);
}

void proxy_on_cluster_ended(struct proxy *p)
{
    p->has_cluster_ended = true;
    end_if_empty(p);
}

void proxy_on_events_ended(void *owner)
{
    struct proxy *p = owner;
    p->have_events_ended = true;
    end_if_empty(p);
}

void proxy_free(struct proxy *p)
{
    vanished_free(p->vanished);
    apps_free(p->apps);
    cluster_free(p->cluster);
    events_free(p->events);
    login_keys_free(p->login_keys);
    while (p->spare_count > 0) {
        free(p->spare[--p->spare_count]);
    }
    free(p->places);
    free(p->free_places);
    tunnel_proxy_clear(&p->outbound.server);
    free(p);
}

/* --- for its parts --- */

int32_t proxy_next_id(struct proxy *p)
{
    p->last_message_id++;
    if (p->last_message_id > INT32_MAX) {
        p->last_message_id = 1;
    }
    return (int32_t)p->last_message_id;
}

static size_t take_place(struct proxy *p)
{
    if (p->free_count == 0) {
        size_t more = p->place_count == 0 ? 64 : p->place_count;
        p->places = xrealloc(p->places, (p->place_count + more) * sizeof *p->places);
        p->free_places = xrealloc(p->free_places, (p->place_count + more) * sizeof *p->free_places);
        for (size_t i = 0; i < more; i++) {
            p->places[p->place_count + i] = (struct exchange_place){0};
            p->free_places[p->free_count++] = p->place_count + more - 1 - i;
        }
        p->place_count += more;
    }
    return p->free_places[--p->free_count];
}

struct exchange *proxy_take_exchange(struct proxy *p)
{
    size_t place = take_place(p);
    struct exchange *x =
        p->spare_count > 0 ? p->spare[--p->spare_count] : xmalloc(sizeof(struct exchange));
    *x = (struct exchange){0};
    p->places[place].exchange = x;
    p->places[place].tag++;
    x->id = (uint64_t)p->places[place].tag << 32 | place;
    return x;
}

void proxy_give_exchange(struct proxy *p, struct exchange *x)
{
    size_t place = x->id & UINT32_MAX;
    p->places[place].exchange = NULL;
    p->free_places[p->free_count++] = place;
    if (p->spare_count < EXCHANGES_SPARE) {
        p->spare[p->spare_count++] = x;
    } else {
        free(x);
    }
    if (p->is_draining) {
        proxy_on_part_ended(p);
    }
}

struct exchange *proxy_find_exchange(struct proxy *p, uint64_t id)
{
    size_t place = id & UINT32_MAX;
    bool is_it = place < p->place_count && p->places[place].tag == id >> 32;
    return is_it ? p->places[place].exchange : NULL;
}

void proxy_on_hello_changed(struct proxy *p)
{
    struct list *next;
    uint32_t version = cluster_hello_version(p->cluster);
    for (struct list *link = p->clients.next; link != &p->clients; link = next) {
        next = link->next;
        struct client *c = container_of(link, struct client, link);
        if (c->greeted_with != 0 && c->greeted_with != version) {
            client_close_when_idle(c);
        }
    }
}
