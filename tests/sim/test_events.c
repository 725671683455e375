/* What operators are told: events, their program (events.hook), giving up, and the ways to begin.
 */
#include <string.h>

#include "proxy/cluster_parts.h"
#include "workers.h"

#define WRITE "{'insert': 'things', 'documents': [{}]}"

enum { TOLD_MOST = 400, TOLD_SIZE = 600 };

/* What the program was given, one run after the other. */
struct told {
    struct sim_world *w;
    char lines[TOLD_MOST][TOLD_SIZE];
    msec at[TOLD_MOST];
    size_t count;
};

static void note_run(void *owner)
{
    struct told *t = owner;
    const char *program;
    struct span input;
    if (t->w->proxy == NULL || t->w->proxy->metrics.event_hooks_run == t->count) {
        return;
    }
    assert_true(t->count < TOLD_MOST);
    assert_int_equal(t->w->proxy->metrics.event_hooks_run, t->count + 1);
    assert_true(sim_last_program(t->w->sim, &program, &input));
    snprintf(t->lines[t->count], TOLD_SIZE, "%.*s", (int)input.size, (const char *)input.at);
    t->at[t->count++] = net_now(t->w->net);
}

static struct told *listen_to(struct sim_world *w)
{
    static struct told told;
    told.w = w;
    told.count = 0;
    sim_add_invariant(w->sim, note_run, &told);
    return &told;
}

static size_t count_told(const struct told *t, const char *part)
{
    size_t count = 0;
    for (size_t i = 0; i < t->count; i++) {
        count += strstr(t->lines[i], part) != NULL;
    }
    return count;
}

static const char *last_told(const struct told *t, const char *part)
{
    for (size_t i = t->count; i > 0; i--) {
        if (strstr(t->lines[i - 1], part) != NULL) {
            return t->lines[i - 1];
        }
    }
    return "";
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        print_error("\"%s\" does not say \"%s\"\n", text, part);
        fail();
    }
}

static uint64_t events_of(const struct sim_world *w, enum event_kind kind)
{
    return w->proxy->metrics.events[kind];
}

/* --- what is told --- */

static void test_an_outage_is_told_from_end_to_end(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = "--events.hook=tell"});
    struct told *told = listen_to(w);
    (void)state;
    sim_world_works(w, 5000);
    sim_world_run(w, 100);
    assert_int_equal(events_of(w, EVENT_UPSTREAM_UP), 1);
    assert_int_equal(events_of(w, EVENT_PRIMARY_CHANGED), 1);
    assert_int_equal(events_of(w, EVENT_UPSTREAM_DOWN), 0);
    sim_cluster_die(w->cluster);
    sim_world_run(w, 20000);
    assert_int_equal(events_of(w, EVENT_UPSTREAM_DOWN), 1);
    assert_int_equal(events_of(w, EVENT_NODE_DOWN), 3);
    sim_cluster_revive(w->cluster);
    sim_world_run(w, 20000);
    assert_int_equal(events_of(w, EVENT_UPSTREAM_UP), 2);
    assert_int_equal(events_of(w, EVENT_NODE_UP), 3);
    assert_int_equal(count_told(told, "upstream.down"), 1);
    const char *down = last_told(told, "upstream.down");
    assert_has(down, "\"scope\" : \"cluster\"");
    assert_has(down, "\"cause\" : \"");
    assert_has(down, w->cluster->nodes[0].name);
    assert_has(down, "\"time\" : \"2");
    assert_int_equal(down[strlen(down) - 1], '\n');
    assert_has(last_told(told, "upstream.up"), "\"downtime_ms\" : ");
    assert_has(last_told(told, "node.up"), "\"downtime_ms\" : ");
    sim_world_end(w);
}

