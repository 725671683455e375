/* Bytes between two ends: queued by the owner, taken by the "kernel" up to the window, on their way
 * for the latency, waiting in the receiver's inbox until it reads. */
#include <stdlib.h>

#include "base/require.h"
#include "support/sim_conn.h"

enum { READ_MOST = 64 * 1024 };

byte_count sim_queued(const struct conn *conn)
{
    return sim_conn_of(conn)->out.size;
}

/* --- sending --- */

static bool after_send(struct sim_conn *c)
{
    bool is_above = c->out.size > CONN_HIGH_WATER;
    c->was_above |= is_above;
    sim_flow_want_write(c);
    return is_above;
}

bool sim_send(struct conn *conn, const struct span *parts, size_t count)
{
    struct sim_conn *c = sim_conn_of(conn);
    if (c->is_closing) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        buf_append_always(&c->out, parts[i]);
    }
    return after_send(c);
}

bool sim_send_buf(struct conn *conn, struct buf *bytes)
{
    struct sim_conn *c = sim_conn_of(conn);
    if (c->is_closing) {
        buf_clear(bytes);
        return false;
    }
    buf_move(&c->out, bytes);
    return after_send(c);
}

void sim_flow_want_write(struct sim_conn *c)
{
    bool has_room = c->peer == NULL || c->peer->inbox.size < SIM_WINDOW_BYTES;
    bool has_work = !buf_is_empty(&c->out) || c->is_flushing;
    if (c->is_open && !c->is_ended && has_work && has_room) {
        sim_schedule(sim_of_conn(c), &c->write_event, sim_of_conn(c)->now);
    }
}

/* Nobody receives: the first bytes are lost unnoticed, later ones meet the refusal. */
static void write_to_nobody(struct sim_conn *c)
{
    buf_clear(&c->out);
    if (c->lost_at == MSEC_NEVER) {
        c->lost_at = sim_of_conn(c)->now + 2 * c->place->latency;
        sim_flow_want_read(c);
    } else if (sim_of_conn(c)->now >= c->lost_at) {
        sim_conn_end(c, STATUS_PEER_RESET);
    }
}

static void write_to_peer(struct sim_conn *c)
{
    struct sim *sim = sim_of_conn(c);
    struct sim_conn *p = c->peer;
    byte_count room = p->inbox.size < SIM_WINDOW_BYTES ? SIM_WINDOW_BYTES - p->inbox.size : 0;
    byte_count size = c->out.size < room ? c->out.size : room;
    struct sim_segment *s;
    if (size == 0) {
        return;
    }
    s = xcalloc(1, sizeof *s);
    s->size = size;
    s->at = sim->now + c->place->latency;
    list_push_back(&p->segments, &s->link);
    while (size > 0) {
        struct span front = buf_front(&c->out);
        byte_count part = front.size < size ? front.size : size;
        buf_append_always(&p->inbox, span_head(front, part));
        buf_consume(&c->out, part);
        size -= part;
    }
    sim_flow_want_read(p);
}

static void on_write(struct sim_event *e)
{
    struct sim_conn *c = container_of(e, struct sim_conn, write_event);
    if (c->peer == NULL || c->peer->is_ended) {
        write_to_nobody(c);
    } else {
        write_to_peer(c);
    }
    if (c->is_flushing && buf_is_empty(&c->out)) {
        sim_conn_end(c, STATUS_CLOSED_BY_US);
    }
    if (c->was_above && !c->is_closing && c->out.size <= CONN_LOW_WATER) {
        c->was_above = false;
        c->conn.events->on_drained(c->conn.owner);
    }
}

/* --- receiving --- */

static msec next_arrival(const struct sim_conn *c)
{
    struct list *first = list_first(&c->segments);
    if (first != NULL) {
        return container_of(first, struct sim_segment, link)->at;
    }
    return msec_earlier(c->lost_at, c->end == SIM_END_NONE ? MSEC_NEVER : c->end_at);
}

void sim_flow_want_read(struct sim_conn *c)
{
    bool can_read = c->is_open && !c->is_paused && !c->is_closing && c->conn.events != NULL;
    msec at = next_arrival(c);
    if (can_read && at != MSEC_NEVER && c->place->route == SIM_REACHABLE) {
        sim_schedule(sim_of_conn(c), &c->read_event, at);
    }
}

