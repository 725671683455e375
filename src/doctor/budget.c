#include "doctor/budget.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Of Atlas' own agents on each node; and the part of the rest that is planned for. */
enum { KEPT_BY_ATLAS = 10, PLANNED_TENTHS = 8 };

/* Atlas documentation, "Service Limits" and the pages of the free and Flex tiers, 2026. Where
 * providers differ, the least of the general classes. */
static const struct budget_tier tiers[] = {
    {"M0", 500, 0, "100 operations a second at most"},
    {"Flex", 500, 0, "500 operations a second at most"},
    {"M2", 500, 0, "no longer offered"},
    {"M5", 500, 0, "no longer offered"},
    {"M10", 1500, 15, NULL},
    {"M20", 3000, 15, NULL},
    {"M30", 3000, 0, NULL},
    {"M40", 6000, 0, "4000 in the Low-CPU class of AWS"},
    {"M50", 16000, 0, NULL},
    {"M60", 32000, 0, NULL},
    {"M80", 64000, 0, "96000 in the general class of AWS"},
    {"M140", 96000, 0, NULL},
    {"M200", 128000, 0, NULL},
    {"M300", 128000, 0, NULL},
    {"M400", 128000, 0, NULL},
    {"M600", 128000, 0, NULL},
    {"M700", 128000, 0, NULL},
};

enum { TIERS = sizeof tiers / sizeof *tiers };

const struct budget_tier *budget_tier_find(const char *name)
{
    for (size_t i = 0; i < TIERS; i++) {
        if (strcasecmp(tiers[i].name, name) == 0) {
            return &tiers[i];
        }
    }
    return NULL;
}

const char *budget_tier_names(void)
{
    static char text[128];
    text[0] = '\0';
    for (size_t i = 0; i < TIERS; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? "" : ", ", tiers[i].name);
    }
    return text;
}

static int64_t less_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Of one replica to one node; all of its connections may be to the same one. */
static int64_t share_of_replica(const struct budget_plan *plan)
{
    int64_t most = plan->max_pool_size + plan->monitors;
    return plan->max_total_connections > 0 ? less_of(most, plan->max_total_connections) : most;
}

static void judge_rate(const struct budget_plan *plan, int64_t connect_timeout_ms, struct budget *b)
{
    int64_t rate = plan->tier->rate;
    int64_t warm = less_of(plan->min_pool_size, plan->connect_burst);
    b->rate = plan->connects_per_second == 0 ? -1 : plan->replicas * plan->connects_per_second;
    b->start = plan->replicas * (warm + plan->monitors);
    if (rate == 0) {
        return;
    }
    b->rate_most = rate / plan->replicas;
    b->start_seconds = (b->start + rate - 1) / rate;
    b->is_over_rate = b->rate < 0 || b->rate > rate;
    b->is_slow_start = b->start_seconds * 1000 > connect_timeout_ms;
}

struct budget budget_of(const struct budget_plan *plan, int64_t connect_timeout_ms)
{
    struct budget b = {.hard = plan->tier->limit - KEPT_BY_ATLAS};
    int64_t share = share_of_replica(plan);
    b.room = b.hard * PLANNED_TENTHS / 10;
    b.per_node = plan->replicas * share;
    b.is_over_hard = b.per_node > b.hard;
    b.is_over_room = b.per_node > b.room;
    b.replicas_most = b.room / share;
    b.pool_most = b.room / plan->replicas - plan->monitors;
    b.pool_most = b.pool_most < 0 ? 0 : b.pool_most;
    judge_rate(plan, connect_timeout_ms, &b);
    return b;
}
