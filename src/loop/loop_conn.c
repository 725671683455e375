/* One TCP or Unix stream.
 *
 * Reading: into the loop's one buffer, lent to on_bytes; an idle conn owns none. Writing: bytes
 * gather in `out`; at the end of the turn they are written as far as the kernel takes them, and the
 * rest goes into one uv_write at a time. Failures: a dial that fails at once, or a write, is told
 * in a later turn, by closing; on_closed comes from the close callback, after which the lifeline
 * lets go and the conn is freed. */
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/require.h"
#include "loop/lifeline.h"
#include "loop/loop_parts.h"

enum { SPANS_MOST = 64, DIRECT_BYTES = 4096 };

struct outgoing {
    uv_write_t request;
    struct buf bytes;
};

struct loop_conn {
    struct conn conn;
    struct list link; /* in the loop's dirty list */
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct lifeline lifeline;
    struct buf out;
    struct outgoing *outgoing; /* the write under way */
    struct dialling *dialling; /* until the dial's result */
    struct deadline flush_limit;
    enum status why; /* what on_closed will say */
    bool is_open;
    bool is_paused;
    bool is_closing;  /* events have stopped */
    bool is_flushing; /* closes when the queue is empty */
    bool was_above;   /* on_drained is owed */
    bool is_reset;
};

struct dialling {
    uv_connect_t request;
    struct later later;
    struct loop_conn *conn;
    struct dial_options options;
    int failed; /* at once */
};

static struct loop_conn *of_conn(const struct conn *conn)
{
    return container_of((struct conn *)(uintptr_t)conn, struct loop_conn, conn);
}

static struct loop_conn *of_handle(void *handle)
{
    return container_of(handle, struct loop_conn, uv.handle);
}

static struct loop *loop_of_conn(const struct loop_conn *c)
{
    return loop_of(c->conn.net);
}

static void start_close(struct loop_conn *c, enum status why);

/* --- life --- */

static void on_ended(struct lifeline *l)
{
    struct loop_conn *c = container_of(l, struct loop_conn, lifeline);
    buf_clear(&c->out);
    if (c->conn.events != NULL) {
        c->conn.events->on_closed(c->conn.owner, c->why);
    }
    free(c);
}

static void on_flush_limit(struct deadline *d, msec now)
{
    (void)now;
    start_close(container_of(d, struct loop_conn, flush_limit), STATUS_CLOSED_BY_US);
}

static struct loop_conn *conn_new(struct loop *loop, bool is_unix)
{
    struct loop_conn *c = xcalloc(1, sizeof *c);
    c->conn.net = &loop->net;
    list_init(&c->link);
    lifeline_init(&c->lifeline, on_ended);
    buf_init(&c->out, &loop->net.chunks);
    deadline_init(&c->flush_limit, on_flush_limit);
    c->why = STATUS_CLOSED_BY_US;
    if (is_unix) {
        uv_pipe_init(&loop->uv, &c->uv.pipe, 0);
    } else {
        uv_tcp_init(&loop->uv, &c->uv.tcp);
    }
    lifeline_hold(&c->lifeline);
    return c;
}

static void on_handle_closed(uv_handle_t *handle)
{
    lifeline_drop(&of_handle(handle)->lifeline);
}

static void start_close(struct loop_conn *c, enum status why)
{
    if (c->lifeline.closing) {
        return;
    }
    if (!c->is_closing) {
        c->why = why;
    }
    c->is_closing = true;
    list_remove(&c->link);
    net_clear_deadline(c->conn.net, &c->flush_limit);
    lifeline_close(&c->lifeline);
    if (c->is_reset && c->uv.handle.type == UV_TCP && c->outgoing == NULL && c->is_open &&
        uv_tcp_close_reset(&c->uv.tcp, on_handle_closed) == 0) {
        return;
    }
    uv_close(&c->uv.handle, on_handle_closed);
}

/* --- reading --- */

static void lend_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    struct loop *loop = loop_of_conn(of_handle(handle));
    (void)wanted;
    *out = uv_buf_init(loop->read_buffer, sizeof loop->read_buffer);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    struct loop_conn *c = of_handle(stream);
    if (c->is_closing || size == 0) {
        return;
    }
    if (size < 0) {
        start_close(c, loop_status((int)size));
        return;
    }
    c->conn.events->on_bytes(c->conn.owner, span_of(bytes->base, (size_t)size));
}

static void start_reading(struct loop_conn *c)
{
    if (c->is_open && !c->is_paused && !c->is_closing) {
        uv_read_start(&c->uv.stream, lend_buffer, on_read);
    }
}

void loop_conn_pause(struct conn *conn)
{
    struct loop_conn *c = of_conn(conn);
    if (!c->is_paused) {
        c->is_paused = true;
        if (c->is_open && !c->lifeline.closing) {
            uv_read_stop(&c->uv.stream);
        }
    }
}

