#include "base/buf.h"

#include <stdlib.h>

#include "base/require.h"

enum { SPARE_MOST = 64 };

struct chunk {
    struct chunk *next;
    uint32_t room;  /* bytes in `bytes` */
    uint32_t begin; /* first byte not yet consumed */
    uint32_t end;   /* first free byte */
    uint8_t bytes[];
};

/* The header counts as part of the chunk, so that a block is a round size for the allocator. */
static const uint32_t block_sizes[] = {KIB, 4 * KIB, CHUNK_BYTES};

static uint32_t block_size_for(byte_count bytes)
{
    size_t i = 0;
    while (i < 2 && bytes > block_sizes[i] - sizeof(struct chunk)) {
        i++;
    }
    return block_sizes[i];
}

static byte_count block_size_of(const struct chunk *c)
{
    return c->room + sizeof *c;
}

void chunk_pool_init(struct chunk_pool *pool, byte_count limit)
{
    *pool = (struct chunk_pool){.limit = limit};
}

void chunk_pool_clear(struct chunk_pool *pool)
{
    require(pool->used == 0);
    while (pool->spare != NULL) {
        struct chunk *c = pool->spare;
        pool->spare = c->next;
        free(c);
    }
    pool->spare_count = 0;
}

static struct chunk *chunk_new(struct chunk_pool *pool, byte_count bytes)
{
    uint32_t block = block_size_for(bytes);
    struct chunk *c;
    if (block == CHUNK_BYTES && pool->spare != NULL) {
        c = pool->spare;
        pool->spare = c->next;
        pool->spare_count--;
    } else {
        c = xmalloc(block);
        c->room = block - (uint32_t)sizeof *c;
    }
    c->next = NULL;
    c->begin = 0;
    c->end = 0;
    pool->used += block;
    if (pool->used > pool->highest) {
        pool->highest = pool->used;
    }
    return c;
}

static void chunk_free(struct chunk_pool *pool, struct chunk *c)
{
    byte_count block = block_size_of(c);
    pool->used -= block;
    if (block == CHUNK_BYTES && pool->spare_count < SPARE_MOST) {
        c->next = pool->spare;
        pool->spare = c;
        pool->spare_count++;
    } else {
        free(c);
    }
}

void buf_init(struct buf *b, struct chunk_pool *pool)
{
    *b = (struct buf){.pool = pool};
}

void buf_clear(struct buf *b)
{
    while (b->first != NULL) {
        struct chunk *c = b->first;
        b->first = c->next;
        chunk_free(b->pool, c);
    }
    b->last = NULL;
    b->size = 0;
}

static void link_chunk(struct buf *b, struct chunk *c)
{
    if (b->last == NULL) {
        b->first = c;
    } else {
        b->last->next = c;
    }
    b->last = c;
}

static byte_count free_in_last(const struct buf *b)
{
    return b->last == NULL ? 0 : b->last->room - b->last->end;
}

/* Bytes of new blocks that `bytes` more would need. */
static byte_count blocks_needed(const struct buf *b, byte_count bytes)
{
    byte_count free_bytes = free_in_last(b);
    if (bytes <= free_bytes) {
        return 0;
    }
    byte_count rest = bytes - free_bytes;
    byte_count whole = rest / (CHUNK_BYTES - sizeof(struct chunk));
    byte_count remainder = rest % (CHUNK_BYTES - sizeof(struct chunk));
    return whole * CHUNK_BYTES + (remainder == 0 ? 0 : block_size_for(remainder));
}

bool buf_append(struct buf *b, struct span bytes)
{
    byte_count needed = blocks_needed(b, bytes.size);
    if (needed != 0 && b->pool->used + needed > b->pool->limit) {
        return false;
    }
    buf_append_always(b, bytes);
    return true;
}

void buf_append_always(struct buf *b, struct span bytes)
{
    b->size += bytes.size;
    while (bytes.size > 0) {
        if (free_in_last(b) == 0) {
            link_chunk(b, chunk_new(b->pool, bytes.size));
        }
        struct chunk *c = b->last;
        byte_count part = c->room - c->end;
        if (part > bytes.size) {
            part = bytes.size;
        }
        memcpy(c->bytes + c->end, bytes.at, part);
        c->end += (uint32_t)part;
        bytes = span_tail(bytes, part);
    }
}

