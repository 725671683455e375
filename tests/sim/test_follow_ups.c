/* What belongs together: cursors, transactions, the lanes of a pool, writes that expect no reply.
 */
#include <string.h>

#include "base/require.h"
#include "proxy/node.h"
#include "workers.h"

#define WRITE "{'insert': 'things', 'documents': [{}], 'delay': %d}"

static struct sim_client *ask(struct sim_world *w, const char *json)
{
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "%s", json);
    return c;
}

/* --- cursors --- */

enum { CURSORS = 12 };

static void assert_all_read(struct sim_world *w, struct sim_client *const *clients,
                            const int64_t *cursors, const int64_t *nodes)
{
    for (size_t i = 0; i < CURSORS; i++) {
        struct sim_client *other = clients[(i + 5) % CURSORS];
        for (int batch = 1; batch <= 3; batch++) {
            sim_client_ask(other, "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things'}",
                           (long long)cursors[i]);
            sim_world_answer(w, other, 1000);
            assert_int_equal(sim_client_code(other), 0);
            assert_int_equal(sim_int(other->last, "node"), nodes[i]);
        }
    }
}

/* A cursor is read on from any connection of the application, where it was made. */
static void test_cursors_stay_where_they_are(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = "--pool.maxPoolSize=3"});
    struct sim_client *clients[CURSORS];
    int64_t cursors[CURSORS];
    int64_t nodes[CURSORS];
    bool seen[SIM_NODES_MOST] = {false};
    (void)state;
    sim_world_run(w, 50);
    for (size_t i = 0; i < CURSORS; i++) {
        clients[i] =
            ask(w, "{'find': 'things', 'more': 3, '$readPreference': {'mode': 'nearest'}}");
        sim_world_answer(w, clients[i], 1000);
        cursors[i] = sim_int(clients[i]->last, "cursor.id");
        nodes[i] = sim_int(clients[i]->last, "node");
        assert_true(cursors[i] != 0);
        seen[nodes[i]] = true;
    }
    assert_true(seen[0] + seen[1] + seen[2] >= 2); /* else nothing is shown */
    assert_all_read(w, clients, cursors, nodes);
    sim_world_end(w);
}

static void test_kill_cursors_finds_its_node(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    for (int i = 0; i < 6; i++) {
        struct sim_client *c =
            ask(w, "{'find': 'things', 'more': 3, '$readPreference': {'mode': 'secondary'}}");
        sim_world_answer(w, c, 1000);
        sim_client_ask(c, "{'killCursors': 'things', 'cursors': [{'$numberLong': '%lld'}]}",
                       (long long)sim_int(c->last, "cursor.id"));
        sim_world_answer(w, c, 1000);
        assert_true(sim_has(c->last, "cursorsKilled.0"));
    }
    sim_world_end(w);
}

/* Bound to a node that is down: a getMore waits for that one as others wait for any, not for ever.
 */
static void test_cursor_of_a_node_that_is_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sim_world *w =
            sim_world_new((struct sim_plan){.flags = "--outage.queueTimeoutMS=2000"});
        sim_world_run(w, 50);
        struct sim_client *c = ask(w, "{'find': 'things', 'more': 3}");
        sim_world_answer(w, c, 1000);
        int64_t cursor = sim_int(c->last, "cursor.id");
        sim_node_die(&w->cluster->nodes[0]);
        sim_world_run(w, 20);
        if (i == 0) {
            sim_client_ask(c, "{'killCursors': 'things', 'cursors': [{'$numberLong': '%lld'}]}",
                           (long long)cursor);
            sim_world_answer(w, c, 5000);
            assert_int_equal(sim_int(c->last, "cursorsAlive.0"), cursor);
            assert_int_equal(c->took, 0); /* nothing is gained by waiting */
        } else {
            sim_client_ask(c, "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things'}",
                           (long long)cursor);
            sim_world_answer(w, c, 5000);
            assert_int_equal(sim_int(c->last, "ok"), 0);
            assert_int_equal(c->took, 2000);
        }
        sim_world_end(w);
    }
}

/* --- lanes --- */

/* Writers blocked on the document that an open transaction has written hold what new work may
 * hold; the commit that frees them gets through at once, by the slot that is kept. */
