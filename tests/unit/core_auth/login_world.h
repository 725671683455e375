/* What the tests of logins share: credentials, a hello, and the loop of an owner. */
#ifndef UNIT_CORE_AUTH_LOGIN_WORLD_H
#define UNIT_CORE_AUTH_LOGIN_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/auth/login.h"
#include "sasl_server.h"

static const uint8_t nonce[LOGIN_NONCE_BYTES] = "24 unpredictable bytes..";

static const struct login_credentials pencil = {
    .mechanism = LOGIN_DEFAULT, .user = "user", .password = "pencil", .source = "admin"};

/* md5("user:mongo:pencil") */
#define PENCIL_MD5 "1c33006ec1ffd90f9cadcbcc0e118200"

struct told {
    enum login_action end;
    int commands; /* sent after hello */
    int works;    /* derivations */
};

/* Does what the login says until it ends or waits for nothing that will come. */
static inline struct told run(struct login *l, struct sasl_server *server)
{
    struct told told = {0};
    for (;;) {
        bson_t command = BSON_INITIALIZER;
        bson_t reply = BSON_INITIALIZER;
        told.end = login_next_action(l, &command);
        if (told.end == LOGIN_SEND) {
            told.commands++;
            sasl_reply(server, &command, &reply);
            assert_int_equal(login_next_action(l, &reply), LOGIN_WAIT);
            login_on_reply(l, &reply);
        } else if (told.end == LOGIN_WORK) {
            told.works++;
            struct login_work *work = login_take_work(l);
            assert_int_equal(login_next_action(l, &command), LOGIN_WAIT);
            login_work_run(work);
            login_on_worked(l, work);
        }
        bson_destroy(&command);
        bson_destroy(&reply);
        if (told.end != LOGIN_SEND && told.end != LOGIN_WORK) {
            return told;
        }
    }
}

enum hello_kind { HELLO_SPECULATES, HELLO_LISTS, HELLO_SILENT };

/* Says hello to a server that lists `mechanisms` (up to two, NULL: none said). */
static inline void greet(struct login *l, struct sasl_server *server, enum hello_kind kind,
                         const char *first, const char *second)
{
    bson_t hello = BSON_INITIALIZER;
    bson_t reply = BSON_INITIALIZER;
    bson_t list, speculative, answer;
    bson_iter_t it;
    login_add_to_hello(l, &hello);
    BSON_APPEND_INT32(&reply, "maxWireVersion", 21);
    if (first != NULL) {
        BSON_APPEND_ARRAY_BEGIN(&reply, "saslSupportedMechs", &list);
        BSON_APPEND_UTF8(&list, "0", first);
        BSON_APPEND_UTF8(&list, "1", second);
        bson_append_array_end(&reply, &list);
    }
    if (kind == HELLO_SPECULATES) {
        assert_true(bson_iter_init_find(&it, &hello, "speculativeAuthenticate"));
        uint32_t size = 0;
        const uint8_t *bytes = NULL;
        bson_iter_document(&it, &size, &bytes);
        assert_true(bson_init_static(&speculative, bytes, size));
        bson_init(&answer);
        sasl_reply(server, &speculative, &answer);
        BSON_APPEND_DOCUMENT(&reply, "speculativeAuthenticate", &answer);
        bson_destroy(&answer);
    }
    BSON_APPEND_DOUBLE(&reply, "ok", 1);
    login_on_hello(l, &reply);
    bson_destroy(&hello);
    bson_destroy(&reply);
}

static inline struct sasl_server sha_256_server(void)
{
    return (struct sasl_server){.mechanism = "SCRAM-SHA-256", .name = "user", .password = "pencil"};
}

static inline struct sasl_server sha_1_server(void)
{
    return (struct sasl_server){.mechanism = "SCRAM-SHA-1", .name = "user", .password = PENCIL_MD5};
}

#endif