static void test_another_primary_is_told_with_the_one_before(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = "--events.hook=tell"});
    struct told *told = listen_to(w);
    char from[300];
    (void)state;
    sim_world_works(w, 5000);
    sim_cluster_step_down(w->cluster, 1, 2000);
    sim_world_run(w, 20000);
    assert_int_equal(events_of(w, EVENT_PRIMARY_CHANGED), 2);
    snprintf(from, sizeof from, "\"from\" : \"%s\", \"to\" : \"%s\"", w->cluster->nodes[0].name,
             w->cluster->nodes[1].name);
    assert_has(last_told(told, "primary.changed"), from);
    assert_has(last_told(told, "upstream.down"), "\"finding\" : \"TOPO-01\"");
    assert_int_equal(events_of(w, EVENT_NODE_DOWN), 0);
    sim_world_end(w);
}

static void test_a_wrong_password_is_an_outage(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = "--events.hook=tell", .user = "u", .password = "right", .gives = "secret"});
    struct told *told = listen_to(w);
    (void)state;
    sim_world_run(w, 5000);
    assert_int_equal(events_of(w, EVENT_UPSTREAM_DOWN), 1);
    assert_int_equal(events_of(w, EVENT_UPSTREAM_UP), 0);
    assert_has(last_told(told, "upstream.down"), "\"finding\" : \"AUTH-01\"");
    for (size_t i = 0; i < told->count; i++) {
        assert_null(strstr(told->lines[i], "secret"));
    }
    sim_world_end(w);
}

static void test_a_shortage_is_told_once_a_minute(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--events.hook=tell --pool.maxPoolSize=2 "
                                                 "--pool.waitQueueTimeoutMS=200"});
    struct told *told = listen_to(w);
    (void)state;
    sim_world_works(w, 5000);
    struct sim_client *holder = sim_client_open(w);
    sim_client_ask(holder, "{'insert': 'things', 'documents': [{}], 'delay': 90000}");
    sim_world_run(w, 100);
    for (int i = 0; i < 90; i++) {
        struct sim_client *c = sim_client_open(w);
        sim_client_ask(c, WRITE);
        sim_world_run(w, 1000);
        sim_client_leave(c, CLOSE_NOW);
    }
    assert_int_equal(events_of(w, EVENT_POOL_EXHAUSTED), 2);
    const char *last = last_told(told, "pool.exhausted");
    assert_has(last, "LIM-04");
    assert_has(last, "\"wait_ms\" : 200");
    assert_has(last, "\"operations\" : 60");
    sim_world_end(w);
}

/* --- the program --- */

static void test_what_comes_and_goes_starts_no_storm(void **state)
{
    struct sim_world *w = sim_world_new(
        (struct sim_plan){.flags = "--events.hook=tell --upstream.heartbeatFrequencyMS=500"});
    struct told *told = listen_to(w);
    (void)state;
    sim_world_works(w, 5000);
    msec began = net_now(w->net);
    for (int i = 0; i < 40; i++) {
        sim_cluster_step_down(w->cluster, i % 3, 300);
        sim_world_run(w, 700);
    }
    msec took = net_now(w->net) - began;
    sim_world_run(w, 30000);
    uint64_t downs = events_of(w, EVENT_UPSTREAM_DOWN);
    assert_in_range(downs, 20, 60);
    assert_in_range(count_told(told, "upstream.down"), 2, (size_t)(took / 5000) + 2);
    assert_has(last_told(told, "upstream.down"), "\"repeats\" : ");
    assert_has(last_told(told, "upstream."), "upstream.up"); /* the truth comes last */
    sim_world_end(w);
}

static void test_a_program_that_hangs_is_ended_and_holds_nobody_up(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = "--events.hook=tell --events.hookTimeoutMS=3000 --events.hookQueue=2"});
    struct told *told = listen_to(w);
    (void)state;
    sim_set_program(w->sim, STATUS_OK, 0, 1000000);
    sim_world_works(w, 5000);
    sim_cluster_die(w->cluster);
    sim_world_run(w, 15000);
    sim_cluster_revive(w->cluster);
    sim_world_works(w, 20000);
    sim_world_run(w, 30000);
    assert_int_equal(w->proxy->metrics.event_hooks_failed, told->count);
    for (size_t i = 1; i < told->count; i++) {
        assert_true(told->at[i] - told->at[i - 1] >= 3000); /* one at a time */
    }
    assert_in_range(w->proxy->metrics.events_dropped, 1, 10);
    size_t dropped = count_told(told, "\"dropped\" : ");
    assert_in_range(dropped, 1, told->count);
    sim_world_end(w);
}

