/* Change streams and awaitData cursors: what they may hold of a pool, and that each has its turn.
 *
 * Most streams here hear a kind of events of their own, so that while one gets its event all others
 * wait their whole slices: the worst case. */
#include "proxy/cluster_parts.h"
#include "proxy/node.h"
#include "watchers.h"
#include "workers.h"

#define CAP_OF_TEN                                                              \
    "--pool.maxPoolSize=10 --pool.connectsPerSecond=0 --pool.maxConnecting=10 " \
    "--upstream.heartbeatFrequencyMS=60000"

/* --- many --- */

/* While one hears its event, all others wait. */
static void hear_alone(struct watchers *all, int i)
{
    msec at = net_now(all->w->net);
    sim_cluster_event(all->w->cluster, i);
    while (all->list[i].events == 0) {
        sim_world_run(all->w, 1);
        assert_true(net_now(all->w->net) - at <= 3000);
    }
}

static void test_200_streams_over_a_cap_of_10_hear_within_3_seconds(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = CAP_OF_TEN, .latency = 2});
    struct watchers *all = watchers_new(w, WATCHERS_MOST, 0);
    struct sim_node *n = &w->cluster->nodes[0];
    (void)state;
    sim_world_run(w, 5000);
    for (int i = 0; i < WATCHERS_MOST; i += 20) {
        hear_alone(all, i);
    }
    for (int i = 0; i < WATCHERS_MOST; i++) {
        sim_cluster_event(w->cluster, i);
        sim_world_run(w, 10);
    }
    sim_world_until(w, 3000, all_have_heard, all);
    size_t before = n->awaits;
    sim_world_run(w, 5000);
    assert_in_range(n->awaits - before, 250, 5 * 20 * 5); /* 5 slots, 50 ms each, 5 s */
    assert_int_equal(n->awaits_most, 5);
    assert_int_equal(n->least_await, 50);
    assert_true(all->longest <= AWAIT_MS + 60);
    watchers_end(all);
}

/* One event that all of them hear, in the middle of the crowd. */
static void test_an_event_for_all_reaches_200_streams(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = CAP_OF_TEN, .latency = 2});
    struct watchers *all = xcalloc(1, sizeof *all);
    (void)state;
    all->w = w;
    for (int i = 0; i < WATCHERS_MOST; i++) {
        watcher_open(all, 0);
    }
    sim_world_run(w, 4321);
    sim_cluster_event(w->cluster, 0);
    sim_world_until(w, 3000, all_have_heard, all);
    watchers_end(all);
}

/* Waits that are long do not keep the others out, not even when they came first. */
static void test_long_waits_leave_room_for_who_comes_later(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = CAP_OF_TEN, .latency = 2});
    struct watchers *all = watchers_new(w, 5, 600000);
    (void)state;
    sim_world_run(w, 1000);
    for (int i = 0; i < 5; i++) {
        sim_cluster_event(w->cluster, i);
    }
    sim_world_run(w, 1000); /* they have asked again */
    for (int i = 5; i < 100; i++) {
        watcher_open(all, i);
    }
    sim_world_run(w, 1000);
    for (int i = 5; i < 100; i++) {
        sim_cluster_event(w->cluster, i);
    }
    sim_world_until(w, 3000, all_have_heard, all);
    for (size_t i = 0; i < all->count; i++) {
        sim_client_leave(all->list[i].client, CLOSE_NOW);
    }
    sim_world_run(w, 20000);
    watchers_end(all);
}

/* --- few --- */

static void test_few_streams_are_sent_as_they_come(void **state)
{
    static const int waits[] = {0, 5000};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sim_world *w = sim_world_new((struct sim_plan){.flags = CAP_OF_TEN, .latency = 1});
        sim_world_works(w, 1000);
        sim_world_run(w, 1000);
        struct watchers *all = watchers_new(w, 2, waits[i]);
        struct sim_node *n = &w->cluster->nodes[0];
        sim_world_run(w, 20000);
        assert_int_equal(w->proxy->metrics.await_slices, 0);
        assert_int_equal(n->least_await, waits[i]);
        assert_in_range(n->awaits, 7, 2 * 20);
        msec at = net_now(w->net);
        sim_cluster_event(w->cluster, 1);
        while (all->list[1].events == 0) {
            sim_world_run(w, 1);
        }
        assert_true(net_now(w->net) - at <= 5);
        watchers_end(all);
    }
}