void loop_conn_resume(struct conn *conn)
{
    struct loop_conn *c = of_conn(conn);
    if (c->is_paused) {
        c->is_paused = false;
        start_reading(c);
    }
}

/* --- writing --- */

byte_count loop_conn_queued(const struct conn *conn)
{
    const struct loop_conn *c = of_conn(conn);
    return c->out.size + (c->outgoing == NULL ? 0 : c->outgoing->bytes.size);
}

static void mark_dirty(struct loop_conn *c)
{
    if (c->is_open && !c->lifeline.closing && c->outgoing == NULL && list_is_empty(&c->link)) {
        list_push_back(&loop_of_conn(c)->dirty, &c->link);
    }
}

/* Large bytes with nothing before them go straight to the kernel, to save a copy. */
static struct span write_directly(struct loop_conn *c, struct span part)
{
    if (part.size < DIRECT_BYTES || !c->is_open || c->outgoing != NULL || !buf_is_empty(&c->out)) {
        return part;
    }
    uv_buf_t bytes = uv_buf_init((char *)(uintptr_t)part.at, (unsigned)part.size);
    int written = uv_try_write(&c->uv.stream, &bytes, 1);
    return written > 0 ? span_tail(part, (size_t)written) : part;
}

static bool after_send(struct loop_conn *c)
{
    mark_dirty(c);
    bool is_above = loop_conn_queued(&c->conn) > CONN_HIGH_WATER;
    c->was_above |= is_above;
    return is_above;
}

bool loop_conn_send(struct conn *conn, const struct span *parts, size_t count)
{
    struct loop_conn *c = of_conn(conn);
    if (c->is_closing) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count;
        struct span rest = is_last ? write_directly(c, parts[i]) : parts[i];
        buf_append_always(&c->out, rest);
    }
    return after_send(c);
}

bool loop_conn_send_buf(struct conn *conn, struct buf *bytes)
{
    struct loop_conn *c = of_conn(conn);
    if (c->is_closing) {
        buf_clear(bytes);
        return false;
    }
    buf_move(&c->out, bytes);
    return after_send(c);
}

static void on_written(uv_write_t *request, int failed);

static void write_rest(struct loop_conn *c)
{
    uv_buf_t bufs[SPANS_MOST];
    struct span spans[SPANS_MOST];
    struct outgoing *o = xcalloc(1, sizeof *o);
    buf_init(&o->bytes, c->out.pool);
    buf_move(&o->bytes, &c->out);
    size_t count = buf_spans(&o->bytes, spans, SPANS_MOST);
    byte_count covered = 0;
    for (size_t i = 0; i < count; i++) {
        bufs[i] = uv_buf_init((char *)(uintptr_t)spans[i].at, (unsigned)spans[i].size);
        covered += spans[i].size;
    }
    if (covered < o->bytes.size) {
        /* More than one gathered write takes: the tail waits for the next turn. */
        struct buf all = o->bytes;
        o->bytes = (struct buf){.pool = all.pool};
        buf_split(&all, &o->bytes, covered);
        c->out = all;
    }
    c->outgoing = o;
    lifeline_hold(&c->lifeline);
    int failed = uv_write(&o->request, &c->uv.stream, bufs, (unsigned)count, on_written);
    if (failed != 0) {
        lifeline_drop(&c->lifeline);
        c->outgoing = NULL;
        buf_clear(&o->bytes);
        free(o);
        start_close(c, loop_status(failed));
    }
}

static void tell_drained(struct loop_conn *c)
{
    if (c->was_above && !c->is_closing && loop_conn_queued(&c->conn) <= CONN_LOW_WATER) {
        c->was_above = false;
        c->conn.events->on_drained(c->conn.owner);
    }
}

static void close_if_flushed(struct loop_conn *c)
{
    if (c->is_flushing && c->outgoing == NULL && buf_is_empty(&c->out)) {
        start_close(c, c->why);
    }
}

static void flush(struct loop_conn *c)
{
    uv_buf_t bufs[SPANS_MOST];
    struct span spans[SPANS_MOST];
    size_t count = buf_spans(&c->out, spans, SPANS_MOST);
    for (size_t i = 0; i < count; i++) {
        bufs[i] = uv_buf_init((char *)(uintptr_t)spans[i].at, (unsigned)spans[i].size);
    }
    int written = count == 0 ? 0 : uv_try_write(&c->uv.stream, bufs, (unsigned)count);
    if (written < 0 && written != UV_EAGAIN) {
        start_close(c, loop_status(written));
        return;
    }
    if (written > 0) {
        buf_consume(&c->out, (byte_count)written);
    }
    if (!buf_is_empty(&c->out)) {
        write_rest(c);
    }
    tell_drained(c);
    close_if_flushed(c);
}

