/* The root's small fields are applied when they come. Of `cursor` and `writeConcernError` the
 * elements are walked too, as what stands beside the wanted ones can be large; `within` says whose
 * elements these are. */
#include "core/wire/reply_skim.h"

#include "core/wire/codes.h"

enum within { IN_ROOT, IN_CURSOR, IN_WRITE_CONCERN_ERROR, IN_LABELS };

enum reply_field {
    REPLY_NONE,
    REPLY_OK,
    REPLY_CODE,
    REPLY_TOPOLOGY_VERSION,
    REPLY_CURSOR_ID,
    REPLY_CURSOR_NS,
    REPLY_WRITE_CONCERN_CODE,
    REPLY_LABEL
};

void reply_skim_begin(struct reply_skim *s, struct message_head head)
{
    memset(&s->facts, 0, sizeof s->facts);
    s->within = IN_ROOT;
    s->pending = REPLY_NONE;
    s->result = head.opcode == OP_MSG ? REPLY_MORE : REPLY_MALFORMED;
    msg_skim_init(&s->msg, head, s->room, sizeof s->room);
}

static enum reply_field enter(struct reply_skim *s, enum within within)
{
    if (skim_enter(&s->msg.body)) {
        s->within = (uint8_t)within;
    }
    return REPLY_NONE;
}

static enum reply_field root_field(struct reply_skim *s, const struct element *e)
{
    struct reply_facts *facts = &s->facts;
    if (span_is(e->key, "ok")) {
        return REPLY_OK;
    }
    if (span_is(e->key, "code")) {
        return REPLY_CODE;
    }
    if (span_is(e->key, "cursor") && e->type == ELEMENT_DOCUMENT) {
        return enter(s, IN_CURSOR);
    }
    if (span_is(e->key, "writeErrors") && e->type == ELEMENT_ARRAY) {
        facts->has_write_errors = true;
    } else if (span_is(e->key, "writeConcernError") && e->type == ELEMENT_DOCUMENT) {
        facts->has_write_concern_error = true;
        return enter(s, IN_WRITE_CONCERN_ERROR);
    } else if (span_is(e->key, "errorLabels") && e->type == ELEMENT_ARRAY) {
        return enter(s, IN_LABELS);
    } else if (span_is(e->key, "topologyVersion") && e->type == ELEMENT_DOCUMENT) {
        return REPLY_TOPOLOGY_VERSION;
    } else if (span_is(e->key, "recoveryToken")) {
        facts->has_recovery_token = true;
    }
    return REPLY_NONE;
}

static enum reply_field field_of_element(struct reply_skim *s, const struct element *e)
{
    switch ((enum within)s->within) {
    case IN_ROOT:
        return root_field(s, e);
    case IN_CURSOR:
        if (span_is(e->key, "id")) {
            return REPLY_CURSOR_ID;
        }
        s->facts.has_resume_token |= span_is(e->key, "postBatchResumeToken");
        return span_is(e->key, "ns") ? REPLY_CURSOR_NS : REPLY_NONE;
    case IN_WRITE_CONCERN_ERROR:
        return span_is(e->key, "code") ? REPLY_WRITE_CONCERN_CODE : REPLY_NONE;
    case IN_LABELS:
        return REPLY_LABEL;
    }
    return REPLY_NONE;
}

static void apply_label(struct reply_facts *facts, const struct element *e)
{
    static const char *const NAMES[] = {
#define LABEL_NAME(name, text) text,
        LABEL_LIST(LABEL_NAME)
#undef LABEL_NAME
    };
    struct span text;
    for (int i = 0; element_text(e, &text) && i < LABEL_COUNT; i++) {
        if (span_is(text, NAMES[i])) {
            facts->labels = (uint8_t)(facts->labels | 1U << i);
        }
    }
}

static void apply_topology_version(struct reply_facts *facts, const struct element *e)
{
    struct element process_id;
    struct element counter;
    if (view_find(e->value, "processId", &process_id) && process_id.type == ELEMENT_OBJECT_ID &&
        view_find(e->value, "counter", &counter) &&
        element_int64(&counter, &facts->topology_counter)) {
        memcpy(facts->process_id, process_id.value.at, sizeof facts->process_id);
        facts->has_topology_version = true;
    }
}

static void apply_code(const struct element *e, int32_t *code)
{
    int64_t value;
    if (element_int64(e, &value) && value >= INT32_MIN && value <= INT32_MAX) {
        *code = (int32_t)value;
    }
}

