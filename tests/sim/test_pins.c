/* Transactions and the mongos that has them. */
#include <string.h>

#include "proxy/cluster_parts.h"
#include "workers.h"

#define WRITE "{'insert': 'things', 'documents': [{}]}"
#define LSID  "'lsid': {'id': {'$binary': {'base64': 'BwAAAAAAAAAAAAAAAAAAAA==', 'subType': '04'}}}"

static struct sim_world *mongoses(void)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    sim_cluster_become_sharded(w->cluster);
    sim_world_run(w, 50);
    return w;
}

static int64_t state_in(struct sim_client *c, struct sim_txn *t, const char *json)
{
    sim_client_ask_in(c, t, "%s", json);
    sim_world_answer(c->world, c, 20000);
    return sim_client_code(c);
}

static int64_t ask(struct sim_client *c, const char *json)
{
    sim_client_ask(c, "%s", json);
    sim_world_answer(c->world, c, 20000);
    return sim_client_code(c);
}

static size_t pins(const struct sim_world *w)
{
    return affinity_transactions(w->proxy->cluster->affinity);
}

/* Statements of many transactions at once, over any sockets: each stays at its mongos (which
 * answers 251 to those of others). */
static void test_statements_are_not_spread(void **state)
{
    enum { TRANSACTIONS = 8 };
    struct sim_world *w = mongoses();
    struct sim_client *clients[TRANSACTIONS];
    struct sim_txn txns[TRANSACTIONS];
    int64_t nodes[TRANSACTIONS];
    bool seen[SIM_NODES_MOST] = {false};
    (void)state;
    for (size_t i = 0; i < TRANSACTIONS; i++) {
        clients[i] = sim_client_open(w);
        txns[i] = (struct sim_txn){.lsid = {(uint8_t)(i + 1)}, .number = 1};
        assert_int_equal(state_in(clients[i], &txns[i], WRITE), 0);
        nodes[i] = sim_int(clients[i]->last, "node");
        seen[nodes[i]] = true;
    }
    assert_true(seen[0] + seen[1] + seen[2] >= 2); /* else nothing is shown */
    for (size_t round = 1; round < 6; round++) {
        for (size_t i = 0; i < TRANSACTIONS; i++) {
            struct sim_client *c = clients[(i + round) % TRANSACTIONS];
            assert_int_equal(state_in(c, &txns[i], round == 5 ? "{'commitTransaction': 1}" : WRITE),
                             0);
            assert_int_equal(sim_int(c->last, "node"), nodes[i]);
        }
    }
    sim_world_end(w);
}

/* The application may commit again, at the same mongos. */
static void test_a_pin_outlasts_the_commit(void **state)
{
    struct sim_world *w = mongoses();
    struct sim_client *c = sim_client_open(w);
    struct sim_txn t = {.lsid = {7}, .number = 1};
    (void)state;
    state_in(c, &t, WRITE);
    int64_t node = sim_int(c->last, "node");
    for (int i = 0; i < 12; i++) {
        state_in(c, &t, "{'commitTransaction': 1, 'recoveryToken': {}}");
        assert_int_equal(sim_int(c->last, "node"), node);
    }
    assert_int_equal(pins(w), 1);
    sim_world_end(w);
}

static void test_what_lets_a_pin_go(void **state)
{
    struct sim_world *w = mongoses();
    struct sim_client *c = sim_client_open(w);
    struct sim_txn t = {.lsid = {7}, .number = 1};
    (void)state;
    state_in(c, &t, WRITE);
    state_in(c, &t, "{'commitTransaction': 1}");
    assert_int_equal(pins(w), 1);
    assert_int_equal(ask(c, "{'getMore': {'$numberLong': '1'}, 'collection': 'things', " LSID "}"),
                     43);
    ask(c, "{'killCursors': 'things', 'cursors': [{'$numberLong': '1'}], " LSID "}");
    assert_int_equal(pins(w), 1); /* what belongs to a cursor says nothing of it */
    assert_int_equal(ask(c, "{'find': 'things', " LSID "}"), 0);
    assert_int_equal(pins(w), 0); /* a command outside */

    t = (struct sim_txn){.lsid = {7}, .number = 2};
    state_in(c, &t, WRITE);
    t = (struct sim_txn){.lsid = {7}, .number = 3};
    state_in(c, &t, WRITE);
    assert_int_equal(pins(w), 1); /* the next transaction replaces it */
    state_in(c, &t, "{'abortTransaction': 1}");
    assert_int_equal(pins(w), 0);

    t = (struct sim_txn){.lsid = {7}, .number = 4};
    state_in(c, &t, WRITE);
    for (size_t i = 0; i < 3; i++) {
        w->cluster->nodes[i].failing = (struct sim_failing){
            .command = "update", .times = 1, .code = 112, .label = "TransientTransactionError"};
    }
    assert_int_equal(state_in(c, &t, "{'update': 'things', 'updates': [{}]}"), 112);
    assert_int_equal(pins(w), 0); /* the server says that it is over */

    t = (struct sim_txn){.lsid = {7}, .number = 5};
    state_in(c, &t, WRITE);
    assert_int_equal(ask(c, "{'endSessions': [{'id': {'$binary': {'base64':"
                            " 'BwAAAAAAAAAAAAAAAAAAAA==', 'subType': '04'}}}]}"),
                     0);
    assert_int_equal(pins(w), 0);
    sim_world_end(w);
}

