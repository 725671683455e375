/* What is refused, and whether the sentence names the cause and the remedy. */
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

/* What a handshake with a server of this certificate ends with. */
static struct error outcome(const struct tls_config_options *options, const struct identity *who,
                            const char *host_name, int version)
{
    struct error why = {0};
    struct tls_config *config = tls_config_new(options, &why);
    assert_non_null(config);
    SSL_CTX *ctx = server_ctx(who, version);
    struct pair p;
    pair_init(&p, config, ctx, host_name, NULL);
    pair_run(&p);
    why = *tls_why(p.client);
    assert_int_equal(p.result, why.status == STATUS_OK ? TLS_WANT_MORE : TLS_FAILED);
    if (why.status != STATUS_OK) {
        assert_int_equal(tls_handshake(p.client), TLS_FAILED); /* stays failed */
        assert_false(SSL_is_init_finished(p.server));          /* and has promised nothing */
    }
    pair_clear(&p);
    SSL_CTX_free(ctx);
    tls_config_free(config);
    return why;
}

static void expect(const struct error *why, enum status status, const char *says)
{
    if (why->status != status || strstr(why->text, says) == NULL) {
        fail_msg("%s: %s (expected %s: %s)", status_name(why->status), why->text,
                 status_name(status), says);
    }
}

/* A certificate, the name that is asked for, and what comes of it. */
struct certificate_case {
    const char *names;
    long from, to;
    const char *host_name;
    enum status status;
    const char *says;
};

static const struct certificate_case cases[] = {
    {"DNS:a.test,DNS:*.b.test", -DAY, DAY, "a.test", STATUS_OK, ""},
    {"DNS:a.test,DNS:*.b.test", -DAY, DAY, "a.test.", STATUS_OK, ""},
    {"DNS:a.test,DNS:*.b.test", -DAY, DAY, "x.b.test", STATUS_OK, ""},
    {"DNS:a.test,DNS:*.b.test", -DAY, DAY, "x.y.b.test", STATUS_TLS_CERTIFICATE,
     "is for a.test, *.b.test, not for x.y.b.test"},
    {"DNS:a.test,DNS:*.b.test", -DAY, DAY, "b.test", STATUS_TLS_CERTIFICATE, "not for b.test"},
    {"DNS:x*.b.test", -DAY, DAY, "xy.b.test", STATUS_TLS_CERTIFICATE, "not for xy.b.test"},
    {"DNS:a.test,IP:127.0.0.5", -DAY, DAY, "127.0.0.5", STATUS_OK, ""},
    {"DNS:a.test,IP:127.0.0.5,IP:::1", -DAY, DAY, "::1", STATUS_OK, ""},
    {"DNS:127.0.0.6,IP:127.0.0.5,IP:::1", -DAY, DAY, "127.0.0.6", STATUS_TLS_CERTIFICATE,
     "is for 127.0.0.6, 127.0.0.5, 0:0:0:0:0:0:0:1, not for 127.0.0.6"},
    {"", -DAY, DAY, "else.test", STATUS_TLS_CERTIFICATE, "is for node, not for else.test"},
    {"DNS:a.test", -3 * DAY, -DAY, "a.test", STATUS_TLS_CERTIFICATE,
     "the server's certificate expired on 20"},
    {"DNS:a.test", DAY, 3 * DAY, "a.test", STATUS_TLS_CERTIFICATE,
     "the server's certificate is not valid before 20"},
};

static void certificates_are_judged(void **state)
{
    (void)state;
    struct tls_config_options options = {.ca_file = authority.path};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct certificate_case *c = &cases[i];
        struct identity who = identity_new(&authority, "node", c->names, c->from, c->to);
        struct error why = outcome(&options, &who, c->host_name, TLS1_3_VERSION);
        expect(&why, c->status, c->says);
        why = outcome(&options, &who, c->host_name, TLS1_2_VERSION);
        expect(&why, c->status, c->says);
        identity_free(&who);
    }
}

