/* A question of our own to a server and its whole reply: hello, login, ping. Bytes in, bytes out.
 *
 * Embedded in whoever has the connection. Replies are bounded (TALK_REPLY_BYTES) and held whole. */
#ifndef CORE_WIRE_TALK_H
#define CORE_WIRE_TALK_H

#include <bson/bson.h>

#include "base/buf.h"
#include "core/wire/frame.h"

#define TALK_REPLY_BYTES (1 * MIB)

enum talk_event {
    TALK_MORE,  /* the reply is not complete */
    TALK_REPLY, /* complete: `*reply` is its body, a view that talk_done ends */
    TALK_BAD,   /* the server broke the protocol */
};

struct talk {
    struct frame frame;
    struct buf reply;
    void *flat;
    int32_t request_id;
    bool is_waiting; /* a question is out */
};

void talk_init(struct talk *t, struct chunk_pool *chunks);
void talk_clear(struct talk *t);

/* Appends the command (with its $db) to `out`, which is to be sent; one question at a time. */
void talk_ask(struct talk *t, int32_t request_id, const bson_t *command, struct buf *out);

/* Reads what the server sent; nothing may follow the reply. */
enum talk_event talk_on_bytes(struct talk *t, struct span bytes, bson_t *reply);

/* The view of the reply ends. */
void talk_done(struct talk *t);

#endif
