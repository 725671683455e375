/* How resolvers are spelled, and what is said of a wrong spelling. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/dns/resolver.h"

#include <string.h>

static struct resolver parse(const char *text)
{
    struct resolver r;
    struct error why = {.text = ""};
    enum status status = resolver_parse(text, RESOLVER_LISTED, &r, &why);
    assert_string_equal(why.text, "");
    assert_int_equal(status, STATUS_OK);
    return r;
}

static void assert_shown(const char *text, enum resolver_kind kind, const char *shown)
{
    struct resolver r = parse(text);
    assert_int_equal(r.kind, kind);
    assert_string_equal(r.text, shown);
    struct resolver again = parse(r.text);
    assert_string_equal(again.text, shown);
    assert_true(address_equals(&again.address, &r.address));
    resolver_clear(&again);
    resolver_clear(&r);
}

static void plain_resolvers_are_addresses(void **state)
{
    (void)state;
    assert_shown("192.0.2.1", RESOLVER_PLAIN, "192.0.2.1:53");
    assert_shown("192.0.2.1:5353", RESOLVER_PLAIN, "192.0.2.1:5353");
    assert_shown("2001:db8::1", RESOLVER_PLAIN, "[2001:db8::1]:53");
    assert_shown("[2001:db8::1]", RESOLVER_PLAIN, "[2001:db8::1]:53");
    assert_shown("[2001:db8::1]:54", RESOLVER_PLAIN, "[2001:db8::1]:54");
    struct resolver r = parse("192.0.2.1");
    assert_null(r.host_name);
    assert_null(r.path);
    assert_int_equal(r.origin, RESOLVER_LISTED);
    resolver_clear(&r);
}

static void tls_needs_a_name(void **state)
{
    (void)state;
    assert_shown("tls://192.0.2.1#dns.example", RESOLVER_TLS, "tls://192.0.2.1:853#dns.example");
    assert_shown("TLS://192.0.2.1:53#DNS.Example.", RESOLVER_TLS,
                 "tls://192.0.2.1:53#dns.example.");
    assert_shown("tls://[2001:db8::1]#d", RESOLVER_TLS, "tls://[2001:db8::1]:853#d");
    assert_shown("tls://192.0.2.1#192.0.2.1", RESOLVER_TLS, "tls://192.0.2.1:853#192.0.2.1");
    struct resolver r = parse("tls://2001:db8::1#dns.example");
    assert_string_equal(r.host_name, "dns.example");
    assert_int_equal(r.address.port, 853);
    assert_null(r.path);
    resolver_clear(&r);
}

static void https_has_a_path(void **state)
{
    (void)state;
    assert_shown("https://192.0.2.1#dns.example", RESOLVER_HTTPS,
                 "https://192.0.2.1:443/dns-query#dns.example");
    assert_shown("https://192.0.2.1:8443/q?a=b#dns.example", RESOLVER_HTTPS,
                 "https://192.0.2.1:8443/q?a=b#dns.example");
    assert_shown("https://[2001:db8::1]/#dns.example", RESOLVER_HTTPS,
                 "https://[2001:db8::1]:443/#dns.example");
    struct resolver r = parse("https://192.0.2.1/x/y#dns.example");
    assert_string_equal(r.host_name, "dns.example");
    assert_string_equal(r.path, "/x/y");
    resolver_clear(&r);
}

static void assert_refused(const char *text, const char *remedy)
{
    struct resolver r = {.text = NULL};
    struct error why = {.text = ""};
    assert_int_equal(resolver_parse(text, RESOLVER_LISTED, &r, &why), STATUS_BAD_INPUT);
    assert_memory_equal(why.text, text, strlen(text));
    if (strstr(why.text, remedy) == NULL) {
        fail_msg("%s does not say %s", why.text, remedy);
    }
    assert_null(r.text);
}

static void a_wrong_spelling_is_told_the_right_one(void **state)
{
    (void)state;
    assert_refused("dns.example", "named by its address");
    assert_refused("dns.example:53", "named by its address");
    assert_refused("tls://dns.example", "named by its address");
    assert_refused("https://dns.example/dns-query", "named by its address");
    assert_refused("tls://192.0.2.1", "as in #dns.example");
    assert_refused("tls://192.0.2.1#", "as in #dns.example");
    assert_refused("https://192.0.2.1/dns-query", "as in #dns.example");
    assert_refused("tls://192.0.2.1#a b", "no host name");
    assert_refused("https://192.0.2.1/q#a/b", "no host name");
    assert_refused("192.0.2.1#dns.example", "write tls:// in front");
    assert_refused("dot://192.0.2.1#dns.example", "tls://ADDRESS#NAME");
    assert_refused("http://192.0.2.1/dns-query", "https://ADDRESS/dns-query#NAME");
    assert_refused("udp://192.0.2.1", "the address alone");
    assert_refused("192.0.2.1/dns-query", "only https://");
    assert_refused("tls://192.0.2.1/dns-query#dns.example", "only https://");
    assert_refused("https://192.0.2.1/dns-query{?dns}#dns.example", "{?dns}");
    assert_refused("https://192.0.2.1/a b#dns.example", "spaces");
}

static void an_address_must_be_one(void **state)
{
    (void)state;
    assert_refused("", "an address is expected");
    assert_refused("tls://#dns.example", "an address is expected");
    assert_refused("192.0.2.300", "an address is expected");
    assert_refused("192.0.2.1:", "an address is expected");
    assert_refused("192.0.2.1:65536", "an address is expected");
    assert_refused("192.0.2.1:53x", "an address is expected");
    assert_refused("192.0.2.1:0", "port 0");
    assert_refused("[192.0.2.1]:53", "an address is expected");
    assert_refused("fe80::1%eth0", "an address is expected");
    assert_refused("/run/dns.sock", "an address is expected");
    assert_refused("tls:///run/dns.sock#x", "an address is expected");
}

/* Each transport has Google, Cloudflare and Quad9, over both families. */
static void public_resolvers_can_be_asked(void **state)
{
    (void)state;
    size_t counts[3] = {0}, v6[3] = {0};
    enum resolver_kind last = RESOLVER_PLAIN;
    for (size_t i = 0; resolver_public[i] != NULL; i++) {
        struct resolver r = parse(resolver_public[i]);
        assert_true(last <= r.kind); /* plain first, HTTPS last */
        last = r.kind;
        counts[r.kind]++;
        v6[r.kind] += r.address.family == ADDRESS_IPV6;
        assert_false(address_is_loopback(&r.address));
        resolver_clear(&r);
    }
    for (size_t kind = 0; kind < 3; kind++) {
        assert_int_equal(counts[kind], kind == RESOLVER_PLAIN ? 8 : 6);
        assert_int_equal(v6[kind], 3);
    }
}

