/* One connection to a server while it comes up: its name, addresses in turn, the outbound proxy,
 * TLS.
 *
 * Addresses are tried in the order of places.h and as RFC 8305 says: the next one starts when the
 * last has failed, or after a quarter of a second without a result; the first that opens wins and
 * the rest are closed. The
 * owner (a backend or a monitor) embeds the link, gets the events of a conn, and frees itself in
 * on_closed. The link sets no limit of time as a whole: its owner does. */
#ifndef PROXY_LINK_H
#define PROXY_LINK_H

#include "base/list.h"
#include "core/wire/talk.h"
#include "net/stream.h"
#include "net/tunnel.h"
#include "names/names.h"
#include "proxy/places.h"

enum { LINK_ADDRESSES_MOST = 8, LINK_STAGGER_MS = 250 };

/* The outbound proxy that all dials go through, when there is one. */
struct outbound {
    struct tunnel_proxy server;
    struct places places; /* of its host */
};

/* Everything pointed at is lent until on_open or on_closed. */
struct link_plan {
    struct names *names;
    struct places *places; /* of `host`; kept by its node for all links to it */
    const char *host;
    uint16_t port;
    struct dial_options options;
    struct stream_security security;
    struct outbound *proxy; /* NULL or not used: straight to the host */
};

struct link {
    struct stream stream; /* in use once an address has opened */
    struct net *net;
    const struct conn_events *events;
    void *owner;
    struct link_plan plan;
    struct names_request *lookup; /* under way */
    struct address addresses[LINK_ADDRESSES_MOST];
    size_t address_count;
    size_t next_address;
    struct list attempts;
    struct address at;        /* that has opened; ADDRESS_NONE: none yet */
    struct conn *tunnel_conn; /* open to the outbound proxy, not yet through it */
    struct tunnel *tunnel;
    struct deadline next_try; /* stagger; after link_close, the turn in which on_closed comes */
    struct error why;         /* of the last attempt that failed */
    bool streaming;           /* the stream has taken over */
    bool closing;
};

/* Starts; on_open or on_closed follows in a later turn. The plan is copied. */
void link_open(struct link *l, struct net *net, const struct link_plan *plan,
               const struct conn_events *events, void *owner);

/* True when above high water; only after on_open. */
static inline bool link_send(struct link *l, const struct span *parts, size_t count)
{
    return stream_send(&l->stream, parts, count);
}

/* Sends a question of ours; its reply's bytes go to talk_on_bytes. Only after on_open. */
void link_ask(struct link *l, struct talk *t, int32_t request_id, const bson_t *command);

/* At any stage, any number of times; on_closed follows in a later turn. */
void link_close(struct link *l, enum close_how how);

/* The connection failed, before or after on_open: the next link prefers another address. The name
 * may mean another one by now, too, and is looked up again for it, whatever time to live is left
 * (but not within 5 s). */
void link_distrust(struct link *l);

/* The sentence behind on_closed's status: which address said what. Empty when there is none. */
const char *link_why(const struct link *l);

#endif
