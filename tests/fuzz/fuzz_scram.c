/* A login told whatever a server may say. Input: one byte of choices, then the server's messages,
 * each behind its size in two bytes: whole documents, or payloads that are put into one. The keys
 * are taken as zeros, since a hostile iteration count would only make us slow. */
#include "target.h"

#include "core/auth/login.h"

enum { PAYLOADS = 4, WITHOUT_HELLO = 8, ROUNDS_MOST = 8 };

struct input {
    struct span rest;
    bool payloads;
};

static bool next_message(struct input *in, struct span *out)
{
    if (in->rest.size < 2) {
        return false;
    }
    size_t size = (size_t)in->rest.at[0] | (size_t)in->rest.at[1] << 8;
    in->rest = span_tail(in->rest, 2);
    size = size < in->rest.size ? size : in->rest.size;
    *out = span_head(in->rest, size);
    in->rest = span_tail(in->rest, size);
    return true;
}

/* Tells the login one message; false when the input has no more. */
static bool tell(struct login *l, struct input *in, void (*told)(struct login *, const bson_t *))
{
    struct span message;
    bson_t reply;
    if (!next_message(in, &message)) {
        return false;
    }
    if (in->payloads) {
        bson_init(&reply);
        BSON_APPEND_INT32(&reply, "conversationId", 1);
        BSON_APPEND_BOOL(&reply, "done", message.size > 0 && message.at[0] == 'v');
        BSON_APPEND_BINARY(&reply, "payload", BSON_SUBTYPE_BINARY, message.at,
                           (uint32_t)message.size);
        BSON_APPEND_INT32(&reply, "ok", 1);
        told(l, &reply);
        bson_destroy(&reply);
    } else if (bson_init_static(&reply, message.at, message.size)) {
        told(l, &reply);
    } else {
        return false;
    }
    return true;
}

static void converse(struct login *l, struct input *in)
{
    for (int round = 0; round < ROUNDS_MOST; round++) {
        bson_t command = BSON_INITIALIZER;
        enum login_action action = login_next_action(l, &command);
        bson_destroy(&command);
        if (action == LOGIN_SEND && !tell(l, in, login_on_reply)) {
            return;
        }
        if (action == LOGIN_WORK) {
            login_on_worked(l, login_take_work(l));
        }
        if (action == LOGIN_FAILED) {
            require(login_why(l)->status != STATUS_OK && login_why(l)->text[0] != '\0');
        }
        if (action != LOGIN_SEND && action != LOGIN_WORK) {
            return;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const uint8_t nonce[LOGIN_NONCE_BYTES];
    if (size == 0) {
        return 0;
    }
    struct input in = {.rest = span_of(bytes + 1, size - 1),
                       .payloads = (bytes[0] & PAYLOADS) != 0};
    struct login_credentials credentials = {
        .mechanism = (enum login_mechanism)(bytes[0] & 3), .user = "user", .password = "pencil"};
    struct login_keys *keys = login_keys_new();
    struct login *l = login_new(&credentials, nonce, keys);
    if ((bytes[0] & WITHOUT_HELLO) == 0) {
        bson_t hello = BSON_INITIALIZER;
        login_add_to_hello(l, &hello);
        bson_destroy(&hello);
        if (tell(l, &in, login_on_hello)) {
            converse(l, &in);
        }
    } else {
        converse(l, &in);
    }
    login_free(l);
    login_keys_free(keys);
    return 0;
}
