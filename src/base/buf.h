/* A byte queue of chunks from one counted pool: the only place where peers can make us grow.
 *
 * Bytes are appended at the end and taken from the front. Chunks come in three sizes (1, 4 and 16
 * KiB), so that ten thousand small waiting requests do not cost 16 KiB each. An empty buf owns no
 * chunk. The pool has a limit; reaching it is a normal event that the caller answers (it stops
 * reading, or refuses), hence append can fail. The pool keeps a bounded number of free chunks and
 * returns the rest to the system. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>

#include "base/list.h"
#include "base/span.h"
#include "base/units.h"

#define CHUNK_BYTES (16 * KIB)

struct chunk; /* opaque: header and bytes in one block */

struct chunk_pool {
    byte_count limit;
    byte_count used;     /* in chunks that are owned by bufs */
    byte_count highest;  /* most ever used, for reports */
    struct chunk *spare; /* 16 KiB chunks kept for reuse */
    size_t spare_count;
};

void chunk_pool_init(struct chunk_pool *pool, byte_count limit);

/* Every buf must be empty by now (required). */
void chunk_pool_clear(struct chunk_pool *pool);

struct buf {
    struct chunk_pool *pool;
    struct chunk *first;
    struct chunk *last;
    byte_count size;
};

void buf_init(struct buf *b, struct chunk_pool *pool);

/* Drops all bytes and chunks; the buf may be used again. */
void buf_clear(struct buf *b);

static inline bool buf_is_empty(const struct buf *b)
{
    return b->size == 0;
}

/* Copies the bytes to the end: all of them or, when the pool is at its limit, none (false). */
bool buf_append(struct buf *b, struct span bytes) __attribute__((warn_unused_result));

/* As buf_append, but beyond the pool's limit too: for bytes whose number is bounded elsewhere (an
 * error reply, a TLS alert) and for what a promise says must be taken. */
void buf_append_always(struct buf *b, struct span bytes);

/* Gives an empty buf a first chunk that holds `bytes` in one piece, when one chunk can (else as
 * much as one can), so that buf_front is the whole. False when the pool is at its limit. */
bool buf_prepare(struct buf *b, byte_count bytes) __attribute__((warn_unused_result));

/* Room to write into at the end, at least 1 byte, at most 16 KiB; NULL when the pool is at its
 * limit. What was written is then added by buf_commit. */
uint8_t *buf_reserve(struct buf *b, byte_count *room);
void buf_commit(struct buf *b, byte_count written);

/* The contiguous bytes at the front; empty when the buf is. Valid until the buf changes. */
struct span buf_front(const struct buf *b);

/* The first bytes as up to `most` spans, for a gathered write; returns how many were filled. */
size_t buf_spans(const struct buf *b, struct span *spans, size_t most);

/* Drops `size` bytes from the front; `size` must not exceed b->size. */
void buf_consume(struct buf *b, byte_count size);

/* Copies the first `size` bytes (which must be there) to `to` without taking them. */
void buf_peek(const struct buf *b, void *to, byte_count size);

/* Overwrites `bytes.size` bytes that start at `offset` (all must be there). */
void buf_patch(struct buf *b, byte_count offset, struct span bytes);

/* Moves all bytes of `from` to the end of `to` without copying. Both have the same pool. */
void buf_move(struct buf *to, struct buf *from);

/* Moves whole chunks of `from` to the end of `to`, in all `size` bytes, which must end with a
 * chunk. */
void buf_split(struct buf *from, struct buf *to, byte_count size);

/* All bytes in one contiguous span: the front as it is when one chunk holds them, else a copy that
 * the caller frees through `*owned` (NULL when nothing was copied). */
struct span buf_flatten(const struct buf *b, void **owned);

#endif
