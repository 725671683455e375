/* The files of the settings, client certificates, and short handshakes. */
#include "tls_world.h"

static struct identity authority;
static struct identity node;
static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static int make_certificates(void **state)
{
    (void)state;
    authority = authority_new("Test CA");
    node = identity_new(&authority, "node", "DNS:node.test,DNS:other.test", -DAY, DAY);
    return 0;
}

static int free_certificates(void **state)
{
    (void)state;
    identity_free(&node);
    identity_free(&authority);
    return 0;
}

/* One handshake and a few bytes each way (tickets come behind the handshake); was it short? */
static bool meet(struct tls_config *config, SSL_CTX *ctx, const char *host_name,
                 struct tls_resume *resume)
{
    struct pair p;
    pair_init(&p, config, ctx, host_name, resume);
    pair_run(&p);
    assert_true(tls_is_ready(p.client));
    bool short_one = tls_was_resumed(p.client);
    assert_int_equal(short_one, SSL_session_reused(p.server));
    pair_clear(&p);
    return short_one;
}

static void the_second_handshake_is_short(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct tls_config *config = config_for(&authority);
        SSL_CTX *ctx = server_ctx(&node, versions[i]);
        struct tls_resume *resume = tls_resume_new();
        assert_false(meet(config, ctx, "node.test", resume));
        assert_true(meet(config, ctx, "node.test", resume));
        assert_true(meet(config, ctx, "node.test", resume));
        assert_false(meet(config, ctx, "node.test", NULL));
        tls_resume_free(resume);
        SSL_CTX_free(ctx);
        tls_config_free(config);
    }
}

static void another_name_or_config_begins_anew(void **state)
{
    (void)state;
    struct tls_config *config = config_for(&authority);
    struct tls_config *reloaded = config_for(&authority);
    SSL_CTX *ctx = server_ctx(&node, TLS1_3_VERSION);
    struct tls_resume *resume = tls_resume_new();
    assert_false(meet(config, ctx, "node.test", resume));
    assert_false(meet(config, ctx, "other.test", resume));
    assert_false(meet(config, ctx, "node.test", resume));
    assert_false(meet(reloaded, ctx, "node.test", resume));
    assert_true(meet(reloaded, ctx, "node.test", resume));
    tls_resume_free(resume);
    SSL_CTX_free(ctx);
    tls_config_free(config);
    tls_config_free(reloaded);
}

static void a_server_that_has_forgotten_is_met_in_full(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct tls_config *config = config_for(&authority);
        SSL_CTX *ctx = server_ctx(&node, versions[i]);
        SSL_CTX *restarted = server_ctx(&node, versions[i]);
        struct tls_resume *resume = tls_resume_new();
        assert_false(meet(config, ctx, "node.test", resume));
        assert_false(meet(config, restarted, "node.test", resume));
        assert_true(meet(config, restarted, "node.test", resume));
        tls_resume_free(resume);
        SSL_CTX_free(ctx);
        SSL_CTX_free(restarted);
        tls_config_free(config);
    }
}

/* Should what is remembered be why a handshake fails, the next must not fail for it too. */
static void a_failed_handshake_is_forgotten(void **state)
{
    (void)state;
    struct tls_config *config = config_for(&authority);
    SSL_CTX *ctx = server_ctx(&node, TLS1_3_VERSION);
    struct tls_resume *resume = tls_resume_new();
    assert_false(meet(config, ctx, "node.test", resume));
    struct pair p;
    pair_init(&p, config, ctx, "node.test", resume);
    tls_handshake(p.client);
    assert_int_equal(tls_on_end(p.client), TLS_FAILED);
    pair_clear(&p);
    assert_false(meet(config, ctx, "node.test", resume));
    assert_true(meet(config, ctx, "node.test", resume));

    /* An end without close_notify says nothing against it. */
    pair_init(&p, config, ctx, "node.test", resume);
    pair_run(&p);
    assert_int_equal(tls_on_end(p.client), TLS_FAILED);
    pair_clear(&p);
    assert_true(meet(config, ctx, "node.test", resume));
    tls_resume_free(resume);
    SSL_CTX_free(ctx);
    tls_config_free(config);
}

/* The engine outlives its owner's claims. */
static void claims_are_counted(void **state)
{
    (void)state;
    struct tls_config *config = config_for(&authority);
    SSL_CTX *ctx = server_ctx(&node, TLS1_3_VERSION);
    struct tls_resume *resume = tls_resume_new();
    struct pair p;
    pair_init(&p, config, ctx, "node.test", resume);
    tls_resume_free(resume);
    tls_config_free(config);
    pair_run(&p);
    assert_true(tls_is_ready(p.client));
    pair_clear(&p);
    SSL_CTX_free(ctx);
}

static void expect_refusal(const struct tls_config_options *options, enum status status,
                           const char *says)
{
    struct error why = {0};
    assert_null(tls_config_new(options, &why));
    if (why.status != status || strstr(why.text, says) == NULL) {
        fail_msg("%s: %s", status_name(why.status), why.text);
    }
    assert_int_equal(ERR_peek_error(), 0);
}

