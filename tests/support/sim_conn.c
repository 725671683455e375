/* Listeners and conns of the simulated world: dial, accept, close.
 *
 * A dial reaches the listener after the latency; there the other end is made. After the latency
 * again the dialler's on_open and the listener's on_accept come, in either order. on_closed comes
 * by an event of its own, in which the end is freed; the peer sees the end after the bytes. */
#include "support/sim_conn.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/require.h"

struct sim_listener {
    struct listener listener;
    struct list link;
    struct address at;
};

/* --- listeners --- */

static struct sim_listener *find_listener(struct sim *sim, const struct address *at)
{
    list_for_each (link, &sim->listeners) {
        struct sim_listener *l = container_of(link, struct sim_listener, link);
        if (address_equals(&l->at, at)) {
            return l;
        }
    }
    return NULL;
}

enum status
sim_listen(struct net *net, const struct address *at, const struct listen_options *options,
           void (*on_accept)(void *owner, struct conn *conn, const struct address *peer),
           void *owner, struct listener **out, struct error *why)
{
    struct sim *sim = sim_of(net);
    char text[ADDRESS_TEXT_SIZE];
    (void)options;
    if (find_listener(sim, at) != NULL) {
        return error_set(why, STATUS_ADDRESS_IN_USE, "%s is taken by another listener",
                         address_print(at, text));
    }
    struct sim_listener *l = xcalloc(1, sizeof *l);
    l->listener = (struct listener){.net = net, .on_accept = on_accept, .owner = owner};
    l->at = *at;
    if (l->at.port == 0 && l->at.family != ADDRESS_UNIX) {
        l->at.port = sim->next_port++;
    }
    list_push_back(&sim->listeners, &l->link);
    *out = &l->listener;
    return STATUS_OK;
}

void sim_listener_address(struct listener *listener, struct address *out)
{
    *out = container_of(listener, struct sim_listener, listener)->at;
}

void sim_listener_close(struct listener *listener)
{
    struct sim_listener *l = container_of(listener, struct sim_listener, listener);
    list_remove(&l->link);
    free(l);
}

/* --- beginning --- */

static void on_close_event(struct sim_event *e);
static void on_flush_limit(struct sim_event *e);

static struct sim_conn *conn_new(struct sim *sim, struct sim_place *place,
                                 void (*on_open_event)(struct sim_event *e))
{
    struct sim_conn *c = xcalloc(1, sizeof *c);
    c->conn.net = &sim->net;
    c->place = place;
    c->why = STATUS_CLOSED_BY_US;
    sim_flow_init(c);
    sim_event_init(&c->open_event, on_open_event);
    sim_event_init(&c->close_event, on_close_event);
    sim_event_init(&c->flush_limit, on_flush_limit);
    list_push_back(&sim->conns, &c->link);
    return c;
}

static void on_opened(struct sim_event *e)
{
    struct sim_conn *c = container_of(e, struct sim_conn, open_event);
    c->is_open = true;
    c->conn.events->on_open(c->conn.owner);
    sim_flow_want_read(c);
    sim_flow_want_write(c);
}

static void on_accepted(struct sim_event *e)
{
    struct sim_conn *c = container_of(e, struct sim_conn, open_event);
    struct sim_listener *l = find_listener(sim_of_conn(c), &c->place->at);
    if (l == NULL && !sim_dns_takes_conns(sim_of_conn(c), &c->place->at)) {
        sim_flow_end(c, SIM_END_RESET);
        sim_conn_end(c, STATUS_CLOSED_BY_US);
        return;
    }
    c->is_open = true;
    if (l != NULL) {
        l->listener.on_accept(l->listener.owner, &c->conn, &c->peer_address);
    } else {
        sim_dns_accept(sim_of_conn(c), &c->conn);
    }
    require(c->conn.events != NULL || c->is_closing);
    sim_flow_want_read(c);
    sim_flow_want_write(c);
}

void sim_local_address(const struct conn *conn, struct address *out)
{
    *out = sim_conn_of(conn)->place->at;
}

/* All are one process: this one. */
bool sim_peer_process(const struct conn *conn, struct peer_process *out)
{
    bool is_unix = sim_conn_of(conn)->place->at.family == ADDRESS_UNIX;
    if (is_unix) {
        *out = (struct peer_process){.id = (uint32_t)getpid(), .user = (uint32_t)getuid()};
    }
    return is_unix;
}

static void on_refused(struct sim_event *e)
{
    sim_conn_end(container_of(e, struct sim_conn, open_event), STATUS_REFUSED);
}

static void on_unreachable(struct sim_event *e)
{
    sim_conn_end(container_of(e, struct sim_conn, open_event), STATUS_UNREACHABLE);
}

