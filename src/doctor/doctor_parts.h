/* What the probes of one walk share. For them alone.
 *
 * A probe owes the doctor: it is in one of the lists from its beginning to its end; it has a
 * deadline of its own, no later than `doctor_limit`; `…_cut` ends it early (in a later turn, noting
 * what is under way as CLOSED_BY_US); as its last act it leaves its list and calls doctor_advance.
 * What is noted in the examination stays there: facts are only added to. */
#ifndef DOCTOR_DOCTOR_PARTS_H
#define DOCTOR_DOCTOR_PARTS_H

#include "base/list.h"
#include "core/auth/login.h"
#include "core/wire/talk.h"
#include "doctor/doctor.h"
#include "names/candidates.h"
#include "names/names.h"
#include "net/stream.h"
#include "net/tunnel.h"

/* Resolvers of the fallback list that are asked for comparison. */
enum { FALLBACKS_MOST = 6 };

/* Logins at most: a wrong password is not tried on every node of a large cluster. */
enum { DOCTOR_LOGINS_MOST = 8 };

struct doctor {
    struct net *net;
    const struct settings *settings;
    struct examination *facts;
    struct tls_config *tls;
    struct doctor_options options;
    struct tunnel_proxy proxy; /* that all dials to nodes go through, when one is used */
    struct names *names;
    struct names_request *seeds; /* under way */
    struct login_keys *keys;
    struct list nodes;       /* node_probe */
    struct list listeners;   /* listener_probe */
    struct list sides;       /* side_probe */
    struct list questions;   /* question_probe: those that are waited for, and */
    struct list comparisons; /* those that tell causes apart when something has failed */
    struct candidates *candidates;
    struct resolver fallbacks[FALLBACKS_MOST];
    size_t fallback_count;
    struct tls_config *dns_tls; /* NULL: no resolver over TLS can be asked */
    size_t jobs;                /* on the other thread, whose probe may be gone */
    size_t logins;
    int32_t last_request_id;
    msec began;
    struct deadline deadline;
    bool has_begun;
    bool is_waiting; /* for side probes alone */
    bool is_ending;
    void (*on_done)(void *owner);
    void *owner;
};

/* `now` and doctor.timeoutMS, or the end of the whole walk when that is earlier. */
msec doctor_limit(const struct doctor *d);

/* Something has ended: goes on with what that was waited for. */
void doctor_advance(struct doctor *d);

/* A step was taken. */
void doctor_progress(struct doctor *d);

/* Examines the node too, when it is new. */
void doctor_add_node(struct doctor *d, const char *name, enum node_source source);

/* --- probes; each _open gives the facts' place --- */

/* The seed list, when there is one to be looked up; else the hosts of the connection string. */
void probe_seeds_open(struct doctor *d);
void probe_seeds_cut(struct doctor *d);

/* From the node's addresses to what it says of its load. */
struct node_probe;
void node_probe_open(struct doctor *d, struct node_fact *fact);
void node_probe_cut(struct node_probe *p);
struct node_probe *node_probe_of(struct list *link);

/* One address of listen.addresses, or its twin of the other loopback family. */
struct listener_probe;
void listener_probes_open(struct doctor *d);
void listener_probe_cut(struct listener_probe *p);
struct listener_probe *listener_probe_of(struct list *link);

/* What each resolver says, one by one: of the seed list, and of nodes as they become known. */
struct question_probe;
void resolvers_open(struct doctor *d);
void resolvers_close(struct doctor *d); /* with the doctor */
void question_probes_open(struct doctor *d);
void question_probes_of_node(struct doctor *d, const struct node_fact *n);
void question_probe_cut(struct question_probe *p);
struct question_probe *question_probe_of(struct list *link);

/* Targets that are no part of the cluster. */
struct side_probe;
void side_probes_open(struct doctor *d);
void side_probe_cut(struct side_probe *p);
struct side_probe *side_probe_of(struct list *link);

/* --- what they have in common --- */

/* Sends a question over the stream; the reply's bytes go to talk_on_bytes. */
void probe_ask(struct doctor *d, struct talk *t, struct stream *s, const bson_t *command);

/* `{NAME: 1, $db: "admin"}` */
void probe_write_command(bson_t *command, const char *name);

/* Reads ok, code, codeName and errmsg. */
void probe_read_reply(struct reply_fact *fact, const bson_t *reply, msec took);

#endif
