/* Makes messages for the tests, from JSON, by libbson: not by the code under test. */
#ifndef UNIT_CORE_WIRE_WIRE_MAKE_H
#define UNIT_CORE_WIRE_WIRE_MAKE_H

#include <bson/bson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* After the four above, as cmocka wants it. */
#include <cmocka.h>

#include "base/span.h"

struct maker {
    uint8_t *bytes;
    size_t size;
    size_t room;
};

static inline void make_bytes(struct maker *m, const void *bytes, size_t size)
{
    while (m->size + size > m->room) {
        m->room = m->room == 0 ? 256 : m->room * 2;
        m->bytes = realloc(m->bytes, m->room);
        assert_non_null(m->bytes);
    }
    if (size > 0) {
        memcpy(m->bytes + m->size, bytes, size);
    }
    m->size += size;
}

static inline void make_int32(struct maker *m, int32_t value)
{
    int32_t little = (int32_t)BSON_UINT32_TO_LE((uint32_t)value);
    make_bytes(m, &little, 4);
}

static inline void make_byte(struct maker *m, uint8_t value)
{
    make_bytes(m, &value, 1);
}

static inline void make_header(struct maker *m, int32_t request_id, int32_t opcode)
{
    m->size = 0;
    make_int32(m, 0);
    make_int32(m, request_id);
    make_int32(m, 0);
    make_int32(m, opcode);
}

static inline void make_json(struct maker *m, const char *json)
{
    bson_error_t error;
    bson_t *b = bson_new_from_json((const uint8_t *)json, -1, &error);
    if (b == NULL) {
        fail_msg("%s: %s", json, error.message);
    }
    make_bytes(m, bson_get_data(b), b->len);
    bson_destroy(b);
}

static inline void make_body(struct maker *m, const char *json)
{
    make_byte(m, 0);
    make_json(m, json);
}

static inline void make_sequence(struct maker *m, const char *name, const char *json, int count)
{
    struct maker documents = {0};
    for (int i = 0; i < count; i++) {
        make_json(&documents, json);
    }
    make_byte(m, 1);
    make_int32(m, (int32_t)(4 + strlen(name) + 1 + documents.size));
    make_bytes(m, name, strlen(name) + 1);
    make_bytes(m, documents.bytes, documents.size);
    free(documents.bytes);
}

static inline struct span make_end(struct maker *m)
{
    int32_t length = (int32_t)BSON_UINT32_TO_LE((uint32_t)m->size);
    memcpy(m->bytes, &length, 4);
    return span_of(m->bytes, m->size);
}

/* An OP_MSG with one body and request id 7. */
static inline struct span make_msg(struct maker *m, uint32_t flags, const char *json)
{
    make_header(m, 7, 2013);
    make_int32(m, (int32_t)flags);
    make_body(m, json);
    return make_end(m);
}

/* An OP_QUERY to admin.$cmd with request id 7. */
static inline struct span make_query(struct maker *m, const char *name, const char *json)
{
    make_header(m, 7, 2004);
    make_int32(m, 4);
    make_bytes(m, name, strlen(name) + 1);
    make_int32(m, 0);
    make_int32(m, -1);
    make_json(m, json);
    return make_end(m);
}

static inline void make_free(struct maker *m)
{
    free(m->bytes);
    *m = (struct maker){0};
}

/* A small reproducible generator, so that a failure is seen again. */
static inline uint32_t make_random(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*state >> 33);
}

static inline void assert_span(struct span s, const char *text)
{
    if (!span_is(s, text)) {
        fail_msg("\"%.*s\" is not \"%s\"", (int)s.size, (const char *)s.at, text);
    }
}

#endif
