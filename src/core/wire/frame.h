/* Bytes in, message boundaries out, without ever holding a message.
 *
 * One frame per direction of a byte stream. It keeps only a header that is not complete yet. The
 * events are the same for every way of cutting the same bytes (bodies concatenated). */
#ifndef CORE_WIRE_FRAME_H
#define CORE_WIRE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "core/wire/fault.h"

enum { HEADER_BYTES = 16, MAX_MESSAGE_BYTES = 48000000 };

enum opcode {
    OP_REPLY = 1,
    OP_UPDATE = 2001,
    OP_INSERT = 2002,
    OP_QUERY = 2004,
    OP_GET_MORE = 2005,
    OP_DELETE = 2006,
    OP_KILL_CURSORS = 2007,
    OP_COMMAND = 2010,
    OP_COMMAND_REPLY = 2011,
    OP_COMPRESSED = 2012,
    OP_MSG = 2013
};

/* flagBits of OP_MSG; bits 2 to 15 are required, an unknown one is an error. */
enum msg_flag {
    MSG_CHECKSUM_PRESENT = 1 << 0,
    MSG_MORE_TO_COME = 1 << 1,
    MSG_REQUIRED_UNKNOWN = 0xfffc,
    MSG_EXHAUST_ALLOWED = 1 << 16
};

struct message_head {
    int32_t length; /* of the whole message, these 16 bytes included */
    int32_t request_id;
    int32_t response_to;
    int32_t opcode;
};

struct message_head header_read(const uint8_t in[HEADER_BYTES]);
void header_write(uint8_t out[HEADER_BYTES], struct message_head head);

struct frame {
    uint32_t max_bytes;
    uint32_t left; /* of the body */
    uint8_t state;
    uint8_t have; /* header bytes so far */
    uint8_t head[HEADER_BYTES];
};

enum frame_event {
    FRAME_NEED_MORE, /* `in` is used up */
    FRAME_HEAD,      /* a header is complete: `out->head`, and `out->bytes` are its 16 bytes */
    FRAME_BODY,      /* `out->bytes` follow: never empty, lent from `in` */
    FRAME_END,       /* the message is complete */
    FRAME_BAD        /* `out->fault`, `out->bytes` the header as it came; so for ever after */
};

struct frame_part {
    struct message_head head;
    struct span bytes;
    enum wire_fault fault;
};

/* `max_message_bytes` bounds the length field, header included. */
void frame_init(struct frame *f, uint32_t max_message_bytes);

/* Takes from the front of `*in` what the event covers. `*out` is written for HEAD (all but fault),
 * BODY (bytes) and BAD (head, bytes, fault). Bytes of HEAD and BAD are valid until the next call.
 */
enum frame_event frame_next(struct frame *f, struct span *in, struct frame_part *out);

/* True between messages: nothing of the next one has come. */
bool frame_is_between(const struct frame *f);

/* Who is calling, by the first bytes of a connection. Asked when the first header is bad (the 16
 * bytes of FRAME_BAD suffice), to tell a wrong caller what is wrong. */
enum caller {
    CALLER_UNKNOWN, /* neither of these, or too few bytes */
    CALLER_MONGODB,
    CALLER_TLS,
    CALLER_HTTP
};

enum caller frame_recognise(struct span first_bytes);

#endif
