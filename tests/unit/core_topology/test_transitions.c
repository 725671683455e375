/* The transition table of SDAM, cell by cell, and what primaries and members do to the list. */
#include "topology_world.h"

static const struct topology_options plain = {0};
static const struct topology_options of_set = {.set_name = "rs"};
static const struct topology_options direct = {.is_direct = true};

#define STANDALONE "{'ok':1,'ismaster':true,'maxWireVersion':21}"
#define MONGOS     "{'ok':1,'msg':'isdbgrid','ismaster':true,'maxWireVersion':21}"
#define GHOST      "{'ok':1,'isreplicaset':true,'maxWireVersion':21}"

/* Starts from seeds a and b (and c), says `first` as a, if any, then `second` as b. */
static void expect_after(struct topology_options options, const char *first, const char *second,
                         const char *printed)
{
    struct topology *t = topology_of(options, "a:1,b:1,c:1");
    if (first != NULL) {
        says(t, "a", first);
    }
    says(t, "b", second);
    expect(t, printed);
    topology_free(t);
}

#define ABC           "'hosts':['a:1','b:1','c:1']"
#define ABC_PRIMARY   "{'ok':1,'setName':'rs','ismaster':true,'maxWireVersion':21," ABC "}"
#define ABC_SECONDARY "{'ok':1,'setName':'rs','secondary':true,'maxWireVersion':21," ABC "}"

static void cells_of_an_unknown_topology(void **state)
{
    (void)state;
    expect_after(plain, NULL, "{'ok':0,'errmsg':'x','code':1}",
                 "Unknown: a:1 Unknown, b:1 Unknown (x (code 1)), c:1 Unknown");
    expect_after(plain, NULL, STANDALONE, "Unknown: a:1 Unknown, c:1 Unknown");
    expect_after(plain, NULL, MONGOS, "Sharded: a:1 Unknown, b:1 Mongos 5 ms, c:1 Unknown");
    expect_after(plain, NULL, ABC_PRIMARY,
                 "ReplicaSetWithPrimary rs: a:1 Unknown, b:1 RSPrimary 5 ms, c:1 Unknown");
    expect_after(plain, NULL, ABC_SECONDARY,
                 "ReplicaSetNoPrimary rs: a:1 Unknown, b:1 RSSecondary 5 ms, c:1 Unknown");
    expect_after(plain, NULL, GHOST, "Unknown: a:1 Unknown, b:1 RSGhost 5 ms, c:1 Unknown");
    struct topology *t = topology_of(plain, "a:1");
    says(t, "a", STANDALONE);
    expect(t, "Single: a:1 Standalone 5 ms");
    topology_free(t);
}

static void cells_of_a_sharded_topology(void **state)
{
    (void)state;
    static const char *const strangers[] = {STANDALONE,
                                            ABC_PRIMARY,
                                            ABC_SECONDARY,
                                            GHOST,
                                            "{'ok':1,'setName':'rs','arbiterOnly':true}",
                                            "{'ok':1,'setName':'rs'}"};
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        expect_after(plain, MONGOS, strangers[i], "Sharded: a:1 Mongos 5 ms, c:1 Unknown");
    }
    expect_after(plain, MONGOS, MONGOS, "Sharded: a:1 Mongos 5 ms, b:1 Mongos 5 ms, c:1 Unknown");
    expect_after(plain, MONGOS, "{'ok':0}",
                 "Sharded: a:1 Mongos 5 ms, b:1 Unknown (the reply to hello was not ok), c:1 "
                 "Unknown");
}

static void cells_of_a_set_without_primary(void **state)
{
    (void)state;
    expect_after(of_set, NULL, STANDALONE, "ReplicaSetNoPrimary rs: a:1 Unknown, c:1 Unknown");
    expect_after(of_set, NULL, MONGOS, "ReplicaSetNoPrimary rs: a:1 Unknown, c:1 Unknown");
    expect_after(of_set, NULL, GHOST,
                 "ReplicaSetNoPrimary rs: a:1 Unknown, b:1 RSGhost 5 ms, c:1 Unknown");
    expect_after(of_set, ABC_SECONDARY, ABC_PRIMARY,
                 "ReplicaSetWithPrimary rs: a:1 RSSecondary 5 ms, b:1 RSPrimary 5 ms, c:1 Unknown");
    expect_after(of_set, ABC_SECONDARY, "{'ok':1,'setName':'rs','arbiterOnly':true," ABC "}",
                 "ReplicaSetNoPrimary rs: a:1 RSSecondary 5 ms, b:1 RSArbiter 5 ms, c:1 Unknown");
}

