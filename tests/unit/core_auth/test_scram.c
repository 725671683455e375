/* The SCRAM texts against the published vectors, and every refusal of what a server may say. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/scope.h"
#include "core/auth/login_keys.h"
#include "core/auth/scram.h"

struct vector {
    enum scram_hash hash;
    const char *nonce;
    const char *server_first;
    const char *final;
    const char *server_final;
};

static const struct vector vectors[] = {
    {SCRAM_SHA_1, "fyko+d2lbbFgONRv9qkxdawL",
     "r=fyko+d2lbbFgONRv9qkxdawLHo+Vgk7qvUOKUwuWLIWg4l/"
     "9SraGMHEE,s=rQ9ZY3MntBeuP3E1TDVC4w==,i=10000",
     "c=biws,r=fyko+d2lbbFgONRv9qkxdawLHo+Vgk7qvUOKUwuWLIWg4l/9SraGMHEE,"
     "p=MC2T8BvbmWRckDw8oWl5IVghwCY=",
     "v=UMWeI25JD1yNYZRMpZ4VHvhZ9e0="},
    {SCRAM_SHA_256, "rOprNGfwEbeRWgbNEkqO",
     "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
     "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
     "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
     "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
};

/* A conversation up to our second message, whose text it returns. */
static char *converse(struct scram *s, const struct vector *v)
{
    struct scram_salt salt;
    struct scram_keys keys;
    struct error why = {0};
    char *password = NULL;
    scram_init(s, v->hash, "user", v->nonce);
    assert_int_equal(scram_on_first(s, span_text(v->server_first), &salt, &why), STATUS_OK);
    assert_int_equal(scram_password(v->hash, "user", "pencil", &password, &why), STATUS_OK);
    scram_derive(v->hash, password, &salt, &keys);
    free(password);
    return scram_final(s, &keys);
}

static void published_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scram s;
        struct error why = {0};
        auto_free char *final = converse(&s, &vectors[i]);
        assert_string_equal(final, vectors[i].final);
        assert_false(s.verified);
        assert_int_equal(scram_on_final(&s, span_text(vectors[i].server_final), &why), STATUS_OK);
        assert_true(s.verified);
        scram_clear(&s);
    }
}

static void first_message_escapes_the_name(void **state)
{
    (void)state;
    struct scram s;
    scram_init(&s, SCRAM_SHA_256, "a=b,c\xe2\x85\xa8", "nonce");
    auto_free char *first = scram_first(&s);
    assert_string_equal(first, "n,,n=a=3Db=2Cc\xe2\x85\xa8,r=nonce");
    scram_clear(&s);
}

static enum status first_status(const char *message, struct error *why)
{
    struct scram s;
    struct scram_salt salt;
    scram_init(&s, SCRAM_SHA_256, "user", "abc");
    enum status status = scram_on_first(&s, span_text(message), &salt, why);
    scram_clear(&s);
    return status;
}

