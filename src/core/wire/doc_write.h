/* Writes BSON into bytes of a known size: for replies that are built thousands of times a second.
 * Running over the end is our own mistake (required), as every caller bounds what it writes. */
#ifndef CORE_WIRE_DOC_WRITE_H
#define CORE_WIRE_DOC_WRITE_H

#include "base/require.h"
#include "base/span.h"
#include "core/wire/bson_view.h"

struct doc_writer {
    uint8_t *start;
    uint8_t *at;
    uint8_t *end;
};

static inline void write_begin(struct doc_writer *w, uint8_t *bytes, size_t size)
{
    *w = (struct doc_writer){.start = bytes, .at = bytes, .end = bytes + size};
}

static inline struct span written(const struct doc_writer *w)
{
    return span_of(w->start, (size_t)(w->at - w->start));
}

static inline uint8_t *write_room(struct doc_writer *w, size_t size)
{
    require(size <= (size_t)(w->end - w->at));
    uint8_t *at = w->at;
    w->at += size;
    return at;
}

static inline void write_bytes(struct doc_writer *w, struct span bytes)
{
    if (bytes.size > 0) {
        memcpy(write_room(w, bytes.size), bytes.at, bytes.size);
    }
}

/* Returns where the document begins, for write_close. */
static inline size_t write_open(struct doc_writer *w)
{
    size_t start = (size_t)(w->at - w->start);
    write_room(w, 4);
    return start;
}

static inline void write_close(struct doc_writer *w, size_t start)
{
    *write_room(w, 1) = 0;
    write_int32(w->start + start, (int32_t)((size_t)(w->at - w->start) - start));
}

static inline void write_head(struct doc_writer *w, enum element_type type, struct span key)
{
    uint8_t *at = write_room(w, 1 + key.size + 1);
    at[0] = (uint8_t)type;
    memcpy(at + 1, key.at, key.size);
    at[1 + key.size] = 0;
}

static inline void put_int32(struct doc_writer *w, const char *key, int32_t value)
{
    write_head(w, ELEMENT_INT32, span_text(key));
    write_int32(write_room(w, 4), value);
}

static inline void put_bool(struct doc_writer *w, const char *key, bool value)
{
    write_head(w, ELEMENT_BOOL, span_text(key));
    *write_room(w, 1) = value ? 1 : 0;
}

static inline void put_date(struct doc_writer *w, const char *key, int64_t ms)
{
    write_head(w, ELEMENT_DATE, span_text(key));
    write_int64(write_room(w, 8), ms);
}

static inline void put_double(struct doc_writer *w, const char *key, double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    write_head(w, ELEMENT_DOUBLE, span_text(key));
    write_int64(write_room(w, 8), bits);
}

static inline void put_text(struct doc_writer *w, const char *key, struct span text)
{
    write_head(w, ELEMENT_STRING, span_text(key));
    write_int32(write_room(w, 4), (int32_t)text.size + 1);
    write_bytes(w, text);
    *write_room(w, 1) = 0;
}

/* As it stands in another document. */
static inline void put_element(struct doc_writer *w, const struct element *e)
{
    write_head(w, (enum element_type)e->type, e->key);
    write_bytes(w, e->value);
}

#endif
