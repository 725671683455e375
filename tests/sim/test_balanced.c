/* A load balancer as the cluster: cursors live on the connection that made them, nothing is
 * monitored, and only a share of the pool is kept for what lives on one connection. */
#include "balanced.h"

/* --- first contact --- */

/* hello with loadBalanced: true (the node takes nothing else), and nobody monitors. */
static void test_backends_alone_say_hello(void **state)
{
    struct sim_world *w = world("--pool.minPoolSize=0 --listen.lastHelloFile=off");
    (void)state;
    w->cluster->nodes[0].max_wire = 19;
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'hello': 1}");
    sim_world_answer(w, c, 900); /* not the second that it may be held */
    assert_int_equal(sim_int(c->last, "maxWireVersion"), 19);
    assert_string_equal(sim_text(c->last, "msg"), "isdbgrid");
    sim_world_run(w, MINUTES(1));
    assert_int_equal(w->cluster->nodes[0].hellos, w->cluster->nodes[0].accepted);
    sim_world_works(w, 1000);
    sim_world_end(w);
}

static void test_a_server_without_service_id_is_told(void **state)
{
    struct sim_world *w = world(NULL);
    (void)state;
    w->cluster->hides_service = true;
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, INSERT);
    sim_world_answer(w, c, 20000);
    assert_non_null(strstr(sim_client_said(c), "has no serviceId"));
    assert_in_range(c->took, 0, 1000);
    sim_world_end(w);
}

/* What happens before hello says nothing of a service: who waits is served when one answers. */
static void test_a_balancer_that_is_away_is_waited_for(void **state)
{
    struct sim_world *w = world(NULL);
    (void)state;
    sim_node_die(&w->cluster->nodes[0]);
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, INSERT);
    sim_world_run(w, 3000);
    assert_false(sim_client_is_answered(c));
    sim_node_revive(&w->cluster->nodes[0]);
    answered(w, c, 0);
    sim_world_end(w);
}

/* --- cursors --- */

static void test_cursors_stay_on_their_connection(void **state)
{
    enum { CURSORS = 4 };
    struct sim_world *w = world("--pool.maxPoolSize=8 --pool.maxPinned=4");
    struct sim_client *clients[CURSORS];
    int64_t cursors[CURSORS];
    (void)state;
    for (size_t i = 0; i < CURSORS; i++) {
        clients[i] = sim_client_open(w);
        cursors[i] = open_cursor(w, clients[i], 3);
    }
    assert_pinned(w, CURSORS);
    for (int batch = 0; batch < 3; batch++) {
        for (size_t i = 0; i < CURSORS; i++) {
            sim_client_ask(clients[0], INSERT); /* over another one */
            answered(w, clients[0], 0);
            get_more(w, clients[(i + 1) % CURSORS], cursors[i], 0);
        }
    }
    assert_pinned(w, 0);
    sim_world_end(w);
}

static void test_a_killed_cursor_gives_its_connection_back(void **state)
{
    struct sim_world *w = world(NULL);
    (void)state;
    struct sim_client *c = sim_client_open(w);
    int64_t one = open_cursor(w, c, 3);
    int64_t other = open_cursor(w, c, 3);
    assert_pinned(w, 2);
    sim_client_ask(c, KILL, (long long)one);
    answered(w, c, 0);
    assert_true(sim_has(c->last, "cursorsKilled.0"));
    assert_pinned(w, 1);
    get_more(w, c, one, 43);
    get_more(w, c, other, 0);
    assert_pinned(w, 1);
    sim_world_end(w);
}

/* Two follow-ups of one cursor: the second goes out when the first is answered. */
static void test_follow_ups_come_one_after_the_other(void **state)
{
    struct sim_world *w = world(NULL);
    (void)state;
    struct sim_client *one = sim_client_open(w);
    struct sim_client *other = sim_client_open(w);
    int64_t cursor = open_cursor(w, one, 3);
    w->cluster->nodes[0].delay = 100;
    sim_client_ask(one, MORE, (long long)cursor);
    sim_client_ask(other, MORE, (long long)cursor);
    answered(w, one, 0);
    answered(w, other, 0);
    assert_in_range(one->took + other->took, 300, 330); /* whoever came first */
    assert_pinned(w, 1);
    sim_world_end(w);
}

