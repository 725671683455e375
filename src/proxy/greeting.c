#include "proxy/greeting.h"

#include "core/wire/client_document.h"

void greeting_write_hello(bson_t *hello, const struct settings *settings, enum greeting greeting)
{
    bool is_legacy = greeting == GREETING_FIRST || greeting == GREETING_LEGACY;
    bson_append_int32(hello, is_legacy ? "isMaster" : "hello", -1, 1);
    BSON_APPEND_BOOL(hello, "helloOk", true);
    if (greeting == GREETING_BALANCED) {
        BSON_APPEND_BOOL(hello, "loadBalanced", true);
    }
    if (greeting == GREETING_FIRST || greeting == GREETING_BALANCED) {
        client_document_append(hello, settings->upstream.app_name);
    }
}

void greeting_write_await(bson_t *hello, const struct topology_version *version, msec most)
{
    bson_oid_t process;
    bson_t known;
    bson_oid_init_from_data(&process, version->process_id);
    BSON_APPEND_DOCUMENT_BEGIN(hello, "topologyVersion", &known);
    BSON_APPEND_OID(&known, "processId", &process);
    BSON_APPEND_INT64(&known, "counter", version->counter);
    bson_append_document_end(hello, &known);
    BSON_APPEND_INT64(hello, "maxAwaitTimeMS", most);
}

bool greeting_is_ok(const bson_t *reply, struct error *why)
{
    bson_iter_t it;
    const char *text = "no message";
    int64_t code = 0;
    if (bson_iter_init_find(&it, reply, "ok") && bson_iter_as_bool(&it)) {
        return true;
    }
    if (bson_iter_init_find(&it, reply, "errmsg") && BSON_ITER_HOLDS_UTF8(&it)) {
        text = bson_iter_utf8(&it, NULL);
    }
    if (bson_iter_init_find(&it, reply, "code")) {
        code = bson_iter_as_int64(&it);
    }
    error_set(why, STATUS_HELLO_FAILED, "the server refused hello: %s (%lld)", text,
              (long long)code);
    return false;
}