/* --- ordinary operations beside them --- */

static msec longest_of_workers(size_t streams, size_t workers, msec *streams_longest)
{
    struct sim_world *w = sim_world_new(
        (struct sim_plan){.flags = CAP_OF_TEN " --pool.minPoolSize=10", .latency = 1});
    struct watchers *all = watchers_new(w, streams, 0);
    sim_world_run(w, 5000);
    struct workers crowd = {.w = w, .delay_most = 20};
    for (size_t i = 0; i < workers; i++) {
        worker_start(&crowd, 100);
    }
    sim_world_run(w, 1000);
    for (size_t i = 0; i < streams; i++) {
        sim_cluster_event(w->cluster, (int64_t)i);
    }
    msec at = net_now(w->net);
    sim_world_until(w, 10000, all_have_heard, all);
    *streams_longest = net_now(w->net) - at;
    sim_world_until(w, MINUTES(3), workers_are_done, &crowd);
    assert_int_equal(crowd.errors, 0);
    assert_int_equal(crowd.replies, 100 * workers);
    watchers_end(all);
    return crowd.longest;
}

static void test_ordinary_operations_do_not_feel_them(void **state)
{
    msec heard;
    (void)state;
    msec without = longest_of_workers(0, 4, &heard);
    msec with = longest_of_workers(WATCHERS_MOST, 4, &heard);
    assert_true(heard <= 3000);
    assert_int_equal(without, with); /* four of them never wait for a connection */
}

/* More work than the pool can take: who streams still gets turns, who works more than half. */
static void test_streams_and_a_saturated_pool_share_it(void **state)
{
    msec heard;
    (void)state;
    msec without = longest_of_workers(0, 50, &heard);
    msec with = longest_of_workers(100, 50, &heard);
    assert_true(heard <= 3000);
    assert_true(with <= 5 * without);
}

/* --- turns --- */

static void test_nobody_starves_whose_wait_is_shorter_than_a_round(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = CAP_OF_TEN " --pool.maxAwaiting=1", .latency = 1});
    struct watchers *all = watchers_new(w, 40, 200); /* a round takes more than two seconds */
    size_t least = SIZE_MAX;
    size_t most = 0;
    (void)state;
    sim_world_run(w, 30000);
    for (size_t i = 0; i < all->count; i++) {
        least = all->list[i].served < least ? all->list[i].served : least;
        most = all->list[i].served > most ? all->list[i].served : most;
        assert_true(all->list[i].local > 50);
        assert_int_equal(all->list[i].errors, 0);
    }
    assert_true(least >= 12);
    assert_true(most <= least + 3);
    assert_true(all->longest <= 200 + 60);
    assert_true(w->proxy->metrics.await_answered > 1000);
    watchers_end(all);
}

/* What a slice brought without an event is not lost when no other turn comes: its resume token is
 * in the reply. */
static void test_the_last_empty_reply_of_the_server_is_the_answer(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = CAP_OF_TEN, .latency = 1});
    struct watchers *all = watchers_new(w, 12, 3000);
    (void)state;
    sim_world_run(w, 30000);
    for (size_t i = 0; i < all->count; i++) {
        assert_int_equal(all->list[i].local, 0);
        assert_in_range(all->list[i].served, 9, 12);
    }
    assert_true(w->proxy->metrics.await_slices > 12 * 20);
    watchers_end(all);
}

/* --- ends --- */

