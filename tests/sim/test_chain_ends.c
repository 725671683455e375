/* Names that cannot be had: lists that are missing or new, resolvers that are all down, and
 * requests that are taken back. */
#include <net/if.h>
#include <unistd.h>

#include "chain.h"
#include "names/candidates.h"

/* --- the system's list --- */

static void write_list(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    require(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void the_list_is_read_anew(void **state)
{
    char path[] = "/tmp/resolv.conf.XXXXXX";
    (void)state;
    close(mkstemp(path));
    w.settings.resolv_conf = path;
    use(LIST("system"), LIST(OTHER));
    write_list(path, "nameserver 192.0.2.1\n");
    resolve();
    assert_good();
    assert_int_equal(sim_dns_count(w.sim, OWN), 2);
    write_list(path, "nameserver 192.0.2.2\n"); /* a VPN has come up */
    resolve();
    assert_good();
    assert_int_equal(sim_dns_count(w.sim, OWN), 2);
    assert_int_equal(sim_dns_count(w.sim, OWN_2), 2);
    assert_int_equal(sim_dns_count(w.sim, OTHER), 0);
    write_list(path, "# nothing\n");
    assert_int_equal(resolve(), DELAY_MS);
    assert_good();
    assert_string_equal(w.source, OTHER);
    unlink(path);
    assert_int_equal(resolve(), DELAY_MS);
    assert_good();
    assert_int_equal(sim_dns_count(w.sim, "127.0.0.1:53"), 0);
}

/* The network changes while nobody answers: the question is put to the new resolver soon. */
static void a_list_that_is_rewritten_in_flight_counts(void **state)
{
    char path[] = "/tmp/resolv.conf.XXXXXX";
    (void)state;
    close(mkstemp(path));
    w.settings.resolv_conf = path;
    w.settings.fallback = DNS_FALLBACK_OFF;
    use(LIST("system"), LIST(NULL));
    write_list(path, "nameserver 192.0.2.1\n");
    sim_dns_behave(w.sim, OWN, SIM_DNS_SILENT);
    w.request = names_resolve_seeds(w.names, &w.upstream, on_seeds, NULL);
    sim_run_for(w.sim, 1900);
    write_list(path, "nameserver 192.0.2.1\nnameserver 192.0.2.2\n");
    assert_in_range(finish(), LOOKUP_STAGGER_MS, 100 + LOOKUP_STAGGER_MS + DELAY_MS);
    assert_good();
    w.request = names_resolve_host(w.names, NODE, 27017, on_addresses, NULL);
    sim_run_for(w.sim, 50);
    write_list(path, ""); /* all that was there is gone */
    assert_in_range(finish(), 0, 500);
    write_list(path, "nameserver 192.0.2.1\n");
    assert_int_equal(resolve(), 5000); /* the time limit is that of the request */
    unlink(path);
}

/* The interface of a link-local resolver is kept, by name or number. */
static void link_local_resolvers_keep_their_interface(void **state)
{
    char path[] = "/tmp/resolv.conf.XXXXXX";
    char text[200];
    (void)state;
    close(mkstemp(path));
    w.settings.resolv_conf = path;
    w.settings.fallback = DNS_FALLBACK_OFF;
    write_list(path, "nameserver fe80::1%lo\nnameserver fe80::1%7\n");
    struct candidates *c = candidates_new(&w.settings);
    assert_int_equal(c->count, 0); /* "system" is not in the list */
    candidates_free(c);
    w.settings.resolvers = LIST("system");
    c = candidates_new(&w.settings);
    assert_int_equal(c->count, 2);
    assert_int_equal(c->list[0].address.scope, if_nametoindex("lo"));
    assert_int_equal(c->list[1].address.scope, 7);
    candidates_describe(c, &w.settings, text, sizeof text);
    assert_non_null(strstr(text, "of [fe80::1%lo]:53, [fe80::1%7]:53;"));
    candidates_free(c);
    unlink(path);
}

static void no_list_and_nobody_else_is_said(void **state)
{
    (void)state;
    w.settings.fallback = DNS_FALLBACK_OFF;
    use(LIST("system"), LIST(NULL));
    assert_int_equal(resolve(), 0);
    assert_says(STATUS_NAME_LOOKUP_FAILED, "DNS-01: ");
    assert_says(STATUS_NAME_LOOKUP_FAILED, "/nowhere names none; write");
    find_host();
    assert_says(STATUS_NAME_LOOKUP_FAILED, "DNS-01: ");
    assert_int_equal(sim_dns_count(w.sim, NULL), 0);
    w.settings.fallback = DNS_FALLBACK_LISTED; /* the first fault is named first */
    use(LIST("system"), LIST(OTHER));
    sim_dns_behave(w.sim, OTHER, SIM_DNS_CLOSED);
    resolve();
    assert_says(STATUS_NAME_LOOKUP_FAILED, "DNS-01: ");
    assert_says(STATUS_NAME_LOOKUP_FAILED, "resolver 198.51.100.1:53 refused the connection");
}

/* --- all is down --- */

static void everybody_is_silent(void **state)
{
    (void)state;
    use(LIST(OWN, OWN_2), LIST(OTHER, OTHER_2));
    sim_dns_behave(w.sim, NULL, SIM_DNS_SILENT);
    assert_int_equal(resolve(), 5000);
    assert_says(STATUS_NAME_LOOKUP_FAILED, "DNS-03: ");
    w.request = names_poll_seeds(w.names, &w.upstream, on_seeds, NULL); /* what is known already */
    assert_int_equal(finish(), 3000);
}

static void the_network_is_gone(void **state)
{
    struct address at;
    (void)state;
    use(LIST(OWN, OWN_2), LIST(OTHER));
    for (size_t i = 0; i < 3; i++) {
        assert_true(address_parse(((const char *[]){OWN, OWN_2, OTHER})[i], 0, &at));
        sim_set_route(w.sim, &at, SIM_UNREACHABLE);
    }
    assert_int_equal(resolve(), 0);
    assert_says(STATUS_NAME_LOOKUP_FAILED, "is unreachable");
}

/* At every step of the hardest course. */
static void a_request_can_be_cancelled_at_any_time(void **state)
{
    (void)state;
    use(LIST(OWN, OWN_2), LIST(OTHER, OTHER_2));
    sim_dns_behave(w.sim, OWN, SIM_DNS_SILENT);
    sim_dns_behave(w.sim, OWN_2, SIM_DNS_NXDOMAIN);
    sim_dns_behave(w.sim, OTHER, SIM_DNS_TRUNCATES | SIM_DNS_NO_EDNS);
    for (size_t steps = 0, is_over = 0; !is_over; steps++) {
        w.request = steps % 2 == 0 ? names_resolve_seeds(w.names, &w.upstream, on_seeds, NULL)
                                   : names_resolve_host(w.names, NODE, 27017, on_addresses, NULL);
        for (size_t i = 0; i < steps && w.request != NULL; i++) {
            assert_true(sim_step(w.sim));
        }
        is_over = w.request == NULL;
        if (!is_over) {
            names_cancel(w.request);
            w.request = NULL;
            sim_run_for(w.sim, 1);
            assert_int_equal(sim_count_datagrams(w.sim), 0);
            assert_int_equal(sim_count_conns(w.sim), 0);
        }
    }
}

static void the_policy_is_said(void **state)
{
    char text[400];
    (void)state;
    use(LIST(OWN, "tls://192.0.2.3#dns.test"), LIST(OTHER));
    names_describe(w.names, text, sizeof text);
    assert_string_equal(text, "names are asked of 192.0.2.1:53, tls://192.0.2.3:853#dns.test; "
                              "where they fail, of 198.51.100.1:53");
    w.settings.fallback = DNS_FALLBACK_AUTO;
    use(LIST(OWN), LIST(NULL));
    names_describe(w.names, text, sizeof text);
    assert_non_null(strstr(text, "; where they fail, of the public resolvers of Google"));
    w.settings.fallback = DNS_FALLBACK_OFF;
    use(LIST("system"), LIST(OTHER));
    names_describe(w.names, text, sizeof text);
    assert_string_equal(text, "names are asked of nobody (no resolver is named in /nowhere); there "
                              "is no fallback (dns.fallback: off)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_list_is_read_anew),
        TEST(a_list_that_is_rewritten_in_flight_counts),
        TEST(link_local_resolvers_keep_their_interface),
        TEST(no_list_and_nobody_else_is_said),
        TEST(everybody_is_silent),
        TEST(the_network_is_gone),
        TEST(a_request_can_be_cancelled_at_any_time),
        TEST(the_policy_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