static void test_commit_goes_ahead_of_blocked_writers(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--pool.maxPoolSize=4", .latency = 1});
    struct sim_txn t = {.number = 1, .lsid = {1}};
    struct sim_client *writers[8];
    (void)state;
    struct sim_client *c = sim_client_open(w);
    sim_client_ask_in(c, &t, "{'insert': 'things', 'documents': [{}], 'lock': true}");
    sim_world_answer(w, c, 2000);
    for (size_t i = 0; i < 8; i++) {
        writers[i] = ask(w, "{'insert': 'things', 'documents': [{}], 'lock': true}");
    }
    sim_world_run(w, 3000);
    assert_int_equal(sim_world_pool(w, 0)->lent, 3);
    assert_int_equal(sim_world_pool(w, 0)->waiting, 5);
    sim_client_ask_in(c, &t, "{'update': 'things', 'updates': [{}], 'lock': true}");
    sim_world_answer(w, c, 2000);
    assert_int_equal(sim_client_code(c), 0);
    sim_client_ask_in(c, &t, "{'commitTransaction': 1}");
    sim_world_answer(w, c, 2000);
    assert_int_equal(sim_client_code(c), 0);
    assert_in_range(c->took, 2, 10);
    for (size_t i = 0; i < 8; i++) {
        sim_world_answer(w, writers[i], 2000);
        assert_int_equal(sim_client_code(writers[i]), 0);
    }
    sim_world_end(w);
}

struct order {
    int64_t seen[8];
    size_t count;
};

static void note_order(struct sim_client *c, const bson_t *reply)
{
    struct order *o = c->owner;
    if (reply != NULL && c->number > 0) {
        o->seen[o->count++] = c->number;
    }
}

static struct sim_client *client_in_order(struct sim_world *w, struct order *o, int64_t number)
{
    struct sim_client *c = sim_client_open(w);
    c->owner = o;
    c->number = number;
    c->on_reply = note_order;
    return c;
}

/* With one connection busy, they come in the order new, statement, commit and are served the other
 * way round. */
static void test_order_of_lanes(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--pool.maxPoolSize=1", .latency = 1});
    struct order o = {.count = 0};
    struct sim_txn a = {.number = 1, .lsid = {1}};
    struct sim_txn b = {.number = 1, .lsid = {2}};
    (void)state;
    struct sim_client *first = sim_client_open(w);
    struct sim_client *committer = client_in_order(w, &o, 0);
    struct sim_client *stater = client_in_order(w, &o, 0);
    sim_client_ask_in(committer, &a, WRITE, 0);
    sim_client_ask_in(stater, &b, WRITE, 0);
    sim_world_answer(w, committer, 1000);
    sim_world_answer(w, stater, 1000);
    sim_client_ask(first, WRITE, 500);
    sim_world_run(w, 20);
    struct sim_client *fresh = client_in_order(w, &o, 1);
    sim_client_ask(fresh, WRITE, 0);
    sim_world_run(w, 20);
    stater->number = 2;
    sim_client_ask_in(stater, &b, WRITE, 0);
    sim_world_run(w, 20);
    committer->number = 3;
    sim_client_ask_in(committer, &a, "{'commitTransaction': 1}");
    sim_world_answer(w, fresh, 2000);
    assert_int_equal(o.count, 3);
    assert_int_equal(o.seen[0], 3);
    assert_int_equal(o.seen[1], 2);
    assert_int_equal(o.seen[2], 1);
    sim_world_end(w);
}

static void test_first_come_first_served(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = "--pool.maxPoolSize=1"});
    struct order o = {.count = 0};
    struct sim_client *last = NULL;
    (void)state;
    struct sim_client *first = sim_client_open(w);
    sim_client_ask(first, WRITE, 300);
    sim_world_run(w, 20);
    for (int64_t i = 1; i <= 8; i++) {
        last = client_in_order(w, &o, i);
        sim_client_ask(last, WRITE, 3);
        sim_world_run(w, 5);
    }
    sim_world_answer(w, last, 2000);
    for (int64_t i = 1; i <= 8; i++) {
        assert_int_equal(o.seen[i - 1], i);
    }
    sim_world_end(w);
}

/* --- another primary while requests wait in the old one's pool --- */

/* The new primary is unknown until the very hello that ends the old one: who waits goes over. */
static void go_over(const char *flags)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = flags});
    struct sim_client *waiting[4];
    sim_world_works(w, 1000);
    sim_node_die(&w->cluster->nodes[1]);
    sim_node_die(&w->cluster->nodes[2]);
    sim_world_run(w, 2000);
    struct sim_client *holder = sim_client_open(w);
    sim_client_ask(holder, WRITE, 20000);
    sim_world_run(w, 20);
    for (size_t i = 0; i < 4; i++) {
        waiting[i] = sim_client_open(w);
        sim_client_ask(waiting[i], WRITE, 0);
    }
    sim_world_run(w, 20);
    assert_int_equal(sim_world_pool(w, 0)->waiting, 4);
    w->cluster->nodes[0].is_hanging = true; /* the old one says nothing any more */
    sim_node_revive(&w->cluster->nodes[2]);
    sim_cluster_step_down(w->cluster, 2, 0);
    for (size_t i = 0; i < 4; i++) {
        sim_world_answer(w, waiting[i], 5000);
        assert_int_equal(sim_client_code(waiting[i]), 0);
        assert_int_equal(sim_int(waiting[i]->last, "node"), 2);
    }
    sim_world_end(w);
}

