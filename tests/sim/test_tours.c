/* Commands that go to several nodes: a killCursors whose cursors live apart, and a getMore whose
 * cursor is not known. */
#include <string.h>

#include "workers.h"

#define SECONDARY "'$readPreference': {'mode': 'secondary'}"

static struct sim_client *ask(struct sim_world *w, const char *json)
{
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "%s", json);
    sim_world_answer(w, c, 1000);
    return c;
}

/* A cursor opened through the proxy, and where it lives. */
struct opened {
    int64_t id;
    int64_t node;
};

static struct opened open_cursor(struct sim_world *w, const char *json)
{
    struct sim_client *c = ask(w, json);
    assert_int_equal(sim_client_code(c), 0);
    return (struct opened){sim_int(c->last, "cursor.id"), sim_int(c->last, "node")};
}

static void get_more(struct sim_world *w, struct sim_client *c, int64_t id)
{
    sim_client_ask(c, "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things'}",
                   (long long)id);
    sim_world_answer(w, c, 20000);
}

static size_t commands(const struct sim_world *w, int node)
{
    return w->cluster->nodes[node].commands;
}

static int64_t element(const struct sim_client *c, const char *list, int index)
{
    char path[40];
    snprintf(path, sizeof path, "%s.%d", list, index);
    return sim_int(c->last, path);
}

/* --- killCursors --- */

static void test_a_killing_is_split(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    struct opened c[6];
    (void)state;
    sim_world_run(w, 50);
    for (int i = 0; i < 6; i++) {
        c[i] = open_cursor(w, i % 2 == 0 ? "{'find': 'things', 'more': 3}"
                                         : "{'find': 'things', 'more': 3, " SECONDARY "}");
    }
    struct sim_client *killer = sim_client_open(w);
    sim_client_ask(killer,
                   "{'killCursors': 'things', 'cursors': [{'$numberLong': '%lld'},"
                   " {'$numberLong': '%lld'}, {'$numberLong': '77'}, {'$numberLong': '%lld'},"
                   " {'$numberLong': '%lld'}]}",
                   (long long)c[1].id, (long long)c[0].id, (long long)c[3].id, (long long)c[2].id);
    sim_world_answer(w, killer, 1000);
    assert_int_equal(sim_int(killer->last, "ok"), 1);
    assert_int_equal(element(killer, "cursorsKilled", 0), c[1].id); /* in the order asked */
    assert_int_equal(element(killer, "cursorsKilled", 1), c[0].id);
    assert_int_equal(element(killer, "cursorsKilled", 2), c[3].id);
    assert_int_equal(element(killer, "cursorsKilled", 3), c[2].id);
    assert_false(sim_has(killer->last, "cursorsKilled.4"));
    assert_int_equal(element(killer, "cursorsNotFound", 0), 77);
    assert_false(sim_has(killer->last, "cursorsNotFound.1"));
    assert_true(sim_has(killer->last, "cursorsAlive"));
    assert_false(sim_has(killer->last, "cursorsAlive.0"));
    for (int i = 0; i < 6; i++) {
        get_more(w, killer, c[i].id);
        assert_int_equal(sim_client_code(killer), i < 4 ? 43 : 0);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(w->cluster->nodes[i].killings, 1); /* the unknown id went to all */
    }
    sim_world_end(w);
}

/* Ids that are known to live elsewhere are not killed where another cursor may have the same. */
static void test_each_node_is_asked_for_its_own(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    w->cluster->cursors_collide = true;
    sim_world_run(w, 50);
    int64_t stranger = sim_node_open_cursor(&w->cluster->nodes[0], 3); /* 5000 */
    struct opened here = open_cursor(w, "{'find': 'things', 'more': 3}");
    struct opened there = open_cursor(w, "{'find': 'things', 'more': 3, " SECONDARY "}");
    assert_int_equal(there.id, stranger);
    assert_true(here.node != there.node && here.id != there.id);
    struct sim_client *killer = sim_client_open(w);
    sim_client_ask(killer,
                   "{'killCursors': 'things', 'cursors': [{'$numberLong': '%lld'},"
                   " {'$numberLong': '%lld'}]}",
                   (long long)here.id, (long long)there.id);
    sim_world_answer(w, killer, 1000);
    assert_true(sim_has(killer->last, "cursorsKilled.1"));
    get_more(w, killer, stranger); /* found by a search */
    assert_int_equal(sim_client_code(killer), 0);
    assert_int_equal(sim_int(killer->last, "node"), 0);
    sim_world_end(w);
}

