/* The seam to the world: everything that touches a socket, a clock, a file or a name goes through
 * here.
 *
 * There are two implementations: `loop` (libuv, the product) and `sim_net`
 * (tests/support: a simulated network with a virtual clock). tests/net holds both to the seven
 * promises:
 *
 * 1. No event fires from inside a call you made.
 * 2. `on_closed(why)` comes exactly once for a conn and is its last event; the conn is gone when it
 *    returns.
 * 3. `conn_close` may be called at any time before that and any number of times.
 * 4. `conn_send` takes the bytes in every case, also when the conn is failing or closing.
 * 5. `on_bytes` lends its span for the duration of the call.
 * 6. After a send reported "above high water", `on_drained` will come, or `on_closed`.
 * 7. `net_now` changes only between events.
 *
 * Deadlines (net_set_deadline) fire as events too: never from inside a call. */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/deadline.h"
#include "base/span.h"
#include "base/status.h"
#include "base/units.h"

struct net;

/* Datagrams to and fro, and a standing watch; implementations embed these as their first member. */
struct datagram {
    struct net *net;
};
struct watch {
    struct net *net;
};

/* Bytes queued in a conn for sending: above the high mark the sender should stop until on_drained,
 * which comes when no more than the low mark is left. */
#define CONN_HIGH_WATER (256 * KIB)
#define CONN_LOW_WATER  (64 * KIB)

/* Events of a byte stream. A table, not four pointers, so that a conn costs one word for it. */
struct conn_events {
    void (*on_open)(void *owner); /* a dial succeeded; never for accepted conns */
    void (*on_bytes)(void *owner, struct span bytes);
    void (*on_drained)(void *owner);
    void (*on_closed)(void *owner, enum status why);
};

/* One TCP or Unix stream. The implementation embeds this as its first member and owns it. */
struct conn {
    struct net *net;
    const struct conn_events *events;
    void *owner;
};

enum close_how {
    CLOSE_NOW,   /* queued bytes are dropped */
    CLOSE_FLUSH, /* reads no more; sends what is queued, for at most CLOSE_FLUSH_MS, then closes */
    CLOSE_RESET, /* as NOW, and the peer sees a reset */
};
#define CLOSE_FLUSH_MS SECONDS(2)

struct dial_options {
    int64_t keep_alive_seconds; /* 0: off */
    msec user_timeout_ms;       /* TCP_USER_TIMEOUT; 0: the system's */
};

/* A listener accepts until it is closed. */
struct listener {
    struct net *net;
    /* A new conn, to be given its events by conn_attach within the call, or closed. */
    void (*on_accept)(void *owner, struct conn *conn, const struct address *peer);
    void *owner;
};

struct listen_options {
    int unix_mode;              /* permission bits of a Unix socket */
    int64_t keep_alive_seconds; /* of accepted TCP conns; 0: off */
};

/* What comes back for a datagram. */
struct datagram_events {
    void (*on_datagram)(void *owner,
                        struct span bytes);          /* lent for the call; any number of times */
    void (*on_failed)(void *owner, enum status why); /* nothing comes any more; not closed yet */
};

struct peer_process {
    uint32_t id;
    uint32_t user;
};

enum watch_kind { WATCH_SIGNAL, WATCH_FILE, WATCH_READABLE };

struct spawn_request {
    char *const *argv;
    struct span input; /* written to standard input, which is then closed */
    msec timeout_ms;   /* the process is killed when this passes */
};

struct net_ops {
    msec (*now)(struct net *net);
    int64_t (*wall)(struct net *net);
    void (*random)(struct net *net, void *out, size_t size);
    void (*wake_at)(struct net *net, msec at);
    enum status (*listen)(struct net *net, const struct address *at,
                          const struct listen_options *options,
                          void (*on_accept)(void *owner, struct conn *conn,
                                            const struct address *peer),
                          void *owner, struct listener **out, struct error *why);
    void (*listener_address)(struct listener *listener, struct address *out);
    void (*listener_close)(struct listener *listener);
    struct conn *(*dial)(struct net *net, const struct address *to,
                         const struct dial_options *options, const struct conn_events *events,
                         void *owner);
    bool (*send)(struct conn *conn, const struct span *parts, size_t count);
    bool (*send_buf)(struct conn *conn, struct buf *bytes);
    byte_count (*queued)(const struct conn *conn);
    void (*local_address)(const struct conn *conn, struct address *out);
    bool (*peer_process)(const struct conn *conn, struct peer_process *out);
    void (*pause)(struct conn *conn);
    void (*resume)(struct conn *conn);
    void (*close)(struct conn *conn, enum close_how how);
    struct datagram *(*datagram)(struct net *net, const struct address *to, struct span bytes,
                                 const struct datagram_events *events, void *owner);
    void (*datagram_close)(struct datagram *datagram);
    void (*work)(struct net *net, void (*run)(void *job), void (*on_done)(void *job), void *job);
    void (*store)(struct net *net, const char *path, struct span bytes,
                  void (*on_done)(void *owner, enum status status), void *owner);
    struct watch *(*watch)(struct net *net, enum watch_kind kind, int number, const char *path,
                           void (*on_event)(void *owner), void *owner);
    void (*watch_close)(struct watch *watch);
    void (*spawn)(struct net *net, const struct spawn_request *request,
                  void (*on_done)(void *owner, enum status status, int exit_code), void *owner);
};

/* The world. The implementation embeds this as its first member. */
struct net {
    const struct net_ops *ops;
    struct deadline_heap deadlines;
    struct chunk_pool chunks;
};

