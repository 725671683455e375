/* A day without DNS: nodes restart, and come back at the other of the two addresses that their
 * names had when they could be looked up last; the process restarts too; the service goes on.
 *
 * A node that moves to an address that nobody has heard of is not found without DNS, by us as
 * little as by anybody: that is not tried here. */
#include "kept.h"
#include "core/topology/topology.h"
#include "proxy/cluster_parts.h"

enum { HOURS = 24, NODES = 3 };

/* Each node is at the first of its addresses. */
static const char *const addresses[NODES][2] = {
    {"10.1.0.1:27017", "10.2.0.1:27017"},
    {"10.1.0.2:27017", "10.2.0.2:27017"},
    {"10.1.0.3:27017", "10.2.0.3:27017"},
};

static void stand_at(struct sim_world *w, int index, int place)
{
    struct sim_node *n = &w->cluster->nodes[index];
    sim_node_die(n);
    require(address_parse(addresses[index][place], 0, &n->at));
    sim_set_latency(w->sim, &n->at, 1);
}

/* The names can be looked up, and all is known. */
static struct sim_world *begin(void)
{
    kept_remove();
    struct sim_world *w = sim_world_new((struct sim_plan){
        .is_srv = true, .is_named = true, .flags = kept_flags(""), .dns_ways = SIM_DNS_SILENT});
    for (int i = 0; i < NODES; i++) {
        char both[64];
        snprintf(both, sizeof both, "%s %s", addresses[i][0], addresses[i][1]);
        sim_world_put_addresses(w, i, both, 60);
        stand_at(w, i, 0);
        sim_node_revive(&w->cluster->nodes[i]);
    }
    sim_dns_behave(w->sim, NULL, SIM_DNS_WELL);
    sim_cluster_step_down(w->cluster, 0, 1000);
    sim_world_works(w, 20000);
    sim_world_run(w, MINUTES(3));
    return w;
}

/* Down for half a minute; an election where it was the primary. */
static void restart_node(struct sim_world *w, int index, int place)
{
    if (w->cluster->primary == index) {
        sim_cluster_step_down(w->cluster, (index + 1) % NODES, 2000);
        sim_world_run(w, 3000);
    }
    stand_at(w, index, place);
    sim_world_works(w, 15000);
    sim_world_run(w, 30000);
    sim_node_revive(&w->cluster->nodes[index]);
    sim_world_run(w, 15000);
    sim_world_works(w, 1000);
}

static bool is_fresh(void *owner)
{
    struct sim_world *w = owner;
    bool are_fresh = w->proxy->cluster->refreshes_failed == 0;
    for (int i = 0; i < NODES; i++) {
        are_fresh &= sim_world_node(w, i)->refreshes_failed == 0;
    }
    return are_fresh && !w->proxy->cluster->are_seeds_old;
}

/* The failures' longest pause, and the time that a question under way takes to fail. */
enum { RETRY_MS = 60000 + 5000 };

static void test_a_day_without_dns(void **state)
{
    static const unsigned ways[] = {SIM_DNS_SILENT, SIM_DNS_CLOSED, SIM_DNS_SERVFAIL,
                                    SIM_DNS_NXDOMAIN};
    struct sim_world *w = begin();
    (void)state;
    for (int hour = 0; hour < HOURS; hour++) {
        sim_dns_behave(w->sim, NULL, ways[hour / 6]);
        sim_world_run(w, MINUTES(20));
        restart_node(w, hour % NODES, hour / NODES % 2 == 0 ? 1 : 0);
        if (hour % 8 == 3) {
            kept_restart(w);
            sim_world_works(w, 6000);
        }
        sim_world_run(w, MINUTES(37));
        sim_world_works(w, 100);
        assert_int_equal(topology_count(w->proxy->cluster->topology), NODES);
    }
    assert_false(is_fresh(w));
    size_t asked = sim_dns_count(w->sim, NULL);
    sim_world_run(w, MINUTES(60));
    /* The record and three hosts, two questions each, once a minute at most. */
    assert_in_range(sim_dns_count(w->sim, NULL) - asked, 60, 80 * (2 + 3 * 2));
    sim_dns_behave(w->sim, NULL, SIM_DNS_WELL);
    sim_world_until(w, RETRY_MS, is_fresh, w);
    sim_world_works(w, 100);
    sim_world_end(w);
    kept_remove();
}

/* Each kind of failure alone, ending at any time: never longer than one interval. */
static void test_back_within_one_interval(void **state)
{
    static const unsigned ways[] = {SIM_DNS_SILENT, SIM_DNS_CLOSED, SIM_DNS_SERVFAIL,
                                    SIM_DNS_NXDOMAIN};
    struct sim_world *w = begin();
    (void)state;
    for (size_t i = 0; i < 12; i++) {
        sim_dns_behave(w->sim, NULL, ways[i % 4]);
        sim_world_run(w, MINUTES(3) + (msec)sim_pick(w->sim, 120000));
        assert_false(is_fresh(w));
        sim_dns_behave(w->sim, NULL, SIM_DNS_WELL);
        sim_world_until(w, RETRY_MS, is_fresh, w);
    }
    sim_world_end(w);
    kept_remove();
}

/* --- addresses --- */

static size_t conns_at(struct sim_world *w, const char *text)
{
    struct address at;
    require(address_parse(text, 0, &at));
    return sim_count_dialled(w->sim, &at);
}

/* Node 0 has both addresses, and its name means the second one alone from now on: who is busy
 * stays, what is idle goes, and the monitors too. */
static void test_an_address_that_is_gone(void **state)
{
    struct sim_world *w = begin();
    struct sim_client *busy = sim_client_open(w);
    (void)state;
    sim_client_ask(busy, "{'insert': 'things', 'documents': [{}], 'delay': 900000}");
    sim_world_works(w, 1000);
    struct listener *old = w->cluster->nodes[0].listener;
    struct address at;
    require(address_parse(addresses[0][1], 0, &at));
    w->cluster->nodes[0].at = at;
    w->cluster->nodes[0].listener = NULL;
    sim_node_revive(&w->cluster->nodes[0]); /* at both of them */
    sim_set_latency(w->sim, &at, 1);
    sim_world_put_addresses(w, 0, addresses[0][1], 60);
    sim_world_run(w, MINUTES(3));
    assert_in_range(conns_at(w, addresses[0][0]), 3, 6); /* not yet: the monitors, too */
    sim_world_run(w, MINUTES(5));
    assert_int_equal(conns_at(w, addresses[0][0]), 1); /* the busy one */
    assert_in_range(conns_at(w, addresses[0][1]), 2, 4);
    sim_world_works(w, 100);
    assert_int_equal(sim_client_code(busy), -1);
    sim_world_answer(w, busy, 900000);
    assert_int_equal(sim_client_code(busy), 0);
    sim_world_run(w, 1000);
    assert_int_equal(conns_at(w, addresses[0][0]), 0);
    listener_close(old);
    sim_world_end(w);
    kept_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_a_day_without_dns),
        SIM_TEST(test_back_within_one_interval),
        SIM_TEST(test_an_address_that_is_gone),
    };
    return sim_world_main("without dns", tests, sizeof tests / sizeof *tests);
}
