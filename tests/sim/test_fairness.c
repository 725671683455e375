/* One application, or one client, does not starve the others. */
#include <string.h>

#include "core/wire/reply.h"
#include "proxy/client.h"
#include "support/sim_world.h"

#define SLOW "{'find': 'things', 'delay': 100}"

static struct sim_client *join(struct sim_world *w, const char *name)
{
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'hello': 1, 'client': " SIM_CLIENT_DOCUMENT "}", name);
    sim_world_answer(w, c, 1000);
    return c;
}

enum { MANY = 20 };

static void join_many(struct sim_world *w, struct sim_client *all[MANY])
{
    for (size_t i = 0; i < MANY; i++) {
        all[i] = join(w, "runaway");
    }
}

static size_t answered(struct sim_client *const all[MANY])
{
    size_t count = 0;
    for (size_t i = 0; i < MANY; i++) {
        count += sim_client_is_answered(all[i]);
    }
    return count;
}

static void test_a_runaway_has_its_share_and_no_more(void **state)
{
    static const char *const flags[] = {"--pool.maxPoolSize=4 --limits.maxOperationsPerApp=2",
                                        "--pool.maxPoolSize=4"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sim_world *w = sim_world_new((struct sim_plan){.flags = flags[i]});
        struct sim_client *all[MANY];
        struct sim_client *calm = join(w, "calm");
        bool is_limited = i == 0;
        sim_client_ask(calm, SLOW);
        sim_world_answer(w, calm, 1000);
        join_many(w, all);
        for (size_t j = 0; j < MANY; j++) {
            sim_client_ask(all[j], SLOW);
        }
        sim_world_run(w, 20);
        assert_int_equal(sim_world_pool(w, 0)->lent, is_limited ? 2 : 3);
        assert_int_equal(sim_world_pool(w, 0)->waiting, is_limited ? 0 : MANY - 3);
        sim_client_ask(calm, SLOW);
        sim_world_answer(w, calm, 10000);
        assert_true(is_limited ? calm->took < 150 : calm->took > 500);
        sim_world_run(w, 2000);
        assert_int_equal(answered(all), MANY);
        sim_world_end(w);
    }
}

static void test_in_order_across_its_clients(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--limits.maxOperationsPerApp=1"});
    struct sim_client *all[MANY];
    (void)state;
    join_many(w, all);
    for (size_t i = 0; i < MANY; i++) {
        sim_client_ask(all[i], SLOW);
        sim_world_run(w, 1);
    }
    for (size_t i = 0; i < MANY; i++) {
        sim_world_answer(w, all[i], 1000);
        assert_int_equal(answered(all), i + 1);
    }
    sim_world_end(w);
}

static void test_the_wait_has_an_end(void **state)
{
    struct sim_world *w = sim_world_new(
        (struct sim_plan){.flags = "--limits.maxOperationsPerApp=1 --pool.waitQueueTimeoutMS=500"});
    (void)state;
    struct sim_client *first = join(w, "runaway");
    struct sim_client *second = join(w, "runaway");
    sim_client_ask(first, "{'find': 'things', 'delay': 2000}");
    sim_world_run(w, 1);
    sim_client_ask(second, "{'find': 'things'}");
    sim_world_answer(w, second, 1000);
    assert_int_equal(second->took, 500);
    assert_int_not_equal(sim_client_code(second), 0);
    assert_non_null(strstr(sim_client_said(second), "limits.maxOperationsPerApp (1)"));
    sim_client_ask(second, "{'find': 'things', 'maxTimeMS': 200}");
    sim_world_answer(w, second, 1000);
    assert_int_equal(second->took, 200);
    assert_int_equal(sim_client_code(second), 50);
    sim_world_answer(w, first, 5000);
    sim_client_ask(second, "{'find': 'things'}");
    sim_world_answer(w, second, 1000);
    assert_int_equal(sim_client_code(second), 0);
    sim_world_end(w);
}

/* What they all wait for must get through. */
static void test_what_has_begun_is_not_held_up(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--limits.maxOperationsPerApp=1"});
    struct sim_txn t = {.number = 1, .lsid = {1}};
    (void)state;
    struct sim_client *holder = join(w, "runaway");
    struct sim_client *waits = join(w, "runaway");
    sim_client_ask(holder, "{'find': 'things', 'more': 2}");
    sim_world_answer(w, holder, 1000);
    long long cursor = (long long)sim_int(holder->last, "cursor.id");
    sim_client_ask_in(holder, &t, "{'insert': 'things', 'documents': [{}], 'lock': true}");
    sim_world_answer(w, holder, 1000);
    sim_client_ask(waits, "{'insert': 'things', 'documents': [{}], 'lock': true}");
    sim_world_run(w, 10);
    sim_client_ask(holder, "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things'}", cursor);
    sim_world_answer(w, holder, 1000);
    assert_int_equal(sim_client_code(holder), 0);
    sim_client_ask_in(holder, &t, "{'insert': 'things', 'documents': [{}]}");
    sim_world_answer(w, holder, 1000);
    sim_client_ask_in(holder, &t, "{'commitTransaction': 1}");
    sim_world_answer(w, holder, 1000);
    assert_int_equal(sim_client_code(holder), 0);
    sim_world_answer(w, waits, 1000);
    assert_int_equal(sim_client_code(waits), 0);
    sim_world_end(w);
}