/* Removes `size` bytes from the front of the inbox, into `to` when it is not NULL. */
static void take(struct sim_conn *c, uint8_t *to, byte_count size)
{
    if (to != NULL) {
        buf_peek(&c->inbox, to, size);
    }
    buf_consume(&c->inbox, size);
    while (size > 0) {
        struct sim_segment *s = container_of(list_first(&c->segments), struct sim_segment, link);
        byte_count part = s->size < size ? s->size : size;
        s->size -= part;
        size -= part;
        if (s->size == 0) {
            list_remove(&s->link);
            free(s);
        }
    }
}

static byte_count arrived(const struct sim_conn *c)
{
    byte_count size = 0;
    list_for_each (link, &c->segments) {
        const struct sim_segment *s = container_of(link, struct sim_segment, link);
        if (s->at > sim_of_conn(c)->now) {
            break;
        }
        size += s->size;
    }
    return size < READ_MOST ? size : READ_MOST;
}

static byte_count cut(struct sim_conn *c, byte_count size)
{
    struct sim *sim = sim_of_conn(c);
    if (sim_goes_wrong(sim, FAULT_SHORT_READ, &c->place->at)) {
        size = 1 + sim_pick(sim, size);
    }
    if (sim_goes_wrong(sim, FAULT_ONE_BYTE, &c->place->at)) {
        size = 1;
    }
    return size;
}

static void reset_both(struct sim_conn *c)
{
    if (c->peer != NULL) {
        sim_conn_end(c->peer, STATUS_PEER_RESET);
    }
    sim_conn_end(c, STATUS_PEER_RESET);
}

/* The bytes stand in a block of exactly their size, so that a step beyond them is noticed. */
static void deliver(struct sim_conn *c, byte_count size)
{
    uint64_t well = 0;
    size = cut(c, size);
    bool is_reset =
        sim_passes_fault(sim_of_conn(c), FAULT_RESET_AT_BYTE, &c->place->at, size, &well);
    if (is_reset) {
        size = well;
    }
    if (size > 0) {
        uint8_t *lent = xmalloc(size);
        take(c, lent, size);
        c->conn.events->on_bytes(c->conn.owner, span_of(lent, size));
        free(lent);
    }
    if (is_reset) {
        reset_both(c);
    } else if (c->peer != NULL) {
        sim_flow_want_write(c->peer);
    }
}

static void on_read(struct sim_event *e)
{
    struct sim_conn *c = container_of(e, struct sim_conn, read_event);
    msec now = sim_of_conn(c)->now;
    byte_count size = arrived(c);
    if (size > 0) {
        deliver(c, size);
    } else if (!list_is_empty(&c->segments)) {
        /* not arrived yet */
    } else if (c->lost_at <= now || (c->end == SIM_END_RESET && c->end_at <= now)) {
        sim_conn_end(c, STATUS_PEER_RESET);
    } else if (c->end == SIM_END_CLOSED && c->end_at <= now) {
        sim_conn_end(c, STATUS_PEER_CLOSED);
    }
    sim_flow_want_read(c);
}

/* A reset overtakes what has not been read. */
void sim_flow_end(struct sim_conn *c, enum sim_end end)
{
    struct sim_conn *p = c->peer;
    if (p == NULL || p->end != SIM_END_NONE) {
        return;
    }
    if (end == SIM_END_RESET) {
        take(p, NULL, p->inbox.size);
    }
    p->end = end;
    p->end_at = sim_of_conn(c)->now + c->place->latency;
    sim_flow_want_read(p);
}

void sim_pause(struct conn *conn)
{
    struct sim_conn *c = sim_conn_of(conn);
    c->is_paused = true;
    sim_cancel(&c->read_event);
}

void sim_resume(struct conn *conn)
{
    struct sim_conn *c = sim_conn_of(conn);
    c->is_paused = false;
    sim_flow_want_read(c);
}

void sim_flow_init(struct sim_conn *c)
{
    struct sim *sim = sim_of_conn(c);
    buf_init(&c->out, &sim->net.chunks);
    buf_init(&c->inbox, &sim->wire);
    list_init(&c->segments);
    c->lost_at = MSEC_NEVER;
    sim_event_init(&c->read_event, on_read);
    sim_event_init(&c->write_event, on_write);
}

void sim_flow_clear(struct sim_conn *c)
{
    take(c, NULL, c->inbox.size);
    buf_clear(&c->out);
}
