/* One request and its reply: the central noun. Start reading in exchange.c.
 *
 * A client owns its exchange until it leaves; an exchange that outlives its client (a reply under
 * way is drained, an unacknowledged write is delivered) ends by itself. It borrows a backend and
 * gives it back. */
#ifndef PROXY_EXCHANGE_H
#define PROXY_EXCHANGE_H

#include <bson/bson.h>

#include "base/list.h"
#include "base/sm.h"
#include "core/pool/pool.h"
#include "core/wire/inspect.h"
#include "core/wire/reply.h"
#include "core/wire/reply_skim.h"
#include "net/net.h"

struct app;
struct backend;
struct client;
struct exchange_await;
struct node;
struct proxy;
struct tour;

/* Replies up to this size are held whole: they can still become an error document. */
#define HELD_REPLY_BYTES      (64 * KIB)
#define HELD_LIST_REPLY_BYTES (1 * MIB)

enum exchange_state {
    EXCHANGE_RECEIVING, /* the request comes in */
    EXCHANGE_GREETING,  /* a hello, held for the first contact with the cluster */
    EXCHANGE_ADMITTING, /* its application has as much in progress as it may */
    EXCHANGE_SELECTING, /* no suitable server is known: waits in the cluster */
    EXCHANGE_WAITING,   /* waits for a backend in a pool */
    EXCHANGE_SENDING,   /* has a backend; the request goes out as it comes in */
    EXCHANGE_RELAYING,  /* the request is out; the reply is awaited or passing through */
    EXCHANGE_DONE
};

struct exchange {
    struct list link; /* in the cluster's list of those that wait for a server or for contact */
    struct proxy *proxy;
    struct client *client; /* NULL: it left, or there was none */
    struct app *app;       /* that it counts for; NULL: none */
    struct node *node;     /* of the pool it waits in, or of its backend */
    struct backend *backend;
    struct sm state;
    struct deadline deadline;
    uint64_t identity; /* the client's: whose the cursors and transactions are that it opens */
    uint64_t id;       /* for the pool: place in the proxy's table and a tag */
    struct waiter_id waiter;
    msec arrived;
    msec patience;      /* the end of its wait for a server, when it is not the usual; 0: it is */
    msec pool_patience; /* the end of its wait in pools, from the first one on; 0: none yet */
    byte_count waiting_bytes; /* what the cluster's queue counts for it */

    struct message_head head;
    struct request_facts facts;
    struct inspect_stream *stream; /* of a request larger than limits.holdBytes */
    struct buf request;            /* what is held of it, header included */
    struct span flat;              /* `request` in one piece, when it was held whole */
    void *flat_owned;
    uint32_t received; /* bytes of the request, header included */
    bool is_held_whole;
    enum wire_fault fault; /* the rest of a malformed request is passed over */

    int32_t upstream_id; /* our request id; the reply must repeat it */
    struct reply_skim skim;
    struct message_head reply_head;
    struct buf reply; /* a small reply that came in pieces */
    uint32_t reply_received;
    bool reply_began; /* the client has got bytes of it */
    bool backend_paused;
    bool holds_room;     /* may pin its backend: exchange_pin.c */
    bool waits_for_room; /* in the node's list of those */
    bool is_bound;       /* only its node can serve it */
    bool is_admitted;    /* it counts as one in progress of its application */
    bool is_own;         /* a request of ours, for no client */
    size_t own_count;
    bool may_fall_back;  /* outage.readsFromSecondary, directConnection: a secondary will do while
                          * there is no primary
                          */
    bool was_sent_again; /* after a server wanted the login once more */

    struct tour *tour; /* a command that goes to several nodes; NULL: it does not */
    bool goes_on;      /* to the next of them */

    bool must_repeat; /* its first attempt failed in a way that lets it be repeated */
    bool was_repeated;
    uint32_t failed;    /* the node's id of that first attempt; 0: none */
    struct buf earlier; /* what the client gets when the second attempt does no better */

    struct exchange_await *await; /* a getMore that waits at the server; NULL: none */
};

/* A message of the client begins. */
struct exchange *exchange_begin(struct client *client, struct message_head head,
                                struct span head_bytes);

/* More of the request, and its end. The exchange may be gone after the end. */
void exchange_on_request_bytes(struct exchange *x, struct span bytes);
void exchange_on_request_end(struct exchange *x);

/* The client left; the exchange ends now or by itself. `by_itself`: we did not close it. */
void exchange_on_client_left(struct exchange *x, bool by_itself);

/* A request of ours to that node, which nobody waits for: vanished_on_own_ended follows, perhaps
 * within the call. `count`: what it ends, for the metrics. */
void exchange_begin_own(struct proxy *proxy, struct node *node, const bson_t *command,
                        size_t count);

/* The process ends: who waits, and has not been sent, is told so. The exchange may be gone. */
void exchange_on_shutdown(struct exchange *x);

/* The process ends: no reply is waited for. For exchanges without a client. */
void exchange_abandon(struct exchange *x);

/* The client is to leave as soon as it is between two requests: a wait for events ends now, when no
 * server has it at the moment. The exchange may be gone afterwards. */
void exchange_hurry(struct exchange *x);

/* The client's queue has room again. */
void exchange_on_client_drained(struct exchange *x);

/* --- by its application --- */

/* It may go on. */
void exchange_on_admitted(struct exchange *x);

/* --- by the cluster --- */

/* Something changed: look for a server again. */
void exchange_choose(struct exchange *x);

/* The same, when it has waited for room among the backends that may be pinned (node_pins.h). */
void exchange_choose_with_room(struct exchange *x);

/* Takes it out of that wait, or out of the one for a pinned backend. */
void exchange_unwait_pin(struct exchange *x);

/* The wait for a server ends without one. */
void exchange_refuse(struct exchange *x, enum status status);

/* The first contact is made, or waited for long enough: answer the hello. */
void exchange_answer_hello(struct exchange *x);

/* --- by the node --- */

void exchange_on_granted(struct exchange *x, struct backend *backend);
void exchange_on_refused(struct exchange *x, enum status status, msec waited);

/* --- by the backend --- */

/* A reply begins; false when it is not ours: the backend is then closed by its caller. */
bool exchange_on_reply_head(struct exchange *x, struct message_head head);

/* More of it; false when the server broke the protocol. */
bool exchange_on_reply_bytes(struct exchange *x, struct span bytes);

/* It is complete; the backend has been given back and the exchange is gone afterwards. */
void exchange_on_reply_end(struct exchange *x);

/* The backend's queue has room again. */
void exchange_on_backend_drained(struct exchange *x);

/* The backend is gone. */
void exchange_on_backend_lost(struct exchange *x, enum status why);

#endif
