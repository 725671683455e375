/* hello, the set and its primary; login and commands; what is full. */
#include <stdio.h>

#include "facts.h"

static void become_secondary(struct facts *f)
{
    facts_each(f, n)
    {
        n->description.type = SERVER_RS_SECONDARY;
    }
}

static void test_no_primary_for_a_moment(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    become_secondary(f);
    assert_first(f, FINDING_TOPO_01, SEVERITY_DEGRADED);
    facts_free(f);
}

static void test_no_primary_for_long(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    become_secondary(f);
    facts_each(f, n)
    {
        n->description.last_write_ms -= 59000;
    }
    assert_first(f, FINDING_TOPO_02, SEVERITY_FATAL);
    facts_free(f);
}

static void test_a_primary_that_cannot_be_reached(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_shut(f->e->nodes[0], STATUS_TIMED_OUT);
    f->e->nodes[1]->description.primary = xstrdup(f->e->nodes[0]->name);
    assert_first(f, FINDING_TCP_04, SEVERITY_FATAL);
    assert_null(diagnosis_find(&f->d, FINDING_TOPO_01));
    free(f->e->nodes[1]->description.primary);
    f->e->nodes[1]->description.primary = xstrdup("elsewhere:27017"); /* which nobody dialled */
    assert_first(f, FINDING_TOPO_02, SEVERITY_FATAL);
    facts_free(f);
}

static void test_a_minority_is_left(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    become_secondary(f);
    facts_shut(f->e->nodes[0], STATUS_REFUSED);
    facts_shut(f->e->nodes[1], STATUS_REFUSED);
    assert_first(f, FINDING_TOPO_02, SEVERITY_FATAL);
    facts_free(f);
}

static void test_one_node_alone_needs_no_primary(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    become_secondary(f);
    f->settings.upstream.direct_connection = true;
    assert_nothing(f);
    facts_free(f);
}

static void test_the_name_of_the_set(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    free(f->e->txt_replica_set);
    f->e->txt_replica_set = xstrdup("another");
    assert_first(f, FINDING_TOPO_03, SEVERITY_FATAL);
    f->settings.upstream.replica_set = xstrdup("mine");
    assert_first(f, FINDING_URI_10, SEVERITY_FATAL);
    free(f->settings.upstream.replica_set);
    f->settings.upstream.replica_set = xstrdup("atlas-x-shard-0");
    assert_nothing(f);
    facts_free(f);
}

static void test_one_node_of_another_set(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    free(f->e->nodes[2]->description.set_name);
    f->e->nodes[2]->description.set_name = xstrdup("another");
    assert_first(f, FINDING_TOPO_03, SEVERITY_DEGRADED);
    facts_free(f);
}

static void test_names_of_its_own(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    struct node_fact *n = examination_node(f->e, "mongo-0.internal:27017", NODE_OF_HELLO);
    step_end(&n->lookup, STATUS_NAME_NOT_FOUND, 9, NULL);
    assert_first(f, FINDING_TOPO_04, SEVERITY_FATAL);
    step_end(&n->lookup, STATUS_OK, 9, NULL);
    facts_node(n, false);
    assert_nothing(f);
    facts_free(f);
}

static void test_versions(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_each(f, n)
    {
        n->description.max_wire = 5;
    }
    assert_int_equal(judged(f), FINDING_TOPO_09);
    facts_free(f);
}

static void test_load_balancers(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    f->e->txt_load_balanced = true;
    assert_first(f, FINDING_TOPO_07, SEVERITY_FATAL);
    facts_each(f, n)
    {
        n->description.has_service_id = true;
    }
    assert_nothing(f);
    f->e->txt_load_balanced = false;
    assert_first(f, FINDING_TOPO_07, SEVERITY_FATAL);
    facts_free(f);
}

static void test_plain_bytes_to_a_server_with_tls(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    f->settings.upstream.tls = false;
    facts_each(f, n)
    {
        facts_forget(n);
        n->tls = (struct step_fact){0};
        step_end(&n->hello.step, STATUS_PEER_CLOSED, 5, NULL);
    }
    assert_first(f, FINDING_URI_11, SEVERITY_FATAL);
    facts_free(f);
}

/* --- refusals --- */

