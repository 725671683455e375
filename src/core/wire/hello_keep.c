#include "core/wire/hello_keep.h"

#include <stddef.h>

#include "base/crc32c.h"
#include "core/wire/doc_write.h"

enum { FORMAT_VERSION = 1, SUM_BYTES = 4, PRESENTATIONS = 3 };

/* What a value may be: anything else comes from a damaged file. */
static const struct field {
    const char *name;
    size_t at;
    int32_t least;
    int32_t most;
} FIELDS[] = {
    {"maxWireVersion", offsetof(struct hello_values, max_wire_version), 0, 1000},
    {"maxBsonObjectSize", offsetof(struct hello_values, max_bson_object_bytes), 1,
     MAX_MESSAGE_BYTES},
    {"maxMessageSizeBytes", offsetof(struct hello_values, max_message_bytes), 1, MAX_MESSAGE_BYTES},
    {"maxWriteBatchSize", offsetof(struct hello_values, max_write_batch_size), 1, INT32_MAX},
    {"logicalSessionTimeoutMinutes", offsetof(struct hello_values, logical_session_timeout_minutes),
     -1, INT32_MAX},
};

enum { FIELD_COUNT = sizeof FIELDS / sizeof *FIELDS };

size_t hello_keep_write(const struct hello_values *values, uint8_t out[HELLO_KEEP_BYTES_MOST])
{
    struct doc_writer w;
    write_begin(&w, out, HELLO_KEEP_BYTES_MOST);
    size_t document = write_open(&w);
    put_int32(&w, "version", FORMAT_VERSION);
    put_int32(&w, "presentation", (int32_t)values->presentation);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        int32_t value;
        memcpy(&value, (const char *)values + FIELDS[i].at, sizeof value);
        put_int32(&w, FIELDS[i].name, value);
    }
    put_text(&w, "setName", span_text(values->set_name));
    write_close(&w, document);
    uint32_t sum = crc32c(0, written(&w));
    write_int32(write_room(&w, SUM_BYTES), (int32_t)sum);
    return written(&w).size;
}

static bool read_field(struct span document, const char *name, int32_t least, int32_t most,
                       int32_t *value)
{
    struct element e;
    int64_t wide;
    if (!view_find(document, name, &e) || !element_int64(&e, &wide) || wide < least ||
        wide > most) {
        return false;
    }
    *value = (int32_t)wide;
    return true;
}

/* Absent in files of before there were names. */
static bool read_set_name(struct span document, char name[SET_NAME_BYTES_MOST + 1])
{
    struct element e;
    struct span text = span_of(NULL, 0);
    if (view_find(document, "setName", &e) &&
        (!element_text(&e, &text) || text.size > SET_NAME_BYTES_MOST)) {
        return false;
    }
    memset(name, 0, SET_NAME_BYTES_MOST + 1);
    if (text.size > 0) {
        memcpy(name, text.at, text.size);
    }
    return true;
}

bool hello_keep_read(struct span bytes, struct hello_values *values)
{
    struct hello_values read = *values;
    int32_t number;
    if (bytes.size < DOCUMENT_BYTES_LEAST + SUM_BYTES) {
        return false;
    }
    struct span document = span_head(bytes, bytes.size - SUM_BYTES);
    if ((uint32_t)read_int32(bytes.at + document.size) != crc32c(0, document) ||
        !read_field(document, "version", FORMAT_VERSION, FORMAT_VERSION, &number) ||
        !read_field(document, "presentation", 0, PRESENTATIONS - 1, &number)) {
        return false;
    }
    read.presentation = (enum presentation)number;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (!read_field(document, FIELDS[i].name, FIELDS[i].least, FIELDS[i].most, &number)) {
            return false;
        }
        memcpy((char *)&read + FIELDS[i].at, &number, sizeof number);
    }
    if (!read_set_name(document, read.set_name)) {
        return false;
    }
    *values = read;
    return true;
}
