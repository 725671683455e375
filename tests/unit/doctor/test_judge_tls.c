/* What a handshake shows, and what that means. */
#include <stdio.h>

#include "facts.h"

static void flaw(struct facts *f, enum tls_flaw what, const char *issuer)
{
    facts_each(f, n)
    {
        facts_insecure(n, STATUS_TLS_CERTIFICATE);
        n->tls_facts.flaw = what;
        snprintf(n->tls_facts.issuer, sizeof n->tls_facts.issuer, "%s", issuer);
    }
}

static void test_certificates(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    flaw(f, TLS_FLAW_ISSUER, "Let's Encrypt");
    assert_first(f, FINDING_TLS_01, SEVERITY_FATAL);
    flaw(f, TLS_FLAW_SELF_SIGNED, "Google Trust Services LLC");
    assert_first(f, FINDING_TLS_01, SEVERITY_FATAL);
    flaw(f, TLS_FLAW_SELF_SIGNED, "Zscaler Inc.");
    assert_first(f, FINDING_TLS_02, SEVERITY_FATAL);
    assert_int_equal(f->d.items[0].confidence, CONFIDENCE_LIKELY);
    flaw(f, TLS_FLAW_NAME, "Let's Encrypt");
    assert_first(f, FINDING_TLS_05, SEVERITY_FATAL);
    facts_free(f);
}

static void test_dates(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    flaw(f, TLS_FLAW_NOT_YET, "Let's Encrypt");
    facts_each(f, n)
    {
        n->tls_facts.not_before = FACT_CLOCK + 3 * FACT_DAY;
    }
    assert_first(f, FINDING_TLS_03, SEVERITY_FATAL);
    flaw(f, TLS_FLAW_EXPIRED, "Let's Encrypt");
    facts_each(f, n)
    {
        n->tls_facts.not_after = FACT_CLOCK - 400 * FACT_DAY;
    }
    assert_first(f, FINDING_TLS_03, SEVERITY_FATAL); /* Atlas would not let all expire */
    free(f->settings.upstream.srv_host);
    f->settings.upstream.srv_host = xstrdup("db.example.test");
    assert_first(f, FINDING_TLS_04, SEVERITY_FATAL);
    facts_free(f);
}

static void test_one_expired_of_three(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_insecure(f->e->nodes[1], STATUS_TLS_CERTIFICATE);
    f->e->nodes[1]->tls_facts.flaw = TLS_FLAW_EXPIRED;
    assert_first(f, FINDING_TLS_04, SEVERITY_DEGRADED);
    assert_int_equal(f->d.items[0].confidence, CONFIDENCE_CERTAIN);
    facts_free(f);
}

static void test_a_certificate_that_ends_soon(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    f->e->nodes[0]->tls_facts.not_after = FACT_CLOCK + 14 * FACT_DAY + 60;
    assert_nothing(f);
    f->e->nodes[0]->tls_facts.not_after = FACT_CLOCK + 13 * FACT_DAY + 60;
    assert_first(f, FINDING_TLS_04, SEVERITY_DEGRADED);
    facts_free(f);
}

static const struct row {
    int alert;
    bool saw_server_hello;
    enum finding_id id;
} alerts[] = {
    {80, false, FINDING_ACL_02}, {80, true, FINDING_TLS_08},   {70, false, FINDING_TLS_07},
    {40, false, FINDING_TLS_08}, {116, true, FINDING_AUTH_04}, {42, true, FINDING_AUTH_04},
    {48, true, FINDING_AUTH_04}, {112, false, FINDING_TLS_05}, {50, false, FINDING_TLS_08},
};

static void test_alerts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++) {
        struct facts *f = facts_new();
        facts_each(f, n)
        {
            facts_insecure(n, STATUS_TLS_FAILED);
            n->tls_facts.alert = alerts[i].alert;
            n->tls_facts.saw_server_hello = alerts[i].saw_server_hello;
        }
        assert_first(f, alerts[i].id, SEVERITY_FATAL);
        facts_free(f);
    }
}

