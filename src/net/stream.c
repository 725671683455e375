/* TLS between a conn and its owner, one turn of the engine per event:
 * bytes of the network -> handshake or plain bytes up -> whatever the engine has to say, down.
 *
 * While the owner pauses, plain bytes stay inside the engine (at most what one read brought) and
 * are delivered in a later turn after stream_resume. A failure of the engine closes the conn;
 * on_closed then carries the engine's status and sentence. */
#include "net/stream.h"

#include <stdio.h>

#include "base/require.h"

enum { ROOM_BYTES = 64 * 1024 };

/* One for all streams: plain bytes are lent to the owner and gone when on_bytes returns. */
static uint8_t room[ROOM_BYTES];

static void on_conn_open(void *owner);
static void on_conn_bytes(void *owner, struct span bytes);
static void on_conn_drained(void *owner);
static void on_conn_closed(void *owner, enum status why);
static void on_resumed(struct deadline *d, msec now);

static const struct conn_events events = {.on_open = on_conn_open,
                                          .on_bytes = on_conn_bytes,
                                          .on_drained = on_conn_drained,
                                          .on_closed = on_conn_closed};

static void fail(struct stream *s)
{
    if (s->why.status == STATUS_OK) {
        s->why = *tls_why(s->tls);
    }
    stream_close(s, CLOSE_FLUSH); /* the alert still goes out */
}

/* What the engine has to say goes down, whatever it was asked. */
static void send_cipher(struct stream *s)
{
    struct buf out;
    buf_init(&out, &s->conn->net->chunks);
    tls_take_cipher(s->tls, &out);
    if (!buf_is_empty(&out)) {
        conn_send_buf(s->conn, &out);
    }
}

static void deliver(struct stream *s)
{
    while (!s->closing && !s->paused) {
        size_t got = 0;
        enum tls_result result = tls_take_plain(s->tls, room, sizeof room, &got);
        send_cipher(s);
        if (got > 0) {
            s->events->on_bytes(s->owner, span_of(room, got));
        }
        if (result == TLS_FAILED && !s->closing) {
            fail(s);
        } else if (result == TLS_PEER_FINISHED && !s->closing) {
            s->why.status = STATUS_PEER_CLOSED;
            stream_close(s, CLOSE_NOW);
        }
        if (result != TLS_OK) {
            return;
        }
    }
}

static void shake_hands(struct stream *s)
{
    enum tls_result result = tls_handshake(s->tls);
    send_cipher(s);
    if (result == TLS_FAILED) {
        fail(s);
    } else if (result == TLS_OK && !s->opened) {
        s->opened = true;
        s->events->on_open(s->owner);
    }
}

static void on_conn_open(void *owner)
{
    shake_hands(owner);
}

static void on_conn_bytes(void *owner, struct span bytes)
{
    struct stream *s = owner;
    tls_put_cipher(s->tls, bytes);
    if (!s->opened) {
        shake_hands(s);
    }
    if (s->opened) {
        deliver(s);
    }
    tls_keep_rest(s->tls);
}

static void on_conn_drained(void *owner)
{
    struct stream *s = owner;
    if (s->opened && !s->closing) {
        s->events->on_drained(s->owner);
    }
}

static void on_conn_closed(void *owner, enum status why)
{
    struct stream *s = owner;
    if (why == STATUS_PEER_CLOSED && s->why.status == STATUS_OK && !s->opened) {
        tls_on_end(s->tls);
        s->why = *tls_why(s->tls);
    }
    net_clear_deadline(s->conn->net, &s->resumed);
    tls_free(s->tls);
    s->tls = NULL;
    s->events->on_closed(s->owner, s->why.status != STATUS_OK ? s->why.status : why);
}

static void begin(struct stream *s, struct net *net, const struct stream_security *security,
                  const struct conn_events *their_events, void *owner)
{
    *s = (struct stream){.events = their_events, .owner = owner};
    s->tls = tls_new(security->config, security->host_name, security->resume, &net->chunks);
    if (security->protocol != NULL) {
        tls_want_protocol(s->tls, security->protocol);
    }
    deadline_init(&s->resumed, on_resumed);
}

void stream_dial(struct stream *s, struct net *net, const struct address *to,
                 const struct dial_options *options, const struct stream_security *security,
                 const struct conn_events *their_events, void *owner)
{
    if (security == NULL || security->config == NULL) {
        *s = (struct stream){.events = their_events, .owner = owner, .opened = true};
        s->conn = net_dial(net, to, options, their_events, owner);
        return;
    }
    begin(s, net, security, their_events, owner);
    s->conn = net_dial(net, to, options, &events, s);
}

void stream_secure(struct stream *s, struct conn *conn, const struct stream_security *security,
                   const struct conn_events *their_events, void *owner)
{
    begin(s, conn->net, security, their_events, owner);
    s->conn = conn;
    conn_attach(conn, &events, s);
    /* The first handshake message goes out now; nothing can have come back yet, so no event fires.
     */
    tls_handshake(s->tls);
    send_cipher(s);
}

bool stream_send(struct stream *s, const struct span *parts, size_t count)
{
    if (s->tls == NULL || s->closing) {
        return s->tls == NULL && conn_send(s->conn, parts, count);
    }
    if (tls_put_plain(s->tls, parts, count) == TLS_FAILED) {
        s->why = *tls_why(s->tls);
        stream_close(s, CLOSE_NOW);
        return false;
    }
    struct buf out;
    buf_init(&out, &s->conn->net->chunks);
    tls_take_cipher(s->tls, &out);
    return conn_send_buf(s->conn, &out);
}

static void on_resumed(struct deadline *d, msec now)
{
    (void)now;
    struct stream *s = container_of(d, struct stream, resumed);
    if (s->opened && !s->closing) {
        deliver(s);
    }
}

void stream_pause(struct stream *s)
{
    s->paused = true;
    conn_pause(s->conn);
}

void stream_resume(struct stream *s)
{
    if (!s->paused) {
        return;
    }
    s->paused = false;
    conn_resume(s->conn);
    if (s->tls != NULL) {
        /* Bytes that were decrypted or kept meanwhile come in a later turn. */
        net_set_deadline(s->conn->net, &s->resumed, net_now(s->conn->net));
    }
}

void stream_close(struct stream *s, enum close_how how)
{
    if (s->tls != NULL && s->opened && !s->closing) {
        tls_shutdown(s->tls);
        send_cipher(s);
    }
    s->closing = true;
    conn_close(s->conn, s->tls != NULL && how == CLOSE_NOW ? CLOSE_FLUSH : how);
}

const char *stream_why(const struct stream *s)
{
    return s->why.text;
}

int64_t stream_certificate_ends(const struct stream *s)
{
    return s->tls == NULL ? 0 : tls_certificate_ends(s->tls);
}
