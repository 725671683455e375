/* Stage 12: what is full, here and there. */
#include <inttypes.h>

#include "doctor/judge.h"

enum {
    LIMIT_LEAST = 100,       /* connections: what says less does not know (Atlas: 500) */
    LEFT_LEAST = 10,         /* Atlas keeps some for itself */
    LEFT_PERCENT = 5,        /* of all */
    SHARED_LIMIT = 500,      /* M0, M2, M5, Flex */
    DESCRIPTORS_BESIDES = 64 /* of the program itself */
};

static void judge_load(const struct node_fact *n, struct diagnosis *d)
{
    int64_t limit = n->connections + n->connections_left;
    if (!n->has_load || limit < LIMIT_LEAST ||
        (n->connections_left >= LEFT_LEAST && n->connections_left * 100 >= limit * LEFT_PERCENT)) {
        return;
    }
    struct finding *f = diagnosis_add(d, limit == SHARED_LIMIT ? FINDING_LIM_03 : FINDING_LIM_01,
                                      SEVERITY_DEGRADED, CONFIDENCE_CERTAIN);
    finding_note(f, "host", "%s", n->name);
    finding_note(f, "count", "%" PRId64, n->connections);
    finding_note(f, "limit", "%" PRId64, limit);
}

/* Clients, and pools with their monitors to each node. */
static void judge_descriptors(const struct examination *e, struct diagnosis *d)
{
    const struct settings *s = e->settings;
    uint64_t nodes = e->node_count == 0 ? 1 : e->node_count;
    uint64_t needed = nodes * (uint64_t)(s->pool.max_pool_size + 2) + DESCRIPTORS_BESIDES;
    uint64_t most = e->machine.open_files_most;
    if (most == 0 || most >= needed) {
        return;
    }
    struct finding *f = diagnosis_add(d, FINDING_LIM_08, SEVERITY_DEGRADED, CONFIDENCE_CERTAIN);
    finding_note(f, "limit", "%" PRIu64 " of the %" PRIu64 " that it needs", most, needed);
}

/* What the settings allow, times the replicas, against what the tier admits: not now, but one day.
 */
static void judge_budget(const struct examination *e, struct diagnosis *d)
{
    const struct budget *b = &e->budget;
    const struct budget_tier *tier = e->plan.tier;
    if (!e->has_budget) {
        return;
    }
    if (b->is_over_hard || b->is_over_room) {
        bool is_shared = tier->limit <= SHARED_LIMIT;
        struct finding *f =
            diagnosis_add(d, is_shared ? FINDING_LIM_03 : FINDING_LIM_01, SEVERITY_DEGRADED,
                          b->is_over_hard ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY);
        finding_note(f, "tier", "%s", tier->name);
        finding_note(f, "count", "up to %" PRId64 " (when all pools are full)", b->per_node);
        finding_note(f, "limit", "%" PRId64, tier->limit);
        finding_note(f, "planned for", "%" PRId64, b->room);
        finding_note(f, "pool.maxPoolSize that fits", "%" PRId64, b->pool_most);
        finding_note(f, "replicas that fit", "%" PRId64, b->replicas_most);
    }
    if (b->is_over_rate || b->is_slow_start) {
        struct finding *f = diagnosis_add(d, FINDING_LIM_02, SEVERITY_DEGRADED, CONFIDENCE_CERTAIN);
        finding_note(f, "tier", "%s", tier->name);
        finding_note(f, "rate", "%" PRId64, tier->rate);
        finding_note(f, "opened", "%" PRId64 " a second", b->rate);
        finding_note(f, "at the start", "%" PRId64 " in %" PRId64 " s", b->start, b->start_seconds);
    }
}

void judge_limits(const struct examination *e, struct diagnosis *d)
{
    for (size_t i = 0; i < e->node_count; i++) {
        judge_load(e->nodes[i], d);
    }
    judge_descriptors(e, d);
    judge_budget(e, d);
}
