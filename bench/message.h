/* Wire messages that are made once and sent often: ids and tokens are patched in place. */
#ifndef BENCH_MESSAGE_H
#define BENCH_MESSAGE_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HEAD_BYTES = 16,
    OP_REPLY = 1,
    OP_QUERY = 2004,
    OP_MSG = 2013,
    MESSAGE_MOST = 48000000,
};

/* Owns its bytes. */
struct message {
    uint8_t *bytes;
    size_t size;
    size_t token_at; /* of the first int64 named "token"; 0: there is none */
};

/* An OP_MSG with one section. */
void message_make(struct message *m, const bson_t *body);

/* The OP_QUERY on admin.$cmd, and the OP_REPLY, with which drivers begin. */
void message_make_query(struct message *m, const bson_t *body);
void message_make_reply(struct message *m, const bson_t *body);

void message_patch(struct message *m, int32_t id, int32_t response_to, int64_t token);
void message_clear(struct message *m);

/* An int32 of the head at `bytes`. */
int32_t head_length(const uint8_t *bytes);
int32_t head_id(const uint8_t *bytes);
int32_t head_response_to(const uint8_t *bytes);
int32_t head_opcode(const uint8_t *bytes);

/* The first token in these bytes, which may be the beginning of a message; false: none. */
bool token_find(const uint8_t *bytes, size_t size, int64_t *out);

/* The body of a complete OP_MSG (its first section must be it) or OP_QUERY; false: neither. */
bool message_body(const uint8_t *bytes, size_t size, bson_t *out);

#endif
