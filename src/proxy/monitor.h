/* Heartbeats to one server: a connection of its own that never logs in (SDAM).
 *
 * Its node owns it. One check at a time: hello, every upstream.heartbeatFrequencyMS, counted from
 * the end of the last; sooner when asked, but not within MONITOR_LEAST_MS of it. */
#ifndef PROXY_MONITOR_H
#define PROXY_MONITOR_H

#include <stdbool.h>

#include "base/units.h"

struct monitor;
struct node;

/* SDAM: minHeartbeatFrequencyMS. Also the pace while operations wait for a server. */
#define MONITOR_LEAST_MS ((msec)500)

/* The first check begins in the next turn. */
struct monitor *monitor_open(struct node *node);

/* No check comes any more; node->monitor is set to NULL and node_settle called when it is gone. */
void monitor_close(struct monitor *m);

/* Wants a check soon; `at_once` without regard to the last one. */
void monitor_hurry(struct monitor *m, bool at_once);

#endif
