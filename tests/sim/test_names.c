/* Names and addresses: a server that has moved is found again, and what is known serves while names
 * cannot be had. */
#include <string.h>

#include "proxy/events.h"
#include "proxy/node.h"
#include "support/sim_world.h"

#define ROUTER "node0.example.test"

/* One router, known by its name. */
static struct sim_world *one_router(const char *flags)
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .is_srv = true, .is_sharded = true, .srv_targets = ROUTER, .flags = flags, .latency = 1});
    sim_world_works(w, 1000);
    return w;
}

/* The old address refuses, or swallows everything; the time to live is a minute, and has just
 * begun. */
static void test_a_server_that_has_moved(void **state)
{
    (void)state;
    for (int is_silent = 0; is_silent <= 1; is_silent++) {
        struct sim_world *w = one_router("--upstream.connectTimeoutMS=1000 "
                                         "--upstream.heartbeatFrequencyMS=1000");
        sim_world_run(w, 6000);
        sim_world_move_name(w, 0, 1);
        if (is_silent) {
            sim_set_route(w->sim, &w->cluster->nodes[0].at, SIM_SILENT);
        } else {
            sim_node_die(&w->cluster->nodes[0]);
        }
        sim_world_works(w, is_silent ? 4000 : 1000);
        assert_true(w->cluster->nodes[1].commands > 0);
        sim_set_route(w->sim, &w->cluster->nodes[0].at, SIM_REACHABLE);
        sim_world_end(w);
    }
}

/* A server that is down is not looked up with every dial. */
static void test_lookups_are_bounded_while_it_is_down(void **state)
{
    struct sim_world *w = one_router(NULL);
    (void)state;
    sim_world_run(w, 6000);
    sim_node_die(&w->cluster->nodes[0]);
    size_t before = sim_dns_count(w->sim, NULL);
    for (int i = 0; i < 4; i++) {
        struct sim_client *c = sim_client_open(w);
        sim_client_ask(c, "{'insert': 'things', 'documents': [{}]}"); /* it waits for 15 s */
        sim_world_run(w, 15000);
    }
    assert_in_range(sim_dns_count(w->sim, NULL) - before, 12, 2 * 14); /* A and AAAA, and SRV */
    sim_world_end(w);
}

/* Resolvers that answer nothing, and a time to live that is over: what is known serves. */
static void test_resolvers_that_are_silent(void **state)
{
    (void)state;
    for (int refuses = 0; refuses <= 1; refuses++) {
        struct sim_world *w = one_router("--dns.staleMaxMS=0");
        sim_world_run(w, 70000);
        sim_world_node(w, 0)->places.fresh_until = 0;
        sim_set_fault(w->sim, refuses ? FAULT_DNS_REFUSED : FAULT_DNS_HANGS, 0, UINT32_MAX);
        sim_node_reset(&w->cluster->nodes[0]);
        sim_world_run(w, 1);
        sim_world_works(w, 3000);
        sim_set_fault(w->sim, refuses ? FAULT_DNS_REFUSED : FAULT_DNS_HANGS, 0, 0);
        sim_world_end(w);
    }
}

/* The own resolver fails in each way from the start, and for ten minutes; then it is well again. */
static void test_another_resolver_serves(void **state)
{
    static const unsigned ways[] = {SIM_DNS_CLOSED, SIM_DNS_SILENT, SIM_DNS_SERVFAIL,
                                    SIM_DNS_NXDOMAIN, SIM_DNS_TRUNCATES | SIM_DNS_NO_TCP};
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct sim_world *w = sim_world_new((struct sim_plan){
            .is_srv = true,
            .latency = 1,
            .flags = "--dns.fallback=listed --dns.fallbackResolvers=198.51.100.1"});
        const uint64_t *used = &w->proxy->metrics.events[EVENT_DNS_FALLBACK_USED];
        sim_dns_behave(w->sim, "192.0.2.53", ways[i]);
        sim_world_works(w, 3000);
        assert_true(*used > 0);
        uint64_t before = *used;
        sim_world_run(w, MINUTES(10));
        sim_node_reset(&w->cluster->nodes[0]);
        sim_world_works(w, 3000);
        assert_true(*used > before);
        sim_dns_behave(w->sim, "192.0.2.53", SIM_DNS_WELL);
        sim_world_run(w, MINUTES(2));
        before = *used;
        sim_world_run(w, MINUTES(10));
        assert_int_equal(*used, before);
        sim_world_end(w);
    }
}

/* Who waits for less than a look-up takes is told what is still under way. */
static void assert_waits_for(struct sim_plan plan, const char *what)
{
    struct sim_world *w = sim_world_new(plan);
    sim_dns_behave(w->sim, "192.0.2.53", SIM_DNS_SILENT);
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'insert': 'things', 'documents': [{}]}");
    sim_world_answer(w, c, 5000);
    if (strstr(sim_client_said(c), what) == NULL) {
        sim_world_fail(w, "\"%s\" does not say \"%s\"", sim_client_said(c), what);
    }
    sim_world_end(w);
}

static void test_an_error_before_anybody_has_answered(void **state)
{
    static const char flags[] = "--outage.queueTimeoutMS=2000";
    (void)state;
    assert_waits_for((struct sim_plan){.is_srv = true, .flags = flags, .dns_ways = SIM_DNS_SILENT},
                     "last cause: no resolver has answered yet (DNS-03)");
    assert_waits_for((struct sim_plan){.is_srv = true, .flags = flags}, /* but for the SRV record */
                     "last cause: no server has answered yet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_a_server_that_has_moved),
        SIM_TEST(test_lookups_are_bounded_while_it_is_down),
        SIM_TEST(test_resolvers_that_are_silent),
        SIM_TEST(test_another_resolver_serves),
        SIM_TEST(test_an_error_before_anybody_has_answered),
    };
    return sim_world_main("names", tests, sizeof tests / sizeof *tests);
}
