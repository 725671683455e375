/* Whole logins against a small server: negotiation, speculation, both endings. */
#include "login_world.h"

static void speculation_saves_a_round(void **state)
{
    (void)state;
    struct login_keys *keys = login_keys_new();
    struct sasl_server server = sha_256_server();
    struct login *l = login_new(&pencil, nonce, keys);
    greet(l, &server, HELLO_SPECULATES, "SCRAM-SHA-1", "SCRAM-SHA-256");
    struct told told = run(l, &server);
    assert_int_equal(told.end, LOGIN_DONE);
    assert_int_equal(told.commands, 1);
    assert_int_equal(told.works, 1);
    assert_string_equal(login_mechanism_name(l), "SCRAM-SHA-256");
    assert_int_equal(login_why(l)->status, STATUS_OK);
    login_free(l);

    /* The second login finds the keys. */
    l = login_new(&pencil, nonce, keys);
    greet(l, &server, HELLO_SPECULATES, "SCRAM-SHA-1", "SCRAM-SHA-256");
    told = run(l, &server);
    assert_int_equal(told.end, LOGIN_DONE);
    assert_int_equal(told.works, 0);
    login_free(l);
    login_keys_free(keys);
}

static void hello_names_user_and_database(void **state)
{
    (void)state;
    struct login_keys *keys = login_keys_new();
    struct login_credentials c = pencil;
    c.user = "\u2168,x";
    c.source = "app";
    struct login *l = login_new(&c, nonce, keys);
    bson_t hello = BSON_INITIALIZER;
    bson_iter_t it, found;
    login_add_to_hello(l, &hello);
    assert_true(bson_iter_init_find(&it, &hello, "saslSupportedMechs"));
    assert_string_equal(bson_iter_utf8(&it, NULL), "app.\u2168,x");
    assert_true(bson_iter_init(&it, &hello));
    assert_true(bson_iter_find_descendant(&it, "speculativeAuthenticate.db", &found));
    assert_string_equal(bson_iter_utf8(&found, NULL), "app");
    assert_true(bson_iter_init(&it, &hello));
    assert_true(bson_iter_find_descendant(&it, "speculativeAuthenticate.mechanism", &found));
    assert_string_equal(bson_iter_utf8(&found, NULL), "SCRAM-SHA-256");
    bson_destroy(&hello);
    login_free(l);
    login_keys_free(keys);
}

