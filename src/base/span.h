/* A read-only view of bytes that somebody else owns. Copying a span copies no bytes. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *at;
    size_t size;
};

static inline struct span span_of(const void *at, size_t size)
{
    return (struct span){.at = at, .size = size};
}

static inline struct span span_text(const char *text)
{
    return span_of(text, strlen(text));
}

/* The first `size` bytes; `size` must not be larger than the span. */
static inline struct span span_head(struct span s, size_t size)
{
    return span_of(s.at, size);
}

/* What follows the first `size` bytes; `size` must not be larger than the span. */
static inline struct span span_tail(struct span s, size_t size)
{
    return span_of(s.at + size, s.size - size);
}

/* Takes the next line out of `text`, without its line end, which the last one need not have. */
static inline struct span span_take_line(struct span *text)
{
    const uint8_t *end = text->size == 0 ? NULL : memchr(text->at, '\n', text->size);
    size_t size = end == NULL ? text->size : (size_t)(end - text->at);
    struct span line = span_head(*text, size);
    *text = span_tail(*text, end == NULL ? size : size + 1);
    return line;
}

static inline bool span_equals(struct span a, struct span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

static inline bool span_is(struct span s, const char *text)
{
    return span_equals(s, span_text(text));
}

#endif
