/* Which addresses a link tries, and when, on a net that is told what becomes of each dial. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/require.h"
#include "proxy/link.h"

enum { DIALS_MOST = 16 };

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
    struct places places;
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

static struct address address(char name)
{
    struct address a = {.port = 1};
    if (name >= 'a') {
        a.family = ADDRESS_IPV6;
        a.ip[0] = 0xfd;
        a.ip[15] = (uint8_t)name;
    } else {
        a.family = ADDRESS_IPV4;
        a.ip[0] = 10;
        a.ip[3] = (uint8_t)name;
    }
    return a;
}

/* The name means these addresses now: digits are of IPv4, letters of IPv6. */
static void answer(struct world *w, const char *names)
{
    struct address list[PLACES_MOST];
    size_t count = strlen(names);
    for (size_t i = 0; i < count; i++) {
        list[i] = address(names[i]);
    }
    places_on_answer(&w->places, list, count, MINUTES(60), w->now);
}

static void dial(struct world *w)
{
    struct link_plan plan = {.host = "h", .port = 1, .places = &w->places};
    link_open(&w->link, &w->net, &plan, &events, w);
}

static struct world *begin(const char *names)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    net_init(&w->net, &fake_ops, MIB);
    w->now = 1000;
    answer(w, names);
    dial(w);
    return w;
}

static void pass(struct world *w, msec time)
{
    w->now += time;
    net_run_deadlines(&w->net);
}

static struct dialled *find(struct world *w, char name)
{
    struct address to = address(name);
    for (size_t i = 0; i < w->count; i++) {
        if (address_equals(&w->dials[i].to, &to)) {
            return &w->dials[i];
        }
    }
    fail_msg("%c was not dialled", name);
    return NULL;
}

/* What the net says of the dial to an address. */
static void refused(struct world *w, char name)
{
    struct conn *conn = &find(w, name)->conn;
    conn->events->on_closed(conn->owner, STATUS_REFUSED);
}

static void opens(struct world *w, char name)
{
    struct conn *conn = &find(w, name)->conn;
    conn->events->on_open(conn->owner);
}

static void expect_dialled(const struct world *w, const char *names)
{
    char dialled[DIALS_MOST + 1] = "";
    for (size_t i = 0; i < w->count; i++) {
        const struct address *to = &w->dials[i].to;
        dialled[i] = (char)to->ip[to->family == ADDRESS_IPV6 ? 15 : 3];
    }
    assert_string_equal(dialled, names);
}

/* The dials that the link gave up say their last word. */
static void forget(struct world *w)
{
    for (size_t i = 0; i < w->count; i++) {
        struct conn *conn = &w->dials[i].conn;
        if (w->dials[i].is_closed) {
            conn->events->on_closed(conn->owner, STATUS_CLOSED_BY_US);
        }
    }
    w->count = 0;
}

static void end(struct world *w)
{
    forget(w);
    net_clear(&w->net);
    free(w);
}

/* Another link to the same host, of which every address hangs: in which order are they dialled? */
static void expect_order(struct world *w, const char *names)
{
    forget(w);
    dial(w);
    for (size_t i = 0; i < strlen(names); i++) {
        pass(w, LINK_STAGGER_MS);
    }
    expect_dialled(w, names);
    struct places before = w->places;
    link_close(&w->link, CLOSE_NOW);
    forget(w);
    w->places = before; /* that they hang is not learnt from this */
}

/* --- one link --- */

static void test_next_when_one_hangs(void **state)
{
    (void)state;
    struct world *w = begin("123");
    expect_dialled(w, "1");
    pass(w, LINK_STAGGER_MS - 1);
    expect_dialled(w, "1");
    pass(w, 1);
    expect_dialled(w, "12");
    pass(w, LINK_STAGGER_MS);
    expect_dialled(w, "123");
    pass(w, MINUTES(1));
    expect_dialled(w, "123");
    opens(w, '2');
    assert_true(w->is_open);
    assert_true(w->dials[0].is_closed && w->dials[2].is_closed && !w->dials[1].is_closed);
    end(w);
}

