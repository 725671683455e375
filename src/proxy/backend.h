/* One pooled connection to a server: dialled, secured, greeted, logged in; then idle or lent.
 *
 * Its node owns it and learns of each step by node_on_backend_…; it frees itself when its link says
 * on_closed. */
#ifndef PROXY_BACKEND_H
#define PROXY_BACKEND_H

#include "base/sm.h"
#include "core/auth/login.h"
#include "core/pool/pool.h"
#include "core/topology/server.h"
#include "proxy/link.h"
#include "core/wire/talk.h"

struct exchange;
struct login_job;
struct node;

enum backend_state {
    BACKEND_CONNECTING, /* addresses, outbound proxy, TLS */
    BACKEND_GREETING,   /* hello is out */
    BACKEND_PROVING,    /* the login */
    BACKEND_IDLE,
    BACKEND_CHECKING, /* pinged before reuse */
    BACKEND_LENT,
    BACKEND_CLOSING,
};

struct backend {
    struct link link;
    struct node *node;
    struct backend_id id;
    struct sm state;
    struct talk talk;
    struct frame frame; /* of replies to an exchange */
    struct login *login;
    struct login_job *job; /* key derivation on another thread; outlives the backend */
    struct exchange *exchange;
    struct list followers;               /* exchanges that must have this one: node_pins.h */
    uint8_t service_id[OBJECT_ID_BYTES]; /* behind a load balancer */
    struct deadline deadline;
    struct error why; /* of its end, when there is more to say than a status */
    uint32_t number;  /* for logs: "backend 4" */
    bool was_ready;
    bool is_permanent; /* its failure will not pass by itself */
    bool is_tainted;   /* bytes followed a reply: it serves no more */
};

struct backend *backend_open(struct node *node, struct backend_id id);

/* The one door out; node_on_backend_gone follows. The exchange has been taken away by then. */
void backend_close(struct backend *b, enum status why);

/* Ends it when it is lent, and tells its exchange. */
void backend_interrupt(struct backend *b, enum status why);

/* Pings it; node_on_backend_ready or node_on_backend_gone follows. */
void backend_check(struct backend *b);

void backend_lend(struct backend *b, struct exchange *x);
void backend_unlend(struct backend *b);

#endif
