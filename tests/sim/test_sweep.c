/* Sweeps: one story, ended or disturbed at every step; each fault at every time it can happen.
 *
 * Whatever happens, the invariants hold, no reply goes to another, nothing runs twice, and when the
 * trouble is over a fresh client is served. */
#include "story.h"

#define FLAGS                                                                               \
    "--pool.maxPoolSize=3 --upstream.operationTimeoutMS=5000 --limits.holdBytes=16KiB "     \
    "--outage.queueTimeoutMS=3000 --upstream.connectTimeoutMS=2000 --reconnect.maxMS=2000 " \
    "--reconnect.faultMS=2000 "                                                             \
    "--upstream.heartbeatFrequencyMS=1000 --limits.vanishedGraceMS=1"

enum { LARGE_BYTES = 100000, STEPS_MOST = 5000, WELL_MS = 60000 };

/* --- harm at every step --- */

struct harm {
    const char *name;
    void (*happen)(struct sim_world *w, struct story *s);
    void (*heal)(struct sim_world *w);
    bool ends_proxy;
    bool is_leaving; /* nobody is left then who could end what the story began */
};

static void leave_now(struct sim_world *w, struct story *s)
{
    (void)w;
    sim_client_leave(s->client, CLOSE_NOW);
}

static void leave_politely(struct sim_world *w, struct story *s)
{
    (void)w;
    sim_client_leave(s->client, CLOSE_FLUSH);
}

static void leave_by_reset(struct sim_world *w, struct story *s)
{
    (void)w;
    sim_client_leave(s->client, CLOSE_RESET);
}

static void reset_all(struct sim_world *w, struct story *s)
{
    (void)s;
    for (size_t i = 0; i < w->cluster->count; i++) {
        sim_node_reset(&w->cluster->nodes[i]);
    }
}

static void kill_primary(struct sim_world *w, struct story *s)
{
    (void)s;
    sim_node_die(&w->cluster->nodes[0]);
    sim_cluster_step_down(w->cluster, 1, 700);
}

static void step_down(struct sim_world *w, struct story *s)
{
    (void)s;
    sim_cluster_step_down(w->cluster, 2, 700);
}

static void hang(struct sim_world *w, struct story *s)
{
    (void)s;
    w->cluster->nodes[0].is_hanging = true;
}

static void cut_off(struct sim_world *w, struct story *s)
{
    (void)s;
    sim_set_route(w->sim, &w->cluster->nodes[0].at, SIM_SILENT);
}

static void drain(struct sim_world *w, struct story *s)
{
    (void)s;
    proxy_drain(w->proxy);
}

static void end_proxy(struct sim_world *w, struct story *s)
{
    (void)s;
    proxy_close(w->proxy);
}

static void wake(struct sim_world *w)
{
    sim_world_run(w, 10000);
    w->cluster->nodes[0].is_hanging = false;
    sim_set_route(w->sim, &w->cluster->nodes[0].at, SIM_REACHABLE);
    sim_world_run(w, 5000);
}

static const struct harm harms[] = {
    {"the client leaves", leave_now, NULL, false, true},
    {"the client leaves politely", leave_politely, NULL, false, true},
    {"the client resets", leave_by_reset, NULL, false, true},
    {"all nodes reset their connections", reset_all, NULL, false, false},
    {"the primary dies", kill_primary, NULL, false, false},
    {"the primary steps down", step_down, NULL, false, false},
    {"the primary hangs", hang, wake, false, false},
    {"the primary is cut off", cut_off, wake, false, false},
    {"the proxy drains", drain, NULL, true, false},
    {"the proxy closes", end_proxy, NULL, true, false},
};

static bool has_ended(void *owner)
{
    return ((struct sim_world *)owner)->has_ended;
}

static size_t count(const struct list *l)
{
    size_t n = 0;
    list_for_each (link, l) {
        n++;
    }
    return n;
}

/* Ended, wherever the story was. */
static void expect_nothing_left(struct sim_world *w)
{
    sim_world_run(w, 10000);
    for (size_t i = 0; i < w->cluster->count; i++) {
        const struct sim_node *n = &w->cluster->nodes[i];
        if (!list_is_empty(&n->cursors) || !list_is_empty(&n->transactions)) {
            sim_world_fail(w, "%s: %zu cursors and %zu transactions are left open", n->name,
                           count(&n->cursors), count(&n->transactions));
        }
    }
}

/* One run; false when the story was over before the harm. */
static bool run_with_harm(const struct harm *harm, size_t step)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.seed = step + 1, .flags = FLAGS, .latency = 1});
    struct story s;
    story_begin(&s, w, LARGE_BYTES);
    for (size_t i = 0; i < step && !story_is_over(&s) && sim_step(w->sim); i++) {
        continue;
    }
    bool is_in_time = !story_is_over(&s);
    harm->happen(w, &s);
    if (harm->ends_proxy) {
        sim_world_until(w, WELL_MS, has_ended, w);
    } else {
        sim_world_until(w, WELL_MS, story_is_over, &s);
        if (harm->heal != NULL) {
            harm->heal(w);
        }
        sim_world_works(w, WELL_MS);
    }
    if (harm->is_leaving) {
        expect_nothing_left(w);
    }
    sim_world_end(w);
    return is_in_time;
}

static void sweep(const char *name)
{
    const struct harm *harm = harms;
    size_t step = 0;
    while (strcmp(harm->name, name) != 0) {
        harm++;
    }
    while (run_with_harm(harm, step)) {
        step++;
        assert_true(step < STEPS_MOST);
    }
    assert_true(step > 50);
}

#define SWEEP(function, name)          \
    static void function(void **state) \
    {                                  \
        (void)state;                   \
        sweep(name);                   \
    }

SWEEP(test_client_leaves, "the client leaves")
SWEEP(test_client_leaves_politely, "the client leaves politely")
SWEEP(test_client_resets, "the client resets")
SWEEP(test_nodes_reset, "all nodes reset their connections")
SWEEP(test_primary_dies, "the primary dies")
SWEEP(test_primary_steps_down, "the primary steps down")
SWEEP(test_primary_hangs, "the primary hangs")
SWEEP(test_primary_is_cut_off, "the primary is cut off")
SWEEP(test_proxy_drains, "the proxy drains")
SWEEP(test_proxy_closes, "the proxy closes")

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_client_leaves), SIM_TEST(test_client_leaves_politely),
        SIM_TEST(test_client_resets), SIM_TEST(test_nodes_reset),
        SIM_TEST(test_primary_dies),  SIM_TEST(test_primary_steps_down),
        SIM_TEST(test_primary_hangs), SIM_TEST(test_primary_is_cut_off),
        SIM_TEST(test_proxy_drains),  SIM_TEST(test_proxy_closes),
    };
    return sim_world_main("sweep", tests, sizeof tests / sizeof *tests);
}
