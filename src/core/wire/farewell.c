#include "core/wire/farewell.h"

#include <stdio.h>

#include "base/require.h"
#include "core/wire/doc_write.h"

enum { NAMESPACE_BYTES_MOST = 512, API_VERSION_BYTES_MOST = 16 };

static void put_said(struct doc_writer *w, const char *key, uint8_t said)
{
    if (said != NOT_SAID) {
        put_bool(w, key, said == SAID_TRUE);
    }
}

size_t farewell_terms(const struct request_facts *facts, uint8_t out[FAREWELL_TERMS_BYTES_MOST])
{
    struct doc_writer w;
    write_begin(&w, out, FAREWELL_TERMS_BYTES_MOST);
    size_t document = write_open(&w);
    if (facts->lsid_uid.size == LSID_UID_BYTES) {
        write_head(&w, ELEMENT_BINARY, span_text("uid"));
        write_int32(write_room(&w, 4), LSID_UID_BYTES);
        *write_room(&w, 1) = 0; /* subtype */
        write_bytes(&w, facts->lsid_uid);
    }
    if (facts->api_version.size > 0 && facts->api_version.size <= API_VERSION_BYTES_MOST) {
        put_text(&w, "apiVersion", facts->api_version);
    }
    put_said(&w, "apiStrict", facts->api_strict);
    put_said(&w, "apiDeprecationErrors", facts->api_deprecation_errors);
    write_close(&w, document);
    size_t size = written(&w).size;
    return size == DOCUMENT_BYTES_LEAST ? 0 : size;
}

void farewell_abort_transaction(const uint8_t lsid[LSID_UUID_BYTES], int64_t number,
                                struct span terms, bson_t *command)
{
    bson_t id;
    bson_t said;
    bson_iter_t iter;
    bool has_terms = terms.size > 0 && bson_init_static(&said, terms.at, terms.size);
    BSON_APPEND_INT32(command, "abortTransaction", 1);
    BSON_APPEND_DOCUMENT_BEGIN(command, "lsid", &id);
    BSON_APPEND_BINARY(&id, "id", BSON_SUBTYPE_UUID, lsid, LSID_UUID_BYTES);
    if (has_terms && bson_iter_init_find(&iter, &said, "uid")) {
        bson_append_iter(&id, NULL, 0, &iter);
    }
    bson_append_document_end(command, &id);
    BSON_APPEND_INT64(command, "txnNumber", number);
    BSON_APPEND_BOOL(command, "autocommit", false);
    if (has_terms && bson_iter_init(&iter, &said)) {
        while (bson_iter_next(&iter)) {
            if (strcmp(bson_iter_key(&iter), "uid") != 0) {
                bson_append_iter(command, NULL, 0, &iter);
            }
        }
    }
    BSON_APPEND_UTF8(command, "$db", "admin");
}

bool farewell_kill_cursors(struct span ns, const int64_t *cursors, size_t count, bson_t *command)
{
    bson_t ids;
    const uint8_t *dot = ns.size == 0 ? NULL : memchr(ns.at, '.', ns.size);
    if (dot == NULL || ns.size > NAMESPACE_BYTES_MOST || dot == ns.at ||
        dot + 1 == ns.at + ns.size) {
        return false;
    }
    struct span database = span_head(ns, (size_t)(dot - ns.at));
    struct span collection = span_tail(ns, database.size + 1);
    bson_append_utf8(command, "killCursors", -1, (const char *)collection.at, (int)collection.size);
    BSON_APPEND_ARRAY_BEGIN(command, "cursors", &ids);
    for (size_t i = 0; i < count; i++) {
        char key[16];
        const char *text;
        bson_uint32_to_string((uint32_t)i, &text, key, sizeof key);
        BSON_APPEND_INT64(&ids, text, cursors[i]);
    }
    bson_append_array_end(command, &ids);
    bson_append_utf8(command, "$db", -1, (const char *)database.at, (int)database.size);
    return true;
}
