/* DNS messages written byte by byte, apart from the code under test. */
#ifndef TESTS_DNS_WIRE_H
#define TESTS_DNS_WIRE_H

#include <stdint.h>
#include <string.h>

#include "base/span.h"

struct wire {
    uint8_t bytes[70000];
    size_t size;
};

enum { WIRE_QUESTION_AT = 12 };

static inline void wire_put8(struct wire *w, unsigned value)
{
    w->bytes[w->size++] = (uint8_t)value;
}

static inline void wire_put16(struct wire *w, unsigned value)
{
    wire_put8(w, value >> 8);
    wire_put8(w, value & 0xff);
}

static inline void wire_put32(struct wire *w, uint32_t value)
{
    wire_put16(w, value >> 16);
    wire_put16(w, value & 0xffff);
}

/* "a.b", uncompressed; "a.b@12" ends in a pointer to offset 12; "@12" is the pointer alone. */
static inline void wire_put_name(struct wire *w, const char *name)
{
    while (*name != '\0' && *name != '@') {
        size_t label = strcspn(name, ".@");
        wire_put8(w, (unsigned)label);
        memcpy(w->bytes + w->size, name, label);
        w->size += label;
        name += label + (name[label] == '.');
    }
    if (*name == '@') {
        unsigned offset = 0;
        while (*++name != '\0') {
            offset = offset * 10 + (unsigned)(*name - '0');
        }
        wire_put16(w, 0xc000 | offset);
    } else {
        wire_put8(w, 0);
    }
}

/* Header and question; answers are counted by wire_begin. */
static inline void wire_open(struct wire *w, unsigned flags, const char *name, unsigned type)
{
    w->size = 0;
    wire_put16(w, 0x1234);
    wire_put16(w, flags);
    wire_put16(w, 1);
    wire_put16(w, 0);
    wire_put16(w, 0);
    wire_put16(w, 0);
    wire_put_name(w, name);
    wire_put16(w, type);
    wire_put16(w, 1);
}

/* Begins an answer record; returns where its length stands. */
static inline size_t wire_begin(struct wire *w, const char *owner, unsigned type, uint32_t ttl)
{
    w->bytes[7]++;
    w->bytes[6] = (uint8_t)(w->bytes[6] + (w->bytes[7] == 0));
    wire_put_name(w, owner);
    wire_put16(w, type);
    wire_put16(w, 1);
    wire_put32(w, ttl);
    wire_put16(w, 0);
    return w->size - 2;
}

static inline void wire_end(struct wire *w, size_t length_at)
{
    size_t size = w->size - length_at - 2;
    w->bytes[length_at] = (uint8_t)(size >> 8);
    w->bytes[length_at + 1] = (uint8_t)(size & 0xff);
}

static inline void wire_srv(struct wire *w, const char *owner, uint32_t ttl, unsigned port,
                            const char *target)
{
    size_t at = wire_begin(w, owner, 33, ttl);
    wire_put16(w, 10);
    wire_put16(w, 20);
    wire_put16(w, port);
    wire_put_name(w, target);
    wire_end(w, at);
}

/* The strings of one TXT record are parted by "|". */
static inline void wire_txt(struct wire *w, const char *owner, uint32_t ttl, const char *strings)
{
    size_t at = wire_begin(w, owner, 16, ttl);
    for (;;) {
        size_t size = strcspn(strings, "|");
        wire_put8(w, (unsigned)size);
        memcpy(w->bytes + w->size, strings, size);
        w->size += size;
        if (strings[size] == '\0') {
            break;
        }
        strings += size + 1;
    }
    wire_end(w, at);
}

static inline void wire_cname(struct wire *w, const char *owner, uint32_t ttl, const char *target)
{
    size_t at = wire_begin(w, owner, 5, ttl);
    wire_put_name(w, target);
    wire_end(w, at);
}

static inline void wire_bytes(struct wire *w, const char *owner, unsigned type, uint32_t ttl,
                              const void *content, size_t size)
{
    size_t at = wire_begin(w, owner, type, ttl);
    memcpy(w->bytes + w->size, content, size);
    w->size += size;
    wire_end(w, at);
}

static inline struct span wire_span(const struct wire *w)
{
    return span_of(w->bytes, w->size);
}

#endif
