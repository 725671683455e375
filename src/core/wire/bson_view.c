#include "core/wire/bson_view.h"

enum { BY_LENGTH = -1, BY_ZEROS = -2, NO_TYPE = -3 };

int element_fixed_size(uint8_t type)
{
    switch (type) {
    case ELEMENT_UNDEFINED:
    case ELEMENT_NULL:
    case ELEMENT_MAX_KEY:
    case ELEMENT_MIN_KEY:
        return 0;
    case ELEMENT_BOOL:
        return 1;
    case ELEMENT_INT32:
        return 4;
    case ELEMENT_DOUBLE:
    case ELEMENT_DATE:
    case ELEMENT_TIMESTAMP:
    case ELEMENT_INT64:
        return 8;
    case ELEMENT_OBJECT_ID:
        return 12;
    case ELEMENT_DECIMAL128:
        return 16;
    case ELEMENT_STRING:
    case ELEMENT_DOCUMENT:
    case ELEMENT_ARRAY:
    case ELEMENT_BINARY:
    case ELEMENT_DB_POINTER:
    case ELEMENT_CODE:
    case ELEMENT_SYMBOL:
    case ELEMENT_CODE_WITH_SCOPE:
        return BY_LENGTH;
    case ELEMENT_REGEX:
        return BY_ZEROS;
    default:
        return NO_TYPE;
    }
}

uint32_t element_size_from_length(uint8_t type, int32_t length)
{
    /* What the length does not count: itself, a subtype, an object id. */
    uint32_t more = 4;
    int32_t least = 1;
    switch (type) {
    case ELEMENT_DOCUMENT:
    case ELEMENT_ARRAY:
        more = 0;
        least = DOCUMENT_BYTES_LEAST;
        break;
    case ELEMENT_CODE_WITH_SCOPE:
        more = 0;
        least = 4 + 4 + 1 + DOCUMENT_BYTES_LEAST;
        break;
    case ELEMENT_BINARY:
        more = 4 + 1;
        least = 0;
        break;
    case ELEMENT_DB_POINTER:
        more = 4 + 12;
        break;
    default:
        break;
    }
    return length < least ? 0 : (uint32_t)length + more;
}

/* Both zero-terminated parts of a regular expression; UINT32_MAX when they do not end in `in`. */
static uint32_t regex_size(struct span in)
{
    const uint8_t *pattern = memchr(in.at, 0, in.size);
    if (pattern == NULL) {
        return UINT32_MAX;
    }
    size_t first = (size_t)(pattern - in.at) + 1;
    const uint8_t *flags = memchr(in.at + first, 0, in.size - first);
    return flags == NULL ? UINT32_MAX : (uint32_t)(flags - in.at) + 1;
}

static enum view_event value_size_read(uint8_t type, struct span in, uint32_t *size)
{
    int fixed = element_fixed_size(type);
    if (fixed >= 0) {
        *size = (uint32_t)fixed;
        return VIEW_ELEMENT;
    }
    if (fixed == BY_ZEROS) {
        *size = in.size == 0 ? UINT32_MAX : regex_size(in);
        return VIEW_ELEMENT;
    }
    if (in.size < 4) {
        return VIEW_NEED_MORE;
    }
    *size = element_size_from_length(type, read_int32(in.at));
    return *size == 0 ? VIEW_MALFORMED : VIEW_ELEMENT;
}

enum view_event element_read(struct span in, struct element *out, uint32_t *value_size)
{
    if (in.size == 0) {
        return VIEW_NEED_MORE;
    }
    uint8_t type = in.at[0];
    if (element_fixed_size(type) == NO_TYPE) {
        return VIEW_MALFORMED;
    }
    const uint8_t *key = in.at + 1;
    const uint8_t *zero = memchr(key, 0, in.size - 1);
    if (zero == NULL) {
        return VIEW_NEED_MORE;
    }
    struct span rest = span_tail(in, (size_t)(zero + 1 - in.at));
    uint32_t size;
    enum view_event event = value_size_read(type, rest, &size);
    if (event == VIEW_ELEMENT) {
        out->type = type;
        out->key = span_of(key, (size_t)(zero - key));
        out->value = rest.size < size ? rest : span_head(rest, size);
        *value_size = size;
    }
    return event;
}

void view_init(struct view *v, struct span document)
{
    *v = (struct view){.left = document};
}

static enum view_event view_bad(struct view *v)
{
    v->is_bad = true;
    return VIEW_MALFORMED;
}