static void cells_of_a_set_with_primary(void **state)
{
    (void)state;
    expect_after(of_set, ABC_PRIMARY, STANDALONE,
                 "ReplicaSetWithPrimary rs: a:1 RSPrimary 5 ms, c:1 Unknown");
    expect_after(of_set, ABC_PRIMARY, MONGOS,
                 "ReplicaSetWithPrimary rs: a:1 RSPrimary 5 ms, c:1 Unknown");
    expect_after(of_set, ABC_PRIMARY, GHOST,
                 "ReplicaSetWithPrimary rs: a:1 RSPrimary 5 ms, b:1 RSGhost 5 ms, c:1 Unknown");
    expect_after(of_set, ABC_PRIMARY, "{'ok':1,'setName':'rs','hidden':true," ABC "}",
                 "ReplicaSetWithPrimary rs: a:1 RSPrimary 5 ms, b:1 RSOther 5 ms, c:1 Unknown");
    struct topology *t = topology_of(of_set, "a:1,b:1,c:1");
    static const char *const ends[] = {STANDALONE, MONGOS, "{'ok':1,'setName':'other'}",
                                       "{'ok':0}", GHOST,  ABC_SECONDARY};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        topology_free(t);
        t = topology_of(of_set, "a:1,b:1,c:1");
        says(t, "a", ABC_PRIMARY);
        assert_int_equal(topology_primary(t), id_of(t, "a"));
        says(t, "a", ends[i]);
        assert_int_equal(topology_kind(t), TOPOLOGY_RS_NO_PRIMARY);
        assert_int_equal(topology_primary(t), 0);
    }
    topology_free(t);
}

static void a_new_primary_follows_the_old_one(void **state)
{
    (void)state;
    struct topology *t = topology_of(plain, "a:1,b:1,c:1");
    says(t, "a", ABC_PRIMARY);
    settle(t);
    says(t, "b", ABC_PRIMARY);
    expect(t, "ReplicaSetWithPrimary rs: a:1 Unknown 5 ms (primary marked stale due to discovery "
              "of newer primary), b:1 RSPrimary 5 ms, c:1 Unknown");
    struct topology_action action;
    assert_true(topology_next_action(t, &action));
    assert_int_equal(action.kind, TOPOLOGY_CHECK_NOW);
    assert_int_equal(action.id, id_of(t, "a"));
    assert_true(topology_next_action(t, &action)); /* its pool is not cleared */
    assert_int_equal(action.kind, TOPOLOGY_CHANGED);
    assert_false(topology_next_action(t, &action));
    topology_free(t);
}

static void members_add_hosts_and_the_primary_removes_them(void **state)
{
    (void)state;
    struct topology *t = topology_of(plain, "a:1");
    says(t, "a",
         "{'ok':1,'setName':'rs','secondary':true,'hosts':['a:1','b:1'],'passives':['p:1']"
         ",'arbiters':['r:1']}");
    expect(t, "ReplicaSetNoPrimary rs: a:1 RSSecondary 5 ms, b:1 Unknown, p:1 Unknown, r:1 "
              "Unknown");
    settle(t);
    says(t, "b", "{'ok':1,'setName':'rs','ismaster':true,'hosts':['B:1','x:1']}");
    expect(t, "ReplicaSetWithPrimary rs: b:1 RSPrimary 5 ms, x:1 Unknown");
    says(t, "x", "{'ok':1,'setName':'rs','secondary':true,'hosts':['b:1','x:1','y:1']}");
    expect(t, "ReplicaSetWithPrimary rs: b:1 RSPrimary 5 ms, x:1 RSSecondary 5 ms");
    topology_free(t);
}