static void test_those_without_a_name_are_one(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--limits.maxOperationsPerApp=1"});
    (void)state;
    struct sim_client *one = sim_client_open(w);
    struct sim_client *two = sim_client_open(w);
    struct sim_client *named = join(w, "named");
    sim_client_ask(one, SLOW);
    sim_world_run(w, 1);
    sim_client_ask(two, SLOW);
    sim_client_ask(named, SLOW);
    sim_world_answer(w, two, 1000);
    assert_int_equal(two->took, 199);
    assert_int_equal(named->took, 100);
    sim_world_end(w);
}

/* Its place is given up; what was fully sent and wants no reply is delivered all the same. */
static void test_a_client_that_leaves_while_it_waits(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--limits.maxOperationsPerApp=1"});
    (void)state;
    struct sim_client *first = join(w, "runaway");
    struct sim_client *leaves = join(w, "runaway");
    struct sim_client *tells = join(w, "runaway");
    struct sim_client *last = join(w, "runaway");
    sim_client_ask(first, SLOW);
    sim_world_run(w, 1);
    int64_t read = sim_client_ask(leaves, SLOW);
    int64_t write = sim_client_tell(tells, "{'insert': 'things', 'documents': [{}]}");
    sim_world_run(w, 1);
    sim_client_ask(last, SLOW);
    sim_world_run(w, 10);
    sim_client_leave(leaves, CLOSE_RESET);
    sim_client_leave(tells, CLOSE_FLUSH);
    sim_world_answer(w, last, 1000);
    assert_int_equal(last->took, 198);
    assert_int_equal(sim_cluster_fate(w->cluster, read)->executed, 0);
    assert_int_equal(sim_cluster_fate(w->cluster, write)->executed, 1);
    sim_world_end(w);
}

static void test_shutdown_while_some_wait(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--limits.maxOperationsPerApp=1"});
    (void)state;
    struct sim_client *first = join(w, "runaway");
    struct sim_client *tells = join(w, "runaway");
    sim_client_ask(first, SLOW);
    sim_world_run(w, 1);
    sim_client_tell(tells, "{'insert': 'things', 'documents': [{}]}");
    sim_world_run(w, 10);
    sim_client_leave(tells, CLOSE_FLUSH);
    sim_world_run(w, 10);
    sim_world_end(w);
}

/* All that wait end at once, one after the other and not one within the other. */
static void test_a_crowd_is_refused(void **state)
{
    enum { CROWD = 400 };
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = "--limits.maxOperationsPerApp=1 --outage.mode=failFast", .nodes = 1});
    struct sim_client **all = calloc(CROWD, sizeof *all);
    (void)state;
    for (size_t i = 0; i < CROWD; i++) {
        all[i] = join(w, "runaway");
        sim_client_ask(all[i], "{'insert': 'things', 'documents': [{}], 'delay': 10000}");
    }
    sim_world_run(w, 100);
    sim_node_die(&w->cluster->nodes[0]);
    sim_world_run(w, 20000);
    for (size_t i = 0; i < CROWD; i++) {
        assert_true(sim_client_is_answered(all[i]));
    }
    free(all);
    sim_world_end(w);
}

/* Requests that are answered at once, many of them in one piece: others have their turn between. */
static void test_a_client_that_sends_many_at_once(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    struct sim_client *c = join(w, "runaway");
    size_t before = c->replies;
    uint64_t requests = w->proxy->metrics.requests;
    for (size_t i = 0; i < SIM_ASKED_MOST - 4; i++) {
        sim_client_ask(c, "{'hello': 1}");
    }
    while (w->proxy->metrics.requests == requests) {
        sim_step(w->sim);
    }
    assert_int_equal(w->proxy->metrics.requests - requests, REQUESTS_PER_TURN);
    sim_world_answer(w, c, 100);
    assert_int_equal(c->replies - before, SIM_ASKED_MOST - 4);
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_a_runaway_has_its_share_and_no_more),
        SIM_TEST(test_in_order_across_its_clients),
        SIM_TEST(test_the_wait_has_an_end),
        SIM_TEST(test_what_has_begun_is_not_held_up),
        SIM_TEST(test_those_without_a_name_are_one),
        SIM_TEST(test_a_client_that_leaves_while_it_waits),
        SIM_TEST(test_shutdown_while_some_wait),
        SIM_TEST(test_a_crowd_is_refused),
        SIM_TEST(test_a_client_that_sends_many_at_once),
    };
    return sim_world_main("fairness", tests, sizeof tests / sizeof *tests);
}
