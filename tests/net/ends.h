/* Ends of conns that check the promises at every event, and pairs of them. */
#ifndef TESTS_NET_ENDS_H
#define TESTS_NET_ENDS_H

#include "world.h"

/* --- ends of conns --- */

struct end {
    struct world *w;
    struct conn *conn; /* NULL once closed */
    size_t opened;
    size_t drained;
    size_t closed;
    enum status why;
    bool is_closing; /* we asked for it */
    bool is_paused;
    bool owes_drained; /* a send said "above" */
    uint64_t sent;     /* bytes of the pattern */
    uint64_t received;
    /* What the test adds to the events; NULL: nothing. */
    void (*on_open)(struct end *e);
    void (*on_bytes)(struct end *e, struct span bytes);
    void (*on_drained)(struct end *e);
    void (*on_closed)(struct end *e);
    void *test;
};

/* The stream that all ends send repeats these bytes: a prime number of them, so that a piece out of
 * place shows. */
enum { PATTERN_BYTES = 99991 };

/* Its bytes from `place` on; as many as one period has may be read. */
static inline const uint8_t *pattern_from(uint64_t place)
{
    static uint8_t twice[2 * PATTERN_BYTES];
    for (size_t i = twice[1] == 0 ? 0 : sizeof twice; i < sizeof twice; i++) {
        size_t at = i % PATTERN_BYTES;
        twice[i] = (uint8_t)(at * 131 + (at >> 8) * 7);
    }
    return twice + place % PATTERN_BYTES;
}

static inline void pattern_fill(uint8_t *out, size_t size, uint64_t place)
{
    for (size_t part; size > 0; size -= part, out += part, place += part) {
        part = size < PATTERN_BYTES ? size : PATTERN_BYTES;
        memcpy(out, pattern_from(place), part);
    }
}

static inline void end_on_open(void *owner)
{
    struct end *e = owner;
    assert_false(e->w->is_in_call);
    assert_false(e->is_closing);
    assert_int_equal(e->closed, 0);
    assert_int_equal(e->received, 0);
    e->opened++;
    if (e->on_open != NULL) {
        e->on_open(e);
    }
    world_check(e->w);
}

static inline void end_on_bytes(void *owner, struct span bytes)
{
    struct end *e = owner;
    msec now = net_now(e->w->net);
    assert_false(e->w->is_in_call);
    assert_false(e->is_closing || e->is_paused);
    assert_int_equal(e->closed, 0);
    assert_true(bytes.size > 0);
    assert_true(bytes.size <= PATTERN_BYTES);
    assert_memory_equal(bytes.at, pattern_from(e->received), bytes.size);
    e->received += bytes.size;
    if (e->on_bytes != NULL) {
        e->on_bytes(e, bytes);
    }
    assert_int_equal(net_now(e->w->net), now); /* promise 7 */
    world_check(e->w);
}

static inline void end_on_drained(void *owner)
{
    struct end *e = owner;
    assert_false(e->w->is_in_call);
    assert_false(e->is_closing);
    assert_int_equal(e->closed, 0);
    assert_true(e->owes_drained);
    assert_true(conn_queued(e->conn) <= CONN_LOW_WATER);
    e->owes_drained = false;
    e->drained++;
    if (e->on_drained != NULL) {
        e->on_drained(e);
    }
    world_check(e->w);
}

static inline void end_on_closed(void *owner, enum status why)
{
    struct end *e = owner;
    assert_false(e->w->is_in_call);
    e->closed++;
    assert_int_equal(e->closed, 1); /* promise 2 */
    e->why = why;
    e->conn = NULL;
    if (e->on_closed != NULL) {
        e->on_closed(e);
    }
    world_check(e->w);
}

static const struct conn_events end_events = {.on_open = end_on_open,
                                              .on_bytes = end_on_bytes,
                                              .on_drained = end_on_drained,
                                              .on_closed = end_on_closed};

static inline bool end_is_closed(void *owner)
{
    return ((struct end *)owner)->closed > 0;
}

