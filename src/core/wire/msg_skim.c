/* OP_MSG:   FLAGS -> KIND -> BODY -> KIND …              -> CHECKSUM? -> END
 *                     └───> SIZE -> NAME -> SEQUENCE -> KIND …
 * OP_QUERY: FLAGS -> NAMESPACE -> NUMBERS -> BODY -> SELECTOR -> END
 *
 * The small parts are gathered in the room, which the body's skim needs only while it is at work.
 */
#include "core/wire/msg_skim.h"

#include "base/crc32c.h"

enum msg_state {
    AT_FLAGS,
    AT_NAMESPACE,
    AT_NUMBERS,
    AT_KIND,
    AT_SIZE,
    AT_NAME,
    AT_SEQUENCE,
    AT_BODY,
    AT_SELECTOR,
    AT_CHECKSUM,
    AT_END,
    AT_BAD
};

/* Longer names of namespaces and sequences exist in no command. */
enum { NAME_MOST = 120, SECTION_BODY = 0, SECTION_SEQUENCE = 1, SEQUENCE_BYTES_LEAST = 5 };

/* Of a step that has only changed the state; beside enum msg_event. */
enum { AGAIN = -1 };

void msg_skim_init(struct msg_skim *m, struct message_head head, uint8_t *room, uint32_t room_size)
{
    *m = (struct msg_skim){.head = head, .position = HEADER_BYTES, .end = (uint32_t)head.length};
    skim_init(&m->body, 0, room, room_size);
}

static int bad(struct msg_skim *m, enum wire_fault fault)
{
    m->state = AT_BAD;
    m->fault = (uint8_t)fault;
    return MSG_BAD;
}

static uint32_t ahead(const struct msg_skim *m)
{
    return m->end - m->position;
}

static void pass(struct msg_skim *m, struct span *in, size_t size)
{
    if (size > 0) {
        *in = span_tail(*in, size);
        m->position += (uint32_t)size;
    }
}

/* Gathers `want` bytes in the room; false: the piece is used up. */
static bool gather(struct msg_skim *m, struct span *in, size_t want)
{
    size_t part = want - m->gathered < in->size ? want - m->gathered : in->size;
    if (part > 0) {
        memcpy(m->body.room + m->gathered, in->at, part);
    }
    m->gathered = (uint8_t)(m->gathered + part);
    pass(m, in, part);
    if (m->gathered < want) {
        return false;
    }
    m->gathered = 0;
    return true;
}

/* Gathers a zero-terminated name, which must end before `end`. */
static int gather_name(struct msg_skim *m, struct span *in, uint32_t end, struct span *name)
{
    while (in->size > 0) {
        if (m->position == end || m->gathered == NAME_MOST) {
            return bad(m, WIRE_FAULT_TRUNCATED);
        }
        uint8_t byte = in->at[0];
        pass(m, in, 1);
        if (byte == 0) {
            *name = span_of(m->body.room, m->gathered);
            m->gathered = 0;
            return MSG_END;
        }
        m->body.room[m->gathered++] = byte;
    }
    return m->position == end ? bad(m, WIRE_FAULT_TRUNCATED) : MSG_NEED_MORE;
}

static int at_flags(struct msg_skim *m, struct span *in)
{
    if (m->gathered == 0 && ahead(m) < 4) {
        return bad(m, WIRE_FAULT_TRUNCATED);
    }
    if (!gather(m, in, 4)) {
        return MSG_NEED_MORE;
    }
    m->flags = read_uint32(m->body.room);
    if (m->head.opcode == OP_QUERY) {
        m->state = AT_NAMESPACE;
        return AGAIN;
    }
    if ((m->flags & MSG_REQUIRED_UNKNOWN) != 0) {
        return bad(m, WIRE_FAULT_FLAG);
    }
    if ((m->flags & MSG_CHECKSUM_PRESENT) != 0) {
        if (ahead(m) < 4) {
            return bad(m, WIRE_FAULT_TRUNCATED);
        }
        m->end -= 4;
        uint8_t header[HEADER_BYTES];
        header_write(header, m->head);
        m->crc = crc32c(crc32c(0, span_of(header, sizeof header)), span_of(m->body.room, 4));
    }
    m->state = AT_KIND;
    return MSG_FLAGS;
}

static int at_namespace(struct msg_skim *m, struct span *in, struct skim_element *out)
{
    int event = gather_name(m, in, m->end, &out->element.key);
    if (event != MSG_END) {
        return event;
    }
    m->state = AT_NUMBERS;
    return MSG_FLAGS;
}

static int begin_body(struct msg_skim *m)
{
    if (ahead(m) < DOCUMENT_BYTES_LEAST) {
        return bad(m, WIRE_FAULT_TRUNCATED);
    }
    m->has_body = true;
    m->body_start = m->position;
    m->state = AT_BODY;
    skim_init(&m->body, ahead(m), m->body.room, m->body.room_size);
    return AGAIN;
}

static int at_numbers(struct msg_skim *m, struct span *in)
{
    if (m->gathered == 0 && ahead(m) < 8) {
        return bad(m, WIRE_FAULT_TRUNCATED);
    }
    if (!gather(m, in, 8)) {
        return MSG_NEED_MORE;
    }
    return begin_body(m);
}

static int end_sections(struct msg_skim *m)
{
    if (!m->has_body) {
        return bad(m, WIRE_FAULT_NO_BODY);
    }
    if ((m->flags & MSG_CHECKSUM_PRESENT) != 0) {
        m->state = AT_CHECKSUM;
        return AGAIN;
    }
    m->state = AT_END;
    return MSG_END;
}

