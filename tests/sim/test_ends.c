/* Logins, drains, and requests that end badly. */
#include <string.h>

#include "base/require.h"
#include "workers.h"

#define WRITE "{'insert': 'things', 'documents': [{}], 'delay': %d}"

static void assert_said(const struct sim_client *c, const char *text)
{
    if (strstr(sim_client_said(c), text) == NULL) {
        sim_world_fail(c->world, "\"%s\" does not say \"%s\"", sim_client_said(c), text);
    }
}

static bool has_ended(void *owner)
{
    return ((struct sim_world *)owner)->has_ended;
}

/* --- logins --- */

static void test_login(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.user = "user", .password = "pencil", .latency = 1});
    (void)state;
    sim_world_works(w, 2000);
    sim_world_run(w, MINUTES(1));
    assert_true(w->cluster->nodes[0].logins >= 1);
    sim_world_end(w);
}

/* Told at once, in the error too, and not tried again and again. */
static void test_wrong_password(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.user = "user", .password = "pencil", .gives = "chalk"});
    (void)state;
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, WRITE, 0);
    sim_world_answer(w, c, 5000);
    assert_int_equal(sim_int(c->last, "ok"), 0);
    assert_said(c, "login was refused");
    uint64_t before = w->proxy->metrics.dials;
    for (int i = 0; i < 60; i++) {
        sim_client_ask(c, WRITE, 0);
        sim_world_answer(w, c, 100);
        assert_said(c, "login was refused");
        sim_world_run(w, 1000);
    }
    assert_true(w->proxy->metrics.dials - before <= 3 * 60 / 30 + 3); /* reconnect.faultMS */
    assert_int_equal(w->cluster->nodes[0].logins, 0);
    sim_world_end(w);
}

/* 391: the command did not run; it is sent again after a new login, and nobody notices. */
static void test_login_expires(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.user = "user", .password = "pencil"});
    (void)state;
    sim_world_works(w, 2000);
    size_t before = w->cluster->nodes[0].logins;
    w->cluster->nodes[0].failing = (struct sim_failing){.code = 391, .times = 1};
    struct sim_client *c = sim_client_open(w);
    int64_t token = sim_client_ask(c, WRITE, 0);
    sim_world_answer(w, c, 2000);
    assert_int_equal(sim_client_code(c), 0);
    assert_int_equal(sim_cluster_executed(w->cluster, token), 1);
    assert_true(w->cluster->nodes[0].logins > before);
    sim_world_end(w);
}

/* A server that says 391 to everything ends in an error, not in a circle. */
static void test_login_never_accepted(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.user = "user", .password = "pencil"});
    (void)state;
    sim_world_works(w, 2000);
    w->cluster->nodes[0].failing = (struct sim_failing){.code = 391, .times = SIZE_MAX};
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, WRITE, 0);
    sim_world_answer(w, c, 60000);
    assert_int_equal(sim_int(c->last, "ok"), 0);
    assert_true(w->proxy->metrics.dials < 100);
    w->cluster->nodes[0].failing = (struct sim_failing){0};
    sim_world_works(w, 20000);
    sim_world_end(w);
}

/* --- a standalone --- */

static void test_standalone_stays_one(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.nodes = 1});
    (void)state;
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'hello': 1}");
    sim_world_answer(w, c, 1000);
    assert_false(sim_has(c->last, "msg"));
    assert_false(sim_has(c->last, "setName"));
    assert_true(sim_int(c->last, "isWritablePrimary"));
    sim_world_works(w, 1000);
    sim_world_end(w);
}

/* --- drain --- */

static void test_drain_lets_clients_finish(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 1});
    struct sim_txn t = {.number = 1, .lsid = {1}};
    (void)state;
    sim_world_works(w, 1000);
    struct sim_client *idle = sim_client_open(w);
    struct sim_client *busy = sim_client_open(w);
    struct sim_client *open = sim_client_open(w);
    sim_client_ask(idle, "{'hello': 1}");
    sim_client_ask(busy, WRITE, 3000);
    sim_client_ask_in(open, &t, WRITE, 0);
    sim_world_run(w, 100);
    proxy_drain(w->proxy);
    sim_world_run(w, 100);
    assert_null(idle->conn);
    struct sim_client *late = sim_client_open(w);
    sim_world_run(w, 10);
    assert_int_equal(late->why_closed, STATUS_REFUSED);
    sim_client_ask_in(open, &t, "{'commitTransaction': 1}"); /* its transaction may end */
    sim_world_answer(w, open, 1000);
    assert_int_equal(sim_client_code(open), 0);
    assert_false(w->has_ended);
    sim_world_answer(w, busy, 5000);
    assert_int_equal(sim_client_code(busy), 0);
    sim_world_until(w, 1000, has_ended, w);
    sim_world_end(w);
}