static void test_a_killing_does_not_wait_for_a_node_that_is_down(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_world_run(w, 50);
    struct opened here = open_cursor(w, "{'find': 'things', 'more': 3}");
    struct opened there = open_cursor(w, "{'find': 'things', 'more': 3, " SECONDARY "}");
    struct sim_client *killer = sim_client_open(w);
    sim_node_die(&w->cluster->nodes[there.node]);
    sim_world_run(w, 20);
    sim_client_ask(killer,
                   "{'killCursors': 'things', 'cursors': [{'$numberLong': '%lld'},"
                   " {'$numberLong': '%lld'}]}",
                   (long long)there.id, (long long)here.id);
    sim_world_answer(w, killer, 1000);
    assert_int_equal(element(killer, "cursorsKilled", 0), here.id);
    assert_int_equal(element(killer, "cursorsAlive", 0), there.id);
    assert_true(killer->took < 100);
    sim_world_end(w);
}

/* It stands in the queue of a pool whose node goes. */
static void test_a_killing_leaves_the_pool_of_a_node_that_goes(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--pool.maxPoolSize=1 --outage.mode=failFast"});
    (void)state;
    sim_world_run(w, 50);
    struct opened there = open_cursor(w, "{'find': 'things', 'more': 3, " SECONDARY "}");
    struct sim_client *holder = sim_client_open(w);
    sim_client_ask(holder,
                   "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things', 'delay': 9000}",
                   (long long)there.id);
    sim_world_run(w, 20);
    struct sim_client *killer = sim_client_open(w);
    sim_client_ask(killer, "{'killCursors': 'things', 'cursors': [{'$numberLong': '%lld'}]}",
                   (long long)there.id);
    sim_world_run(w, 20);
    assert_int_equal(sim_world_pool(w, (int)there.node)->waiting, 1);
    sim_node_die(&w->cluster->nodes[there.node]);
    sim_world_answer(w, killer, 5000);
    assert_int_equal(element(killer, "cursorsAlive", 0), there.id);
    assert_true(killer->took < 3000);
    sim_world_end(w);
}

/* The connection breaks in the middle of it: the others are killed all the same. */
static void test_a_killing_goes_on_after_a_loss(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_world_run(w, 50);
    struct opened here = open_cursor(w, "{'find': 'things', 'more': 3}");
    struct opened there = open_cursor(w, "{'find': 'things', 'more': 3, " SECONDARY "}");
    struct sim_client *killer = sim_client_open(w);
    w->cluster->nodes[here.node].failing =
        (struct sim_failing){.command = "killCursors", .times = 1, .is_reset = true};
    sim_client_ask(killer,
                   "{'killCursors': 'things', 'cursors': [{'$numberLong': '%lld'},"
                   " {'$numberLong': '%lld'}]}",
                   (long long)here.id, (long long)there.id);
    sim_world_answer(w, killer, 1000);
    assert_int_equal(element(killer, "cursorsKilled", 0), there.id);
    assert_int_equal(element(killer, "cursorsAlive", 0), here.id);
    sim_world_end(w);
}

/* An error that all give is the client's as it is. */
static void test_an_error_of_a_killing(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_world_run(w, 50);
    for (size_t i = 0; i < 3; i++) {
        w->cluster->nodes[i].failing =
            (struct sim_failing){.command = "killCursors", .times = 1, .code = 13};
    }
    struct sim_client *c = ask(w, "{'killCursors': 'things', 'cursors': [{'$numberLong': '5'}]}");
    assert_int_equal(sim_client_code(c), 13);
    sim_world_end(w);
}

/* The client leaves in the middle: its backend is not lost, and nothing more is done for it. */
static void test_a_client_leaves_a_killing(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 5});
    (void)state;
    sim_world_run(w, 200);
    struct sim_client *killer = sim_client_open(w);
    sim_client_ask(killer, "{'killCursors': 'things', 'cursors': [{'$numberLong': '5'}]}");
    sim_world_run(w, 6);
    sim_client_leave(killer, CLOSE_RESET);
    sim_world_works(w, 1000);
    assert_int_equal(w->cluster->nodes[0].killings, 1);
    assert_int_equal(w->cluster->nodes[1].killings + w->cluster->nodes[2].killings, 0);
    assert_int_equal(sim_world_pool(w, 0)->lent, 0);
    /* The last of the three is not asked any more. */
    assert_true(w->cluster->nodes[1].commands + w->cluster->nodes[2].commands < 2);
    sim_world_end(w);
}

/* --- a cursor that is not known --- */

