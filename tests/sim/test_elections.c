/* Elections under load: applications that retry nothing themselves see none of them. */
#include "support/sim_world.h"

#define LSID "'lsid': {'id': {'$binary': {'base64': 'BwcHBwcHBwcHBwcHBwcHBw==', 'subType': '04'}}}"

struct load {
    struct sim_world *w;
    size_t under_way;
    size_t errors;
    msec longest;
    int64_t last_number;
};

static void load_ask(struct sim_client *c)
{
    struct load *load = c->owner;
    int delay = (int)sim_pick(load->w->sim, 50);
    if (sim_pick(load->w->sim, 2) == 0) {
        sim_client_ask(c, "{'find': 'things', 'delay': %d}", delay);
    } else {
        sim_client_ask(c,
                       "{'insert': 'things', 'documents': [{}], 'delay': %d, " LSID
                       ", 'txnNumber': {'$numberLong': '%lld'}}",
                       delay, (long long)++load->last_number);
    }
}

static void load_on_reply(struct sim_client *c, const bson_t *reply)
{
    struct load *load = c->owner;
    if (reply == NULL || sim_int(reply, "ok") == 0) {
        load->errors += c->number > 0;
        return;
    }
    load->longest = c->took > load->longest ? c->took : load->longest;
    if (--c->number > 0) {
        load_ask(c);
    } else {
        load->under_way--;
    }
}

static bool load_is_done(void *owner)
{
    const struct load *load = owner;
    return load->under_way == 0 || load->errors > 0;
}

static void test_load_sees_no_election(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--pool.maxPoolSize=5", .latency = 1});
    struct load load = {.w = w, .under_way = 40};
    (void)state;
    for (size_t i = 0; i < load.under_way; i++) {
        struct sim_client *c = sim_client_open(w);
        c->owner = &load;
        c->on_reply = load_on_reply;
        c->number = 200;
        load_ask(c);
    }
    for (int i = 1; i <= 4; i++) {
        sim_world_run(w, 3000);
        if (i == 3) {
            sim_node_die(sim_cluster_primary(w->cluster));
        }
        sim_cluster_step_down(w->cluster, i % 3, 2500);
    }
    sim_world_until(w, MINUTES(5), load_is_done, &load);
    assert_int_equal(load.errors, 0);
    assert_true(load.longest < 4000);
    sim_world_end(w);
}

/* Whoever may be elected has connections ready; who never is has them when somebody wants one. */
static void test_the_electable_are_kept_warm(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = "--pool.minPoolSize=2"});
    (void)state;
    w->cluster->nodes[2].is_passive = true;
    sim_world_run(w, 5000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sim_world_pool(w, i)->total, i == 2 ? 0 : 2);
    }
    w->cluster->nodes[2].is_passive = false;
    sim_world_run(w, 11000);
    assert_int_equal(sim_world_pool(w, 2)->total, 2);
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {SIM_TEST(test_load_sees_no_election),
                                       SIM_TEST(test_the_electable_are_kept_warm)};
    return sim_world_main("elections", tests, sizeof tests / sizeof *tests);
}
