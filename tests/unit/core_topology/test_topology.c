/* Seeds, actions, failures and errors; what the topology as a whole can take. */
#include "topology_world.h"

static const struct topology_options plain = {0};

static struct topology *settled_set(void)
{
    struct topology *t = topology_of(plain, "a:1,b:1");
    says(t, "a", PRIMARY_AB);
    says(t, "b", SECONDARY_AB);
    settle(t);
    return t;
}

static struct topology_action next(struct topology *t, enum topology_action_kind kind, uint32_t id)
{
    struct topology_action a;
    assert_true(topology_next_action(t, &a));
    assert_int_equal(a.kind, kind);
    assert_int_equal(a.id, id);
    return a;
}

static void expect_nothing(struct topology *t)
{
    struct topology_action a;
    assert_false(topology_next_action(t, &a));
}

static void seeds_are_added_once(void **state)
{
    (void)state;
    struct topology *t = topology_of(plain, "A:1,b:1,a:1");
    assert_string_equal(next(t, TOPOLOGY_ADD, 1).address, "a:1");
    assert_string_equal(next(t, TOPOLOGY_ADD, 2).address, "b:1");
    next(t, TOPOLOGY_CHANGED, 0);
    expect_nothing(t);
    topology_on_seeds(t, NULL, 0);
    expect_nothing(t);
    assert_int_equal(topology_count(t), 2);
    topology_free(t);
}

static void later_seeds_replace_what_is_unknown_or_sharded(void **state)
{
    (void)state;
    static const char *const news[] = {"b:1", "c:1"};
    struct topology *t = topology_of(plain, "a:1,b:1");
    settle(t);
    topology_on_seeds(t, news, 2);
    next(t, TOPOLOGY_REMOVE, 1);
    assert_string_equal(next(t, TOPOLOGY_ADD, 3).address, "c:1"); /* ids are never reused */
    next(t, TOPOLOGY_CHANGED, 0);
    expect(t, "Unknown: b:1 Unknown, c:1 Unknown");
    says(t, "b", "{'ok':1,'msg':'isdbgrid'}");
    topology_on_seeds(t, news + 1, 1);
    expect(t, "Sharded: c:1 Unknown");
    topology_free(t);
}

static void later_seeds_help_a_replica_set_that_is_lost_only(void **state)
{
    (void)state;
    static const char *const news[] = {"x:1"};
    struct topology *t = settled_set();
    topology_on_seeds(t, news, 1);
    expect_nothing(t);
    topology_on_check_failed(t, id_of(t, "a"), STATUS_REFUSED, "no", 1);
    topology_on_seeds(t, news, 1);
    assert_int_equal(topology_count(t), 2);
    topology_on_check_failed(t, id_of(t, "b"), STATUS_REFUSED, "no", 1);
    topology_on_seeds(t, news, 1);
    assert_int_equal(topology_count(t), 3);
    says(t, "x", "{'ok':1,'setName':'rs','ismaster':true,'hosts':['x:1']}");
    expect(t, "ReplicaSetWithPrimary rs: x:1 RSPrimary 5 ms");
    topology_free(t);
}

static void a_server_that_leaves_unsaid_is_never_said(void **state)
{
    (void)state;
    struct topology *t = topology_of(plain, "a:1");
    settle(t);
    says(t, "a", "{'ok':1,'setName':'rs','secondary':true,'hosts':['a:1','b:1']}");
    says(t, "a", "{'ok':1,'setName':'rs','ismaster':true,'hosts':['a:1']}");
    next(t, TOPOLOGY_CHANGED, 0); /* b came and went */
    expect_nothing(t);
    struct server_description d = description_of("{'ok':1}");
    topology_on_hello(t, 2, &d, 1, 1); /* and what is told of it is ignored */
    topology_on_check_failed(t, 2, STATUS_REFUSED, NULL, 1);
    topology_on_network_error(t, 2, true, STATUS_PEER_RESET, 1);
    assert_null(topology_server(t, 2));
    server_description_clear(&d);
    expect_nothing(t);
    topology_free(t);
}

static void expect_leaving(struct topology_options options, const char *seeds, const char *first,
                           const char *last, const char *why)
{
    struct topology *t = topology_of(options, seeds);
    if (first != NULL) {
        says(t, "b", first);
    }
    settle(t);
    says(t, "a", last);
    struct topology_action a = next(t, TOPOLOGY_REMOVE, 1);
    assert_string_equal(a.why, why);
    topology_free(t);
}