static void first_message_of_the_server_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        enum status status;
        const char *says;
    } cases[] = {
        {"r=abcd,s=QSXCR+Q6sek8bf92,i=4096", STATUS_OK, ""},
        {"r=abcd,s=QSXCR+Q6sek8bf92,i=4096,x=later extension", STATUS_OK, ""},
        {"r=abcd,s=QSXCR+Q6sek8bf92,i=2000000", STATUS_OK, ""},
        {"r=abcd,s=QSXCR+Q6sek8bf92,i=4095", STATUS_PROTOCOL_ERROR, "4095"},
        {"r=abcd,s=QSXCR+Q6sek8bf92,i=2000001", STATUS_PROTOCOL_ERROR, "2000001"},
        {"r=abcd,s=QSXCR+Q6sek8bf92,i=1000000000000", STATUS_PROTOCOL_ERROR, "cannot be read"},
        {"r=abcd,s=QSXCR+Q6sek8bf92,i=-4096", STATUS_PROTOCOL_ERROR, "cannot be read"},
        {"r=abcd,s=QSXCR+Q6sek8bf92,i=", STATUS_PROTOCOL_ERROR, "cannot be read"},
        {"r=abcd,s=QSXCR+Q6sek8bf9,i=4096", STATUS_PROTOCOL_ERROR, "cannot be read"},
        {"r=abcd,s=QSXCR+Q6s-k8bf92,i=4096", STATUS_PROTOCOL_ERROR, "cannot be read"},
        {"r=abcd,s=,i=4096", STATUS_PROTOCOL_ERROR, "cannot be read"},
        {"r=abcd,s=====,i=4096", STATUS_PROTOCOL_ERROR, "cannot be read"},
        {"r=abc,s=QSXCR+Q6sek8bf92,i=4096", STATUS_PROTOCOL_ERROR, "nonce"},
        {"r=ab,s=QSXCR+Q6sek8bf92,i=4096", STATUS_PROTOCOL_ERROR, "nonce"},
        {"r=xabc,s=QSXCR+Q6sek8bf92,i=4096", STATUS_PROTOCOL_ERROR, "nonce"},
        {"m=must,r=abcd,s=QSXCR+Q6sek8bf92,i=4096", STATUS_PROTOCOL_ERROR, "not r=, s=, i="},
        {"s=QSXCR+Q6sek8bf92,r=abcd,i=4096", STATUS_PROTOCOL_ERROR, "not r=, s=, i="},
        {"r=abcd,s=QSXCR+Q6sek8bf92", STATUS_PROTOCOL_ERROR, "not r=, s=, i="},
        {"r=abcd", STATUS_PROTOCOL_ERROR, "not r=, s=, i="},
        {"", STATUS_PROTOCOL_ERROR, "empty"},
        {"r=abc\n,s=QSXCR+Q6sek8bf92,i=4096", STATUS_PROTOCOL_ERROR, "not text"},
        {"e=unknown-user", STATUS_AUTH_FAILED, "unknown-user"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error why = {0};
        if (first_status(cases[i].message, &why) != cases[i].status ||
            strstr(why.text, cases[i].says) == NULL) {
            fail_msg("%s: %s", cases[i].message, why.text);
        }
    }
}

