/* What a handshake showed, as who watches it is told. */
#include <time.h>

#include "tls_world.h"

static struct identity authority;
static struct identity stranger;

static int make_certificates(void **state)
{
    (void)state;
    authority = authority_new("Test CA");
    stranger = authority_new("Stranger CA");
    return 0;
}

static int free_certificates(void **state)
{
    (void)state;
    identity_free(&authority);
    identity_free(&stranger);
    return 0;
}

/* What is seen of a handshake with a server of this certificate. */
static struct tls_facts facts_of(const struct identity *who, const char *host_name, int version)
{
    struct tls_facts facts;
    struct tls_config *config = config_for(&authority);
    SSL_CTX *ctx = server_ctx(who, version);
    struct pair p;
    pair_init(&p, config, ctx, host_name, NULL);
    tls_watch(p.client, &facts);
    pair_run(&p);
    pair_clear(&p);
    SSL_CTX_free(ctx);
    tls_config_free(config);
    return facts;
}

static void test_a_good_handshake(void **state)
{
    (void)state;
    struct identity who = identity_new(&authority, "a", "DNS:a.test,DNS:*.b.test", -DAY, 9 * DAY);
    int64_t now = (int64_t)time(NULL);
    struct tls_facts f = facts_of(&who, "a.test", TLS1_3_VERSION);
    assert_true(f.saw_server_hello && f.has_certificate && f.looks_like_tls);
    assert_int_equal(f.alert, -1);
    assert_int_equal(f.flaw, TLS_FLAW_NONE);
    assert_string_equal(f.version, "TLSv1.3");
    assert_string_equal(f.issuer, "Test CA");
    assert_string_equal(f.names, "a.test, *.b.test");
    assert_true(f.not_after - now > 8 * DAY && f.not_after - now <= 9 * DAY);
    assert_true(now - f.not_before >= DAY && now - f.not_before < 2 * DAY);
    f = facts_of(&who, "a.test", TLS1_2_VERSION);
    assert_string_equal(f.version, "TLSv1.2");
    identity_free(&who);
}

static const struct row {
    const char *names;
    long from, to;
    bool is_strange;
    enum tls_flaw flaw;
} rows[] = {
    {"DNS:a.test", -DAY, DAY, true, TLS_FLAW_ISSUER},
    {"DNS:a.test", -9 * DAY, -DAY, false, TLS_FLAW_EXPIRED},
    {"DNS:a.test", DAY, 9 * DAY, false, TLS_FLAW_NOT_YET},
    {"DNS:other.test", -DAY, DAY, false, TLS_FLAW_NAME},
};

static void test_flaws(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct identity *by = rows[i].is_strange ? &stranger : &authority;
        struct identity who = identity_new(by, "a", rows[i].names, rows[i].from, rows[i].to);
        struct tls_facts f = facts_of(&who, "a.test", TLS1_3_VERSION);
        assert_int_equal(f.flaw, rows[i].flaw);
        assert_true(f.verify_code != 0 && f.has_certificate && f.saw_server_hello);
        identity_free(&who);
    }
}

static void test_one_that_signs_itself(void **state)
{
    (void)state;
    struct identity who = identity_new(NULL, "a", "DNS:a.test", -DAY, DAY);
    assert_int_equal(facts_of(&who, "a.test", TLS1_3_VERSION).flaw, TLS_FLAW_SELF_SIGNED);
    identity_free(&who);
}

/* Bytes in place of a server. */
static struct tls_facts facts_by_bytes(const void *bytes, size_t size)
{
    struct tls_facts facts;
    struct tls_config *config = config_for(&authority);
    struct chunk_pool pool;
    chunk_pool_init(&pool, MIB);
    struct tls *t = tls_new(config, "a.test", NULL, &pool);
    tls_watch(t, &facts);
    assert_int_equal(tls_handshake(t), TLS_WANT_MORE);
    tls_put_cipher(t, span_of(bytes, size));
    tls_handshake(t);
    tls_keep_rest(t);
    tls_free(t);
    tls_config_free(config);
    chunk_pool_clear(&pool);
    return facts;
}

static void test_alerts_before_anything_else(void **state)
{
    (void)state;
    static const uint8_t fatal[] = {0x15, 3, 1, 0, 2, 2, 80};
    struct tls_facts f = facts_by_bytes(fatal, sizeof fatal);
    assert_int_equal(f.alert, 80);
    assert_false(f.saw_server_hello || f.has_certificate);
    assert_true(f.looks_like_tls);
}

static void test_what_is_no_tls(void **state)
{
    (void)state;
    struct tls_facts f = facts_by_bytes("HTTP/1.1 400", 12);
    assert_false(f.looks_like_tls);
    assert_int_equal(f.first_size, 5);
    assert_memory_equal(f.first, "HTTP/", 5);
}

static void test_nothing_came(void **state)
{
    (void)state;
    struct tls_facts f = facts_by_bytes("", 0);
    assert_true(f.looks_like_tls && f.first_size == 0 && f.alert == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_handshake),
        cmocka_unit_test(test_flaws),
        cmocka_unit_test(test_one_that_signs_itself),
        cmocka_unit_test(test_alerts_before_anything_else),
        cmocka_unit_test(test_what_is_no_tls),
        cmocka_unit_test(test_nothing_came),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
