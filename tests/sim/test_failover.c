/* What is sent a second time after a failure, and what never is. */
#include <string.h>

#include "support/sim_world.h"

#define READ  "{'find': 'things'}"
#define WRITE "{'insert': 'things', 'documents': [{}]}"
#define LSID  "'lsid': {'id': {'$binary': {'base64': 'BwcHBwcHBwcHBwcHBwcHBw==', 'subType': '04'}}}"

/* A write that the server would know again. */
#define RETRYABLE(number)                                                                          \
    "{'insert': 'things', 'documents': [{}], " LSID ", 'txnNumber': {'$numberLong': '" number "'}" \
    "}"

static struct sim_world *new_world(const char *flags)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = flags, .latency = 2});
    sim_world_works(w, 5000);
    return w;
}

/* Asks, and waits for the answer. Returns the token. */
static int64_t ask(struct sim_world *w, struct sim_client **client, const char *command)
{
    *client = sim_client_open(w);
    int64_t token = sim_client_ask(*client, "%s", command);
    sim_world_answer(w, *client, 20000);
    return token;
}

static void assert_fate(struct sim_world *w, int64_t token, size_t attempts, size_t executed)
{
    assert_int_equal(sim_cluster_attempts(w->cluster, token), attempts);
    assert_int_equal(sim_cluster_executed(w->cluster, token), executed);
}

static const char *label_of(const struct sim_client *c)
{
    return sim_text(c->last, "errorLabels.0");
}

/* --- reads --- */

static void test_read_is_repeated_after_a_loss(void **state)
{
    struct sim_world *w = new_world(NULL);
    struct sim_client *c;
    (void)state;
    w->cluster->nodes[0].failing = (struct sim_failing){.is_reset = true, .times = 1};
    int64_t token = ask(w, &c, READ);
    assert_int_equal(sim_client_code(c), 0);
    assert_fate(w, token, 2, 1);
    assert_in_range(c->took, 0, 700); /* checked as soon as half a second has passed */
    sim_world_end(w);
}

static void test_read_is_repeated_after_an_error(void **state)
{
    static const int32_t codes[] = {6, 7, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13436};
    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct sim_world *w = new_world(NULL);
        struct sim_client *c;
        w->cluster->nodes[0].failing = (struct sim_failing){.code = codes[i], .times = 1};
        int64_t token = ask(w, &c, READ);
        assert_int_equal(sim_client_code(c), 0);
        assert_fate(w, token, 2, 1);
        sim_world_end(w);
    }
}

static void test_read_is_repeated_only_once(void **state)
{
    struct sim_world *w = new_world(NULL);
    struct sim_client *c;
    (void)state;
    w->cluster->nodes[0].failing = (struct sim_failing){.code = 262, .times = 2};
    int64_t token = ask(w, &c, READ);
    assert_int_equal(sim_client_code(c), 262);
    assert_fate(w, token, 2, 0);
    w->cluster->nodes[0].failing = (struct sim_failing){.is_reset = true, .times = 2};
    token = ask(w, &c, READ);
    assert_int_equal(sim_client_code(c), 6);
    assert_fate(w, token, 2, 0);
    sim_world_end(w);
}

static void test_read_waits_for_the_next_primary(void **state)
{
    struct sim_world *w = new_world(NULL);
    struct sim_client *c;
    (void)state;
    sim_cluster_step_down(w->cluster, 1, 3000);
    int64_t token = ask(w, &c, READ);
    assert_int_equal(sim_client_code(c), 0);
    assert_int_equal(sim_int(c->last, "node"), 1);
    assert_fate(w, token, 2, 1);
    assert_in_range(c->took, 2900, 4000);
    sim_world_end(w);
}

static void test_other_errors_are_passed_on(void **state)
{
    struct sim_world *w = new_world(NULL);
    struct sim_client *c;
    (void)state;
    w->cluster->nodes[0].failing = (struct sim_failing){.code = 43, .times = 1};
    int64_t token = ask(w, &c, READ);
    assert_int_equal(sim_client_code(c), 43);
    assert_fate(w, token, 1, 0);
    sim_world_end(w);
}

/* --- writes --- */

