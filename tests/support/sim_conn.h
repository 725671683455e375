/* One end of a simulated stream, as sim_conn.c (life) and sim_flow.c (bytes) share it. */
#ifndef SUPPORT_SIM_CONN_H
#define SUPPORT_SIM_CONN_H

#include "support/sim_parts.h"

enum sim_end { SIM_END_NONE, SIM_END_CLOSED, SIM_END_RESET };

/* Bytes on their way, and then waiting to be read: they arrive together. */
struct sim_segment {
    struct list link;
    msec at;
    byte_count size;
};

struct sim_conn {
    struct conn conn;
    struct list link;        /* among the alive */
    struct sim_conn *peer;   /* NULL once that end is gone */
    struct sim_place *place; /* of the listener */
    struct address peer_address;
    struct buf out;       /* sent by the owner, not yet taken by the "kernel" */
    struct buf inbox;     /* taken from the peer, not yet read */
    struct list segments; /* of the inbox */
    enum sim_end end;     /* after the inbox */
    msec end_at;
    msec lost_at; /* when the peer's refusal of bytes is known; MSEC_NEVER */
    enum status why;
    struct sim_event open_event; /* of a dial; of the other end, that it is to be accepted */
    struct sim_event read_event;
    struct sim_event write_event;
    struct sim_event close_event;
    struct sim_event flush_limit;
    bool is_dialled; /* not accepted */
    bool is_open;
    bool is_paused;
    bool is_closing; /* events have stopped */
    bool is_flushing;
    bool is_ended; /* on_closed is scheduled */
    bool was_above;
};

static inline struct sim_conn *sim_conn_of(const struct conn *conn)
{
    return container_of((struct conn *)(uintptr_t)conn, struct sim_conn, conn);
}

static inline struct sim *sim_of_conn(const struct sim_conn *c)
{
    return sim_of(c->conn.net);
}

void sim_flow_init(struct sim_conn *c);
void sim_flow_clear(struct sim_conn *c);

/* Schedules the next delivery to `c`, when there is one to come. */
void sim_flow_want_read(struct sim_conn *c);

/* Schedules taking what `c` has queued. */
void sim_flow_want_write(struct sim_conn *c);

/* After all that `c` has sent, its peer sees this end. */
void sim_flow_end(struct sim_conn *c, enum sim_end end);

/* Ends `c`: on_closed(why) will come, unless its owner closed before. */
void sim_conn_end(struct sim_conn *c, enum status why);

#endif