static void unknown_authorities_are_refused(void **state)
{
    (void)state;
    struct tls_config_options options = {.ca_file = authority.path};
    struct identity who = identity_new(&stranger, "node", "DNS:a.test", -DAY, DAY);
    struct error why = outcome(&options, &who, "a.test", TLS1_3_VERSION);
    expect(&why, STATUS_TLS_CERTIFICATE,
           "is issued by CN=Stranger CA, which this machine does not");
    expect(&why, STATUS_TLS_CERTIFICATE, "set tls.caFile");
    identity_free(&who);

    who = identity_new(NULL, "alone", "DNS:a.test", -DAY, DAY);
    why = outcome(&options, &who, "a.test", TLS1_3_VERSION);
    expect(&why, STATUS_TLS_CERTIFICATE, "signed by itself");
    identity_free(&who);

    struct identity old = identity_new(NULL, "Old CA", NULL, -3 * DAY, -DAY);
    write_pem(old.path, old.certificate, NULL, NULL);
    options.ca_file = old.path;
    who = identity_new(&old, "node", "DNS:a.test", -DAY, DAY);
    why = outcome(&options, &who, "a.test", TLS1_3_VERSION);
    expect(&why, STATUS_TLS_CERTIFICATE, "a CA certificate above the server's certificate expired");
    identity_free(&who);
    identity_free(&old);
}

static void long_lists_of_names_are_cut(void **state)
{
    (void)state;
    char names[4096] = "DNS:first.test";
    for (int i = 0; i < 60; i++) {
        snprintf(names + strlen(names), sizeof names - strlen(names), ",DNS:node-%d.shard.test", i);
    }
    struct tls_config_options options = {.ca_file = authority.path};
    struct identity who = identity_new(&authority, "node", names, -DAY, DAY);
    struct error why = outcome(&options, &who, "a.test", TLS1_3_VERSION);
    expect(&why, STATUS_TLS_CERTIFICATE, "is for first.test, node-0.shard.test");
    expect(&why, STATUS_TLS_CERTIFICATE, ", ..., not for a.test; connect by a name");
    identity_free(&who);
}

static void what_is_allowed_is_allowed(void **state)
{
    (void)state;
    struct identity who = identity_new(&stranger, "node", "DNS:a.test", -3 * DAY, -DAY);
    struct tls_config_options options = {.allow_invalid_certificates = true};
    struct error why = outcome(&options, &who, "b.test", TLS1_3_VERSION);
    assert_int_equal(why.status, STATUS_OK);
    identity_free(&who);

    who = identity_new(&authority, "node", "DNS:a.test", -DAY, DAY);
    options =
        (struct tls_config_options){.ca_file = authority.path, .allow_invalid_host_names = true};
    why = outcome(&options, &who, "b.test", TLS1_3_VERSION);
    assert_int_equal(why.status, STATUS_OK);
    why = outcome(&options, &who, "127.0.0.9", TLS1_3_VERSION);
    assert_int_equal(why.status, STATUS_OK);
    identity_free(&who);
}

static void versions_below_the_lowest_are_refused(void **state)
{
    (void)state;
    struct identity who = identity_new(&authority, "node", "DNS:a.test", -DAY, DAY);
    struct tls_config_options options = {.ca_file = authority.path, .require_1_3 = true};
    struct error why = outcome(&options, &who, "a.test", TLS1_2_VERSION);
    expect(&why, STATUS_TLS_FAILED, "alert 70 (protocol version); it speaks no TLS version from");
    why = outcome(&options, &who, "a.test", TLS1_3_VERSION);
    assert_int_equal(why.status, STATUS_OK);
    options.require_1_3 = false;
    why = outcome(&options, &who, "a.test", TLS1_1_VERSION);
    assert_int_equal(why.status, STATUS_TLS_FAILED);
    identity_free(&who);
}

static void names_that_no_server_can_have_fail(void **state)
{
    (void)state;
    struct identity who = identity_new(&authority, "node", "DNS:a.test", -DAY, DAY);
    struct tls_config_options options = {.ca_file = authority.path};
    char name[400];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct error why = outcome(&options, &who, name, TLS1_3_VERSION);
    expect(&why, STATUS_BAD_INPUT, "cannot be the name of a TLS server");
    why = outcome(&options, &who, "", TLS1_3_VERSION);
    expect(&why, STATUS_BAD_INPUT, "cannot be the name of a TLS server");
    identity_free(&who);
}

