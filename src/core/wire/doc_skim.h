/* A walk over one BSON document that comes in pieces: the streaming twin of bson_view.
 *
 * Values are skipped by their declared lengths and never held, unless the caller wants one: then
 * it is lent from the piece when it lies in it whole, else gathered in the caller's room. Nested
 * documents can be entered to a bounded depth. */
#ifndef CORE_WIRE_DOC_SKIM_H
#define CORE_WIRE_DOC_SKIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "core/wire/bson_view.h"

enum { SKIM_DEPTH = 4, SKIM_ROOM_LEAST = 128 };

enum skim_event {
    SKIM_NEED_MORE, /* the piece is used up */
    SKIM_ELEMENT,   /* type and key; and the value when it lies whole in the piece (has_value) */
    SKIM_VALUE,     /* what skim_take asked for */
    SKIM_LEFT,      /* an entered document has ended */
    SKIM_END,       /* the root document has ended */
    SKIM_BAD        /* not BSON; so for ever after */
};

struct skim_element {
    struct element element; /* of VALUE: type and value, maybe its first bytes only */
    bool has_value;
    uint32_t value_size;   /* declared; UINT32_MAX for a regular expression not seen whole */
    uint32_t value_offset; /* from the start of the root document */
};

struct doc_skim {
    uint8_t *room;
    uint32_t room_size;
    uint32_t used;       /* of the room */
    uint32_t position;   /* bytes passed since the start of the root document */
    uint32_t skip;       /* bytes to pass over before anything else */
    uint32_t value_size; /* of the element last reported */
    uint32_t take;       /* bytes of it to gather */
    uint32_t end[SKIM_DEPTH];
    uint16_t key_end; /* in the room, of a gathered type and key */
    uint8_t behind;   /* bytes of the value that were gathered after them and are passed */
    uint8_t depth;    /* open documents; the root is 1 */
    uint8_t state;
    uint8_t type;
    uint8_t zeros; /* to pass in a regular expression */
};

/* `room` is lent, at least SKIM_ROOM_LEAST. The document must not be longer than `size_most`. */
void skim_init(struct doc_skim *s, uint32_t size_most, uint8_t *room, uint32_t room_size);

/* Takes from the front of `*in`. Spans in `*out` are valid until the next call. A key longer than
 * the room may be reported cut. */
enum skim_event skim_next(struct doc_skim *s, struct span *in, struct skim_element *out);

/* After an ELEMENT without its value (not a regular expression): the first `most` bytes of it, or
 * all when fewer, come as VALUE. Clipped to the room. */
void skim_take(struct doc_skim *s, uint32_t most);

/* After an ELEMENT that is a document or an array: its elements come next, then LEFT. False when
 * that would be too deep: it is skipped then. */
bool skim_enter(struct doc_skim *s);

#endif