static void test_waiters_go_over_to_the_new_primary(void **state)
{
    (void)state;
    go_over("--pool.maxPoolSize=2 --upstream.heartbeatFrequencyMS=600");
    go_over("--pool.maxPoolSize=2 --upstream.heartbeatFrequencyMS=600 --outage.mode=failFast");
}

/* --- writes that expect no reply --- */

static void assert_executed(struct sim_world *w, const int64_t *tokens, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(sim_cluster_executed(w->cluster, tokens[i]), 1);
    }
}

/* Sent, and the client is gone: they are delivered, each once. */
static void test_unacknowledged_writes_are_delivered(void **state)
{
    static const enum close_how ways[] = {CLOSE_FLUSH, CLOSE_FLUSH, CLOSE_RESET};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct sim_world *w = sim_world_new((struct sim_plan){.seed = i + 1, .latency = 2});
        int64_t tokens[5];
        struct sim_client *c = sim_client_open(w);
        for (size_t j = 0; j < 5; j++) {
            tokens[j] = sim_client_tell(c, WRITE, i == 1 ? 50 : 0);
        }
        sim_world_run(w, i == 2 ? 1 : 0); /* a reset overtakes what has not been read */
        sim_client_leave(c, ways[i]);
        sim_world_run(w, 5000);
        assert_executed(w, tokens, 5);
        assert_int_equal(w->proxy->client_count, 0);
        sim_world_end(w);
    }
}

/* Also when nobody can take them yet. */
static void test_unacknowledged_writes_wait_for_a_server(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    int64_t tokens[3];
    (void)state;
    sim_world_works(w, 1000);
    sim_cluster_step_down(w->cluster, 1, 3000);
    sim_world_run(w, 11000 - 3000); /* noticed by the monitors */
    sim_cluster_step_down(w->cluster, 2, 13000);
    sim_world_run(w, 11000);
    struct sim_client *c = sim_client_open(w);
    sim_world_run(w, 1);
    for (size_t i = 0; i < 3; i++) {
        tokens[i] = sim_client_tell(c, WRITE, 0);
    }
    sim_client_leave(c, CLOSE_FLUSH);
    sim_world_run(w, 10);
    assert_int_equal(sim_cluster_executed(w->cluster, tokens[0]), 0);
    sim_world_run(w, 5000);
    assert_executed(w, tokens, 3);
    sim_world_end(w);
}

/* What follows on the same connection comes after them. */
static void test_unacknowledged_writes_keep_their_order(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 1});
    int64_t tokens[10];
    (void)state;
    struct sim_client *c = sim_client_open(w);
    for (size_t i = 0; i < 10; i++) {
        tokens[i] = sim_client_tell(c, WRITE, 7);
    }
    sim_client_ask(c, "{'find': 'things'}");
    sim_world_answer(w, c, 5000);
    assert_executed(w, tokens, 10);
    assert_int_equal(c->replies, 1);
    sim_world_end(w);
}

/* It will not come back: the application had better begin anew. */
static void test_cursor_of_a_node_that_left(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 2});
    struct sim_client *c = sim_client_open(w);
    (void)state;
    sim_world_works(w, 5000);
    sim_client_ask(c, "{'find': 'things', 'more': 3, '$readPreference': {'mode': 'secondary'}}");
    sim_world_answer(w, c, 5000);
    struct sim_node *node = &w->cluster->nodes[sim_int(c->last, "node")];
    sim_client_ask(c,
                   "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things', 'delay': 60000}",
                   (long long)sim_int(c->last, "cursor.id"));
    node->is_unlisted = true;
    sim_world_run(w, 15000);
    assert_true(sim_world_node(w, node->index)->is_removed);
    assert_int_equal(c->asked_count, 1); /* what is under way may end well */
    sim_node_reset(node);
    sim_world_answer(w, c, 1000);
    assert_int_equal(sim_client_code(c), 43);
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_cursors_stay_where_they_are),
        SIM_TEST(test_kill_cursors_finds_its_node),
        SIM_TEST(test_cursor_of_a_node_that_is_down),
        SIM_TEST(test_cursor_of_a_node_that_left),
        SIM_TEST(test_commit_goes_ahead_of_blocked_writers),
        SIM_TEST(test_order_of_lanes),
        SIM_TEST(test_first_come_first_served),
        SIM_TEST(test_waiters_go_over_to_the_new_primary),
        SIM_TEST(test_unacknowledged_writes_are_delivered),
        SIM_TEST(test_unacknowledged_writes_wait_for_a_server),
        SIM_TEST(test_unacknowledged_writes_keep_their_order),
    };
    return sim_world_main("follow-ups", tests, sizeof tests / sizeof *tests);
}
