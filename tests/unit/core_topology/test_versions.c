/* Versions of the wire protocol, of the set and of elections, as the topology shows them; and a
 * server whose names change (split horizon). */
#include "topology_world.h"

static const struct topology_options plain = {0};

static void expect_incompatible(const char *role, int least, int most, const char *text)
{
    struct topology *t = topology_of(plain, "a:1,b:1");
    struct error why;
    char json[300];
    says(t, "a", PRIMARY_AB);
    assert_true(topology_is_compatible(t, &why));
    snprintf(json, sizeof json, "{'ok':1,%s," HOSTS_AB ",'minWireVersion':%d,'maxWireVersion':%d}",
             role, least, most);
    says(t, "b", json);
    assert_false(topology_is_compatible(t, NULL));
    assert_false(topology_is_compatible(t, &why));
    assert_int_equal(why.status, STATUS_INCOMPATIBLE);
    assert_string_equal(why.text, text);
    topology_on_check_failed(t, id_of(t, "b"), STATUS_REFUSED, "no", 1);
    assert_true(topology_is_compatible(t, &why)); /* nothing is known of it now */
    topology_free(t);
}

static void every_known_server_must_speak_a_version_of_ours(void **state)
{
    (void)state;
    static const char too_old[] =
        "the server at b:1 reports wire version 5, and this version of Mooring requires at least 6 "
        "(MongoDB 3.6): the server is to be upgraded";
    expect_incompatible("'setName':'rs','secondary':true", 0, 5, too_old);
    expect_incompatible("'setName':'rs','arbiterOnly':true", 0, 5, too_old);
    expect_incompatible("'isreplicaset':true", 0, 5, too_old);
    expect_incompatible("'setName':'rs','secondary':true", 30, 31,
                        "the server at b:1 requires wire version 30, and this version of Mooring "
                        "only supports up to 29: a newer Mooring is needed");
}

static void the_first_and_the_last_version_of_ours_will_do(void **state)
{
    (void)state;
    struct topology *t = topology_of(plain, "a:1");
    says(t, "a", "{'ok':1,'maxWireVersion':6}");
    assert_true(topology_is_compatible(t, NULL));
    says(t, "a", "{'ok':1,'minWireVersion':29,'maxWireVersion':99}");
    assert_true(topology_is_compatible(t, NULL));
    topology_free(t);
    struct topology_options options = {.is_load_balanced = true};
    t = topology_of(options, "a:1");
    assert_true(topology_is_compatible(t, NULL)); /* it has told nothing */
    topology_free(t);
}

static void what_primaries_have_shown_is_kept(void **state)
{
    (void)state;
    static const uint8_t two[OBJECT_ID_BYTES] = {[OBJECT_ID_BYTES - 1] = 2};
    struct topology *t = topology_of(plain, "a:1,b:1");
    int64_t version;
    assert_null(topology_max_election_id(t));
    assert_false(topology_max_set_version(t, &version));
    says(t, "a",
         "{'ok':1,'setName':'rs','ismaster':true," HOSTS_AB ",'maxWireVersion':21,'setVersion':7,"
         "'electionId':{'$oid':'000000000000000000000002'}}");
    topology_on_check_failed(t, id_of(t, "a"), STATUS_REFUSED, "no", 1);
    assert_memory_equal(topology_max_election_id(t), two, OBJECT_ID_BYTES);
    assert_true(topology_max_set_version(t, &version));
    assert_int_equal(version, 7);
    says(t, "b", "{'ok':1,'setName':'rs','secondary':true," HOSTS_AB ",'setVersion':9}");
    assert_true(topology_max_set_version(t, &version));
    assert_int_equal(version, 7); /* SDAM: only primaries' set versions count */
    topology_free(t);
}

/* Atlas: a member whose names for this client change answers 303 and closes the connection. It is a
 * failed check, and the next hello names the others anew. */
static void a_changed_horizon_names_the_members_anew(void **state)
{
    (void)state;
    struct topology *t = topology_of(plain, "a:1");
    says(t, "a", PRIMARY_AB);
    settle(t);
    uint32_t a = id_of(t, "a");
    says(t, "a", "{'ok':0,'code':303,'errmsg':'Split horizon changed'}");
    assert_int_equal(topology_server(t, a)->description.type, SERVER_UNKNOWN);
    assert_string_equal(topology_server(t, a)->description.error,
                        "Split horizon changed (code 303)");
    assert_int_equal(count_actions(t, TOPOLOGY_CLEAR_POOL, a), 1);
    says(t, "a",
         "{'ok':1,'setName':'rs','ismaster':true,'maxWireVersion':21,'hosts':['a:1','c:1']}");
    assert_null(server_named(t, "b"));
    expect(t, "ReplicaSetWithPrimary rs: a:1 RSPrimary 5 ms, c:1 Unknown");
    topology_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_known_server_must_speak_a_version_of_ours),
        cmocka_unit_test(the_first_and_the_last_version_of_ours_will_do),
        cmocka_unit_test(what_primaries_have_shown_is_kept),
        cmocka_unit_test(a_changed_horizon_names_the_members_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
