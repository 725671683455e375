/* What the files of the loop share. Nobody else includes this. */
#ifndef LOOP_LOOP_PARTS_H
#define LOOP_LOOP_PARTS_H

#include <sys/socket.h>
#include <uv.h>

#include "base/list.h"
#include "loop/loop.h"

/* One read buffer for all conns, lent to on_bytes. */
enum { READ_BYTES = 64 * 1024 };

/* An event that must not happen inside the call that caused it. Embedded in its owner. */
struct later {
    struct list link;
    void (*happen)(struct later *l);
};

struct loop {
    struct net net;
    uv_loop_t uv;
    uv_timer_t timer;
    uv_prepare_t prepare; /* before the poll: what timers sent goes out */
    uv_check_t check;     /* after it: what events sent goes out, and what was put off happens */
    uv_idle_t idle;       /* active while something was put off, so that the poll does not wait */
    struct list dirty;    /* conns with bytes to write this turn */
    struct list later;    /* events put off to the next turn */
    struct later due;     /* deadlines that were due when they were set */
    msec armed_at;        /* of the timer */
    uint8_t randoms[256]; /* unpredictable bytes in stock: the first randoms_left */
    size_t randoms_left;
    size_t conn_count;
    size_t conn_peak;     /* most at once since memory was given back last */
    size_t conn_trim;     /* how many there were when giving back was put off last */
    struct deadline trim; /* set when many have gone since */
    char read_buffer[READ_BYTES];
};

static inline struct loop *loop_of(struct net *net)
{
    return container_of(net, struct loop, net);
}

static inline void later_init(struct later *l, void (*happen)(struct later *l))
{
    list_init(&l->link);
    l->happen = happen;
}

/* Not while it is put off already. */
void loop_put_off(struct loop *loop, struct later *l);

/* libuv's error as an outcome. */
enum status loop_status(int uv_error);

/* The operations, by file. */
enum status
loop_listen(struct net *net, const struct address *at, const struct listen_options *options,
            void (*on_accept)(void *owner, struct conn *conn, const struct address *peer),
            void *owner, struct listener **out, struct error *why);
void loop_listener_address(struct listener *listener, struct address *out);
void loop_listener_close(struct listener *listener);

struct conn *loop_conn_dial(struct net *net, const struct address *to,
                            const struct dial_options *options, const struct conn_events *events,
                            void *owner);
bool loop_conn_send(struct conn *conn, const struct span *parts, size_t count);
bool loop_conn_send_buf(struct conn *conn, struct buf *bytes);
byte_count loop_conn_queued(const struct conn *conn);
void loop_conn_local_address(const struct conn *conn, struct address *out);
bool loop_conn_peer_process(const struct conn *conn, struct peer_process *out);
void loop_conn_pause(struct conn *conn);
void loop_conn_resume(struct conn *conn);
void loop_conn_close(struct conn *conn, enum close_how how);

/* Makes a conn of an accepted descriptor, which it owns from now on in every case; NULL when that
 * failed. */
struct conn *loop_conn_accept(struct loop *loop, int descriptor, bool is_unix);

/* Begins to read, once its owner has attached. */
void loop_conn_begin(struct conn *conn);

/* For loop_conn: one has come, one has gone. When many have, their memory goes back to the system.
 */
void loop_count_conn(struct loop *loop);
void loop_uncount_conn(struct loop *loop);
void loop_trim_init(struct loop *loop);

/* Writes what conns have gathered this turn. */
void loop_conn_flush_all(struct loop *loop);

/* The system's form of an address; returns its size. */
socklen_t sockaddr_from_address(const struct address *a, struct sockaddr_storage *out);

/* `fallback` gives what an unnamed Unix socket does not say. */
void address_from_sockaddr(const struct sockaddr_storage *from, const struct address *fallback,
                           struct address *out);

void loop_work(struct net *net, void (*run)(void *job), void (*on_done)(void *job), void *job);
void loop_store(struct net *net, const char *path, struct span bytes,
                void (*on_done)(void *owner, enum status status), void *owner);
struct watch *loop_watch(struct net *net, enum watch_kind kind, int number, const char *path,
                         void (*on_event)(void *owner), void *owner);
void loop_watch_close(struct watch *watch);
void loop_spawn(struct net *net, const struct spawn_request *request,
                void (*on_done)(void *owner, enum status status, int exit_code), void *owner);

struct datagram *loop_datagram(struct net *net, const struct address *to, struct span bytes,
                               const struct datagram_events *events, void *owner);
void loop_datagram_close(struct datagram *datagram);

#endif
