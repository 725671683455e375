/* What the files of a cluster share: cluster.c (topology, nodes), cluster_seeds.c (whom it begins
 * with), cluster_refresh.c (the SRV record again and again), cluster_serve.c (what exchanges ask of
 * it), cluster_bound.c (which follow-up goes where), cluster_state.c (whether it serves, as events
 * tell it), cluster_hello.c (what hello says) and cluster_look.c (reports). Nobody else includes
 * this. */
#ifndef PROXY_CLUSTER_PARTS_H
#define PROXY_CLUSTER_PARTS_H

#include "core/pool/affinity.h"
#include "core/topology/topology.h"
#include "proxy/cluster.h"
#include "names/names.h"
#include "proxy/node.h"

enum cluster_state { CLUSTER_BEGINNING, CLUSTER_UP, CLUSTER_DOWN };

struct cluster {
    struct proxy *proxy;
    struct names *names;
    struct names_request *lookup; /* of the seeds, under way */
    struct topology *topology;    /* NULL until the seeds are known */
    struct affinity *affinity;
    struct list nodes;
    struct deadline retry; /* of the seeds, while there is no server; else: forgetting of cursors */
    struct deadline poll;  /* the next look at the SRV record */
    unsigned lookups_failed;
    msec looked_up_at;          /* the end of the last lookup */
    struct error refresh_fault; /* what was told of the last look; empty: all was well */
    unsigned refreshes_failed;  /* in a row */
    bool are_seeds_old; /* it began with the last good answer or with upstream.seeds, and no live
                           one has come since */
    struct error seeds_fault; /* the lookup failed for good; status OK: no */
    struct error wire_fault;  /* a server speaks no wire version of ours; status OK: no */
    struct error why;         /* the last cause of trouble */
    msec why_at;
    struct error told; /* the last fault that was logged as an error */
    enum cluster_state state;
    msec state_since;
    struct deadline give_up; /* reconnect.maxElapsedMS */
    struct error gave_up;    /* what operations are told since; status OK: not given up */
    char *last_primary;      /* by name; NULL: none was known yet */
    struct login_credentials credentials;
    char *auth_source; /* from the settings, TXT, or the rule for Atlas */

    struct list waiting; /* exchanges without a server */
    size_t waiting_count;
    byte_count waiting_bytes;
    struct list greeting; /* hellos held for the first contact */

    struct hello_values hello;
    uint32_t hello_version;
    uint32_t stored_version; /* of what is, or is being, written to listen.lastHelloFile */
    bool is_storing;
    bool store_failed;
    bool told_nameless;
    bool has_contact;
    bool has_backend; /* one has become ready, ever */
    bool is_balanced; /* by the URI or the TXT record */
    uint32_t primary;
    bool is_closing;
    bool is_performing;
    bool has_ended;
};

/* At the start, and when no server is left: from the seeds. */
void cluster_begin_anew(struct cluster *c);

/* With the database that knows the user: TXT's (NULL: it says none) where the settings have none.
 */
void cluster_set_credentials(struct cluster *c, const char *txt_source);

/* The SRV record is looked at again: now, when it is due, or as long after the answer that has just
 * come as its time to live says (negative: none came). */
void cluster_refresh_now(struct cluster *c);
void cluster_on_refresh_due(struct deadline *poll, msec now);
void cluster_plan_refresh(struct cluster *c, msec ttl);

/* Tells when the record names other servers than it did the last time. */
void cluster_tell_new_hosts(struct cluster *c, const struct names_seeds *found);

/* An operation waits and the seeds are not known: the next lookup comes soon. */
void cluster_hurry_seeds(struct cluster *c);

struct node *cluster_find_node(const struct cluster *c, uint32_t id);

/* All exchanges that wait look for a server again, in the order in which they came. */
void cluster_wake_waiting(struct cluster *c);

/* The set's name may be known by now: from the settings, TXT, or a server. */
void cluster_refresh_set_name(struct cluster *c);

/* Before cluster_open, and in it. */
void cluster_state_init(struct cluster *c);
void cluster_state_begin(struct cluster *c);

/* What is known of servers, faults or pooled connections has changed: tells it when operations find
 * a server now, or no longer. */
void cluster_refresh_state(struct cluster *c);

/* As cluster_fault, without the fault of having given up. */
const struct error *cluster_standing_fault(const struct cluster *c);

/* A node could not be reached: told once, until it answers; false: was told already. */
bool cluster_tell_node_down(struct cluster *c, struct node *node, const struct error *why);
void cluster_tell_node_up(struct cluster *c, struct node *node);
void cluster_tell_primary(struct cluster *c, const struct node *node);

/* A resolver of dns.fallback, or an old answer, had to help: an event. */
void cluster_on_names_news(void *cluster, const struct names_news *news);

/* The topology has changed: looks whether all its servers speak a wire version of ours. */
void cluster_check_wire(struct cluster *c);

/* What was told to applications last, until the first contact. */
void cluster_load_hello(struct cluster *c);

/* Takes over the limits of the servers that are known; answers held hellos at the first contact. */
void cluster_refresh_hello(struct cluster *c);

#endif
