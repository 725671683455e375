/* Servers whose versions of the wire protocol do not meet ours. */
#include <string.h>

#include "workers.h"

static void assert_said(const struct sim_client *c, const char *text)
{
    if (strstr(sim_client_said(c), text) == NULL) {
        sim_world_fail(c->world, "\"%s\" does not say \"%s\"", sim_client_said(c), text);
    }
}

/* One such server makes the deployment unusable, until it is upgraded. */
static void test_a_server_too_old_is_named(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    struct sim_node *old = &w->cluster->nodes[2];
    (void)state;
    old->max_wire = 5;
    sim_world_run(w, 100);
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'insert': 'things', 'documents': [{}]}");
    sim_world_answer(w, c, 100);
    assert_int_equal(sim_client_code(c), 133);
    assert_said(c, old->name);
    assert_said(c, "reports wire version 5");
    assert_said(c, "at least 6 (MongoDB 3.6)");
    assert_int_equal(sim_cluster_primary(w->cluster)->commands, 0);
    sim_client_ask(c, "{'hello': 1}"); /* no version that drivers refuse by themselves */
    sim_world_answer(w, c, 100);
    assert_int_equal(sim_int(c->last, "maxWireVersion"), 17);
    old->max_wire = 21;
    sim_node_die(old);
    sim_node_revive(old);
    sim_world_run(w, 11000);
    sim_world_works(w, 1000);
    sim_world_end(w);
}

/* The version counts while the server is known: who is away stops nobody. */
static void test_a_server_too_old_may_leave(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    struct sim_node *old = &w->cluster->nodes[2];
    (void)state;
    old->max_wire = 5;
    sim_world_run(w, 100);
    sim_node_die(old);
    sim_world_run(w, 11000);
    sim_world_works(w, 1000);
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_a_server_too_old_is_named),
        SIM_TEST(test_a_server_too_old_may_leave),
    };
    return sim_world_main("versions", tests, sizeof tests / sizeof *tests);
}
