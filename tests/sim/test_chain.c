/* Names that do not resolve as they should: who is asked, how long it takes, and what is told. */
#include "chain.h"

/* --- own resolvers --- */

static void an_own_resolver_that_knows_is_the_only_one_asked(void **state)
{
    (void)state;
    use(LIST(OWN, OWN_2), LIST(OTHER));
    assert_int_equal(resolve(), DELAY_MS);
    assert_good();
    assert_string_equal(w.auth_source, "things");
    assert_int_equal(find_host(), DELAY_MS);
    assert_good();
    assert_int_equal(sim_dns_count(w.sim, OWN_2), 0);
    assert_int_equal(sim_dns_count(w.sim, OTHER), 0);
    assert_int_equal(w.news, 0);
}

static void a_dead_one_costs_little(void **state)
{
    (void)state;
    use(LIST(OWN, OWN_2), LIST(OTHER));
    sim_dns_behave(w.sim, OWN, SIM_DNS_SILENT);
    assert_int_equal(resolve(), LOOKUP_STAGGER_MS + DELAY_MS);
    assert_good();
    sim_dns_behave(w.sim, OWN, SIM_DNS_CLOSED);
    assert_int_equal(resolve(), DELAY_MS);
    assert_good();
    assert_int_equal(sim_dns_count(w.sim, OTHER), 0);
}

/* A name with IPv6 alone, and a cluster without TXT, are nothing to ask others about. */
static void what_most_names_lack_is_not_asked_of_others(void **state)
{
    (void)state;
    put_ipv6_only(NULL);
    put_nothing(NULL, CLUSTER, DNS_TXT);
    use(LIST(OWN), LIST(OTHER, "tls://198.51.100.3#dns.test"));
    resolve();
    assert_good();
    assert_string_equal(w.auth_source, "");
    find_host();
    assert_good();
    sim_dns_behave(w.sim, OWN, SIM_DNS_WELL);
    sim_dns_answer(w.sim, OWN, CLUSTER, DNS_TXT, STATUS_OK, span_of(NULL, 0), MSEC_NEVER);
    assert_int_equal(sim_dns_count(w.sim, OTHER), 0);
}

/* --- falling back --- */

static const struct {
    unsigned ways;
    msec took;
    const char *cause;
} faults[] = {
    {SIM_DNS_CLOSED, DELAY_MS, "refused the connection"},
    {SIM_DNS_SAYS_REFUSED, 2 * DELAY_MS, "(REFUSED)"},
    {SIM_DNS_SERVFAIL, 2 * DELAY_MS, "(SERVFAIL)"},
    {SIM_DNS_NXDOMAIN, 3 * DELAY_MS, /* TXT is asked of who knew SRV */ "(NXDOMAIN)"},
    {SIM_DNS_NODATA, 3 * DELAY_MS, "(NODATA)"},
    {SIM_DNS_GARBAGE, 2 * DELAY_MS, "makes no sense"},
    {SIM_DNS_TRUNCATES | SIM_DNS_NO_TCP, 2 * DELAY_MS, "a part of the answer"},
    {SIM_DNS_SILENT, LOOKUP_PLAIN_MS + DELAY_MS + LOOKUP_OWN_MS, "did not answer in time"},
    {SIM_DNS_WRONG_ID | SIM_DNS_NO_TCP, LOOKUP_PLAIN_MS + DELAY_MS + LOOKUP_OWN_MS,
     "did not answer in time"},
};

static void whatever_fails_another_has_it(void **state)
{
    (void)state;
    sim_dns_behave(w.sim, OTHER, SIM_DNS_WELL);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        use(LIST(OWN), LIST(OTHER));
        w.news = 0;
        sim_dns_behave(w.sim, OWN, faults[i].ways);
        assert_int_equal(resolve(), faults[i].took);
        assert_good();
        assert_string_equal(w.auth_source, "things");
        assert_int_equal(w.news, 1); /* not once more for TXT */
        assert_string_equal(w.source, OTHER);
        assert_non_null(strstr(w.cause, OWN));
        assert_non_null(strstr(w.cause, faults[i].cause));
        find_host();
        assert_good();
        assert_int_equal(w.news, 2);
        assert_int_equal(w.repeated, i + 1);
    }
}

