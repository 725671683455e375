/* DNS: what each resolver says, and what that means beside what others say. */
#include <stdio.h>

#include "facts.h"

enum { OWN = 0 };

/* All three ways and the usual one. */
static void srv_says(struct facts *f, size_t resolver, enum lookup_word word)
{
    for (enum question_way way = WAY_USUAL; way <= WAY_TCP; way++) {
        facts_said(f, resolver, ABOUT_SRV, way, word);
    }
}

static void all_say(struct facts *f, size_t resolver, enum lookup_word word)
{
    srv_says(f, resolver, word);
    facts_said(f, resolver, ABOUT_TXT, WAY_USUAL, word);
    facts_said(f, resolver, ABOUT_HOST, WAY_USUAL, word);
    facts_said(f, resolver, ABOUT_NOTHING, WAY_USUAL, word);
}

static struct facts *lost(const char *resolver)
{
    struct facts *f = facts_new();
    facts_good_resolver(f, resolver, true);
    facts_nameless(f, STATUS_NAME_LOOKUP_FAILED, "nobody answers");
    return f;
}

static void test_good_resolvers(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_good_resolver(f, "192.168.1.1", true);
    facts_good_resolver(f, "8.8.8.8", false);
    assert_nothing(f);
    facts_said(f, OWN, ABOUT_TXT, WAY_USUAL, LOOKUP_NODATA);
    facts_said(f, OWN, ABOUT_SRV, WAY_TCP, LOOKUP_TIMEOUT); /* no TCP, and none is needed */
    assert_nothing(f);
    facts_free(f);
}

static void test_no_resolver(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    f->e->needs_resolvers = true;
    facts_good_resolver(f, "8.8.8.8", false);
    assert_first(f, FINDING_DNS_01, SEVERITY_DEGRADED); /* the fallback list helps */
    facts_nameless(f, STATUS_NAME_LOOKUP_FAILED, NULL);
    assert_first(f, FINDING_DNS_01, SEVERITY_FATAL);
    facts_free(f);
}

static const struct silence {
    const char *resolver;
    enum lookup_word word;
    bool is_wsl;
    enum finding_id id;
} silences[] = {
    {"127.0.0.1", LOOKUP_CONN_REFUSED, false, FINDING_DNS_01},
    {"127.0.0.53", LOOKUP_CONN_REFUSED, false, FINDING_DNS_01},
    {"192.168.1.1", LOOKUP_CONN_REFUSED, false, FINDING_DNS_03},
    {"192.168.1.1", LOOKUP_TIMEOUT, false, FINDING_DNS_03},
    {"192.168.1.1", LOOKUP_UNREACHABLE, false, FINDING_DNS_03},
    {"192.168.1.1", LOOKUP_REFUSED, false, FINDING_DNS_03},
    {"127.0.0.11", LOOKUP_TIMEOUT, false, FINDING_DNS_20},
    {"172.28.112.1", LOOKUP_TIMEOUT, true, FINDING_DNS_22},
    {"192.168.1.1", LOOKUP_SERVFAIL, false, FINDING_DNS_05},
    {"192.168.1.1", LOOKUP_TRUNCATED, false, FINDING_DNS_08},
};

static void test_resolvers_that_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof silences / sizeof *silences; i++) {
        struct facts *f = lost(silences[i].resolver);
        f->e->machine.is_wsl = silences[i].is_wsl;
        all_say(f, OWN, silences[i].word);
        assert_first(f, silences[i].id, SEVERITY_FATAL);
        facts_free(f);
    }
}

static void test_one_of_two_resolvers_fails(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_good_resolver(f, "192.168.1.1", true);
    facts_good_resolver(f, "192.168.1.2", true);
    all_say(f, OWN, LOOKUP_TIMEOUT);
    assert_first(f, FINDING_DNS_03, SEVERITY_DEGRADED);
    facts_free(f);
}

static void test_srv_alone_fails(void **state)
{
    (void)state;
    static const enum lookup_word words[] = {LOOKUP_TIMEOUT, LOOKUP_REFUSED, LOOKUP_FAILED};
    for (size_t i = 0; i < 3; i++) {
        struct facts *f = lost("192.168.1.1");
        srv_says(f, OWN, words[i]);
        assert_first(f, FINDING_DNS_04, SEVERITY_FATAL);
        facts_free(f);
    }
}

static void test_srv_is_filtered(void **state)
{
    (void)state;
    struct facts *f = lost("192.168.1.1");
    srv_says(f, OWN, LOOKUP_NODATA); /* and TXT is there */
    assert_first(f, FINDING_DNS_04, SEVERITY_FATAL);
    facts_free(f);
}