static void negotiation(void **state)
{
    (void)state;
    static const struct {
        enum hello_kind kind;
        const char *first, *second;
        const char *mechanism;
        int commands;
    } cases[] = {
        {HELLO_LISTS, "SCRAM-SHA-256", "SCRAM-SHA-1", "SCRAM-SHA-256", 2},
        {HELLO_LISTS, "SCRAM-SHA-1", "SOMETHING-NEW", "SCRAM-SHA-1", 2},
        {HELLO_LISTS, "SOMETHING-NEW", "OTHER", "SCRAM-SHA-1", 2},
        {HELLO_SILENT, NULL, NULL, "SCRAM-SHA-1", 2},
        /* The speculative SHA-256 answer is discarded. */
        {HELLO_SPECULATES, "SCRAM-SHA-1", "MONGODB-X509", "SCRAM-SHA-1", 2},
        {HELLO_SPECULATES, "SCRAM-SHA-256", "SCRAM-SHA-1", "SCRAM-SHA-256", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct login_keys *keys = login_keys_new();
        bool sha_1 = strcmp(cases[i].mechanism, "SCRAM-SHA-1") == 0;
        struct sasl_server speculating = sha_256_server();
        struct sasl_server server = sha_1 ? sha_1_server() : sha_256_server();
        struct login *l = login_new(&pencil, nonce, keys);
        greet(l, sha_1 ? &speculating : &server, cases[i].kind, cases[i].first, cases[i].second);
        struct told told = run(l, &server);
        assert_int_equal(told.end, LOGIN_DONE);
        assert_string_equal(login_mechanism_name(l), cases[i].mechanism);
        assert_int_equal(told.commands, cases[i].commands);
        if (cases[i].kind == HELLO_SPECULATES && sha_1) {
            assert_string_not_equal(speculating.nonce, server.nonce);
        }
        login_free(l);
        login_keys_free(keys);
    }
}

static void an_explicit_mechanism_is_honoured(void **state)
{
    (void)state;
    for (int sha_1 = 0; sha_1 < 2; sha_1++) {
        struct login_keys *keys = login_keys_new();
        struct login_credentials c = pencil;
        struct sasl_server server = sha_1 ? sha_1_server() : sha_256_server();
        c.mechanism = sha_1 ? LOGIN_SCRAM_SHA_1 : LOGIN_SCRAM_SHA_256;
        struct login *l = login_new(&c, nonce, keys);
        greet(l, &server, HELLO_SPECULATES, "SCRAM-SHA-1", "SCRAM-SHA-256");
        struct told told = run(l, &server);
        assert_int_equal(told.end, LOGIN_DONE);
        assert_int_equal(told.commands, 1);
        assert_string_equal(login_mechanism_name(l), server.mechanism);
        login_free(l);
        login_keys_free(keys);
    }
    struct login_keys *keys = login_keys_new();
    struct login_credentials c = pencil;
    c.mechanism = LOGIN_SCRAM_SHA_256;
    struct login *l = login_new(&c, nonce, keys);
    bson_t hello = BSON_INITIALIZER;
    login_add_to_hello(l, &hello);
    assert_false(bson_has_field(&hello, "saslSupportedMechs"));
    bson_destroy(&hello);
    login_free(l);
    login_keys_free(keys);
}

static void an_old_server_wants_an_empty_round(void **state)
{
    (void)state;
    struct login_keys *keys = login_keys_new();
    struct sasl_server server = sha_256_server();
    server.old = true;
    struct login *l = login_new(&pencil, nonce, keys);
    greet(l, &server, HELLO_LISTS, "SCRAM-SHA-256", "SCRAM-SHA-1");
    struct told told = run(l, &server);
    assert_int_equal(told.end, LOGIN_DONE);
    assert_int_equal(told.commands, 3);
    login_free(l);
    login_keys_free(keys);
}

static void passwords_are_prepared_and_names_are_not(void **state)
{
    (void)state;
    static const char *const pairs[][3] = {/* user, password typed, password stored */
                                           {"IX", "I\u00adX", "IX"},
                                           {"\u2168", "I\u00adV", "IV"},
                                           {"\u2168", "\u2163", "IV"}};
    for (size_t i = 0; i < 3; i++) {
        struct login_keys *keys = login_keys_new();
        struct login_credentials c = pencil;
        struct sasl_server server = sha_256_server();
        c.user = server.name = pairs[i][0];
        c.password = pairs[i][1];
        server.password = pairs[i][2];
        struct login *l = login_new(&c, nonce, keys);
        greet(l, &server, HELLO_LISTS, "SCRAM-SHA-256", "SCRAM-SHA-1");
        assert_int_equal(run(l, &server).end, LOGIN_DONE);
        login_free(l);
        login_keys_free(keys);
    }
}

static void reauthentication_needs_no_hello(void **state)
{
    (void)state;
    static const uint8_t other[LOGIN_NONCE_BYTES] = "24 other bytes, as good.";
    struct login_keys *keys = login_keys_new();
    struct sasl_server server = sha_256_server();
    struct login *l = login_new(&pencil, nonce, keys);
    greet(l, &server, HELLO_SPECULATES, "SCRAM-SHA-256", "SCRAM-SHA-1");
    assert_int_equal(run(l, &server).end, LOGIN_DONE);
    char before[512];
    strcpy(before, server.nonce);
    login_restart(l, other);
    struct told told = run(l, &server);
    assert_int_equal(told.end, LOGIN_DONE);
    assert_int_equal(told.commands, 2);
    assert_int_equal(told.works, 0);
    assert_int_equal(server.starts, 2);
    assert_string_not_equal(before, server.nonce);
    login_free(l);
    login_keys_free(keys);
}

static void work_may_outlive_its_login(void **state)
{
    (void)state;
    struct login_keys *keys = login_keys_new();
    struct sasl_server server = sha_256_server();
    struct login *l = login_new(&pencil, nonce, keys);
    greet(l, &server, HELLO_SPECULATES, "SCRAM-SHA-256", "SCRAM-SHA-1");
    bson_t command = BSON_INITIALIZER;
    assert_int_equal(login_next_action(l, &command), LOGIN_WORK);
    struct login_work *work = login_take_work(l);
    login_free(l);
    login_work_run(work);
    login_work_free(work);
    login_work_free(NULL);
    login_free(NULL);
    bson_destroy(&command);

    /* What was derived for nobody serves the next one. */
    l = login_new(&pencil, nonce, keys);
    greet(l, &server, HELLO_SPECULATES, "SCRAM-SHA-256", "SCRAM-SHA-1");
    assert_int_equal(run(l, &server).works, 0);
    login_free(l);
    login_keys_free(keys);
}

static void work_may_outlive_everything(void **state)
{
    (void)state;
    struct login_keys *keys = login_keys_new();
    struct sasl_server server = sha_256_server();
    struct login *l = login_new(&pencil, nonce, keys);
    greet(l, &server, HELLO_SPECULATES, "SCRAM-SHA-256", "SCRAM-SHA-1");
    bson_t command = BSON_INITIALIZER;
    assert_int_equal(login_next_action(l, &command), LOGIN_WORK);
    struct login_work *work = login_take_work(l);
    login_free(l);
    login_keys_free(keys);
    login_work_run(work);
    login_work_free(work);
    bson_destroy(&command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speculation_saves_a_round),
        cmocka_unit_test(hello_names_user_and_database),
        cmocka_unit_test(negotiation),
        cmocka_unit_test(an_explicit_mechanism_is_honoured),
        cmocka_unit_test(an_old_server_wants_an_empty_round),
        cmocka_unit_test(passwords_are_prepared_and_names_are_not),
        cmocka_unit_test(reauthentication_needs_no_hello),
        cmocka_unit_test(work_may_outlive_its_login),
        cmocka_unit_test(work_may_outlive_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