static int at_kind(struct msg_skim *m, struct span *in)
{
    if (m->position == m->end) {
        return end_sections(m);
    }
    if (in->size == 0) {
        return MSG_NEED_MORE;
    }
    uint8_t kind = in->at[0];
    pass(m, in, 1);
    if (kind == SECTION_BODY) {
        return m->has_body ? bad(m, WIRE_FAULT_TWO_BODIES) : begin_body(m);
    }
    if (kind != SECTION_SEQUENCE) {
        return bad(m, WIRE_FAULT_SECTION);
    }
    if (m->names_count == SEQUENCES_MOST) {
        return bad(m, WIRE_FAULT_SEQUENCES);
    }
    m->state = AT_SIZE;
    return AGAIN;
}

static int at_size(struct msg_skim *m, struct span *in)
{
    if (m->gathered == 0 && ahead(m) < SEQUENCE_BYTES_LEAST) {
        return bad(m, WIRE_FAULT_TRUNCATED);
    }
    if (!gather(m, in, 4)) {
        return MSG_NEED_MORE;
    }
    int32_t size = read_int32(m->body.room);
    if (size < SEQUENCE_BYTES_LEAST || (uint32_t)size - 4 > ahead(m)) {
        return bad(m, WIRE_FAULT_TRUNCATED);
    }
    m->section_end = m->position + (uint32_t)size - 4;
    m->state = AT_NAME;
    return AGAIN;
}

static uint32_t hash(struct span name)
{
    uint32_t h = 2166136261U;
    for (size_t i = 0; i < name.size; i++) {
        h = (h ^ name.at[i]) * 16777619U;
    }
    return h;
}

static int at_name(struct msg_skim *m, struct span *in, struct skim_element *out)
{
    int event = gather_name(m, in, m->section_end, &out->element.key);
    if (event != MSG_END) {
        return event;
    }
    uint32_t name = hash(out->element.key);
    if (m->names_count > 0 && m->names[0] == name) {
        return bad(m, WIRE_FAULT_TWO_SEQUENCES);
    }
    m->names[m->names_count++] = name;
    m->state = AT_SEQUENCE;
    return MSG_SEQUENCE;
}

/* True when `end` is reached. */
static bool pass_to(struct msg_skim *m, struct span *in, uint32_t end)
{
    size_t part = end - m->position < in->size ? end - m->position : in->size;
    pass(m, in, part);
    return m->position == end;
}

static int at_body(struct msg_skim *m, struct span *in, struct skim_element *out)
{
    size_t before = in->size;
    enum skim_event event = skim_next(&m->body, in, out);
    m->position += (uint32_t)(before - in->size);
    switch (event) {
    case SKIM_NEED_MORE:
        return MSG_NEED_MORE;
    case SKIM_ELEMENT:
        return MSG_ELEMENT;
    case SKIM_VALUE:
        return MSG_VALUE;
    case SKIM_LEFT:
        return MSG_LEFT;
    case SKIM_END:
        m->state = m->head.opcode == OP_QUERY ? AT_SELECTOR : AT_KIND;
        return MSG_BODY_END;
    case SKIM_BAD:
        break;
    }
    return bad(m, WIRE_FAULT_BSON);
}

static int at_checksum(struct msg_skim *m, struct span *in)
{
    if (!gather(m, in, 4)) {
        return MSG_NEED_MORE;
    }
    if (read_uint32(m->body.room) != m->crc) {
        return bad(m, WIRE_FAULT_CHECKSUM);
    }
    m->state = AT_END;
    return MSG_END;
}

static int step(struct msg_skim *m, struct span *in, struct skim_element *out)
{
    switch ((enum msg_state)m->state) {
    case AT_FLAGS:
        return at_flags(m, in);
    case AT_NAMESPACE:
        return at_namespace(m, in, out);
    case AT_NUMBERS:
        return at_numbers(m, in);
    case AT_KIND:
        return at_kind(m, in);
    case AT_SIZE:
        return at_size(m, in);
    case AT_NAME:
        return at_name(m, in, out);
    case AT_SEQUENCE:
        if (!pass_to(m, in, m->section_end)) {
            return MSG_NEED_MORE;
        }
        m->state = AT_KIND;
        return AGAIN;
    case AT_BODY:
        return at_body(m, in, out);
    case AT_SELECTOR:
        if (!pass_to(m, in, m->end)) {
            return MSG_NEED_MORE;
        }
        m->state = AT_END;
        return MSG_END;
    case AT_CHECKSUM:
        return at_checksum(m, in);
    case AT_END:
        return MSG_END;
    case AT_BAD:
        break;
    }
    return MSG_BAD;
}

enum msg_event msg_skim_next(struct msg_skim *m, struct span *in, struct skim_element *out)
{
    int event;
    do {
        struct span before = *in;
        bool is_summed = (m->flags & MSG_CHECKSUM_PRESENT) != 0 && m->state != AT_CHECKSUM &&
                         m->head.opcode == OP_MSG && m->state != AT_FLAGS;
        event = step(m, in, out);
        if (is_summed) {
            m->crc = crc32c(m->crc, span_of(before.at, before.size - in->size));
        }
    } while (event == AGAIN);
    if (event == MSG_NEED_MORE && m->position == (uint32_t)m->head.length) {
        event = bad(m, WIRE_FAULT_TRUNCATED);
    }
    return (enum msg_event)event;
}