static bool view_start(struct view *v)
{
    int32_t length = read_int32(v->left.at);
    if (length < DOCUMENT_BYTES_LEAST) {
        return false;
    }
    v->document_left = (uint32_t)length - 4;
    v->left = span_tail(v->left, 4);
    if (v->left.size > v->document_left) {
        v->left = span_head(v->left, v->document_left);
    }
    v->is_started = true;
    return true;
}

/* At the final zero, or at a zero that comes too early. */
static enum view_event view_at_zero(struct view *v)
{
    return v->document_left == 1 ? VIEW_END : view_bad(v);
}

enum view_event view_next(struct view *v, struct element *out)
{
    if (v->is_bad) {
        return VIEW_MALFORMED;
    }
    if (!v->is_started) {
        if (v->left.size < 4) {
            return VIEW_NEED_MORE;
        }
        if (!view_start(v)) {
            return view_bad(v);
        }
    }
    if (v->left.size == 0) {
        return VIEW_NEED_MORE;
    }
    if (v->left.at[0] == 0) {
        return view_at_zero(v);
    }
    bool is_whole = v->left.size == v->document_left;
    struct element e;
    uint32_t size;
    enum view_event event = element_read(v->left, &e, &size);
    if (event == VIEW_MALFORMED || (event == VIEW_NEED_MORE && is_whole)) {
        return view_bad(v);
    }
    if (event == VIEW_NEED_MORE) {
        return VIEW_NEED_MORE;
    }
    size_t head = (size_t)(e.value.at - v->left.at);
    /* A final zero must follow the value. */
    if (head >= v->document_left ||
        (size == UINT32_MAX ? is_whole : size > v->document_left - head - 1)) {
        return view_bad(v);
    }
    if (e.value.size < size) {
        return VIEW_NEED_MORE;
    }
    v->left = span_tail(v->left, head + size);
    v->document_left -= (uint32_t)(head + size);
    *out = e;
    return VIEW_ELEMENT;
}

bool view_find(struct span document, const char *key, struct element *out)
{
    struct view v;
    struct element e;
    view_init(&v, document);
    while (view_next(&v, &e) == VIEW_ELEMENT) {
        if (span_is(e.key, key)) {
            *out = e;
            return true;
        }
    }
    return false;
}

static double read_double(const uint8_t *at)
{
    int64_t bits = read_int64(at);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

bool element_int64(const struct element *e, int64_t *out)
{
    if (e->type == ELEMENT_INT32) {
        *out = read_int32(e->value.at);
        return true;
    }
    if (e->type == ELEMENT_INT64) {
        *out = read_int64(e->value.at);
        return true;
    }
    if (e->type != ELEMENT_DOUBLE) {
        return false;
    }
    double value = read_double(e->value.at);
    /* 2^63 is the first that does not fit; a NaN fails both comparisons. */
    if (!(value >= -0x1p63 && value < 0x1p63)) {
        return false;
    }
    int64_t whole = (int64_t)value;
    if ((double)whole < value || (double)whole > value) {
        return false;
    }
    *out = whole;
    return true;
}

bool element_bool(const struct element *e, bool *out)
{
    double value;
    switch (e->type) {
    case ELEMENT_BOOL:
        *out = e->value.at[0] != 0;
        return true;
    case ELEMENT_INT32:
        *out = read_int32(e->value.at) != 0;
        return true;
    case ELEMENT_INT64:
        *out = read_int64(e->value.at) != 0;
        return true;
    case ELEMENT_DOUBLE:
        value = read_double(e->value.at);
        *out = !(value >= 0 && value <= 0);
        return true;
    case ELEMENT_NULL:
    case ELEMENT_UNDEFINED:
        *out = false;
        return true;
    default:
        return false;
    }
}

bool element_text(const struct element *e, struct span *out)
{
    if (e->type != ELEMENT_STRING || e->value.size < 5 || e->value.at[e->value.size - 1] != 0) {
        return false;
    }
    *out = span_of(e->value.at + 4, e->value.size - 5);
    return true;
}

bool element_document(const struct element *e, struct span *out)
{
    if (e->type != ELEMENT_DOCUMENT && e->type != ELEMENT_ARRAY) {
        return false;
    }
    *out = e->value;
    return true;
}

bool element_binary(const struct element *e, uint8_t subtype, struct span *out)
{
    if (e->type != ELEMENT_BINARY || e->value.size < 5 || e->value.at[4] != subtype) {
        return false;
    }
    *out = span_of(e->value.at + 5, e->value.size - 5);
    return true;
}
