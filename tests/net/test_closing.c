/* Closing: at every stage of a conn's life, in every way, any number of times. */
#include "ends.h"

/* --- at every stage of a dial --- */

enum stage {
    AT_ONCE,
    IN_ON_OPEN,
    IN_ON_BYTES,
    IN_ON_DRAINED,
    IN_ON_ACCEPT,
    WHILE_IDLE,
    WHILE_SENDING,
    WHILE_PAUSED,
    AFTER_PEER_CLOSED,
    STAGE_COUNT
};

static const char *const stage_names[STAGE_COUNT] = {
    "at once",    "in on_open",    "in on_bytes",  "in on_drained",    "in on_accept",
    "while idle", "while sending", "while paused", "after peer closed"};

/* Ways to close: one call, or two of which the second may only make it faster. */
static const struct way {
    const char *name;
    enum close_how calls[3];
    size_t count;
} ways[] = {
    {"NOW", {CLOSE_NOW}, 1},
    {"FLUSH", {CLOSE_FLUSH}, 1},
    {"RESET", {CLOSE_RESET}, 1},
    {"NOW, NOW, FLUSH", {CLOSE_NOW, CLOSE_NOW, CLOSE_FLUSH}, 3},
    {"FLUSH, NOW", {CLOSE_FLUSH, CLOSE_NOW}, 2},
    {"FLUSH, FLUSH, RESET", {CLOSE_FLUSH, CLOSE_FLUSH, CLOSE_RESET}, 3},
};

struct closing {
    struct pair pair;
    const struct way *way;
};

static void close_in_that_way(struct end *e)
{
    const struct closing *c = e->test;
    for (size_t i = 0; i < c->way->count; i++) {
        end_close(e, c->way->calls[i]);
    }
}

static void close_on_bytes(struct end *e, struct span bytes)
{
    (void)bytes;
    close_in_that_way(e);
}

static void send_much(struct end *e)
{
    while (!end_send(e, 50 * 1000)) {
        continue;
    }
}

static bool is_over(void *owner)
{
    struct closing *c = owner;
    return c->pair.client.closed > 0 && (c->pair.accepted == 0 || c->pair.server.closed > 0);
}

static void send_some(struct end *e)
{
    end_send(e, 1000);
}

/* The client closes at `stage`; for IN_ON_ACCEPT it is the server. */
static void begin(struct closing *c, struct world *w, enum stage stage)
{
    struct pair *p = &c->pair;
    pair_listen(p, w);
    p->client.test = c;
    p->server.test = c;
    if (stage == IN_ON_OPEN) {
        p->client.on_open = close_in_that_way;
    } else if (stage == IN_ON_BYTES) {
        p->server.on_open = send_some;
        p->client.on_bytes = close_on_bytes;
    } else if (stage == IN_ON_DRAINED) {
        p->client.on_open = send_much;
        p->client.on_drained = close_in_that_way;
    } else if (stage == IN_ON_ACCEPT) {
        p->server.on_open = close_in_that_way;
    }
    pair_dial(p);
    if (stage == AT_ONCE) {
        close_in_that_way(&p->client);
    }
}

static void go_on(struct closing *c, struct world *w, enum stage stage)
{
    struct pair *p = &c->pair;
    if (stage < WHILE_IDLE) {
        return;
    }
    world_run_until(w, pair_is_open, p);
    if (stage == WHILE_SENDING) {
        send_much(&p->client);
        world_run_for(w, 5);
    } else if (stage == WHILE_PAUSED) {
        end_pause(&p->client);
        end_send(&p->server, 1000);
        world_run_for(w, 5);
    } else if (stage == AFTER_PEER_CLOSED) {
        end_pause(&p->client); /* so that it does not notice */
        end_send(&p->server, 1000);
        end_close(&p->server, CLOSE_FLUSH);
        world_run_until(w, end_is_closed, &p->server);
    }
    close_in_that_way(&p->client);
}

static void close_at(struct world *w, enum stage stage, const struct way *way)
{
    struct closing c = {.way = way};
    begin(&c, w, stage);
    go_on(&c, w, stage);
    world_run_until(w, is_over, &c);
    world_run_for(w, 2); /* an event that comes too late would show */
    if (stage == AT_ONCE && c.pair.accepted == 0) {
        assert_int_equal(c.pair.client.opened, 0);
    }
    const struct end *closer = stage == IN_ON_ACCEPT ? &c.pair.server : &c.pair.client;
    const struct end *other = stage == IN_ON_ACCEPT ? &c.pair.client : &c.pair.server;
    assert_int_equal(closer->why, STATUS_CLOSED_BY_US);
    if (other->closed > 0 && stage != AFTER_PEER_CLOSED) {
        assert_true(other->why == STATUS_PEER_CLOSED || other->why == STATUS_PEER_RESET);
    }
    listener_close(c.pair.listener);
    world_run_for(w, 1);
}

