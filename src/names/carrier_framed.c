/* DNS over a stream: dial -> two bytes of length and the message -> the same back -> close.
 *
 * Failures: the dial or the handshake fails; the resolver closes before the answer is whole. What
 * comes behind the answer is not read. */
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "names/carrier_parts.h"
#include "net/stream.h"

enum { PREFIX_BYTES = 2 };

struct carrier_framed {
    struct carrier carrier;
    struct stream stream;
    struct span question; /* owned, with its prefix */
    uint8_t *reply;       /* with its prefix; room for all of it once that is known */
    size_t size;
    bool is_over; /* told, or cancelled */
};

static void tell(struct carrier_framed *c, enum status status, const struct error *why)
{
    struct carrier_done done = c->carrier.done;
    struct span reply = span_of(NULL, 0);
    c->is_over = true;
    if (status == STATUS_OK) {
        reply = span_of(c->reply + PREFIX_BYTES, c->size - PREFIX_BYTES);
    }
    done.on_done(done.owner, status, reply, why);
}

static void on_open(void *owner)
{
    struct carrier_framed *c = owner;
    stream_send(&c->stream, &c->question, 1);
}

/* Takes no more than is missing. */
static void take(struct carrier_framed *c, struct span *bytes, size_t wanted)
{
    size_t missing = wanted - c->size;
    size_t taken = bytes->size < missing ? bytes->size : missing;
    c->reply = xrealloc(c->reply, wanted);
    memcpy(c->reply + c->size, bytes->at, taken);
    c->size += taken;
    *bytes = span_tail(*bytes, taken);
}

static size_t wanted_bytes(const struct carrier_framed *c)
{
    return PREFIX_BYTES + (size_t)(c->reply[0] << 8 | c->reply[1]);
}

static void on_bytes(void *owner, struct span bytes)
{
    struct carrier_framed *c = owner;
    if (c->is_over) {
        return;
    }
    if (c->size < PREFIX_BYTES) {
        take(c, &bytes, PREFIX_BYTES);
    }
    if (c->size < PREFIX_BYTES) {
        return;
    }
    if (c->size < wanted_bytes(c)) {
        take(c, &bytes, wanted_bytes(c));
    }
    if (c->size == wanted_bytes(c)) {
        tell(c, STATUS_OK, NULL);
        stream_close(&c->stream, CLOSE_NOW);
    }
}

static void on_drained(void *owner)
{
    (void)owner;
}

static void on_closed(void *owner, enum status why)
{
    struct carrier_framed *c = owner;
    struct error error = {0};
    bool is_end = why == STATUS_PEER_CLOSED && c->stream.opened;
    const char *ending = c->size > 0 ? "it closed the connection in the middle of the answer"
                                     : "it closed the connection without an answer";
    if (!c->is_over) {
        error_set(&error, why, "%s", is_end ? ending : stream_why(&c->stream));
        tell(c, why, &error);
    }
    free((void *)(uintptr_t)c->question.at);
    free(c->reply);
    free(c);
}

struct carrier *carrier_framed_start(struct net *net, const struct resolver *resolver,
                                     struct tls_config *tls, struct span message,
                                     struct carrier_done done)
{
    static const struct conn_events events = {
        .on_open = on_open, .on_bytes = on_bytes, .on_drained = on_drained, .on_closed = on_closed};
    struct carrier_framed *c = xcalloc(1, sizeof *c);
    bool is_secure = resolver->kind == RESOLVER_TLS;
    struct stream_security security = {.config = tls, .host_name = resolver->host_name};
    uint8_t *bytes = xmalloc(PREFIX_BYTES + message.size);
    require(message.size <= UINT16_MAX && (!is_secure || tls != NULL));
    c->carrier = (struct carrier){.way = CARRIER_FRAMED, .done = done};
    bytes[0] = (uint8_t)(message.size >> 8);
    bytes[1] = (uint8_t)message.size;
    memcpy(bytes + PREFIX_BYTES, message.at, message.size);
    c->question = span_of(bytes, PREFIX_BYTES + message.size);
    stream_dial(&c->stream, net, &resolver->address, NULL, is_secure ? &security : NULL, &events,
                c);
    return &c->carrier;
}

void carrier_framed_cancel(struct carrier *carrier)
{
    struct carrier_framed *c = container_of(carrier, struct carrier_framed, carrier);
    c->is_over = true;
    stream_close(&c->stream, CLOSE_NOW);
}
