/* The owner of everything behind us: names, topology, nodes, and the exchanges that wait for a
 * server.
 *
 * It performs what the topology decides; the story of a single request is in exchange.c. */
#ifndef PROXY_CLUSTER_H
#define PROXY_CLUSTER_H

#include <bson/bson.h>

#include "core/auth/login.h"
#include "core/pool/affinity.h"
#include "core/topology/select.h"
#include "core/wire/hello_reply.h"
#include "core/wire/inspect.h"
#include "core/wire/reply_skim.h"

struct backend;
struct cluster;
struct exchange;
struct names;
struct node;
struct proxy;

struct cluster *cluster_new(struct proxy *proxy);

/* Looks up the seeds and begins. */
void cluster_open(struct cluster *c);

/* Everything closes; waiting exchanges are refused as DRAINING. proxy_on_cluster_ended follows. */
void cluster_close(struct cluster *c);
void cluster_free(struct cluster *c);

/* --- for exchanges --- */

enum bound {
    BOUND_NOT, /* any suitable node can take it */
    BOUND_TO,  /* that one alone: it has the cursor, whatever its state, or the transaction */
    BOUND_LOST /* the node that had its transaction has gone or is down */
};

/* Whether it is a follow-up, and of which node. `owner`: the client's identity. */
enum bound cluster_find_bound(struct cluster *c, const struct request_facts *facts, uint64_t owner,
                              struct node **node);

/* What is known of a cursor that a request speaks of; NULL: nothing. Lent until the next reply. */
const struct known_cursor *cluster_find_cursor(const struct cluster *c, int64_t id,
                                               const struct request_facts *facts, uint64_t owner);

/* The node when it is there and its pool is up, else NULL. */
struct node *cluster_usable_node(const struct cluster *c, uint32_t id);

enum { CLUSTER_NODES_MOST = 256 };

/* The ids of all data-bearing nodes that can be asked now, the primary's first. */
size_t cluster_usable_nodes(const struct cluster *c, uint32_t ids[CLUSTER_NODES_MOST]);

/* How many there may be, those that are down included. */
size_t cluster_member_count(const struct cluster *c);

/* Whether a command may be asked of one node after the other: not through a load balancer. */
bool cluster_may_tour(const struct cluster *c);

/* What is known of the cursor that a getMore means (is it one of events?); NULL: nothing, or it is
 * no getMore. Lent until the next reply. */
const struct known_cursor *cluster_cursor(const struct cluster *c,
                                          const struct request_facts *facts, uint64_t owner);

struct cluster_wish {
    const struct request_facts *facts;
    uint32_t failed;    /* the node that a first attempt failed at, 0 for none: of several mongoses
                           another one is then preferred */
    bool may_fall_back; /* a secondary will do while no primary is known */
};

/* Server selection. FOUND: `*node` is the one, and its pool is up. */
enum select_outcome cluster_choose(struct cluster *c, const struct cluster_wish *wish,
                                   struct node **node, struct select_refusal *refusal);

/* Whether the node is of a replica set and not its primary, as far as is known now. */
bool cluster_lacks_primary(const struct cluster *c, const struct node *node);

/* Queues the exchange until something changes; false when the queue's bounds are reached. */
bool cluster_wait(struct cluster *c, struct exchange *x);

/* Queues a hello until the first contact. */
void cluster_wait_contact(struct cluster *c, struct exchange *x);

/* Takes it out of either queue. */
void cluster_unwait(struct cluster *c, struct exchange *x);

/* The last cause of trouble as a sentence; when there was none yet, what nobody has answered. */
const char *cluster_why(const struct cluster *c);

/* The catalogue's id for why operations find no server, as errors show it (" [TOPO-01]"); empty
 * when what is known does not say. Gives `text`. */
enum { CLUSTER_FINDING_SIZE = 16 };
const char *cluster_print_finding(const struct cluster *c, char text[CLUSTER_FINDING_SIZE]);

/* A fault that will not pass by itself (credentials, certificate, a wrong name) while nothing else
 * serves, or that of having given up; NULL: none. */
