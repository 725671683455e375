/* Heartbeats to one server: a connection of its own that never logs in (SDAM).
 *
 * Its node owns it. One check at a time. A server whose hello replies carry a topologyVersion is
 * asked to hold the next reply until something changes, at most for upstream.heartbeatFrequencyMS
 * (streaming); one that has none, or with upstream.serverMonitoringMode=poll, is asked every
 * upstream.heartbeatFrequencyMS, counted from the end of the last check; sooner when asked for.
 *
 * A held reply says nothing of the round-trip time: while it streams, a monitor has a second one,
 * the probe, that asks plainly. */
#ifndef PROXY_MONITOR_H
#define PROXY_MONITOR_H

#include <stdbool.h>

#include "base/units.h"

struct monitor;
struct node;

/* SDAM: minHeartbeatFrequencyMS. Also the pace while operations wait for a server. */
#define MONITOR_LEAST_MS ((msec)500)

enum monitor_hurry {
    MONITOR_SOON,    /* when MONITOR_LEAST_MS have passed since the last check */
    MONITOR_AT_ONCE, /* without regard to it, unless the connection broke right after it opened */
    MONITOR_ANEW     /* as SOON, and on a new connection: the one that stands may be dead too */
};

/* The first check begins in the next turn. */
struct monitor *monitor_open(struct node *node);

/* No check comes any more; node->monitor (or node->probe) is set to NULL and node_settle called
 * when it is gone. */
void monitor_close(struct monitor *m);

/* Where its connection stands, while there is one (else ADDRESS_NONE). */
const struct address *monitor_address(const struct monitor *m);

/* Wants a check. One that is under way is not doubled; while the server holds its reply, the probe
 * asks beside it. */
void monitor_hurry(struct monitor *m, enum monitor_hurry how);

#endif
