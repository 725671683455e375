/* Happy path: dial, TLS with ALPN "h2" -> preface, SETTINGS, HEADERS and DATA go out together ->
 * the reply's HEADERS (status, media type) -> DATA, collected -> the end of the stream: on_done,
 * and the connection closes.
 *
 * Failures end it at once, whatever else would follow: the stream (TLS, refusal, end), a status
 * other than 200, another media type, more than the limits, RST_STREAM, GOAWAY that leaves our
 * request out, and whatever libnghttp2 takes for a breach of the protocol. The object frees itself
 * in on_closed of its stream, also after a cancel. */
#include "net/https.h"

#include <nghttp2/nghttp2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/require.h"
#include "net/stream.h"

enum { PORT_DEFAULT = 443, STATUS_DIGITS = 3, HTTP_OK = 200, FIELDS = 7, LENGTH_TEXT = 24 };

struct https {
    struct stream stream;
    struct net *net;
    nghttp2_session *session; /* NULL until the stream is open */
    char *host_name;
    char *authority;
    char *path;
    char *media_type;
    uint8_t *body;
    size_t body_size;
    size_t body_sent;
    int http_status;        /* 0: not known yet */
    size_t header_bytes;    /* of the reply */
    char *reply_media_type; /* NULL: none given */
    struct buf reply;
    bool is_whole;    /* the reply's last frame has come */
    bool is_complete; /* and it is a good one */
    struct error why; /* OK while nothing has failed */
    void (*on_done)(void *owner, struct span body, const struct error *why);
    void *owner; /* NULL on_done: told, or cancelled */
};

static void on_open(void *owner);
static void on_bytes(void *owner, struct span bytes);
static void on_drained(void *owner);
static void on_closed(void *owner, enum status why);

static const struct conn_events events = {
    .on_open = on_open, .on_bytes = on_bytes, .on_drained = on_drained, .on_closed = on_closed};

/* "host", "host:8443", "[2001:db8::1]": an IPv6 address stands in brackets (RFC 3986 3.2.2). */
static char *authority_of(const struct https_request *request)
{
    size_t size = strlen(request->host_name);
    bool is_v6 = strchr(request->host_name, ':') != NULL;
    size -= size > 0 && request->host_name[size - 1] == '.' ? 1 : 0;
    char port[8] = "";
    if (request->to->port != PORT_DEFAULT) {
        snprintf(port, sizeof port, ":%u", request->to->port);
    }
    return xformat("%s%.*s%s%s", is_v6 ? "[" : "", (int)size, request->host_name, is_v6 ? "]" : "",
                   port);
}

struct https *https_start(struct net *net, const struct https_request *request,
                          void (*on_done)(void *owner, struct span body, const struct error *why),
                          void *owner)
{
    static const struct dial_options options = {0};
    struct https *h = xcalloc(1, sizeof *h);
    h->net = net;
    h->on_done = on_done;
    h->owner = owner;
    h->host_name = xstrdup(request->host_name);
    h->authority = authority_of(request);
    h->path = xstrdup(request->path);
    h->media_type = xstrdup(request->media_type);
    h->body = xmalloc(request->body.size + 1);
    memcpy(h->body, request->body.at, request->body.size);
    h->body_size = request->body.size;
    buf_init(&h->reply, &net->chunks);
    struct stream_security security = {
        .config = request->config, .host_name = h->host_name, .protocol = "h2"};
    stream_dial(&h->stream, net, request->to, &options, &security, &events, h);
    return h;
}

void https_cancel(struct https *h)
{
    h->on_done = NULL;
    stream_close(&h->stream, CLOSE_NOW);
}

/* --- the reply, as libnghttp2 reads it --- */

