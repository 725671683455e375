/* An HTTP/2 server of libnghttp2 over a TLS server: one request, and one of many answers to it. */
#ifndef TESTS_NET_H2_SERVER_H
#define TESTS_NET_H2_SERVER_H

#include <nghttp2/nghttp2.h>

#include "tls_server.h"

/* What it does once the request is whole. */
enum h2_behaviour {
    H2_ANSWERS,
    H2_HINTS_FIRST, /* a 103 before the answer */
    H2_SILENT,
    H2_RESETS,
    H2_RESETS_LATE, /* after half of the answer */
    H2_GOES_AWAY,   /* and says that it has not looked at the request */
    H2_LEAVES,      /* closes the connection in order */
    H2_CUTS,        /* resets the connection in the middle of the answer */
};

struct h2_server {
    struct tls_server tls;
    nghttp2_session *session;
    enum h2_behaviour does;
    const char *status;
    const char *media_type; /* NULL: none */
    size_t field_bytes;     /* of a header field more, 0: none */
    const char *raw;        /* sent in place of HTTP/2; NULL: none */
    uint8_t *answer;
    size_t answer_size, answer_sent;
    char request[1024]; /* "name: value\n" for each field */
    uint8_t body[70000];
    size_t body_size;
};

static inline int h2_on_header(nghttp2_session *session, const nghttp2_frame *frame,
                               const uint8_t *name, size_t name_size, const uint8_t *value,
                               size_t value_size, uint8_t flags, void *owner)
{
    struct h2_server *s = owner;
    size_t used = strlen(s->request);
    (void)session;
    (void)frame;
    (void)flags;
    snprintf(s->request + used, sizeof s->request - used, "%.*s: %.*s\n", (int)name_size, name,
             (int)value_size, value);
    return 0;
}

static inline int h2_on_data(nghttp2_session *session, uint8_t flags, int32_t stream,
                             const uint8_t *bytes, size_t size, void *owner)
{
    struct h2_server *s = owner;
    (void)session;
    (void)flags;
    (void)stream;
    require(s->body_size + size <= sizeof s->body);
    memcpy(s->body + s->body_size, bytes, size);
    s->body_size += size;
    return 0;
}

static inline ssize_t h2_give(nghttp2_session *session, int32_t stream, uint8_t *out, size_t room,
                              uint32_t *flags, nghttp2_data_source *source, void *owner)
{
    struct h2_server *s = owner;
    bool is_cut = s->does == H2_RESETS_LATE || s->does == H2_CUTS;
    size_t left = (is_cut ? s->answer_size / 2 : s->answer_size) - s->answer_sent;
    size_t size = left < room ? left : room;
    (void)session;
    (void)stream;
    (void)source;
    if (size == 0 && is_cut) {
        return NGHTTP2_ERR_DEFERRED;
    }
    memcpy(out, s->answer + s->answer_sent, size);
    s->answer_sent += size;
    *flags |= size == left && !is_cut ? NGHTTP2_DATA_FLAG_EOF : 0;
    return (ssize_t)size;
}

static inline nghttp2_nv h2_field(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

static inline void h2_respond(struct h2_server *s, int32_t stream)
{
    nghttp2_data_provider body = {.read_callback = h2_give};
    nghttp2_nv fields[3] = {h2_field(":status", s->status)};
    size_t count = 1;
    char *padding = xcalloc(1, s->field_bytes + 1);
    memset(padding, 'x', s->field_bytes);
    if (s->media_type != NULL) {
        fields[count++] = h2_field("content-type", s->media_type);
    }
    if (s->field_bytes > 0) {
        fields[count++] = h2_field("x-padding", padding);
    }
    if (s->does == H2_HINTS_FIRST) {
        nghttp2_nv hint = h2_field(":status", "103");
        nghttp2_submit_headers(s->session, NGHTTP2_FLAG_NONE, stream, NULL, &hint, 1, NULL);
    }
    nghttp2_submit_response(s->session, stream, fields, count, &body);
    free(padding);
}

static inline int h2_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *owner)
{
    struct h2_server *s = owner;
    int32_t stream = frame->hd.stream_id;
    if (stream == 0 || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) {
        return 0;
    }
    switch (s->does) {
    case H2_SILENT:
        break;
    case H2_RESETS:
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_INTERNAL_ERROR);
        break;
    case H2_GOES_AWAY:
        nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0);
        break;
    case H2_LEAVES:
        tls_server_close(&s->tls, CLOSE_FLUSH);
        break;
    case H2_ANSWERS:
    case H2_HINTS_FIRST:
    case H2_RESETS_LATE:
    case H2_CUTS:
        h2_respond(s, stream);
        break;
    }
    return 0;
}

static inline void h2_flush(struct h2_server *s)
{
    const uint8_t *bytes;
    ssize_t size = 1;
    while (s->tls.conn != NULL && (size = nghttp2_session_mem_send(s->session, &bytes)) > 0) {
        tls_server_send(&s->tls, span_of(bytes, (size_t)size));
    }
}

static inline void h2_on_plain(struct tls_server *tls, struct span bytes)
{
    struct h2_server *s = container_of(tls, struct h2_server, tls);
    if (s->raw != NULL) {
        tls_server_send(tls, span_text(s->raw));
        return;
    }
    require(nghttp2_session_mem_recv(s->session, bytes.at, bytes.size) == (ssize_t)bytes.size);
    h2_flush(s);
    if (s->answer_sent > 0 && s->does == H2_CUTS) {
        tls_server_close(tls, CLOSE_RESET);
    }
    if (s->answer_sent > 0 && s->does == H2_RESETS_LATE) {
        nghttp2_submit_rst_stream(s->session, NGHTTP2_FLAG_NONE, 1, NGHTTP2_NO_ERROR);
        h2_flush(s);
    }
}

/* RFC 7301: "h2", when the client has it. */
static inline int h2_choose(SSL *ssl, const uint8_t **out, uint8_t *out_size, const uint8_t *in,
                            unsigned in_size, void *owner)
{
    (void)ssl;
    (void)owner;
    return nghttp2_select_next_protocol((uint8_t **)(uintptr_t)out, out_size, in, in_size) == 1
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* It answers 200 with application/dns-message unless the test says otherwise; `ctx` is the
 * caller's, and chooses h2 by h2_choose. */
static inline void h2_server_init(struct h2_server *s, struct world *w, SSL_CTX *ctx)
{
    nghttp2_session_callbacks *callbacks;
    *s = (struct h2_server){.status = "200", .media_type = "application/dns-message"};
    tls_server_init(&s->tls, w, ctx);
    s->tls.on_plain = h2_on_plain;
    require(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, h2_on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, h2_on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, h2_on_frame);
    nghttp2_option *option;
    require(nghttp2_option_new(&option) == 0);
    nghttp2_option_set_max_send_header_block_length(option, 1 << 20);
    require(nghttp2_session_server_new2(&s->session, callbacks, s, option) == 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(s->session, NGHTTP2_FLAG_NONE, NULL, 0);
}

static inline void h2_server_answer(struct h2_server *s, const void *bytes, size_t size)
{
    s->answer = xmalloc(size + 1);
    memcpy(s->answer, bytes, size);
    s->answer_size = size;
}

static inline void h2_server_clear(struct h2_server *s)
{
    tls_server_clear(&s->tls);
    nghttp2_session_del(s->session);
    free(s->answer);
}

#endif
