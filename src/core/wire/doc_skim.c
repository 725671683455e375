/* Between two elements the walk is AT_ELEMENT. When type, key and length of the next one lie whole
 * in the piece they are read in place; else they are gathered in the room (AT_KEY, AT_LENGTH). An
 * element that was reported leaves its value ahead until the next call, so that the caller can take
 * or enter it; else it is skipped. A gathered length is passed already though it belongs to the
 * value: `behind` counts these bytes. */
#include "core/wire/doc_skim.h"

#include "base/require.h"

enum skim_state {
    AT_START, /* the root's length, gathered */
    AT_ELEMENT,
    AT_KEY,    /* type and key, gathered */
    AT_LENGTH, /* the length behind them */
    AT_VALUE,  /* reported, and nothing said about it: skip */
    AT_TAKE,   /* reported, and its first bytes are wanted */
    AT_TAKING,
    AT_ENTER, /* reported, and its elements are wanted */
    AT_END,
    AT_BAD
};

enum { LENGTH_BYTES = 4, BY_LENGTH = -1, BY_ZEROS = -2 };

void skim_init(struct doc_skim *s, uint32_t size_most, uint8_t *room, uint32_t room_size)
{
    require(room_size >= SKIM_ROOM_LEAST);
    *s = (struct doc_skim){.room = room, .room_size = room_size, .state = AT_START};
    s->end[0] = size_most;
}

static enum skim_event bad(struct doc_skim *s)
{
    s->state = AT_BAD;
    return SKIM_BAD;
}

static void pass(struct doc_skim *s, struct span *in, size_t size)
{
    if (size > 0) {
        *in = span_tail(*in, size);
        s->position += (uint32_t)size;
    }
}

/* Bytes of the innermost document that are ahead, its final zero included. */
static uint32_t ahead(const struct doc_skim *s)
{
    return s->end[s->depth - 1] - s->position;
}

/* Copies up to `want` bytes in all to the room; true when they are there. */
static bool gather(struct doc_skim *s, struct span *in, uint32_t want)
{
    size_t part = want - s->used < in->size ? want - s->used : in->size;
    if (part > 0) {
        memcpy(s->room + s->used, in->at, part);
        s->used += (uint32_t)part;
        pass(s, in, part);
    }
    return s->used == want;
}

static enum skim_event start(struct doc_skim *s, struct span *in, struct skim_element *out)
{
    if (!gather(s, in, LENGTH_BYTES)) {
        return SKIM_NEED_MORE;
    }
    int32_t length = read_int32(s->room);
    if (length < DOCUMENT_BYTES_LEAST || (uint32_t)length > s->end[0]) {
        return bad(s);
    }
    s->end[0] = (uint32_t)length;
    s->depth = 1;
    s->state = AT_ELEMENT;
    return skim_next(s, in, out);
}

/* `behind` bytes of the value are passed already. It must leave room for the final zero. */
static enum skim_event report(struct doc_skim *s, uint32_t size, uint32_t behind,
                              struct skim_element *out)
{
    if (size != UINT32_MAX && size - behind >= ahead(s)) {
        return bad(s);
    }
    s->type = out->element.type;
    s->value_size = size;
    s->behind = (uint8_t)behind;
    s->zeros = size == UINT32_MAX ? 2 : 0;
    s->state = AT_VALUE;
    out->value_size = size;
    out->value_offset = s->position - behind;
    out->has_value = out->element.value.size == size;
    return SKIM_ELEMENT;
}

static enum skim_event in_place(struct doc_skim *s, struct span *in, struct skim_element *out)
{
    struct span within = in->size < ahead(s) ? *in : span_head(*in, ahead(s));
    uint32_t size;
    enum view_event event = element_read(within, &out->element, &size);
    if (event == VIEW_NEED_MORE && within.size < ahead(s)) {
        s->state = AT_KEY;
        s->used = 0;
        return skim_next(s, in, out);
    }
    if (event != VIEW_ELEMENT) {
        return bad(s);
    }
    pass(s, in, (size_t)(out->element.value.at - in->at));
    return report(s, size, 0, out);
}

static enum skim_event at_element(struct doc_skim *s, struct span *in, struct skim_element *out)
{
    if (in->size == 0) {
        return SKIM_NEED_MORE;
    }
    if (in->at[0] != 0) {
        return in_place(s, in, out);
    }
    pass(s, in, 1);
    if (s->position != s->end[s->depth - 1]) {
        return bad(s);
    }
    s->depth--;
    s->state = s->depth == 0 ? AT_END : AT_ELEMENT;
    return s->depth == 0 ? SKIM_END : SKIM_LEFT;
}

static enum skim_event gather_key(struct doc_skim *s, struct span *in, struct skim_element *out)
{
    if (in->size == 0) {
        return SKIM_NEED_MORE;
    }
    const uint8_t *zero = memchr(in->at, 0, in->size); /* the type before the key is not zero */
    size_t size = zero == NULL ? in->size : (size_t)(zero - in->at) + 1;
    if (size >= ahead(s)) {
        return bad(s);
    }
    /* Room for the key's zero and a length stays free. */
    size_t room = s->room_size - s->used - 1 - LENGTH_BYTES;
    size_t text = zero == NULL ? size : size - 1;
    size_t kept = text < room ? text : room;
    memcpy(s->room + s->used, in->at, kept);
    s->used += (uint32_t)kept;
    pass(s, in, size);
    if (zero == NULL) {
        return SKIM_NEED_MORE;
    }
    s->room[s->used++] = 0;
    s->key_end = (uint16_t)s->used;
    s->state = AT_LENGTH;
    return skim_next(s, in, out);
}