static void test_write_is_repeated_after_a_loss(void **state)
{
    (void)state;
    for (int is_executed = 0; is_executed < 2; is_executed++) {
        struct sim_world *w = new_world(NULL);
        struct sim_client *c;
        w->cluster->nodes[0].failing =
            (struct sim_failing){.is_reset = true, .is_executed = is_executed != 0, .times = 1};
        int64_t token = ask(w, &c, RETRYABLE("5"));
        assert_int_equal(sim_client_code(c), 0);
        assert_fate(w, token, 2, 1);
        sim_world_end(w);
    }
}

static void test_write_waits_for_the_next_primary(void **state)
{
    struct sim_world *w = new_world(NULL);
    struct sim_client *c;
    (void)state;
    sim_cluster_step_down(w->cluster, 1, 3000);
    int64_t token = ask(w, &c, RETRYABLE("5"));
    assert_int_equal(sim_client_code(c), 0);
    assert_int_equal(sim_int(c->last, "node"), 1);
    assert_fate(w, token, 2, 1);
    assert_in_range(c->took, 2900, 4000);
    sim_world_end(w);
}

/* The label decides, not the code. */
static void test_unlabelled_write_is_not_repeated(void **state)
{
    struct sim_world *w = new_world(NULL);
    struct sim_client *c;
    (void)state;
    w->cluster->nodes[0].failing = (struct sim_failing){.code = 6, .times = 1};
    int64_t token = ask(w, &c, RETRYABLE("5"));
    assert_int_equal(sim_client_code(c), 6);
    assert_fate(w, token, 1, 0);
    sim_world_end(w);
}

static void test_plain_write_is_never_repeated(void **state)
{
    struct sim_world *w = new_world(NULL);
    struct sim_client *c;
    (void)state;
    for (int is_executed = 0; is_executed < 2; is_executed++) {
        w->cluster->nodes[0].failing =
            (struct sim_failing){.is_reset = true, .is_executed = is_executed != 0, .times = 1};
        int64_t token = ask(w, &c, WRITE);
        assert_int_equal(sim_client_code(c), 6);
        assert_string_equal(label_of(c), "");
        assert_fate(w, token, 1, (size_t)is_executed);
    }
    sim_world_run(w, 1000); /* the primary is known again */
    sim_cluster_step_down(w->cluster, 1, 1000);
    int64_t token = ask(w, &c, WRITE);
    assert_int_equal(sim_client_code(c), 6);
    assert_fate(w, token, 1, 0);
    sim_world_end(w);
}

/* It streams, and is not there any more when it would have to be sent again. */
static void test_large_write_is_not_repeated(void **state)
{
    struct sim_world *w = new_world("--limits.holdBytes=1KiB");
    struct sim_client *c = sim_client_open(w);
    char filler[3000];
    (void)state;
    memset(filler, 'x', sizeof filler);
    filler[sizeof filler - 1] = '\0';
    w->cluster->nodes[0].failing = (struct sim_failing){.is_reset = true, .times = 1};
    int64_t token = sim_client_ask(c,
                                   "{'insert': 'things', " LSID ", 'txnNumber': {"
                                   "'$numberLong': '5'}, 'documents': [{'x': '%s'}]}",
                                   filler);
    sim_world_answer(w, c, 20000);
    assert_int_equal(sim_client_code(c), 6);
    assert_string_equal(label_of(c), "RetryableWriteError");
    assert_fate(w, token, 1, 0);
    sim_world_end(w);
}

/* --- what never is --- */

/* Each statement of a transaction, lost or refused by the old primary. */
static void test_transaction_is_never_repeated(void **state)
{
    static const char *const commands[] = {WRITE, WRITE, READ, "{'commitTransaction': 1}",
                                           "{'abortTransaction': 1}"};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        for (int is_loss = 0; is_loss < 2; is_loss++) {
            struct sim_world *w = new_world(NULL);
            struct sim_client *c = sim_client_open(w);
            struct sim_txn t = {.number = 9};
            if (i > 0) {
                sim_client_ask_in(c, &t, WRITE);
                sim_world_answer(w, c, 5000);
            }
            w->cluster->nodes[0].failing = (struct sim_failing){
                .is_reset = is_loss != 0, .code = is_loss != 0 ? 0 : 189, .times = 1};
            int64_t token = sim_client_ask_in(c, &t, "%s", commands[i]);
            sim_world_answer(w, c, 5000);
            assert_int_equal(sim_client_code(c), 6);
            assert_string_equal(label_of(c),
                                i >= 3 ? "RetryableWriteError" : "TransientTransactionError");
            assert_fate(w, token, 1, 0);
            sim_world_end(w);
        }
    }
}

