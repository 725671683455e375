/* What applications are told that we are: listen.presentation and loadBalanced clients. */
#include <string.h>

#include "proxy/cluster.h"
#include "support/sim_world.h"

#define AS_SET "--listen.presentation=replicaSet"

static struct sim_client *say_hello(struct sim_world *w, const char *fields)
{
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'hello': 1%s}", fields);
    sim_world_answer(w, c, 2000);
    return c;
}

static void assert_same_value(const bson_t *a, const bson_t *b, const char *key)
{
    bson_iter_t in_a;
    bson_iter_t in_b;
    assert_true(bson_iter_init_find(&in_a, a, key));
    assert_true(bson_iter_init_find(&in_b, b, key));
    bson_t *one = BCON_NEW("v", BCON_ITER(&in_a));
    bson_t *two = BCON_NEW("v", BCON_ITER(&in_b));
    assert_true(bson_equal(one, two));
    bson_destroy(one);
    bson_destroy(two);
}

static void assert_member(const struct sim_client *c, const char *set_name, const char *address)
{
    assert_true(sim_int(c->last, "isWritablePrimary"));
    assert_string_equal(sim_text(c->last, "setName"), set_name);
    assert_string_equal(sim_text(c->last, "hosts.0"), address);
    assert_string_equal(sim_text(c->last, "me"), address);
    assert_string_equal(sim_text(c->last, "primary"), address);
    assert_false(sim_has(c->last, "hosts.1"));
    assert_false(sim_has(c->last, "msg"));
}

/* Unknown while nothing says it: a member that is not ready yet. */
static void assert_ghost(const struct sim_client *c)
{
    assert_true(sim_int(c->last, "isreplicaset"));
    assert_false(sim_int(c->last, "isWritablePrimary"));
    assert_false(sim_has(c->last, "setName"));
    assert_false(sim_has(c->last, "msg"));
}

static void test_one_primary_at_the_listener(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = AS_SET});
    (void)state;
    struct sim_client *c = say_hello(w, "");
    assert_member(c, "rs", "127.0.0.1:27017");
    sim_world_works(w, 1000);
    /* The same in another election of the cluster: a driver must not think that we are new. */
    bson_t *first = bson_copy(c->last);
    sim_cluster_step_down(w->cluster, 1, 100);
    sim_world_run(w, 20000);
    c = say_hello(w, "");
    assert_member(c, "rs", "127.0.0.1:27017");
    assert_same_value(first, c->last, "setVersion");
    assert_same_value(first, c->last, "electionId");
    bson_destroy(first);
    sim_world_end(w);
}

static void test_advertised(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = AS_SET " --listen.advertisedHost=db.test --listen.replicaSet=rs0"});
    (void)state;
    assert_member(say_hello(w, ""), "rs0", "db.test:27017");
    sim_world_end(w);
    w = sim_world_new((struct sim_plan){.flags = AS_SET " --listen.advertisedHost=[::1]:4"});
    assert_member(say_hello(w, ""), "rs", "[::1]:4");
    sim_world_end(w);
}

static void test_a_standalone_is_no_set(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.nodes = 1, .flags = AS_SET});
    (void)state;
    struct sim_client *c = say_hello(w, "");
    assert_false(sim_has(c->last, "setName"));
    assert_false(sim_has(c->last, "msg"));
    assert_true(sim_int(c->last, "isWritablePrimary"));
    assert_non_null(cluster_presentation_fault(w->proxy->cluster));
    sim_world_end(w);
}

static void lose_all(struct sim_world *w)
{
    for (size_t i = 0; i < w->cluster->count; i++) {
        sim_node_die(&w->cluster->nodes[i]);
    }
}

static void test_before_the_cluster_the_name_may_be_missing(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = AS_SET});
    (void)state;
    lose_all(w);
    struct sim_client *early = say_hello(w, "");
    assert_ghost(early);
    assert_in_range(early->took, 900, 1100);
    for (size_t i = 0; i < w->cluster->count; i++) {
        sim_node_revive(&w->cluster->nodes[i]);
    }
    sim_world_run(w, 20000);
    assert_null(early->conn); /* closed, so that it reads what is true now */
    assert_member(say_hello(w, ""), "rs", "127.0.0.1:27017");
    sim_world_end(w);
}

static void test_before_the_cluster_settings_may_name_it(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = AS_SET " --listen.replicaSet=mine"});
    (void)state;
    lose_all(w);
    assert_member(say_hello(w, ""), "mine", "127.0.0.1:27017");
    sim_world_end(w);
}

/* serviceId for those that ask, always the same; a mongos to them in every presentation. */
static void test_load_balanced_clients(void **state)
{
    static const char *const flags[] = {"", AS_SET};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sim_world *w = sim_world_new((struct sim_plan){.flags = flags[i]});
        struct sim_client *one = say_hello(w, ", 'loadBalanced': true");
        struct sim_client *two = say_hello(w, ", 'loadBalanced': true");
        struct sim_client *plain = say_hello(w, "");
        assert_string_equal(sim_text(one->last, "msg"), "isdbgrid");
        assert_true(sim_has(one->last, "serviceId"));
        assert_same_value(one->last, two->last, "serviceId");
        assert_false(sim_has(one->last, "setName"));
        assert_false(sim_has(plain->last, "serviceId"));
        sim_world_end(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_one_primary_at_the_listener),
        SIM_TEST(test_advertised),
        SIM_TEST(test_a_standalone_is_no_set),
        SIM_TEST(test_before_the_cluster_the_name_may_be_missing),
        SIM_TEST(test_before_the_cluster_settings_may_name_it),
        SIM_TEST(test_load_balanced_clients),
    };
    return sim_world_main("presentation", tests, sizeof tests / sizeof *tests);
}
