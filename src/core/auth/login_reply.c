#include "core/auth/login_reply.h"

#include <string.h>

static bool is_true(const bson_t *reply, const char *field)
{
    bson_iter_t it;
    return bson_iter_init_find(&it, reply, field) && bson_iter_as_bool(&it);
}

bool login_reply_is_ok(const bson_t *reply)
{
    return is_true(reply, "ok");
}

bool login_reply_is_done(const bson_t *reply)
{
    return is_true(reply, "done");
}

bool login_reply_offers_sha_256(const bson_t *reply)
{
    bson_iter_t it, element;
    if (!bson_iter_init_find(&it, reply, "saslSupportedMechs") || !BSON_ITER_HOLDS_ARRAY(&it) ||
        !bson_iter_recurse(&it, &element)) {
        return false;
    }
    while (bson_iter_next(&element)) {
        if (BSON_ITER_HOLDS_UTF8(&element) &&
            strcmp(bson_iter_utf8(&element, NULL), "SCRAM-SHA-256") == 0) {
            return true;
        }
    }
    return false;
}

bool login_reply_payload(const bson_t *reply, struct span *out)
{
    bson_iter_t it;
    if (!bson_iter_init_find(&it, reply, "payload") || !BSON_ITER_HOLDS_BINARY(&it)) {
        return false;
    }
    const uint8_t *bytes = NULL;
    uint32_t size = 0;
    bson_subtype_t subtype;
    bson_iter_binary(&it, &subtype, &size, &bytes);
    *out = span_of(bytes, size);
    return bytes != NULL;
}

bool login_reply_speculative(const bson_t *reply, bson_t *out)
{
    bson_iter_t it;
    if (!bson_iter_init_find(&it, reply, "speculativeAuthenticate") ||
        !BSON_ITER_HOLDS_DOCUMENT(&it)) {
        return false;
    }
    const uint8_t *bytes = NULL;
    uint32_t size = 0;
    bson_iter_document(&it, &size, &bytes);
    return bytes != NULL && bson_init_static(out, bytes, size);
}
