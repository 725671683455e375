/* The connection string's mistakes, and when advice about it is more than that. */
#include <stdio.h>

#include "facts.h"

static void test_mistakes_are_fatal(void **state)
{
    (void)state;
    static const char *const ids[] = {"URI-01", "URI-02", "URI-05", "URI-12"};
    for (size_t i = 0; i < 4; i++) {
        struct facts *f = facts_new();
        enum finding_id id;
        assert_true(finding_find(ids[i], &id));
        facts_complain(f, ids[i], false);
        assert_first(f, id, SEVERITY_FATAL);
        assert_int_equal(f->d.count, 1); /* nothing else was looked at */
        facts_free(f);
    }
}

static void test_advice_about_what_works_is_information(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_complain(f, "URI-03", true);
    facts_complain(f, "URI-14", true);
    facts_complain(f, "URI-13", true);
    judged(f);
    assert_int_equal(f->d.count, 3);
    assert_int_equal(diagnosis_severity(&f->d), SEVERITY_INFO);
    facts_complain(f, "URI-12", true); /* which works until the next election */
    assert_first(f, FINDING_URI_12, SEVERITY_DEGRADED);
    facts_free(f);
}

static void refuse_login(struct facts *f)
{
    facts_each(f, n)
    {
        facts_reply(&n->login, 18, "Authentication failed.");
        n->ping = n->who = (struct reply_fact){0};
    }
}

static void test_what_explains_a_refused_login(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    refuse_login(f);
    facts_complain(f, "URI-03b", true);
    assert_first(f, FINDING_AUTH_01, SEVERITY_FATAL); /* we read a plus as one */
    facts_complain(f, "URI-14", true);
    assert_first(f, FINDING_AUTH_01, SEVERITY_FATAL);
    facts_complain(f, "URI-03", true);
    assert_first(f, FINDING_URI_03, SEVERITY_FATAL);
    assert_null(diagnosis_find(&f->d, FINDING_AUTH_01));
    facts_free(f);
}

static void test_what_explains_a_failed_lookup(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_complain(f, "URI-07", true);
    assert_int_equal(judged(f), FINDING_URI_07);
    assert_int_equal(f->d.items[0].severity, SEVERITY_INFO);
    facts_good_resolver(f, "192.168.1.1", true);
    facts_said(f, 0, ABOUT_SRV, WAY_USUAL, LOOKUP_NXDOMAIN);
    facts_nameless(f, STATUS_NAME_NOT_FOUND, NULL);
    assert_first(f, FINDING_URI_07, SEVERITY_FATAL);
    facts_free(f);
}

static void test_what_explains_a_wrong_certificate(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_complain(f, "URI-14", true);
    facts_each(f, n)
    {
        facts_insecure(n, STATUS_TLS_CERTIFICATE);
        n->tls_facts.flaw = TLS_FLAW_EXPIRED;
    }
    assert_first(f, FINDING_TLS_03, SEVERITY_FATAL);
    facts_each(f, n)
    {
        n->tls_facts.flaw = TLS_FLAW_NAME;
    }
    assert_first(f, FINDING_URI_14, SEVERITY_FATAL);
    facts_free(f);
}

static void test_problems_without_an_id_are_not_ours(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_complain(f, NULL, true);
    assert_nothing(f);
    facts_free(f);
}

/* --- the budget --- */

static void plan(struct facts *f, const char *tier, int64_t replicas)
{
    f->e->has_budget = true;
    f->e->plan = (struct budget_plan){.tier = budget_tier_find(tier),
                                      .replicas = replicas,
                                      .max_pool_size = 20,
                                      .monitors = 2,
                                      .min_pool_size = 1,
                                      .connects_per_second = 1,
                                      .connect_burst = 1};
    f->e->budget = budget_of(&f->e->plan, 5000);
}

static void test_the_budget(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    plan(f, "M30", 10);
    assert_nothing(f);
    plan(f, "M30", 200);
    assert_first(f, FINDING_LIM_01, SEVERITY_DEGRADED);
    plan(f, "Flex", 40);
    assert_first(f, FINDING_LIM_03, SEVERITY_DEGRADED);
    plan(f, "M10", 20);
    assert_first(f, FINDING_LIM_02, SEVERITY_DEGRADED);
    facts_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes_are_fatal),
        cmocka_unit_test(test_advice_about_what_works_is_information),
        cmocka_unit_test(test_what_explains_a_refused_login),
        cmocka_unit_test(test_what_explains_a_failed_lookup),
        cmocka_unit_test(test_what_explains_a_wrong_certificate),
        cmocka_unit_test(test_problems_without_an_id_are_not_ours),
        cmocka_unit_test(test_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