static void test_drain_has_an_end(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = "--drain.maxMS=4000"});
    (void)state;
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, WRITE, 60000);
    sim_world_run(w, 100);
    msec begin = net_now(w->net);
    proxy_drain(w->proxy);
    sim_world_until(w, 10000, has_ended, w);
    assert_in_range(net_now(w->net) - begin, 4000, 4000 + CLOSE_FLUSH_MS);
    sim_world_end(w);
}

/* Who waits for a server, and who waits for a connection, at the very end. */
static void test_the_end_is_told_to_who_waits(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = "--pool.maxPoolSize=1"});
    struct sim_client *clients[3];
    (void)state;
    sim_world_works(w, 5000);
    for (size_t i = 0; i < 3; i++) {
        clients[i] = sim_client_open(w);
        sim_client_ask(clients[i], i == 2 ? "{'find': 'things', '$readPreference': {'mode': "
                                            "'secondary', 'tags': [{'a': 'b'}]}}"
                                          : "{'find': 'things', 'delay': 5000}");
        sim_world_run(w, 100);
    }
    proxy_close(w->proxy);
    sim_world_until(w, 10000, has_ended, w);
    sim_world_run(w, 1);
    for (size_t i = 0; i < 3; i++) {
        assert_null(clients[i]->conn);
        assert_int_equal(sim_client_code(clients[i]), i == 0 ? -1 : 91);
    }
    sim_world_end(w);
}

static void test_drain_waits_for_load_balancers(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = "--drain.minMS=2000"});
    (void)state;
    sim_world_run(w, 50);
    struct sim_client *old = sim_client_open(w);
    sim_client_ask(old, "{'hello': 1}");
    sim_world_run(w, 10);
    proxy_drain(w->proxy);
    sim_world_run(w, 1500);
    sim_world_works(w, 100); /* still accepts */
    sim_world_run(w, 600);
    assert_null(old->conn);
    sim_world_end(w);
}

/* --- requests that end badly --- */

static char *filler_of(size_t size)
{
    char *filler = xmalloc(size + 1);
    memset(filler, 'x', size);
    filler[size] = '\0';
    return filler;
}

/* A client that stops in the middle of a large request, and leaves or goes on. */
static void test_half_a_request(void **state)
{
    (void)state;
    for (int leaves = 0; leaves < 2; leaves++) {
        struct sim_world *w = sim_world_new(
            (struct sim_plan){.flags = "--pool.maxPoolSize=2 --limits.holdBytes=16KiB"});
        char *filler = filler_of(200000);
        struct sim_client *c = sim_client_open(w);
        int64_t token = sim_client_ask_in_part(
            c, 100000, "{'insert': 'things', 'documents': [{'x': '%s'}]}", filler);
        free(filler);
        sim_world_run(w, 1000);
        if (leaves != 0) {
            sim_client_leave(c, CLOSE_NOW);
            sim_world_works(w, 2000);
            assert_int_equal(sim_cluster_executed(w->cluster, token), 0);
        } else {
            sim_client_send_rest(c);
            sim_world_answer(w, c, 2000);
            assert_int_equal(sim_client_code(c), 0);
            assert_int_equal(sim_cluster_executed(w->cluster, token), 1);
        }
        sim_world_end(w);
    }
}

/* The tail of a large request is malformed; its front was granted a backend before it came, in
 * between, or never. */
