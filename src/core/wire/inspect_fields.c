#include "core/wire/inspect_fields.h"

#include "base/require.h"

static const struct field_row {
    const char *name;
    uint8_t size;
    uint8_t scope;
    uint32_t most;
} ROWS[] = {
    [FIELD_NONE] = {"", 0, 0, 0},
#define FIELD_ROW(constant, name, scope, most) \
    [FIELD_##constant] = {name, sizeof(name) - 1, scope, most},
    FIELD_LIST(FIELD_ROW)
#undef FIELD_ROW
        [FIELD_COMMAND] = {"", UINT8_MAX, 0, 0},
    [FIELD_STAGE] = {"", UINT8_MAX, 0, FIRST_KEY_BYTES},
};

static bool is_in_scope(uint8_t scope, enum command command)
{
    switch ((enum field_scope)scope) {
    case SCOPE_ANY:
        return true;
    case SCOPE_HELLO:
        return command_is_hello(command);
    case SCOPE_FIND:
        return command == COMMAND_FIND;
    case SCOPE_AGGREGATE:
        return command == COMMAND_AGGREGATE;
    case SCOPE_MAP_REDUCE:
        return command == COMMAND_MAP_REDUCE || command == COMMAND_MAP_REDUCE_LOWER;
    case SCOPE_CURSORS:
        return command == COMMAND_GET_MORE || command == COMMAND_KILL_CURSORS;
    }
    return false;
}

enum field field_of(struct span key, enum command command)
{
    for (int i = FIELD_NONE + 1; ROWS[i].size <= key.size && i < FIELD_COMMAND; i++) {
        if (ROWS[i].size == key.size && memcmp(ROWS[i].name, key.at, key.size) == 0) {
            return is_in_scope(ROWS[i].scope, command) ? (enum field)i : FIELD_NONE;
        }
    }
    return FIELD_NONE;
}

/* The command's own value: a collection, a cursor id, an explained command, a list of lsids. */
static uint32_t command_bytes_wanted(const struct request_facts *facts, uint8_t type)
{
    if (type == ELEMENT_STRING) {
        return ROWS[FIELD_COLLECTION].most;
    }
    if (facts->command == COMMAND_EXPLAIN && type == ELEMENT_DOCUMENT) {
        return FIRST_KEY_BYTES;
    }
    if (facts->command == COMMAND_END_SESSIONS && type == ELEMENT_ARRAY) {
        return ROWS[FIELD_CURSORS].most;
    }
    return facts->command == COMMAND_GET_MORE ? 16 : 0;
}

uint32_t field_bytes_wanted(enum field field, const struct request_facts *facts,
                            const struct skim_element *e)
{
    if (e->element.type == ELEMENT_REGEX) {
        return 0; /* its size is not always known, and no field is one */
    }
    if (field == FIELD_COMMAND) {
        return command_bytes_wanted(facts, e->element.type);
    }
    return ROWS[field].most;
}

bool field_wants_whole(enum field field, const struct request_facts *facts)
{
    if (field == FIELD_COMMAND) {
        return facts->command != COMMAND_EXPLAIN;
    }
    return field != FIELD_STAGE && field != FIELD_OUT;
}

bool store_copy(struct facts_store *store, struct span *s)
{
    if (s->size > sizeof store->bytes - store->used) {
        return false;
    }
    if (s->size > 0) {
        uint8_t *to = store->bytes + store->used;
        memcpy(to, s->at, s->size);
        store->used += (uint32_t)s->size;
        s->at = to;
    }
    return true;
}

struct span walk_lend(struct inspect_walk *w, struct request_facts *facts, struct span s)
{
    if (w->store != NULL && !store_copy(w->store, &s)) {
        facts->is_cut = true;
        return span_of(NULL, 0);
    }
    return s;
}

/* --- one function per field that has a shape --- */

/* The first key of a document of which at least the first FIRST_KEY_BYTES are there. */
static struct span first_key(const struct element *e)
{
    if (e->type != ELEMENT_DOCUMENT || e->value.size <= 5 || e->value.at[4] == 0) {
        return span_of(NULL, 0);
    }
    size_t size = e->value.size < FIRST_KEY_BYTES ? e->value.size : FIRST_KEY_BYTES;
    struct span rest = span_of(e->value.at + 5, size - 5);
    const uint8_t *zero = memchr(rest.at, 0, rest.size);
    return zero == NULL ? span_of(NULL, 0) : span_of(rest.at, (size_t)(zero - rest.at));
}

static void apply_command(struct inspect_walk *w, struct request_facts *facts,
                          const struct element *e)
{
    struct span text;
    if (facts->command == COMMAND_GET_MORE) {
        element_int64(e, &facts->cursor_id);
    } else if (facts->command == COMMAND_EXPLAIN) {
        facts->explained = command_of(first_key(e));
    } else if (facts->command == COMMAND_END_SESSIONS && e->type == ELEMENT_ARRAY) {
        facts->lsids = walk_lend(w, facts, e->value);
    } else if (element_text(e, &text)) {
        facts->collection = walk_lend(w, facts, text);
    }
}

static void apply_stage(struct inspect_walk *w, struct request_facts *facts,
                        const struct element *e)
{
    struct span name = first_key(e);
    w->ends_in_write = span_is(name, "$out") || span_is(name, "$merge");
    if (w->stages == 0) {
        facts->is_change_stream = span_is(name, "$changeStream");
        facts->is_of_node = span_is(name, "$currentOp") || span_is(name, "$listLocalSessions");
        w->stages = 1;
    }
}

static void apply_lsid(struct inspect_walk *w, struct request_facts *facts, const struct element *e)
{
    enum { SUBTYPE_UUID = 4 };
    struct element id;
    struct span bytes;
    if (e->type == ELEMENT_DOCUMENT && view_find(e->value, "id", &id) &&
        element_binary(&id, SUBTYPE_UUID, &bytes) && bytes.size == LSID_UUID_BYTES) {
        memcpy(facts->lsid, bytes.at, LSID_UUID_BYTES);
        facts->has_lsid = true;
        if (view_find(e->value, "uid", &id) && element_binary(&id, 0, &bytes) &&
            bytes.size == LSID_UID_BYTES) {
            facts->lsid_uid = walk_lend(w, facts, bytes);
        }
    }
}

static void apply_write_concern(struct request_facts *facts, const struct element *e)
{
    struct element w;
    int64_t nodes;
    if (e->type == ELEMENT_DOCUMENT && view_find(e->value, "w", &w) && element_int64(&w, &nodes)) {
        facts->is_w0 = nodes == 0;
    }
}

static void apply_read_concern(struct request_facts *facts, const struct element *e)
{
    struct element level;
    struct span text;
    if (e->type == ELEMENT_DOCUMENT && view_find(e->value, "level", &level) &&
        element_text(&level, &text)) {
        facts->is_linearizable = span_is(text, "linearizable");
    }
}

static bool is_tag_set(const struct element *e)
{
    struct view v;
    struct element tag;
    enum view_event event = VIEW_END;
    if (e->type != ELEMENT_DOCUMENT) {
        return false;
    }
    view_init(&v, e->value);
    while ((event = view_next(&v, &tag)) == VIEW_ELEMENT && tag.type == ELEMENT_STRING) {
    }
    return event == VIEW_END;
}

static bool are_tag_sets(struct span list)
{
    struct view v;
    struct element set;
    enum view_event event;
    view_init(&v, list);
    while ((event = view_next(&v, &set)) == VIEW_ELEMENT && is_tag_set(&set)) {
    }
    return event == VIEW_END;
}

/* One field of a read preference; false when it cannot be read. Unknown ones are passed over. */
static bool apply_preference_field(struct read_preference *p, const struct element *e,
                                   struct span *tags)
{
    struct span text;
    if (span_is(e->key, "mode")) {
        return element_text(e, &text) && read_mode_of(text, &p->mode);
    }
    if (span_is(e->key, "tags")) {
        *tags = e->value;
        return e->type == ELEMENT_ARRAY && are_tag_sets(e->value);
    }
    if (span_is(e->key, "maxStalenessSeconds")) {
        /* -1 says "none", as the absence of the field does. */
        return element_int64(e, &p->max_staleness_seconds) && p->max_staleness_seconds >= -1;
    }
    if (span_is(e->key, "hedge")) {
        p->has_hedge = true;
    }
    return true;
}

static void apply_preference(struct inspect_walk *w, struct request_facts *facts,
                             const struct element *e)
{
    struct read_preference *p = &facts->preference;
    struct view v;
    struct element field;
    struct span tags = span_of(NULL, 0);
    enum view_event event;
    p->is_present = true;
    if (e->type != ELEMENT_DOCUMENT) {
        p->is_malformed = true;
        return;
    }
    view_init(&v, e->value);
    while ((event = view_next(&v, &field)) == VIEW_ELEMENT) {
        if (!apply_preference_field(p, &field, &tags)) {
            p->is_malformed = true;
            return;
        }
    }
    p->is_malformed = event != VIEW_END;
    if (tags.size > 0) {
        p->tags = walk_lend(w, facts, tags);
    }
}

static void apply_topology_version(struct hello_facts *hello, const struct element *e)
{
    struct element counter;
    hello->has_topology_version = true;
    if (e->type == ELEMENT_DOCUMENT && view_find(e->value, "counter", &counter)) {
        element_int64(&counter, &hello->topology_counter);
    }
}

static void apply_max_time(struct request_facts *facts, const struct element *e, uint32_t offset)
{
    int64_t ms;
    if (element_int64(e, &ms) && ms >= 0) {
        facts->max_time_ms = ms;
        facts->max_time_offset = offset;
        facts->max_time_type = e->type;
    }
}

static void apply_hello(struct inspect_walk *w, struct request_facts *facts, enum field field,
                        const struct element *e)
{
    struct hello_facts *hello = &facts->hello;
    struct span text;
    if (field == FIELD_CLIENT && e->type == ELEMENT_DOCUMENT) {
        hello->client = walk_lend(w, facts, e->value);
    } else if (field == FIELD_SASL_MECHS && element_text(e, &text)) {
        hello->sasl_mechs_for = walk_lend(w, facts, text);
    } else if (field == FIELD_LOAD_BALANCED) {
        element_bool(e, &hello->is_load_balanced);
    } else if (field == FIELD_MAX_AWAIT) {
        hello->has_max_await = element_int64(e, &hello->max_await_ms);
    } else if (field == FIELD_TOPOLOGY_VERSION) {
        apply_topology_version(hello, e);
    }
}

static void apply_text(struct inspect_walk *w, struct request_facts *facts, struct span *to,
                       const struct element *e)
{
    struct span text;
    if (element_text(e, &text)) {
        *to = walk_lend(w, facts, text);
    }
}

static void apply_transaction(struct inspect_walk *w, struct request_facts *facts, enum field field,
                              const struct element *e)
{
    bool flag;
    if (field == FIELD_LSID) {
        apply_lsid(w, facts, e);
    } else if (field == FIELD_TXN_NUMBER) {
        facts->has_txn_number = element_int64(e, &facts->txn_number);
    } else if (field == FIELD_AUTOCOMMIT) {
        /* `autocommit: true` is refused by every server; false says "part of a transaction". */
        facts->has_autocommit = element_bool(e, &flag);
    } else {
        element_bool(e, &facts->starts_transaction);
    }
}

static void apply_said(uint8_t *said, const struct element *e)
{
    bool flag;
    if (element_bool(e, &flag)) {
        *said = flag ? SAID_TRUE : SAID_FALSE;
    }
}

/* Fields that only some commands have. */
static void apply_special(struct inspect_walk *w, struct request_facts *facts, enum field field,
                          const struct element *e)
{
    if (field == FIELD_OUT) {
        facts->has_write_stage = !span_is(first_key(e), "inline");
    } else if (field == FIELD_CURSORS && e->type == ELEMENT_ARRAY) {
        facts->cursors = walk_lend(w, facts, e->value);
    } else if (field == FIELD_COLLECTION) {
        apply_text(w, facts, &facts->collection, e);
    } else if (field == FIELD_TAILABLE) {
        element_bool(e, &facts->is_tailable);
    } else if (field == FIELD_AWAIT_DATA) {
        element_bool(e, &facts->is_await);
    } else if (field == FIELD_API_STRICT) {
        apply_said(&facts->api_strict, e);
    } else if (field == FIELD_API_DEPRECATION) {
        apply_said(&facts->api_deprecation_errors, e);
    } else {
        apply_hello(w, facts, field, e);
    }
}

void field_apply(struct inspect_walk *w, struct request_facts *facts, enum field field,
                 const struct element *e, uint32_t offset)
{
    switch ((int)field) {
    case FIELD_COMMAND:
        apply_command(w, facts, e);
        break;
    case FIELD_STAGE:
        apply_stage(w, facts, e);
        break;
    case FIELD_DATABASE:
        apply_text(w, facts, &facts->database, e);
        break;
    case FIELD_LSID:
    case FIELD_TXN_NUMBER:
    case FIELD_AUTOCOMMIT:
    case FIELD_START_TRANSACTION:
        apply_transaction(w, facts, field, e);
        break;
    case FIELD_MAX_TIME:
        apply_max_time(facts, e, offset);
        break;
    case FIELD_API_VERSION:
        apply_text(w, facts, &facts->api_version, e);
        break;
    case FIELD_WRITE_CONCERN:
        apply_write_concern(facts, e);
        break;
    case FIELD_READ_CONCERN:
        apply_read_concern(facts, e);
        break;
    case FIELD_READ_PREFERENCE:
        apply_preference(w, facts, e);
        break;
    default:
        apply_special(w, facts, field, e);
        break;
    }
}
