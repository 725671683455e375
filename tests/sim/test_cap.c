/* The cap, and the pace of dials, whatever applications and nodes do. */
#include "workers.h"

#include "proxy/node.h"

static size_t served_most(const struct sim_world *w)
{
    size_t most = 0;
    for (size_t i = 0; i < w->cluster->count; i++) {
        most = w->cluster->nodes[i].served_most > most ? w->cluster->nodes[i].served_most : most;
    }
    return most;
}

static void test_many_clients_within_the_cap(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--pool.maxPoolSize=4", .latency = 2});
    struct workers all = {.w = w, .delay_most = 20};
    (void)state;
    for (int i = 0; i < 150; i++) {
        worker_start(&all, 4);
    }
    sim_world_until(w, MINUTES(2), workers_are_done, &all);
    assert_int_equal(all.replies, 600);
    assert_int_equal(all.errors, 0);
    assert_int_equal(served_most(w), 3); /* the fourth is kept for follow-ups */
    sim_world_end(w);
}

/* Clients come, ask, and leave without waiting: what they began is drained, and the same few
 * connections serve on. */
static void test_reconnect_storm(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--pool.maxPoolSize=4", .latency = 1});
    (void)state;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 30; i++) {
            struct sim_client *c = sim_client_open(w);
            sim_client_ask(c, "{'insert': 'things', 'documents': [{}], 'delay': %d}", i % 7);
            sim_client_leave(c, i % 2 == 0 ? CLOSE_FLUSH : CLOSE_NOW);
        }
        sim_world_run(w, 20);
    }
    sim_world_works(w, 5000);
    assert_true(served_most(w) <= 4);
    assert_true(w->cluster->nodes[0].accepted <= 4 + 1); /* one for the monitor */
    sim_world_end(w);
}

/* One client leaves in the middle of each reply that is long in coming: more than is worth
 * draining. Each time its backend goes, and the cap holds. */
static void test_abandoned_replies(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = "--pool.maxPoolSize=2"});
    (void)state;
    for (int i = 0; i < 10; i++) {
        struct sim_client *c = sim_client_open(w);
        sim_client_ask(c, "{'find': 'things', 'delay': 60000}");
        sim_world_run(w, 100);
        sim_client_leave(c, CLOSE_NOW);
    }
    sim_world_works(w, 30000); /* a backend is given up after five seconds of draining */
    sim_world_end(w);
}

struct watch_dials {
    struct sim_world *w;
    size_t most_at_once;
};

static void note_dials(void *owner)
{
    struct watch_dials *d = owner;
    size_t now = d->w->proxy == NULL ? 0 : sim_world_pool(d->w, 0)->dialling;
    d->most_at_once = now > d->most_at_once ? now : d->most_at_once;
}

static void test_at_most_max_connecting(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = "--pool.maxPoolSize=20 --pool.maxConnecting=3 --pool.connectsPerSecond=0",
        .latency = 40});
    struct workers all = {.w = w, .delay_most = 500};
    struct watch_dials dials = {.w = w};
    (void)state;
    sim_add_invariant(w->sim, note_dials, &dials);
    for (int i = 0; i < 60; i++) {
        worker_start(&all, 3);
    }
    sim_world_until(w, MINUTES(2), workers_are_done, &all);
    assert_int_equal(all.errors, 0);
    assert_int_equal(dials.most_at_once, 3); /* the invariant says: never more */
    sim_world_end(w);
}

/* After each loss of all connections they come back at their pace, not at once. */
static void test_connects_per_second(void **state)
{
    enum { BURST = 3, RATE = 2, STORM_SECONDS = 10 };
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = "--pool.maxPoolSize=50 --pool.connectsPerSecond=2 --pool.connectBurst=3 "
                 "--pool.waitQueueTimeoutMS=120000"});
    struct workers all = {.w = w, .delay_most = 3000};
    (void)state;
    for (int i = 0; i < 100; i++) {
        worker_start(&all, 2);
    }
    for (int second = 1; second <= STORM_SECONDS; second++) {
        sim_world_run(w, 1000);
        assert_true(w->proxy->metrics.dials <= 3 * (BURST + (size_t)(RATE * second)));
        assert_true(w->cluster->nodes[0].accepted <= 2 + BURST + (size_t)(RATE * second));
    }
    assert_true(w->cluster->nodes[0].accepted >= RATE * STORM_SECONDS);
    sim_world_until(w, MINUTES(4), workers_are_done, &all);
    assert_int_equal(all.errors, 0);
    sim_world_end(w);
}

/* --- back-off --- */

enum { DIALS_MOST = 400 };

struct dial_times {
    struct sim_world *w;
    msec at[DIALS_MOST];
    size_t count;
    uint64_t failed;
};

static void note_failed_dials(void *owner)
{
    struct dial_times *d = owner;
    while (d->w->proxy != NULL && d->failed < d->w->proxy->metrics.dials_failed) {
        d->failed++;
        assert_true(d->count < DIALS_MOST);
        d->at[d->count++] = net_now(d->w->net);
    }
}

/* The node answers its monitor on the connection that stands, and refuses new ones. */
static size_t dials_in_back_off(uint64_t seed, msec first_gaps[4])
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .seed = seed,
        .flags = "--pool.minPoolSize=0 --reconnect.initialMS=100 --reconnect.factor=2 "
                 "--reconnect.maxMS=4000 --pool.waitQueueTimeoutMS=300000"});
    struct dial_times dials = {.w = w};
    sim_world_run(w, 100);
    sim_add_invariant(w->sim, note_failed_dials, &dials);
    listener_close(w->cluster->nodes[0].listener);
    w->cluster->nodes[0].listener = NULL;
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'insert': 'things', 'documents': [{}]}");
    sim_world_run(w, MINUTES(2));
    for (size_t i = 1; i < dials.count; i++) {
        msec most = i > 6 ? 4000 : 100 << i;
        assert_true(dials.at[i] - dials.at[i - 1] <= most + 1);
        if (i <= 4) {
            first_gaps[i - 1] = dials.at[i] - dials.at[i - 1];
        }
    }
    sim_node_revive(&w->cluster->nodes[0]);
    sim_world_answer(w, c, 5000); /* it waited all the time */
    assert_int_equal(sim_client_code(c), 0);
    sim_world_end(w);
    return dials.count;
}

/* Full jitter: any pause from nothing to the limit, another each time. */
static void test_back_off(void **state)
{
    msec gaps[3][4] = {{0}};
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        size_t count = dials_in_back_off(seed, gaps[seed - 1]);
        assert_in_range(count, 40, 100); /* in 120 s: 2 s on the average, hence about 60 */
    }
    assert_memory_not_equal(gaps[0], gaps[1], sizeof gaps[0]);
    assert_memory_not_equal(gaps[1], gaps[2], sizeof gaps[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_many_clients_within_the_cap), SIM_TEST(test_reconnect_storm),
        SIM_TEST(test_abandoned_replies),           SIM_TEST(test_at_most_max_connecting),
        SIM_TEST(test_connects_per_second),         SIM_TEST(test_back_off),
    };
    return sim_world_main("cap", tests, sizeof tests / sizeof *tests);
}