bool buf_prepare(struct buf *b, byte_count bytes)
{
    require(b->first == NULL);
    if (b->pool->used + block_size_for(bytes) > b->pool->limit) {
        return false;
    }
    link_chunk(b, chunk_new(b->pool, bytes));
    return true;
}

uint8_t *buf_reserve(struct buf *b, byte_count *room)
{
    if (free_in_last(b) == 0) {
        if (b->pool->used + CHUNK_BYTES > b->pool->limit) {
            return NULL;
        }
        link_chunk(b, chunk_new(b->pool, CHUNK_BYTES));
    }
    *room = free_in_last(b);
    return b->last->bytes + b->last->end;
}

void buf_commit(struct buf *b, byte_count written)
{
    require(written <= free_in_last(b));
    b->last->end += (uint32_t)written;
    b->size += written;
    if (b->size == 0) {
        buf_clear(b);
    }
}

struct span buf_front(const struct buf *b)
{
    if (b->first == NULL) {
        return span_of(NULL, 0);
    }
    return span_of(b->first->bytes + b->first->begin, b->first->end - b->first->begin);
}

size_t buf_spans(const struct buf *b, struct span *spans, size_t most)
{
    size_t count = 0;
    for (const struct chunk *c = b->first; c != NULL && count < most; c = c->next) {
        spans[count++] = span_of(c->bytes + c->begin, c->end - c->begin);
    }
    return count;
}

void buf_consume(struct buf *b, byte_count size)
{
    require(size <= b->size);
    b->size -= size;
    if (b->size == 0) {
        buf_clear(b);
        return;
    }
    while (size > 0) {
        struct chunk *c = b->first;
        byte_count there = c->end - c->begin;
        if (size < there) {
            c->begin += (uint32_t)size;
            return;
        }
        size -= there;
        b->first = c->next;
        chunk_free(b->pool, c);
    }
}

void buf_peek(const struct buf *b, void *to, byte_count size)
{
    require(size <= b->size);
    uint8_t *out = to;
    for (const struct chunk *c = b->first; size > 0; c = c->next) {
        byte_count part = c->end - c->begin;
        if (part > size) {
            part = size;
        }
        memcpy(out, c->bytes + c->begin, part);
        out += part;
        size -= part;
    }
}

void buf_patch(struct buf *b, byte_count offset, struct span bytes)
{
    require(offset + bytes.size <= b->size);
    for (struct chunk *c = b->first; bytes.size > 0; c = c->next) {
        byte_count there = c->end - c->begin;
        if (offset >= there) {
            offset -= there;
            continue;
        }
        byte_count part = there - offset;
        if (part > bytes.size) {
            part = bytes.size;
        }
        memcpy(c->bytes + c->begin + offset, bytes.at, part);
        bytes = span_tail(bytes, part);
        offset = 0;
    }
}

void buf_move(struct buf *to, struct buf *from)
{
    require(to->pool == from->pool);
    if (from->first == NULL) {
        return;
    }
    if (to->last == NULL) {
        to->first = from->first;
    } else {
        to->last->next = from->first;
    }
    to->last = from->last;
    to->size += from->size;
    from->first = NULL;
    from->last = NULL;
    from->size = 0;
}

void buf_split(struct buf *from, struct buf *to, byte_count size)
{
    require(size <= from->size);
    while (size > 0) {
        struct chunk *c = from->first;
        byte_count there = c->end - c->begin;
        require(there <= size);
        from->first = c->next;
        c->next = NULL;
        link_chunk(to, c);
        from->size -= there;
        to->size += there;
        size -= there;
    }
    if (from->first == NULL) {
        from->last = NULL;
    }
}

struct span buf_flatten(const struct buf *b, void **owned)
{
    *owned = NULL;
    if (b->first == b->last) {
        return buf_front(b);
    }
    uint8_t *copy = xmalloc(b->size);
    buf_peek(b, copy, b->size);
    *owned = copy;
    return span_of(copy, b->size);
}
