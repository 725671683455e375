/* A walk over an OP_MSG, or an OP_QUERY of the handshake, that comes in pieces.
 *
 * Both kinds of section in any order. Document sequences are passed over by their declared sizes;
 * the elements of the one body are reported by the skim inside. A checksum is verified. */
#ifndef CORE_WIRE_MSG_SKIM_H
#define CORE_WIRE_MSG_SKIM_H

#include "core/wire/doc_skim.h"
#include "core/wire/fault.h"
#include "core/wire/frame.h"

/* "At most two", says a server. */
enum { SEQUENCES_MOST = 2 };

enum msg_event {
    MSG_NEED_MORE,
    MSG_FLAGS,    /* m->flags are known; of OP_QUERY: out->element.key is the namespace */
    MSG_SEQUENCE, /* a document sequence begins: out->element.key is its identifier */
    MSG_ELEMENT,  /* as SKIM_ELEMENT */
    MSG_VALUE,    /* as SKIM_VALUE */
    MSG_LEFT,     /* as SKIM_LEFT */
    MSG_BODY_END, /* the body is complete; sequences may follow */
    MSG_END,      /* the message is complete; so for ever after */
    MSG_BAD       /* m->fault says why; so for ever after */
};

struct msg_skim {
    struct doc_skim body;
    struct message_head head;
    uint32_t position;    /* bytes passed since the start of the message */
    uint32_t end;         /* of the sections; a checksum follows */
    uint32_t section_end; /* of the sequence being passed over */
    uint32_t body_start;
    uint32_t flags;
    uint32_t crc;
    uint32_t names[SEQUENCES_MOST]; /* hashes of the identifiers */
    uint8_t names_count;
    uint8_t gathered; /* bytes in the room */
    uint8_t state;
    uint8_t fault; /* enum wire_fault */
    bool has_body;
};

/* `room` as for skim_init. The header has been taken; the bytes behind it follow. */
void msg_skim_init(struct msg_skim *m, struct message_head head, uint8_t *room, uint32_t room_size);

/* Takes from the front of `*in`. The pieces together must not be longer than the head said. */
enum msg_event msg_skim_next(struct msg_skim *m, struct span *in, struct skim_element *out);

/* Where the value of the element just reported stands, from the start of the message. */
static inline uint32_t msg_skim_offset(const struct msg_skim *m, const struct skim_element *e)
{
    return m->body_start + e->value_offset;
}

#endif
