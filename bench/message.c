#include "message.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t token_name[] = {0x12, 't', 'o', 'k', 'e', 'n', 0};
static const char query_target[] = "admin.$cmd";

enum { MSG_BODY_AT = HEAD_BYTES + 4 + 1, QUERY_BODY_AT = HEAD_BYTES + 4 + sizeof query_target + 8 };
enum { REPLY_BODY_AT = HEAD_BYTES + 20 };

static void put_int32(uint8_t *at, int32_t value)
{
    memcpy(at, &value, sizeof value); /* little-endian, as this machine is */
}

static int32_t int32_at(const uint8_t *at)
{
    int32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static const uint8_t *token_place(const uint8_t *bytes, size_t size)
{
    const uint8_t *name = memmem(bytes, size, token_name, sizeof token_name);
    bool is_whole = name != NULL && name + sizeof token_name + sizeof(int64_t) <= bytes + size;
    return is_whole ? name + sizeof token_name : NULL;
}

/* The body after `body_at` bytes, which are zero but for length and opcode. */
static void make(struct message *m, const bson_t *body, size_t body_at, int32_t opcode)
{
    m->size = body_at + body->len;
    m->bytes = calloc(1, m->size);
    if (m->bytes == NULL) {
        abort();
    }
    put_int32(m->bytes, (int32_t)m->size);
    put_int32(m->bytes + 12, opcode);
    memcpy(m->bytes + body_at, bson_get_data(body), body->len);
    const uint8_t *token = token_place(m->bytes, m->size);
    m->token_at = token == NULL ? 0 : (size_t)(token - m->bytes);
}

void message_make(struct message *m, const bson_t *body)
{
    make(m, body, MSG_BODY_AT, OP_MSG);
}

void message_make_query(struct message *m, const bson_t *body)
{
    make(m, body, QUERY_BODY_AT, OP_QUERY);
    memcpy(m->bytes + HEAD_BYTES + 4, query_target, sizeof query_target);
    put_int32(m->bytes + QUERY_BODY_AT - 4, -1); /* numberToReturn */
}

void message_make_reply(struct message *m, const bson_t *body)
{
    make(m, body, REPLY_BODY_AT, OP_REPLY);
    put_int32(m->bytes + REPLY_BODY_AT - 4, 1); /* numberReturned */
}

void message_patch(struct message *m, int32_t id, int32_t response_to, int64_t token)
{
    put_int32(m->bytes + 4, id);
    put_int32(m->bytes + 8, response_to);
    if (m->token_at != 0) {
        memcpy(m->bytes + m->token_at, &token, sizeof token);
    }
}

void message_clear(struct message *m)
{
    free(m->bytes);
    m->bytes = NULL;
}

int32_t head_length(const uint8_t *bytes)
{
    return int32_at(bytes);
}

int32_t head_id(const uint8_t *bytes)
{
    return int32_at(bytes + 4);
}

int32_t head_response_to(const uint8_t *bytes)
{
    return int32_at(bytes + 8);
}

int32_t head_opcode(const uint8_t *bytes)
{
    return int32_at(bytes + 12);
}

bool token_find(const uint8_t *bytes, size_t size, int64_t *out)
{
    const uint8_t *token = token_place(bytes, size);
    if (token != NULL) {
        memcpy(out, token, sizeof *out);
    }
    return token != NULL;
}

bool message_body(const uint8_t *bytes, size_t size, bson_t *out)
{
    size_t at = MSG_BODY_AT;
    if (head_opcode(bytes) == OP_QUERY && size > HEAD_BYTES + 4) {
        const uint8_t *end = memchr(bytes + HEAD_BYTES + 4, 0, size - HEAD_BYTES - 4);
        at = end == NULL ? size : (size_t)(end - bytes) + 1 + 8;
    } else if (head_opcode(bytes) != OP_MSG || size < MSG_BODY_AT || bytes[MSG_BODY_AT - 1] != 0) {
        return false;
    }
    return at + 5 <= size && int32_at(bytes + at) <= (int32_t)(size - at) &&
           bson_init_static(out, bytes + at, (size_t)int32_at(bytes + at));
}
