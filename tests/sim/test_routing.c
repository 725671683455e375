/* Where commands go, by what they are and by the kind of deployment. */
#include <string.h>

#include "workers.h"

enum { TIMES = 20 };

/* How many of TIMES such commands each node has had. */
static void count_at(struct sim_world *w, const char *json, size_t at[SIM_NODES_MOST])
{
    struct sim_client *c = sim_client_open(w);
    memset(at, 0, SIM_NODES_MOST * sizeof *at);
    for (int i = 0; i < TIMES; i++) {
        sim_client_ask(c, "%s", json);
        sim_world_answer(w, c, 20000);
        if (sim_client_code(c) != 0) {
            sim_world_fail(w, "%s: %s", json, sim_client_said(c));
        }
        at[sim_int(c->last, "node")]++;
    }
}

static struct sim_world *mongoses(void)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 1});
    sim_cluster_become_sharded(w->cluster);
    sim_world_run(w, 100);
    return w;
}

/* --- a replica set --- */

static void test_a_replica_set(void **state)
{
    static const struct {
        const char *json;
        bool at_primary;
        bool at_secondaries;
    } rows[] = {
        {"{'find': 'c'}", true, false},
        {"{'find': 'c', '$readPreference': {'mode': 'secondary'}}", false, true},
        {"{'find': 'c', '$readPreference': {'mode': 'nearest'}}", true, true},
        {"{'explain': {'find': 'c'}, '$readPreference': {'mode': 'secondary'}}", false, true},
        {"{'explain': {'update': 'c'}, '$readPreference': {'mode': 'secondary'}}", true, false},
        {"{'aggregate': 'c', 'pipeline': [{'$out': 'd'}],"
         " '$readPreference': {'mode': 'secondary'}}",
         false, true},
        {"{'find': 'c', 'readConcern': {'level': 'linearizable'},"
         " '$readPreference': {'mode': 'secondary'}}",
         true, false},
        {"{'find': 'c', 'readConcern': {'level': 'snapshot'},"
         " '$readPreference': {'mode': 'secondary'}}",
         false, true},
        {"{'create': 'c', '$readPreference': {'mode': 'secondary'}}", true, false},
        {"{'somethingNew': 'c', '$readPreference': {'mode': 'secondary'}}", false, true},
        {"{'somethingNew': 'c'}", true, false},
        {"{'currentOp': 1}", true, false},
        {"{'killOp': 1}", true, false},
        {"{'startSession': 1}", true, false},
    };
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 1});
    size_t at[SIM_NODES_MOST];
    (void)state;
    sim_world_run(w, 100);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        count_at(w, rows[i].json, at);
        if ((at[0] > 0) != rows[i].at_primary || (at[1] + at[2] > 0) != rows[i].at_secondaries) {
            sim_world_fail(w, "%s: %zu %zu %zu", rows[i].json, at[0], at[1], at[2]);
        }
    }
    sim_world_end(w);
}

/* Before 5.0 a secondary takes no $out; one old member is enough. */
static void test_an_old_member_takes_no_out(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 1});
    size_t at[SIM_NODES_MOST];
    (void)state;
    w->cluster->nodes[2].max_wire = 12;
    sim_world_run(w, 100);
    count_at(w,
             "{'aggregate': 'c', 'pipeline': [{'$out': 'd'}],"
             " '$readPreference': {'mode': 'secondary'}}",
             at);
    assert_int_equal(at[0], TIMES);
    sim_world_end(w);
}

static void test_the_default_read_preference(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .latency = 1, .flags = "--listen.defaultReadPreference=secondaryPreferred"});
    size_t at[SIM_NODES_MOST];
    (void)state;
    sim_world_run(w, 100);
    count_at(w, "{'find': 'c'}", at);
    assert_int_equal(at[0], 0); /* and no 13435: the body says it too */
    count_at(w, "{'find': 'c', '$readPreference': {'mode': 'primary'}}", at);
    assert_int_equal(at[0], TIMES);
    count_at(w, "{'insert': 'c', 'documents': [{}]}", at);
    assert_int_equal(at[0], TIMES);
    count_at(w, "{'find': 'c', 'readConcern': {'level': 'linearizable'}}", at);
    assert_int_equal(at[0], TIMES);
    sim_world_end(w);
}