static void test_an_unknown_cursor_is_looked_for(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_world_run(w, 50);
    for (int node = 0; node < 3; node++) {
        int64_t id = sim_node_open_cursor(&w->cluster->nodes[node], 3);
        struct sim_client *c = sim_client_open(w);
        get_more(w, c, id);
        assert_int_equal(sim_client_code(c), 0);
        assert_int_equal(sim_int(c->last, "node"), node);
        size_t before[3] = {commands(w, 0), commands(w, 1), commands(w, 2)};
        get_more(w, c, id); /* it is known now */
        assert_int_equal(sim_client_code(c), 0);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(commands(w, i) - before[i], i == node);
        }
    }
    sim_world_end(w);
}

static void test_the_primary_is_asked_first(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    w->cluster->cursors_collide = true;
    sim_world_run(w, 50);
    sim_cluster_step_down(w->cluster, 2, 0);
    sim_world_works(w, 20000);
    int64_t id = sim_node_open_cursor(&w->cluster->nodes[0], 3);
    assert_int_equal(sim_node_open_cursor(&w->cluster->nodes[2], 3), id);
    struct sim_client *c = sim_client_open(w);
    get_more(w, c, id);
    assert_int_equal(sim_int(c->last, "node"), 2);
    sim_world_end(w);
}

static void test_a_cursor_that_nobody_knows(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_world_run(w, 50);
    size_t before[3] = {commands(w, 0), commands(w, 1), commands(w, 2)};
    struct sim_client *c = sim_client_open(w);
    get_more(w, c, 123);
    assert_int_equal(sim_client_code(c), 43);
    assert_string_equal(sim_client_said(c), "cursor not found"); /* the server's own words */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(commands(w, i) - before[i], 1);
    }
    sim_node_die(&w->cluster->nodes[2]);
    sim_world_run(w, 20);
    get_more(w, c, 123);
    assert_int_equal(sim_client_code(c), 43);
    assert_in_range(c->took, 1900, 2100); /* that node might have come back */
    sim_world_end(w);
}

/* The node that has it has just broken off: it is asked as soon as it is there again. */
static void test_a_search_waits_for_a_node_that_broke_off(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_world_run(w, 50);
    int64_t id = sim_node_open_cursor(&w->cluster->nodes[0], 3);
    w->cluster->nodes[0].failing =
        (struct sim_failing){.command = "ping", .times = 1, .is_reset = true};
    ask(w, "{'ping': 1}");
    struct sim_client *c = sim_client_open(w);
    get_more(w, c, id);
    assert_int_equal(sim_client_code(c), 0);
    assert_int_equal(sim_int(c->last, "node"), 0);
    assert_true(c->took < 1500);
    sim_world_end(w);
}

/* Its node has answered 43: that is the answer, whatever others have of the same id. */
static void test_a_known_cursor_is_not_looked_for(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_world_run(w, 50);
    struct opened c = open_cursor(w, "{'find': 'things', 'more': 3}");
    w->cluster->nodes[0].failing =
        (struct sim_failing){.command = "getMore", .times = 1, .code = 43};
    size_t before[3] = {commands(w, 0), commands(w, 1), commands(w, 2)};
    struct sim_client *other = sim_client_open(w);
    get_more(w, other, c.id);
    assert_int_equal(sim_client_code(other), 43);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(commands(w, i) - before[i], i == 0);
    }
    sim_world_end(w);
}

/* A node that broke off may have had the cursor: the next one is not asked. */
static void test_a_search_ends_with_a_loss(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_world_run(w, 50);
    w->cluster->nodes[0].failing =
        (struct sim_failing){.command = "getMore", .times = 1, .is_reset = true};
    size_t before[3] = {commands(w, 0), commands(w, 1), commands(w, 2)};
    struct sim_client *c = sim_client_open(w);
    get_more(w, c, 123);
    assert_int_equal(sim_client_code(c), 6);
    assert_int_equal(commands(w, 1) + commands(w, 2), before[1] + before[2]);
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_a_killing_is_split),
        SIM_TEST(test_each_node_is_asked_for_its_own),
        SIM_TEST(test_a_killing_does_not_wait_for_a_node_that_is_down),
        SIM_TEST(test_a_killing_leaves_the_pool_of_a_node_that_goes),
        SIM_TEST(test_a_killing_goes_on_after_a_loss),
        SIM_TEST(test_an_error_of_a_killing),
        SIM_TEST(test_a_client_leaves_a_killing),
        SIM_TEST(test_an_unknown_cursor_is_looked_for),
        SIM_TEST(test_the_primary_is_asked_first),
        SIM_TEST(test_a_cursor_that_nobody_knows),
        SIM_TEST(test_a_search_waits_for_a_node_that_broke_off),
        SIM_TEST(test_a_known_cursor_is_not_looked_for),
        SIM_TEST(test_a_search_ends_with_a_loss),
    };
    return sim_world_main("tours", tests, sizeof tests / sizeof *tests);
}
