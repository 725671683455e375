/* Writing: bytes gather in `out`; at the end of the turn they are written as far as the kernel
 * takes them, and the rest goes into one uv_write at a time, which owns its chunks. Large parts go
 * to the kernel at once, from where they are. A failed write closes the conn. */
#include <stdlib.h>

#include "base/require.h"
#include "loop/loop_conn.h"

enum { SPANS_MOST = 64, DIRECT_BYTES = 4096 };

struct outgoing {
    uv_write_t request;
    struct buf bytes;
};

byte_count loop_conn_queued(const struct conn *conn)
{
    const struct loop_conn *c = loop_conn_of(conn);
    return c->out.size + (c->outgoing == NULL ? 0 : c->outgoing->bytes.size);
}

void loop_conn_mark(struct loop_conn *c)
{
    if (c->is_open && !c->lifeline.closing && c->outgoing == NULL && list_is_empty(&c->link)) {
        list_push_back(&loop_of(c->conn.net)->dirty, &c->link);
    }
}

static uv_buf_t uv_buf_of(struct span s)
{
    return uv_buf_init((char *)(uintptr_t)s.at, (unsigned)s.size);
}

/* Writes what is queued and then the parts, as far as the kernel takes them now; returns how many
 * bytes of the parts it took. A failure shows again when the rest is flushed. */
static byte_count write_directly(struct loop_conn *c, const struct span *parts, size_t count)
{
    uv_buf_t bufs[SPANS_MOST];
    struct span queued[SPANS_MOST];
    size_t used = buf_spans(&c->out, queued, SPANS_MOST);
    if (used + count > SPANS_MOST) {
        return 0;
    }
    for (size_t i = 0; i < used; i++) {
        bufs[i] = uv_buf_of(queued[i]);
    }
    for (size_t i = 0; i < count; i++) {
        bufs[used + i] = uv_buf_of(parts[i]);
    }
    int written = uv_try_write(&c->uv.stream, bufs, (unsigned)(used + count));
    byte_count taken = written > 0 ? (byte_count)written : 0;
    byte_count before = taken < c->out.size ? taken : c->out.size;
    buf_consume(&c->out, before);
    return taken - before;
}

static bool after_send(struct loop_conn *c)
{
    loop_conn_mark(c);
    bool is_above = loop_conn_queued(&c->conn) > CONN_HIGH_WATER;
    c->was_above |= is_above;
    return is_above;
}

bool loop_conn_send(struct conn *conn, const struct span *parts, size_t count)
{
    struct loop_conn *c = loop_conn_of(conn);
    byte_count size = 0;
    if (c->is_closing) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        size += parts[i].size;
    }
    bool is_direct = size >= DIRECT_BYTES && c->is_open && c->outgoing == NULL;
    byte_count written = is_direct ? write_directly(c, parts, count) : 0;
    for (size_t i = 0; i < count; i++) {
        byte_count skip = written < parts[i].size ? written : parts[i].size;
        written -= skip;
        buf_append_always(&c->out, span_tail(parts[i], skip));
    }
    return after_send(c);
}

bool loop_conn_send_buf(struct conn *conn, struct buf *bytes)
{
    struct loop_conn *c = loop_conn_of(conn);
    if (c->is_closing) {
        buf_clear(bytes);
        return false;
    }
    buf_move(&c->out, bytes);
    return after_send(c);
}

static void tell_drained(struct loop_conn *c)
{
    if (c->was_above && !c->is_closing && loop_conn_queued(&c->conn) <= CONN_LOW_WATER) {
        c->was_above = false;
        c->conn.events->on_drained(c->conn.owner);
    }
}

static void on_written(uv_write_t *request, int failed)
{
    struct outgoing *o = container_of(request, struct outgoing, request);
    struct loop_conn *c = loop_conn_of_handle(request->handle);
    buf_clear(&o->bytes);
    free(o);
    c->outgoing = NULL;
    if (failed != 0) {
        loop_conn_end(c, loop_status(failed)); /* nothing new when it was cancelled by closing */
    } else if (!c->lifeline.closing) {
        loop_conn_mark(c); /* the tail, or the end that a polite close waits for */
        tell_drained(c);
    }
    lifeline_drop(&c->lifeline);
}

/* Hands the first chunks of `out` to libuv: as many as one gathered write takes. */
static void write_rest(struct loop_conn *c)
{
    uv_buf_t bufs[SPANS_MOST];
    struct span spans[SPANS_MOST];
    struct outgoing *o = xcalloc(1, sizeof *o);
    size_t count = buf_spans(&c->out, spans, SPANS_MOST);
    byte_count covered = 0;
    for (size_t i = 0; i < count; i++) {
        bufs[i] = uv_buf_of(spans[i]);
        covered += spans[i].size;
    }
    buf_init(&o->bytes, c->out.pool);
    buf_split(&c->out, &o->bytes, covered);
    c->outgoing = o;
    lifeline_hold(&c->lifeline);
    int failed = uv_write(&o->request, &c->uv.stream, bufs, (unsigned)count, on_written);
    require(failed == 0); /* the stream is open; failures of the peer come to on_written */
}

static void flush(struct loop_conn *c)
{
    uv_buf_t bufs[SPANS_MOST];
    struct span spans[SPANS_MOST];
    size_t count = buf_spans(&c->out, spans, SPANS_MOST);
    for (size_t i = 0; i < count; i++) {
        bufs[i] = uv_buf_of(spans[i]);
    }
    int written = count == 0 ? 0 : uv_try_write(&c->uv.stream, bufs, (unsigned)count);
    if (written < 0 && written != UV_EAGAIN) {
        loop_conn_end(c, loop_status(written));
        return;
    }
    if (written > 0) {
        buf_consume(&c->out, (byte_count)written);
    }
    if (!buf_is_empty(&c->out)) {
        write_rest(c);
    } else if (c->is_flushing) {
        loop_conn_flushed(c);
        return;
    }
    tell_drained(c);
}

void loop_conn_flush_all(struct loop *loop)
{
    /* What on_drained sends waits for the next pass: the loop does not wait before that. */
    struct list due;
    list_init(&due);
    list_move_all(&due, &loop->dirty);
    while (!list_is_empty(&due)) {
        struct loop_conn *c = container_of(list_first(&due), struct loop_conn, link);
        list_remove(&c->link);
        flush(c);
    }
}