static void who_leaves_says_why(void **state)
{
    (void)state;
    static const struct topology_options of_set = {.set_name = "rs"};
    static const char mongos[] = "{'ok':1,'msg':'isdbgrid'}";
    expect_leaving(of_set, "a:1", NULL, "{'ok':1,'setName':'x','secondary':true}",
                   "it is in replica set x, while rs is wanted");
    expect_leaving(of_set, "a:1", NULL, "{'ok':1}", "it is in no replica set, while rs is wanted");
    expect_leaving(plain, "a:1,b:1", NULL, "{'ok':1}",
                   "it is a standalone server, while several servers are named");
    expect_leaving(plain, "a:1,b:1", mongos, "{'ok':1,'setName':'x','secondary':true}",
                   "it is a RSSecondary, while the others are mongos routers");
    expect_leaving(plain, "a:1", NULL,
                   "{'ok':1,'setName':'rs','ismaster':true,'me':'b:1','hosts':['b:1']}",
                   "it is a member that goes by the name of b:1");
    expect_leaving(plain, "a:1", NULL, "{'ok':1,'setName':'rs','ismaster':true,'hosts':['b:1']}",
                   "it does not list itself among its members");
}

/* The deployment behind a name may be another one by then. */
static void seeds_after_the_last_has_left_begin_anew(void **state)
{
    (void)state;
    static const char *const seeds[] = {"a:1"};
    struct topology *t = topology_of(plain, "a:1");
    says(t, "a", PRIMARY_AB);
    says(t, "a", "{'ok':1,'setName':'new','secondary':true}");
    says(t, "b", "{'ok':1,'setName':'new','secondary':true}");
    expect(t, "ReplicaSetNoPrimary rs: no servers");
    settle(t);
    topology_on_seeds(t, seeds, 1);
    says(t, "a", "{'ok':1,'setName':'new','ismaster':true,'hosts':['a:1']}");
    expect(t, "ReplicaSetWithPrimary new: a:1 RSPrimary 5 ms");
    topology_free(t);
}

static void news_are_told_and_repetitions_are_not(void **state)
{
    (void)state;
    struct topology *t = settled_set();
    says(t, "b", SECONDARY_AB);
    expect_nothing(t);
    says(t, "b",
         "{'ok':1,'setName':'rs','secondary':true,'maxWireVersion':21," HOSTS_AB
         ",'tags':{'a':'b'}}");
    next(t, TOPOLOGY_CHANGED, 0);
    says(t, "b",
         "{'ok':1,'setName':'rs','secondary':true,'maxWireVersion':21," HOSTS_AB
         ",'tags':{'a':'b'},'lastWrite':{'lastWriteDate':{'$date':{'$numberLong':'7'}}}}");
    next(t, TOPOLOGY_CHANGED, 0); /* who waits for a fresh secondary cares */
    topology_free(t);
}

static void a_failed_check_makes_unknown_clears_and_tries_once_more(void **state)
{
    (void)state;
    struct topology *t = settled_set();
    uint32_t a = id_of(t, "a");
    topology_on_check_failed(t, a, STATUS_PEER_RESET, "it was reset", 7);
    expect(t, "ReplicaSetNoPrimary rs: a:1 Unknown (it was reset), b:1 RSSecondary 5 ms");
    assert_int_equal(topology_server(t, a)->updated_at, 7);
    next(t, TOPOLOGY_CLEAR_POOL, a);
    assert_true(next(t, TOPOLOGY_CHECK_NOW, a).at_once);
    next(t, TOPOLOGY_CHANGED, 0);
    topology_on_check_failed(t, a, STATUS_PEER_RESET, "it was reset", 8);
    next(t, TOPOLOGY_CLEAR_POOL, a);
    expect_nothing(t); /* not known before: the usual pause */
    says(t, "b", "{'ok':0,'errmsg':'no','code':5}");
    next(t, TOPOLOGY_CLEAR_POOL, id_of(t, "b"));
    next(t, TOPOLOGY_CHANGED, 0); /* no network error: no second try */
    topology_free(t);
}

static void an_older_topology_version_is_dropped(void **state)
{
    (void)state;
    struct topology *t = settled_set();
    says(t, "a",
         "{'ok':1,'setName':'rs','secondary':true,'maxWireVersion':21," HOSTS_AB
         ",'topologyVersion':{'processId':{'$oid':'000000000000000000000001'},'counter':{"
         "'$numberLong':'4'}}}");
    assert_int_equal(topology_primary(t), id_of(t, "a"));
    expect_nothing(t);
    says(t, "a",
         "{'ok':1,'setName':'rs','secondary':true,'maxWireVersion':21," HOSTS_AB
         ",'topologyVersion':{'processId':{'$oid':'000000000000000000000002'},'counter':{"
         "'$numberLong':'0'}}}"); /* restarted */
    assert_int_equal(topology_primary(t), 0);
    topology_free(t);
}

