/* Which addresses a link tries, and when, on a net that is told what becomes of each dial. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/require.h"
#include "proxy/link.h"

enum { DIALS_MOST = 8 };

struct dialled {
    struct conn conn;
    struct address to;
    bool is_closed; /* by the link */
};

struct world {
    struct net net;
    msec now;
    struct dialled dials[DIALS_MOST];
    size_t count;
    struct link link;
    struct link_addresses memory;
    bool is_open;
    bool is_over;
};

static struct world *world_of(struct net *net)
{
    return container_of(net, struct world, net);
}

static msec fake_now(struct net *net)
{
    return world_of(net)->now;
}

static void fake_wake_at(struct net *net, msec at)
{
    (void)net;
    (void)at;
}

static struct conn *fake_dial(struct net *net, const struct address *to,
                              const struct dial_options *options, const struct conn_events *events,
                              void *owner)
{
    struct world *w = world_of(net);
    (void)options;
    assert_true(w->count < DIALS_MOST);
    struct dialled *d = &w->dials[w->count++];
    *d = (struct dialled){.to = *to, .conn.net = net};
    conn_attach(&d->conn, events, owner);
    return &d->conn;
}

static void fake_close(struct conn *conn, enum close_how how)
{
    (void)how;
    container_of(conn, struct dialled, conn)->is_closed = true;
}

static const struct net_ops fake_ops = {
    .now = fake_now, .wake_at = fake_wake_at, .dial = fake_dial, .close = fake_close};

static void on_open(void *owner)
{
    ((struct world *)owner)->is_open = true;
}

static void on_bytes(void *owner, struct span bytes)
{
    (void)owner;
    (void)bytes;
}

static void on_drained(void *owner)
{
    (void)owner;
}

static void on_closed(void *owner, enum status why)
{
    (void)why;
    ((struct world *)owner)->is_over = true;
}

static const struct conn_events events = {
    .on_open = on_open, .on_bytes = on_bytes, .on_drained = on_drained, .on_closed = on_closed};

/* A link to a host of `count` known addresses: 10.0.0.1, 10.0.0.2 … */
static struct world *begin(size_t count)
{
    struct world *w = calloc(1, sizeof *w);
    struct link_plan plan = {.host = "h", .port = 1, .memory = &w->memory};
    assert_non_null(w);
    net_init(&w->net, &fake_ops, MIB);
    w->now = 1000;
    for (size_t i = 0; i < count; i++) {
        struct address a = {.family = ADDRESS_IPV4, .port = 1, .ip = {10, 0, 0, (uint8_t)(i + 1)}};
        w->memory.list[w->memory.count++] = a;
    }
    w->memory.fresh_until = MSEC_NEVER;
    link_open(&w->link, &w->net, &plan, &events, w);
    return w;
}

static void pass(struct world *w, msec time)
{
    w->now += time;
    net_run_deadlines(&w->net);
}

/* What the net says of the dial to 10.0.0.`number`. */
static void refused(struct world *w, size_t number)
{
    struct conn *conn = &w->dials[number - 1].conn;
    conn->events->on_closed(conn->owner, STATUS_REFUSED);
}

static void opens(struct world *w, size_t number)
{
    struct conn *conn = &w->dials[number - 1].conn;
    conn->events->on_open(conn->owner);
}

static void expect_dialled(const struct world *w, size_t count)
{
    assert_int_equal(w->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(w->dials[i].to.family, ADDRESS_IPV4);
        assert_int_equal(w->dials[i].to.ip[3], i + 1);
    }
}

/* The dials that the link gave up say their last word. */
static void end(struct world *w)
{
    for (size_t i = 0; i < w->count; i++) {
        struct conn *conn = &w->dials[i].conn;
        if (w->dials[i].is_closed) {
            conn->events->on_closed(conn->owner, STATUS_CLOSED_BY_US);
        }
    }
    net_clear(&w->net);
    free(w);
}

static void test_next_when_one_hangs(void **state)
{
    (void)state;
    struct world *w = begin(3);
    expect_dialled(w, 1);
    pass(w, LINK_STAGGER_MS - 1);
    expect_dialled(w, 1);
    pass(w, 1);
    expect_dialled(w, 2);
    pass(w, LINK_STAGGER_MS);
    expect_dialled(w, 3);
    pass(w, MINUTES(1));
    expect_dialled(w, 3);
    opens(w, 2);
    assert_true(w->is_open);
    assert_true(w->dials[0].is_closed && w->dials[2].is_closed && !w->dials[1].is_closed);
    end(w);
}

static void test_last_hangs_after_one_refused(void **state)
{
    (void)state;
    struct world *w = begin(2);
    refused(w, 1);
    expect_dialled(w, 2);
    pass(w, MINUTES(1));
    expect_dialled(w, 2);
    assert_false(w->is_over);
    refused(w, 2);
    assert_true(w->is_over);
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next_when_one_hangs),
        cmocka_unit_test(test_last_hangs_after_one_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
