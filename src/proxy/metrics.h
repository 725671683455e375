/* What is counted: one row a metric, one call to count. The rows are also the documentation. */
#ifndef PROXY_METRICS_H
#define PROXY_METRICS_H

#include <stdint.h>

#include "proxy/events.h"

/*        name                  help                                                            */
#define METRIC_LIST(X)                                                                           \
    X(clients_accepted, "application connections accepted")                                      \
    X(clients_closed, "application connections ended")                                           \
    X(clients_rejected, "application connections refused because listen.maxClients was reached") \
    X(wrong_callers, "callers that spoke TLS, HTTP or another foreign protocol")                 \
    X(requests, "requests received")                                                             \
    X(answered_locally, "requests answered without the cluster")                                 \
    X(replies, "replies relayed")                                                                \
    X(errors_made, "error documents made by Mooring")                                            \
    X(unacknowledged_dropped, "unacknowledged writes that could not be delivered")               \
    X(repeated, "requests that Mooring sent a second time after a failure")                      \
    X(cursors_killed, "cursors that vanished clients had left open, ended for them")             \
    X(transactions_aborted, "transactions that vanished clients had left open, ended for them")  \
    X(abandoned, "requests whose client left before the reply")                                  \
    X(dials, "upstream connections begun")                                                       \
    X(dials_failed, "upstream connections that did not become ready")                            \
    X(backends_closed, "upstream connections ended")                                             \
    X(checks, "pooled connections checked before reuse")                                         \
    X(pool_waits, "requests that waited for a pooled connection")                                \
    X(app_waits, "requests that waited because their application had enough in progress")        \
    X(outage_waits, "requests that waited for a suitable server")                                \
    X(await_slices, "getMores for events sent with a shorter wait, because others wait too")     \
    X(await_answered, "getMores for events answered as empty, because no turn came")             \
    X(queue_refused, "requests refused because a wait ended or a queue was full")                \
    X(heartbeats, "checks of servers")                                                           \
    X(heartbeats_failed, "checks of servers that failed")                                        \
    X(primary_changes, "times that another server became primary")                               \
    X(event_hooks_run, "runs of events.hook")                                                    \
    X(event_hooks_failed, "runs of events.hook that failed or were ended")                       \
    X(events_dropped, "events that events.hook was not told, because its queue was full")

struct metrics {
#define METRIC_FIELD(name, help) uint64_t name;
    METRIC_LIST(METRIC_FIELD)
#undef METRIC_FIELD
    uint64_t events[EVENT_COUNT]; /* of each kind */
};

#define metrics_count(m, name) ((void)(m)->name++)

#endif