static void test_a_name_that_does_not_exist(void **state)
{
    (void)state;
    struct facts *f = lost("192.168.1.1");
    all_say(f, OWN, LOOKUP_NXDOMAIN);
    assert_first(f, FINDING_DNS_06, SEVERITY_FATAL);
    assert_int_equal(f->d.items[0].confidence, CONFIDENCE_LIKELY);
    all_say(f, facts_good_resolver(f, "8.8.8.8", false), LOOKUP_NXDOMAIN);
    assert_first(f, FINDING_DNS_06, SEVERITY_FATAL);
    assert_int_equal(f->d.items[0].confidence, CONFIDENCE_CERTAIN);
    facts_free(f);
}

static void test_a_name_that_does_not_exist_here(void **state)
{
    (void)state;
    struct facts *f = lost("192.168.1.1");
    all_say(f, OWN, LOOKUP_NXDOMAIN);
    facts_good_resolver(f, "8.8.8.8", false);
    assert_first(f, FINDING_DNS_07, SEVERITY_FATAL);
    facts_free(f);
    f = lost("10.8.0.1");
    all_say(f, OWN, LOOKUP_NXDOMAIN);
    facts_good_resolver(f, "192.168.1.1", true);
    assert_first(f, FINDING_DNS_23, SEVERITY_FATAL);
    facts_free(f);
}

static void test_the_name_of_a_node(void **state)
{
    (void)state;
    struct facts *f = lost("192.168.1.1");
    all_say(f, OWN, LOOKUP_NXDOMAIN);
    facts_said(f, OWN, ABOUT_HOST, WAY_USUAL, LOOKUP_OK);
    assert_first(f, FINDING_URI_07, SEVERITY_FATAL);
    facts_free(f);
}

static void test_odd_answers(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_good_resolver(f, "192.168.1.1", true);
    struct question_fact *q = facts_said(f, OWN, ABOUT_SRV, WAY_USUAL, LOOKUP_OK);
    q->has_compressed_target = true;
    assert_first(f, FINDING_DNS_10, SEVERITY_DEGRADED);
    q->has_compressed_target = false;
    q->alias = xstrdup("_mongodb._tcp.other.example");
    assert_first(f, FINDING_DNS_13, SEVERITY_DEGRADED);
    facts_free(f);
}

static void test_edns_is_lost(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_good_resolver(f, "192.168.1.1", true);
    facts_said(f, OWN, ABOUT_SRV, WAY_UDP, LOOKUP_TIMEOUT);
    assert_first(f, FINDING_DNS_09, SEVERITY_DEGRADED);
    facts_said(f, OWN, ABOUT_SRV, WAY_UDP_PLAIN, LOOKUP_TRUNCATED);
    assert_first(f, FINDING_DNS_09, SEVERITY_DEGRADED);
    facts_said(f, OWN, ABOUT_SRV, WAY_UDP_PLAIN, LOOKUP_TIMEOUT);
    assert_first(f, FINDING_DNS_03, SEVERITY_DEGRADED);
    facts_free(f);
}

static void test_txt(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_good_resolver(f, "192.168.1.1", true);
    struct question_fact *q = facts_said(f, OWN, ABOUT_TXT, WAY_USUAL, LOOKUP_SERVFAIL);
    assert_first(f, FINDING_DNS_11, SEVERITY_DEGRADED);
    facts_said(f, OWN, ABOUT_TXT, WAY_USUAL, LOOKUP_OK);
    assert_nothing(f);
    q->records = 2;
    assert_first(f, FINDING_DNS_12, SEVERITY_DEGRADED);
    facts_free(f);
}

static void test_rules_of_the_seed_list(void **state)
{
    (void)state;
    struct facts *f = lost("192.168.1.1");
    step_end(&f->e->seeds, STATUS_BAD_INPUT, 9, "the target x is outside");
    assert_first(f, FINDING_URI_17, SEVERITY_FATAL);
    step_end(&f->e->seeds, STATUS_BAD_INPUT, 9, "the TXT record says x");
    assert_first(f, FINDING_DNS_12, SEVERITY_FATAL);
    facts_free(f);
}

static void test_invented_answers(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_good_resolver(f, "192.168.1.1", true);
    facts_said(f, OWN, ABOUT_NOTHING, WAY_USUAL, LOOKUP_OK)->said = xstrdup("198.51.100.1");
    assert_first(f, FINDING_DNS_18, SEVERITY_DEGRADED);
    free(f->settings.upstream.srv_host); /* a wildcard of one's own is no lie */
    f->settings.upstream.srv_host = xstrdup("db.example.test");
    assert_nothing(f);
    facts_good_resolver(f, "8.8.8.8", false);
    assert_first(f, FINDING_DNS_18, SEVERITY_DEGRADED);
    facts_free(f);
}