/* Silence is waited for once, not with each name; and the resolver that is back is believed. */
static void silence_costs_its_time_once(void **state)
{
    (void)state;
    use(LIST(OWN), LIST(OTHER));
    sim_dns_behave(w.sim, OWN, SIM_DNS_SILENT);
    assert_int_equal(resolve(), LOOKUP_PLAIN_MS + DELAY_MS + LOOKUP_OWN_MS);
    assert_int_equal(find_host(), DELAY_MS + LOOKUP_OWN_MS);
    sim_dns_behave(w.sim, OWN, SIM_DNS_WELL);
    w.news = 0;
    assert_int_equal(find_host(), DELAY_MS);
    assert_int_equal(w.news, 0);
    size_t before = sim_dns_count(w.sim, OTHER);
    find_host();
    assert_int_equal(sim_dns_count(w.sim, OTHER), before);
    sim_dns_behave(w.sim, OWN, SIM_DNS_SILENT);
    resolve();
    sim_run_for(w.sim, 30000); /* it is tried in earnest again */
    assert_int_equal(resolve(), LOOKUP_PLAIN_MS + DELAY_MS + LOOKUP_OWN_MS);
}

static void it_is_told_again_after_a_while(void **state)
{
    (void)state;
    use(LIST(OWN), LIST(OTHER));
    sim_dns_behave(w.sim, OWN, SIM_DNS_CLOSED);
    resolve();
    resolve();
    assert_int_equal(w.news, 2);
    assert_int_equal(w.repeated, 1);
    sim_run_for(w.sim, MINUTES(10));
    resolve();
    assert_int_equal(w.repeated, 1);
}

static void nobody_else_is_asked_when_that_is_off(void **state)
{
    (void)state;
    w.settings.fallback = DNS_FALLBACK_OFF;
    use(LIST(OWN), LIST(OTHER));
    sim_dns_behave(w.sim, OWN, SIM_DNS_SERVFAIL);
    resolve();
    assert_says(STATUS_NAME_LOOKUP_FAILED, "DNS-05: ");
    assert_int_equal(sim_dns_count(w.sim, OTHER), 0);
    assert_int_equal(w.news, 0);
}

/* A typing mistake in the name of a container is nobody else's business; who was named by the user
 * may know it. */
static void public_resolvers_are_not_asked_for_private_names(void **state)
{
    (void)state;
    w.settings.fallback = DNS_FALLBACK_AUTO;
    use(LIST(OWN), LIST(NULL));
    w.request = names_resolve_host(w.names, "mongo", 27017, on_addresses, NULL);
    assert_int_equal(finish(), 0);
    assert_says(STATUS_NAME_NOT_FOUND, "DNS-06: ");
    assert_int_equal(sim_dns_count(w.sim, NULL), 2);
    use(LIST(OWN), LIST(OTHER));
    w.request = names_resolve_host(w.names, "mongo", 27017, on_addresses, NULL);
    finish();
    assert_int_equal(sim_dns_count(w.sim, OTHER), 2);
}

static void resolvers_by_ipv6_are_asked(void **state)
{
    (void)state;
    use(LIST("[2001:db8::53]:53"), LIST(OTHER));
    assert_int_equal(resolve(), DELAY_MS);
    assert_good();
    assert_int_equal(sim_dns_count(w.sim, "[2001:db8::53]:53"), 2);
}

static void compressed_targets_are_read_and_told_of_once(void **state)
{
    static struct wire m;
    (void)state;
    use(LIST(OWN), LIST(OTHER));
    wire_open(&m, ANSWER, SRV, DNS_SRV);
    wire_srv(&m, "@12", 60, 27017, "node0@35"); /* where "example.test" stands */
    sim_dns_answer(w.sim, OWN, SRV, DNS_SRV, STATUS_OK, wire_span(&m), DELAY_MS);
    resolve();
    assert_good();
    resolve();
    assert_int_equal(lines_with("DNS-10: resolver 192.0.2.1:53"), 1);
}