static void a_cleared_one_is_empty(void **state)
{
    (void)state;
    struct resolver r = {.text = NULL};
    resolver_clear(&r);
    r = parse("https://192.0.2.1#dns.example");
    resolver_clear(&r);
    assert_null(r.text);
}

static void private_names_are_not_for_strangers(void **state)
{
    (void)state;
    static const char *const known[] = {"cluster0.abcde.mongodb.net", "_mongodb._tcp.a.test",
                                        "a.b.", "local.example.com", "x.notlocal"};
    static const char *const private[] = {
        "mongo", "mongo.", "", "db.svc.cluster.local", "DB.LOCAL.", "a.internal", "nas.home.arpa"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_true(resolver_public_can_know(known[i]));
    }
    for (size_t i = 0; i < sizeof private / sizeof *private; i++) {
        assert_false(resolver_public_can_know(private[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_names_are_not_for_strangers),
        cmocka_unit_test(plain_resolvers_are_addresses),
        cmocka_unit_test(tls_needs_a_name),
        cmocka_unit_test(https_has_a_path),
        cmocka_unit_test(a_wrong_spelling_is_told_the_right_one),
        cmocka_unit_test(an_address_must_be_one),
        cmocka_unit_test(public_resolvers_can_be_asked),
        cmocka_unit_test(a_cleared_one_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
