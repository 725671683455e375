/* The SRV record is looked at again, and the routers that are used follow it. */
#include <string.h>

#include "core/dns/message.h"
#include "core/topology/topology.h"
#include "proxy/cluster_parts.h"
#include "workers.h"

#define WRITE "{'insert': 'things', 'documents': [{}]}"
#define NODE0 "node0.example.test"
#define NODE1 "node1.example.test"
#define NODE2 "node2.example.test"
#define ALL   NODE0 " " NODE1 " " NODE2

static struct sim_world *routers(const char *targets, const char *options)
{
    return sim_world_new((struct sim_plan){.is_srv = true,
                                           .is_sharded = true,
                                           .srv_targets = targets,
                                           .srv_options = options,
                                           .latency = 1});
}

/* Which nodes are part of the topology, as a number of bits. */
static unsigned members(struct sim_world *w)
{
    unsigned bits = 0;
    for (int i = 0; i < 3; i++) {
        const struct node *node = sim_world_node(w, i);
        bits |= node != NULL && !node->is_removed ? 1U << i : 0;
    }
    return bits;
}

static size_t count_bits(unsigned bits)
{
    return (bits & 1) + (bits >> 1 & 1) + (bits >> 2 & 1);
}

/* --- the record changes --- */

static void test_routers_come_and_go(void **state)
{
    struct sim_world *w = routers(NODE0 " " NODE1, NULL);
    (void)state;
    sim_world_works(w, 1000);
    sim_world_run(w, 30000);
    assert_int_equal(members(w), 3);
    sim_world_put_srv(w, NODE1 " " NODE2, 60);
    sim_world_run(w, 29000);
    assert_int_equal(members(w), 3); /* not before a minute has passed */
    sim_world_run(w, 8000);
    assert_int_equal(members(w), 6);
    size_t accepted = w->cluster->nodes[1].accepted;
    sim_world_run(w, 5000);
    assert_int_equal(w->cluster->nodes[0].conns, 0);
    assert_int_equal(w->cluster->nodes[1].accepted, accepted); /* who stays is left in peace */
    for (int i = 0; i < 20; i++) {
        sim_world_works(w, 100);
    }
    assert_true(w->cluster->nodes[2].commands > 0);
    sim_world_end(w);
}

/* Its connection that is busy serves to the end; its cursors are forgotten; who asks again goes
 * elsewhere. */
static void test_a_router_goes_while_it_serves(void **state)
{
    struct sim_world *w = routers(NODE0, NULL);
    (void)state;
    sim_world_works(w, 1000);
    struct sim_client *reader = sim_client_open(w);
    sim_client_ask(reader, "{'find': 'things', 'more': 5}");
    sim_world_answer(w, reader, 1000);
    long long cursor = (long long)sim_int(reader->last, "cursor.id");
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'insert': 'things', 'documents': [{}], 'delay': 90000}");
    sim_world_put_srv(w, NODE1, 60);
    sim_world_run(w, 67000);
    assert_int_equal(members(w), 2);
    assert_int_equal(w->cluster->nodes[0].conns, 1);
    sim_client_ask(reader, "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things'}", cursor);
    sim_world_answer(w, reader, 1000);
    assert_int_equal(sim_client_code(reader), 43);
    sim_client_ask(reader, WRITE);
    sim_world_answer(w, reader, 1000);
    assert_int_equal(sim_int(reader->last, "node"), 1);
    sim_world_answer(w, c, 60000);
    assert_int_equal(sim_client_code(c), 0);
    assert_int_equal(sim_int(c->last, "node"), 0);
    sim_world_run(w, 1000);
    assert_int_equal(w->cluster->nodes[0].conns, 0);
    sim_world_end(w);
}

/* --- when it is looked at --- */

static void test_a_longer_ttl_is_waited_for(void **state)
{
    struct sim_world *w = routers(ALL, NULL);
    (void)state;
    sim_world_put_srv(w, ALL, 300);
    sim_world_run(w, 67000);
    sim_world_put_srv(w, NODE0, 300);
    sim_world_run(w, 290000);
    assert_int_equal(members(w), 7);
    sim_world_run(w, 45000);
    assert_int_equal(members(w), 1);
    sim_world_end(w);
}

/* Routers are looked up once a minute and no oftener, however short the TTL. */
static void test_the_pace(void **state)
{
    struct sim_world *w = routers(ALL, NULL);
    (void)state;
    sim_world_put_srv(w, ALL, 1);
    sim_world_run(w, 1000);
    size_t before = sim_dns_count_type(w->sim, DNS_SRV);
    sim_world_run(w, MINUTES(10));
    assert_in_range(sim_dns_count_type(w->sim, DNS_SRV) - before, 9, 11);
    sim_world_end(w);
}

/* The members of a replica set name each other: the record is looked at, and changes nothing. */
static void test_never_for_a_replica_set(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.is_srv = true, .latency = 1});
    (void)state;
    sim_world_works(w, 2000);
    sim_world_run(w, 1000);
    size_t before = sim_dns_count_type(w->sim, DNS_SRV);
    sim_world_put_srv(w, NODE0, 60);
    sim_world_run(w, MINUTES(30));
    assert_in_range(sim_dns_count_type(w->sim, DNS_SRV) - before, 26, 30);
    assert_int_equal(topology_count(w->proxy->cluster->topology), 3);
    sim_world_end(w);
}