static void on_written(uv_write_t *request, int failed)
{
    struct outgoing *o = container_of(request, struct outgoing, request);
    struct loop_conn *c = of_handle(request->handle);
    buf_clear(&o->bytes);
    free(o);
    c->outgoing = NULL;
    if (failed != 0 && failed != UV_ECANCELED && !c->lifeline.closing) {
        start_close(c, loop_status(failed));
    }
    if (!c->lifeline.closing) {
        if (buf_is_empty(&c->out)) {
            tell_drained(c);
            close_if_flushed(c);
        } else {
            mark_dirty(c);
        }
    }
    lifeline_drop(&c->lifeline);
}

void loop_conn_flush_all(struct loop *loop)
{
    /* What on_drained sends is written in this pass as well; the list is bounded by the conns. */
    while (!list_is_empty(&loop->dirty)) {
        struct loop_conn *c = container_of(list_first(&loop->dirty), struct loop_conn, link);
        list_remove(&c->link);
        flush(c);
    }
}

/* --- closing --- */

void loop_conn_close(struct conn *conn, enum close_how how)
{
    struct loop_conn *c = of_conn(conn);
    bool has_bytes = loop_conn_queued(conn) > 0;
    if (c->lifeline.closing) {
        return;
    }
    c->is_reset |= how == CLOSE_RESET;
    if (how == CLOSE_FLUSH && has_bytes && c->is_open) {
        if (!c->is_flushing) {
            c->is_flushing = true;
            c->is_closing = true;
            uv_read_stop(&c->uv.stream);
            net_set_deadline(conn->net, &c->flush_limit, net_now(conn->net) + CLOSE_FLUSH_MS);
        }
        return;
    }
    start_close(c, STATUS_CLOSED_BY_US);
}

/* --- beginning --- */

static void set_options(struct loop_conn *c, const struct dial_options *options)
{
    uv_os_fd_t fd;
    if (c->uv.handle.type != UV_TCP) {
        return;
    }
    uv_tcp_nodelay(&c->uv.tcp, 1);
    if (options == NULL) {
        return;
    }
    if (options->keep_alive_seconds > 0) {
        uv_tcp_keepalive(&c->uv.tcp, 1, (unsigned)options->keep_alive_seconds);
    }
#ifdef TCP_USER_TIMEOUT
    if (options->user_timeout_ms > 0 && uv_fileno(&c->uv.handle, &fd) == 0) {
        unsigned timeout = (unsigned)options->user_timeout_ms;
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
    }
#endif
}

static void on_connect(uv_connect_t *request, int failed)
{
    struct dialling *d = container_of(request, struct dialling, request);
    struct loop_conn *c = d->conn;
    struct dial_options options = d->options;
    c->dialling = NULL;
    free(d);
    if (!c->is_closing && failed != 0) {
        start_close(c, loop_status(failed));
    } else if (!c->is_closing) {
        c->is_open = true;
        set_options(c, &options);
        c->conn.events->on_open(c->conn.owner);
        start_reading(c);
        mark_dirty(c);
    }
    lifeline_drop(&c->lifeline);
}

static void on_failed_at_once(struct later *l)
{
    struct dialling *d = container_of(l, struct dialling, later);
    on_connect(&d->request, d->failed);
}

int address_to_sockaddr(const struct address *a, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (a->family == ADDRESS_IPV4) {
        struct sockaddr_in *in = (struct sockaddr_in *)(void *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip, 4);
        return 0;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(a->port);
    memcpy(&in6->sin6_addr, a->ip, 16);
    return 0;
}

struct conn *loop_conn_dial(struct net *net, const struct address *to,
                            const struct dial_options *options, const struct conn_events *events,
                            void *owner)
{
    struct loop *loop = loop_of(net);
    struct loop_conn *c = conn_new(loop, to->family == ADDRESS_UNIX);
    struct dialling *d = xcalloc(1, sizeof *d);
    struct sockaddr_storage target;
    conn_attach(&c->conn, events, owner);
    c->dialling = d;
    d->conn = c;
    d->options = options == NULL ? (struct dial_options){0} : *options;
    d->later.happen = on_failed_at_once;
    lifeline_hold(&c->lifeline);
    if (to->family == ADDRESS_UNIX) {
        uv_pipe_connect(&d->request, &c->uv.pipe, to->path, on_connect);
        return &c->conn;
    }
    address_to_sockaddr(to, &target);
    d->failed =
        uv_tcp_connect(&d->request, &c->uv.tcp, (struct sockaddr *)(void *)&target, on_connect);
    if (d->failed != 0) {
        loop_put_off(loop, &d->later);
    }
    return &c->conn;
}

struct conn *loop_conn_accept(struct loop *loop, uv_stream_t *listening, bool is_unix)
{
    struct loop_conn *c = conn_new(loop, is_unix);
    if (uv_accept(listening, &c->uv.stream) != 0) {
        start_close(c, STATUS_IO_FAILED);
        return NULL;
    }
    c->is_open = true;
    set_options(c, NULL);
    return &c->conn;
}

void loop_conn_begin(struct conn *conn)
{
    start_reading(of_conn(conn));
}
