/* How servers are watched: streaming and polling, with how many conns, and how soon a change is
 * seen. */
#include <string.h>

#include "core/topology/topology.h"
#include "proxy/cluster_parts.h"
#include "workers.h"

#define WRITE "{'insert': 'things', 'documents': [{}]}"

static const struct server *seen(struct sim_world *w, int index)
{
    const struct node *node = sim_world_node(w, index);
    const struct server *server =
        node == NULL ? NULL : topology_server(w->proxy->cluster->topology, node->id);
    if (server == NULL) {
        sim_world_fail(w, "node %d is not known", index);
    }
    return server;
}

static bool is_known(struct sim_world *w, int index)
{
    return seen(w, index)->description.type != SERVER_UNKNOWN;
}

/* Conns to the node that are not the pool's. */
static size_t monitor_conns(struct sim_world *w, int index)
{
    return sim_count_dialled(w->sim, &w->cluster->nodes[index].at) -
           sim_world_pool(w, index)->total;
}

static size_t hellos_in(struct sim_world *w, int index, msec time)
{
    size_t before = w->cluster->nodes[index].hellos;
    sim_world_run(w, time);
    return w->cluster->nodes[index].hellos - before;
}

/* --- streaming --- */

/* Nobody asks for anything, and the change is known at once all the same. */
static void test_an_election_is_seen_at_once(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 5});
    (void)state;
    sim_world_works(w, 1000);
    sim_world_run(w, 33333);
    sim_cluster_step_down(w->cluster, 2, 3000);
    sim_world_run(w, 20);
    assert_int_equal(seen(w, 0)->description.type, SERVER_RS_SECONDARY);
    assert_int_equal(topology_primary(w->proxy->cluster->topology), 0);
    sim_world_run(w, 3000);
    assert_int_equal(topology_primary(w->proxy->cluster->topology), seen(w, 2)->id);
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, WRITE);
    sim_world_answer(w, c, 1000);
    assert_int_equal(sim_client_code(c), 0);
    assert_true(c->took < 50);
    sim_world_end(w);
}

/* Two conns to each node beside the pool's; one hello a heartbeat on each. */
static void test_what_streaming_costs(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 5});
    (void)state;
    sim_world_run(w, 25000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(monitor_conns(w, i), 2);
    }
    size_t held = w->cluster->nodes[1].held_hellos;
    size_t accepted = w->cluster->nodes[1].accepted;
    assert_in_range(hellos_in(w, 1, MINUTES(2)), 22, 26);
    assert_in_range(w->cluster->nodes[1].held_hellos - held, 11, 13);
    assert_true(w->cluster->nodes[1].accepted <= accepted + 1); /* a pooled one grew old */
    assert_int_equal(w->proxy->metrics.heartbeats_failed, 0);
    sim_world_end(w);
}

/* A held reply says nothing of the round-trip time, the probe's does. */
static void test_round_trips_are_the_probes(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 20});
    (void)state;
    sim_world_run(w, MINUTES(1));
    assert_in_range(seen(w, 0)->rtt.samples, 6, 8);
    assert_in_range(seen(w, 0)->rtt.average_ms, 40, 41);
    w->cluster->nodes[0].delay = 60;
    sim_world_run(w, MINUTES(1));
    assert_in_range(seen(w, 0)->rtt.average_ms, 70, 100);
    sim_world_end(w);
}

/* The probe never gets a connection: nothing is believed of the server for that. */
static void test_a_probe_that_fails_says_nothing(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = "--pool.minPoolSize=0"});
    (void)state;
    sim_set_fault_at(w->sim, FAULT_DIAL_REFUSED, &w->cluster->nodes[0].at, 1, UINT32_MAX);
    sim_world_run(w, MINUTES(2));
    assert_true(sim_fault_fired(w->sim, FAULT_DIAL_REFUSED) > 5);
    assert_int_equal(monitor_conns(w, 0), 1);
    assert_true(is_known(w, 0));
    assert_int_equal(w->proxy->metrics.heartbeats_failed, 0);
    assert_int_equal(w->proxy->metrics.primary_changes, 1);
    sim_cluster_step_down(w->cluster, 1, 100);
    sim_world_run(w, 110);
    assert_int_equal(topology_primary(w->proxy->cluster->topology), seen(w, 1)->id);
    sim_world_end(w);
}

