/* How many connections a number of Mooring replicas may open to a node of an Atlas cluster, and how
 * fast: settings against the limits that Atlas documents for each tier. Pure.
 *
 * The rule: replicas × (pool.maxPoolSize + monitors), or pool.maxTotalConnections where that is
 * less, is to stay within four fifths of what the tier admits to a node, less the ten that Atlas
 * keeps for itself; so that a rolling deployment and a person with a shell still get in. M10 and
 * M20 admit 15 new connections a second to a node besides. */
#ifndef DOCTOR_BUDGET_H
#define DOCTOR_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget_tier {
    const char *name;
    int64_t limit;    /* connections to a node, or to a mongos */
    int64_t rate;     /* new ones a second to a node; 0: none is documented */
    const char *note; /* NULL: none */
};

/* By name, in any case; NULL when there is none of that name. */
const struct budget_tier *budget_tier_find(const char *name);

/* "M0, Flex, …": for messages. Static text. */
const char *budget_tier_names(void);

struct budget_plan {
    const struct budget_tier *tier;
    int64_t replicas; /* processes of Mooring, 1 or more */
    int64_t max_pool_size;
    int64_t monitors;              /* connections of a replica to a node beside its pool */
    int64_t max_total_connections; /* 0: no limit */
    int64_t min_pool_size;
    int64_t connects_per_second; /* 0: no limit */
    int64_t connect_burst;
};

struct budget {
    int64_t per_node;      /* connections to one node when all pools are full */
    int64_t room;          /* what the rule allows there */
    int64_t hard;          /* where the node begins to refuse */
    int64_t pool_most;     /* the largest pool.maxPoolSize that fits; 0: none does */
    int64_t replicas_most; /* the most replicas with these settings; 0: not even one */
    int64_t rate;          /* new connections a second to a node, by all replicas; -1: no limit */
    int64_t rate_most;     /* the largest pool.connectsPerSecond that fits; 0: none does */
    int64_t start;         /* new connections to a node when all replicas start at once, and */
    int64_t start_seconds; /* so long the tier takes to admit them; 0: no rate is documented */
    bool is_over_hard;
    bool is_over_room;
    bool is_over_rate;
    bool is_slow_start; /* some of them would wait for longer than a connection may take */
};

/* `connect_timeout_ms`: how long a connection may take (upstream.connectTimeoutMS). */
struct budget budget_of(const struct budget_plan *plan, int64_t connect_timeout_ms);

#endif