/* Sets up the common part: `buffer_bytes` bounds all queued bytes of the process. */
void net_init(struct net *net, const struct net_ops *ops, byte_count buffer_bytes);

/* Everything must have been closed by now (required). */
void net_clear(struct net *net);

/* Milliseconds of a clock that never goes back; constant during an event. */
static inline msec net_now(struct net *net)
{
    return net->ops->now(net);
}

/* Milliseconds since 1970 by the clock that people set: it jumps, both ways, and may be wrong by
 * years. For dates that are written or read, never for waiting. */
static inline int64_t net_wall(struct net *net)
{
    return net->ops->wall(net);
}

/* `size` unpredictable bytes. */
static inline void net_random(struct net *net, void *out, size_t size)
{
    net->ops->random(net, out, size);
}

/* `d->passed` is called once, at `at` or as soon after as the loop allows; MSEC_NEVER takes it
 * back. */
void net_set_deadline(struct net *net, struct deadline *d, msec at);
void net_clear_deadline(struct net *net, struct deadline *d);

/* For implementations: fires what is due and arms the timer for what comes next. */
void net_run_deadlines(struct net *net);

/* Listens at once; on failure `why` names the address and the remedy (ADDRESS_IN_USE,
 * ADDRESS_UNAVAILABLE, PERMISSION_DENIED, IO_FAILED). Port 0 takes a free one. */
enum status
net_listen(struct net *net, const struct address *at, const struct listen_options *options,
           void (*on_accept)(void *owner, struct conn *conn, const struct address *peer),
           void *owner, struct listener **out, struct error *why)
    __attribute__((warn_unused_result));

/* The address it really has (the port that 0 became). */
void listener_address(struct listener *listener, struct address *out);

/* No on_accept comes any more; the pointer is dead. */
void listener_close(struct listener *listener);

/* Starts a connection; never NULL. on_open or on_closed follows, also when the failure is known at
 * once. There is no time limit inside: the caller closes when its own deadline passes. */
struct conn *net_dial(struct net *net, const struct address *to, const struct dial_options *options,
                      const struct conn_events *events, void *owner);

/* Gives an accepted conn its events; before that nothing is read. */
static inline void conn_attach(struct conn *conn, const struct conn_events *events, void *owner)
{
    conn->events = events;
    conn->owner = owner;
}

/* Sends copies of the parts, in order. Bytes leave when the turn of the loop ends, gathered with
 * what else was sent in it. True when the queue is now above high water. */
bool conn_send(struct conn *conn, const struct span *parts, size_t count);

/* As conn_send, taking the chunks of `bytes` (of the net's own pool) instead of copying; empties
 * it. */
bool conn_send_buf(struct conn *conn, struct buf *bytes);

/* Bytes taken by conn_send that the operating system has not got yet. */
byte_count conn_queued(const struct conn *conn);

/* Where the dialler of an accepted conn reached us: of a listener at 0.0.0.0 the address that it
 * really took; of a Unix socket its path. A system call. */
void conn_local_address(const struct conn *conn, struct address *out);

/* Who dialled a Unix socket; false of any other conn, and where the system does not say, or not in
 * terms of ours (a process of another container). A system call. */
bool conn_peer_process(const struct conn *conn, struct peer_process *out);

/* No on_bytes until conn_resume; what the peer sends waits in the kernel. Both idempotent.
 * on_closed may still come. Note that a peer's closing is noticed only while reading. */
void conn_pause(struct conn *conn);
void conn_resume(struct conn *conn);

/* Ends the conn; on_closed(CLOSED_BY_US, or an error noticed earlier) follows in a later turn.
 * After this no on_open, on_bytes or on_drained comes. A later call may only make it faster (FLUSH,
 * then NOW). */
void conn_close(struct conn *conn, enum close_how how);

/* Sends one datagram (copied) to an IPv4 or IPv6 address, from a port of its own that nobody can
 * foresee, and listens there for what that address, and no other, sends back; never NULL. A closed
 * port is told where the network says so (REFUSED), and so is a datagram that cannot be sent. That
 * nothing comes is not told: the caller keeps its own time. */
struct datagram *net_datagram(struct net *net, const struct address *to, struct span bytes,
                              const struct datagram_events *events, void *owner);

/* No event comes any more; the pointer is dead. Allowed inside of its events. */
void datagram_close(struct datagram *datagram);

/* Runs `run(job)` on another thread and then `on_done(job)` in the loop, always, in a later turn.
 * `job` must live until then and nobody else may touch what `run` uses. */
void net_work(struct net *net, void (*run)(void *job), void (*on_done)(void *job), void *job);

/* Replaces the file atomically (0600, written beside it, synced, renamed); copies the bytes. */
void net_store(struct net *net, const char *path, struct span bytes,
               void (*on_done)(void *owner, enum status status), void *owner);

/* on_event whenever signal `number` arrives (WATCH_SIGNAL), the file `path` changes (WATCH_FILE),
 * or descriptor `number` is readable (WATCH_READABLE; the caller owns the descriptor). NULL when
 * the file or descriptor cannot be watched. */
struct watch *net_watch(struct net *net, enum watch_kind kind, int number, const char *path,
                        void (*on_event)(void *owner), void *owner);
void net_watch_close(struct watch *watch);

/* Runs a program; on_done once, when it ended (OK and its exit code), was killed at the time limit
 * (TIMED_OUT) or could not be started (FILE_FAILED). */
void net_spawn(struct net *net, const struct spawn_request *request,
               void (*on_done)(void *owner, enum status status, int exit_code), void *owner);

#endif
