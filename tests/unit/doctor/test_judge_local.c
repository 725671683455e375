/* What is full, what a running Mooring shows, and what a list of hosts has become; each with a near
 * miss. */
#include "facts.h"

static struct listener_fact *listener(struct facts *f, enum listener_state state)
{
    struct listener_fact *l = &f->e->listeners[f->e->listener_count++];
    address_parse("127.0.0.1:27017", 0, &l->address);
    l->is_configured = true;
    l->state = state;
    return l;
}

/* --- limits --- */

static void load(struct node_fact *n, int64_t used, int64_t left)
{
    n->has_load = true;
    n->connections = used;
    n->connections_left = left;
}

static void assert_of_load(int64_t used, int64_t left, enum finding_id id)
{
    struct facts *f = facts_new();
    load(f->e->nodes[1], used, left);
    assert_int_equal(judged(f), id);
    assert_int_equal(diagnosis_severity(&f->d),
                     id == FINDING_COUNT ? SEVERITY_INFO : SEVERITY_DEGRADED);
    facts_free(f);
}

static void test_full_nodes(void **state)
{
    (void)state;
    assert_of_load(1495, 5, FINDING_LIM_01);
    assert_of_load(1440, 60, FINDING_LIM_01); /* under a twentieth */
    assert_of_load(495, 5, FINDING_LIM_03);
    assert_of_load(470, 30, FINDING_COUNT);
    assert_of_load(1400, 100, FINDING_COUNT);
    assert_of_load(127000, 1000, FINDING_LIM_01);
    assert_of_load(0, 0, FINDING_COUNT); /* nobody said */
}

static void test_descriptors(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    f->e->machine.open_files_most = 3 * (20 + 2) + 64;
    assert_nothing(f);
    f->e->machine.open_files_most--;
    assert_first(f, FINDING_LIM_08, SEVERITY_DEGRADED);
    facts_free(f);
}

/* --- through a running Mooring --- */

static void hang_up(struct facts *f)
{
    facts_each(f, n)
    {
        facts_insecure(n, STATUS_PEER_CLOSED);
        n->tls_facts = (struct tls_facts){.alert = 80, .looks_like_tls = true};
    }
}

static void test_an_access_list_that_changed(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    struct listener_fact *l = listener(f, LISTENER_MOORING);
    facts_reply(&l->ping, 0, NULL);
    assert_nothing(f);
    hang_up(f);
    assert_first(f, FINDING_ACL_04, SEVERITY_DEGRADED);
    assert_null(diagnosis_find(&f->d, FINDING_ACL_02));
    facts_reply(&l->ping, 133, "mooring: no suitable server is known");
    assert_first(f, FINDING_ACL_02, SEVERITY_FATAL);
    facts_free(f);
}

static void test_dropped_packets_beside_old_connections(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_reply(&listener(f, LISTENER_MOORING)->ping, 0, NULL);
    facts_side(f, SIDE_CONTROL, STATUS_OK);
    facts_each(f, n)
    {
        facts_shut(n, STATUS_TIMED_OUT);
    }
    judged(f);
    assert_int_equal(diagnosis_severity(&f->d), SEVERITY_DEGRADED);
    assert_non_null(diagnosis_find(&f->d, FINDING_ACL_04));
    facts_free(f);
}

static void test_what_mooring_says(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    struct listener_fact *l = listener(f, LISTENER_MOORING);
    facts_reply(&l->ping, 407, "mooring: waited 15000 ms for a pooled connection: … [LIM-04]");
    assert_first(f, FINDING_LIM_04, SEVERITY_DEGRADED);
    facts_reply(&l->ping, 407, "mooring: waited for a LIM and a URI-99");
    assert_first(f, FINDING_LOC_06, SEVERITY_DEGRADED); /* no row of that name */
    facts_free(f);
}

/* --- lists of hosts --- */

static void test_an_old_list(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    free(f->settings.upstream.srv_host);
    f->settings.upstream.srv_host = NULL;
    facts_each(f, n)
    {
        n->sources = NODE_OF_URI | NODE_OF_HELLO;
    }
    assert_nothing(f);
    struct node_fact *gone = examination_node(f->e, "old.abcde.mongodb.net:27017", NODE_OF_URI);
    step_end(&gone->lookup, STATUS_OK, 3, NULL);
    judged(f);
    assert_null(diagnosis_find(&f->d, FINDING_TOPO_06)); /* the list has all that there are */
    f->e->nodes[2]->sources = NODE_OF_HELLO;
    judged(f);
    struct finding *found = diagnosis_find(&f->d, FINDING_TOPO_06);
    assert_non_null(found);
    assert_int_equal(found->severity, SEVERITY_INFO);
    assert_string_equal(found->evidence[0].value, gone->name);
    facts_free(f);
}

/* --- the client's certificate, after the handshake --- */

static void test_a_late_alert(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    facts_each(f, n)
    {
        facts_forget(n);
        step_end(&n->hello.step, STATUS_PEER_CLOSED, 5, NULL);
    }
    assert_first(f, FINDING_TOPO_05, SEVERITY_FATAL);
    facts_each(f, n)
    {
        n->tls_facts.alert = 116;
    }
    assert_first(f, FINDING_AUTH_04, SEVERITY_FATAL);
    facts_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_nodes),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_an_access_list_that_changed),
        cmocka_unit_test(test_dropped_packets_beside_old_connections),
        cmocka_unit_test(test_what_mooring_says),
        cmocka_unit_test(test_an_old_list),
        cmocka_unit_test(test_a_late_alert),
    };
    return cmocka_run_group_tests_name("judge_local", tests, NULL, NULL);
}