static void a_misnamed_server_leaves(void **state)
{
    (void)state;
    struct topology *t = topology_of(plain, "seed:1");
    says(t, "seed", "{'ok':1,'setName':'rs','ismaster':true,'me':'a:1','hosts':['a:1']}");
    expect(t, "ReplicaSetNoPrimary rs: a:1 Unknown");
    says(t, "a", "{'ok':1,'setName':'rs','ismaster':true,'me':'a:1','hosts':['a:1','b:1']}");
    says(t, "b", "{'ok':1,'setName':'rs','secondary':true,'me':'c:1','hosts':['a:1','b:1']}");
    expect(t, "ReplicaSetWithPrimary rs: a:1 RSPrimary 5 ms");
    topology_free(t);
    t = topology_of(plain, "seed:1");
    says(t, "seed", "{'ok':1,'setName':'rs','secondary':true,'me':'a:1','hosts':['a:1']}");
    expect(t, "ReplicaSetNoPrimary rs: a:1 Unknown");
    topology_free(t);
}

static void a_member_of_another_set_leaves(void **state)
{
    (void)state;
    expect_after(of_set, NULL, "{'ok':1,'setName':'rx','ismaster':true,'hosts':['b:1','z:1']}",
                 "ReplicaSetNoPrimary rs: a:1 Unknown, c:1 Unknown");
    expect_after(of_set, NULL, "{'ok':1,'setName':'rx','secondary':true,'hosts':['b:1','z:1']}",
                 "ReplicaSetNoPrimary rs: a:1 Unknown, c:1 Unknown");
    expect_after(plain, ABC_SECONDARY, "{'ok':1,'setName':'rx','secondary':true}",
                 "ReplicaSetNoPrimary rs: a:1 RSSecondary 5 ms, c:1 Unknown");
    struct topology_options one = {.is_direct = true, .set_name = "rs"};
    struct topology *t = topology_of(one, "a:1");
    says(t, "a", "{'ok':1,'setName':'rx','ismaster':true}");
    expect(t, "Single rs: a:1 Unknown 5 ms (it is in replica set rx, while rs was asked for)");
    says(t, "a", STANDALONE);
    expect(t, "Single rs: a:1 Unknown 5 ms (it is in no replica set, while rs was asked for)");
    assert_false(topology_is_usable(t, id_of(t, "a")));
    says(t, "a", ABC_SECONDARY);
    expect(t, "Single rs: a:1 RSSecondary 5 ms");
    topology_free(t);
}

static void a_direct_server_is_used_whatever_it_is(void **state)
{
    (void)state;
    struct topology *t = topology_of(direct, "a:1");
    says(t, "a", "{'ok':1,'setName':'rs','arbiterOnly':true,'hosts':['b:1']}");
    expect(t, "Single: a:1 RSArbiter 5 ms");
    assert_true(topology_is_usable(t, id_of(t, "a")));
    topology_free(t);
}

/* --- stale primaries --- */

static void primary_with(struct topology *t, const char *name, int wire, const char *election,
                         const char *set_version)
{
    char json[400];
    snprintf(json, sizeof json,
             "{'ok':1,'setName':'rs','ismaster':true," ABC ",'maxWireVersion':%d%s%s%s%s%s}", wire,
             election != NULL ? ",'electionId':{'$oid':'00000000000000000000000" : "",
             election != NULL ? election : "", election != NULL ? "'}" : "",
             set_version != NULL ? ",'setVersion':" : "", set_version != NULL ? set_version : "");
    says(t, name, json);
}

/* After `a` was primary with the first pair, whether `b` with the second is accepted. */
static bool is_accepted(int wire, const char *election_a, const char *version_a,
                        const char *election_b, const char *version_b)
{
    struct topology *t = topology_of(plain, "a:1,b:1,c:1");
    primary_with(t, "a", wire, election_a, version_a);
    assert_int_equal(topology_primary(t), id_of(t, "a"));
    primary_with(t, "b", wire, election_b, version_b);
    bool accepted = topology_primary(t) == id_of(t, "b");
    if (!accepted) { /* the old one stays */
        assert_int_equal(topology_primary(t), id_of(t, "a"));
        assert_string_equal(server_named(t, "b")->description.error,
                            "primary marked stale due to electionId/setVersion mismatch");
    }
    topology_free(t);
    return accepted;
}

