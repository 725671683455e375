/* One walker for both ways in: begin, then for every event of the message's skim one small
 * function. An element of interest is applied at once when its value lies whole in the piece; else
 * the skim gathers it and it is applied when it comes (`pending`). */
#include "core/wire/inspect.h"

#include "base/require.h"
#include "core/wire/inspect_fields.h"

_Static_assert(FIELD_COUNT <= 64, "walk.seen has a bit for each field");

#define BIT(field) (UINT64_C(1) << (field))

static uint64_t bit(enum field field)
{
    return BIT(field);
}

/* Those that can be a document sequence instead. */
static const uint64_t SEQUENCE_FIELDS = BIT(FIELD_DOCUMENTS) | BIT(FIELD_UPDATES) |
                                        BIT(FIELD_DELETES) | BIT(FIELD_OPS) | BIT(FIELD_NS_INFO);

static void facts_begin(struct request_facts *facts, struct message_head head)
{
    *facts = (struct request_facts){
        .request_id = head.request_id,
        .opcode = head.opcode,
        .message_bytes = (uint32_t)head.length,
        .expects_reply = true,
        .max_time_ms = -1,
        .preference.max_staleness_seconds = -1,
    };
}

static enum wire_fault opcode_fault(int32_t opcode)
{
    switch (opcode) {
    case OP_MSG:
    case OP_QUERY:
        return WIRE_FAULT_NONE;
    case OP_COMPRESSED:
        return WIRE_FAULT_COMPRESSED;
    case OP_REPLY:
    case OP_COMMAND_REPLY:
        return WIRE_FAULT_UNEXPECTED_REPLY;
    default:
        return WIRE_FAULT_LEGACY_OPCODE;
    }
}

static void walk_begin(struct inspect_walk *w, struct request_facts *facts,
                       struct message_head head, uint8_t *room, uint32_t room_size)
{
    facts_begin(facts, head);
    *w = (struct inspect_walk){.level = 1, .fault = (uint8_t)opcode_fault(head.opcode)};
    msg_skim_init(&w->msg, head, room, room_size);
}

static void on_flags(struct inspect_walk *w, struct request_facts *facts, struct span name)
{
    facts->flags = w->msg.flags;
    if (facts->opcode == OP_MSG) {
        facts->expects_reply = (facts->flags & MSG_MORE_TO_COME) == 0;
        return;
    }
    struct span suffix = span_text(".$cmd");
    if (name.size <= suffix.size ||
        !span_equals(span_tail(name, name.size - suffix.size), suffix)) {
        w->fault = WIRE_FAULT_QUERY_COMMAND;
        return;
    }
    facts->database = walk_lend(w, facts, span_head(name, name.size - suffix.size));
}

/* OP_MSG: "an identifier must not also exist as a field of the body", in either order. */
static void on_sequence(struct inspect_walk *w, const struct request_facts *facts, struct span name)
{
    enum field field = field_of(name, facts->command);
    if ((bit(field) & SEQUENCE_FIELDS) == 0) {
        return;
    }
    if ((w->seen & bit(field)) != 0) {
        w->fault = WIRE_FAULT_SEQUENCE_AND_FIELD;
    }
    w->seen |= bit(field);
}

/* Applies the value, or asks the skim for it, or notes that it is too large. */
static void want(struct inspect_walk *w, struct request_facts *facts, enum field field,
                 const struct skim_element *e)
{
    uint32_t most = field_bytes_wanted(field, facts, e);
    if (most == 0) {
        return;
    }
    bool is_large =
        e->value_size > most || (w->store != NULL && e->value_size > w->msg.body.room_size);
    if (is_large && field_wants_whole(field, facts)) {
        facts->is_cut = true;
    } else if (e->has_value) {
        field_apply(w, facts, field, &e->element, msg_skim_offset(&w->msg, e));
    } else if (w->store == NULL && field_wants_whole(field, facts)) {
        return; /* the front part ends within the value: its rest will not come */
    } else {
        w->pending = (uint8_t)field;
        skim_take(&w->msg.body, most);
    }
}

static bool is_wrapper(const struct request_facts *facts, const struct element *e)
{
    return facts->opcode == OP_QUERY && e->type == ELEMENT_DOCUMENT &&
           (span_is(e->key, "$query") || span_is(e->key, "query"));
}

static void on_field(struct inspect_walk *w, struct request_facts *facts,
                     const struct skim_element *e)
{
    enum field field = field_of(e->element.key, facts->command);
    if (field == FIELD_NONE || (field == FIELD_DATABASE && facts->opcode == OP_QUERY)) {
        return; /* the namespace of an OP_QUERY says its database */
    }
    if ((w->seen & bit(field)) != 0) {
        if ((SEQUENCE_FIELDS & bit(field)) != 0) {
            w->fault = WIRE_FAULT_SEQUENCE_AND_FIELD;
        }
        return;
    }
    w->seen |= bit(field);
    if (field == FIELD_DATABASE && e->element.type != ELEMENT_STRING) {
        w->fault = WIRE_FAULT_NO_DATABASE;
    } else if (field == FIELD_CLIENT) {
        facts->hello.client_bytes = e->value_size;
    } else if (field == FIELD_HELLO_OK) {
        facts->hello.wants_hello_ok = true;
    } else if (field == FIELD_SPECULATIVE) {
        facts->hello.has_speculative_login = true;
    } else if (field == FIELD_PIPELINE && e->element.type == ELEMENT_ARRAY) {
        skim_enter(&w->msg.body);
        return;
    }
    want(w, facts, field, e);
}

