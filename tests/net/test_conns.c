/* Conns: opening, sending, receiving. */
#include "loop/loop_conn.h"
#include "ends.h"

/* --- opening --- */

static void echo(struct end *e, struct span bytes)
{
    end_send(e, bytes.size);
}

static bool has_echo(void *owner)
{
    const struct pair *p = owner;
    return p->client.received >= 5000;
}

static void test_echo(struct world *w)
{
    struct pair p;
    pair_listen(&p, w);
    p.server.on_bytes = echo;
    pair_dial(&p);
    end_send(&p.client, 5000); /* before it is open: waits for that */
    world_run_until(w, has_echo, &p);
    assert_int_equal(p.client.opened, 1);
    assert_int_equal(p.client.received, 5000);
    assert_int_equal(conn_queued(p.client.conn), 0);
    pair_close(&p);
    assert_int_equal(p.client.why, STATUS_CLOSED_BY_US);
}

static void echo_at(struct world *w, const struct address *at)
{
    struct pair p;
    struct address reached;
    struct peer_process who;
    pair_listen_at(&p, w, at);
    p.server.on_bytes = echo;
    pair_dial(&p);
    end_send(&p.client, 5000);
    world_run_until(w, has_echo, &p);
    conn_local_address(p.server.conn, &reached);
    assert_true(address_equals(&reached, &p.at));
    assert_int_equal(conn_peer_process(p.server.conn, &who), at->family == ADDRESS_UNIX);
    if (at->family == ADDRESS_UNIX) {
        assert_int_equal(who.id, getpid());
        assert_int_equal(who.user, getuid());
    }
    pair_close(&p);
}

static void test_echo_unix(struct world *w)
{
    struct address at = {.family = ADDRESS_UNIX};
    snprintf(at.path, sizeof at.path, "/tmp/mooring-test-%d.sock", getpid());
    echo_at(w, &at);
}

static void test_echo_ipv6(struct world *w)
{
    struct address at = {.family = ADDRESS_IPV6, .ip[15] = 1};
    echo_at(w, &at);
}

/* A listener on every address: which one was taken, the conn knows. */
static void test_local_address(struct world *w)
{
    struct address at = {.family = ADDRESS_IPV4};
    struct address reached;
    struct pair p;
    pair_listen_at(&p, w, &at);
    p.at = (struct address){.family = ADDRESS_IPV4, .port = p.at.port, .ip = {127, 0, 0, 2}};
    pair_dial(&p);
    world_run_until(w, pair_is_open, &p);
    conn_local_address(p.server.conn, &reached);
    assert_true(address_equals(&reached, &p.at));
    pair_close(&p);
}

static void test_dial_refused(struct world *w)
{
    struct pair p;
    pair_listen(&p, w);
    listener_close(p.listener); /* nobody listens on that port now */
    pair_dial(&p);
    assert_int_equal(p.client.closed, 0); /* a later event, also when it is known at once */
    world_run_until(w, end_is_closed, &p.client);
    assert_int_equal(p.client.why, STATUS_REFUSED);
    assert_int_equal(p.client.opened, 0);
}

static void test_dial_refused_unix(struct world *w)
{
    struct pair p = {.w = w, .client.w = w, .at.family = ADDRESS_UNIX};
    snprintf(p.at.path, sizeof p.at.path, "/tmp/mooring-test-%d-none.sock", getpid());
    pair_dial(&p);
    world_run_until(w, end_is_closed, &p.client);
    assert_int_equal(p.client.why, STATUS_REFUSED);
}

/* A broadcast address fails in the call itself, on the real network. */
static void test_dial_fails_at_once(struct world *w)
{
    struct pair p = {.w = w, .client.w = w};
    p.at = (struct address){.family = ADDRESS_IPV4, .ip = {255, 255, 255, 255}, .port = 9};
    pair_dial(&p);
    assert_int_equal(p.client.closed, 0);
    world_run_until(w, end_is_closed, &p.client);
    assert_int_not_equal(p.client.why, STATUS_OK);
    assert_int_not_equal(p.client.why, STATUS_CLOSED_BY_US);
}

