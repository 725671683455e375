#include "core/wire/talk.h"

#include <stdlib.h>

#include "base/require.h"
#include "core/wire/request.h"

void talk_init(struct talk *t, struct chunk_pool *chunks)
{
    *t = (struct talk){0};
    frame_init(&t->frame, TALK_REPLY_BYTES);
    buf_init(&t->reply, chunks);
}

void talk_clear(struct talk *t)
{
    talk_done(t);
}

void talk_done(struct talk *t)
{
    free(t->flat);
    t->flat = NULL;
    buf_clear(&t->reply);
}

void talk_ask(struct talk *t, int32_t request_id, const bson_t *command, struct buf *out)
{
    require(!t->is_waiting);
    t->is_waiting = true;
    t->request_id = request_id;
    request_write_command(out, request_id, command);
}

static enum talk_event read_body(struct talk *t, bson_t *reply)
{
    struct span body;
    struct span message = buf_flatten(&t->reply, &t->flat);
    t->is_waiting = false;
    /* Not bson_validate: it recurses into documents, and the server decides how deep they are. */
    bool is_body = reply_body(message, &body) && bson_init_static(reply, body.at, body.size);
    return is_body ? TALK_REPLY : TALK_BAD;
}

enum talk_event talk_on_bytes(struct talk *t, struct span bytes, bson_t *reply)
{
    struct frame_part part;
    if (!t->is_waiting) {
        return TALK_BAD;
    }
    for (;;) {
        switch (frame_next(&t->frame, &bytes, &part)) {
        case FRAME_NEED_MORE:
            return TALK_MORE;
        case FRAME_HEAD:
            if (part.head.response_to != t->request_id || part.head.opcode != OP_MSG) {
                return TALK_BAD;
            }
            buf_append_always(&t->reply, part.bytes);
            break;
        case FRAME_BODY:
            buf_append_always(&t->reply, part.bytes);
            break;
        case FRAME_END:
            return bytes.size > 0 ? TALK_BAD : read_body(t, reply);
        case FRAME_BAD:
            return TALK_BAD;
        }
    }
}
