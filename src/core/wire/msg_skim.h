/* A walk over the sections of an OP_MSG, or the parts of an OP_QUERY, that comes in pieces.
 *
 * Both kinds of section in any order; the body's elements are reported by the skim inside. */
#ifndef CORE_WIRE_MSG_SKIM_H
#define CORE_WIRE_MSG_SKIM_H

#include "core/wire/doc_skim.h"
#include "core/wire/fault.h"
#include "core/wire/frame.h"

enum msg_event {
    MSG_NEED_MORE,
    MSG_FLAGS,    /* msg->flags are known; of OP_QUERY: and out->element.key is the namespace */
    MSG_SEQUENCE, /* a document sequence begins: out->element.key is its identifier */
    MSG_ELEMENT,  /* as SKIM_ELEMENT */
    MSG_VALUE,    /* as SKIM_VALUE */
    MSG_LEFT,     /* as SKIM_LEFT */
    MSG_BODY_END, /* the body is complete; sections may follow */
    MSG_END,      /* the message is complete */
    MSG_BAD       /* msg->fault */
};

struct msg_skim {
    struct doc_skim body;
    uint32_t left;         /* of the message, without a checksum */
    uint32_t section_left; /* of the sequence being passed */
    uint32_t body_offset;  /* of the body from the start of the message */
    uint32_t total;        /* of the message without its header, with a checksum */
    uint32_t flags;
    uint32_t checksum;
    uint32_t names[2]; /* hashes of the sequence identifiers */
    uint8_t names_count;
    uint8_t state;
    uint8_t fault;
    bool is_query;
    bool had_body;
    bool checks;
    uint8_t gathered;
    uint8_t small[160];
};

/* `room` as for skim_init. The head has been taken; the bytes after it follow. */
void msg_skim_init(struct msg_skim *m, struct message_head head, uint8_t *room, uint32_t room_size);

/* Takes from the front of `*in`; pieces together must not be longer than the head said. */
enum msg_event msg_skim_next(struct msg_skim *m, struct span *in, struct skim_element *out);

#endif
