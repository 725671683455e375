#include "core/wire/request.h"

#include "core/wire/bson_view.h"
#include "core/wire/frame.h"

enum { BODY_OFFSET = HEADER_BYTES + 4 + 1, CHECKSUM_BYTES = 4 };

void request_write_command(struct buf *out, int32_t request_id, const bson_t *command)
{
    uint8_t head[BODY_OFFSET] = {0}; /* flagBits 0, section kind 0 */
    header_write(head, (struct message_head){
                           .length = (int32_t)(sizeof head + command->len),
                           .request_id = request_id,
                           .opcode = OP_MSG,
                       });
    buf_append_always(out, span_of(head, sizeof head));
    buf_append_always(out, span_of(bson_get_data(command), command->len));
}

/* Walked on its top level only: a server decides how deep its documents are nested. */
static bool is_document(struct span bytes)
{
    struct view v;
    struct element e;
    enum view_event event;
    view_init(&v, bytes);
    do {
        event = view_next(&v, &e);
    } while (event == VIEW_ELEMENT);
    return event == VIEW_END;
}

bool reply_body(struct span message, struct span *body)
{
    if (message.size < BODY_OFFSET + DOCUMENT_BYTES_LEAST) {
        return false;
    }
    struct message_head head = header_read(message.at);
    uint32_t flags = read_uint32(message.at + HEADER_BYTES);
    uint8_t kind = message.at[HEADER_BYTES + 4];
    if (head.opcode != OP_MSG || (size_t)head.length != message.size ||
        (flags & MSG_REQUIRED_UNKNOWN) != 0 || kind != 0) {
        return false;
    }
    size_t room = message.size - BODY_OFFSET;
    size_t behind = (flags & MSG_CHECKSUM_PRESENT) != 0 ? CHECKSUM_BYTES : 0;
    int32_t length = read_int32(message.at + BODY_OFFSET);
    if (length < DOCUMENT_BYTES_LEAST || (size_t)length + behind != room) {
        return false;
    }
    *body = span_of(message.at + BODY_OFFSET, (size_t)length);
    return is_document(*body);
}