const struct error *cluster_fault(const struct cluster *c);

/* Given up or not: operations wait for a server again, for reconnect.maxElapsedMS from now, and all
 * servers are looked at. Nothing while all is well. */
void cluster_rearm(struct cluster *c);

/* Whether an attempt to reach any server has ended without success already. */
bool cluster_has_failed(const struct cluster *c);

/* Whether a data-bearing server has been seen; hello values are then the real ones. */
bool cluster_has_contact(const struct cluster *c);
const struct hello_values *cluster_hello_values(const struct cluster *c);

/* Why the presentation that the settings ask for cannot be shown, as a sentence; NULL: it is. */
const char *cluster_presentation_fault(const struct cluster *c);

/* A hello is answered although the set's name is not known. */
void cluster_on_nameless_hello(struct cluster *c);

/* Grows whenever the values change; from 1. */
uint32_t cluster_hello_version(const struct cluster *c);

/* A statement of a transaction goes to that node. */
void cluster_note_transaction(struct cluster *c, const struct request_facts *facts,
                              const struct node *node, uint64_t owner);

/* What replies teach: where cursors and transactions are; once all of the reply was seen, before
 * its last byte goes to the client. */
void cluster_on_reply(struct cluster *c, struct node *node, const struct request_facts *facts,
                      const struct reply_facts *reply, uint64_t owner);
void cluster_on_command_error(struct cluster *c, struct node *node, const struct backend *backend,
                              int32_t code, const struct reply_facts *reply);

/* A backend died while it served. Not for a reply that did not come in time, which says nothing of
 * the server (SDAM). */
void cluster_on_network_error(struct cluster *c, struct node *node, const struct backend *backend,
                              enum status why);

/* --- for what vanished clients leave behind --- */

/* A request that ends something: one transaction, or cursors of one namespace. */
struct farewell {
    struct node *node;
    size_t count;
    bson_t command; /* the caller's to destroy */
};

/* Whether the owner has anything open. */
bool cluster_owes_farewell(const struct cluster *c, uint64_t owner);

/* The next one, transactions first; what it ends is not known any more. False: there is nothing,
 * or nothing that can be ended (its node is gone). */
bool cluster_next_farewell(struct cluster *c, uint64_t owner, struct farewell *out);

/* --- for nodes and monitors --- */

struct proxy *cluster_proxy(const struct cluster *c);
struct names *cluster_names(const struct cluster *c);

/* NULL: no login. */
const struct login_credentials *cluster_credentials(const struct cluster *c);

/* Whether a fault that does not pass by itself is news: the same sentence from another node is not,
 * until a login has worked. */
bool cluster_is_news(struct cluster *c, const char *text);
void cluster_on_login(struct cluster *c);

/* Something failed: remembered as the last cause. */
void cluster_on_failure(struct cluster *c, const struct error *why);
void cluster_on_hello(struct cluster *c, struct node *node, const struct server_description *d,
                      msec rtt);
/* A load balancer's backend has said hello. */
void cluster_on_balanced_hello(struct cluster *c, const struct server_description *d);
void cluster_on_check_failed(struct cluster *c, struct node *node, const struct error *why);
void cluster_on_node_ended(struct cluster *c);

/* How many connections more this node may open, by pool.maxTotalConnections. */
void cluster_set_budget(struct cluster *c, struct node *node);

/* Whether all is behind one load balancer; its node, NULL while it is not known or none. */
bool cluster_is_balanced(const struct cluster *c);
struct node *cluster_balancer(const struct cluster *c);

/* Whether that limit allows one more for a probe: when it leaves each node one that serves beside
 * the two of its monitor. */
bool cluster_has_room(const struct cluster *c);

/* Whether the last word from the server was an answer to hello, and no error since. */
bool cluster_knows(const struct cluster *c, const struct node *node);

/* Whether an operation waits for a server: checks are then frequent. */
bool cluster_is_awaited(const struct cluster *c);

/* Performs what the topology has decided, until it has nothing more. */
void cluster_perform(struct cluster *c);

#endif
