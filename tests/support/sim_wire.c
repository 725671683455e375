#include "support/sim_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"

enum { HEAD = 16, MESSAGE_OPCODE = 2013 };

void sim_inbox_add(struct sim_inbox *in, struct span bytes)
{
    if (in->size + bytes.size > in->room) {
        in->room = 2 * (in->size + bytes.size);
        in->bytes = xrealloc(in->bytes, in->room);
    }
    memcpy(in->bytes + in->size, bytes.at, bytes.size);
    in->size += bytes.size;
}

void sim_inbox_clear(struct sim_inbox *in)
{
    free(in->bytes);
    *in = (struct sim_inbox){0};
}

static int32_t int32_at(const uint8_t *at)
{
    uint32_t little;
    memcpy(&little, at, 4);
    return (int32_t)BSON_UINT32_FROM_LE(little);
}

static void put_int32(uint8_t *at, int32_t value)
{
    uint32_t little = BSON_UINT32_TO_LE((uint32_t)value);
    memcpy(at, &little, 4);
}

bool sim_inbox_take(struct sim_inbox *in, struct sim_message *out)
{
    size_t length = in->size < HEAD ? HEAD : (size_t)int32_at(in->bytes);
    if (in->size < length) {
        return false;
    }
    require(int32_at(in->bytes + 12) == MESSAGE_OPCODE && length > HEAD + 5 + 4);
    require(in->bytes[HEAD + 4] == 0); /* the body stands first in what is simulated here */
    *out = (struct sim_message){.request_id = int32_at(in->bytes + 4),
                                .response_to = int32_at(in->bytes + 8),
                                .flags = (uint32_t)int32_at(in->bytes + HEAD)};
    size_t body = (size_t)int32_at(in->bytes + HEAD + 5);
    require(body == length - HEAD - 5);
    out->body = bson_new_from_data(in->bytes + HEAD + 5, body);
    require(out->body != NULL && bson_validate(out->body, BSON_VALIDATE_NONE, NULL));
    in->size -= length;
    memmove(in->bytes, in->bytes + length, in->size);
    return true;
}

void sim_message_clear(struct sim_message *m)
{
    bson_destroy(m->body);
    m->body = NULL;
}

uint8_t *sim_message_write(int32_t request_id, int32_t response_to, uint32_t flags,
                           const bson_t *body, size_t *size)
{
    *size = HEAD + 5 + body->len;
    uint8_t *bytes = xmalloc(*size);
    put_int32(bytes, (int32_t)*size);
    put_int32(bytes + 4, request_id);
    put_int32(bytes + 8, response_to);
    put_int32(bytes + 12, MESSAGE_OPCODE);
    put_int32(bytes + HEAD, (int32_t)flags);
    bytes[HEAD + 4] = 0;
    memcpy(bytes + HEAD + 5, bson_get_data(body), body->len);
    return bytes;
}

void sim_message_send(struct conn *conn, int32_t request_id, int32_t response_to, uint32_t flags,
                      const bson_t *body)
{
    struct span part;
    uint8_t *bytes = sim_message_write(request_id, response_to, flags, body, &part.size);
    part.at = bytes;
    conn_send(conn, &part, 1);
    free(bytes);
}

bson_t *sim_document_list(const char *format, va_list args)
{
    bson_error_t why;
    char *json = NULL;
    require(vasprintf(&json, format, args) >= 0);
    for (char *c = json; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    bson_t *document = bson_new_from_json((const uint8_t *)json, -1, &why);
    if (document == NULL) {
        fprintf(stderr, "%s: %s\n", json, why.message);
    }
    require(document != NULL);
    free(json);
    return document;
}

bson_t *sim_document(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bson_t *document = sim_document_list(format, args);
    va_end(args);
    return document;
}

static bool find(const bson_t *document, const char *path, bson_iter_t *found)
{
    bson_iter_t it;
    return bson_iter_init(&it, document) && bson_iter_find_descendant(&it, path, found);
}

int64_t sim_int(const bson_t *document, const char *path)
{
    bson_iter_t it;
    return find(document, path, &it) ? bson_iter_as_int64(&it) : 0;
}

const char *sim_text(const bson_t *document, const char *path)
{
    bson_iter_t it;
    return find(document, path, &it) && BSON_ITER_HOLDS_UTF8(&it) ? bson_iter_utf8(&it, NULL) : "";
}

bool sim_has(const bson_t *document, const char *path)
{
    bson_iter_t it;
    return find(document, path, &it);
}