static void test_every_stage(struct world *w)
{
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            if (getenv("VERBOSE") != NULL) {
                print_message("%s: %s\n", stage_names[stage], ways[i].name);
            }
            close_at(w, (enum stage)stage, &ways[i]);
        }
    }
}

/* A dial that nobody answers, closed before and after its failure is known. */
static void test_dial_that_fails(struct world *w)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct closing c = {.way = &ways[i]};
        pair_listen(&c.pair, w);
        listener_close(c.pair.listener);
        c.pair.client.test = &c;
        pair_dial(&c.pair);
        end_send(&c.pair.client, 1000); /* taken, and never sent */
        close_in_that_way(&c.pair.client);
        world_run_until(w, is_over, &c);
        assert_int_equal(c.pair.client.why, STATUS_CLOSED_BY_US);
    }
}

/* --- what the peer sees --- */

enum { FLUSHED_BYTES = 1000 * 1000 };

static bool is_server_closed(void *owner)
{
    return ((struct pair *)owner)->server.closed > 0;
}

static void test_flush_sends_all(struct world *w)
{
    struct pair p;
    pair_open(&p, w);
    end_send(&p.client, FLUSHED_BYTES);
    end_close(&p.client, CLOSE_FLUSH);
    world_run_until(w, pair_is_closed, &p);
    assert_int_equal(p.server.received, FLUSHED_BYTES);
    assert_int_equal(p.server.why, STATUS_PEER_CLOSED);
    assert_int_equal(p.client.drained, 0);
    pair_close(&p);
}

/* Unread bytes of the peer must not destroy our last ones. */
static void test_flush_over_unread(struct world *w)
{
    struct pair p;
    pair_open(&p, w);
    end_pause(&p.client);
    end_send(&p.server, 5000);
    world_run_for(w, 10);
    end_send(&p.client, 3000);
    end_close(&p.client, CLOSE_FLUSH);
    world_run_until(w, pair_is_closed, &p);
    assert_int_equal(p.server.received, 3000);
    assert_int_equal(p.server.why, STATUS_PEER_CLOSED);
    pair_close(&p);
}

static void test_flush_has_a_limit(struct world *w)
{
    struct pair p;
    pair_open(&p, w);
    end_pause(&p.server);
    end_send(&p.client, 20 * 1000 * 1000); /* more than kernels take */
    msec begin = net_now(w->net);
    end_close(&p.client, CLOSE_FLUSH);
    world_run_until(w, end_is_closed, &p.client);
    msec took = net_now(w->net) - begin;
    assert_true(took >= CLOSE_FLUSH_MS && took < CLOSE_FLUSH_MS + SECONDS(8));
    assert_int_equal(p.client.why, STATUS_CLOSED_BY_US);
    assert_int_equal(w->net->chunks.used, 0);
    pair_close(&p);
}

static void test_flush_then_now(struct world *w)
{
    struct pair p;
    pair_open(&p, w);
    end_pause(&p.server);
    end_send(&p.client, 20 * 1000 * 1000);
    msec begin = net_now(w->net);
    end_close(&p.client, CLOSE_FLUSH);
    world_run_for(w, 50);
    end_close(&p.client, CLOSE_NOW);
    world_run_until(w, end_is_closed, &p.client);
    assert_true(net_now(w->net) - begin < CLOSE_FLUSH_MS);
    pair_close(&p);
}

static void test_now_drops_queue(struct world *w)
{
    struct pair p;
    pair_open(&p, w);
    end_send(&p.client, 1000); /* small: waits for the end of the turn */
    end_close(&p.client, CLOSE_NOW);
    assert_false(
        conn_send(p.client.conn, &(struct span){.at = (const uint8_t *)"x", .size = 1}, 1));
    world_run_until(w, pair_is_closed, &p);
    assert_int_equal(p.server.received, 0);
    assert_int_equal(p.server.why, STATUS_PEER_CLOSED);
    pair_close(&p);
}

static void test_reset(struct world *w)
{
    struct pair p;
    pair_open(&p, w);
    end_close(&p.client, CLOSE_RESET);
    world_run_until(w, pair_is_closed, &p);
    assert_int_equal(p.server.why, STATUS_PEER_RESET);
    pair_close(&p);
}

static void test_reset_while_writing(struct world *w)
{
    struct pair p;
    pair_open(&p, w);
    end_pause(&p.server);
    end_send(&p.client, 20 * 1000 * 1000);
    world_run_for(w, 20);
    end_close(&p.client, CLOSE_RESET);
    world_run_until(w, end_is_closed, &p.client);
    p.server.is_paused = false;
    conn_resume(p.server.conn);
    world_run_until(w, is_server_closed, &p);
    assert_int_equal(p.server.why, STATUS_PEER_RESET);
    pair_close(&p);
}

