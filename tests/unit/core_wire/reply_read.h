/* Reads what was built, by libbson. */
#ifndef UNIT_CORE_WIRE_REPLY_READ_H
#define UNIT_CORE_WIRE_REPLY_READ_H

#include "wire_make.h"

#include "base/buf.h"
#include "core/wire/frame.h"

struct built {
    struct chunk_pool pool;
    struct buf out;
    void *owned;
    struct span message;
    struct message_head head;
    bson_t document; /* over the message */
};

static inline void built_begin(struct built *b)
{
    memset(b, 0, sizeof *b);
    chunk_pool_init(&b->pool, MIB);
    buf_init(&b->out, &b->pool);
}

/* Flattens, checks the frame around the document, and the document itself. */
static inline void built_read(struct built *b)
{
    b->message = buf_flatten(&b->out, &b->owned);
    b->head = header_read(b->message.at);
    assert_int_equal(b->head.length, b->message.size);
    size_t offset = b->head.opcode == OP_REPLY ? HEADER_BYTES + 20 : HEADER_BYTES + 5;
    if (b->head.opcode == OP_REPLY) {
        static const uint8_t FIELDS[20] = {8, [16] = 1};
        assert_memory_equal(b->message.at + HEADER_BYTES, FIELDS, sizeof FIELDS);
    } else {
        assert_int_equal(b->head.opcode, OP_MSG);
        assert_int_equal(b->message.at[HEADER_BYTES + 4], 0);
    }
    assert_true(bson_init_static(&b->document, b->message.at + offset, b->message.size - offset));
    assert_true(bson_validate(&b->document, BSON_VALIDATE_UTF8, NULL));
}

static inline char *built_json(const struct built *b)
{
    return bson_as_relaxed_extended_json(&b->document, NULL);
}

static inline void built_end(struct built *b)
{
    free(b->owned);
    buf_clear(&b->out);
    chunk_pool_clear(&b->pool);
}

static inline void assert_json(const struct built *b, const char *expected)
{
    char *json = built_json(b);
    assert_string_equal(json, expected);
    bson_free(json);
}

#endif