/* --- when it cannot be had --- */

static void test_an_error_keeps_the_routers(void **state)
{
    static const enum fault faults[] = {FAULT_DNS_REFUSED, FAULT_DNS_EMPTY};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sim_world *w = routers(ALL, NULL);
        sim_world_run(w, 30000);
        sim_set_fault(w->sim, faults[i], 0, UINT32_MAX);
        sim_world_run(w, 32000);
        size_t before = sim_dns_count_type(w->sim, DNS_SRV);
        sim_world_run(w, MINUTES(2));
        assert_in_range(sim_dns_count_type(w->sim, DNS_SRV) - before, 11,
                        13); /* heartbeatFrequencyMS */
        assert_int_equal(members(w), 7);
        sim_world_works(w, 100);
        sim_world_put_srv(w, NODE0, 60);
        sim_set_fault(w->sim, faults[i], 0, 0);
        sim_world_run(w, 11000);
        assert_int_equal(members(w), 1);
        before = sim_dns_count_type(w->sim, DNS_SRV);
        sim_world_run(w, 50000);
        assert_int_equal(sim_dns_count_type(w->sim, DNS_SRV), before); /* a minute again */
        sim_world_end(w);
    }
}

/* Later a target outside the domain is passed over; alone, it changes nothing. */
static void test_a_foreign_target_is_passed_over(void **state)
{
    struct sim_world *w = routers(ALL, NULL);
    (void)state;
    sim_world_run(w, 30000);
    sim_world_put_srv(w, NODE1 " node9.elsewhere.test", 60);
    sim_world_run(w, 35000);
    assert_int_equal(members(w), 2);
    assert_int_equal(topology_count(w->proxy->cluster->topology), 1);
    sim_world_put_srv(w, "node9.elsewhere.test", 60);
    sim_world_run(w, MINUTES(3));
    assert_int_equal(members(w), 2);
    sim_world_works(w, 100);
    sim_world_end(w);
}

/* While no router answers, the record is looked at all the same. */
static void test_all_routers_are_replaced(void **state)
{
    struct sim_world *w = routers(NODE0 " " NODE1, NULL);
    (void)state;
    sim_world_works(w, 1000);
    sim_node_die(&w->cluster->nodes[0]);
    sim_node_die(&w->cluster->nodes[1]);
    sim_world_put_srv(w, NODE2, 60);
    sim_world_run(w, 67000);
    assert_int_equal(members(w), 4);
    sim_world_works(w, 1000);
    sim_world_end(w);
}

/* --- options --- */

static void test_srv_max_hosts(void **state)
{
    unsigned chosen = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct sim_world *w = sim_world_new((struct sim_plan){
            .seed = seed, .is_srv = true, .is_sharded = true, .srv_options = "&srvMaxHosts=2"});
        sim_world_run(w, 1000);
        unsigned first = members(w);
        assert_int_equal(count_bits(first), 2);
        chosen |= 1U << first;
        sim_world_run(w, MINUTES(10));
        assert_int_equal(members(w), first); /* the same through every look */
        bool has_0 = (first & 1) != 0;
        sim_world_put_srv(w, has_0 ? NODE1 " " NODE2 : NODE0 " " NODE2, 60);
        sim_world_run(w, 62000);
        assert_int_equal(members(w), has_0 ? 6 : 5); /* one has left, the third came */
        sim_world_put_srv(w, NODE2, 60);
        sim_world_run(w, 62000);
        assert_int_equal(members(w), 4);
        sim_world_put_srv(w, ALL, 60);
        sim_world_run(w, 62000);
        assert_int_equal(count_bits(members(w)), 2);
        assert_true((members(w) & 4) != 0); /* it stays */
        sim_world_end(w);
    }
    assert_int_equal(chosen, 1U << 3 | 1U << 5 | 1U << 6);
}

/* The service's name is part of the question, each time. */
static void test_srv_service_name(void **state)
{
    struct sim_world *w = routers(ALL, "&srvServiceName=other");
    (void)state;
    sim_world_run(w, 10000);
    assert_int_equal(members(w), 0); /* only _mongodb._tcp has a record */
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_routers_come_and_go),
        SIM_TEST(test_a_router_goes_while_it_serves),
        SIM_TEST(test_a_longer_ttl_is_waited_for),
        SIM_TEST(test_the_pace),
        SIM_TEST(test_never_for_a_replica_set),
        SIM_TEST(test_an_error_keeps_the_routers),
        SIM_TEST(test_a_foreign_target_is_passed_over),
        SIM_TEST(test_all_routers_are_replaced),
        SIM_TEST(test_srv_max_hosts),
        SIM_TEST(test_srv_service_name),
    };
    return sim_world_main("srv", tests, sizeof tests / sizeof *tests);
}
