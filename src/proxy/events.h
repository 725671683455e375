/* What happens to the connection to the cluster, for those who operate it: each event is a line of
 * the log, a count (struct metrics), and a run of events.hook where one is set.
 *
 * Who notices something tells it here, in the turn in which it happens; nothing comes back. The
 * texts are sentences of ours; what stands between "://" and "@" in them is hidden. */
#ifndef PROXY_EVENTS_H
#define PROXY_EVENTS_H

#include <stdbool.h>

#include "base/units.h"

/*    kind              name                    level  what happened, as the log says it */
#define EVENT_LIST(X)                                                                       \
    X(UPSTREAM_DOWN, "upstream.down", LOG_WARN, "operations find no suitable server")       \
    X(UPSTREAM_UP, "upstream.up", LOG_INFO, "operations are served")                        \
    X(UPSTREAM_GAVE_UP, "upstream.gave_up", LOG_ERROR, "given up: operations fail at once") \
    X(NODE_DOWN, "node.down", LOG_WARN, "cannot be reached")                                \
    X(NODE_UP, "node.up", LOG_INFO, "answers")                                              \
    X(PRIMARY_CHANGED, "primary.changed", LOG_INFO, "is the primary")                       \
    X(DNS_FALLBACK_USED, "dns.fallback_used", LOG_WARN, "found by a fallback resolver")     \
    X(DNS_STALE_USED, "dns.stale_used", LOG_INFO, "going by the last answer that was good") \
    X(CERT_EXPIRING, "cert.expiring", LOG_WARN, "its certificate ends soon")                \
    X(POOL_EXHAUSTED, "pool.exhausted", LOG_WARN, "no pooled connection was free for operations")

enum event_kind {
#define EVENT_ENUM(kind, name, level, text) EVENT_##kind,
    EVENT_LIST(EVENT_ENUM)
#undef EVENT_ENUM
        EVENT_COUNT
};

/* What is NULL or 0 is not told. Texts are lent for the call. */
struct event {
    enum event_kind kind;
    const char *scope;   /* "cluster" or "node" */
    const char *node;    /* "host:port" */
    const char *cause;   /* a sentence */
    const char *from;    /* primary.changed: the one before */
    const char *to;      /* primary.changed */
    const char *name;    /* dns.*: what was looked up */
    const char *source;  /* dns.*: who answered, or where the answer was kept */
    const char *finding; /* the doctor's id for the cause */
    msec downtime;
    msec began;         /* of net_now, when what is told began; told as a time of day */
    msec waited;        /* pool.exhausted: the longest wait since the last one told */
    msec age;           /* dns.stale_used: of the answer */
    int64_t operations; /* pool.exhausted: so many since the last one told */
    int64_t expires_at; /* cert.expiring: seconds since 1970 */
};

struct events;
struct proxy;

struct events *events_new(struct proxy *proxy);
void events_tell(struct events *events, const struct event *event);

/* "upstream.down". Static text. */
const char *event_name(enum event_kind kind);

/* Nothing is told any more; proxy_on_events_ended when events.hook has ended, perhaps within the
 * call, at the latest after events.hookTimeoutMS. */
void events_close(struct events *events);
void events_free(struct events *events);

#endif