/* A server that does not hold its replies, or has another state each time, is not asked in a loop.
 */
static void test_no_busy_loop(void **state)
{
    (void)state;
    for (int is_restless = 0; is_restless <= 1; is_restless++) {
        struct sim_world *w = sim_world_new((struct sim_plan){.latency = 1});
        w->cluster->nodes[0].never_holds = true;
        w->cluster->nodes[0].is_restless = is_restless;
        sim_world_run(w, 10000);
        assert_in_range(hellos_in(w, 0, MINUTES(1)), 120, 130);
        sim_world_works(w, 1000);
        sim_world_end(w);
    }
}

/* --- polling --- */

static void test_polling(void **state)
{
    static const char *const flags[] = {"--upstream.serverMonitoringMode=poll", NULL};
    (void)state;
    for (int is_old = 0; is_old <= 1; is_old++) {
        struct sim_world *w =
            sim_world_new((struct sim_plan){.flags = flags[is_old], .latency = 5});
        for (int i = 0; i < 3; i++) {
            w->cluster->nodes[i].is_old = is_old;
        }
        sim_world_run(w, 25000);
        assert_int_equal(monitor_conns(w, 0), 1);
        assert_in_range(hellos_in(w, 0, MINUTES(1)), 5, 7);
        assert_int_equal(w->cluster->nodes[0].held_hellos, 0);
        assert_true(seen(w, 0)->rtt.samples >= 8);
        sim_cluster_step_down(w->cluster, 1, 100);
        sim_world_run(w, 11000);
        sim_world_works(w, 1000);
        sim_world_end(w);
    }
}

/* Restarted as an older version, or the other way round. */
static void test_streaming_ends_and_begins_with_the_version(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_world_run(w, 1000);
    for (int i = 0; i < 4; i++) {
        bool is_old = i % 2 == 0;
        sim_node_die(&w->cluster->nodes[2]);
        w->cluster->nodes[2].is_old = is_old;
        sim_node_revive(&w->cluster->nodes[2]);
        sim_world_run(w, 12000);
        assert_true(is_known(w, 2));
        assert_int_equal(monitor_conns(w, 2), is_old ? 1 : 2);
    }
    sim_world_end(w);
}

/* --- in a hurry --- */

/* Who waits for a primary: servers that are known are asked beside the hello that they hold, twice
 * a second and not more. */
static void test_the_pace_while_operations_wait(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 1});
    (void)state;
    sim_world_works(w, 1000);
    sim_world_run(w, 12345);
    sim_cluster_step_down(w->cluster, 1, 8000);
    sim_world_run(w, 10);
    for (int i = 0; i < 20; i++) {
        sim_client_ask(sim_client_open(w), WRITE);
    }
    for (int i = 0; i < 3; i++) {
        assert_in_range(hellos_in(w, i, 2000), 3, 6);
    }
    sim_world_run(w, 3000);
    sim_world_works(w, 1000);
    sim_world_end(w);
}

/* The server says by an error that its state has changed, and does not answer the hello that it
 * holds: the probe asks, or a new connection. */
static void test_an_error_is_followed_up(void **state)
{
    (void)state;
    for (int has_probe = 0; has_probe <= 1; has_probe++) {
        struct sim_world *w =
            sim_world_new((struct sim_plan){.flags = "--pool.minPoolSize=0", .latency = 1});
        struct sim_node *n = &w->cluster->nodes[0];
        sim_set_fault_at(w->sim, FAULT_DIAL_REFUSED, &n->at, 1, has_probe ? 0 : 1);
        sim_world_works(w, 1000);
        sim_world_run(w, 3000);
        sim_set_fault_at(w->sim, FAULT_DIAL_REFUSED, &n->at, 0, has_probe ? 0 : 1);
        n->state_changes++; /* nobody is told */
        n->failing = (struct sim_failing){.command = "insert", .code = 10107, .times = 1};
        struct sim_client *c = sim_client_open(w);
        sim_client_ask(c, WRITE);
        sim_world_answer(w, c, 1000);
        sim_world_run(w, 50);
        assert_true(is_known(w, 0));
        sim_world_works(w, 50);
        assert_int_equal(w->proxy->metrics.heartbeats_failed, 0);
        sim_world_end(w);
    }
}