static void test_get_more_is_never_repeated(void **state)
{
    (void)state;
    for (int is_loss = 0; is_loss < 2; is_loss++) {
        struct sim_world *w = new_world(NULL);
        struct sim_client *c = sim_client_open(w);
        sim_client_ask(c, "{'find': 'things', 'more': 3}");
        sim_world_answer(w, c, 5000);
        w->cluster->nodes[0].failing = (struct sim_failing){
            .is_reset = is_loss != 0, .code = is_loss != 0 ? 0 : 262, .times = 1};
        int64_t token =
            sim_client_ask(c, "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things'}",
                           (long long)sim_int(c->last, "cursor.id"));
        sim_world_answer(w, c, 5000);
        assert_int_equal(sim_client_code(c), is_loss != 0 ? 6 : 262);
        assert_fate(w, token, 1, 0);
        sim_world_end(w);
    }
}

static void test_overload_is_passed_on(void **state)
{
    struct sim_world *w = new_world(NULL);
    struct sim_client *c;
    (void)state;
    w->cluster->nodes[0].failing =
        (struct sim_failing){.code = 262, .label = "SystemOverloadedError", .times = 2};
    int64_t token = ask(w, &c, READ);
    assert_int_equal(sim_client_code(c), 262);
    assert_string_equal(label_of(c), "SystemOverloadedError");
    assert_fate(w, token, 1, 0);
    token = ask(w, &c, RETRYABLE("5"));
    assert_int_equal(sim_client_code(c), 262);
    assert_fate(w, token, 1, 0);
    sim_world_end(w);
}

static void test_broken_reply_is_repeated_while_nothing_was_relayed(void **state)
{
    struct sim_world *w = new_world(NULL);
    struct sim_client *c;
    (void)state;
    w->cluster->nodes[0].failing = (struct sim_failing){.is_cut = true, .times = 1};
    int64_t token = ask(w, &c, "{'find': 'things', 'bytes': 20000}");
    assert_int_equal(sim_client_code(c), 0);
    assert_fate(w, token, 2, 2);
    w->cluster->nodes[0].failing = (struct sim_failing){.is_cut = true, .times = 1};
    token = ask(w, &c, "{'find': 'things', 'bytes': 200000}");
    assert_null(c->conn); /* it had a part of the reply */
    assert_fate(w, token, 1, 1);
    sim_world_end(w);
}

static void test_nobody_repeats_for_who_left(void **state)
{
    struct sim_world *w = new_world(NULL);
    struct sim_client *c = sim_client_open(w);
    (void)state;
    int64_t token = sim_client_ask(c, "{'find': 'things', 'delay': 1000}");
    sim_world_run(w, 100);
    sim_client_leave(c, CLOSE_NOW);
    sim_world_run(w, 100);
    sim_node_reset(&w->cluster->nodes[0]);
    sim_world_run(w, 5000);
    assert_fate(w, token, 1, 0);
    sim_world_end(w);
}

/* --- when the second attempt comes to nothing --- */

static void test_no_server_in_time_gives_the_first_error(void **state)
{
    struct sim_world *w = new_world("--outage.queueTimeoutMS=2000");
    struct sim_client *c = sim_client_open(w);
    (void)state;
    int64_t token = sim_client_ask(c, "{'insert': 'things', 'documents': [{}], 'delay': 9000, " LSID
                                      ", 'txnNumber': {'$numberLong': '5'}}");
    sim_world_run(w, 500);
    for (size_t i = 0; i < 3; i++) {
        sim_node_die(&w->cluster->nodes[i]);
    }
    sim_world_answer(w, c, 5000);
    assert_int_equal(c->took, 2000);
    assert_int_equal(sim_client_code(c), 6);
    assert_string_equal(label_of(c), "RetryableWriteError");
    assert_non_null(strstr(sim_client_said(c), "before a reply came"));
    assert_fate(w, token, 1, 0);
    sim_world_end(w);
}