static const struct row {
    int32_t code;
    const char *text;
    enum finding_id id;
} logins[] = {
    {18, "Authentication failed.", FINDING_AUTH_01},
    {8000, "bad auth : Authentication failed.", FINDING_AUTH_01},
    {11, "Could not find user", FINDING_AUTH_01},
    {334, "Unsupported mechanism", FINDING_AUTH_03},
    {2, "Received authentication for mechanism SCRAM-SHA-256 which is unknown", FINDING_AUTH_03},
    {214, "Authentication restriction unmet", FINDING_AUTH_06},
    {8000, "bad auth : aws sts call has response 403", FINDING_AUTH_05},
    {462, "Rate limiter rate exceeded", FINDING_LIM_05},
};

static void test_logins(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof logins / sizeof *logins; i++) {
        struct facts *f = facts_new();
        facts_each(f, n)
        {
            facts_reply(&n->login, logins[i].code, logins[i].text);
            n->ping = n->who = (struct reply_fact){0};
        }
        assert_int_equal(judged(f), logins[i].id);
        facts_free(f);
    }
}

static void test_the_wrong_database(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    free(f->e->auth_source);
    f->e->auth_source = xstrdup("shop");
    assert_nothing(f);
    facts_each(f, n)
    {
        facts_reply(&n->login, 18, "Authentication failed.");
        n->ping = n->who = (struct reply_fact){0};
    }
    assert_first(f, FINDING_URI_09, SEVERITY_FATAL);
    f->settings.upstream.auth_source = xstrdup("shop");
    assert_first(f, FINDING_AUTH_02, SEVERITY_FATAL);
    facts_free(f);
}

static void test_own_certificates(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    f->settings.upstream.auth_mechanism = AUTH_X509;
    facts_each(f, n)
    {
        facts_reply(&n->login, 18, "bad auth");
        n->ping = n->who = (struct reply_fact){0};
    }
    assert_first(f, FINDING_AUTH_04, SEVERITY_FATAL);
    facts_free(f);
}

static const struct row commands[] = {
    {13, "not authorized on admin to execute command", FINDING_AUTH_08},
    {8000, "command X is not allowed in this Atlas tier", FINDING_AUTH_08},
    {8000, "you are over your space quota, using 512 MB of 512 MB", FINDING_LIM_07},
    {8000, "no SNI name sent, make sure using a MongoDB 3.4+ driver/shell.", FINDING_TLS_06},
    {473, "Interrupted due to overload", FINDING_LIM_05},
    {91, "shutdown in progress", FINDING_TOPO_01},
};

static void test_commands(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct facts *f = facts_new();
        facts_each(f, n)
        {
            facts_reply(&n->ping, commands[i].code, commands[i].text);
        }
        assert_int_equal(judged(f), commands[i].id);
        facts_free(f);
    }
}

/* --- limits --- */

static void test_a_full_node(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    struct node_fact *n = f->e->nodes[0];
    n->has_load = true;
    n->connections = 1420;
    n->connections_left = 80;
    assert_nothing(f);
    n->connections_left = 20;
    assert_first(f, FINDING_LIM_01, SEVERITY_DEGRADED);
    n->connections = 3; /* a server that does not know */
    n->connections_left = 0;
    assert_nothing(f);
    facts_free(f);
}

static void test_descriptors(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    f->e->machine.open_files_most = 3 * 22 + 64;
    assert_nothing(f);
    f->e->machine.open_files_most--;
    assert_first(f, FINDING_LIM_08, SEVERITY_DEGRADED);
    facts_free(f);
}

static void test_the_clock(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    f->e->machine.wall_clock += FACT_DAY - 60;
    assert_nothing(f);
    f->e->machine.wall_clock += 120;
    assert_first(f, FINDING_TLS_03, SEVERITY_DEGRADED);
    facts_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_primary_for_a_moment),
        cmocka_unit_test(test_no_primary_for_long),
        cmocka_unit_test(test_a_primary_that_cannot_be_reached),
        cmocka_unit_test(test_a_minority_is_left),
        cmocka_unit_test(test_one_node_alone_needs_no_primary),
        cmocka_unit_test(test_the_name_of_the_set),
        cmocka_unit_test(test_one_node_of_another_set),
        cmocka_unit_test(test_names_of_its_own),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_load_balancers),
        cmocka_unit_test(test_plain_bytes_to_a_server_with_tls),
        cmocka_unit_test(test_logins),
        cmocka_unit_test(test_the_wrong_database),
        cmocka_unit_test(test_own_certificates),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_a_full_node),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
