/* What the files of the simulated cluster share: sim_cluster.c (nodes and their roles),
 * sim_server.c (conns and commands), sim_cursor.c, sim_await.c (cursors that wait for events),
 * sim_hello.c (what a node says of itself) and
 * sim_txn.c (transactions and the lock). */
#ifndef SUPPORT_SIM_SERVER_H
#define SUPPORT_SIM_SERVER_H

#include "support/sim_cluster.h"
#include "unit/core_auth/sasl_server.h"

/* One conn of a node. */
struct sim_server {
    struct list link;
    struct sim_node *node;
    struct conn *conn;
    struct sim_inbox inbox;
    struct list replies; /* not sent yet */
    struct sasl_server sasl;
    bool is_greeted;   /* through a load balancer: with loadBalanced: true */
    bool is_of_second; /* service, behind a load balancer */
    bool has_served;
    bool is_closing;
};

/* A reply to be sent when its time comes, or the lock is free. */
struct sim_reply {
    struct list link;    /* of the server */
    struct list waiting; /* for the node's lock, or for events */
    struct deadline due;
    struct sim_server *server;
    struct sim_message request;
    bool has_awaited;
};

struct sim_cursor {
    struct list link;
    int64_t id;
    int64_t left; /* batches */
    bool awaits;
    int64_t hears;
    int64_t seen; /* events of that kind */
    const struct sim_server *maker;
};

/* For the listener of a node. */
void sim_server_accept(void *owner, struct conn *conn, const struct address *peer);

void sim_server_close(struct sim_server *s, enum close_how how);

/* Whether the hello is one to be held, and for how long: until sim_node_change at most. */
bool sim_hello_is_held(struct sim_node *n, const bson_t *request, msec *most);

/* The reply to hello, the first step of a login included. */
void sim_hello_answer(struct sim_server *s, const bson_t *request, bson_t *reply);

/* An error document, with the node's version when it is of a change of state. */
void sim_error_append(const struct sim_node *n, bson_t *reply, int32_t code, const char *text);

/* The label that a server of 4.4 or later gives; NULL: none. */
const char *sim_label_of(const bson_t *request, int32_t code);
void sim_label_append(bson_t *reply, const char *label);

/* {processId, counter}: what makes a state older or newer. */
void sim_node_version(const struct sim_node *n, bson_t *reply);

/* --- behind a load balancer (sim_balanced.c); of all else these do nothing --- */

/* Load balancing: hello, not isMaster, with loadBalanced: true; the reply says which service it
 * is. False: the error stands in the reply. */
bool sim_balanced_greet(struct sim_server *s, const bson_t *request, bson_t *reply);

/* A command of that conn is executed: what it makes is known there alone. */
void sim_balanced_serve(struct sim_server *s);

/* The conn ends, and with it what it made. */
void sim_balanced_end(struct sim_server *s);
void sim_txn_forget_of(struct sim_node *n, const struct sim_server *maker);

/* Forgets transactions and the lock, as the end of a primary's time does. */
void sim_node_forget(struct sim_node *n);

/* find, getMore (false: the error stands in the reply) and killCursors, appending to the reply. */
void sim_cursor_find(struct sim_node *n, const bson_t *request, bson_t *reply);
bool sim_cursor_get_more(struct sim_node *n, const bson_t *request, bson_t *reply);
void sim_cursor_kill(struct sim_node *n, const bson_t *request, bson_t *reply);

/* The cursor that a getMore reads; NULL: not known here. */
struct sim_cursor *sim_cursor_of(struct sim_node *n, const bson_t *request);

/* As the find or aggregate that makes it says. */
void sim_await_begin(struct sim_node *n, struct sim_cursor *cursor, const bson_t *request);

/* Whether the getMore has to wait; its time is then the deadline of the reply. */
bool sim_await_must_wait(struct sim_reply *r);

/* The cursor of the reply: events, or none; and a resume token. */
void sim_await_reply(struct sim_node *n, struct sim_cursor *cursor, bson_t *reply);

/* False: the statement belongs to a transaction that was not begun here. */
bool sim_txn_join(struct sim_node *n, const bson_t *request);
void sim_txn_end(struct sim_node *n, const bson_t *request);
void sim_txn_forget(struct sim_node *n);

/* Whether the command is a write with a txnNumber (no transaction) that was executed before; it is
 * remembered from now on. */
bool sim_retryable_is_repeated(struct sim_cluster *c, const bson_t *request);
void sim_retryable_forget(struct sim_cluster *c);

/* Whether the lock that the command wants is another's. A transaction keeps it. */
bool sim_txn_must_wait(struct sim_node *n, const bson_t *request);

/* The lock is free: whoever waited is served. */
void sim_node_unlock(struct sim_node *n);

#endif
