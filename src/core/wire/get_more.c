#include "core/wire/get_more.h"

#include "core/wire/bson_view.h"
#include "core/wire/doc_write.h"
#include "core/wire/reply_write.h"

enum { KIND_BODY = 0, KIND_OFFSET = UPSTREAM_HEAD_BYTES, BODY_OFFSET = KIND_OFFSET + 1 };

static void add_part(struct get_more_slice *s, const uint8_t *at, size_t size)
{
    s->parts[s->count++] = span_of(at, size);
}

static void overwrite(struct get_more_slice *s, struct span message,
                      const struct request_facts *facts, int64_t max_time_ms)
{
    size_t at = facts->max_time_offset;
    size_t width = facts_write_max_time(facts, max_time_ms, s->field);
    add_part(s, s->head, UPSTREAM_HEAD_BYTES);
    add_part(s, message.at + UPSTREAM_HEAD_BYTES, at - UPSTREAM_HEAD_BYTES);
    add_part(s, s->field, width);
    add_part(s, message.at + at + width, message.size - at - width);
}

static void add_field(struct get_more_slice *s, struct span message, int64_t max_time_ms)
{
    struct doc_writer w;
    int32_t body = read_int32(message.at + BODY_OFFSET);
    size_t end = BODY_OFFSET + (size_t)body - 1; /* of the fields */
    write_begin(&w, s->field, sizeof s->field);
    put_int32(&w, "maxTimeMS", (int32_t)max_time_ms);
    struct message_head head = header_read(s->head);
    head.length += (int32_t)written(&w).size;
    header_write(s->head, head);
    s->head[KIND_OFFSET] = KIND_BODY;
    write_int32(s->head + BODY_OFFSET, body + (int32_t)written(&w).size);
    add_part(s, s->head, sizeof s->head);
    add_part(s, message.at + sizeof s->head, end - sizeof s->head);
    add_part(s, s->field, written(&w).size);
    add_part(s, message.at + end, message.size - end);
}

bool get_more_slice(struct get_more_slice *out, struct span message,
                    const struct request_facts *facts, int32_t upstream_id, int64_t max_time_ms)
{
    if (facts_has_checksum(facts)) {
        message = span_head(message, message.size - CHECKSUM_BYTES);
    }
    if (!facts->is_complete || message.at[KIND_OFFSET] != KIND_BODY || max_time_ms > INT32_MAX) {
        return false;
    }
    out->count = 0;
    facts_write_upstream_head(facts, upstream_id, out->head);
    if (facts->max_time_ms >= 0) {
        overwrite(out, message, facts, max_time_ms);
    } else {
        add_field(out, message, max_time_ms);
    }
    return true;
}

bool get_more_reply_is_empty(struct span bytes)
{
    enum { FLAGS_BYTES = 4 };
    struct element cursor;
    struct element batch;
    if (bytes.size <= FLAGS_BYTES + 1 || read_uint32(bytes.at) != 0 ||
        bytes.at[FLAGS_BYTES] != KIND_BODY) {
        return false;
    }
    return view_find(span_tail(bytes, FLAGS_BYTES + 1), "cursor", &cursor) &&
           cursor.type == ELEMENT_DOCUMENT && view_find(cursor.value, "nextBatch", &batch) &&
           batch.type == ELEMENT_ARRAY && batch.value.size == DOCUMENT_BYTES_LEAST;
}

void reply_empty_batch(struct buf *out, const struct request_facts *to, int32_t reply_id)
{
    enum { NAMESPACE_MOST = 1024 };
    uint8_t bytes[REPLY_HEAD_BYTES_MOST + NAMESPACE_MOST + 128];
    uint8_t name[NAMESPACE_MOST];
    struct doc_writer w;
    struct doc_writer ns;
    write_begin(&ns, name, sizeof name);
    write_bytes(&ns, to->database);
    write_bytes(&ns, span_text("."));
    write_bytes(&ns, to->collection);
    write_begin(&w, bytes, sizeof bytes);
    reply_open(&w, to, reply_id);
    size_t document = write_open(&w);
    write_head(&w, ELEMENT_DOCUMENT, span_text("cursor"));
    size_t cursor = write_open(&w);
    write_head(&w, ELEMENT_ARRAY, span_text("nextBatch"));
    write_close(&w, write_open(&w));
    write_head(&w, ELEMENT_INT64, span_text("id"));
    write_int64(write_room(&w, 8), to->cursor_id);
    put_text(&w, "ns", written(&ns));
    write_close(&w, cursor);
    put_double(&w, "ok", 1);
    write_close(&w, document);
    reply_close(&w, out);
}