static void test_errors_come_through_at_once(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = CAP_OF_TEN, .latency = 1});
    struct watchers *all = watchers_new(w, 20, 10000);
    struct sim_client *killer = sim_client_open(w);
    (void)state;
    sim_world_run(w, 3000);
    sim_client_ask(killer, "{'killCursors': 'things', 'cursors': [{'$numberLong': '%lld'}]}",
                   (long long)all->list[7].cursor);
    sim_world_answer(w, killer, 1000);
    sim_world_run(w, 2000);
    assert_int_equal(all->list[7].errors, 1);
    assert_int_equal(all->list[7].code, 43);
    watchers_end(all);
}

static void test_clients_that_leave_leave_nothing_behind(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = CAP_OF_TEN, .latency = 1});
    struct watchers *all = watchers_new(w, 60, 0);
    (void)state;
    for (size_t i = 0; i < all->count; i++) {
        sim_world_run(w, 37);
        sim_client_leave(all->list[i].client, i % 2 == 0 ? CLOSE_NOW : CLOSE_FLUSH);
    }
    sim_world_run(w, 7000);
    assert_int_equal(w->proxy->client_count, 0);
    assert_int_equal(sim_world_pool(w, 0)->lent, 0);
    sim_world_works(w, 1000);
    watchers_end(all);
}

static void test_the_node_dies_under_them(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = "--upstream.heartbeatFrequencyMS=1000 --outage.queueTimeoutMS=2000",
        .latency = 1});
    struct watchers *all = watchers_new(w, 40, 0);
    (void)state;
    sim_world_run(w, 3000);
    sim_node_die(&w->cluster->nodes[0]);
    sim_world_run(w, 4000);
    for (size_t i = 0; i < all->count; i++) {
        assert_int_equal(all->list[i].errors, 1);
        bool is_change_stream = i % 2 == 0; /* a driver resumes it: the label says that it may */
        assert_int_equal(sim_has(all->list[i].client->last, "errorLabels.0"), is_change_stream);
    }
    watchers_end(all);
}

static void test_a_drain_waits_for_none_of_them(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = CAP_OF_TEN " --drain.maxMS=5000", .latency = 1});
    struct watchers *all = watchers_new(w, 60, 0);
    (void)state;
    sim_world_run(w, 3000);
    proxy_drain(w->proxy);
    sim_world_run(w, 5000);
    assert_true(w->has_ended);
    sim_world_end(w);
    free(all);
}

/* Nor for long waits, but for the few that went out as they came. */
static void test_a_drain_ends_long_waits_that_have_no_turn(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = CAP_OF_TEN " --drain.maxMS=8000", .latency = 1});
    struct watchers *all = watchers_new(w, 60, 600000);
    (void)state;
    sim_world_run(w, 3000);
    proxy_drain(w->proxy);
    sim_world_run(w, 1500);
    assert_true(w->proxy->client_count <= 2);
    sim_world_run(w, 8000);
    assert_true(w->has_ended);
    for (size_t i = 0; i < all->count; i++) {
        assert_int_equal(all->list[i].errors, 0);
    }
    sim_world_end(w);
    free(all);
}

/* A node that answers its monitor and takes no new connection: empty batches would hide it. */
static void test_a_node_that_serves_nobody_is_told(void **state)
{
    enum { POOL_TIMED_OUT = 407 };
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = CAP_OF_TEN " --pool.maxLifetimeMS=3000 --pool.waitQueueTimeoutMS=4000",
        .latency = 1});
    struct watchers *all = watchers_new(w, 3, 0);
    (void)state;
    sim_world_run(w, 2000);
    listener_close(w->cluster->nodes[0].listener);
    w->cluster->nodes[0].listener = NULL;
    sim_world_run(w, 15000);
    for (size_t i = 0; i < all->count; i++) {
        assert_in_range(all->list[i].local, 1, 5);
        assert_int_equal(all->list[i].errors, 1);
        assert_int_equal(all->list[i].code, POOL_TIMED_OUT);
    }
    sim_node_revive(&w->cluster->nodes[0]);
    watchers_end(all);
}

/* --- which cursors --- */