/* The same without room for a probe: a new connection asks. */
static void test_an_error_is_followed_up_without_a_probe(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = "--pool.maxTotalConnections=4 --pool.minPoolSize=0", .latency = 1});
    struct sim_node *n = &w->cluster->nodes[0];
    (void)state;
    sim_world_works(w, 1000);
    sim_world_run(w, 3000);
    n->state_changes++; /* nobody is told */
    n->failing = (struct sim_failing){.command = "insert", .code = 10107, .times = 1};
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, WRITE);
    sim_world_answer(w, c, 1000);
    sim_world_run(w, 50);
    assert_true(is_known(w, 0));
    sim_world_end(w);
}

/* A held hello is answered with 303 and the connection closed: asked anew, and nothing is lost. */
static void test_a_change_of_horizon_is_no_failure(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 1});
    (void)state;
    sim_world_works(w, 1000);
    sim_world_run(w, 5000);
    uint64_t closed = w->proxy->metrics.backends_closed;
    size_t accepted = w->cluster->nodes[0].accepted;
    sim_node_change_horizon(&w->cluster->nodes[0]);
    sim_world_run(w, 600);
    assert_true(is_known(w, 0));
    assert_int_equal(monitor_conns(w, 0), 2);
    assert_int_equal(w->cluster->nodes[0].accepted, accepted + 2);
    assert_int_equal(w->proxy->metrics.heartbeats_failed, 0);
    assert_int_equal(w->proxy->metrics.backends_closed, closed);
    assert_int_equal(w->proxy->metrics.primary_changes, 1);
    sim_world_works(w, 50);
    sim_world_end(w);
}

/* Every hello is answered, and its connection closed: dialled at most twice a second. */
static void test_conns_that_break_at_once_are_no_busy_loop(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--pool.minPoolSize=0", .latency = 1});
    struct sim_node *n = &w->cluster->nodes[1];
    (void)state;
    sim_world_run(w, 1000);
    size_t accepted = n->accepted;
    for (int i = 0; i < 1000; i++) {
        sim_node_reset(n);
        sim_world_run(w, 10);
    }
    assert_in_range(n->accepted - accepted, 2, 2 * 22);
    sim_world_run(w, 11000);
    assert_true(is_known(w, 1));
    sim_world_end(w);
}

/* --- the limit of all connections --- */

static void check_total(void *owner)
{
    struct sim_world *w = owner;
    size_t total = 0;
    for (size_t i = 0; i < w->cluster->count; i++) {
        total += sim_count_dialled(w->sim, &w->cluster->nodes[i].at);
    }
    if (total > (size_t)w->settings.pool.max_total_connections) {
        sim_world_fail(w, "%zu connections in all", total);
    }
}

/* Pools and probes share what the monitors leave. */
static void test_probes_keep_to_the_limit(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct sim_world *w = sim_world_new((struct sim_plan){
            .seed = seed, .flags = "--pool.maxTotalConnections=10", .latency = 1});
        struct workers all = {.w = w, .delay_most = 100};
        sim_add_invariant(w->sim, check_total, w);
        for (int i = 0; i < 20; i++) {
            worker_start(&all, 20);
        }
        sim_world_run(w, 400); /* the pools are full: probes that have gone find no room */
        for (size_t i = 0; i < 3; i++) {
            sim_node_change_horizon(&w->cluster->nodes[i]);
        }
        sim_world_until(w, MINUTES(2), workers_are_done, &all);
        assert_int_equal(all.errors, 0);
        sim_world_end(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_an_election_is_seen_at_once),
        SIM_TEST(test_what_streaming_costs),
        SIM_TEST(test_round_trips_are_the_probes),
        SIM_TEST(test_a_probe_that_fails_says_nothing),
        SIM_TEST(test_no_busy_loop),
        SIM_TEST(test_polling),
        SIM_TEST(test_streaming_ends_and_begins_with_the_version),
        SIM_TEST(test_the_pace_while_operations_wait),
        SIM_TEST(test_an_error_is_followed_up),
        SIM_TEST(test_an_error_is_followed_up_without_a_probe),
        SIM_TEST(test_a_change_of_horizon_is_no_failure),
        SIM_TEST(test_conns_that_break_at_once_are_no_busy_loop),
        SIM_TEST(test_probes_keep_to_the_limit),
    };
    return sim_world_main("monitor", tests, sizeof tests / sizeof *tests);
}