static void files_that_cannot_be_used_are_named(void **state)
{
    (void)state;
    char key_alone[PATH_BYTES], certificate_alone[PATH_BYTES], encrypted[PATH_BYTES],
        mixed[PATH_BYTES];
    struct identity other = identity_new(&authority, "other", "DNS:x.test", -DAY, DAY);
    write_pem(key_alone, NULL, node.key, NULL);
    write_pem(certificate_alone, node.certificate, NULL, NULL);
    write_pem(encrypted, node.certificate, node.key, "secret word");
    write_pem(mixed, node.certificate, other.key, NULL);
    const struct {
        struct tls_config_options options;
        enum status status;
        const char *says;
    } cases[] = {
        {{.ca_file = "/nowhere/ca.pem"},
         STATUS_FILE_FAILED,
         "tls.caFile: /nowhere/ca.pem: No such file"},
        {{.ca_file = key_alone}, STATUS_BAD_INPUT, "holds no certificate in PEM form"},
        {{.certificate_key_file = "/nowhere/key.pem"},
         STATUS_FILE_FAILED,
         "tls.certificateKeyFile: /nowhere/key.pem: No such file"},
        {{.certificate_key_file = key_alone}, STATUS_BAD_INPUT, "holds no certificate"},
        {{.certificate_key_file = certificate_alone}, STATUS_BAD_INPUT, "holds no private key"},
        {{.certificate_key_file = mixed}, STATUS_BAD_INPUT, "does not belong to the certificate"},
        {{.certificate_key_file = encrypted}, STATUS_BAD_INPUT, "is missing or wrong"},
        {{.certificate_key_file = encrypted, .certificate_key_password = "other word"},
         STATUS_BAD_INPUT,
         "is missing or wrong"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tls_config_options options = cases[i].options;
        options.ca_file = options.ca_file == NULL ? authority.path : options.ca_file;
        expect_refusal(&options, cases[i].status, cases[i].says);
    }
    unlink(key_alone);
    unlink(certificate_alone);
    unlink(encrypted);
    unlink(mixed);
    identity_free(&other);
}

static SSL_CTX *demanding_ctx(int version)
{
    SSL_CTX *ctx = server_ctx(&node, version);
    assert_int_equal(SSL_CTX_load_verify_file(ctx, authority.path), 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return ctx;
}

static void a_client_certificate_is_shown(void **state)
{
    (void)state;
    struct identity own = identity_new(&authority, "app", "DNS:app.test", -DAY, DAY);
    write_pem(own.path, own.certificate, own.key, "secret word");
    struct tls_config_options options = {.ca_file = authority.path,
                                         .certificate_key_file = own.path,
                                         .certificate_key_password = "secret word"};
    for (int i = 0; i < 2; i++) {
        struct error why = {0};
        struct tls_config *config = tls_config_new(&options, &why);
        assert_non_null(config);
        SSL_CTX *ctx = demanding_ctx(versions[i]);
        struct pair p;
        pair_init(&p, config, ctx, "node.test", NULL);
        pair_run(&p);
        assert_true(tls_is_ready(p.client));
        X509 *shown = SSL_get1_peer_certificate(p.server);
        assert_int_equal(X509_cmp(shown, own.certificate), 0);
        X509_free(shown);
        pair_clear(&p);
        SSL_CTX_free(ctx);
        tls_config_free(config);
    }
    identity_free(&own);
}

static void a_server_that_wants_one_says_so(void **state)
{
    (void)state;
    static const char *const says[] = {"alert 40", "alert 116"};
    for (int i = 0; i < 2; i++) {
        struct tls_config *config = config_for(&authority);
        SSL_CTX *ctx = demanding_ctx(versions[i]);
        struct pair p;
        pair_init(&p, config, ctx, "node.test", NULL);
        pair_run(&p);
        assert_int_equal(p.result, TLS_FAILED);
        assert_int_equal(tls_why(p.client)->status, STATUS_TLS_FAILED);
        assert_non_null(strstr(tls_why(p.client)->text, says[i]));
        assert_non_null(strstr(tls_why(p.client)->text, "set tls.certificateKeyFile"));
        pair_clear(&p);
        SSL_CTX_free(ctx);
        tls_config_free(config);
    }
}

static void the_system_says_where_its_roots_are(void **state)
{
    (void)state;
    struct tls_config_options options = {0};
    struct error why = {0};
    SSL_CTX *ctx = server_ctx(&node, TLS1_3_VERSION);
    setenv("SSL_CERT_FILE", authority.path, 1);
    struct tls_config *config = tls_config_new(&options, &why);
    unsetenv("SSL_CERT_FILE");
    assert_non_null(config);
    assert_false(meet(config, ctx, "node.test", NULL));
    tls_config_free(config);
    SSL_CTX_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_handshake_is_short),
        cmocka_unit_test(another_name_or_config_begins_anew),
        cmocka_unit_test(a_server_that_has_forgotten_is_met_in_full),
        cmocka_unit_test(a_failed_handshake_is_forgotten),
        cmocka_unit_test(claims_are_counted),
        cmocka_unit_test(files_that_cannot_be_used_are_named),
        cmocka_unit_test(a_client_certificate_is_shown),
        cmocka_unit_test(a_server_that_wants_one_says_so),
        cmocka_unit_test(the_system_says_where_its_roots_are),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
