/* A bounded walk over one BSON document in place: no copy, no recursion.
 *
 * The view may lie over the front part of a document only (what is held so far); then it ends with
 * VIEW_NEED_MORE instead of VIEW_END. Nested documents are values that a view of their own walks.
 * Spans are lent from the bytes viewed. */
#ifndef CORE_WIRE_BSON_VIEW_H
#define CORE_WIRE_BSON_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* Smallest document: its length and the final zero. */
enum { DOCUMENT_BYTES_LEAST = 5 };

enum element_type {
    ELEMENT_DOUBLE = 0x01,
    ELEMENT_STRING = 0x02,
    ELEMENT_DOCUMENT = 0x03,
    ELEMENT_ARRAY = 0x04,
    ELEMENT_BINARY = 0x05,
    ELEMENT_UNDEFINED = 0x06,
    ELEMENT_OBJECT_ID = 0x07,
    ELEMENT_BOOL = 0x08,
    ELEMENT_DATE = 0x09,
    ELEMENT_NULL = 0x0a,
    ELEMENT_REGEX = 0x0b,
    ELEMENT_DB_POINTER = 0x0c,
    ELEMENT_CODE = 0x0d,
    ELEMENT_SYMBOL = 0x0e,
    ELEMENT_CODE_WITH_SCOPE = 0x0f,
    ELEMENT_INT32 = 0x10,
    ELEMENT_TIMESTAMP = 0x11,
    ELEMENT_INT64 = 0x12,
    ELEMENT_DECIMAL128 = 0x13,
    ELEMENT_MAX_KEY = 0x7f,
    ELEMENT_MIN_KEY = 0xff
};

struct element {
    uint8_t type;      /* enum element_type; only known ones are reported */
    struct span key;   /* without its final zero */
    struct span value; /* as in the document: a string with its length and final zero */
};

enum view_event {
    VIEW_ELEMENT,
    VIEW_END,       /* the document is complete and well formed on this level */
    VIEW_NEED_MORE, /* well formed so far; the bytes viewed end within the document */
    VIEW_MALFORMED
};

struct view {
    struct span left;       /* viewed and not yet walked */
    uint32_t document_left; /* of the document, its final zero included; 0: before the length */
    bool is_started;
    bool is_bad;
};

void view_init(struct view *v, struct span document);

/* Events after END, NEED_MORE and MALFORMED repeat. `*out` is written for ELEMENT only. */
enum view_event view_next(struct view *v, struct element *out);

/* The first element of that name on the top level; false when absent before the end of the bytes
 * viewed or before anything malformed. */
bool view_find(struct span document, const char *key, struct element *out);

/* int32, int64, and a double that is an integer in the range of int64. */
bool element_int64(const struct element *e, int64_t *out);

/* A bool as it is, a number by "not zero", null and undefined as false: what a server takes for
 * truth. False when the type has no truth. */
bool element_bool(const struct element *e, bool *out);

/* A string without its length and final zero. */
bool element_text(const struct element *e, struct span *out);

/* A document or an array: all of its bytes. */
bool element_document(const struct element *e, struct span *out);

/* Binary of a subtype: its bytes. */
bool element_binary(const struct element *e, uint8_t subtype, struct span *out);

static inline uint32_t read_uint32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline int32_t read_int32(const uint8_t *at)
{
    return (int32_t)read_uint32(at);
}

static inline int64_t read_int64(const uint8_t *at)
{
    return (int64_t)((uint64_t)read_uint32(at) | (uint64_t)read_uint32(at + 4) << 32);
}

static inline void write_int32(uint8_t *at, int32_t value)
{
    uint32_t v = (uint32_t)value;
    at[0] = (uint8_t)v;
    at[1] = (uint8_t)(v >> 8);
    at[2] = (uint8_t)(v >> 16);
    at[3] = (uint8_t)(v >> 24);
}

static inline void write_int64(uint8_t *at, int64_t value)
{
    write_int32(at, (int32_t)(uint32_t)(uint64_t)value);
    write_int32(at + 4, (int32_t)(uint32_t)((uint64_t)value >> 32));
}

/* For walkers: what stands at the front of `in`. ELEMENT: type, key and declared size of the value
 * are known (UINT32_MAX for a regular expression whose end is not in `in`); `out->value` is what of
 * it lies in `in`. NEED_MORE: `in` ends before. MALFORMED: no such type, or a negative size. */
enum view_event element_read(struct span in, struct element *out, uint32_t *value_size);

/* Size of a value that has a length in front, from that length; 0: the length is impossible. */
uint32_t element_size_from_length(uint8_t type, int32_t length);

/* Size of a value of fixed size; -1 when a length stands in front, -2 for a regular expression,
 * -3 for a type nobody knows. */
int element_fixed_size(uint8_t type);

#endif