static void test_a_program_that_is_not_there(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = "--events.hook=tell"});
    (void)state;
    sim_set_program(w->sim, STATUS_FILE_FAILED, 0, 0);
    sim_world_works(w, 5000);
    sim_world_run(w, 100);
    assert_in_range(w->proxy->metrics.event_hooks_failed, 2, 3);
    sim_world_end(w);
}

static bool has_ended(void *owner)
{
    return ((struct sim_world *)owner)->has_ended;
}

static void test_the_end_waits_for_the_program_but_not_long(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = "--events.hook=tell --events.hookTimeoutMS=2000 --drain.maxMS=1000"});
    (void)state;
    sim_world_works(w, 5000);
    sim_set_program(w->sim, STATUS_OK, 0, 1000000);
    sim_cluster_die(w->cluster);
    sim_world_run(w, 300);
    msec began = net_now(w->net);
    proxy_drain(w->proxy);
    sim_world_until(w, 10000, has_ended, w);
    assert_in_range(net_now(w->net) - began, 500, 3100);
    sim_world_end(w);
}

/* --- giving up --- */

static void test_given_up_operations_fail_at_once(void **state)
{
    struct sim_world *w = sim_world_new(
        (struct sim_plan){.flags = "--reconnect.maxElapsedMS=5000 --events.hook=tell"});
    struct told *told = listen_to(w);
    (void)state;
    sim_world_works(w, 5000);
    sim_cluster_die(w->cluster);
    struct sim_client *c = sim_client_open(w);
    sim_world_run(w, 1000);
    sim_client_ask(c, WRITE);
    sim_world_answer(w, c, 10000);
    assert_in_range(c->took, 3000, 5000); /* who waits is told when it is given up */
    assert_has(sim_client_said(c), "given up 5 s after");
    assert_has(sim_client_said(c), "last cause");
    sim_client_ask(c, WRITE);
    sim_world_answer(w, c, 10000);
    assert_in_range(c->took, 0, 5);
    assert_int_equal(sim_client_code(c), 133);
    assert_int_equal(events_of(w, EVENT_UPSTREAM_GAVE_UP), 1);
    assert_has(last_told(told, "gave_up"), "\"since\" : \"2");
    /* A hand on it: operations wait again, for as long. */
    cluster_rearm(w->proxy->cluster);
    sim_client_ask(c, WRITE);
    sim_world_answer(w, c, 10000);
    assert_in_range(c->took, 4900, 5000);
    assert_int_equal(events_of(w, EVENT_UPSTREAM_GAVE_UP), 2);
    /* The cluster is back: that ends it as well. */
    sim_cluster_revive(w->cluster);
    sim_world_run(w, 15000);
    sim_world_works(w, 1000);
    sim_cluster_die(w->cluster);
    sim_world_run(w, 1000);
    sim_client_ask(c, WRITE);
    sim_world_answer(w, c, 10000);
    assert_in_range(c->took, 3000, 5000); /* in the next outage operations wait again */
    sim_world_run(w, 20000);
    assert_int_equal(events_of(w, EVENT_UPSTREAM_GAVE_UP), 3);
    assert_false(w->has_ended);
    sim_world_end(w);
}

static void test_it_is_not_given_up_by_itself(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_world_works(w, 5000);
    sim_cluster_die(w->cluster);
    sim_world_run(w, MINUTES(60) * 24);
    assert_int_equal(events_of(w, EVENT_UPSTREAM_GAVE_UP), 0);
    sim_cluster_revive(w->cluster);
    sim_world_works(w, 20000);
    sim_world_end(w);
}

static void test_given_up_the_process_can_end(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = "--reconnect.maxElapsedMS=5000 --reconnect.onGiveUp=exit --events.hook=tell"});
    struct told *told = listen_to(w);
    (void)state;
    sim_world_works(w, 5000);
    sim_cluster_die(w->cluster);
    sim_world_until(w, 20000, has_ended, w);
    assert_true(w->proxy->has_failed);
    assert_int_equal(count_told(told, "upstream.gave_up"), 1); /* before the end */
    sim_world_end(w);
}