static bool is_heeded(struct topology_error error)
{
    struct topology *t = settled_set();
    bool heeded = topology_on_command_error(t, id_of(t, "a"), &error, 9);
    assert_int_equal(heeded, topology_primary(t) == 0);
    if (heeded) {
        assert_int_equal(topology_kind(t), TOPOLOGY_RS_NO_PRIMARY);
        assert_int_equal(count_actions(t, TOPOLOGY_CHECK_NOW, id_of(t, "a")), 1);
    } else {
        expect_nothing(t);
    }
    topology_free(t);
    return heeded;
}

static void state_changes_are_heeded_unless_stale(void **state)
{
    (void)state;
    static const int32_t changes[] = {10107, 13435, 10058, 11600, 11602, 13436, 189, 91};
    static const int32_t others[] = {0, 1, 6, 7, 89, 9001, 50, 112, 262};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        assert_true(is_heeded((struct topology_error){.code = changes[i], .is_current = true}));
        assert_false(is_heeded((struct topology_error){.code = changes[i], .is_current = false}));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(is_heeded((struct topology_error){.code = others[i], .is_current = true}));
    }
    struct topology_error error = {.code = 189, .is_current = true};
    error.version = (struct topology_version){.is_set = true, .counter = 5};
    error.version.process_id[11] = 1;
    assert_false(is_heeded(error)); /* the state we know came after it */
    error.version.counter = 6;
    assert_true(is_heeded(error));
    error.version.counter = 1;
    error.version.process_id[11] = 2;
    assert_true(is_heeded(error)); /* another process */
}

static void a_heeded_error_is_not_heeded_twice(void **state)
{
    (void)state;
    struct topology *t = settled_set();
    struct topology_error error = {.code = 10107, .is_current = true};
    error.version = (struct topology_version){.is_set = true, .counter = 6};
    error.version.process_id[11] = 1;
    assert_true(topology_on_command_error(t, id_of(t, "a"), &error, 1));
    assert_false(topology_on_command_error(t, id_of(t, "a"), &error, 1));
    says(t, "a", PRIMARY_AB); /* with counter 5: asked before it stepped down */
    assert_int_equal(topology_primary(t), 0);
    topology_free(t);
}

static void only_a_shutdown_clears_the_pool(void **state)
{
    (void)state;
    static const int32_t codes[] = {91, 11600, 10107, 189};
    for (size_t i = 0; i < 4; i++) {
        struct topology *t = settled_set();
        struct topology_error error = {.code = codes[i], .is_current = true};
        topology_on_command_error(t, id_of(t, "a"), &error, 1);
        assert_int_equal(count_actions(t, TOPOLOGY_CLEAR_POOL, id_of(t, "a")), i < 2);
        topology_free(t);
    }
    struct topology *old = topology_of(plain, "a:1"); /* MongoDB 4.0 closed all by itself */
    says(old, "a", "{'ok':1,'setName':'rs','ismaster':true,'maxWireVersion':7,'hosts':['a:1']}");
    settle(old);
    struct topology_error error = {.code = 189, .is_current = true};
    topology_on_command_error(old, id_of(old, "a"), &error, 1);
    assert_int_equal(count_actions(old, TOPOLOGY_CLEAR_POOL, id_of(old, "a")), 1);
    topology_free(old);
}

/* Many operations are under way when a primary steps down, and each gets an error of its own. */
static void later_errors_of_a_step_down_keep_the_pool(void **state)
{
    (void)state;
    struct topology *t = settled_set();
    struct topology_error error = {.code = 10107, .is_current = true};
    for (int64_t i = 0; i < 2; i++) {
        error.version = (struct topology_version){.is_set = true, .counter = 6 + i};
        error.version.process_id[11] = 1;
        assert_true(topology_on_command_error(t, id_of(t, "a"), &error, 1));
        assert_int_equal(count_actions(t, TOPOLOGY_CLEAR_POOL, 0), 0);
    }
    topology_free(t);
    t = settled_set();
    error.version.is_set = false; /* MongoDB 4.2 */
    for (int i = 0; i < 2; i++) {
        assert_true(topology_on_command_error(t, id_of(t, "a"), &error, 1));
        assert_int_equal(count_actions(t, TOPOLOGY_CLEAR_POOL, 0), 0);
    }
    topology_free(t);
}

