/* The getMore of an awaitData cursor, sent with a shorter wait than its client asked for, and
 * answered without a server.
 *
 * maxTimeMS is legal on the getMore of such cursors alone. An empty nextBatch is not their end; a
 * resume token is the server's to give, and never made up. Pure. */
#ifndef CORE_WIRE_GET_MORE_H
#define CORE_WIRE_GET_MORE_H

#include "base/buf.h"
#include "core/wire/inspect.h"

/* The request with another maxTimeMS, as spans for one gathered write. Lent from the request and
 * from the struct itself, which must not move. */
struct get_more_slice {
    struct span parts[5];
    size_t count;
    uint8_t head[UPSTREAM_HEAD_BYTES + 1 + 4]; /* with the section's kind and the body's length */
    uint8_t field[1 + sizeof "maxTimeMS" + 4]; /* a new element, or the bytes of the old value */
};

/* Of a whole `message`: overwrites the field in its width, or adds it (int32) at the end of the
 * body; a checksum is left out. False when the body is not the first section. */
bool get_more_slice(struct get_more_slice *out, struct span message,
                    const struct request_facts *facts, int32_t upstream_id, int64_t max_time_ms);

/* Whether `bytes`, a whole OP_MSG reply behind its header, has an empty nextBatch. */
bool get_more_reply_is_empty(struct span bytes);

/* {cursor: {nextBatch: [], id, ns}, ok: 1}: no event came. The namespace is the request's, which a
 * server demands to be the cursor's. */
void reply_empty_batch(struct buf *out, const struct request_facts *to, int32_t reply_id);

#endif