static void election_ids_decide_since_wire_version_17(void **state)
{
    (void)state;
    assert_true(is_accepted(17, "1", "1", "2", "1"));
    assert_true(is_accepted(17, "1", "5", "2", "1")); /* a lower set version does not matter */
    assert_true(is_accepted(17, "1", "1", "1", "1"));
    assert_true(is_accepted(17, "1", "1", "1", "2"));
    assert_false(is_accepted(17, "2", "1", "1", "1"));
    assert_false(is_accepted(17, "2", "1", "1", "9"));
    assert_false(is_accepted(17, "1", "2", "1", "1"));
    assert_false(is_accepted(17, "1", "1", NULL, "1"));
    assert_false(is_accepted(17, "1", "1", "1", NULL));
    assert_true(is_accepted(17, NULL, "1", "1", NULL));
    assert_true(is_accepted(17, NULL, NULL, NULL, NULL));
}

static void set_versions_decide_before(void **state)
{
    (void)state;
    assert_true(is_accepted(16, "1", "1", "2", "1"));
    assert_true(is_accepted(16, "2", "1", "1", "2"));
    assert_false(is_accepted(16, "1", "2", "2", "1"));
    assert_false(is_accepted(16, "2", "1", "1", "1"));
    assert_true(is_accepted(16, "2", "2", NULL, "1")); /* both are needed */
    assert_true(is_accepted(16, "2", "2", "1", NULL));
    struct topology *t = topology_of(plain, "a:1,b:1,c:1");
    primary_with(t, "a", 16, "2", "2");
    primary_with(t, "b", 16, NULL, "9"); /* raises the set version, keeps the election id */
    primary_with(t, "a", 16, "2", "2");
    assert_int_equal(topology_primary(t), id_of(t, "b"));
    topology_free(t);
}

/* Whatever the order in which the members of a healthy set answer, the result is the same. */
static void the_order_of_hellos_does_not_matter(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c"};
    static const char *const hellos[] = {ABC_PRIMARY, ABC_SECONDARY,
                                         "{'ok':1,'setName':'rs','arbiterOnly':true," ABC "}"};
    static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (size_t order = 0; order < 6; order++) {
        struct topology *t = topology_of(plain, "a:1,b:1,c:1");
        for (size_t i = 0; i < 3; i++) {
            says(t, names[orders[order][i]], hellos[orders[order][i]]);
        }
        expect(t, "ReplicaSetWithPrimary rs: a:1 RSPrimary 5 ms, b:1 RSSecondary 5 ms, c:1 "
                  "RSArbiter 5 ms");
        topology_free(t);
    }
}

/* `count` hosts of which none was named before. */
static void says_new_hosts(struct topology *t, const char *role, int count)
{
    static int named;
    char *json =
        xformat("{'ok':1,'setName':'rs','maxWireVersion':21,'%s':true,'hosts':['a:1'", role);
    for (int i = 0; i < count; i++) {
        char *longer = xformat("%s,'h%d:1'", json, ++named);
        free(json);
        json = longer;
    }
    char *whole = xformat("%s]}", json);
    says(t, "a", whole);
    free(whole);
    free(json);
}

/* A member that names others each time it is asked: each of them would get a monitor. */
static void members_cannot_make_the_list_grow_for_ever(void **state)
{
    (void)state;
    struct topology *t = topology_of(plain, "a:1");
    for (int i = 0; i < 10; i++) {
        says_new_hosts(t, "secondary", 100);
    }
    assert_int_equal(topology_count(t), TOPOLOGY_SERVERS_MOST);
    says_new_hosts(t, "ismaster", 100); /* who has the last word is heard in full */
    assert_int_equal(topology_count(t), 101);
    topology_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_of_an_unknown_topology),
        cmocka_unit_test(cells_of_a_sharded_topology),
        cmocka_unit_test(cells_of_a_set_without_primary),
        cmocka_unit_test(cells_of_a_set_with_primary),
        cmocka_unit_test(a_new_primary_follows_the_old_one),
        cmocka_unit_test(members_add_hosts_and_the_primary_removes_them),
        cmocka_unit_test(members_cannot_make_the_list_grow_for_ever),
        cmocka_unit_test(a_misnamed_server_leaves),
        cmocka_unit_test(a_member_of_another_set_leaves),
        cmocka_unit_test(a_direct_server_is_used_whatever_it_is),
        cmocka_unit_test(election_ids_decide_since_wire_version_17),
        cmocka_unit_test(set_versions_decide_before),
        cmocka_unit_test(the_order_of_hellos_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
