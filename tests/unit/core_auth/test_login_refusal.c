/* Logins that fail: what is said, and whether trying again could help. */
#include "login_world.h"

/* Runs a login that must fail, and gives it back for a look at why. */
static struct login *failing(struct sasl_server *server, struct login_keys *keys)
{
    struct login *l = login_new(&pencil, nonce, keys);
    greet(l, server, HELLO_LISTS, "SCRAM-SHA-256", "SCRAM-SHA-1");
    assert_int_equal(run(l, server).end, LOGIN_FAILED);
    assert_null(strstr(login_why(l)->text, "pencil"));
    return l;
}

static void a_server_that_breaks_the_conversation_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        static const char *const says[] = {"without proving", "could not prove",
                                           "does not end the login", "conversationId"};
        struct login_keys *keys = login_keys_new();
        struct sasl_server server = sha_256_server();
        server.done_too_early = i == 0;
        server.wrong_signature = i == 1;
        server.old = i == 2;
        server.never_done = i == 2;
        server.no_conversation = i == 3;
        struct login *l = failing(&server, keys);
        assert_non_null(strstr(login_why(l)->text, says[i]));
        assert_true(login_error_is_permanent(l));
        assert_int_equal(login_server_code(l), 0);
        login_free(l);
        login_keys_free(keys);
    }
}

static void a_wrong_password_is_told_once_with_the_remedy(void **state)
{
    (void)state;
    struct login_keys *keys = login_keys_new();
    struct sasl_server server = sha_256_server();
    server.password = "other";
    struct login *l = failing(&server, keys);
    const struct error *why = login_why(l);
    assert_int_equal(why->status, STATUS_AUTH_FAILED);
    assert_string_equal(
        why->text,
        "the server refused the login of user by SCRAM-SHA-256 in database admin: Authentication "
        "failed (code 18); check user name and password (special characters in a connection string "
        "are percent-encoded), and that the user belongs to the database admin (else set "
        "authSource)");
    assert_int_equal(login_server_code(l), 18);
    assert_true(login_error_is_permanent(l));
    login_free(l);
    login_keys_free(keys);
}

/* The login after the server answered its first command with this refusal. */
static struct login *refused(const struct login_credentials *c, struct login_keys *keys, int code,
                             const char *message)
{
    bson_t command = BSON_INITIALIZER;
    bson_t hello = BSON_INITIALIZER;
    bson_t reply = BSON_INITIALIZER;
    BSON_APPEND_INT32(&hello, "ok", 1);
    sasl_refuse(&reply, code, message);
    struct login *l = login_new(c, nonce, keys);
    login_on_hello(l, &hello);
    assert_int_equal(login_next_action(l, &command), LOGIN_SEND);
    login_on_reply(l, &reply);
    assert_int_equal(login_next_action(l, &command), LOGIN_FAILED);
    bson_destroy(&command);
    bson_destroy(&hello);
    bson_destroy(&reply);
    return l;
}

static void refusals_name_the_remedy(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *message;
        enum status status;
        bool permanent;
        const char *says;
    } cases[] = {
        {8000, "bad auth : Authentication failed.", STATUS_AUTH_FAILED, true, "user name and"},
        {8000, "no SNI name sent", STATUS_AUTH_FAILED, true, "no SNI name sent (code 8000)"},
        {11, "Could not find user", STATUS_AUTH_FAILED, true, "user name and password"},
        {334, "Unsupported mechanism", STATUS_AUTH_UNSUPPORTED, true, "remove authMechanism"},
        {214, "restricted", STATUS_AUTH_FAILED, true, "authenticationRestrictions"},
        {91, "shutting down", STATUS_AUTH_FAILED, false, "shutting down (code 91)"},
        {462, "too many\nlogins \xff", STATUS_AUTH_FAILED, false, "too many login"},
        {10107, "not primary", STATUS_AUTH_FAILED, false, "not primary"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct login_keys *keys = login_keys_new();
        struct login *l = refused(&pencil, keys, cases[i].code, cases[i].message);
        const struct error *why = login_why(l);
        assert_int_equal(why->status, cases[i].status);
        assert_int_equal(login_error_is_permanent(l), cases[i].permanent);
        assert_int_equal(login_server_code(l), cases[i].code);
        assert_true(bson_utf8_validate(why->text, strlen(why->text), false));
        assert_null(strchr(why->text, '\n'));
        if (i != 6 && strstr(why->text, cases[i].says) == NULL) {
            fail_msg("%d: %s", cases[i].code, why->text);
        }
        login_free(l);
        login_keys_free(keys);
    }
    struct login_keys *keys = login_keys_new();
    struct login_credentials elsewhere = pencil;
    elsewhere.source = "app";
    struct login *l = refused(&elsewhere, keys, 18, "Authentication failed.");
    assert_non_null(strstr(login_why(l)->text, "authSource=admin"));
    login_free(l);
    login_keys_free(keys);
}

static void a_refused_hello_fails_the_login(void **state)
{
    (void)state;
    struct login_keys *keys = login_keys_new();
    struct login *l = login_new(&pencil, nonce, keys);
    bson_t hello = BSON_INITIALIZER;
    bson_t reply = BSON_INITIALIZER;
    login_add_to_hello(l, &hello);
    sasl_refuse(&reply, 11, "Could not find user");
    login_on_hello(l, &reply);
    assert_int_equal(login_next_action(l, &hello), LOGIN_FAILED);
    assert_int_equal(login_server_code(l), 11);
    login_on_hello(l, &reply);
    bson_destroy(&hello);
    bson_destroy(&reply);
    login_free(l);
    login_keys_free(keys);
}

static void unusable_credentials_fail_before_anything_is_sent(void **state)
{
    (void)state;
    struct login_keys *keys = login_keys_new();
    bson_t empty = BSON_INITIALIZER;
    struct login *l = login_new(&(struct login_credentials){.user = "user"}, nonce, keys);
    login_add_to_hello(l, &empty);
    assert_true(bson_empty(&empty));
    assert_int_equal(login_next_action(l, &empty), LOGIN_FAILED);
    assert_int_equal(login_why(l)->status, STATUS_BAD_INPUT);
    assert_true(login_error_is_permanent(l));
    login_free(l);

    struct login_credentials c = pencil;
    struct sasl_server server = sha_256_server();
    c.password = "bell\x07";
    l = login_new(&c, nonce, keys);
    greet(l, &server, HELLO_SPECULATES, "SCRAM-SHA-256", "SCRAM-SHA-1");
    assert_int_equal(run(l, &server).end, LOGIN_FAILED);
    assert_int_equal(login_why(l)->status, STATUS_BAD_INPUT);
    assert_null(strstr(login_why(l)->text, "bell"));
    login_free(l);
    bson_destroy(&empty);
    login_keys_free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_breaks_the_conversation_is_refused),
        cmocka_unit_test(a_wrong_password_is_told_once_with_the_remedy),
        cmocka_unit_test(refusals_name_the_remedy),
        cmocka_unit_test(a_refused_hello_fails_the_login),
        cmocka_unit_test(unusable_credentials_fail_before_anything_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
