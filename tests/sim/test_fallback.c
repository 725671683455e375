/* outage.readsFromSecondary: while there is no primary, a secondary answers. */
#include "support/sim_world.h"

#define FLAGS "--outage.readsFromSecondary=true --outage.queueTimeoutMS=4000"

/* No primary for 3 s; that is known already. */
static struct sim_world *without_primary(const char *flags)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = flags, .latency = 2});
    sim_world_works(w, 5000);
    sim_world_run(w, 1000);
    sim_cluster_step_down(w->cluster, 1, 3000);
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'insert': 'things', 'documents': [{}]}");
    sim_world_answer(w, c, 1000);
    assert_int_equal(sim_client_code(c), 6);
    sim_world_run(w, 100);
    return w;
}

static struct sim_client *ask(struct sim_world *w, const char *command)
{
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "%s", command);
    sim_world_answer(w, c, 20000);
    return c;
}

static void test_reads_go_to_a_secondary(void **state)
{
    static const char *const commands[] = {
        "{'find': 'things'}",
        "{'find': 'things', '$readPreference': {'mode': 'primary'}}",
        "{'find': 'things', '$readPreference': {'mode': 'primary'}, 'filter': {'a': 1}}",
        "{'find': 'things', 'readConcern': {'level': 'majority'}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct sim_world *w = without_primary(FLAGS);
        struct sim_client *c = ask(w, commands[i]);
        assert_int_equal(sim_client_code(c), 0);
        assert_in_range(c->took, 0, 600);
        sim_world_run(w, 4000);
        ask(w, commands[i]); /* has the nodes checked, and waits for nothing */
        sim_world_run(w, 600);
        c = ask(w, commands[i]);
        assert_int_equal(sim_int(c->last, "node"), 1); /* the primary again */
        sim_world_end(w);
    }
}

static void test_others_wait_for_the_primary(void **state)
{
    static const char *const commands[] = {
        "{'insert': 'things', 'documents': [{}]}",
        "{'find': 'things', 'readConcern': {'level': 'linearizable'}}",
        "{'aggregate': 'things', 'pipeline': [{'$out': 'other'}]}",
        "{'ping': 1}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct sim_world *w = without_primary(FLAGS);
        struct sim_client *c = ask(w, commands[i]);
        assert_int_equal(sim_client_code(c), 0);
        assert_int_equal(sim_int(c->last, "node"), 1);
        assert_in_range(c->took, 2500, 4000);
        sim_world_end(w);
    }
}

static void test_statements_of_transactions_wait(void **state)
{
    struct sim_world *w = without_primary(FLAGS);
    struct sim_client *c = sim_client_open(w);
    struct sim_txn t = {.number = 4};
    (void)state;
    sim_client_ask_in(c, &t, "{'find': 'things'}");
    sim_world_answer(w, c, 20000);
    assert_int_equal(sim_int(c->last, "node"), 1);
    assert_in_range(c->took, 2500, 4000);
    sim_world_end(w);
}

static void test_not_unless_asked_for(void **state)
{
    struct sim_world *w = without_primary(NULL);
    (void)state;
    struct sim_client *c = ask(w, "{'find': 'things'}");
    assert_int_equal(sim_client_code(c), 0);
    assert_int_equal(sim_int(c->last, "node"), 1);
    assert_in_range(c->took, 2500, 4000);
    sim_world_end(w);
}

/* The read that meets the old primary is repeated at a secondary at once. */
static void test_repeat_does_not_wait_either(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = FLAGS, .latency = 2});
    (void)state;
    sim_world_works(w, 5000);
    sim_world_run(w, 1000);
    sim_cluster_step_down(w->cluster, 1, 3000);
    struct sim_client *c = sim_client_open(w);
    int64_t token = sim_client_ask(c, "{'find': 'things'}");
    sim_world_answer(w, c, 20000);
    assert_int_equal(sim_client_code(c), 0);
    assert_in_range(c->took, 0, 600);
    assert_int_equal(sim_cluster_attempts(w->cluster, token), 2);
    sim_world_end(w);
}

/* Server selection: who connects to one member wants its answer, whatever member it is. */
static void test_a_direct_connection_reads_from_its_secondary(void **state)
{
    (void)state;
    for (int node = 1; node <= 2; node++) {
        struct sim_world *w = sim_world_new((struct sim_plan){.direct = node});
        assert_int_equal(sim_client_code(ask(w, "{'find': 'things'}")), 0);
        assert_int_equal(
            sim_client_code(
                ask(w, "{'find': 'things', '$readPreference': {'mode': 'secondaryPreferred'}}")),
            0);
        assert_int_equal(sim_client_code(ask(w, "{'insert': 'things', 'documents': [{}]}")),
                         node == 1 ? 0 : 6);
        sim_world_end(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_reads_go_to_a_secondary),
        SIM_TEST(test_others_wait_for_the_primary),
        SIM_TEST(test_statements_of_transactions_wait),
        SIM_TEST(test_not_unless_asked_for),
        SIM_TEST(test_repeat_does_not_wait_either),
        SIM_TEST(test_a_direct_connection_reads_from_its_secondary),
    };
    return sim_world_main("fallback", tests, sizeof tests / sizeof *tests);
}
