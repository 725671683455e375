/* How questions reach the name servers of the simulated world, and how replies come back: by
 * datagrams, and by conns. */
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "support/sim_parts.h"

enum { QUESTION_MOST = 600 };

struct sim_datagram {
    struct datagram datagram;
    struct list link;
    const struct datagram_events *events;
    void *owner;
    struct list parcels;
    bool has_failed;
};

/* One conn with a name server, at the server's end. */
struct sim_dns_conn {
    struct list link;
    struct sim *sim;
    struct conn *conn;
    struct address at;
    uint8_t bytes[QUESTION_MOST];
    size_t size;
    struct list parcels;
};

/* A reply on its way, by one of the two. */
struct parcel {
    struct list link;
    struct sim_event event;
    struct sim_datagram *datagram;
    struct sim_dns_conn *conn;
    enum status status;
    uint8_t *bytes;
    size_t size;
};

static void free_parcel(struct parcel *p)
{
    sim_cancel(&p->event);
    list_remove(&p->link);
    free(p->bytes);
    free(p);
}

static void free_parcels(struct list *parcels)
{
    list_for_each_safe (link, parcels) {
        free_parcel(container_of(link, struct parcel, link));
    }
}

static struct parcel *parcel_new(struct list *parcels, void (*happen)(struct sim_event *e),
                                 const struct sim_dns_reply *reply)
{
    struct parcel *p = xcalloc(1, sizeof *p);
    p->status = reply->is_refused ? STATUS_REFUSED : STATUS_OK;
    p->bytes = reply->bytes;
    p->size = reply->size;
    sim_event_init(&p->event, happen);
    list_push_back(parcels, &p->link);
    return p;
}

static void post(struct sim *sim, struct parcel *p, msec delay)
{
    if (delay != MSEC_NEVER) {
        sim_schedule(sim, &p->event, sim->now + delay);
    }
}

/* --- datagrams --- */

static void on_parcel(struct sim_event *e)
{
    struct parcel *p = container_of(e, struct parcel, event);
    struct sim_datagram *d = p->datagram;
    uint8_t *bytes = p->bytes;
    size_t size = p->size;
    enum status status = p->status;
    p->bytes = NULL;
    free_parcel(p);
    if (status != STATUS_OK) {
        d->has_failed = true;
        free_parcels(&d->parcels);
        d->events->on_failed(d->owner, status);
    } else {
        d->events->on_datagram(d->owner, span_of(bytes, size));
    }
    free(bytes);
}

/* A route that is cut: what is on its way is lost. */
static bool is_lost(struct sim *sim, struct sim_datagram *d, const struct sim_place *place)
{
    struct sim_dns_reply nothing = {.delay = 0};
    if (place->route == SIM_UNREACHABLE) {
        struct parcel *p = parcel_new(&d->parcels, on_parcel, &nothing);
        p->datagram = d;
        p->status = STATUS_UNREACHABLE;
        post(sim, p, place->latency);
    }
    return place->route != SIM_REACHABLE;
}

struct datagram *sim_datagram(struct net *net, const struct address *to, struct span bytes,
                              const struct datagram_events *events, void *owner)
{
    struct sim *sim = sim_of(net);
    struct sim_datagram *d = xcalloc(1, sizeof *d);
    const struct sim_place *place = sim_place_of(sim, to);
    struct sim_dns_reply replies[SIM_DNS_REPLIES] = {{0}};
    d->datagram.net = net;
    d->events = events;
    d->owner = owner;
    list_init(&d->parcels);
    list_push_back(&sim->datagrams, &d->link);
    if (is_lost(sim, d, place)) {
        return &d->datagram;
    }
    size_t count = sim_dns_reply(sim, to, bytes, false, replies);
    for (size_t i = 0; i < count; i++) {
        struct parcel *p = parcel_new(&d->parcels, on_parcel, &replies[i]);
        p->datagram = d;
        post(sim, p,
             replies[i].delay == MSEC_NEVER ? MSEC_NEVER : replies[i].delay + 2 * place->latency);
    }
    return &d->datagram;
}

void sim_datagram_close(struct datagram *datagram)
{
    struct sim_datagram *d = container_of(datagram, struct sim_datagram, datagram);
    free_parcels(&d->parcels);
    list_remove(&d->link);
    free(d);
}

/* --- conns --- */

static void on_reply(struct sim_event *e)
{
    struct parcel *p = container_of(e, struct parcel, event);
    struct sim_dns_conn *c = p->conn;
    uint8_t prefix[2] = {(uint8_t)(p->size >> 8), (uint8_t)p->size};
    struct span parts[2] = {span_of(prefix, sizeof prefix), span_of(p->bytes, p->size)};
    if (p->status == STATUS_OK) {
        conn_send(c->conn, parts, 2);
    } else {
        conn_close(c->conn, CLOSE_RESET);
    }
    free_parcel(p);
}

static void on_bytes(void *owner, struct span bytes)
{
    struct sim_dns_conn *c = owner;
    struct sim_dns_reply replies[SIM_DNS_REPLIES] = {{0}};
    require(c->size + bytes.size <= sizeof c->bytes);
    memcpy(c->bytes + c->size, bytes.at, bytes.size);
    c->size += bytes.size;
    size_t size = c->size < 2 ? 0 : (size_t)(c->bytes[0] << 8 | c->bytes[1]);
    if (c->size < 2 || c->size < size + 2) {
        return;
    }
    sim_dns_reply(c->sim, &c->at, span_of(c->bytes + 2, size), true, replies);
    c->size -= size + 2;
    memmove(c->bytes, c->bytes + size + 2, c->size);
    struct parcel *p = parcel_new(&c->parcels, on_reply, &replies[0]);
    p->conn = c;
    post(c->sim, p, replies[0].delay);
}

static void on_closed(void *owner, enum status why)
{
    struct sim_dns_conn *c = owner;
    (void)why;
    free_parcels(&c->parcels);
    list_remove(&c->link);
    free(c);
}

static void on_nothing(void *owner)
{
    (void)owner;
}

void sim_dns_accept(struct sim *sim, struct conn *conn)
{
    static const struct conn_events events = {.on_open = on_nothing,
                                              .on_bytes = on_bytes,
                                              .on_drained = on_nothing,
                                              .on_closed = on_closed};
    struct sim_dns_conn *c = xcalloc(1, sizeof *c);
    c->sim = sim;
    c->conn = conn;
    conn_local_address(conn, &c->at);
    list_init(&c->parcels);
    list_push_back(&sim->dns_conns, &c->link);
    conn_attach(conn, &events, c);
}
