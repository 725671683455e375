#include "core/wire/request_edit.h"

#include "core/wire/doc_write.h"
#include "core/wire/frame.h"

enum { SECTIONS_OFFSET = HEADER_BYTES + 4, CHECKSUM_BYTES = 4, PREFERENCE_BYTES_MOST = 64 };

/* The sections of an OP_MSG, without a checksum. */
static bool find_sections(struct span message, struct span *sections)
{
    if (message.size < SECTIONS_OFFSET || header_read(message.at).opcode != OP_MSG) {
        return false;
    }
    uint32_t flags = read_uint32(message.at + HEADER_BYTES);
    size_t behind = (flags & MSG_CHECKSUM_PRESENT) != 0 ? CHECKSUM_BYTES : 0;
    if (message.size < SECTIONS_OFFSET + behind) {
        return false;
    }
    *sections = span_of(message.at + SECTIONS_OFFSET, message.size - SECTIONS_OFFSET - behind);
    return true;
}

/* The document of the section of kind 0, which may stand behind sequences. */
static bool find_body(struct span sections, struct span *body)
{
    while (sections.size > 1 + DOCUMENT_BYTES_LEAST - 1) {
        bool is_body = sections.at[0] == 0;
        uint32_t size = read_uint32(sections.at + 1);
        if (size < DOCUMENT_BYTES_LEAST || size > sections.size - 1) {
            return false;
        }
        if (is_body) {
            *body = span_of(sections.at + 1, size);
            return true;
        }
        sections = span_tail(sections, 1 + (size_t)size);
    }
    return false;
}

/* The element that is to be left out; size 0, at the document's final zero: there is none. */
static struct span find_old(struct span body, const char *key)
{
    struct element e;
    if (!view_find(body, key, &e)) {
        return span_of(body.at + body.size - 1, 0);
    }
    const uint8_t *start = e.key.at - 1;
    return span_of(start, (size_t)(e.value.at + e.value.size - start));
}

static struct span between(const uint8_t *from, const uint8_t *to)
{
    return span_of(from, (size_t)(to - from));
}

uint8_t *request_with_element(struct span message, const char *key, struct span element,
                              size_t *size)
{
    struct span sections;
    struct span body;
    struct doc_writer w;
    if (!find_sections(message, &sections) || !find_body(sections, &body)) {
        return NULL;
    }
    struct span old = find_old(body, key);
    const uint8_t *body_end = body.at + body.size - 1; /* its final zero */
    size_t room = message.size + element.size;
    uint8_t *bytes = xmalloc(room);
    write_begin(&w, bytes, room);
    write_bytes(&w, between(message.at, old.at));
    write_bytes(&w, between(old.at + old.size, body_end));
    write_bytes(&w, element);
    write_bytes(&w, between(body_end, sections.at + sections.size));
    struct message_head head = header_read(message.at);
    head.length = (int32_t)written(&w).size;
    header_write(bytes, head);
    write_int32(bytes + HEADER_BYTES,
                read_int32(message.at + HEADER_BYTES) & ~(int32_t)MSG_CHECKSUM_PRESENT);
    write_int32(bytes + (body.at - message.at), (int32_t)(body.size - old.size + element.size));
    *size = written(&w).size;
    return bytes;
}

uint8_t *request_with_read_preference(struct span message, enum read_mode mode, size_t *size)
{
    uint8_t element[PREFERENCE_BYTES_MOST];
    struct doc_writer w;
    write_begin(&w, element, sizeof element);
    write_head(&w, ELEMENT_DOCUMENT, span_text("$readPreference"));
    size_t document = write_open(&w);
    put_text(&w, "mode", span_text(read_mode_name(mode)));
    write_close(&w, document);
    return request_with_element(message, "$readPreference", written(&w), size);
}
