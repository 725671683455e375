/* What the two files of the node probe share: probe_node.c (up to a connection that stands) and
 * probe_node_ask.c (what is said over it). */
#ifndef DOCTOR_PROBE_NODE_PARTS_H
#define DOCTOR_PROBE_NODE_PARTS_H

#include "base/sm.h"
#include "doctor/doctor_parts.h"

enum node_step {
    NODE_FINDING,
    NODE_DIALING,
    NODE_TUNNELLING,
    NODE_SECURING,
    NODE_PAUSING,
    NODE_GREETING,
    NODE_PROVING,
    NODE_PINGING,
    NODE_NAMING,
    NODE_WEIGHING,
    NODE_LEAVING,
};

struct node_dial {
    struct node_probe *probe;
    struct conn *conn; /* NULL: over, or the probe has it */
    bool is_again;     /* its fact stands already */
};

struct node_job;

struct node_probe {
    struct doctor *doctor;
    struct list link;
    struct node_fact *fact;
    struct sm state;
    struct names_request *lookup;
    struct node_dial dials[EXAMINED_ADDRESSES_MOST];
    size_t open_dials;
    size_t chosen; /* the dial that carries */
    struct tunnel *tunnel;
    struct conn *tunnel_conn;
    struct stream stream;
    bool is_streaming;
    struct talk talk;
    struct login *login;
    struct node_job *job;
    msec began; /* the step */
    struct deadline deadline;
};

msec node_since(const struct node_probe *p);

/* The next step, with a deadline of its own. */
void node_move(struct node_probe *p, enum node_step step);

/* The last step: closes what is open, then the probe is gone. */
void node_leave(struct node_probe *p);

/* probe_node_ask.c: the connection stands; bytes of the server; why the step under way failed. */
void node_greet(struct node_probe *p);
void node_on_bytes(struct node_probe *p, struct span bytes);
void node_fail_asking(struct node_probe *p, enum status status, const char *why);
void node_end_asking(struct node_probe *p);

#endif