/* The client leaves while its batch is under way: the connection is still the cursor's. */
static void test_a_client_that_leaves_does_not_take_the_cursor_along(void **state)
{
    struct sim_world *w = world(NULL);
    (void)state;
    struct sim_client *one = sim_client_open(w);
    struct sim_client *other = sim_client_open(w);
    int64_t cursor = open_cursor(w, one, 3);
    w->cluster->nodes[0].delay = 50;
    sim_client_ask(one, MORE, (long long)cursor);
    sim_world_run(w, 10);
    sim_client_leave(one, CLOSE_NOW);
    sim_world_run(w, 100);
    get_more(w, other, cursor, 0);
    sim_world_end(w);
}

/* An application vanishes: what it leaves is ended where it lives. */
static void test_what_a_vanished_application_leaves_is_ended(void **state)
{
    struct sim_world *w = world(NULL);
    struct sim_txn t = {.number = 1, .lsid = {5}};
    (void)state;
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'hello': 1, 'client': {'driver': {'name': 'sim', 'version': '1'}, "
                      "'os': {'type': 'Linux'}}}");
    answered(w, c, 0);
    open_cursor(w, c, 5);
    open_cursor(w, c, 5);
    sim_client_ask_in(c, &t, INSERT);
    answered(w, c, 0);
    assert_pinned(w, 3);
    sim_client_leave(c, CLOSE_NOW);
    sim_world_run(w, 3000); /* after limits.vanishedGraceMS */
    assert_pinned(w, 0);
    assert_int_equal(w->cluster->nodes[0].own_kills, 2);
    assert_int_equal(w->cluster->nodes[0].own_aborts, 1);
    sim_world_end(w);
}

static void test_a_broken_connection_takes_its_cursors_along(void **state)
{
    struct sim_world *w = world(NULL);
    (void)state;
    struct sim_client *c = sim_client_open(w);
    int64_t cursor = open_cursor(w, c, 5);
    w->cluster->nodes[0].failing =
        (struct sim_failing){.command = "getMore", .is_reset = true, .times = 1};
    get_more(w, c, cursor, 6); /* no change stream: not to be resumed */
    get_more(w, c, cursor, 43);
    assert_pinned(w, 0);
    cursor = open_cursor(w, c, 5);
    sim_node_reset(&w->cluster->nodes[0]);
    sim_world_run(w, 50);
    get_more(w, c, cursor, 43);
    assert_pinned(w, 0);
    sim_world_end(w);
}

static void test_a_cursor_that_nobody_uses_expires(void **state)
{
    struct sim_world *w = world("--pool.maxPinnedIdleTimeMS=5000 --pool.maxPoolSize=4");
    (void)state;
    struct sim_client *c = sim_client_open(w);
    int64_t cursor = open_cursor(w, c, 5);
    sim_world_run(w, 4000);
    get_more(w, c, cursor, 0);
    sim_world_run(w, 4000);
    assert_pinned(w, 1);
    sim_world_run(w, 2000);
    assert_pinned(w, 0);
    get_more(w, c, cursor, 43); /* the server has heard of it: the connection was closed */
    sim_world_end(w);
}

/* --- pool.maxPinned --- */

static void test_what_may_pin_waits_for_room_and_all_else_does_not(void **state)
{
    struct sim_world *w =
        world("--pool.maxPoolSize=4 --pool.maxPinned=2 --pool.waitQueueTimeoutMS=3000");
    (void)state;
    struct sim_client *c = sim_client_open(w);
    struct sim_client *waiting = sim_client_open(w);
    struct sim_client *later = sim_client_open(w);
    int64_t cursor = open_cursor(w, c, 9);
    open_cursor(w, c, 9);
    sim_client_ask(waiting, FIND, 0);
    sim_world_run(w, 1000);
    sim_client_ask(later, FIND, 0);
    sim_client_ask(c, INSERT);
    answered(w, c, 0);
    assert_in_range(c->took, 0, 20);
    get_more(w, c, cursor, 0);
    assert_in_range(c->took, 0, 20);
    assert_false(sim_client_is_answered(waiting));
    sim_client_ask(c, KILL, (long long)cursor);
    answered(w, c, 0);
    answered(w, waiting, 0);
    answered(w, later, 0);
    assert_in_range(later->took, 0, 1000);
    assert_pinned(w, 1);
    sim_world_end(w);
}