static void on_command(struct inspect_walk *w, struct request_facts *facts,
                       const struct skim_element *e)
{
    enum { NAME_MOST = 64 };
    struct span name = e->element.key;
    w->seen |= bit(FIELD_COMMAND);
    facts->command = command_of(name);
    facts->command_name =
        walk_lend(w, facts, name.size > NAME_MOST ? span_head(name, NAME_MOST) : name);
    if (facts->opcode == OP_QUERY && !command_has(facts->command, TRAIT_OVER_QUERY)) {
        w->fault = WIRE_FAULT_QUERY_COMMAND;
        return;
    }
    /* Until the pipeline was seen whole, or `out` was seen to be inline. */
    facts->has_write_stage = facts->command == COMMAND_AGGREGATE ||
                             facts->command == COMMAND_MAP_REDUCE ||
                             facts->command == COMMAND_MAP_REDUCE_LOWER;
    if (span_is(name, "$db")) {
        on_field(w, facts, e); /* "no such command", a server will say */
    } else {
        want(w, facts, FIELD_COMMAND, e);
    }
}

static void on_element(struct inspect_walk *w, struct request_facts *facts,
                       const struct skim_element *e)
{
    if (w->msg.body.depth < w->level) {
        return; /* beside the command inside {$query: …} */
    }
    if (w->msg.body.depth > w->level) {
        want(w, facts, FIELD_STAGE, e);
        return;
    }
    if ((w->seen & bit(FIELD_COMMAND)) != 0) {
        on_field(w, facts, e);
        return;
    }
    if (w->level == 1 && is_wrapper(facts, &e->element)) {
        skim_enter(&w->msg.body);
        w->level = 2;
        return;
    }
    on_command(w, facts, e);
}

/* An entered document has ended: the pipeline, or the command inside {$query: …}. */
static void on_left(struct inspect_walk *w, struct request_facts *facts)
{
    if (w->msg.body.depth == w->level) {
        facts->has_write_stage = w->ends_in_write;
    }
}

static void on_body_end(struct inspect_walk *w, const struct request_facts *facts)
{
    if (facts->opcode == OP_MSG && (w->seen & bit(FIELD_DATABASE)) == 0) {
        w->fault = WIRE_FAULT_NO_DATABASE;
    }
    if (facts->opcode == OP_QUERY && (w->seen & bit(FIELD_COMMAND)) == 0) {
        w->fault = WIRE_FAULT_QUERY_COMMAND;
    }
}

static enum inspect_result walk_run(struct inspect_walk *w, struct request_facts *facts,
                                    struct span in)
{
    struct skim_element e;
    while (w->fault == WIRE_FAULT_NONE) {
        switch (msg_skim_next(&w->msg, &in, &e)) {
        case MSG_NEED_MORE:
            return INSPECT_PREFIX;
        case MSG_FLAGS:
            on_flags(w, facts, facts->opcode == OP_QUERY ? e.element.key : span_of(NULL, 0));
            break;
        case MSG_SEQUENCE:
            on_sequence(w, facts, e.element.key);
            break;
        case MSG_ELEMENT:
            on_element(w, facts, &e);
            break;
        case MSG_VALUE:
            field_apply(w, facts, (enum field)w->pending, &e.element, msg_skim_offset(&w->msg, &e));
            break;
        case MSG_LEFT:
            on_left(w, facts);
            break;
        case MSG_BODY_END:
            on_body_end(w, facts);
            break;
        case MSG_END:
            facts->is_complete = true;
            return INSPECT_COMPLETE;
        case MSG_BAD:
            w->fault = w->msg.fault;
            break;
        }
    }
    return INSPECT_BAD;
}

enum inspect_result inspect_request(struct span message, struct request_facts *facts,
                                    enum wire_fault *fault)
{
    require(message.size >= HEADER_BYTES);
    struct message_head head = header_read(message.at);
    require(head.length >= HEADER_BYTES);
    if (message.size > (uint32_t)head.length) {
        message = span_head(message, (size_t)head.length);
    }
    struct inspect_walk w;
    uint8_t room[SKIM_ROOM_LEAST];
    walk_begin(&w, facts, head, room, sizeof room);
    enum inspect_result result = walk_run(&w, facts, span_tail(message, HEADER_BYTES));
    if (head.opcode == OP_QUERY && facts->database.size > 0) {
        /* The namespace was gathered in `room`; it stands behind the flags. */
        facts->database.at = message.at + HEADER_BYTES + 4;
    }
    if (result == INSPECT_BAD) {
        *fault = (enum wire_fault)w.fault;
    }
    return result;
}

void inspect_begin(struct inspect_stream *s, struct message_head head)
{
    walk_begin(&s->walk, &s->facts, head, s->room, sizeof s->room);
    s->store.used = 0;
    s->walk.store = &s->store;
}

enum inspect_result inspect_feed(struct inspect_stream *s, struct span piece,
                                 enum wire_fault *fault)
{
    enum inspect_result result = walk_run(&s->walk, &s->facts, piece);
    if (result == INSPECT_BAD) {
        *fault = (enum wire_fault)s->walk.fault;
    }
    return result;
}
