/* One application connection: frames its messages, runs one exchange at a time.
 *
 * The proxy owns it. It ends in its conn's on_closed, or, when unacknowledged writes that it had
 * sent completely are still to be delivered, when the last of them is. What comes while an exchange
 * is under way is kept up to PENDING_BYTES, then no longer read. */
#ifndef PROXY_CLIENT_H
#define PROXY_CLIENT_H

#include "base/list.h"
#include "base/sm.h"
#include "core/wire/frame.h"
#include "net/net.h"

struct app;
struct exchange;
struct proxy;

enum { PENDING_BYTES = 64 * 1024, REQUESTS_PER_TURN = 32 };

enum client_state { CLIENT_READY, CLIENT_BUSY, CLIENT_CLOSING, CLIENT_GONE };

struct client {
    struct list link; /* in the proxy's list */
    struct proxy *proxy;
    struct conn *conn; /* NULL once it said on_closed */
    struct exchange *exchange;
    struct app *app; /* NULL: none is kept */
    struct frame frame;
    struct buf pending; /* bytes that came while an exchange was under way */
    struct deadline deadline;
    struct sm state;
    uint32_t id;           /* from 1; what drivers and logs show */
    uint64_t identity;     /* whose it is, for what it leaves open; 0: nobody in particular */
    uint64_t origin;       /* of the address that it came from */
    uint32_t greeted_with; /* version of the hello values it was told; 0: no hello yet */
    bool has_metadata;     /* its first hello said who it is */
    bool in_transaction;   /* its last request belonged to an open one */
    bool paused;
    bool clogged; /* it leaves its replies unread: nothing more is begun for it */
    bool pumping;
    bool yields; /* its next requests are begun in another turn */
    int budget;  /* of requests to begin in this turn */
    bool closes_when_idle;
};

/* Takes the conn; closes it with a message when the limit of clients is reached. */
void client_open(struct proxy *proxy, struct conn *conn, const struct address *peer);

/* Ends it: what is queued for it is still sent (CLOSE_FLUSH). The reason goes to the log at debug.
 */
void client_close(struct client *c, enum status why, const char *text);

/* Ends it as soon as no exchange and no transaction is under way (drain, other hello values). */
void client_close_when_idle(struct client *c);

/* An exchange of this client has ended: the next request may begin. */
void client_on_exchange_ended(struct client *c);

/* Sends to it; its conn stands. True when it does not keep up: on_drained or its end follows. */
bool client_send(struct client *c, const struct span *parts, size_t count);
bool client_send_buf(struct client *c, struct buf *bytes);

/* The process ends: writes that it left behind are given up. Only for one whose conn is gone. */
void client_abandon(struct client *c);

/* Stops and starts reading, for the pace of the other side; idempotent. */
void client_pause(struct client *c);
void client_unpause(struct client *c);

/* "client 17" into `text`; returns it. */
const char *client_name(const struct client *c, char text[24]);

#endif
