/* HEAD -> (BODY …) -> END -> HEAD -> …; a header that cannot be believed ends in BAD for ever, as
 * there is no way to find the next message. */
#include "core/wire/frame.h"

#include "core/wire/bson_view.h"

enum frame_state { AT_HEAD, AT_BODY, AT_END, AT_BAD };

struct message_head header_read(const uint8_t in[HEADER_BYTES])
{
    return (struct message_head){
        .length = read_int32(in),
        .request_id = read_int32(in + 4),
        .response_to = read_int32(in + 8),
        .opcode = read_int32(in + 12),
    };
}

void header_write(uint8_t out[HEADER_BYTES], struct message_head head)
{
    write_int32(out, head.length);
    write_int32(out + 4, head.request_id);
    write_int32(out + 8, head.response_to);
    write_int32(out + 12, head.opcode);
}

static bool is_known_opcode(int32_t opcode)
{
    switch (opcode) {
    case OP_REPLY:
    case OP_UPDATE:
    case OP_INSERT:
    case OP_QUERY:
    case OP_GET_MORE:
    case OP_DELETE:
    case OP_KILL_CURSORS:
    case OP_COMMAND:
    case OP_COMMAND_REPLY:
    case OP_COMPRESSED:
    case OP_MSG:
        return true;
    default:
        return false;
    }
}

void frame_init(struct frame *f, uint32_t max_message_bytes)
{
    *f = (struct frame){.max_bytes = max_message_bytes, .state = AT_HEAD};
}

bool frame_is_between(const struct frame *f)
{
    return f->state == AT_HEAD && f->have == 0;
}

/* The 16 bytes of a header: lent from `in` when it has them all, else gathered in the frame. */
static bool take_head(struct frame *f, struct span *in, struct span *head)
{
    if (f->have == 0 && in->size >= HEADER_BYTES) {
        *head = span_head(*in, HEADER_BYTES);
        *in = span_tail(*in, HEADER_BYTES);
        return true;
    }
    size_t part = HEADER_BYTES - f->have;
    if (part > in->size) {
        part = in->size;
    }
    memcpy(f->head + f->have, in->at, part);
    f->have = (uint8_t)(f->have + part);
    *in = span_tail(*in, part);
    *head = span_of(f->head, HEADER_BYTES);
    return f->have == HEADER_BYTES;
}

static enum frame_event head_event(struct frame *f, struct span *in, struct frame_part *out)
{
    struct span bytes;
    if (in->size == 0 || !take_head(f, in, &bytes)) {
        return FRAME_NEED_MORE;
    }
    struct message_head head = header_read(bytes.at);
    bool fits = head.length >= HEADER_BYTES && (uint32_t)head.length <= f->max_bytes;
    if (!fits || !is_known_opcode(head.opcode)) {
        memmove(f->head, bytes.at, HEADER_BYTES);
        f->state = AT_BAD;
        return frame_next(f, in, out);
    }
    f->have = 0;
    f->left = (uint32_t)head.length - HEADER_BYTES;
    f->state = f->left == 0 ? AT_END : AT_BODY;
    out->head = head;
    out->bytes = bytes;
    return FRAME_HEAD;
}

static enum frame_event body_event(struct frame *f, struct span *in, struct frame_part *out)
{
    if (in->size == 0) {
        return FRAME_NEED_MORE;
    }
    size_t part = in->size < f->left ? in->size : f->left;
    out->bytes = span_head(*in, part);
    *in = span_tail(*in, part);
    f->left -= (uint32_t)part;
    f->state = f->left == 0 ? AT_END : AT_BODY;
    return FRAME_BODY;
}

static enum frame_event bad_event(const struct frame *f, struct frame_part *out)
{
    out->head = header_read(f->head);
    out->bytes = span_of(f->head, HEADER_BYTES);
    out->fault = is_known_opcode(out->head.opcode) ? WIRE_FAULT_LENGTH : WIRE_FAULT_OPCODE;
    return FRAME_BAD;
}

enum frame_event frame_next(struct frame *f, struct span *in, struct frame_part *out)
{
    switch ((enum frame_state)f->state) {
    case AT_HEAD:
        return head_event(f, in, out);
    case AT_BODY:
        return body_event(f, in, out);
    case AT_END:
        f->state = AT_HEAD;
        return FRAME_END;
    case AT_BAD:
        break;
    }
    return bad_event(f, out);
}

static bool is_http(struct span bytes)
{
    static const char *const VERBS[] = {"GET ",     "POST ",  "HEAD ",    "PUT ",   "DELETE ",
                                        "OPTIONS ", "PATCH ", "CONNECT ", "TRACE ", "PRI * "};
    for (size_t i = 0; i < sizeof VERBS / sizeof VERBS[0]; i++) {
        size_t size = strlen(VERBS[i]);
        if (bytes.size >= size && memcmp(bytes.at, VERBS[i], size) == 0) {
            return true;
        }
    }
    return false;
}

/* A TLS record of type handshake, version 3.x, that carries a ClientHello. Its first four bytes
 * can be the length of a message too, hence the opcode is asked first. */
static bool is_tls(struct span bytes)
{
    return bytes.size >= 6 && bytes.at[0] == 0x16 && bytes.at[1] == 0x03 && bytes.at[5] == 0x01;
}

enum caller frame_recognise(struct span first_bytes)
{
    if (is_http(first_bytes)) {
        return CALLER_HTTP;
    }
    if (first_bytes.size >= HEADER_BYTES && is_known_opcode(read_int32(first_bytes.at + 12))) {
        return CALLER_MONGODB;
    }
    return is_tls(first_bytes) ? CALLER_TLS : CALLER_UNKNOWN;
}
