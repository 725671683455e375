/* The frame around a reply of our own, in the opcode of its request. Inside. */
#ifndef CORE_WIRE_REPLY_WRITE_H
#define CORE_WIRE_REPLY_WRITE_H

#include "base/buf.h"
#include "core/wire/doc_write.h"
#include "core/wire/inspect.h"

/* Header, and what stands between it and the document: at most this. */
enum { REPLY_HEAD_BYTES_MOST = HEADER_BYTES + 20 };

static inline void reply_open(struct doc_writer *w, const struct request_facts *to,
                              int32_t reply_id)
{
    header_write(write_room(w, HEADER_BYTES),
                 (struct message_head){
                     .request_id = reply_id,
                     .response_to = to->request_id,
                     .opcode = to->opcode == OP_QUERY ? OP_REPLY : OP_MSG,
                 });
    if (to->opcode == OP_QUERY) {
        enum { AWAIT_CAPABLE = 8 };
        uint8_t *at = write_room(w, 20);
        write_int32(at, AWAIT_CAPABLE);
        write_int64(at + 4, 0);  /* cursorID */
        write_int32(at + 12, 0); /* startingFrom */
        write_int32(at + 16, 1); /* numberReturned */
    } else {
        uint8_t *at = write_room(w, 5);
        write_int32(at, 0); /* flagBits */
        at[4] = 0;          /* kind: body */
    }
}

static inline void reply_close(struct doc_writer *w, struct buf *out)
{
    struct span message = written(w);
    write_int32(w->start, (int32_t)message.size);
    buf_append_always(out, message);
}

#endif
