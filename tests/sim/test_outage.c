/* No suitable server, or no free connection: waits, bounds, and what the errors say. */
#include <string.h>

#include "workers.h"

#define WRITE "{'insert': 'things', 'documents': [{}]}"

static void assert_said(const struct sim_client *c, const char *text)
{
    if (strstr(sim_client_said(c), text) == NULL) {
        sim_world_fail(c->world, "\"%s\" does not say \"%s\"", sim_client_said(c), text);
    }
}

static struct sim_client *ask_write(struct sim_world *w)
{
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, WRITE);
    return c;
}

/* --- step-down --- */

static void test_step_down_waits_then_succeeds(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 2});
    (void)state;
    sim_world_works(w, 5000);
    sim_cluster_step_down(w->cluster, 1, 3000);
    struct sim_client *c = ask_write(w);
    sim_world_answer(w, c, 1000);
    assert_int_equal(sim_client_code(c), 6); /* as a mongos says it: the driver asks again */
    sim_client_ask(c, WRITE);
    sim_world_answer(w, c, 10000);
    assert_int_equal(sim_client_code(c), 0);
    assert_int_equal(sim_int(c->last, "node"), 1);
    assert_in_range(c->took, 2900, 3700); /* looked for every half a second */
    sim_world_end(w);
}

static void test_step_down_keeps_connections(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 2});
    (void)state;
    sim_world_works(w, 5000);
    size_t before = w->cluster->nodes[0].accepted;
    sim_cluster_step_down(w->cluster, 1, 2000);
    ask_write(w);
    sim_world_run(w, 3000);
    sim_cluster_step_down(w->cluster, 0, 2000);
    ask_write(w);
    sim_world_run(w, 3000);
    sim_world_works(w, 1000);
    assert_int_equal(w->cluster->nodes[0].accepted, before); /* SDAM: 4.2 and newer keep them */
    sim_world_end(w);
}

static void test_load_over_step_downs(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--pool.maxPoolSize=5", .latency = 1});
    struct workers all = {.w = w, .delay_most = 50};
    (void)state;
    for (int i = 0; i < 40; i++) {
        worker_start(&all, 200);
    }
    for (int i = 1; i <= 3; i++) {
        sim_world_run(w, 5000);
        sim_cluster_step_down(w->cluster, i % 3, 2500);
    }
    sim_world_until(w, MINUTES(5), workers_are_done, &all);
    assert_int_equal(all.replies, 40 * 200);
    /* At most what was under way at each of the three moments, and what followed before the error
     * was read. */
    assert_in_range(all.errors, 3, 3 * 10);
    assert_int_equal(all.code, 6);
    assert_true(all.longest < 4000);
    sim_world_end(w);
}

static void test_primary_dies_in_mid_request(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 2});
    (void)state;
    sim_world_works(w, 5000);
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'insert': 'things', 'documents': [{}], 'delay': 5000}");
    sim_world_run(w, 100);
    sim_node_die(&w->cluster->nodes[0]);
    sim_world_answer(w, c, 1000);
    assert_int_equal(sim_int(c->last, "ok"), 0);
    assert_said(c, "mooring: ");
    assert_said(c, w->cluster->nodes[0].name);
    assert_said(c, "before a reply came");
    sim_cluster_step_down(w->cluster, 2, 1500);
    sim_world_works(w, 5000);
    sim_world_end(w);
}

/* --- bounds of the wait for a server --- */

static void test_queue_timeout(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = "--outage.queueTimeoutMS=2000"});
    (void)state;
    sim_cluster_die(w->cluster);
    struct sim_client *c = ask_write(w);
    sim_world_answer(w, c, 10000);
    assert_int_equal(sim_int(c->last, "ok"), 0);
    assert_int_equal(c->took, 2000);
    assert_said(c, "waited 2000 ms for a suitable server");
    assert_said(c, "insert");
    assert_said(c, "refused"); /* the last cause */
    sim_cluster_revive(w->cluster);
    sim_world_works(w, 12000);
    sim_world_end(w);
}

static void test_fail_fast(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = "--outage.mode=failFast"});
    (void)state;
    sim_cluster_die(w->cluster);
    for (int i = 0; i < 3; i++) {
        struct sim_client *c = ask_write(w);
        sim_world_answer(w, c, 1000);
        assert_int_equal(sim_int(c->last, "ok"), 0);
        assert_true(c->took < 50);
        assert_said(c, "suitable server");
        assert_said(c, "refused");
    }
    sim_cluster_revive(w->cluster);
    sim_world_run(w, 11000);
    sim_world_works(w, 1000);
    sim_cluster_step_down(w->cluster, 1, 5000); /* no primary: the first write notices */
    struct sim_client *c = ask_write(w);
    sim_world_answer(w, c, 1000);
    sim_client_ask(c, WRITE);
    sim_world_answer(w, c, 1000);
    assert_true(c->took < 50);
    assert_said(c, "suitable server");
    sim_world_end(w);
}

