/* Several who ask for one host at a time share one burst of questions; and what is kept of answers
 * serves each of them as it may. */
#include "chain.h"

enum { ASKERS = 4, A = 1, AAAA = 28 };

struct asker {
    struct names_request *request; /* NULL: over */
    enum status status;
    size_t count;
    uint16_t port;
    bool is_stale;
    msec age;
    msec took;
    msec began_at;
};

static struct asker askers[ASKERS];

static void on_answer(void *owner, const struct names_addresses *found)
{
    struct asker *a = owner;
    a->request = NULL;
    a->status = found->status;
    a->count = found->count;
    a->port = found->count > 0 ? found->addresses[0].port : 0;
    a->is_stale = found->is_stale;
    a->age = found->age;
    a->took = net_now(w.net) - a->began_at;
    assert_true((found->source != NULL) == (found->count > 0));
}

static struct asker *ask(int index, bool is_live)
{
    struct asker *a = &askers[index];
    *a = (struct asker){.began_at = net_now(w.net)};
    a->request = is_live ? names_refresh_host(w.names, NODE, (uint16_t)(100 + index), on_answer, a)
                         : names_resolve_host(w.names, NODE, (uint16_t)(100 + index), on_answer, a);
    return a;
}

static void remember(void)
{
    struct dns_settings kept = {.stale_max_ms = MINUTES(100), .stale_warn_ms = MINUTES(100)};
    names_set_listener(w.names, NULL, NULL);
    names_remember(w.names, &w.upstream, &kept, true);
}

/* Each has the answer with the port that it asked for. */
static void one_burst_for_all(void **state)
{
    (void)state;
    use(LIST(OWN), LIST(NULL));
    for (int i = 0; i < ASKERS; i++) {
        ask(i, i % 2 == 0);
        sim_run_for(w.sim, 2);
    }
    sim_run_for(w.sim, 100);
    for (int i = 0; i < ASKERS; i++) {
        assert_null(askers[i].request);
        assert_int_equal(askers[i].count, 1);
        assert_int_equal(askers[i].port, 100 + i);
    }
    assert_int_equal(sim_dns_count_type(w.sim, A), 1);
    assert_int_equal(sim_dns_count_type(w.sim, AAAA), 1);
    ask(0, false); /* and the next one asks anew */
    sim_run_for(w.sim, 100);
    assert_int_equal(sim_dns_count_type(w.sim, A), 2);
}

/* Who is no longer interested disturbs nobody, and the last one ends it. */
static void askers_that_leave(void **state)
{
    (void)state;
    use(LIST(OWN), LIST(NULL));
    names_cancel(ask(0, false)->request);
    ask(1, false);
    ask(2, false);
    names_cancel(askers[1].request);
    sim_run_for(w.sim, 100);
    assert_int_equal(askers[2].count, 1);
    assert_non_null(askers[1].request);
    ask(0, false);
    names_cancel(ask(1, false)->request);
    names_cancel(askers[0].request);
    sim_run_for(w.sim, 100);
    assert_int_equal(sim_count_datagrams(w.sim), 0);
    /* In the moment between the answer and the turn in which it is told. */
    ask(0, false);
    ask(1, false);
    while (sim_count_datagrams(w.sim) > 0) {
        assert_true(sim_step(w.sim));
    }
    sim_step(w.sim);
    names_cancel(askers[1].request);
    sim_run_for(w.sim, 100);
    assert_int_equal(askers[0].count, 1);
}

/* An old answer does for who may have it, and the burst goes on for who may not. */
static void an_old_answer_and_a_late_one(void **state)
{
    (void)state;
    use(LIST(OWN), LIST(NULL));
    remember();
    ask(0, false);
    sim_run_for(w.sim, SECONDS(100));
    assert_false(askers[0].is_stale);
    sim_dns_behave(w.sim, NULL, SIM_DNS_SILENT);
    ask(0, false);
    ask(1, true);
    sim_run_for(w.sim, 1799);
    assert_non_null(askers[0].request);
    sim_run_for(w.sim, 1);
    assert_null(askers[0].request);
    assert_true(askers[0].is_stale);
    assert_in_range(askers[0].age, SECONDS(100), SECONDS(102));
    assert_int_equal(askers[0].port, 100);
    ask(2, false); /* they are known to be silent by now */
    sim_run_for(w.sim, 201);
    assert_true(askers[2].is_stale);
    assert_int_equal(askers[2].took, 200);
    sim_run_for(w.sim, SECONDS(10));
    assert_int_equal(askers[1].count, 0);
    assert_int_equal(askers[1].status, STATUS_NAME_LOOKUP_FAILED);
    sim_dns_behave(w.sim, NULL, SIM_DNS_WELL);
    ask(3, false);
    sim_run_for(w.sim, 100);
    assert_false(askers[3].is_stale);
    assert_int_equal(askers[3].count, 1);
}