static void test_dial_options(struct world *w)
{
    struct pair p;
    struct dial_options options = {.keep_alive_seconds = 60, .user_timeout_ms = 30000};
    pair_listen(&p, w);
    p.client.conn = net_dial(w->net, &p.at, &options, &end_events, &p.client);
    world_run_until(w, pair_is_open, &p);
    if (w->loop != NULL) {
        int fd = -1;
        int on = 0;
        unsigned timeout = 0;
        socklen_t size = sizeof on;
        assert_int_equal(uv_fileno(&loop_conn_of(p.client.conn)->uv.handle, &fd), 0);
        getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &size);
        assert_true(on);
        getsockopt(fd, 6, 18 /* TCP_USER_TIMEOUT */, &timeout, &size);
        assert_int_equal(timeout, 30000);
        getsockopt(fd, 6, 1 /* TCP_NODELAY */, &on, &size);
        assert_true(on);
        assert_int_equal(uv_fileno(&loop_conn_of(p.server.conn)->uv.handle, &fd), 0);
        on = 0;
        getsockopt(fd, 6, 1, &on, &size);
        assert_true(on); /* inherited from the listener */
    }
    pair_close(&p);
}

/* --- sending --- */

static bool has_all(void *owner)
{
    const struct pair *p = owner;
    return p->server.received == p->client.sent && p->client.received == p->server.sent;
}

static void send_in_some_way(struct end *e, size_t size, size_t way)
{
    if (way % 3 == 0) {
        end_send_buf(e, size);
    } else {
        end_send_parts(e, size, size / 7 + 1);
    }
}

/* Small, large, in parts, as chunks: in whatever way they go, they arrive in order. */
static void test_order(struct world *w)
{
    static const size_t sizes[] = {1, 10, 4095, 4096, 20000, 3, 70000, 1, 16384, 100, 200000, 2};
    struct pair p;
    pair_open(&p, w);
    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            size_t size = sizes[(i * 5 + round) % (sizeof sizes / sizeof *sizes)];
            send_in_some_way(&p.client, size, i + round);
        }
        if (round % 4 == 0) {
            world_run_until(w, has_all, &p);
        }
    }
    world_run_until(w, has_all, &p);
    pair_close(&p);
}

static void test_send_nothing(struct world *w)
{
    struct pair p;
    struct buf none;
    pair_open(&p, w);
    buf_init(&none, &w->net->chunks);
    assert_false(conn_send(p.client.conn, NULL, 0));
    assert_false(conn_send_buf(p.client.conn, &none));
    end_send(&p.client, 1);
    world_run_until(w, has_all, &p);
    pair_close(&p);
}

/* Sends made by an event that is no poll event (a deadline, a close) leave at once as well. */
struct late_sender {
    struct deadline d;
    struct pair *p;
};

static void send_late(struct deadline *d, msec now)
{
    struct late_sender *s = container_of(d, struct late_sender, d);
    (void)now;
    end_send(&s->p->client, 100);
}

static bool has_hundred(void *owner)
{
    const struct pair *p = owner;
    return p->server.received == 100;
}

static void test_send_from_deadline(struct world *w)
{
    struct pair p;
    struct late_sender s = {.p = &p};
    pair_open(&p, w);
    deadline_init(&s.d, send_late);
    msec begin = net_now(w->net);
    net_set_deadline(w->net, &s.d, begin + 5);
    world_run_until(w, has_hundred, &p);
    assert_true(net_now(w->net) - begin < 2000);
    pair_close(&p);
}

struct chain {
    struct pair first;
    struct pair second;
};

static void send_on_other(struct end *e)
{
    struct chain *c = e->test;
    end_send(&c->second.client, 100);
}

static bool has_second(void *owner)
{
    const struct chain *c = owner;
    return c->second.server.received == 100;
}

static void test_send_from_on_closed(struct world *w)
{
    struct chain c;
    pair_open(&c.first, w);
    pair_open(&c.second, w);
    c.first.client.test = &c;
    c.first.client.on_closed = send_on_other;
    end_close(&c.first.client, CLOSE_NOW);
    world_run_until(w, has_second, &c);
    pair_close(&c.first);
    pair_close(&c.second);
}

int main(void)
{
    static const struct net_case cases[] = {
        {"echo", test_echo, ON_BOTH},
        {"echo over a Unix socket", test_echo_unix, ON_BOTH},
        {"echo over IPv6", test_echo_ipv6, ON_BOTH},
        {"local address: of a listener everywhere", test_local_address, ON_LOOP},
        {"dial: refused", test_dial_refused, ON_BOTH},
        {"dial: no such Unix socket", test_dial_refused_unix, ON_BOTH},
        {"dial: fails at once", test_dial_fails_at_once, ON_BOTH},
        {"dial: options", test_dial_options, ON_BOTH},
        {"send: order", test_order, ON_BOTH},
        {"send: nothing", test_send_nothing, ON_BOTH},
        {"send: from a deadline", test_send_from_deadline, ON_BOTH},
        {"send: from on_closed", test_send_from_on_closed, ON_BOTH},
    };
    return run_cases("conns", cases, sizeof cases / sizeof *cases);
}