static void an_own_answer_that_comes_a_little_late_wins(void **state)
{
    (void)state;
    use(LIST(OWN), LIST(OTHER));
    static struct wire m;
    wire_open(&m, ANSWER, NODE, DNS_A);
    wire_bytes(&m, NODE, DNS_A, 60, "\x0a\x01\x02\x04", 4);
    wire_bytes(&m, NODE, DNS_A, 60, "\x0a\x01\x02\x05", 4);
    sim_dns_answer(w.sim, OWN, NODE, DNS_A, STATUS_OK, wire_span(&m), LOOKUP_PLAIN_MS + 150);
    sim_dns_answer(w.sim, OWN, NODE, DNS_AAAA, STATUS_OK, span_of(NULL, 0), MSEC_NEVER);
    find_host();
    assert_int_equal(w.count, 2); /* its private addresses */
    assert_int_equal(w.news, 0);
}

/* --- denials --- */

static void a_lie_is_found_out_and_told_once(void **state)
{
    (void)state;
    use(LIST(OWN_2, OWN), LIST(OTHER));
    sim_dns_behave(w.sim, OWN, SIM_DNS_NXDOMAIN);
    sim_dns_behave(w.sim, OWN_2, SIM_DNS_NXDOMAIN);
    resolve();
    assert_good();
    find_host();
    assert_good();
    assert_int_equal(lines_with("DNS-07: resolver 192.0.2.2:53"), 1);
    assert_int_equal(lines_with("DNS-07"), 1);
}

/* Some load balancers answer so: what is denied of one family says nothing about the other. */
static void that_there_is_no_aaaa_name_says_nothing_about_a(void **state)
{
    static struct wire m;
    (void)state;
    use(LIST(OWN), LIST(OTHER));
    wire_open(&m, 0x8180 | DNS_NXDOMAIN, NODE, DNS_AAAA);
    sim_dns_answer(w.sim, NULL, NODE, DNS_AAAA, STATUS_OK, wire_span(&m), DELAY_MS);
    wire_open(&m, 0x8180 | DNS_NXDOMAIN, NODE, DNS_A);
    sim_dns_answer(w.sim, OWN, NODE, DNS_A, STATUS_OK, wire_span(&m), 3 * DELAY_MS);
    find_host();
    assert_good();
    assert_int_equal(w.news, 1);
}

static void a_name_that_does_not_exist_is_known_soon(void **state)
{
    (void)state;
    use(LIST(OWN), LIST(OTHER));
    sim_dns_behave(w.sim, NULL, SIM_DNS_NXDOMAIN);
    assert_int_equal(resolve(), 2 * DELAY_MS); /* and TXT is not waited for */
    assert_says(STATUS_NAME_NOT_FOUND, "DNS-06: ");
    assert_says(STATUS_NAME_NOT_FOUND, OTHER);
    assert_int_equal(find_host(), 2 * DELAY_MS);
    assert_says(STATUS_NAME_NOT_FOUND, "DNS-06: ");
    assert_int_equal(lines_with("DNS-07"), 0);
}

static void who_cannot_be_asked_does_not_hold_it_up(void **state)
{
    (void)state;
    use(LIST(OWN), LIST(OTHER));
    sim_dns_behave(w.sim, OWN, SIM_DNS_NXDOMAIN);
    sim_dns_behave(w.sim, OTHER, SIM_DNS_CLOSED);
    assert_int_equal(resolve(), DELAY_MS);
    assert_says(STATUS_NAME_NOT_FOUND, "nobody else confirmed it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_own_resolver_that_knows_is_the_only_one_asked),
        TEST(a_dead_one_costs_little),
        TEST(what_most_names_lack_is_not_asked_of_others),
        TEST(whatever_fails_another_has_it),
        TEST(silence_costs_its_time_once),
        TEST(it_is_told_again_after_a_while),
        TEST(nobody_else_is_asked_when_that_is_off),
        TEST(public_resolvers_are_not_asked_for_private_names),
        TEST(resolvers_by_ipv6_are_asked),
        TEST(compressed_targets_are_read_and_told_of_once),
        TEST(an_own_answer_that_comes_a_little_late_wins),
        TEST(a_lie_is_found_out_and_told_once),
        TEST(that_there_is_no_aaaa_name_says_nothing_about_a),
        TEST(a_name_that_does_not_exist_is_known_soon),
        TEST(who_cannot_be_asked_does_not_hold_it_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