static void test_own_max_time_ends_the_wait(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_cluster_die(w->cluster);
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'find': 'things', 'maxTimeMS': 300}");
    sim_world_answer(w, c, 10000);
    assert_int_equal(c->took, 300);
    assert_int_equal(sim_client_code(c), 50); /* MaxTimeMSExpired */
    sim_world_end(w);
}

static void test_queue_of_operations_is_bounded(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--outage.queueMaxOperations=3"});
    struct sim_client *waiting[3];
    (void)state;
    sim_cluster_die(w->cluster);
    for (size_t i = 0; i < 3; i++) {
        waiting[i] = ask_write(w);
        sim_world_run(w, 10);
    }
    struct sim_client *c = ask_write(w);
    sim_world_answer(w, c, 1000);
    assert_int_equal(c->took, 0);
    assert_int_equal(sim_int(c->last, "ok"), 0);
    assert_said(c, "too many operations wait");
    sim_client_leave(waiting[1], CLOSE_NOW); /* makes room */
    sim_world_run(w, 10);
    struct sim_client *next = ask_write(w);
    sim_cluster_revive(w->cluster);
    struct sim_client *served[] = {waiting[0], waiting[2], next};
    for (size_t i = 0; i < 3; i++) {
        sim_world_answer(w, served[i], 10000);
        assert_int_equal(sim_client_code(served[i]), 0);
    }
    sim_world_end(w);
}

static void test_queue_of_bytes_is_bounded(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = "--outage.queueMaxBytes=10KiB"});
    char filler[4001];
    (void)state;
    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    sim_cluster_die(w->cluster);
    struct sim_client *clients[3];
    for (size_t i = 0; i < 3; i++) {
        clients[i] = sim_client_open(w);
        sim_client_ask(clients[i], "{'insert': 'things', 'documents': [{'x': '%s'}]}", filler);
        sim_world_run(w, 10);
    }
    assert_int_equal(clients[0]->replies + clients[1]->replies, 0);
    assert_int_equal(clients[2]->replies, 1);
    assert_said(clients[2], "wait");
    struct sim_client *small = ask_write(w); /* still fits */
    sim_world_run(w, 10);
    assert_int_equal(small->replies, 0);
    sim_world_end(w);
}

/* --- the wait for a pooled connection --- */

static void test_wait_queue_timeout(void **state)
{
    struct sim_world *w = sim_world_new(
        (struct sim_plan){.flags = "--pool.maxPoolSize=2 --pool.waitQueueTimeoutMS=500"});
    (void)state;
    struct sim_client *holder = sim_client_open(w);
    sim_client_ask(holder, "{'insert': 'things', 'documents': [{}], 'delay': 5000}");
    sim_world_run(w, 100);
    struct sim_client *c = ask_write(w);
    sim_world_answer(w, c, 10000);
    assert_int_equal(sim_int(c->last, "ok"), 0);
    assert_int_equal(c->took, 500);
    assert_said(c, "waited 500 ms for a pooled connection");
    assert_said(c, w->cluster->nodes[0].name);
    sim_world_answer(w, holder, 10000);
    assert_int_equal(sim_client_code(holder), 0);
    sim_world_end(w);
}

static void test_queue_of_a_pool_is_bounded(void **state)
{
    struct sim_world *w = sim_world_new(
        (struct sim_plan){.flags = "--pool.maxPoolSize=2 --outage.queueMaxOperations=2"});
    struct sim_client *clients[4];
    (void)state;
    sim_world_works(w, 1000);
    for (size_t i = 0; i < 4; i++) {
        clients[i] = sim_client_open(w);
        sim_client_ask(clients[i], "{'insert': 'things', 'documents': [{}], 'delay': 1000}");
        sim_world_run(w, 10);
    }
    assert_int_equal(clients[3]->replies, 1); /* one is served, two wait, no more */
    assert_said(clients[3], "too many operations wait");
    assert_said(clients[3], "pooled connection");
    for (size_t i = 0; i < 3; i++) {
        sim_world_answer(w, clients[i], 5000);
        assert_int_equal(sim_client_code(clients[i]), 0);
    }
    sim_world_end(w);
}

/* --- the proxy before the cluster --- */