static void test_malformed_tail(void **state)
{
    static const int delays[] = {0, 300, 3000};
    (void)state;
    for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
        struct sim_world *w = sim_world_new(
            (struct sim_plan){.flags = "--pool.maxPoolSize=2 --limits.holdBytes=16KiB"});
        char *filler = filler_of(30000);
        struct sim_client *holder = sim_client_open(w);
        sim_client_ask(holder, WRITE, delays[i]);
        sim_world_run(w, 100);
        struct sim_client *c = sim_client_open(w);
        int64_t token = sim_client_ask_in_part(
            c, 20000, "{'insert': 'things', 'documents': [{'x': '%s'}]}", filler);
        free(filler);
        size_t far = c->rest_size - 30; /* not the last: more of it comes after the fault */
        memset(c->rest + far, 0xEE, 20);
        struct span most = span_of(c->rest, c->rest_size - 5);
        conn_send(c->conn, &most, 1);
        sim_world_run(w, 500);
        if (c->conn != NULL) {
            struct span last = span_of(c->rest + c->rest_size - 5, 5);
            conn_send(c->conn, &last, 1);
        }
        sim_world_answer(w, c, 5000);
        assert_int_equal(sim_cluster_executed(w->cluster, token), 0);
        sim_world_works(w, 5000);
        sim_world_end(w);
    }
}

/* --- servers that break the protocol --- */

/* The reply is not ours by its id: nobody gets it, and its connection ends. */
static void test_reply_to_another_request(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_world_works(w, 1000);
    uint64_t closed = w->proxy->metrics.backends_closed;
    w->cluster->nodes[0].wrong_ids = 1;
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, WRITE, 0);
    sim_world_answer(w, c, 1000);
    assert_int_equal(sim_int(c->last, "ok"), 0);
    assert_said(c, "broke the protocol");
    sim_world_works(w, 1000);
    sim_world_run(w, 1);
    assert_int_equal(w->proxy->metrics.backends_closed, closed + 1);
    sim_world_end(w);
}

/* A second reply behind the first, which was right: its connection serves no more. */
static void test_one_reply_too_many(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_world_works(w, 1000);
    uint64_t closed = w->proxy->metrics.backends_closed;
    w->cluster->nodes[0].doubled = 1;
    struct sim_client *c = sim_client_open(w);
    for (int i = 0; i < 3; i++) {
        sim_client_ask(c, WRITE, 0);
        sim_world_answer(w, c, 1000);
        assert_int_equal(sim_client_code(c), 0);
    }
    assert_int_equal(w->proxy->metrics.backends_closed, closed + 1);
    sim_world_end(w);
}

/* --- the chunk pool --- */

/* Many large requests at once over a pool for bytes that cannot take them all: some are refused,
 * with words or by closing, and then all is as before. */
static void test_buffers_run_out(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = "--limits.bufferBytes=16MiB --pool.maxPoolSize=2", .latency = 1});
    size_t closed = 0;
    size_t served = 0;
    (void)state;
    sim_world_works(w, 1000);
    sim_limit_buffers(w->sim, 512 * KIB);
    char *filler = filler_of(100000);
    struct sim_client *clients[20];
    for (size_t i = 0; i < 20; i++) {
        clients[i] = sim_client_open(w);
        sim_client_ask(clients[i], "{'insert': 'things', 'documents': [{'x': '%s'}], 'delay': 50}",
                       filler);
    }
    free(filler);
    for (size_t i = 0; i < 20; i++) {
        sim_world_answer(w, clients[i], 20000);
        closed += clients[i]->conn == NULL;
        served += clients[i]->conn != NULL && sim_client_code(clients[i]) == 0;
    }
    assert_true(closed > 0);
    assert_true(served + closed == 20);
    sim_limit_buffers(w->sim, 16 * MIB);
    sim_world_works(w, 5000);
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_login),
        SIM_TEST(test_wrong_password),
        SIM_TEST(test_login_expires),
        SIM_TEST(test_login_never_accepted),
        SIM_TEST(test_standalone_stays_one),
        SIM_TEST(test_drain_lets_clients_finish),
        SIM_TEST(test_drain_has_an_end),
        SIM_TEST(test_the_end_is_told_to_who_waits),
        SIM_TEST(test_drain_waits_for_load_balancers),
        SIM_TEST(test_half_a_request),
        SIM_TEST(test_malformed_tail),
        SIM_TEST(test_reply_to_another_request),
        SIM_TEST(test_one_reply_too_many),
        SIM_TEST(test_buffers_run_out),
    };
    return sim_world_main("ends", tests, sizeof tests / sizeof *tests);
}