/* The first attempt may have written; what the second one says of itself does not count. */
static void test_no_writes_performed_gives_the_first_error(void **state)
{
    struct sim_world *w = new_world(NULL);
    struct sim_client *c;
    (void)state;
    w->cluster->nodes[1].failing =
        (struct sim_failing){.code = 262, .label = "NoWritesPerformed", .times = 1};
    sim_cluster_step_down(w->cluster, 1, 1000);
    int64_t token = ask(w, &c, RETRYABLE("5"));
    assert_int_equal(sim_client_code(c), 6);
    assert_string_equal(label_of(c), "RetryableWriteError");
    assert_fate(w, token, 2, 0);
    sim_world_end(w);
}

static void test_own_time_bounds_the_repeat(void **state)
{
    struct sim_world *w = new_world(NULL);
    struct sim_client *c;
    (void)state;
    sim_cluster_step_down(w->cluster, 1, 3000);
    int64_t token = ask(w, &c, "{'find': 'things', 'maxTimeMS': 700}");
    assert_int_equal(sim_client_code(c), 50);
    assert_int_equal(c->took, 700);
    assert_fate(w, token, 1, 0);
    sim_world_end(w);
}

/* --- what is believed of the server --- */

/* A connection that breaks while it comes up says nothing of the server (overload): who wants one
 * waits for the pool, not for a server. */
static void test_loss_while_coming_up_says_nothing(void **state)
{
    struct sim_world *w = sim_world_new(
        (struct sim_plan){.user = "u", .password = "p", .flags = "--pool.waitQueueTimeoutMS=2000"});
    struct sim_client *c;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        w->cluster->nodes[i].failing =
            (struct sim_failing){.command = "saslContinue", .is_reset = true, .times = 1000};
    }
    int64_t token = ask(w, &c, WRITE);
    assert_int_equal(sim_client_code(c), 407);
    assert_fate(w, token, 0, 0);
    sim_world_end(w);
}

/* A connection that breaks while it serves takes the idle ones with it; a slow reply does not. */
static void test_loss_clears_the_pool(void **state)
{
    struct sim_world *w = new_world("--pool.minPoolSize=3 --upstream.operationTimeoutMS=1000");
    struct sim_client *c;
    (void)state;
    sim_world_run(w, 2000);
    size_t before = w->cluster->nodes[0].accepted;
    ask(w, &c, "{'insert': 'things', 'documents': [{}], 'delay': 3000}");
    assert_int_equal(sim_client_code(c), 89);
    sim_world_run(w, 2000);
    assert_int_equal(w->cluster->nodes[0].accepted, before + 1);
    w->cluster->nodes[0].failing = (struct sim_failing){.is_reset = true, .times = 1};
    ask(w, &c, WRITE);
    sim_world_run(w, 2000);
    /* The pool's, and the monitor's two: the check under way is begun anew. */
    assert_int_equal(w->cluster->nodes[0].accepted, before + 1 + 3 + 2);
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_read_is_repeated_after_a_loss),
        SIM_TEST(test_read_is_repeated_after_an_error),
        SIM_TEST(test_read_is_repeated_only_once),
        SIM_TEST(test_read_waits_for_the_next_primary),
        SIM_TEST(test_other_errors_are_passed_on),
        SIM_TEST(test_write_is_repeated_after_a_loss),
        SIM_TEST(test_write_waits_for_the_next_primary),
        SIM_TEST(test_unlabelled_write_is_not_repeated),
        SIM_TEST(test_plain_write_is_never_repeated),
        SIM_TEST(test_large_write_is_not_repeated),
        SIM_TEST(test_transaction_is_never_repeated),
        SIM_TEST(test_get_more_is_never_repeated),
        SIM_TEST(test_overload_is_passed_on),
        SIM_TEST(test_broken_reply_is_repeated_while_nothing_was_relayed),
        SIM_TEST(test_nobody_repeats_for_who_left),
        SIM_TEST(test_no_server_in_time_gives_the_first_error),
        SIM_TEST(test_no_writes_performed_gives_the_first_error),
        SIM_TEST(test_own_time_bounds_the_repeat),
        SIM_TEST(test_loss_while_coming_up_says_nothing),
        SIM_TEST(test_loss_clears_the_pool),
    };
    return sim_world_main("failover", tests, sizeof tests / sizeof *tests);
}