/* Sends the next bytes of the pattern, in parts of `part` bytes at most, in one call. */
static inline bool end_send_parts(struct end *e, size_t size, size_t part)
{
    enum { PARTS_MOST = 16 };
    struct span parts[PARTS_MOST];
    size_t count = 0;
    uint8_t *bytes = xmalloc(size);
    pattern_fill(bytes, size, e->sent);
    for (size_t at = 0; at < size; at += part) {
        require(count < PARTS_MOST);
        parts[count++] = span_of(bytes + at, part < size - at ? part : size - at);
    }
    world_enter(e->w);
    bool is_above = conn_send(e->conn, parts, count);
    world_leave(e->w);
    free(bytes);
    e->sent += size;
    e->owes_drained |= is_above;
    return is_above;
}

static inline bool end_send(struct end *e, size_t size)
{
    return end_send_parts(e, size, size);
}

/* As end_send, by chunks that change hands. */
static inline bool end_send_buf(struct end *e, size_t size)
{
    struct buf b;
    uint8_t *bytes = xmalloc(size);
    pattern_fill(bytes, size, e->sent);
    buf_init(&b, &e->w->net->chunks);
    buf_append_always(&b, span_of(bytes, size));
    world_enter(e->w);
    bool is_above = conn_send_buf(e->conn, &b);
    world_leave(e->w);
    assert_true(buf_is_empty(&b));
    free(bytes);
    e->sent += size;
    e->owes_drained |= is_above;
    return is_above;
}

static inline void end_close(struct end *e, enum close_how how)
{
    world_enter(e->w);
    conn_close(e->conn, how);
    world_leave(e->w);
    e->is_closing = true;
}

static inline void end_pause(struct end *e)
{
    e->is_paused = true;
    world_enter(e->w);
    conn_pause(e->conn);
    conn_pause(e->conn);
    world_leave(e->w);
}

static inline void end_resume(struct end *e)
{
    e->is_paused = false;
    world_enter(e->w);
    conn_resume(e->conn);
    conn_resume(e->conn);
    world_leave(e->w);
}

/* --- a dialling end, a listener, and the end that it accepts --- */

struct pair {
    struct world *w;
    struct listener *listener;
    struct address at;
    struct end client;
    struct end server;
    size_t accepted;
};

static inline void pair_on_accept(void *owner, struct conn *conn, const struct address *peer)
{
    struct pair *p = owner;
    assert_false(p->w->is_in_call);
    assert_true(address_is_loopback(peer));
    assert_int_equal(p->accepted, 0);
    p->accepted++;
    p->server.conn = conn;
    conn_attach(conn, &end_events, &p->server);
    if (p->server.on_open != NULL) {
        p->server.on_open(&p->server);
    }
    world_check(p->w);
}

static inline struct address loopback(void)
{
    return (struct address){.family = ADDRESS_IPV4, .ip = {127, 0, 0, 1}};
}

static inline void pair_listen_at(struct pair *p, struct world *w, const struct address *at)
{
    struct error why = {0};
    struct listen_options options = {.unix_mode = 0600};
    *p = (struct pair){.w = w, .client.w = w, .server.w = w};
    if (net_listen(w->net, at, &options, pair_on_accept, p, &p->listener, &why) != STATUS_OK) {
        fail_msg("%s", why.text);
    }
    listener_address(p->listener, &p->at);
}

static inline void pair_listen(struct pair *p, struct world *w)
{
    struct address at = loopback();
    pair_listen_at(p, w, &at);
}

static inline void pair_dial(struct pair *p)
{
    world_enter(p->w);
    p->client.conn = net_dial(p->w->net, &p->at, NULL, &end_events, &p->client);
    world_leave(p->w);
    assert_non_null(p->client.conn);
}

static inline bool pair_is_open(void *owner)
{
    const struct pair *p = owner;
    return p->client.opened > 0 && p->accepted > 0;
}

static inline bool pair_is_closed(void *owner)
{
    const struct pair *p = owner;
    return p->client.closed > 0 && (p->accepted == 0 || p->server.closed > 0);
}

static inline void pair_open(struct pair *p, struct world *w)
{
    pair_listen(p, w);
    pair_dial(p);
    world_run_until(w, pair_is_open, p);
    assert_int_equal(p->server.opened, 0); /* on_open is for dials */
}

static inline void pair_close(struct pair *p)
{
    if (p->client.conn != NULL) {
        end_close(&p->client, CLOSE_NOW);
    }
    if (p->server.conn != NULL) {
        end_close(&p->server, CLOSE_NOW);
    }
    world_run_until(p->w, pair_is_closed, p);
    if (p->listener != NULL) {
        listener_close(p->listener);
    }
}

#endif