/* What the engine says to the first bytes of a server, delivered whole or one by one. */
static struct error first_words(const void *bytes, size_t size, size_t step)
{
    struct tls_config *config = config_for(&authority);
    struct identity who = identity_new(&authority, "node", "DNS:a.test", -DAY, DAY);
    SSL_CTX *ctx = server_ctx(&who, TLS1_3_VERSION);
    struct pair p;
    pair_init(&p, config, ctx, "a.test", NULL);
    assert_int_equal(tls_handshake(p.client), TLS_WANT_MORE);
    for (size_t at = 0; at < size; at += step) {
        pair_deliver(&p, (const uint8_t *)bytes + at, step < size - at ? step : size - at);
    }
    struct error why = *tls_why(p.client);
    pair_clear(&p);
    SSL_CTX_free(ctx);
    identity_free(&who);
    tls_config_free(config);
    return why;
}

static void peers_without_tls_are_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } greetings[] = {
        {"HTTP/1.1 400 Bad Request\r\n\r\n", 28, "does not speak TLS"},
        {"SSH-2.0-OpenSSH_9.2\r\n", 21, "does not speak TLS"},
        {"\x10\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xdd\x07\x00\x00", 16,
         "does not speak TLS"},
        {"\x16\x02\x03\x00\x05hello", 10, "does not speak TLS"},
        {"\x15\x03\x03\x00\x02\x02\x50", 7, "alert 80 (internal error); Atlas answers so when"},
        {"\x15\x03\x03\x00\x02\x02\x28", 7, "alert 40 (handshake failure)"},
        {"\x15\x03\x03\x00\x02\x02\x5a", 7, "alert 90"},
        {"\x16\x03\x03\x00\x04\x02\x00\x00\x00", 9, "the TLS handshake failed: "},
    };
    for (size_t i = 0; i < sizeof greetings / sizeof greetings[0]; i++) {
        for (size_t step = 1; step < 100; step += 98) {
            struct error why = first_words(greetings[i].bytes, greetings[i].size, step);
            expect(&why, STATUS_TLS_FAILED, greetings[i].says);
        }
    }
}

static void an_end_during_the_handshake_is_told(void **state)
{
    (void)state;
    struct tls_config *config = config_for(&authority);
    struct chunk_pool pool;
    chunk_pool_init(&pool, MIB);
    struct tls *t = tls_new(config, "a.test", NULL, &pool);
    assert_int_equal(tls_handshake(t), TLS_WANT_MORE);
    tls_shutdown(t); /* nothing to say yet */
    assert_int_equal(tls_on_end(t), TLS_FAILED);
    expect(tls_why(t), STATUS_PEER_CLOSED, "during the TLS handshake");
    tls_free(t);
    tls_free(NULL);
    tls_config_free(config);
    tls_config_free(NULL);
    chunk_pool_clear(&pool);
}

/* Noise in the place of each byte of the server's first flight: an outcome, and nothing read or
 * written where it should not be. */
static void noise_in_the_handshake_fails_or_waits(void **state)
{
    (void)state;
    static uint8_t flight[8192];
    struct identity who = identity_new(&authority, "node", "DNS:a.test", -DAY, DAY);
    struct tls_config *config = config_for(&authority);
    SSL_CTX *ctx = server_ctx(&who, TLS1_2_VERSION);
    size_t size = 1;
    for (size_t at = 0; at < size; at += 3) {
        struct pair p;
        pair_init(&p, config, ctx, "a.test", NULL);
        tls_handshake(p.client);
        pair_to_server(&p);
        size = (size_t)BIO_read(SSL_get_wbio(p.server), flight, sizeof flight);
        flight[at % size] ^= (uint8_t)(1 + at % 255); /* signatures vary in size */
        pair_deliver(&p, flight, size);
        pair_run(&p);
        assert_false(tls_is_ready(p.client));
        pair_clear(&p);
    }
    SSL_CTX_free(ctx);
    tls_config_free(config);
    identity_free(&who);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_are_judged),
        cmocka_unit_test(unknown_authorities_are_refused),
        cmocka_unit_test(long_lists_of_names_are_cut),
        cmocka_unit_test(what_is_allowed_is_allowed),
        cmocka_unit_test(versions_below_the_lowest_are_refused),
        cmocka_unit_test(names_that_no_server_can_have_fail),
        cmocka_unit_test(peers_without_tls_are_recognised),
        cmocka_unit_test(an_end_during_the_handshake_is_told),
        cmocka_unit_test(noise_in_the_handshake_fails_or_waits),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