static enum skim_event gather_length(struct doc_skim *s, struct span *in, struct skim_element *out)
{
    uint8_t type = s->room[0];
    int fixed = element_fixed_size(type);
    uint32_t size = fixed == BY_ZEROS ? UINT32_MAX : (uint32_t)fixed;
    uint32_t behind = 0;
    if (fixed == BY_LENGTH) {
        if (ahead(s) + s->used - s->key_end <= LENGTH_BYTES) {
            return bad(s);
        }
        if (!gather(s, in, s->key_end + LENGTH_BYTES)) {
            return SKIM_NEED_MORE;
        }
        behind = LENGTH_BYTES;
        size = element_size_from_length(type, read_int32(s->room + s->key_end));
        if (size == 0) {
            return bad(s);
        }
    }
    out->element.type = type;
    out->element.key = span_of(s->room + 1, s->key_end - 2U);
    out->element.value = span_of(s->room + s->key_end, behind);
    return report(s, size, behind, out);
}

/* --- what becomes of a value --- */

void skim_take(struct doc_skim *s, uint32_t most)
{
    require(s->state == AT_VALUE && s->value_size != UINT32_MAX);
    s->take = s->value_size < most ? s->value_size : most;
    s->take = s->take < s->room_size ? s->take : s->room_size;
    s->state = AT_TAKE;
}

bool skim_enter(struct doc_skim *s)
{
    require(s->state == AT_VALUE && (s->type == ELEMENT_DOCUMENT || s->type == ELEMENT_ARRAY));
    if (s->depth == SKIM_DEPTH) {
        return false;
    }
    s->state = AT_ENTER;
    return true;
}

static enum skim_event start_taking(struct doc_skim *s, struct span *in, struct skim_element *out)
{
    if (s->behind > 0) {
        memmove(s->room, s->room + s->key_end, s->behind);
    }
    s->used = s->behind;
    if (s->take < s->used) {
        s->take = s->used;
    }
    s->state = AT_TAKING;
    return skim_next(s, in, out);
}

static enum skim_event taking(struct doc_skim *s, struct span *in, struct skim_element *out)
{
    if (!gather(s, in, s->take)) {
        return SKIM_NEED_MORE;
    }
    out->element.type = s->type;
    out->element.key = span_of(NULL, 0);
    out->element.value = span_of(s->room, s->take);
    out->has_value = s->take == s->value_size;
    out->value_size = s->value_size;
    out->value_offset = s->position - s->take;
    s->skip = s->value_size - s->take;
    s->state = AT_ELEMENT;
    return SKIM_VALUE;
}

static enum skim_event enter(struct doc_skim *s, struct span *in, struct skim_element *out)
{
    s->end[s->depth] = s->position - s->behind + s->value_size;
    s->depth++;
    s->skip = LENGTH_BYTES - s->behind;
    s->state = AT_ELEMENT;
    return skim_next(s, in, out);
}

static enum skim_event skip_value(struct doc_skim *s, struct span *in, struct skim_element *out)
{
    s->skip = s->value_size == UINT32_MAX ? 0 : s->value_size - s->behind;
    s->state = AT_ELEMENT;
    return skim_next(s, in, out);
}

/* True when nothing is left to pass over; false when the piece is used up, or (state AT_BAD) a
 * regular expression reaches the end of its document. */
static bool pass_over(struct doc_skim *s, struct span *in)
{
    size_t part = in->size < s->skip ? in->size : s->skip;
    pass(s, in, part);
    s->skip -= (uint32_t)part;
    while (s->zeros > 0 && s->state == AT_ELEMENT && in->size > 0) {
        const uint8_t *zero = memchr(in->at, 0, in->size);
        size_t size = zero == NULL ? in->size : (size_t)(zero - in->at) + 1;
        if (size >= ahead(s)) {
            s->state = AT_BAD;
            return true;
        }
        pass(s, in, size);
        s->zeros = (uint8_t)(s->zeros - (zero == NULL ? 0 : 1));
    }
    return s->skip == 0 && (s->zeros == 0 || s->state != AT_ELEMENT);
}

enum skim_event skim_next(struct doc_skim *s, struct span *in, struct skim_element *out)
{
    if ((s->skip > 0 || s->zeros > 0) && !pass_over(s, in)) {
        return SKIM_NEED_MORE;
    }
    switch ((enum skim_state)s->state) {
    case AT_START:
        return start(s, in, out);
    case AT_ELEMENT:
        return at_element(s, in, out);
    case AT_KEY:
        return gather_key(s, in, out);
    case AT_LENGTH:
        return gather_length(s, in, out);
    case AT_VALUE:
        return skip_value(s, in, out);
    case AT_TAKE:
        return start_taking(s, in, out);
    case AT_TAKING:
        return taking(s, in, out);
    case AT_ENTER:
        return enter(s, in, out);
    case AT_END:
        return SKIM_END;
    case AT_BAD:
        break;
    }
    return SKIM_BAD;
}
