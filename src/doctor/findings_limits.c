/* LIM-01 to LIM-09: what is full, too fast, or too much. */
#include "doctor/findings_parts.h"

#define LAYER  "limits"
#define AT(id) [FINDING_##id - FINDING_LIM_01]

const struct finding_row finding_rows_lim[] = {
    AT(LIM_01) =
        {STAGE_LIMITS, SEVERITY_FATAL, LAYER,
         "The node is full: it has {count|all} of {limit|its} connections and hangs up on new ones "
         "at once.",
         "It is not DNS, not a certificate and not the password.",
         "Restart what leaks connections, and make pools smaller: pool.maxPoolSize, replicas.\n"
         "Test Failover in Atlas drops all connections to the primary.\n"
         "Or take a larger tier.",
         PAGE_ATLAS_LIMITS},
    AT(LIM_02) =
        {STAGE_LIMITS, SEVERITY_DEGRADED, LAYER,
         "Connections are opened faster than {tier|the tier} admits ({rate|15} a second to a node "
         "on M10 and M20).",
         "Single attempts succeed: it is neither the access list nor the password.",
         "Start replicas one after the other.\n"
         "Keep pool.connectsPerSecond × replicas below the rate, and pool.minPoolSize small.",
         PAGE_ATLAS_LIMITS},
    AT(LIM_03) =
        {STAGE_LIMITS, SEVERITY_FATAL, LAYER,
         "The free or Flex cluster has its {limit|500} connections, which all applications share.",
         "It is not DNS, not a certificate and not the password.",
         "Put Mooring in front of each application, or make pools smaller.\n"
         "Close shells and tools that are left open.",
         PAGE_ATLAS_LIMITS},
    AT(LIM_04) =
        {STAGE_LIMITS, SEVERITY_DEGRADED, LAYER,
         "All {limit|the} connections of the client's own pool are busy, and the wait for one "
         "ended.",
         "The cluster may be well: nothing was sent to it.",
         "Look for slow queries, open cursors and transactions that hold connections.\n"
         "Then make the pool larger, within the tier's limit.",
         PAGE_ATLAS_LIMITS},
    AT(LIM_05) = {STAGE_PING, SEVERITY_DEGRADED, "overload",
                  "The cluster is overloaded and turns work away ({code|462, 463 or 473}).",
                  "The connection is good; it is not the login.",
                  "Slow down, with pauses that grow; repeat only what is labelled RetryableError.\n"
                  "Upgrade to a driver that does so by itself, or the cluster.",
                  PAGE_OVERLOAD},
    AT(LIM_06) =
        {STAGE_PING, SEVERITY_DEGRADED, LAYER,
         "The free or Flex cluster slows down on purpose: it has its {limit|share of} operations "
         "a second or bytes a week.",
         "The network is not to blame.", "Ask less, keep answers, or take a larger tier.",
         PAGE_ATLAS_LIMITS},
    AT(LIM_07) = {STAGE_PING, SEVERITY_DEGRADED, LAYER,
                  "The cluster's storage is used up ({limit|512 MB on a free one}): reads work, "
                  "writes fail.",
                  "It is not the connection and not the user's rights.",
                  "Delete data or indexes, or take a larger tier.", PAGE_ATLAS_LIMITS},
    AT(LIM_08) = {STAGE_LOCAL, SEVERITY_FATAL, "this machine",
                  "The program may open no more files and sockets ({limit|its limit} is reached).",
                  "It is not the cluster.",
                  "Raise the limit: ulimit -n, LimitNOFILE= in systemd, nofile in Docker.\n"
                  "Look for connections that are never closed.",
                  NULL},
    AT(LIM_09) =
        {STAGE_LOCAL, SEVERITY_DEGRADED, "this machine",
         "Local ports, or those of the NAT gateway, are used up by too many short connections.",
         "It is not the cluster.",
         "Keep connections and reuse them: one client for each process, or Mooring between.\n"
         "Look at ip_local_port_range and at the gateway's figures.",
         NULL},
};
