/* Three mongoses of one sharded deployment: any takes any request, but for what belongs to one. */
#include <string.h>

#include "support/sim_world.h"

#define READ  "{'find': 'things'}"
#define WRITE "{'insert': 'things', 'documents': [{}]}"

static struct sim_world *new_world(void)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 2});
    sim_cluster_become_sharded(w->cluster);
    sim_world_works(w, 5000);
    sim_world_run(w, 1000); /* all are known */
    return w;
}

static void expect_good(struct sim_world *w, struct sim_client *c, const char *command)
{
    sim_client_ask(c, "%s", command);
    sim_world_answer(w, c, 2000);
    if (sim_client_code(c) != 0) {
        sim_world_fail(w, "%s: %s", command, sim_client_said(c));
    }
}

static void test_requests_go_to_all_of_them(void **state)
{
    struct sim_world *w = new_world();
    struct sim_client *c = sim_client_open(w);
    (void)state;
    for (int i = 0; i < 60; i++) {
        expect_good(w, c, i % 2 == 0 ? READ : WRITE);
    }
    for (size_t i = 0; i < w->cluster->count; i++) {
        assert_in_range(w->cluster->nodes[i].commands, 8, 40);
    }
    sim_world_end(w);
}

static void test_a_cursor_stays_at_its_mongos(void **state)
{
    struct sim_world *w = new_world();
    struct sim_client *c = sim_client_open(w);
    (void)state;
    for (int i = 0; i < 20; i++) {
        expect_good(w, c, "{'find': 'things', 'more': 2}");
        int64_t node = sim_int(c->last, "node");
        for (int64_t id; (id = sim_int(c->last, "cursor.id")) != 0;) {
            sim_client_ask(c, "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things'}",
                           (long long)id);
            sim_world_answer(w, c, 2000);
            assert_int_equal(sim_client_code(c), 0);
            assert_int_equal(sim_int(c->last, "node"), node);
        }
    }
    sim_world_end(w);
}

static void test_a_transaction_stays_at_its_mongos(void **state)
{
    struct sim_world *w = new_world();
    struct sim_client *c = sim_client_open(w);
    (void)state;
    for (int64_t number = 1; number <= 20; number++) {
        struct sim_txn t = {.lsid = {1}, .number = number};
        static const char *const statements[] = {WRITE, READ, WRITE, "{'commitTransaction': 1}"};
        int64_t node = -1;
        for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
            sim_client_ask_in(c, &t, "%s", statements[i]);
            sim_world_answer(w, c, 2000);
            assert_int_equal(sim_client_code(c), 0); /* else 251: begun elsewhere */
            node = i == 0 ? sim_int(c->last, "node") : node;
            assert_int_equal(sim_int(c->last, "node"), node);
        }
    }
    sim_world_end(w);
}

/* Server selection: the one that failed is the last resort of the second attempt. */
static void test_the_second_attempt_goes_to_another(void **state)
{
    struct sim_world *w = new_world();
    struct sim_client *c = sim_client_open(w);
    (void)state;
    w->cluster->nodes[0].failing = (struct sim_failing){.command = "find", .code = 6, .times = 99};
    for (int i = 0; i < 40; i++) {
        expect_good(w, c, READ);
    }
    assert_true(w->cluster->nodes[0].failing.times < 99); /* it was met */
    sim_world_end(w);
}

static void test_one_that_dies_is_left_out(void **state)
{
    struct sim_world *w = new_world();
    struct sim_client *c = sim_client_open(w);
    (void)state;
    sim_node_die(&w->cluster->nodes[1]);
    for (int i = 0; i < 20; i++) {
        expect_good(w, c, READ);
        assert_int_not_equal(sim_int(c->last, "node"), 1);
    }
    sim_world_end(w);
}

/* It shuts down itself: the driver in front is not to take that for ours. */
static void test_the_end_of_a_mongos_is_rewritten(void **state)
{
    struct sim_world *w = new_world();
    struct sim_client *c = sim_client_open(w);
    (void)state;
    for (size_t i = 0; i < w->cluster->count; i++) {
        w->cluster->nodes[i].failing =
            (struct sim_failing){.command = "insert", .code = 91, .times = 1};
    }
    sim_client_ask(c, WRITE);
    sim_world_answer(w, c, 5000);
    assert_int_equal(sim_client_code(c), 6);
    assert_false(sim_has(c->last, "topologyVersion"));
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_requests_go_to_all_of_them),
        SIM_TEST(test_a_cursor_stays_at_its_mongos),
        SIM_TEST(test_a_transaction_stays_at_its_mongos),
        SIM_TEST(test_the_end_of_a_mongos_is_rewritten),
        SIM_TEST(test_the_second_attempt_goes_to_another),
        SIM_TEST(test_one_that_dies_is_left_out),
    };
    return sim_world_main("sharded", tests, sizeof tests / sizeof *tests);
}