static void hang_up(struct node_fact *n, enum status status)
{
    facts_insecure(n, status);
    n->tls_facts = (struct tls_facts){.alert = -1, .looks_like_tls = true};
    n->tls_tries = n->tls_breaks = 3;
}

static void test_hanging_up(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    hang_up(f->e->nodes[2], STATUS_PEER_CLOSED);
    assert_first(f, FINDING_TLS_10, SEVERITY_DEGRADED); /* one node: it restarts */
    hang_up(f->e->nodes[0], STATUS_PEER_RESET);
    hang_up(f->e->nodes[1], STATUS_PEER_CLOSED);
    assert_first(f, FINDING_ACL_02, SEVERITY_FATAL);
    facts_free(f);
}

static void test_hanging_up_now_and_then(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    f->e->nodes[0]->tls_tries = 2;
    f->e->nodes[0]->tls_breaks = 1;
    assert_first(f, FINDING_TLS_10, SEVERITY_DEGRADED);
    f->e->nodes[1]->tls_tries = 2; /* others too: they are opened too fast */
    f->e->nodes[1]->tls_breaks = 1;
    assert_first(f, FINDING_LIM_02, SEVERITY_DEGRADED);
    facts_free(f);
}

static void test_alert_80_on_one_node_is_not_the_access_list(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_insecure(f->e->nodes[1], STATUS_TLS_FAILED);
    f->e->nodes[1]->tls_facts.alert = 80;
    f->e->nodes[1]->tls_facts.saw_server_hello = false;
    assert_first(f, FINDING_TLS_10, SEVERITY_DEGRADED);
    facts_free(f);
}

static void test_silence(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_insecure(f->e->nodes[1], STATUS_TIMED_OUT);
    assert_first(f, FINDING_TCP_04, SEVERITY_DEGRADED);
    facts_insecure(f->e->nodes[0], STATUS_TIMED_OUT);
    facts_insecure(f->e->nodes[2], STATUS_TIMED_OUT);
    assert_first(f, FINDING_TCP_08, SEVERITY_FATAL);
    assert_int_equal(f->d.items[0].confidence, CONFIDENCE_POSSIBLE);
    f->e->machine.vpn = xstrdup("tun0");
    judged(f);
    assert_int_equal(f->d.items[0].confidence, CONFIDENCE_LIKELY);
    facts_free(f);
}

static void test_what_is_no_tls(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_each(f, n)
    {
        facts_insecure(n, STATUS_TLS_FAILED);
        n->tls_facts.looks_like_tls = false;
    }
    assert_first(f, FINDING_TLS_11, SEVERITY_FATAL);
    facts_free(f);
}

static void test_an_old_version(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_each(f, n)
    {
        facts_insecure(n, STATUS_TLS_FAILED);
        n->tls_facts.has_old_version = true;
    }
    assert_first(f, FINDING_TLS_07, SEVERITY_FATAL);
    facts_free(f);
}

static void test_no_authorities(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_each(f, n)
    {
        facts_forget(n);
        n->tls = (struct step_fact){0};
    }
    step_end(&f->e->trust, STATUS_BAD_INPUT, 0, "this machine has no CA certificates");
    assert_first(f, FINDING_TLS_01, SEVERITY_FATAL);
    step_end(&f->e->trust, STATUS_FILE_FAILED, 0, "tls.certificateKeyFile: /x cannot be read");
    assert_first(f, FINDING_AUTH_04, SEVERITY_FATAL);
    facts_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_one_expired_of_three),
        cmocka_unit_test(test_a_certificate_that_ends_soon),
        cmocka_unit_test(test_alerts),
        cmocka_unit_test(test_hanging_up),
        cmocka_unit_test(test_hanging_up_now_and_then),
        cmocka_unit_test(test_alert_80_on_one_node_is_not_the_access_list),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_what_is_no_tls),
        cmocka_unit_test(test_an_old_version),
        cmocka_unit_test(test_no_authorities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