/* The dial reaches the place. */
static void on_arrived(struct sim_event *e)
{
    struct sim_conn *c = container_of(e, struct sim_conn, open_event);
    struct sim *sim = sim_of_conn(c);
    struct sim_place *place = c->place;
    msec back = sim->now + place->latency;
    if (place->route == SIM_SILENT || sim_goes_wrong(sim, FAULT_DIAL_HANGS, &place->at)) {
        return;
    }
    if (place->route == SIM_UNREACHABLE) {
        c->open_event.happen = on_unreachable;
    } else if ((find_listener(sim, &place->at) == NULL && !sim_dns_takes_conns(sim, &place->at)) ||
               sim_goes_wrong(sim, FAULT_DIAL_REFUSED, &place->at)) {
        c->open_event.happen = on_refused;
    } else {
        struct sim_conn *other = conn_new(sim, place, on_accepted);
        other->peer = c;
        other->peer_address = c->peer_address;
        c->peer = other;
        c->open_event.happen = on_opened;
        sim_schedule(sim, &other->open_event, back);
    }
    sim_schedule(sim, &c->open_event, back);
}

struct conn *sim_dial(struct net *net, const struct address *to, const struct dial_options *options,
                      const struct conn_events *events, void *owner)
{
    struct sim *sim = sim_of(net);
    struct sim_conn *c = conn_new(sim, sim_place_of(sim, to), on_arrived);
    (void)options;
    c->is_dialled = true;
    conn_attach(&c->conn, events, owner);
    c->peer_address = (struct address){.family = ADDRESS_IPV4, .ip = {127, 0, 0, 1}};
    c->peer_address.port = sim->next_port++;
    if (to->family == ADDRESS_UNIX) {
        c->peer_address = *to;
    }
    sim_schedule(sim, &c->open_event, sim->now + c->place->latency);
    return &c->conn;
}

size_t sim_count_dialled(const struct sim *sim, const struct address *at)
{
    size_t count = 0;
    list_for_each (link, &sim->conns) {
        const struct sim_conn *c = container_of(link, struct sim_conn, link);
        count += c->is_dialled && !c->is_ended && address_equals(&c->place->at, at);
    }
    return count;
}

size_t sim_count_dialling(const struct sim *sim, const struct address *at)
{
    size_t count = 0;
    list_for_each (link, &sim->conns) {
        const struct sim_conn *c = container_of(link, struct sim_conn, link);
        count += c->is_dialled && !c->is_open && !c->is_ended && address_equals(&c->place->at, at);
    }
    return count;
}

void sim_wake_conns(struct sim *sim, const struct sim_place *place)
{
    list_for_each (link, &sim->conns) {
        struct sim_conn *c = container_of(link, struct sim_conn, link);
        if (c->place == place && place->route == SIM_REACHABLE) {
            sim_flow_want_read(c);
        } else if (c->place == place) {
            sim_cancel(&c->read_event);
        }
    }
}

/* --- end --- */

static void on_close_event(struct sim_event *e)
{
    struct sim_conn *c = container_of(e, struct sim_conn, close_event);
    if (c->peer != NULL) {
        c->peer->peer = NULL;
        sim_flow_want_write(c->peer);
    }
    sim_flow_clear(c);
    list_remove(&c->link);
    if (c->conn.events != NULL) {
        c->conn.events->on_closed(c->conn.owner, c->why);
    }
    free(c);
}

static void on_flush_limit(struct sim_event *e)
{
    sim_conn_end(container_of(e, struct sim_conn, flush_limit), STATUS_CLOSED_BY_US);
}

void sim_conn_end(struct sim_conn *c, enum status why)
{
    if (c->is_ended) {
        return;
    }
    if (!c->is_closing) {
        c->why = why;
    }
    c->is_closing = true;
    c->is_ended = true;
    struct sim_event *events[] = {&c->open_event, &c->read_event, &c->write_event, &c->flush_limit};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        sim_cancel(events[i]);
    }
    buf_clear(&c->out);
    /* As kernels do: closing over unread bytes is a reset, after what was sent. */
    bool has_unread = !buf_is_empty(&c->inbox) && !c->is_flushing;
    if (c->peer != NULL && c->peer->end == SIM_END_NONE) {
        c->peer->end = has_unread ? SIM_END_RESET : SIM_END_CLOSED;
        c->peer->end_at = sim_of_conn(c)->now + c->place->latency;
        sim_flow_want_read(c->peer);
    }
    sim_schedule(sim_of_conn(c), &c->close_event, sim_of_conn(c)->now);
}

void sim_close(struct conn *conn, enum close_how how)
{
    struct sim_conn *c = sim_conn_of(conn);
    struct sim *sim = sim_of_conn(c);
    if (c->is_ended) {
        return;
    }
    if (how == CLOSE_FLUSH && c->is_open) {
        if (!c->is_closing) {
            c->is_closing = true;
            c->is_flushing = true;
            sim_cancel(&c->read_event);
            sim_schedule(sim, &c->flush_limit, sim->now + CLOSE_FLUSH_MS);
            sim_flow_want_write(c);
        }
        return;
    }
    if (how == CLOSE_RESET) {
        sim_flow_end(c, SIM_END_RESET);
    }
    sim_conn_end(c, STATUS_CLOSED_BY_US);
}