static void test_last_hangs_after_one_refused(void **state)
{
    (void)state;
    struct world *w = begin("12");
    refused(w, '1');
    expect_dialled(w, "12");
    pass(w, MINUTES(1));
    expect_dialled(w, "12");
    assert_false(w->is_over);
    refused(w, '2');
    assert_true(w->is_over);
    end(w);
}

/* --- and the next ones --- */

static void test_the_one_that_opened_is_first(void **state)
{
    (void)state;
    struct world *w = begin("123");
    pass(w, LINK_STAGGER_MS);
    opens(w, '2');
    pass(w, MINUTES(1));
    expect_order(w, "213");
    answer(w, "13");
    expect_order(w, "13"); /* it is not what the name means any more */
    answer(w, "321");
    expect_order(w, "213");
    end(w);
}

static void test_families_take_turns(void **state)
{
    (void)state;
    struct world *w = begin("123ab");
    pass(w, LINK_STAGGER_MS);
    expect_dialled(w, "1a");
    opens(w, 'a');
    expect_order(w, "a2b31"); /* 1 did not open in its time */
    forget(w);
    dial(w);
    refused(w, 'a');
    for (int i = 0; i < 4; i++) {
        pass(w, LINK_STAGGER_MS); /* all others hang */
    }
    opens(w, '3');
    pass(w, PLACES_PENALTY_MS);
    expect_order(w, "3a1b2");
    end(w);
}

static void test_the_penalty_box(void **state)
{
    (void)state;
    struct world *w = begin("1234");
    refused(w, '1');
    pass(w, 100);
    refused(w, '2');
    opens(w, '3');
    expect_order(w, "3412"); /* tried last, the one that is longest in first */
    pass(w, PLACES_PENALTY_MS - 1300);
    answer(w, "1234"); /* an answer lets nobody out */
    expect_order(w, "3412");
    pass(w, PLACES_PENALTY_MS);
    expect_order(w, "3124");
    end(w);
}

/* Who is in the box alone is dialled as ever, and whoever opens is out of it. */
static void test_the_only_one_is_tried(void **state)
{
    (void)state;
    struct world *w = begin("12");
    refused(w, '1');
    refused(w, '2');
    assert_true(w->is_over);
    expect_order(w, "12");
    dial(w);
    refused(w, '1');
    opens(w, '2');
    expect_order(w, "21");
    end(w);
}

/* An address that did not answer until another one did, or until the link was given up. */
static void test_one_that_hangs_is_in_the_box(void **state)
{
    (void)state;
    struct world *w = begin("123");
    pass(w, 2 * LINK_STAGGER_MS - 1);
    opens(w, '2');
    expect_order(w, "231");
    pass(w, PLACES_PENALTY_MS);
    expect_order(w, "213");
    dial(w);
    pass(w, LINK_STAGGER_MS);
    link_close(&w->link, CLOSE_NOW); /* 2 has had its time, 1 has not */
    expect_order(w, "132");
    end(w);
}

/* It opened, and then there was no TLS, or no login: another one may be better. */
static void test_distrust(void **state)
{
    (void)state;
    struct world *w = begin("12");
    opens(w, '1');
    expect_order(w, "12");
    dial(w);
    opens(w, '1');
    link_distrust(&w->link);
    expect_order(w, "21");
    assert_true(places_are_fresh(&w->places, 1000 + PLACES_FRESH_LEAST_MS - 1));
    assert_false(places_are_fresh(&w->places, 1000 + PLACES_FRESH_LEAST_MS));
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next_when_one_hangs),
        cmocka_unit_test(test_last_hangs_after_one_refused),
        cmocka_unit_test(test_the_one_that_opened_is_first),
        cmocka_unit_test(test_families_take_turns),
        cmocka_unit_test(test_the_penalty_box),
        cmocka_unit_test(test_the_only_one_is_tried),
        cmocka_unit_test(test_one_that_hangs_is_in_the_box),
        cmocka_unit_test(test_distrust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