/* Forgotten, as after a start of the proxy: maxTimeMS shows what they are. */
static void test_a_cursor_that_is_not_known_is_told_by_its_max_time(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = CAP_OF_TEN, .latency = 1});
    struct watchers *all = watchers_new(w, 40, 500);
    (void)state;
    sim_world_run(w, 3000);
    for (size_t i = 0; i < all->count; i++) {
        affinity_on_cursor_gone(w->proxy->cluster->affinity, all->list[i].cursor,
                                sim_world_node(w, 0)->id);
    }
    sim_world_run(w, 5000);
    assert_int_equal(w->cluster->nodes[0].awaits_most, 5);
    watchers_end(all);
}

/* Beside many streams: nothing is added to its getMore, and what stands there is left. */
static void test_an_ordinary_cursor_keeps_its_max_time(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = CAP_OF_TEN, .latency = 1});
    struct watchers *all = watchers_new(w, 40, 0);
    struct sim_client *c = sim_client_open(w);
    (void)state;
    sim_world_run(w, 2000);
    sim_client_ask(c, "{'find': 'things', 'more': 3}");
    sim_world_answer(w, c, 1000);
    long long cursor = sim_int(c->last, "cursor.id");
    sim_client_ask(c, "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things'}", cursor);
    sim_world_answer(w, c, 1000);
    assert_int_equal(sim_client_code(c), 0);
    sim_client_ask(c,
                   "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things', "
                   "'maxTimeMS': 5000}",
                   cursor);
    sim_world_answer(w, c, 1000);
    assert_int_equal(sim_client_code(c), 2); /* the server's own opinion */
    assert_int_equal(sim_int(c->last, "maxTimeMS"), 5000);
    watchers_end(all);
}

/* upstream.operationTimeoutMS is about replies that do not come, not about events. */
static void test_the_time_for_events_is_not_the_reply_s(void **state)
{
    struct sim_world *w = sim_world_new(
        (struct sim_plan){.flags = "--upstream.operationTimeoutMS=500 --pool.maxPoolSize=10 "
                                   "--pool.connectsPerSecond=0",
                          .latency = 2});
    struct watchers *all = watchers_new(w, 2, 1500);
    (void)state;
    sim_world_run(w, 6000);
    for (size_t i = 0; i < all->count; i++) {
        assert_int_equal(all->list[i].errors, 0);
        assert_in_range(all->list[i].served, 2, 4);
    }
    w->cluster->nodes[0].is_hanging = true;
    sim_world_run(w, 3600); /* one wait has ended, one and its patience are over */
    for (size_t i = 0; i < all->count; i++) {
        assert_int_equal(all->list[i].code, 89);
    }
    w->cluster->nodes[0].is_hanging = false;
    watchers_end(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_200_streams_over_a_cap_of_10_hear_within_3_seconds),
        SIM_TEST(test_an_event_for_all_reaches_200_streams),
        SIM_TEST(test_long_waits_leave_room_for_who_comes_later),
        SIM_TEST(test_few_streams_are_sent_as_they_come),
        SIM_TEST(test_ordinary_operations_do_not_feel_them),
        SIM_TEST(test_streams_and_a_saturated_pool_share_it),
        SIM_TEST(test_nobody_starves_whose_wait_is_shorter_than_a_round),
        SIM_TEST(test_the_last_empty_reply_of_the_server_is_the_answer),
        SIM_TEST(test_errors_come_through_at_once),
        SIM_TEST(test_clients_that_leave_leave_nothing_behind),
        SIM_TEST(test_the_node_dies_under_them),
        SIM_TEST(test_a_drain_waits_for_none_of_them),
        SIM_TEST(test_a_drain_ends_long_waits_that_have_no_turn),
        SIM_TEST(test_a_node_that_serves_nobody_is_told),
        SIM_TEST(test_a_cursor_that_is_not_known_is_told_by_its_max_time),
        SIM_TEST(test_an_ordinary_cursor_keeps_its_max_time),
        SIM_TEST(test_the_time_for_events_is_not_the_reply_s),
    };
    return sim_world_main("streams", tests, sizeof tests / sizeof *tests);
}