static void endless_messages_are_refused(void **state)
{
    (void)state;
    char message[SCRAM_MESSAGE_BYTES + 2];
    struct error why = {0};
    memset(message, 'a', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    memcpy(message, "r=abc", 5);
    assert_int_equal(first_status(message, &why), STATUS_PROTOCOL_ERROR);
    assert_non_null(strstr(why.text, "too long"));

    /* A salt longer than we keep, in a message that is not too long. */
    memset(message, 0, sizeof message);
    strcpy(message, "r=abcd,s=");
    memset(message + strlen(message), 'A', 4 * SCRAM_SALT_BYTES / 3 + 3);
    strcat(message, ",i=4096");
    assert_int_equal(first_status(message, &why), STATUS_PROTOCOL_ERROR);
    assert_non_null(strstr(why.text, "cannot be read"));
}

static void last_message_of_the_server_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        enum status status;
    } cases[] = {
        {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl96G4=", STATUS_AUTH_FAILED},
        {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4", STATUS_PROTOCOL_ERROR},
        {"v=UMWeI25JD1yNYZRMpZ4VHvhZ9e0=", STATUS_PROTOCOL_ERROR}, /* the size of SHA-1 */
        {"v=", STATUS_PROTOCOL_ERROR},
        {"x=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", STATUS_PROTOCOL_ERROR},
        {"e=invalid-proof", STATUS_AUTH_FAILED},
        {"", STATUS_PROTOCOL_ERROR},
        {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=,x=1", STATUS_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scram s;
        struct error why = {0};
        free(converse(&s, &vectors[1]));
        enum status status = scram_on_final(&s, span_text(cases[i].message), &why);
        assert_int_equal(status, cases[i].status);
        assert_int_equal(s.verified, status == STATUS_OK);
        scram_clear(&s);
    }
}

static void passwords_are_prepared(void **state)
{
    (void)state;
    static const struct {
        const char *password;
        const char *prepared; /* NULL: refused */
    } cases[] = {
        {"IX", "IX"},
        {"I\u00adX", "IX"},
        {"\u2163", "IV"},
        {"I\u00adV", "IV"},
        {"\u2168", "IX"},
        {"a b\u00a0c", "a b c"},
        {"p\u00e4ss", "p\u00e4ss"},
        {"pa\u0308ss", "p\u00e4ss"},
        {"", ""},
        {"a\x07", NULL},      /* control characters are prohibited */
        {"\u06271", NULL},    /* right-to-left must end as it begins */
        {"\U0001f600", NULL}, /* not assigned in Unicode 3.2 */
        {"\xff\xfe", NULL},   /* not UTF-8 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *prepared = NULL;
        struct error why = {0};
        enum status status =
            scram_password(SCRAM_SHA_256, "IX", cases[i].password, &prepared, &why);
        if (cases[i].prepared == NULL) {
            assert_int_equal(status, STATUS_BAD_INPUT);
            assert_non_null(strstr(why.text, "SASLprep"));
        } else {
            assert_int_equal(status, STATUS_OK);
            assert_string_equal(prepared, cases[i].prepared);
        }
        free(prepared);
    }
}

static void sha_1_digests_the_password_raw(void **state)
{
    (void)state;
    auto_free char *prepared = NULL;
    struct error why;
    /* md5("user:mongo:pencil") */
    assert_int_equal(scram_password(SCRAM_SHA_1, "user", "pencil", &prepared, &why), STATUS_OK);
    assert_string_equal(prepared, "1c33006ec1ffd90f9cadcbcc0e118200");
    auto_free char *control = NULL;
    assert_int_equal(scram_password(SCRAM_SHA_1, "user", "a\x07", &control, &why), STATUS_OK);
}

static void keys_are_found_by_all_that_made_them(void **state)
{
    (void)state;
    struct login_keys *keys = login_keys_new();
    struct scram_salt salt = {.iterations = 4096, .size = 4, .bytes = "salt"};
    struct scram_keys made = {.client = "client", .server = "server"};
    struct scram_keys found;
    login_keys_add(keys, SCRAM_SHA_256, "password", &salt, &made);
    assert_true(login_keys_find(keys, SCRAM_SHA_256, "password", &salt, &found));
    assert_memory_equal(&found, &made, sizeof made);
    assert_false(login_keys_find(keys, SCRAM_SHA_1, "password", &salt, &found));
    assert_false(login_keys_find(keys, SCRAM_SHA_256, "passwore", &salt, &found));
    struct scram_salt other = salt;
    other.iterations++;
    assert_false(login_keys_find(keys, SCRAM_SHA_256, "password", &other, &found));
    other = salt;
    other.size--;
    assert_false(login_keys_find(keys, SCRAM_SHA_256, "password", &other, &found));
    login_keys_free(keys);
    login_keys_free(NULL);
}

static void the_least_used_keys_give_way(void **state)
{
    (void)state;
    struct login_keys *keys = login_keys_new();
    struct scram_salt salt = {.iterations = 4096, .size = 1};
    struct scram_keys made = {0};
    struct scram_keys found;
    for (uint8_t i = 0; i < 16; i++) {
        salt.bytes[0] = i;
        made.client[0] = i;
        login_keys_add(keys, SCRAM_SHA_256, "p", &salt, &made);
    }
    salt.bytes[0] = 0;
    assert_true(login_keys_find(keys, SCRAM_SHA_256, "p", &salt, &found));
    salt.bytes[0] = 16;
    login_keys_add(keys, SCRAM_SHA_256, "p", &salt, &made);
    assert_true(login_keys_find(keys, SCRAM_SHA_256, "p", &salt, &found));
    salt.bytes[0] = 1;
    assert_false(login_keys_find(keys, SCRAM_SHA_256, "p", &salt, &found));
    salt.bytes[0] = 0;
    assert_true(login_keys_find(keys, SCRAM_SHA_256, "p", &salt, &found));
    assert_int_equal(found.client[0], 0);
    login_keys_free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(first_message_escapes_the_name),
        cmocka_unit_test(first_message_of_the_server_is_checked),
        cmocka_unit_test(endless_messages_are_refused),
        cmocka_unit_test(last_message_of_the_server_is_checked),
        cmocka_unit_test(passwords_are_prepared),
        cmocka_unit_test(sha_1_digests_the_password_raw),
        cmocka_unit_test(keys_are_found_by_all_that_made_them),
        cmocka_unit_test(the_least_used_keys_give_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