/* Any node takes it, but a primary is preferred. */
static void test_sessions_are_started_without_a_primary(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 1});
    (void)state;
    sim_world_run(w, 100);
    sim_node_die(&w->cluster->nodes[0]);
    sim_world_run(w, 1000);
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'startSession': 1}");
    sim_world_answer(w, c, 1000);
    assert_int_equal(sim_client_code(c), 0);
    sim_client_ask(c, "{'refreshSessions': []}");
    sim_world_answer(w, c, 1000);
    assert_int_equal(sim_client_code(c), 0);
    assert_true(c->took < 100);
    sim_world_end(w);
}

/* --- mongoses --- */

static void test_mongoses(void **state)
{
    static const char *const about_one[] = {"{'currentOp': 1}", "{'killOp': 1}",
                                            "{'serverStatus': 1}", "{'setParameter': 1}",
                                            "{'aggregate': 1, 'pipeline': [{'$currentOp': {}}]}"};
    struct sim_world *w = mongoses();
    size_t at[SIM_NODES_MOST];
    (void)state;
    count_at(w, "{'find': 'c'}", at);
    assert_true((at[0] > 0) + (at[1] > 0) + (at[2] > 0) >= 2); /* else nothing is shown */
    for (size_t i = 0; i < sizeof about_one / sizeof *about_one; i++) {
        count_at(w, about_one[i], at);
        assert_int_equal(at[0], TIMES);
    }
    sim_node_die(&w->cluster->nodes[0]);
    sim_world_run(w, 1000);
    for (size_t i = 0; i < sizeof about_one / sizeof *about_one; i++) {
        count_at(w, about_one[i], at);
        assert_int_equal(at[1], TIMES);
    }
    sim_world_end(w);
}

/* A mongos sends a read by what its body says. */
static void test_mongoses_are_told_the_default(void **state)
{
    struct sim_world *w = sim_world_new(
        (struct sim_plan){.latency = 1, .flags = "--listen.defaultReadPreference=nearest"});
    size_t at[SIM_NODES_MOST];
    (void)state;
    sim_cluster_become_sharded(w->cluster);
    sim_world_run(w, 100);
    for (size_t i = 0; i < 3; i++) {
        w->cluster->nodes[i].wants_preference = true;
    }
    count_at(w, "{'find': 'c'}", at);
    sim_world_end(w);
}

/* --- what cannot be read --- */

static void test_a_wrong_read_preference_is_told_at_once(void **state)
{
    static const struct {
        const char *preference;
        int code;
    } rows[] = {
        {"{'mode': 'Secondary'}", 9},
        {"'secondary'", 9},
        {"{'mode': 'secondary', 'tags': ['dc']}", 9},
        {"{'mode': 'secondary', 'tags': [{'dc': 1}]}", 9},
        {"{'mode': 'primary', 'tags': [{'dc': 'ny'}]}", 2},
        {"{'mode': 'primary', 'maxStalenessSeconds': 120}", 2},
        {"{'mode': 'nearest', 'maxStalenessSeconds': 10}", 160},
    };
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 1});
    (void)state;
    sim_world_run(w, 100);
    struct sim_client *c = sim_client_open(w);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sim_client_ask(c, "{'find': 'c', '$readPreference': %s}", rows[i].preference);
        sim_world_answer(w, c, 20000);
        assert_int_equal(sim_client_code(c), rows[i].code);
        assert_true(c->took < 10);
    }
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_a_replica_set),
        SIM_TEST(test_an_old_member_takes_no_out),
        SIM_TEST(test_the_default_read_preference),
        SIM_TEST(test_sessions_are_started_without_a_primary),
        SIM_TEST(test_mongoses),
        SIM_TEST(test_mongoses_are_told_the_default),
        SIM_TEST(test_a_wrong_read_preference_is_told_at_once),
    };
    return sim_world_main("routing", tests, sizeof tests / sizeof *tests);
}