/* One live answer is enough to be patient again. */
static void patience_comes_back(void **state)
{
    (void)state;
    use(LIST(OWN), LIST(NULL));
    remember();
    ask(0, false);
    sim_run_for(w.sim, 100);
    for (int i = 0; i < 2; i++) {
        sim_dns_behave(w.sim, NULL, SIM_DNS_SILENT);
        ask(0, false);
        sim_run_for(w.sim, 2000);
        assert_int_equal(askers[0].took, 1800);
        sim_dns_behave(w.sim, NULL, SIM_DNS_WELL);
        ask(0, false);
        sim_run_for(w.sim, 100);
        assert_false(askers[0].is_stale);
    }
    sim_dns_behave(w.sim, NULL, SIM_DNS_SILENT);
    ask(0, false);
    sim_run_for(w.sim, SECONDS(40)); /* and so is time */
    ask(0, false);
    sim_run_for(w.sim, 2000);
    assert_int_equal(askers[0].took, 1800);
}

/* A denial is told, and does not count; a wrong seed list counts. */
static void a_denial_is_told(void **state)
{
    (void)state;
    use(LIST(OWN, OWN_2), LIST(NULL));
    remember();
    ask(0, false);
    resolve();
    assert_good();
    sim_run_for(w.sim, 1000);
    sim_dns_behave(w.sim, NULL, SIM_DNS_NXDOMAIN);
    ask(0, false);
    sim_run_for(w.sim, 1000);
    assert_true(askers[0].is_stale);
    resolve();
    assert_good();
    fflush(w.log_file);
    const char *told = strstr(w.log, "; going by what 192.0.2.1:53 said");
    assert_non_null(told);
    assert_null(strstr(told + 9, "going by what")); /* once */
    sim_run_for(w.sim, MINUTES(100));
    resolve();
    assert_int_equal(w.status, STATUS_NAME_NOT_FOUND); /* it is too old by now */
}

/* The TXT record alone fails: what it said last counts. */
static void txt_alone_fails(void **state)
{
    (void)state;
    use(LIST(OWN), LIST(NULL));
    remember();
    resolve();
    assert_string_equal(w.auth_source, "things");
    sim_dns_answer(w.sim, NULL, CLUSTER, DNS_TXT, STATUS_REFUSED, span_of("", 0), DELAY_MS);
    resolve();
    assert_int_equal(w.status, STATUS_OK);
    assert_string_equal(w.auth_source, "things");
}

static bool has_changed;

static void on_changed(void *owner, const struct names_seeds *found)
{
    (void)owner;
    w.request = NULL;
    assert_int_equal(found->status, STATUS_OK);
    has_changed = found->has_changed;
}

static bool is_new(bool is_poll)
{
    w.request = is_poll ? names_poll_seeds(w.names, &w.upstream, on_changed, NULL)
                        : names_resolve_seeds(w.names, &w.upstream, on_changed, NULL);
    finish();
    return has_changed;
}

static void put_targets(const char *first, const char *second)
{
    static struct wire m;
    wire_open(&m, ANSWER, SRV, DNS_SRV);
    wire_srv(&m, SRV, 60, 27017, first);
    if (second != NULL) {
        wire_srv(&m, SRV, 60, 27017, second);
    }
    sim_dns_answer(w.sim, NULL, SRV, DNS_SRV, STATUS_OK, wire_span(&m), DELAY_MS);
}

/* Not at first, nor for another order, nor for those that srvMaxHosts leaves out. */
static void new_machines_are_noticed(void **state)
{
    (void)state;
    use(LIST(OWN), LIST(NULL));
    remember();
    w.upstream.srv_max_hosts = 1;
    put_targets("a.example.test", "b.example.test");
    assert_false(is_new(false));
    assert_false(is_new(true));
    put_targets("B.example.test", "a.example.test");
    assert_false(is_new(true));
    put_targets("a.example.test", NULL);
    assert_true(is_new(true));
    put_targets("c.example.test", NULL);
    assert_true(is_new(false));
    assert_false(is_new(true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_burst_for_all, begin, end),
        cmocka_unit_test_setup_teardown(askers_that_leave, begin, end),
        cmocka_unit_test_setup_teardown(an_old_answer_and_a_late_one, begin, end),
        cmocka_unit_test_setup_teardown(patience_comes_back, begin, end),
        cmocka_unit_test_setup_teardown(a_denial_is_told, begin, end),
        cmocka_unit_test_setup_teardown(txt_alone_fails, begin, end),
        cmocka_unit_test_setup_teardown(new_machines_are_noticed, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