static void test_up_before_the_cluster(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--outage.queueTimeoutMS=120000"});
    (void)state;
    sim_cluster_die(w->cluster);
    sim_world_run(w, 100);
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'hello': 1}");
    sim_world_answer(w, c, 2000); /* answered without the cluster, after the wait for contact */
    assert_in_range(c->took, 900, 1100);
    sim_client_ask(c, WRITE);
    sim_world_run(w, MINUTES(1));
    assert_int_equal(c->replies, 1);
    sim_cluster_revive(w->cluster);
    sim_world_answer(w, c, 2000);
    assert_int_equal(sim_client_code(c), 0);
    sim_world_end(w);
}

static void test_later_operations_need_no_restart(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_cluster_die(w->cluster);
    struct sim_client *c = ask_write(w);
    sim_world_answer(w, c, 20000);
    assert_int_equal(c->took, 15000); /* the default */
    sim_world_run(w, MINUTES(30));
    sim_cluster_revive(w->cluster);
    sim_world_works(w, 1500);
    sim_world_end(w);
}

/* Names come back after a minute: who waits then is not made to wait out the back-off between two
 * lookups. */
static void test_names_come_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct sim_world *w =
            sim_world_new((struct sim_plan){.seed = seed, .is_srv = true, .is_nameless = true});
        sim_world_run(w, SECONDS(57));
        struct sim_client *c = sim_client_open(w);
        sim_client_ask(c, "{'insert': 'things', 'documents': [{}]}");
        sim_world_run(w, SECONDS(3));
        assert_int_equal(c->replies, 0);
        sim_set_fault(w->sim, FAULT_DNS_REFUSED, 0, 0);
        sim_world_answer(w, c, 2000);
        assert_int_equal(sim_client_code(c), 0);
        sim_world_end(w);
    }
}

/* Servers that answer nothing are given up in upstream.connectTimeoutMS. */
static void test_silent_network(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--upstream.connectTimeoutMS=1000"});
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        sim_set_route(w->sim, &w->cluster->nodes[i].at, SIM_SILENT);
    }
    struct sim_client *c = ask_write(w);
    sim_world_answer(w, c, 20000);
    assert_int_equal(c->took, 15000);
    assert_said(c, "upstream.connectTimeoutMS");
    for (size_t i = 0; i < 3; i++) {
        sim_set_route(w->sim, &w->cluster->nodes[i].at, SIM_REACHABLE);
    }
    sim_world_works(w, 12000);
    sim_world_end(w);
}

static void test_no_reply_in_time(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--upstream.operationTimeoutMS=3000"});
    (void)state;
    sim_world_works(w, 1000);
    w->cluster->nodes[0].is_hanging = true;
    struct sim_client *c = ask_write(w);
    sim_world_answer(w, c, 10000);
    assert_int_equal(c->took, 3000);
    assert_said(c, "upstream.operationTimeoutMS (3000 ms)");
    w->cluster->nodes[0].is_hanging = false;
    sim_world_works(w, 20000);
    sim_world_end(w);
}

/* Without upstream.operationTimeoutMS too: the monitor's silence ends what waits for a reply. */
static void test_a_hanging_server_ends_what_waits_for_it(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = "--upstream.heartbeatFrequencyMS=1000 --upstream.connectTimeoutMS=2000"});
    (void)state;
    sim_world_works(w, 1000);
    w->cluster->nodes[0].is_hanging = true;
    struct sim_client *c = ask_write(w);
    sim_world_answer(w, c, 4000);
    assert_said(c, "before a reply came");
    w->cluster->nodes[0].is_hanging = false;
    sim_world_works(w, 20000);
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_step_down_waits_then_succeeds),
        SIM_TEST(test_step_down_keeps_connections),
        SIM_TEST(test_load_over_step_downs),
        SIM_TEST(test_primary_dies_in_mid_request),
        SIM_TEST(test_queue_timeout),
        SIM_TEST(test_fail_fast),
        SIM_TEST(test_own_max_time_ends_the_wait),
        SIM_TEST(test_queue_of_operations_is_bounded),
        SIM_TEST(test_queue_of_bytes_is_bounded),
        SIM_TEST(test_wait_queue_timeout),
        SIM_TEST(test_queue_of_a_pool_is_bounded),
        SIM_TEST(test_up_before_the_cluster),
        SIM_TEST(test_later_operations_need_no_restart),
        SIM_TEST(test_names_come_back),
        SIM_TEST(test_silent_network),
        SIM_TEST(test_no_reply_in_time),
        SIM_TEST(test_a_hanging_server_ends_what_waits_for_it),
    };
    return sim_world_main("outage", tests, sizeof tests / sizeof *tests);
}