static void apply(struct reply_facts *facts, enum reply_field field, const struct element *e)
{
    struct span text;
    switch (field) {
    case REPLY_NONE:
        break;
    case REPLY_OK:
        facts->has_ok = element_bool(e, &facts->is_ok);
        break;
    case REPLY_CODE:
        apply_code(e, &facts->code);
        break;
    case REPLY_TOPOLOGY_VERSION:
        apply_topology_version(facts, e);
        break;
    case REPLY_CURSOR_ID:
        facts->has_cursor = element_int64(e, &facts->cursor_id);
        break;
    case REPLY_CURSOR_NS:
        if (element_text(e, &text) && text.size <= sizeof facts->ns) {
            memcpy(facts->ns, text.at, text.size);
            facts->ns_size = (uint8_t)text.size;
        }
        break;
    case REPLY_WRITE_CONCERN_CODE:
        apply_code(e, &facts->write_concern_code);
        break;
    case REPLY_LABEL:
        apply_label(facts, e);
        break;
    }
}

static void on_element(struct reply_skim *s, const struct skim_element *e)
{
    enum reply_field field = field_of_element(s, &e->element);
    /* All that is wanted is small; what does not fit the room is not what it should be. Nor is a
     * regular expression, the size of which is known only when it came whole. */
    if (field == REPLY_NONE || e->element.type == ELEMENT_REGEX || e->value_size > sizeof s->room) {
        return;
    }
    if (e->has_value) {
        apply(&s->facts, field, &e->element);
    } else {
        s->pending = (uint8_t)field;
        skim_take(&s->msg.body, e->value_size);
    }
}

enum reply_result reply_skim_feed(struct reply_skim *s, struct span piece)
{
    struct skim_element e;
    while (s->result == REPLY_MORE) {
        switch (msg_skim_next(&s->msg, &piece, &e)) {
        case MSG_NEED_MORE:
            return REPLY_MORE;
        case MSG_FLAGS:
            s->facts.flags = s->msg.flags;
            break;
        case MSG_ELEMENT:
            on_element(s, &e);
            break;
        case MSG_VALUE:
            apply(&s->facts, (enum reply_field)s->pending, &e.element);
            break;
        case MSG_LEFT:
            s->within = IN_ROOT;
            break;
        case MSG_SEQUENCE:
        case MSG_BODY_END:
            break;
        case MSG_END:
            s->result = REPLY_COMPLETE;
            break;
        case MSG_BAD:
            s->result = REPLY_MALFORMED;
            break;
        }
    }
    return (enum reply_result)s->result;
}

bool code_is_state_change(int32_t code)
{
    switch (code) {
    case CODE_LEGACY_NOT_PRIMARY:
    case CODE_NOT_WRITABLE_PRIMARY:
    case CODE_NOT_PRIMARY_NO_SECONDARY_OK:
    case CODE_NOT_PRIMARY_OR_SECONDARY:
    case CODE_INTERRUPTED_BY_STATE_CHANGE:
    case CODE_PRIMARY_STEPPED_DOWN:
        return true;
    default:
        return code_is_shutdown(code);
    }
}

bool code_is_shutdown(int32_t code)
{
    return code == CODE_SHUTDOWN_IN_PROGRESS || code == CODE_INTERRUPTED_AT_SHUTDOWN;
}

bool reply_ends_cursor(const struct reply_facts *facts)
{
    return facts->has_cursor
               ? facts->cursor_id == 0
               : facts->code == CODE_CURSOR_NOT_FOUND || facts->code == CODE_CURSOR_KILLED;
}

bool code_is_retryable_read(int32_t code)
{
    switch (code) {
    case CODE_HOST_UNREACHABLE:
    case CODE_HOST_NOT_FOUND:
    case CODE_NETWORK_TIMEOUT:
    case CODE_SHUTDOWN_IN_PROGRESS:
    case CODE_READ_CONCERN_MAJORITY_NOT_YET:
    case CODE_PRIMARY_STEPPED_DOWN:
    case CODE_EXCEEDED_TIME_LIMIT:
    case CODE_SOCKET_EXCEPTION:
    case CODE_NOT_WRITABLE_PRIMARY:
    case CODE_INTERRUPTED_AT_SHUTDOWN:
    case CODE_INTERRUPTED_BY_STATE_CHANGE:
    case CODE_NOT_PRIMARY_NO_SECONDARY_OK:
    case CODE_NOT_PRIMARY_OR_SECONDARY:
        return true;
    default:
        return false;
    }
}

int32_t reply_state_change(const struct reply_facts *facts)
{
    if (facts->has_ok && !facts->is_ok && code_is_state_change(facts->code)) {
        return facts->code;
    }
    return code_is_state_change(facts->write_concern_code) ? facts->write_concern_code : 0;
}