/* The first failure counts. Returns what ends libnghttp2's reading. */
__attribute__((format(printf, 3, 4))) static int fail(struct https *h, enum status status,
                                                      const char *format, ...)
{
    char text[ERROR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (h->why.status == STATUS_OK) {
        error_set(&h->why, status, "%s", text);
    }
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *owner)
{
    struct https *h = owner;
    (void)session;
    (void)frame;
    (void)flags;
    h->header_bytes += name_size + value_size;
    if (h->header_bytes > HTTPS_HEADER_BYTES_MOST) {
        return fail(h, STATUS_TOO_LARGE, "the reply's header is larger than 64 KiB");
    }
    if (span_is(span_of(name, name_size), ":status")) {
        char digits[STATUS_DIGITS + 1] = "";
        memcpy(digits, value, value_size < STATUS_DIGITS ? value_size : STATUS_DIGITS);
        h->http_status = atoi(digits);
    } else if (span_is(span_of(name, name_size), "content-type")) {
        free(h->reply_media_type);
        h->reply_media_type = xstrndup((const char *)value, value_size);
    }
    return 0;
}

static bool is_wanted_media_type(const struct https *h)
{
    const char *type = h->reply_media_type == NULL ? "" : h->reply_media_type;
    size_t size = strcspn(type, "; \t"); /* parameters may follow */
    return size == strlen(h->media_type) && strncasecmp(type, h->media_type, size) == 0;
}

/* The header of a reply is whole. A status below 200 announces another one. */
static int judge_header(struct https *h)
{
    if (h->http_status < HTTP_OK) {
        return 0;
    }
    if (h->http_status != HTTP_OK) {
        return fail(h, STATUS_HTTP_REFUSED, "the server answers with HTTP status %d",
                    h->http_status);
    }
    return is_wanted_media_type(h)
               ? 0
               : fail(h, STATUS_PROTOCOL_ERROR, "the server answers with something else than %s",
                      h->media_type);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *owner)
{
    struct https *h = owner;
    bool is_of_reply = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    (void)session;
    h->is_whole |= is_of_reply && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    return frame->hd.type == NGHTTP2_HEADERS ? judge_header(h) : 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes,
                   size_t size, void *owner)
{
    struct https *h = owner;
    (void)session;
    (void)flags;
    (void)stream;
    if (h->reply.size + (byte_count)size > HTTPS_BODY_BYTES_MOST) {
        return fail(h, STATUS_TOO_LARGE, "the reply is larger than 64 KiB");
    }
    if (!buf_append(&h->reply, span_of(bytes, size))) {
        return fail(h, STATUS_BUFFERS_FULL, "%s", status_text(STATUS_BUFFERS_FULL));
    }
    return 0;
}

/* Also called for GOAWAY that leaves our request out (REFUSED_STREAM). */
static int on_stream_over(nghttp2_session *session, int32_t stream, uint32_t code, void *owner)
{
    struct https *h = owner;
    (void)session;
    (void)stream;
    h->is_complete = code == NGHTTP2_NO_ERROR && h->is_whole && h->http_status == HTTP_OK;
    return h->is_complete ? 0
                          : fail(h, STATUS_PROTOCOL_ERROR, "the HTTP/2 request was given up (%s)",
                                 nghttp2_http2_strerror(code));
}

/* --- the request --- */

static ssize_t give_body(nghttp2_session *session, int32_t stream, uint8_t *out, size_t room,
                         uint32_t *flags, nghttp2_data_source *source, void *owner)
{
    struct https *h = owner;
    size_t left = h->body_size - h->body_sent;
    size_t size = left < room ? left : room;
    (void)session;
    (void)stream;
    (void)source;
    memcpy(out, h->body + h->body_sent, size);
    h->body_sent += size;
    if (h->body_sent == h->body_size) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)size;
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

static void submit(struct https *h)
{
    static const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
    char length[LENGTH_TEXT];
    snprintf(length, sizeof length, "%zu", h->body_size);
    const nghttp2_nv fields[FIELDS] = {field(":method", "POST"),
                                       field(":scheme", "https"),
                                       field(":authority", h->authority),
                                       field(":path", h->path),
                                       field("content-type", h->media_type),
                                       field("accept", h->media_type),
                                       field("content-length", length)};
    nghttp2_data_provider body = {.read_callback = give_body};
    int status = nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, 1);
    require(status == 0);
    int32_t stream = nghttp2_submit_request(h->session, NULL, fields, FIELDS, &body, NULL);
    require(stream > 0);
}

static void open_session(struct https *h)
{
    nghttp2_session_callbacks *callbacks;
    require(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_over);
    require(nghttp2_session_client_new(&h->session, callbacks, h) == 0);
    nghttp2_session_callbacks_del(callbacks);
}

/* --- events --- */

/* Tells the caller, once. */
static void tell(struct https *h)
{
    void (*on_done)(void *owner, struct span body, const struct error *why) = h->on_done;
    void *copy = NULL;
    h->on_done = NULL;
    if (on_done != NULL) {
        struct span body = buf_flatten(&h->reply, &copy);
        on_done(h->owner, h->why.status == STATUS_OK ? body : span_of(NULL, 0), &h->why);
        free(copy);
    }
}

static void send_frames(struct https *h)
{
    const uint8_t *bytes;
    ssize_t size;
    while ((size = nghttp2_session_mem_send(h->session, &bytes)) > 0) {
        struct span part = span_of(bytes, (size_t)size);
        stream_send(&h->stream, &part, 1);
    }
}

static void on_open(void *owner)
{
    struct https *h = owner;
    open_session(h);
    submit(h);
    send_frames(h);
}

static void on_bytes(void *owner, struct span bytes)
{
    struct https *h = owner;
    ssize_t taken = nghttp2_session_mem_recv(h->session, bytes.at, bytes.size);
    if (taken < 0) {
        fail(h, STATUS_PROTOCOL_ERROR, "the server does not speak HTTP/2 as it should (%s)",
             nghttp2_strerror((int)taken));
    }
    if (h->why.status == STATUS_OK && !h->is_complete) {
        send_frames(h);
        if (nghttp2_session_want_read(h->session) == 0) {
            fail(h, STATUS_PROTOCOL_ERROR, "the server does not speak HTTP/2 as it should");
        }
    }
    if (h->why.status != STATUS_OK || h->is_complete) {
        stream_close(&h->stream, CLOSE_NOW);
        tell(h);
    }
}

static void on_drained(void *owner)
{
    (void)owner; /* the request is small and was given as a whole */
}

static void on_closed(void *owner, enum status why)
{
    struct https *h = owner;
    if (h->on_done != NULL) {
        const char *said = stream_why(&h->stream);
        fail(h, why, "%s", said[0] != '\0' ? said : status_text(why));
        tell(h);
    }
    nghttp2_session_del(h->session);
    buf_clear(&h->reply);
    free(h->host_name);
    free(h->authority);
    free(h->path);
    free(h->media_type);
    free(h->reply_media_type);
    free(h->body);
    free(h);
}