static void a_network_error_makes_unknown_unless_stale(void **state)
{
    (void)state;
    struct topology *t = settled_set();
    uint32_t a = id_of(t, "a");
    topology_on_network_error(t, a, false, STATUS_PEER_RESET, 1);
    expect_nothing(t);
    topology_on_network_error(t, a, true, STATUS_PEER_RESET, 1);
    next(t, TOPOLOGY_CLEAR_POOL, a);
    struct topology_action check = next(t, TOPOLOGY_CHECK_NOW, a);
    assert_true(check.anew && !check.at_once);
    next(t, TOPOLOGY_CHANGED, 0);
    expect(t, "ReplicaSetNoPrimary rs: a:1 Unknown 5 ms (the peer reset the connection), b:1 "
              "RSSecondary 5 ms");
    topology_free(t);
}

static void a_load_balancer_is_known_from_the_start(void **state)
{
    (void)state;
    struct topology_options options = {.is_load_balanced = true};
    struct topology *t = topology_of(options, "lb:1");
    expect(t, "LoadBalanced: lb:1 LoadBalancer");
    assert_true(topology_is_usable(t, 1));
    settle(t);
    topology_on_check_failed(t, 1, STATUS_REFUSED, NULL, 1);
    topology_on_network_error(t, 1, true, STATUS_REFUSED, 1);
    expect_nothing(t);
    struct topology_limits limits;
    assert_false(topology_limits(t, &limits));
    topology_free(t);
}

static void the_weakest_server_sets_the_limits(void **state)
{
    (void)state;
    struct topology_limits limits;
    struct topology *t = topology_of(plain, "a:1,b:1,c:1");
    assert_false(topology_limits(t, &limits));
    says(t, "a",
         "{'ok':1,'setName':'rs','ismaster':true,'minWireVersion':0,'maxWireVersion':25,"
         "'maxWriteBatchSize':100000,'logicalSessionTimeoutMinutes':30,"
         "'hosts':['a:1','b:1','c:1']}");
    says(t, "b",
         "{'ok':1,'setName':'rs','secondary':true,'minWireVersion':6,'maxWireVersion':21,"
         "'maxWriteBatchSize':100000,'logicalSessionTimeoutMinutes':20,"
         "'maxMessageSizeBytes':32000000,'hosts':['a:1','b:1','c:1']}");
    says(t, "c", "{'ok':1,'setName':'rs','arbiterOnly':true,'maxWireVersion':1,'hosts':['a:1']}");
    assert_true(topology_limits(t, &limits)); /* the arbiter has no say */
    assert_int_equal(limits.min_wire, 6);
    assert_int_equal(limits.max_wire, 21);
    assert_int_equal(limits.max_message_bytes, 32000000);
    assert_int_equal(limits.max_batch_count, 100000);
    assert_true(limits.has_lsid_timeout);
    assert_int_equal(limits.lsid_timeout_minutes, 20);
    says(t, "b", "{'ok':1,'setName':'rs','secondary':true,'hosts':['a:1','b:1','c:1']}");
    assert_true(topology_limits(t, &limits));
    assert_false(limits.has_lsid_timeout);
    topology_free(t);
}

static void a_long_description_is_cut(void **state)
{
    (void)state;
    struct topology *t = settled_set();
    char text[20];
    topology_print(t, text, sizeof text);
    assert_string_equal(text, "ReplicaSetWithPrima");
    topology_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_are_added_once),
        cmocka_unit_test(later_seeds_replace_what_is_unknown_or_sharded),
        cmocka_unit_test(later_seeds_help_a_replica_set_that_is_lost_only),
        cmocka_unit_test(a_server_that_leaves_unsaid_is_never_said),
        cmocka_unit_test(who_leaves_says_why),
        cmocka_unit_test(seeds_after_the_last_has_left_begin_anew),
        cmocka_unit_test(news_are_told_and_repetitions_are_not),
        cmocka_unit_test(a_failed_check_makes_unknown_clears_and_tries_once_more),
        cmocka_unit_test(an_older_topology_version_is_dropped),
        cmocka_unit_test(state_changes_are_heeded_unless_stale),
        cmocka_unit_test(a_heeded_error_is_not_heeded_twice),
        cmocka_unit_test(only_a_shutdown_clears_the_pool),
        cmocka_unit_test(later_errors_of_a_step_down_keep_the_pool),
        cmocka_unit_test(a_network_error_makes_unknown_unless_stale),
        cmocka_unit_test(a_load_balancer_is_known_from_the_start),
        cmocka_unit_test(the_weakest_server_sets_the_limits),
        cmocka_unit_test(a_long_description_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
