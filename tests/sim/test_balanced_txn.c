/* A load balancer as the cluster: transactions live on the connection that began them, and what
 * happens to a connection is told of its service alone. */
#include "balanced.h"

/* The lsid of a transaction that begins with the byte 5. */
#define LSID "{'id': {'$binary': {'base64': 'BQAAAAAAAAAAAAAAAAAAAA==', 'subType': '04'}}}"

/* --- transactions --- */

static void test_a_transaction_keeps_its_connection_to_its_end(void **state)
{
    static const char *const ends[] = {"{'commitTransaction': 1}", "{'abortTransaction': 1}"};
    struct sim_world *w = world("--pool.maxPoolSize=4");
    (void)state;
    struct sim_client *c = sim_client_open(w);
    struct sim_client *other = sim_client_open(w);
    for (size_t i = 0; i < 2; i++) {
        struct sim_txn t = {.number = (int64_t)i + 1, .lsid = {5}};
        sim_client_ask_in(c, &t, INSERT);
        answered(w, c, 0);
        assert_pinned(w, 1);
        for (int statement = 0; statement < 5; statement++) {
            struct sim_client *asks = statement % 2 == 0 ? other : c;
            sim_client_ask(asks, INSERT); /* over another one */
            answered(w, asks, 0);
            sim_client_ask_in(asks, &t, INSERT);
            answered(w, asks, 0);
        }
        sim_client_ask_in(c, &t, "%s", ends[i]);
        answered(w, c, 0);
        assert_pinned(w, 0);
    }
    sim_world_end(w);
}

/* Its cursors go with it. */
static void test_a_transaction_takes_its_cursors_along(void **state)
{
    struct sim_world *w = world(NULL);
    struct sim_txn t = {.number = 1, .lsid = {5}};
    (void)state;
    struct sim_client *c = sim_client_open(w);
    sim_client_ask_in(c, &t, FIND, 5);
    answered(w, c, 0);
    sim_client_ask_in(c, &t, "{'commitTransaction': 1}");
    answered(w, c, 0);
    assert_pinned(w, 0);
    sim_world_end(w);
}

/* The ways in which an application goes on without an end. */
static void test_a_transaction_that_is_over_gives_its_connection_back(void **state)
{
    static const char *const ways[] = {
        "{'find': 'things', 'lsid': " LSID "}",
        "{'insert': 'things', 'documents': [{}], 'lsid': " LSID
        ", 'txnNumber': {'$numberLong': '2'}}",
        "{'endSessions': [" LSID "]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct sim_world *w = world(NULL);
        struct sim_txn t = {.number = 1, .lsid = {5}};
        struct sim_client *c = sim_client_open(w);
        sim_client_ask_in(c, &t, INSERT);
        answered(w, c, 0);
        assert_pinned(w, 1);
        sim_client_ask(c, "%s", ways[i]);
        answered(w, c, 0);
        assert_pinned(w, 0);
        sim_world_end(w);
    }
}

static void test_a_transaction_that_failed_gives_its_connection_back(void **state)
{
    static const struct {
        const char *label;
        size_t pinned;
    } rows[] = {{"TransientTransactionError", 0}, {"UnknownTransactionCommitResult", 0}, {"", 1}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sim_world *w = world(NULL);
        struct sim_txn t = {.number = 1, .lsid = {5}};
        struct sim_client *c = sim_client_open(w);
        sim_client_ask_in(c, &t, INSERT);
        answered(w, c, 0);
        w->cluster->nodes[0].failing = (struct sim_failing){
            .command = "update", .code = 112, .label = rows[i].label, .times = 1};
        sim_client_ask_in(c, &t, "{'update': 'things', 'updates': [{}]}");
        answered(w, c, 112);
        assert_pinned(w, rows[i].pinned);
        sim_world_end(w);
    }
}

static void test_the_next_transaction_of_an_lsid_takes_the_place_of_the_last(void **state)
{
    struct sim_world *w = world(NULL);
    struct sim_txn one = {.number = 1, .lsid = {5}};
    struct sim_txn next = {.number = 2, .lsid = {5}};
    (void)state;
    struct sim_client *c = sim_client_open(w);
    sim_client_ask_in(c, &one, INSERT);
    answered(w, c, 0);
    sim_client_ask_in(c, &next, INSERT);
    answered(w, c, 0);
    assert_pinned(w, 1);
    sim_client_ask_in(c, &next, "{'commitTransaction': 1}");
    answered(w, c, 0);
    assert_pinned(w, 0);
    sim_world_end(w);
}

static bool is_transient(const struct sim_client *c)
{
    return strcmp(sim_text(c->last, "errorLabels.0"), "TransientTransactionError") == 0;
}

static void test_a_broken_connection_takes_its_transaction_along(void **state)
{
    struct sim_world *w = world(NULL);
    struct sim_txn t = {.number = 1, .lsid = {5}};
    (void)state;
    struct sim_client *c = sim_client_open(w);
    sim_client_ask_in(c, &t, INSERT);
    answered(w, c, 0);
    w->cluster->nodes[0].failing =
        (struct sim_failing){.command = "update", .is_reset = true, .times = 1};
    sim_client_ask_in(c, &t, "{'update': 'things', 'updates': [{}]}");
    answered(w, c, 6);
    assert_true(is_transient(c));
    assert_pinned(w, 0);
    sim_client_ask_in(c, &t, INSERT);
    answered(w, c, 251);
    assert_true(is_transient(c));
    sim_world_end(w);
}

/* --- services --- */

static size_t dialled_after(struct sim_world *w, struct sim_failing failing, int64_t code)
{
    struct sim_node *n = &w->cluster->nodes[0];
    sim_world_run(w, 3000);
    assert_int_equal(sim_world_pool(w, 0)->idle, 6);
    size_t before = n->accepted;
    n->failing = failing;
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, INSERT);
    answered(w, c, code);
    sim_world_run(w, 5000);
    assert_int_equal(sim_world_pool(w, 0)->idle, 6);
    return n->accepted - before;
}

/* Six connections, three to each service: what happens on one is told of its service alone. */
static void test_errors_clear_their_service_alone(void **state)
{
    static const char flags[] = "--pool.maxPoolSize=6 --pool.minPoolSize=6";
    (void)state;
    struct sim_world *w = world(flags);
    struct sim_failing broken = {.command = "insert", .is_reset = true, .times = 1};
    assert_int_equal(dialled_after(w, broken, 6), 3);
    sim_world_end(w);

    w = world(flags);
    struct sim_failing leaving = {.command = "insert", .code = 91, .times = 1};
    assert_int_equal(dialled_after(w, leaving, 6), 3); /* as a mongos would say it of a node */
    sim_world_end(w);

    w = world(flags);
    struct sim_failing harmless = {.command = "insert", .code = 11000, .times = 1};
    assert_int_equal(dialled_after(w, harmless, 11000), 0);
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_a_transaction_keeps_its_connection_to_its_end),
        SIM_TEST(test_a_transaction_takes_its_cursors_along),
        SIM_TEST(test_a_transaction_that_is_over_gives_its_connection_back),
        SIM_TEST(test_a_transaction_that_failed_gives_its_connection_back),
        SIM_TEST(test_the_next_transaction_of_an_lsid_takes_the_place_of_the_last),
        SIM_TEST(test_a_broken_connection_takes_its_transaction_along),
        SIM_TEST(test_errors_clear_their_service_alone),
    };
    return sim_world_main("balanced transactions", tests, sizeof tests / sizeof *tests);
}