/* It never was reached: that counts from the start. */
static void test_given_up_before_the_first_contact(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = "--reconnect.maxElapsedMS=5000", .is_srv = true, .is_nameless = true});
    (void)state;
    sim_world_run(w, 6000);
    assert_int_equal(events_of(w, EVENT_UPSTREAM_DOWN), 1);
    assert_int_equal(events_of(w, EVENT_UPSTREAM_GAVE_UP), 1);
    sim_set_fault(w->sim, FAULT_DNS_REFUSED, 0, 0);
    sim_world_run(w, 20000);
    sim_world_works(w, 1000);
    sim_world_end(w);
}

/* --- ways to begin --- */

static void test_strict_ends_when_the_cluster_is_not_there(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--startup.mode=strict --startup.timeoutMS=4000",
                                        .is_srv = true,
                                        .is_nameless = true});
    (void)state;
    msec began = net_now(w->net);
    sim_world_until(w, 10000, has_ended, w);
    assert_in_range(net_now(w->net) - began, 3900, 4200);
    assert_true(w->proxy->has_failed);
    sim_world_end(w);
}

static void test_strict_ends_at_once_for_a_wrong_password(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = "--startup.mode=strict", .user = "u", .password = "right", .gives = "wrong"});
    (void)state;
    msec began = net_now(w->net);
    sim_world_until(w, 10000, has_ended, w);
    assert_in_range(net_now(w->net) - began, 0, 2000);
    assert_true(w->proxy->has_failed);
    sim_world_end(w);
}

static void test_strict_only_looks_at_the_start(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--startup.mode=strict --startup.timeoutMS=4000"});
    (void)state;
    sim_world_works(w, 3000);
    sim_cluster_die(w->cluster);
    sim_world_run(w, 20000);
    assert_false(w->has_ended);
    sim_cluster_revive(w->cluster);
    sim_world_works(w, 20000);
    assert_false(w->proxy->has_failed);
    sim_world_end(w);
}

static void test_ready_gate_listens_when_the_cluster_is_reached(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){
        .flags = "--startup.mode=readyGate", .is_srv = true, .is_nameless = true});
    (void)state;
    sim_world_run(w, 5000);
    assert_int_equal(w->proxy->listener_count, 0);
    struct sim_client *c = sim_client_open(w);
    sim_world_run(w, 100);
    assert_null(c->conn); /* refused */
    sim_set_fault(w->sim, FAULT_DNS_REFUSED, 0, 0);
    sim_world_run(w, 15000);
    assert_int_equal(w->proxy->listener_count, 1);
    sim_world_works(w, 100);
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_an_outage_is_told_from_end_to_end),
        SIM_TEST(test_another_primary_is_told_with_the_one_before),
        SIM_TEST(test_a_wrong_password_is_an_outage),
        SIM_TEST(test_a_shortage_is_told_once_a_minute),
        SIM_TEST(test_what_comes_and_goes_starts_no_storm),
        SIM_TEST(test_a_program_that_hangs_is_ended_and_holds_nobody_up),
        SIM_TEST(test_a_program_that_is_not_there),
        SIM_TEST(test_the_end_waits_for_the_program_but_not_long),
        SIM_TEST(test_given_up_operations_fail_at_once),
        SIM_TEST(test_it_is_not_given_up_by_itself),
        SIM_TEST(test_given_up_the_process_can_end),
        SIM_TEST(test_given_up_before_the_first_contact),
        SIM_TEST(test_strict_ends_when_the_cluster_is_not_there),
        SIM_TEST(test_strict_ends_at_once_for_a_wrong_password),
        SIM_TEST(test_strict_only_looks_at_the_start),
        SIM_TEST(test_ready_gate_listens_when_the_cluster_is_reached),
    };
    return sim_world_main("events", tests, sizeof tests / sizeof *tests);
}