static void test_all_dns_is_redirected(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_good_resolver(f, "192.168.1.1", true);
    all_say(f, facts_resolver(f, "8.8.8.8", false), LOOKUP_NXDOMAIN);
    all_say(f, OWN, LOOKUP_NXDOMAIN);
    judged(f);
    assert_null(diagnosis_find(&f->d, FINDING_DNS_19));
    facts_good_resolver(f, "tls://1.1.1.1#one.one.one.one", false);
    judged(f);
    assert_non_null(diagnosis_find(&f->d, FINDING_DNS_19));
    facts_free(f);
}

static void test_musl_is_mentioned_when_names_fail(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_good_resolver(f, "192.168.1.1", true);
    f->e->machine.is_musl = true;
    assert_nothing(f);
    all_say(f, OWN, LOOKUP_TIMEOUT);
    assert_first(f, FINDING_DNS_03, SEVERITY_DEGRADED);
    assert_non_null(diagnosis_find(&f->d, FINDING_DNS_21));
    facts_free(f);
}

static void test_search_domains(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_good_resolver(f, "192.168.1.1", true);
    f->e->machine.search = xstrdup("svc.cluster.local");
    f->e->machine.ndots = 3; /* the name has as many */
    assert_nothing(f);
    f->e->machine.ndots = 5;
    assert_first(f, FINDING_DNS_24, SEVERITY_INFO);
    facts_free(f);
}

/* --- nodes --- */

static void test_addresses_that_are_missing(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    struct node_fact *n = f->e->nodes[2];
    facts_shut(n, STATUS_OK);
    n->dial_count = 0;
    step_end(&n->lookup, STATUS_NAME_NOT_FOUND, 9, NULL);
    assert_first(f, FINDING_DNS_14, SEVERITY_DEGRADED);
    facts_free(f);
}

static void become_plain(struct facts *f)
{
    free(f->settings.upstream.srv_host);
    f->settings.upstream.srv_host = NULL;
    facts_each(f, n)
    {
        facts_shut(n, STATUS_OK);
        n->dial_count = 0;
        n->sources = NODE_OF_URI;
        step_end(&n->lookup, STATUS_NAME_LOOKUP_FAILED, 9, NULL);
    }
}

static void test_the_name_of_a_cluster_as_a_host(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    become_plain(f);
    facts_resolver(f, "192.168.1.1", true);
    facts_said(f, OWN, ABOUT_NODE, WAY_USUAL, LOOKUP_NODATA);
    assert_first(f, FINDING_DNS_14, SEVERITY_FATAL);
    struct question_fact *q = facts_said(f, OWN, ABOUT_CLUSTER, WAY_USUAL, LOOKUP_OK);
    free(q->name);
    q->name = xformat("_mongodb._tcp.%s", f->e->nodes[0]->host);
    assert_first(f, FINDING_URI_06, SEVERITY_FATAL);
    facts_free(f);
}

static void test_a_silent_resolver_without_srv(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    become_plain(f);
    facts_resolver(f, "192.168.1.1", true);
    facts_said(f, OWN, ABOUT_NODE, WAY_USUAL, LOOKUP_TIMEOUT);
    assert_first(f, FINDING_DNS_03, SEVERITY_FATAL);
    facts_free(f);
}

static void test_an_old_address(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_good_resolver(f, "192.168.1.1", true);
    facts_good_resolver(f, "8.8.8.8", false);
    facts_said(f, OWN, ABOUT_NODE, WAY_USUAL, LOOKUP_OK)->said = xstrdup("203.0.113.7");
    facts_said(f, 1, ABOUT_NODE, WAY_USUAL, LOOKUP_OK)->said = xstrdup("203.0.113.9");
    assert_nothing(f); /* as long as it works */
    facts_shut(f->e->nodes[0], STATUS_TIMED_OUT);
    judged(f);
    assert_non_null(diagnosis_find(&f->d, FINDING_DNS_17));
    facts_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_resolvers),
        cmocka_unit_test(test_no_resolver),
        cmocka_unit_test(test_resolvers_that_fail),
        cmocka_unit_test(test_one_of_two_resolvers_fails),
        cmocka_unit_test(test_srv_alone_fails),
        cmocka_unit_test(test_srv_is_filtered),
        cmocka_unit_test(test_a_name_that_does_not_exist),
        cmocka_unit_test(test_a_name_that_does_not_exist_here),
        cmocka_unit_test(test_the_name_of_a_node),
        cmocka_unit_test(test_odd_answers),
        cmocka_unit_test(test_edns_is_lost),
        cmocka_unit_test(test_txt),
        cmocka_unit_test(test_rules_of_the_seed_list),
        cmocka_unit_test(test_invented_answers),
        cmocka_unit_test(test_all_dns_is_redirected),
        cmocka_unit_test(test_musl_is_mentioned_when_names_fail),
        cmocka_unit_test(test_search_domains),
        cmocka_unit_test(test_addresses_that_are_missing),
        cmocka_unit_test(test_the_name_of_a_cluster_as_a_host),
        cmocka_unit_test(test_a_silent_resolver_without_srv),
        cmocka_unit_test(test_an_old_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
