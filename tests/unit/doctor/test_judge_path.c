/* TCP, the access list and the network at large: the decision table, row by row. */
#include <stdio.h>

#include "facts.h"

static void test_a_healthy_cluster_has_no_finding(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    assert_nothing(f);
    facts_side(f, SIDE_CONTROL, STATUS_TIMED_OUT); /* evidence, never a finding by itself */
    assert_nothing(f);
    facts_free(f);
}

static const struct row {
    enum status dial;
    enum status control; /* OK, TIMED_OUT; CLOSED_BY_US: not known */
    enum status port;
    enum finding_id id;
    enum finding_confidence confidence;
} rows[] = {
    {STATUS_TIMED_OUT, STATUS_OK, STATUS_OK, FINDING_ACL_01, CONFIDENCE_LIKELY},
    {STATUS_TIMED_OUT, STATUS_OK, STATUS_TIMED_OUT, FINDING_TCP_01, CONFIDENCE_CERTAIN},
    {STATUS_TIMED_OUT, STATUS_OK, STATUS_CLOSED_BY_US, FINDING_ACL_01, CONFIDENCE_LIKELY},
    {STATUS_TIMED_OUT, STATUS_TIMED_OUT, STATUS_TIMED_OUT, FINDING_TCP_03, CONFIDENCE_LIKELY},
    {STATUS_REFUSED, STATUS_OK, STATUS_CLOSED_BY_US, FINDING_TCP_02, CONFIDENCE_LIKELY},
    {STATUS_UNREACHABLE, STATUS_OK, STATUS_CLOSED_BY_US, FINDING_TCP_03, CONFIDENCE_CERTAIN},
    {STATUS_PERMISSION_DENIED, STATUS_OK, STATUS_OK, FINDING_TCP_03, CONFIDENCE_CERTAIN},
    {STATUS_OUT_OF_DESCRIPTORS, STATUS_OK, STATUS_OK, FINDING_LIM_08, CONFIDENCE_CERTAIN},
    {STATUS_ADDRESS_UNAVAILABLE, STATUS_OK, STATUS_OK, FINDING_LIM_09, CONFIDENCE_LIKELY},
};

static void test_no_node_opens(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct facts *f = facts_new();
        facts_each(f, n)
        {
            facts_shut(n, rows[i].dial);
        }
        facts_side(f, SIDE_CONTROL, rows[i].control);
        facts_side(f, SIDE_PORT, rows[i].port);
        assert_first(f, rows[i].id, SEVERITY_FATAL);
        assert_int_equal(f->d.items[0].confidence, rows[i].confidence);
        facts_free(f);
    }
}

static void test_a_web_proxy_in_the_environment_is_thought_of(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    f->e->machine.proxy_variables = xstrdup("HTTPS_PROXY");
    assert_nothing(f);
    facts_each(f, n)
    {
        facts_shut(n, STATUS_TIMED_OUT);
    }
    facts_side(f, SIDE_CONTROL, STATUS_TIMED_OUT);
    assert_first(f, FINDING_TCP_09, SEVERITY_FATAL);
    facts_free(f);
}

static void test_some_nodes_do_not_open(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_shut(f->e->nodes[2], STATUS_TIMED_OUT);
    assert_first(f, FINDING_TCP_04, SEVERITY_DEGRADED);
    facts_shut(f->e->nodes[2], STATUS_REFUSED);
    assert_first(f, FINDING_TCP_02, SEVERITY_DEGRADED);
    facts_free(f);
}

static void test_a_family_that_is_missing_is_no_finding(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_each(f, n)
    {
        address_parse("2001:db8::7", 27017, &n->dials[1].to);
        step_end(&n->dials[1].step, STATUS_UNREACHABLE, 1, NULL);
        n->dial_count = 2;
    }
    assert_nothing(f);
    facts_free(f);
}

static void set_addresses(struct facts *f, const char *address)
{
    facts_each(f, n)
    {
        facts_shut(n, STATUS_TIMED_OUT);
        address_parse(address, 27017, &n->dials[0].to);
    }
}

static void test_private_addresses(void **state)
{
    (void)state;
    static const char *const addresses[] = {"10.1.2.3", "172.31.0.9", "192.168.4.4", "100.64.1.1"};
    struct facts *f = facts_new();
    for (size_t i = 0; i < 4; i++) {
        set_addresses(f, addresses[i]);
        assert_first(f, FINDING_DNS_15, SEVERITY_FATAL);
    }
    set_addresses(f, "172.32.0.9"); /* just outside */
    assert_first(f, FINDING_ACL_01, SEVERITY_FATAL);
    set_addresses(f, "10.1.2.3");
    facts_each(f, n)
    {
        free(n->host);
        n->host = xstrdup("pl-0-eu-west-1.abcde.mongodb.net");
    }
    assert_first(f, FINDING_TOPO_08, SEVERITY_FATAL);
    facts_free(f);
}

static void test_other_ports_are_named(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_each(f, n)
    {
        facts_shut(n, STATUS_TIMED_OUT);
        n->port = 27016;
    }
    facts_side(f, SIDE_CONTROL, STATUS_OK);
    assert_first(f, FINDING_TCP_05, SEVERITY_FATAL);
    facts_free(f);
}

static void test_a_machine_with_ipv6_alone(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    f->e->machine.has_ipv4_route = false;
    f->e->machine.has_ipv6_route = true;
    facts_each(f, n)
    {
        facts_shut(n, STATUS_UNREACHABLE);
    }
    assert_first(f, FINDING_DNS_16, SEVERITY_FATAL);
    f->e->machine.has_ipv4_route = true;
    assert_first(f, FINDING_TCP_03, SEVERITY_FATAL);
    facts_free(f);
}

static void test_this_machine_as_the_cluster(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_each(f, n)
    {
        facts_shut(n, STATUS_REFUSED);
        free(n->host);
        n->host = xstrdup("localhost");
    }
    assert_first(f, FINDING_LOC_01, SEVERITY_FATAL);
    f->e->machine.container = xstrdup("docker");
    assert_first(f, FINDING_LOC_03, SEVERITY_FATAL);
    facts_free(f);
}

static void test_an_outbound_proxy_that_refuses(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_each(f, n)
    {
        facts_shut(n, STATUS_OK);
        step_end(&n->tunnel, STATUS_PROXY_REFUSED, 5, "the outbound proxy wants a login");
    }
    assert_first(f, FINDING_TCP_03, SEVERITY_FATAL);
    facts_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_healthy_cluster_has_no_finding),
        cmocka_unit_test(test_no_node_opens),
        cmocka_unit_test(test_a_web_proxy_in_the_environment_is_thought_of),
        cmocka_unit_test(test_some_nodes_do_not_open),
        cmocka_unit_test(test_a_family_that_is_missing_is_no_finding),
        cmocka_unit_test(test_private_addresses),
        cmocka_unit_test(test_other_ports_are_named),
        cmocka_unit_test(test_a_machine_with_ipv6_alone),
        cmocka_unit_test(test_this_machine_as_the_cluster),
        cmocka_unit_test(test_an_outbound_proxy_that_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
