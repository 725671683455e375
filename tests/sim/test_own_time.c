/* maxTimeMS: what an operation has waited in Mooring is not the server's to use again. */
#include <stdio.h>
#include <string.h>

#include "support/sim_world.h"

static struct sim_world *new_world(const char *flags)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = flags, .latency = 2});
    sim_world_works(w, 5000);
    return w;
}

static double limit_of(const struct sim_client *c)
{
    bson_iter_t it;
    assert_true(bson_iter_init_find(&it, c->last, "maxTimeMS"));
    return bson_iter_as_double(&it);
}

static bson_type_t type_of(const struct sim_client *c)
{
    bson_iter_t it;
    assert_true(bson_iter_init_find(&it, c->last, "maxTimeMS"));
    return bson_iter_type(&it);
}

/* One connection, which `busy` holds for 400 ms. */
static struct sim_client *ask_behind(struct sim_world *w, const char *command)
{
    struct sim_client *busy = sim_client_open(w);
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(busy, "{'find': 'things', 'delay': 400}");
    sim_world_run(w, 100);
    sim_client_ask(c, "%s", command);
    sim_world_answer(w, c, 20000);
    return c;
}

static void test_waiting_shortens_it(void **state)
{
    static const struct {
        const char *command;
        bson_type_t type;
    } cases[] = {
        {"{'find': 'things', 'maxTimeMS': 5000}", BSON_TYPE_INT32},
        {"{'find': 'things', 'maxTimeMS': {'$numberLong': '5000'}, 'a': 1}", BSON_TYPE_INT64},
        {"{'find': 'things', 'maxTimeMS': {'$numberDouble': '5000.0'}}", BSON_TYPE_DOUBLE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim_world *w = new_world("--pool.maxPoolSize=1");
        struct sim_client *c = ask_behind(w, cases[i].command);
        assert_int_equal(sim_client_code(c), 0);
        assert_int_equal(type_of(c), cases[i].type);
        assert_in_range((int)limit_of(c), 4660, 4720);
        sim_world_end(w);
    }
}

static void test_what_did_not_wait_is_untouched(void **state)
{
    struct sim_world *w = new_world(NULL);
    (void)state;
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'find': 'things', 'maxTimeMS': 5000}");
    sim_world_answer(w, c, 5000);
    assert_int_equal((int)limit_of(c), 5000);
    sim_world_end(w);
}

/* 0 says "no limit", and so it stays. */
static void test_no_limit_stays_none(void **state)
{
    struct sim_world *w = new_world("--pool.maxPoolSize=1");
    (void)state;
    struct sim_client *c = ask_behind(w, "{'find': 'things', 'maxTimeMS': 0}");
    assert_int_equal(sim_client_code(c), 0);
    assert_int_equal((int)limit_of(c), 0);
    sim_world_end(w);
}

/* How long an awaitData cursor may wait for events is counted for itself: with one connection in
 * turns of 50 ms, and in all as long as was asked. */
static void test_get_more_has_its_own(void **state)
{
    struct sim_world *w = new_world("--pool.maxPoolSize=1");
    char command[200];
    (void)state;
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'find': 'things', 'tailable': true, 'awaitData': true}");
    sim_world_answer(w, c, 5000);
    snprintf(command, sizeof command,
             "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things', 'maxTimeMS': 5000}",
             (long long)sim_int(c->last, "cursor.id"));
    c = ask_behind(w, command);
    assert_int_equal(sim_client_code(c), 0);
    assert_int_equal((int)limit_of(c), 50);
    assert_in_range(c->took, 4950, 5050);
    sim_world_end(w);
}

/* A server refuses it on any other cursor: that is left to it. */
static void test_get_more_is_untouched(void **state)
{
    struct sim_world *w = new_world("--pool.maxPoolSize=1");
    char command[200];
    (void)state;
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'find': 'things', 'more': 5}");
    sim_world_answer(w, c, 5000);
    snprintf(command, sizeof command,
             "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things', 'maxTimeMS': 5000}",
             (long long)sim_int(c->last, "cursor.id"));
    c = ask_behind(w, command);
    assert_int_equal(sim_client_code(c), 2);
    assert_int_equal((int)limit_of(c), 5000);
    sim_world_end(w);
}

/* Others wait for a connection as everything else does. */
static void test_get_more_waits_as_long_as_others(void **state)
{
    struct sim_world *w = new_world("--pool.maxPoolSize=1 --pool.waitQueueTimeoutMS=250");
    (void)state;
    struct sim_client *c =
        ask_behind(w, "{'getMore': {'$numberLong': '5'}, 'collection': 'things'}");
    assert_int_equal(sim_client_code(c), 407);
    assert_int_equal(c->took, 250);
    sim_world_end(w);
}

static void test_nothing_left_is_said_here(void **state)
{
    struct sim_world *w = new_world("--pool.maxPoolSize=1");
    (void)state;
    size_t before = w->cluster->nodes[0].commands;
    struct sim_client *c = ask_behind(w, "{'find': 'things', 'maxTimeMS': 200}");
    assert_int_equal(sim_client_code(c), 50);
    assert_int_equal(c->took, 200);
    sim_world_run(w, 1000);
    assert_int_equal(w->cluster->nodes[0].commands, before + 1);
    sim_world_end(w);
}

/* A request that streams, and of which the field came early. */
static void test_large_request_too(void **state)
{
    struct sim_world *w = new_world("--pool.maxPoolSize=1 --limits.holdBytes=4KiB");
    char command[9000];
    (void)state;
    memset(command, 'x', sizeof command);
    int used = snprintf(command, sizeof command,
                        "{'insert': 'things', 'maxTimeMS': 5000, 'documents': [{'x': '");
    command[used] = 'x';
    snprintf(command + 8000, sizeof command - 8000, "'}]}");
    struct sim_client *c = ask_behind(w, command);
    assert_int_equal(sim_client_code(c), 0);
    assert_in_range((int)limit_of(c), 4660, 4720);
    sim_world_end(w);
}

/* What the first attempt took counts too, and is taken from what was asked for, not twice. */
static void test_second_attempt_has_less(void **state)
{
    struct sim_world *w = new_world(NULL);
    (void)state;
    sim_cluster_step_down(w->cluster, 1, 2000);
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'find': 'things', 'maxTimeMS': 9000}");
    sim_world_answer(w, c, 20000);
    assert_int_equal(sim_client_code(c), 0);
    assert_in_range((int)limit_of(c), 6200, 7050);
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_waiting_shortens_it),       SIM_TEST(test_what_did_not_wait_is_untouched),
        SIM_TEST(test_no_limit_stays_none),       SIM_TEST(test_get_more_has_its_own),
        SIM_TEST(test_get_more_is_untouched),     SIM_TEST(test_get_more_waits_as_long_as_others),
        SIM_TEST(test_nothing_left_is_said_here), SIM_TEST(test_large_request_too),
        SIM_TEST(test_second_attempt_has_less),
    };
    return sim_world_main("own time", tests, sizeof tests / sizeof *tests);
}
