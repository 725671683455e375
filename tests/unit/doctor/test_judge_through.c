/* This machine, and from the application's side through a running Mooring. */
#include <stdio.h>

#include "facts.h"

static struct listener_fact *listen_at(struct facts *f, const char *address, bool is_configured,
                                       enum listener_state state)
{
    struct listener_fact *l = &f->e->listeners[f->e->listener_count++];
    assert_true(address_parse(address, 27017, &l->address));
    l->is_configured = is_configured;
    l->state = state;
    if (state == LISTENER_MOORING) {
        facts_reply(&l->ping, 0, NULL);
    }
    return l;
}

static void test_nothing_runs(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    listen_at(f, "127.0.0.1", true, LISTENER_FREE);
    listen_at(f, "::1", true, LISTENER_FREE);
    assert_nothing(f);
    f->e->expects_running = true;
    assert_first(f, FINDING_LOC_01, SEVERITY_FATAL);
    f->e->machine.container = xstrdup("kubernetes");
    assert_first(f, FINDING_LOC_03, SEVERITY_FATAL);
    facts_free(f);
}

static void test_it_runs(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    f->e->expects_running = true;
    listen_at(f, "127.0.0.1", true, LISTENER_MOORING);
    listen_at(f, "::1", true, LISTENER_MOORING);
    assert_nothing(f);
    facts_free(f);
}

static void test_one_family(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    listen_at(f, "127.0.0.1", true, LISTENER_MOORING);
    struct listener_fact *l = listen_at(f, "::1", false, LISTENER_FREE);
    assert_first(f, FINDING_LOC_02, SEVERITY_INFO);
    l->is_configured = true;
    assert_first(f, FINDING_LOC_02, SEVERITY_DEGRADED);
    l->state = LISTENER_UNAVAILABLE; /* the machine has no IPv6, and nobody asked for it */
    f->settings.listen.addresses_are_default = true;
    assert_nothing(f);
    facts_free(f);
}

static void test_the_port_is_taken(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    struct listener_fact *l = listen_at(f, "127.0.0.1", true, LISTENER_TAKEN);
    l->holder = xstrdup("mongod");
    l->holder_pid = 321;
    assert_first(f, FINDING_LOC_05, SEVERITY_DEGRADED);
    char *say = finding_fill(finding_row(FINDING_LOC_05)->say, f->d.items[0].evidence,
                             f->d.items[0].evidence_count);
    assert_non_null(strstr(say, "mongod, process 321"));
    free(say);
    f->e->expects_running = true;
    judged(f);
    assert_int_equal(diagnosis_find(&f->d, FINDING_LOC_05)->severity, SEVERITY_FATAL);
    l->is_configured = false; /* the other family's port is nobody's business */
    f->e->expects_running = false;
    assert_nothing(f);
    facts_free(f);
}

static void test_a_ping_that_fails_by_an_error_with_an_id(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    struct listener_fact *l = listen_at(f, "127.0.0.1", true, LISTENER_MOORING);
    facts_reply(&l->ping, 6, "mooring: DNS-03: the resolver is silent");
    assert_first(f, FINDING_DNS_03, SEVERITY_DEGRADED);
    facts_reply(&l->ping, 6, "mooring: TLS-X: SCRAM-SHA-1, UTF-8 and such are no ids");
    assert_first(f, FINDING_LOC_06, SEVERITY_DEGRADED);
    facts_free(f);
}

static void test_old_connections_alone_work(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_each(f, n)
    {
        facts_insecure(n, STATUS_TLS_FAILED);
        n->tls_facts.alert = 80;
        n->tls_facts.saw_server_hello = false;
    }
    struct listener_fact *l = listen_at(f, "127.0.0.1", true, LISTENER_MOORING);
    assert_first(f, FINDING_ACL_04, SEVERITY_DEGRADED);
    assert_null(diagnosis_find(&f->d, FINDING_ACL_02));
    facts_reply(&l->ping, 6, "mooring: no server");
    assert_first(f, FINDING_ACL_02, SEVERITY_FATAL);
    facts_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_runs),
        cmocka_unit_test(test_it_runs),
        cmocka_unit_test(test_one_family),
        cmocka_unit_test(test_the_port_is_taken),
        cmocka_unit_test(test_a_ping_that_fails_by_an_error_with_an_id),
        cmocka_unit_test(test_old_connections_alone_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
