/* The reply is copied field by field; the three kinds of error document on the way are changed. A
 * document that cannot be walked to its end is left as it is: the driver is to judge it. */
#include "core/wire/reply_rewrite.h"

#include <stdlib.h>

#include "core/wire/codes.h"
#include "core/wire/doc_write.h"
#include "core/wire/request.h"

struct rewrite {
    struct doc_writer w;
    bool is_changed;
    bool is_bad;
};

bool reply_may_need_rewrite(const struct reply_facts *facts)
{
    return (facts->has_ok && !facts->is_ok) || facts->has_write_errors ||
           facts->has_write_concern_error;
}

static bool has_state_change(struct span document)
{
    struct element e;
    int64_t code;
    return view_find(document, "code", &e) && element_int64(&e, &code) && code >= 0 &&
           code <= INT32_MAX && code_is_state_change((int32_t)code);
}

static const struct phrase {
    const char *from;
    const char *to;
} PHRASES[] = {{"not master", "(NOT_PRIMARY)"}, {"node is recovering", "(NODE_IS_RECOVERING)"}};

/* The first of the phrases in the text; NULL when none is there. */
static const uint8_t *find_phrase(struct span text, const struct phrase **phrase)
{
    const uint8_t *first = NULL;
    for (size_t i = 0; i < sizeof PHRASES / sizeof PHRASES[0]; i++) {
        const uint8_t *at = memmem(text.at, text.size, PHRASES[i].from, strlen(PHRASES[i].from));
        if (at != NULL && (first == NULL || at < first)) {
            first = at;
            *phrase = &PHRASES[i];
        }
    }
    return first;
}

/* Copies the text, each phrase replaced. */
static void put_message(struct rewrite *r, struct span text)
{
    const struct phrase *phrase;
    const uint8_t *at;
    while ((at = find_phrase(text, &phrase)) != NULL) {
        size_t before = (size_t)(at - text.at);
        write_bytes(&r->w, span_head(text, before));
        write_bytes(&r->w, span_text(phrase->to));
        text = span_tail(text, before + strlen(phrase->from));
        r->is_changed = true;
    }
    write_bytes(&r->w, text);
}

static void put_errmsg(struct rewrite *r, struct span text)
{
    write_head(&r->w, ELEMENT_STRING, span_text("errmsg"));
    uint8_t *length = write_room(&r->w, 4);
    const uint8_t *start = r->w.at;
    put_message(r, text);
    *write_room(&r->w, 1) = 0;
    write_int32(length, (int32_t)(r->w.at - start));
}

/* One field of an error document; false: it is not special. */
static bool put_error_field(struct rewrite *r, const struct element *e, bool is_state_change)
{
    struct span text;
    int64_t number;
    if (is_state_change && span_is(e->key, "code") && element_int64(e, &number)) {
        put_int32(&r->w, "code", CODE_HOST_UNREACHABLE);
        r->is_changed = true;
        return true;
    }
    if (is_state_change && span_is(e->key, "codeName") && element_text(e, &text)) {
        put_text(&r->w, "codeName", span_text(code_name(CODE_HOST_UNREACHABLE)));
        r->is_changed = true;
        return true;
    }
    if (span_is(e->key, "errmsg") && element_text(e, &text)) {
        put_errmsg(r, text);
        return true;
    }
    return false;
}

static void put_error(struct rewrite *r, const struct element *error)
{
    struct view v;
    struct element e;
    enum view_event event;
    bool is_state_change = has_state_change(error->value);
    write_head(&r->w, ELEMENT_DOCUMENT, error->key);
    size_t start = write_open(&r->w);
    view_init(&v, error->value);
    while ((event = view_next(&v, &e)) == VIEW_ELEMENT) {
        if (!put_error_field(r, &e, is_state_change)) {
            put_element(&r->w, &e);
        }
    }
    write_close(&r->w, start);
    r->is_bad = r->is_bad || event != VIEW_END;
}

static void put_write_errors(struct rewrite *r, const struct element *errors)
{
    struct view v;
    struct element e;
    enum view_event event;
    write_head(&r->w, ELEMENT_ARRAY, errors->key);
    size_t start = write_open(&r->w);
    view_init(&v, errors->value);
    while ((event = view_next(&v, &e)) == VIEW_ELEMENT) {
        if (e.type == ELEMENT_DOCUMENT) {
            put_error(r, &e);
        } else {
            put_element(&r->w, &e);
        }
    }
    write_close(&r->w, start);
    r->is_bad = r->is_bad || event != VIEW_END;
}

static void put_root(struct rewrite *r, struct span body)
{
    struct view v;
    struct element e;
    bool is_ok = true;
    enum view_event event;
    if (view_find(body, "ok", &e)) {
        element_bool(&e, &is_ok);
    }
    bool is_state_change = !is_ok && has_state_change(body);
    size_t start = write_open(&r->w);
    view_init(&v, body);
    while ((event = view_next(&v, &e)) == VIEW_ELEMENT) {
        if (span_is(e.key, "topologyVersion")) {
            r->is_changed = true;
        } else if (span_is(e.key, "writeErrors") && e.type == ELEMENT_ARRAY) {
            put_write_errors(r, &e);
        } else if (span_is(e.key, "writeConcernError") && e.type == ELEMENT_DOCUMENT) {
            put_error(r, &e);
        } else if (is_ok || !put_error_field(r, &e, is_state_change)) {
            put_element(&r->w, &e);
        }
    }
    write_close(&r->w, start);
    r->is_bad = r->is_bad || event != VIEW_END;
}

bool reply_rewrite(struct span message, struct message_head head, struct buf *out)
{
    struct span body;
    struct rewrite r = {0};
    if (!reply_body(message, &body)) {
        return false;
    }
    /* No replacement more than doubles what it replaces: of the smallest, an empty codeName of 15
     * bytes becomes one of 30. */
    size_t room = 2 * message.size + 64;
    uint8_t *bytes = xmalloc(room);
    write_begin(&r.w, bytes, room);
    write_bytes(&r.w, span_head(message, HEADER_BYTES));
    uint8_t *flags = write_room(&r.w, 5); /* and the section's kind */
    write_int32(flags, (int32_t)(read_uint32(message.at + HEADER_BYTES) & MSG_MORE_TO_COME));
    flags[4] = 0;
    put_root(&r, body);
    bool is_rewritten = r.is_changed && !r.is_bad;
    if (is_rewritten) {
        head.opcode = OP_MSG;
        head.length = (int32_t)written(&r.w).size;
        header_write(bytes, head);
        buf_append_always(out, written(&r.w));
    }
    free(bytes);
    return is_rewritten;
}
