/* A scripted replica set, a standalone, or mongoses, in the simulated net: they answer hello and
 * simple commands, step down, hang, die, come back.
 *
 * Every reply repeats the request's `token` and `maxTimeMS` and says who gave it (`node`). A
 * request may ask for more by fields of its own: `delay` (ms until the reply), `bytes` (of padding
 * in the reply), `more` (further batches that a cursor gives, after any command), `ns` (the
 * cursor's), `tokened` (it shows the token of a change stream), `lock` (the one document that can
 * be locked: held by a transaction to its end, waited for by all others), `hears` (of which kind of
 * events a change stream or awaitData cursor tells; 0 by default).
 *
 * Rules of real servers that it enforces: a write with a txnNumber is executed once, however often
 * it comes, writes go to the primary (10107), reads elsewhere need a $readPreference (13435), a
 * cursor is known where it was made (43), a transaction where it was begun (251; a mongos commits
 * by the recoveryToken what another one began), reads in it and linearizable ones are the
 * primary's, and maxTimeMS is for getMore of awaitData cursors alone (2). */
#ifndef SUPPORT_SIM_CLUSTER_H
#define SUPPORT_SIM_CLUSTER_H

#include "base/list.h"
#include "support/sim_net.h"
#include "support/sim_wire.h"

enum { SIM_NODES_MOST = 3, SIM_KINDS_MOST = 256 };

struct sim_cluster;
struct sim_server;

/* Fails commands of one name (NULL: all but hello) in a row. */
struct sim_failing {
    const char *command;
    int32_t code;
    const char *label; /* of the error; NULL: those that a server of 4.4 or later would give */
    size_t times;
    bool is_reset;    /* no reply at all: the conn is reset */
    bool is_executed; /* with is_reset: the command had been executed by then */
    bool is_cut;      /* executed, and the conn is reset in the middle of the reply */
};

/* What has happened to the command with a token. */
struct sim_fate {
    uint8_t attempts; /* how often a node got it */
    uint8_t executed;
    bool is_read; /* may be executed more than once */
    bool is_tour; /* may be asked of every node */
    bool awaits;  /* getMore for events: asked in slices */
};

struct sim_node {
    struct sim_cluster *cluster;
    int index;
    struct address at;
    char name[ADDRESS_TEXT_SIZE];
    struct listener *listener; /* NULL: dead */
    struct list servers;       /* one per conn */
    struct list waiting;       /* for the lock */
    struct list awaiting;      /* for events */
    struct list held;          /* hellos that wait for a change of state */
    struct list cursors;
    int64_t next_cursor; /* when they collide */
    struct list transactions;
    struct sim_server *maker; /* behind a load balancer: the conn that is served; only it knows the
                                 cursors and transactions that it made. Else NULL */
    bool is_primary;
    bool is_passive;  /* of priority 0 */
    bool is_unlisted; /* no hello names it: it has left the set */
    bool is_hanging;  /* takes all and answers nothing, hello neither */
    msec delay;       /* of each reply */
    int32_t max_wire;
    bool wants_preference; /* also a mongos: reads need a $readPreference */
    int64_t state_changes;
    uint8_t lock_owner[16]; /* lsid */
    bool is_locked;
    struct sim_failing failing;
    size_t wrong_ids; /* so many replies say that they answer another request */
    size_t doubled;   /* so many replies are sent twice */
    bool ends_logins; /* closes a conn as soon as its login is complete */
    bool is_old;      /* has no topologyVersion, hence cannot hold a hello */
    bool never_holds; /* answers every hello at once */
    bool is_restless; /* and its state has changed each time */

    size_t accepted; /* conns, ever */
    size_t hellos;
    size_t held_hellos; /* of these, asked to be held */
    size_t commands;    /* others, ever */
    size_t writes;      /* acknowledged or not */
    size_t commits;
    size_t own_kills; /* killCursors and abortTransaction that no application asked for */
    size_t own_aborts;
    size_t killings;    /* killCursors */
    size_t logins;      /* completed */
    size_t awaits;      /* getMores of awaitData cursors, ever */
    size_t awaits_most; /* that waited at once */
    msec least_await;   /* the shortest that one of them asked for; 0: none */
    size_t conns;       /* alive */
    size_t served;      /* alive conns that have had a command other than hello */
    size_t served_most; /* ever at once */
    msec last_accepted;
};

struct sim_cluster {
    struct sim *sim;
    struct net *net;
    struct sim_node nodes[SIM_NODES_MOST];
    size_t count;
    bool is_standalone;
    bool hides_service;   /* a server that no load balancer stands before */
    bool is_balanced;     /* one node: two services behind a load balancer, told apart by conn */
    bool is_sharded;      /* every node is a mongos */
    bool cursors_collide; /* the nodes give the same ids */
    int primary;          /* index; -1: none */
    int next_primary;
    int term;
    struct deadline election;
    int64_t next_cursor;
    int64_t events[SIM_KINDS_MOST]; /* that have happened, by kind */
    const char *user;               /* with SCRAM-SHA-256; NULL: no login is asked for */
    const char *password;
    char uri[300];
    struct sim_fate *fates; /* by token */
    size_t fate_room;
    struct list retryable; /* writes with a txnNumber that were executed: replicated at once */
};

/* One node makes a standalone, three a replica set whose first node is primary. Listening. */
struct sim_cluster *sim_cluster_new(struct sim *sim, size_t nodes);

/* Makes mongoses of one deployment of the nodes, before anybody has asked them. */
void sim_cluster_become_sharded(struct sim_cluster *c);

/* Closes all; sim_cluster_free when the world has run on. */
void sim_cluster_close(struct sim_cluster *c);
void sim_cluster_free(struct sim_cluster *c);

/* The primary steps down now; `next` is elected after `election` ms. */
void sim_cluster_step_down(struct sim_cluster *c, int next, msec election);

/* The node goes (its conns are reset; a primary leaves no successor) and comes back as it was,
 * secondary when another is primary by then. */
void sim_node_die(struct sim_node *n);
void sim_node_revive(struct sim_node *n);

/* All nodes; they come back with the first as primary. */
void sim_cluster_die(struct sim_cluster *c);
void sim_cluster_revive(struct sim_cluster *c);

/* Its state has changed, in what hello does not show otherwise too: held hellos are answered. */
void sim_node_change(struct sim_node *n);

/* It goes by other names now: held hellos fail with 303 SplitHorizonChange and their conns close.
 */
void sim_node_change_horizon(struct sim_node *n);

/* All its conns are reset; it goes on. */
void sim_node_reset(struct sim_node *n);

/* Opens a cursor of so many batches past the proxy; returns its id. */
int64_t sim_node_open_cursor(struct sim_node *n, int64_t batches);

/* An event of that kind happens, for all nodes. */
void sim_cluster_event(struct sim_cluster *c, int64_t kind);

/* How often a command with that token was executed, and how often it came to a node. */
size_t sim_cluster_executed(const struct sim_cluster *c, int64_t token);
size_t sim_cluster_attempts(const struct sim_cluster *c, int64_t token);

/* The token's fate, to be changed or looked at. */
struct sim_fate *sim_cluster_fate(struct sim_cluster *c, int64_t token);

/* The primary; NULL when there is none. */
struct sim_node *sim_cluster_primary(struct sim_cluster *c);

#endif