static void test_peer_closes(struct world *w)
{
    struct pair p;
    pair_open(&p, w);
    end_send(&p.server, 100);
    end_close(&p.server, CLOSE_FLUSH);
    world_run_until(w, end_is_closed, &p.client);
    assert_int_equal(p.client.received, 100);
    assert_int_equal(p.client.why, STATUS_PEER_CLOSED);
    pair_close(&p);
}

/* Writing to a peer that is gone: the first bytes may vanish, then it shows. */
static void test_send_to_gone_peer(struct world *w)
{
    struct pair p;
    pair_open(&p, w);
    end_pause(&p.client);
    end_close(&p.server, CLOSE_NOW);
    world_run_until(w, is_server_closed, &p);
    while (p.client.closed == 0) {
        end_send(&p.client, 1000);
        world_run_for(w, 5);
    }
    assert_int_equal(p.client.why, STATUS_PEER_RESET);
    pair_close(&p);
}

/* --- sends and closes --- */

static void test_send_while_flushing(struct world *w)
{
    struct pair p;
    struct buf b;
    pair_open(&p, w);
    end_send(&p.client, FLUSHED_BYTES);
    end_close(&p.client, CLOSE_FLUSH);
    buf_init(&b, &w->net->chunks);
    buf_append_always(&b, span_text("late"));
    assert_false(conn_send_buf(p.client.conn, &b));
    assert_true(buf_is_empty(&b)); /* taken, in every case */
    conn_pause(p.client.conn);
    conn_resume(p.client.conn);
    world_run_until(w, pair_is_closed, &p);
    assert_int_equal(p.server.received, FLUSHED_BYTES);
    pair_close(&p);
}

/* --- listeners --- */

struct refuser {
    struct world *w;
    struct listener *listener;
    size_t accepted;
    bool closes_listener;
};

/* Closes without having attached: no event comes for such a conn. */
static void refuse(void *owner, struct conn *conn, const struct address *peer)
{
    struct refuser *r = owner;
    (void)peer;
    r->accepted++;
    conn_close(conn, CLOSE_NOW);
    if (r->closes_listener) {
        listener_close(r->listener);
        r->listener = NULL;
    }
}

static void refuse_dials(struct world *w, bool closes_listener)
{
    struct refuser r = {.w = w, .closes_listener = closes_listener};
    struct pair p = {.w = w, .client.w = w};
    struct address at = loopback();
    assert_int_equal(net_listen(w->net, &at, NULL, refuse, &r, &r.listener, NULL), STATUS_OK);
    listener_address(r.listener, &p.at);
    pair_dial(&p);
    world_run_until(w, end_is_closed, &p.client);
    assert_int_equal(r.accepted, 1);
    assert_true(p.client.why == STATUS_PEER_CLOSED || p.client.why == STATUS_PEER_RESET);
    if (r.listener != NULL) {
        listener_close(r.listener);
    }
}

static void test_close_in_on_accept(struct world *w)
{
    refuse_dials(w, false);
}

static void test_close_listener_in_on_accept(struct world *w)
{
    refuse_dials(w, true);
}

static bool has_both(void *owner)
{
    const struct pair *p = owner;
    return p->client.received == 10 && p->server.received == 10;
}

static void test_listener_close(struct world *w)
{
    struct pair p;
    struct pair late = {.w = w, .client.w = w};
    pair_open(&p, w);
    listener_close(p.listener);
    p.listener = NULL;
    late.at = p.at;
    pair_dial(&late);
    world_run_until(w, end_is_closed, &late.client);
    assert_int_equal(late.client.why, STATUS_REFUSED);
    end_send(&p.client, 10); /* what it accepted goes on */
    end_send(&p.server, 10);
    world_run_until(w, has_both, &p);
    pair_close(&p);
}

int main(void)
{
    static const struct net_case cases[] = {
        {"every stage, every way", test_every_stage, ON_BOTH},
        {"a dial that fails", test_dial_that_fails, ON_BOTH},
        {"FLUSH sends all", test_flush_sends_all, ON_BOTH},
        {"FLUSH over unread bytes", test_flush_over_unread, ON_BOTH},
        {"FLUSH has a limit", test_flush_has_a_limit, ON_BOTH},
        {"FLUSH, then NOW", test_flush_then_now, ON_BOTH},
        {"NOW drops the queue", test_now_drops_queue, ON_BOTH},
        {"RESET", test_reset, ON_BOTH},
        {"RESET while writing", test_reset_while_writing, ON_BOTH},
        {"the peer closes", test_peer_closes, ON_BOTH},
        {"send to a peer that is gone", test_send_to_gone_peer, ON_BOTH},
        {"send while flushing", test_send_while_flushing, ON_BOTH},
        {"close in on_accept", test_close_in_on_accept, ON_BOTH},
        {"close the listener in on_accept", test_close_listener_in_on_accept, ON_BOTH},
        {"listener_close", test_listener_close, ON_BOTH},
    };
    return run_cases("closing", cases, sizeof cases / sizeof *cases);
}
