/* One TCP or Unix stream, as the files that make it share it: loop_conn.c (life and reading) and
 * loop_write.c. */
#ifndef LOOP_LOOP_CONN_H
#define LOOP_LOOP_CONN_H

#include "loop/lifeline.h"
#include "loop/loop_parts.h"

struct outgoing;

/* Thousands of these are idle at a time: it owns no buffer then, and stays below 420 bytes. */
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
    struct buf out;            /* not yet written */
    struct outgoing *outgoing; /* the write under way */
    struct deadline flush_limit;
    enum status why; /* what on_closed will say */
    bool is_open : 1;
    bool is_paused : 1;
    bool is_closing : 1;  /* events have stopped */
    bool is_flushing : 1; /* closes when the queue is empty */
    bool was_above : 1;   /* on_drained is owed */
    bool is_reset : 1;
};

static inline struct loop_conn *loop_conn_of(const struct conn *conn)
{
    return container_of((struct conn *)(uintptr_t)conn, struct loop_conn, conn);
}

static inline struct loop_conn *loop_conn_of_handle(void *handle)
{
    return container_of((uv_handle_t *)handle, struct loop_conn, uv.handle);
}

/* The conn has bytes to write this turn, if it can. */
void loop_conn_mark(struct loop_conn *c);

/* Closes the handle; on_closed follows with `why`, unless the owner closed before. */
void loop_conn_end(struct loop_conn *c, enum status why);

/* All is written that a polite close waited for. */
void loop_conn_flushed(struct loop_conn *c);

#endif
