/* One server as the shell sees it: its pool, its backends, its monitor.
 *
 * The cluster owns it, from the moment the topology adds the server until it has removed it and the
 * last backend and the monitor have gone. */
#ifndef PROXY_NODE_H
#define PROXY_NODE_H

#include "base/list.h"
#include "core/auth/login.h"
#include "core/pool/pool.h"
#include "core/topology/server.h"
#include "net/net.h"
#include "proxy/link.h"

struct backend;
struct cluster;
struct exchange;
struct monitor;
struct node_pins;
struct proxy;

/* Operations that found no free connection since that was told last. */
struct shortage {
    int64_t operations;
    msec waited; /* the longest */
    msec told_at;
};

struct node {
    struct list link; /* in the cluster */
    struct proxy *proxy;
    struct cluster *cluster;
    uint32_t id; /* the topology's */
    char *name;  /* "host:port" */
    char *host;  /* verified in certificates, and SNI */
    uint16_t port;
    struct pool *pool;
    struct backend **backends; /* by the index of backend_id */
    size_t backend_count;
    struct monitor *monitor;   /* NULL: behind a load balancer, or ended */
    struct monitor *probe;     /* of round-trip times, while the monitor streams; NULL: none */
    struct node_pins *pinning; /* NULL: not a load balancer */
    struct tls_resume *resume;
    struct places places;             /* of `host` */
    struct deadline refresh;          /* of these: node_places.h */
    struct names_request *refreshing; /* under way */
    unsigned refreshes_failed;        /* in a row */
    struct deadline pool_deadline;
    struct error fault;       /* of the last dial when it was permanent; status OK: none */
    struct error why;         /* of the last failure */
    msec down_since;          /* that it cannot be reached was told then; 0: it can */
    msec expiry_told_at;      /* that its certificate ends soon; 0: never */
    struct shortage shortage; /* of pooled connections, not told yet */
    enum server_type role;    /* as its pool was told last */
    bool is_mongod;
    bool is_passive; /* no connections are kept warm: it never becomes primary */
    bool is_performing;
    bool is_removed;
};

struct node *node_new(struct cluster *cluster, uint32_t id, const char *address);

/* The topology removed it, or all ends: waiters are refused with `why`, everything closes. */
void node_close(struct node *node, enum status why);

/* Frees the node when it was closed and nothing of it is alive; the cluster is told. */
void node_settle(struct node *node);

/* --- for exchanges --- */

/* Queues for a backend; the answer comes by exchange_on_granted or exchange_on_refused, from the
 * next node_perform. `deadline`: MSEC_NEVER for none. */
struct waiter_id node_want(struct node *node, uint64_t exchange, enum pool_lane lane,
                           msec deadline);
/* The same for a getMore that waits for events: who was served longest ago goes first. */
struct waiter_id node_want_turn(struct node *node, uint64_t exchange, msec turn, msec deadline);
void node_unwant(struct node *node, struct waiter_id waiter);

/* Gives a backend back whose exchange has had its reply. */
void node_return(struct node *node, struct backend *backend, enum pool_outcome outcome);

/* An operation got no backend: its wait ended, or the queue was full. */
void node_on_shortage(struct node *node, enum status status, msec waited);

/* Ends what is under way on it: a server that answers nothing would let its exchanges wait on. */
void node_interrupt(struct node *node, enum status why);

/* Performs what the pool has decided, until it has nothing more. */
void node_perform(struct node *node);

/* False for a mongos: its errors need no rewriting. */
static inline bool node_is_mongod(const struct node *node)
{
    return node->is_mongod;
}

/* Whether it can be elected: only then pool.minPoolSize connections stand ready for that. */
void node_set_passive(struct node *node, bool is_passive);

/* Its faults may be cured: what waits out a back-off, or a fault that does not pass by itself, is
 * tried now. */
void node_try_anew(struct node *node);

/* --- for backends and the monitor --- */

/* Where and how to dial. Texts in it are lent by the node and the settings. */
void node_plan(struct node *node, struct link_plan *plan);

/* NULL when no login is wanted. */
struct login *node_new_login(struct node *node);

/* A link of a backend or monitor has opened: its certificate may end soon. */
void node_on_open(struct node *node, const struct link *link);

void node_on_backend_ready(struct node *node, struct backend *backend);

/* The backend's last event; the caller frees it and then calls node_settle. */
void node_on_backend_gone(struct node *node, struct backend *backend);

/* As hello says. When it is another, who waits for a backend chooses again: a write that was queued
 * for the primary must not go to what is a secondary now. */
void node_on_role(struct node *node, enum server_type role);

/* Known good, or not: the pool may dial, or hands its waiters back. */
void node_on_usable(struct node *node, bool is_usable);

/* "host:27017"; and the pool in one line. For messages. */
void node_print_name(const struct node *node, char *text, size_t size);
void node_print(const struct node *node, char *text, size_t size);

#endif