static void test_who_waits_too_long_is_told_what_is_in_use(void **state)
{
    struct sim_world *w =
        world("--pool.maxPoolSize=4 --pool.maxPinned=2 --pool.waitQueueTimeoutMS=500");
    struct sim_txn t = {.number = 1, .lsid = {5}};
    (void)state;
    struct sim_client *c = sim_client_open(w);
    open_cursor(w, c, 9);
    sim_client_ask_in(c, &t, INSERT);
    answered(w, c, 0);
    sim_client_ask(c, FIND, 0);
    answered(w, c, 407);
    assert_int_equal(c->took, 500);
    assert_non_null(strstr(sim_client_said(c), "1 by cursors, 1 by transactions, 0 by others; "
                                               "pool.maxPinned admits 2"));
    sim_world_end(w);
}

/* Many at once: no more of them are under way than may be pinned, since each may open a cursor. */
static void test_what_is_under_way_counts_too(void **state)
{
    enum { MANY = 8 };
    struct sim_world *w = world("--pool.maxPoolSize=6 --pool.maxPinned=50%");
    struct sim_client *many[MANY];
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        many[i] = sim_client_open(w);
        sim_client_ask(many[i], "{'find': 'things', 'delay': 100}");
    }
    sim_world_run(w, 50);
    assert_int_equal(sim_world_pool(w, 0)->lent, 3);
    sim_world_works(w, 20);
    msec longest = 0;
    for (size_t i = 0; i < MANY; i++) {
        answered(w, many[i], 0);
        longest = many[i]->took > longest ? many[i]->took : longest;
    }
    assert_in_range(longest, 300, 350);
    assert_pinned(w, 0);
    sim_world_end(w);
}

/* Readers that hold all that may be pinned, each waiting for a write: the rest of the pool is for
 * those, in the smallest of pools too. */
static void test_pinned_connections_leave_room_for_new_work(void **state)
{
    static const char *const pools[] = {"--pool.maxPoolSize=2 --pool.maxPinned=100%",
                                        "--pool.maxPoolSize=4 --pool.maxPinned=100%"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sim_world *w = world(pools[i]);
        size_t most = i == 0 ? 1 : 3;
        struct sim_client *c = sim_client_open(w);
        for (size_t j = 0; j < most; j++) {
            open_cursor(w, c, 9);
        }
        assert_pinned(w, most);
        sim_world_works(w, 1000);
        sim_world_end(w);
    }
}

/* The client gives up while it waits for room: nothing is left of it. */
static void test_a_client_that_leaves_gives_its_place_up(void **state)
{
    struct sim_world *w = world("--pool.maxPoolSize=4 --pool.maxPinned=1");
    (void)state;
    struct sim_client *c = sim_client_open(w);
    struct sim_client *other = sim_client_open(w);
    struct sim_client *last = sim_client_open(w);
    int64_t cursor = open_cursor(w, c, 9);
    sim_client_ask(other, FIND, 1);
    sim_client_ask(last, FIND, 1);
    sim_world_run(w, 20);
    sim_client_leave(other, CLOSE_NOW);
    sim_world_run(w, 20);
    sim_client_ask(c, KILL, (long long)cursor);
    answered(w, c, 0);
    answered(w, last, 0);
    assert_pinned(w, 1);
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_backends_alone_say_hello),
        SIM_TEST(test_a_server_without_service_id_is_told),
        SIM_TEST(test_a_balancer_that_is_away_is_waited_for),
        SIM_TEST(test_cursors_stay_on_their_connection),
        SIM_TEST(test_a_killed_cursor_gives_its_connection_back),
        SIM_TEST(test_follow_ups_come_one_after_the_other),
        SIM_TEST(test_a_client_that_leaves_does_not_take_the_cursor_along),
        SIM_TEST(test_what_a_vanished_application_leaves_is_ended),
        SIM_TEST(test_a_broken_connection_takes_its_cursors_along),
        SIM_TEST(test_a_cursor_that_nobody_uses_expires),
        SIM_TEST(test_what_may_pin_waits_for_room_and_all_else_does_not),
        SIM_TEST(test_who_waits_too_long_is_told_what_is_in_use),
        SIM_TEST(test_what_is_under_way_counts_too),
        SIM_TEST(test_pinned_connections_leave_room_for_new_work),
        SIM_TEST(test_a_client_that_leaves_gives_its_place_up),
    };
    return sim_world_main("balanced", tests, sizeof tests / sizeof *tests);
}
