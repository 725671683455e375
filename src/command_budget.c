/* mooring check --tier M10 --replicas 40: the settings against what the cluster's tier admits. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "doctor/budget.h"

enum { REPLICAS_MOST = 1000000, MONITORS_STREAMING = 2 };

static bool read_replicas(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long number = text == NULL ? 1 : strtoll(text, &end, 10);
    if (text != NULL &&
        (errno != 0 || *text == '\0' || *end != '\0' || number < 1 || number > REPLICAS_MOST)) {
        fprintf(stderr, "error: --replicas: a number from 1 to %d is expected\n", REPLICAS_MOST);
        return false;
    }
    *out = number;
    return true;
}

bool commands_read_plan(const struct command_line *line, const struct settings *s,
                        struct budget_plan *plan)
{
    bool is_polling = s->upstream.server_monitoring_mode == MONITORING_POLL;
    *plan = (struct budget_plan){
        .max_pool_size = s->pool.max_pool_size,
        .monitors = s->upstream.load_balanced ? 0
                    : is_polling              ? 1
                                              : MONITORS_STREAMING,
        .max_total_connections = s->pool.max_total_connections,
        .min_pool_size = s->pool.min_pool_size,
        .connects_per_second = s->pool.connects_per_second,
        .connect_burst = s->pool.connect_burst,
    };
    if (line->tier == NULL) {
        fputs("error: --replicas wants the cluster's tier: --tier M10\n", stderr);
        return false;
    }
    plan->tier = budget_tier_find(line->tier);
    if (plan->tier == NULL) {
        fprintf(stderr, "error: --tier: there is no tier of that name; one of %s is expected\n",
                budget_tier_names());
        return false;
    }
    return read_replicas(line->replicas, &plan->replicas);
}

static void tell_room(const struct budget_plan *plan, const struct budget *b)
{
    if (!b->is_over_room) {
        return;
    }
    fprintf(
        stderr,
        "%s: LIM-01: %lld connections are more than the %lld that %s; with pool.maxPoolSize %lld "
        "it fits, or with %lld replicas\n",
        b->is_over_hard ? "error" : "warning", (long long)b->per_node,
        (long long)(b->is_over_hard ? b->hard : b->room),
        b->is_over_hard ? "a node admits: it accepts and hangs up"
                        : "leave a fifth for deployments and people",
        (long long)b->pool_most, (long long)b->replicas_most);
    if (b->pool_most == 0) {
        fputs("  no pool fits with so many replicas: fewer of them, each for more applications, or "
              "a larger tier\n",
              stderr);
    }
    if (plan->max_total_connections > 0) {
        fprintf(stderr, "  pool.maxTotalConnections %lld was counted in\n",
                (long long)plan->max_total_connections);
    }
}

static void tell_rate(const struct budget_plan *plan, const struct budget *b)
{
    long long rate = (long long)plan->tier->rate;
    if (b->is_over_rate && b->rate < 0) {
        fprintf(stderr,
                "warning: LIM-02: pool.connectsPerSecond 0 sets no limit, and %s admits %lld new "
                "connections a second to a node\n",
                plan->tier->name, rate);
    } else if (b->is_over_rate) {
        fprintf(stderr,
                "warning: LIM-02: %lld new connections a second to a node (replicas × "
                "pool.connectsPerSecond) are more than the %lld that %s admits; ",
                (long long)b->rate, rate, plan->tier->name);
        if (b->rate_most > 0) {
            fprintf(stderr, "with pool.connectsPerSecond %lld it fits\n", (long long)b->rate_most);
        } else {
            fputs("no pool.connectsPerSecond is small enough for so many: start them one after the "
                  "other\n",
                  stderr);
        }
    }
    if (b->is_slow_start) {
        fprintf(stderr,
                "warning: LIM-02: when all replicas start at once they open %lld connections to a "
                "node, which %s admits in %lld s: longer than upstream.connectTimeoutMS, so some "
                "are tried again; start them one after the other\n",
                (long long)b->start, plan->tier->name, (long long)b->start_seconds);
    }
}

int commands_budget(const struct command_line *line, const struct settings *s)
{
    struct budget_plan plan;
    if (line->tier == NULL && line->replicas == NULL) {
        return EXIT_GOOD;
    }
    if (!commands_read_plan(line, s, &plan)) {
        return EXIT_FATAL;
    }
    struct budget b = budget_of(&plan, s->upstream.connect_timeout_ms);
    printf("%s: %lld connections to a node at most (%lld replica%s × (pool.maxPoolSize %lld + %lld "
           "for monitoring)); the tier admits %lld, %lld are planned for%s%s\n",
           plan.tier->name, (long long)b.per_node, (long long)plan.replicas,
           plan.replicas == 1 ? "" : "s", (long long)plan.max_pool_size, (long long)plan.monitors,
           (long long)plan.tier->limit, (long long)b.room, plan.tier->note == NULL ? "" : "; ",
           plan.tier->note == NULL ? "" : plan.tier->note);
    fflush(stdout);
    tell_room(&plan, &b);
    tell_rate(&plan, &b);
    return b.is_over_hard                                        ? EXIT_FATAL
           : b.is_over_room || b.is_over_rate || b.is_slow_start ? EXIT_DEGRADED
                                                                 : EXIT_GOOD;
}
