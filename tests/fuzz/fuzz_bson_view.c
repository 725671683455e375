/* The walk in place and the walk in pieces say the same of any bytes. */
#include "target.h"

#include "core/wire/doc_skim.h"

enum { SHOWN_MOST = 64 };

static void mix_element(uint64_t *print, uint8_t type, struct span key)
{
    size_t size = key.size < SHOWN_MOST ? key.size : SHOWN_MOST;
    mix_number(print, type);
    mix(print, span_head(key, size));
}

static void use(const struct element *e)
{
    int64_t number;
    bool truth;
    struct span bytes;
    element_int64(e, &number);
    element_bool(e, &truth);
    element_text(e, &bytes);
    element_binary(e, 4, &bytes);
}

static bool is_container(uint8_t type)
{
    return type == ELEMENT_DOCUMENT || type == ELEMENT_ARRAY;
}

static bool view_all(struct span document, int depth, uint64_t *print)
{
    struct view v;
    struct element e;
    enum view_event event;
    view_init(&v, document);
    while ((event = view_next(&v, &e)) == VIEW_ELEMENT) {
        mix_element(print, e.type, e.key);
        use(&e);
        if (is_container(e.type) && depth < SKIM_DEPTH) {
            if (!view_all(e.value, depth + 1, print)) {
                return false;
            }
            mix_number(print, 1);
        } else if (e.type != ELEMENT_REGEX) {
            mix(print, e.value.size < SHOWN_MOST ? e.value : span_head(e.value, SHOWN_MOST));
        }
    }
    return event == VIEW_END;
}

static void on_element(struct doc_skim *s, const struct skim_element *e, uint64_t *print)
{
    mix_element(print, e->element.type, e->element.key);
    if ((is_container(e->element.type) && skim_enter(s)) || e->element.type == ELEMENT_REGEX) {
        return;
    }
    skim_take(s, SHOWN_MOST);
}

static enum skim_event skim_some(struct doc_skim *s, struct span in, uint64_t *print)
{
    struct skim_element e;
    enum skim_event event;
    while ((event = skim_next(s, &in, &e)) != SKIM_NEED_MORE) {
        if (event == SKIM_ELEMENT) {
            on_element(s, &e, print);
        } else if (event == SKIM_VALUE) {
            mix(print, e.element.value);
        } else if (event == SKIM_LEFT) {
            mix_number(print, 1);
        } else {
            break;
        }
    }
    return event;
}

static enum skim_event skim_all(struct span document, uint32_t seed, bool is_whole, uint64_t *print)
{
    uint8_t room[SKIM_ROOM_LEAST];
    struct doc_skim s;
    enum skim_event event = SKIM_NEED_MORE;
    skim_init(&s, (uint32_t)document.size, room, sizeof room);
    while (document.size > 0 && event == SKIM_NEED_MORE) {
        size_t part = is_whole ? document.size : piece_size(&seed, document.size);
        uint8_t *copy = copy_of(span_head(document, part));
        event = skim_some(&s, span_of(copy, part), print);
        free(copy);
        document = span_tail(document, part);
    }
    return event;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint64_t viewed = 1;
    uint64_t whole = 1;
    uint64_t pieces = 1;
    if (size < 5) {
        return 0;
    }
    struct span document = span_of(bytes + 1, size - 1);
    bool is_document = view_all(document, 1, &viewed);
    bool is_whole = skim_all(document, bytes[0], true, &whole) == SKIM_END;
    bool is_pieces = skim_all(document, bytes[0], false, &pieces) == SKIM_END;
    require(is_document == is_whole && is_document == is_pieces);
    require(!is_document || (viewed == whole && viewed == pieces));
    return 0;
}