static void test_a_failure_without_a_label_keeps_the_pin(void **state)
{
    struct sim_world *w = mongoses();
    struct sim_client *c = sim_client_open(w);
    struct sim_txn t = {.lsid = {7}, .number = 1};
    (void)state;
    state_in(c, &t, WRITE);
    int64_t node = sim_int(c->last, "node");
    w->cluster->nodes[node].failing =
        (struct sim_failing){.command = "update", .times = 1, .code = 11000};
    assert_int_equal(state_in(c, &t, "{'update': 'things', 'updates': [{}]}"), 11000);
    assert_int_equal(pins(w), 1);
    assert_int_equal(state_in(c, &t, WRITE), 0);
    assert_int_equal(sim_int(c->last, "node"), node);
    sim_world_end(w);
}

/* Its mongos is gone: a statement can only be told so, at once; a commit is finished elsewhere. */
static void test_the_mongos_is_gone(void **state)
{
    struct sim_world *w = mongoses();
    struct sim_client *c = sim_client_open(w);
    struct sim_txn t = {.lsid = {7}, .number = 1};
    (void)state;
    state_in(c, &t, WRITE);
    sim_node_die(&w->cluster->nodes[sim_int(c->last, "node")]);
    sim_world_run(w, 20);
    assert_int_equal(state_in(c, &t, WRITE), 251);
    assert_string_equal(sim_text(c->last, "errorLabels.0"), "TransientTransactionError");
    assert_int_equal(c->took, 0);
    assert_memory_equal(sim_client_said(c), "mooring: ", 9); /* no other one was bothered */
    t = (struct sim_txn){.lsid = {7}, .number = 2};          /* as a driver begins it again */
    assert_int_equal(state_in(c, &t, WRITE), 0);
    int64_t node = sim_int(c->last, "node");
    sim_node_die(&w->cluster->nodes[node]);
    sim_world_run(w, 20);
    assert_int_equal(state_in(c, &t, "{'commitTransaction': 1, 'recoveryToken': {}}"), 0);
    assert_true(sim_int(c->last, "node") != node);
    sim_world_end(w);
}

/* In a replica set nothing is pinned: the primary has it, whoever that is. */
static void test_a_replica_set_pins_nothing(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    struct sim_client *c = sim_client_open(w);
    struct sim_txn t = {.lsid = {7}, .number = 1};
    (void)state;
    assert_int_equal(state_in(c, &t, WRITE), 0);
    assert_int_equal(pins(w), 1); /* who began it is known while it is open */
    assert_int_equal(state_in(c, &t, "{'commitTransaction': 1}"), 0);
    assert_int_equal(pins(w), 0);
    t = (struct sim_txn){.lsid = {7}, .number = 2};
    assert_int_equal(state_in(c, &t, WRITE), 0);
    sim_cluster_step_down(w->cluster, 1, 0);
    sim_world_run(w, 20);
    assert_int_equal(state_in(c, &t, WRITE), 251); /* the new one does not know it */
    t = (struct sim_txn){.lsid = {7}, .number = 3};
    assert_int_equal(state_in(c, &t, WRITE), 0);
    t = (struct sim_txn){.lsid = {7}, .number = 2, .has_begun = true};
    assert_int_equal(state_in(c, &t, WRITE), 251); /* the new one does not know it */
    assert_int_equal(pins(w), 0);
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_statements_are_not_spread),
        SIM_TEST(test_a_pin_outlasts_the_commit),
        SIM_TEST(test_what_lets_a_pin_go),
        SIM_TEST(test_a_failure_without_a_label_keeps_the_pin),
        SIM_TEST(test_the_mongos_is_gone),
        SIM_TEST(test_a_replica_set_pins_nothing),
    };
    return sim_world_main("pins", tests, sizeof tests / sizeof *tests);
}
