/* Logins by client certificate. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/auth/login.h"

static const uint8_t nonce[LOGIN_NONCE_BYTES];

static const char *text_at(const bson_t *b, const char *path)
{
    bson_iter_t it, found;
    if (!bson_iter_init(&it, b) || !bson_iter_find_descendant(&it, path, &found)) {
        return NULL;
    }
    return bson_iter_utf8(&found, NULL);
}

static struct login *new_login(const char *user)
{
    /* The source is not the caller's to choose. */
    struct login_credentials c = {.mechanism = LOGIN_X509, .user = user, .source = "admin"};
    return login_new(&c, nonce, NULL);
}

static void tell_hello(struct login *l, bool speculative)
{
    bson_t reply = BSON_INITIALIZER;
    bson_t answer = BSON_INITIALIZER;
    if (speculative) {
        BSON_APPEND_UTF8(&answer, "dbname", "$external");
        BSON_APPEND_DOCUMENT(&reply, "speculativeAuthenticate", &answer);
    }
    BSON_APPEND_INT32(&reply, "ok", 1);
    login_on_hello(l, &reply);
    bson_destroy(&answer);
    bson_destroy(&reply);
}

static void hello_alone_logs_in(void **state)
{
    (void)state;
    bson_t hello = BSON_INITIALIZER;
    struct login *l = new_login(NULL);
    login_add_to_hello(l, &hello);
    assert_string_equal(text_at(&hello, "speculativeAuthenticate.mechanism"), "MONGODB-X509");
    assert_string_equal(text_at(&hello, "speculativeAuthenticate.db"), "$external");
    assert_null(text_at(&hello, "speculativeAuthenticate.user"));
    assert_false(bson_has_field(&hello, "saslSupportedMechs"));
    assert_int_equal(login_next_action(l, &hello), LOGIN_WAIT);
    tell_hello(l, true);
    assert_int_equal(login_next_action(l, &hello), LOGIN_DONE);
    bson_destroy(&hello);
    login_free(l);
}

static void authenticate_follows_when_hello_did_not(void **state)
{
    (void)state;
    bson_t hello = BSON_INITIALIZER;
    bson_t command = BSON_INITIALIZER;
    bson_t reply = BSON_INITIALIZER;
    struct login *l = new_login("CN=app,O=x");
    login_add_to_hello(l, &hello);
    assert_string_equal(text_at(&hello, "speculativeAuthenticate.user"), "CN=app,O=x");
    tell_hello(l, false);
    assert_int_equal(login_next_action(l, &command), LOGIN_SEND);
    assert_true(bson_has_field(&command, "authenticate"));
    assert_string_equal(text_at(&command, "mechanism"), "MONGODB-X509");
    assert_string_equal(text_at(&command, "user"), "CN=app,O=x");
    assert_string_equal(text_at(&command, "$db"), "$external");
    assert_int_equal(login_next_action(l, &reply), LOGIN_WAIT);
    BSON_APPEND_DOUBLE(&reply, "ok", 1);
    login_on_reply(l, &reply);
    assert_int_equal(login_next_action(l, &reply), LOGIN_DONE);
    bson_destroy(&hello);
    bson_destroy(&command);
    bson_destroy(&reply);
    login_free(l);
}

static void a_refusal_points_to_the_certificate(void **state)
{
    (void)state;
    bson_t command = BSON_INITIALIZER;
    bson_t reply = BSON_INITIALIZER;
    struct login *l = new_login(NULL);
    tell_hello(l, true); /* an answer to a question that was not asked counts for nothing */
    assert_int_equal(login_next_action(l, &command), LOGIN_SEND);
    BSON_APPEND_INT32(&reply, "ok", 0);
    BSON_APPEND_INT32(&reply, "code", 18);
    BSON_APPEND_UTF8(&reply, "errmsg", "Authentication failed.");
    login_on_reply(l, &reply);
    assert_int_equal(login_next_action(l, &command), LOGIN_FAILED);
    assert_int_equal(login_why(l)->status, STATUS_AUTH_FAILED);
    assert_non_null(strstr(login_why(l)->text, "login of the client certificate by MONGODB-X509"));
    assert_non_null(strstr(login_why(l)->text, "tls.certificateKeyFile"));
    bson_destroy(&command);
    bson_destroy(&reply);
    login_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_alone_logs_in),
        cmocka_unit_test(authenticate_follows_when_hello_did_not),
        cmocka_unit_test(a_refusal_points_to_the_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
