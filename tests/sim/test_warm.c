/* Connections come back by themselves, at a bounded pace: after a mass disconnect, after restarts
 * and elections, and not for ever to a server that does not keep them. */
#include "workers.h"

enum { NODES = 3, WARM = 4, BURST = 2, RATE = 2, DIALS_MOST = 1000 };

#define PACED \
    "--pool.minPoolSize=4 --pool.connectBurst=2 --pool.connectsPerSecond=2 --pool.maxConnecting=1"

/* When the pools dialled, from one moment on. */
struct dials {
    struct sim_world *w;
    uint64_t seen;
    msec at[DIALS_MOST];
    size_t count;
};

static void note_dials(void *owner)
{
    struct dials *d = owner;
    while (d->w->proxy != NULL && d->seen < d->w->proxy->metrics.dials) {
        d->seen++;
        assert_true(d->count < DIALS_MOST);
        d->at[d->count++] = net_now(d->w->net);
    }
}

static void watch_dials(struct dials *d, struct sim_world *w)
{
    *d = (struct dials){.w = w, .seen = w->proxy->metrics.dials};
    sim_add_invariant(w->sim, note_dials, d);
}

/* In no stretch of time more than all nodes together may dial. */
static void assert_paced(const struct dials *d)
{
    for (size_t first = 0; first < d->count; first++) {
        for (size_t last = first; last < d->count; last++) {
            msec length = d->at[last] - d->at[first];
            assert_true(last - first + 1 <= NODES * (BURST + 1 + (size_t)(RATE * length / 1000)));
        }
    }
}

static bool is_warm(void *owner)
{
    struct sim_world *w = owner;
    for (int i = 0; i < NODES; i++) {
        if (sim_world_pool(w, i)->idle < WARM) {
            return false;
        }
    }
    return true;
}

static void test_mass_disconnect(void **state)
{
    struct dials dials;
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct sim_world *w =
            sim_world_new((struct sim_plan){.seed = seed, .flags = PACED, .latency = 2});
        sim_world_until(w, 10000, is_warm, w);
        sim_world_run(w, 60000);
        watch_dials(&dials, w);
        for (int i = 0; i < NODES; i++) {
            sim_node_reset(&w->cluster->nodes[i]);
        }
        sim_world_run(w, 10);
        assert_false(is_warm(w));
        sim_world_until(w, 20000, is_warm, w);
        assert_in_range(dials.count, NODES * WARM, NODES * (WARM + 2));
        assert_paced(&dials);
        sim_world_end(w);
    }
}

static void test_restarts_and_elections(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = PACED, .latency = 2});
    (void)state;
    sim_world_until(w, 10000, is_warm, w);
    sim_cluster_step_down(w->cluster, 1, 2000);
    sim_world_run(w, 15000);
    assert_true(is_warm(w)); /* nothing was closed */
    for (int i = 0; i < NODES; i++) {
        struct sim_node *n = &w->cluster->nodes[i];
        bool was_primary = n->is_primary;
        sim_node_die(n);
        if (was_primary) {
            sim_cluster_step_down(w->cluster, (i + 1) % NODES, 2000);
        }
        sim_world_run(w, 20000);
        assert_int_equal(sim_world_pool(w, i)->total, 0);
        sim_node_revive(n);
        sim_world_until(w, 20000, is_warm, w);
    }
    sim_world_works(w, 1000);
    sim_world_end(w);
}

/* Every login succeeds, and the server closes right after it: pauses grow all the same. */
static void test_a_server_that_does_not_keep_connections(void **state)
{
    struct dials dials;
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = "--pool.minPoolSize=1 --reconnect.initialMS=100 --reconnect.maxMS=8000",
        .user = "ada",
        .password = "secret"});
    (void)state;
    for (int i = 0; i < NODES; i++) {
        w->cluster->nodes[i].ends_logins = true;
    }
    watch_dials(&dials, w);
    sim_world_run(w, MINUTES(5));
    assert_in_range(dials.count, NODES * 40, NODES * 120); /* 4 s on the average */
    for (int i = 0; i < NODES; i++) {
        w->cluster->nodes[i].ends_logins = false;
    }
    sim_world_works(w, 10000);
    sim_world_end(w);
}

/* The derivation takes longer than a connection may: the next one finds its keys. */
static void test_keys_are_kept_for_the_next_login(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .nodes = 1, .flags = "--upstream.connectTimeoutMS=2000", .user = "ada", .password = "x"});
    (void)state;
    sim_set_fault(w->sim, FAULT_WORK_SLOW, 0, UINT32_MAX);
    sim_world_run(w, 25000);
    assert_int_equal(w->cluster->nodes[0].logins, 0);
    sim_world_works(w, 25000);
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_mass_disconnect),
        SIM_TEST(test_restarts_and_elections),
        SIM_TEST(test_a_server_that_does_not_keep_connections),
        SIM_TEST(test_keys_are_kept_for_the_next_login),
    };
    return sim_world_main("warm", tests, sizeof tests / sizeof *tests);
}
