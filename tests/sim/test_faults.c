/* Each fault of tests/support/faults.h at every time it can happen: a story runs with the fault
 * skipped N times and then happening, for N = 0, 1, 2 … until it happens no more. */
#include "story.h"

#define FLAGS                                                                               \
    "--pool.maxPoolSize=3 --upstream.operationTimeoutMS=5000 --limits.holdBytes=16KiB "     \
    "--outage.queueTimeoutMS=3000 --upstream.connectTimeoutMS=2000 --reconnect.maxMS=2000 " \
    "--reconnect.faultMS=2000 "                                                             \
    "--upstream.heartbeatFrequencyMS=1000"

enum { LARGE_BYTES = 17000, WELL_MS = 3600000, STEPS_MOST = 20000 };

struct aim {
    enum fault fault;
    uint64_t times;   /* in a row */
    uint64_t stride;  /* from one N to the next */
    bool at_client;   /* the conn of the application; else the primary's; for faults of conns */
    bool is_anywhere; /* not aimed */
    bool has_login;
    bool is_srv;
    uint64_t most; /* N, when not until it fires no more */
};

static bool fault_fires(const struct aim *a, uint64_t skip)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.seed = skip + 1,
                                                          .flags = FLAGS,
                                                          .latency = 1,
                                                          .user = a->has_login ? "user" : NULL,
                                                          .password = "pencil",
                                                          .is_srv = a->is_srv});
    struct story s;
    const struct address *at = a->at_client ? &w->at : &w->cluster->nodes[0].at;
    sim_set_fault_at(w->sim, a->fault, a->is_anywhere ? NULL : at, skip, a->times);
    story_begin(&s, w, LARGE_BYTES);
    sim_world_until(w, WELL_MS, story_is_over, &s);
    bool has_fired = sim_fault_fired(w->sim, a->fault) > 0;
    sim_set_fault(w->sim, a->fault, 0, 0);
    sim_world_run(w, 4000);
    sim_world_works(w, WELL_MS);
    sim_world_end(w);
    return has_fired;
}

static void sweep(struct aim a, uint64_t at_least)
{
    uint64_t runs = 0;
    for (uint64_t skip = 0; (a.most == 0 || skip < a.most) && fault_fires(&a, skip);
         skip += a.stride) {
        runs++;
        assert_true(runs < STEPS_MOST);
    }
    assert_true(runs >= at_least);
}

static void test_dial_refused(void **state)
{
    (void)state;
    sweep((struct aim){.fault = FAULT_DIAL_REFUSED, .times = 1, .stride = 1}, 2);
    sweep((struct aim){.fault = FAULT_DIAL_REFUSED, .times = 5, .stride = 1}, 2);
}

static void test_dial_hangs(void **state)
{
    (void)state;
    sweep((struct aim){.fault = FAULT_DIAL_HANGS, .times = 1, .stride = 1}, 2);
    sweep((struct aim){.fault = FAULT_DIAL_HANGS, .times = 5, .stride = 1}, 2);
}

/* After each so many bytes, both ways: in headers, in hellos, in the middle of a login, of a
 * request, of a reply. */
static void test_reset_of_the_server(void **state)
{
    (void)state;
    sweep((struct aim){.fault = FAULT_RESET_AT_BYTE, .times = 1, .stride = 389}, 50);
    sweep((struct aim){.fault = FAULT_RESET_AT_BYTE,
                       .times = 1,
                       .stride = 109,
                       .most = 3000,
                       .has_login = true},
          27);
}

static void test_reset_of_the_client(void **state)
{
    (void)state;
    sweep((struct aim){.fault = FAULT_RESET_AT_BYTE, .times = 1, .stride = 389, .at_client = true},
          50);
}

static void test_no_chunks(void **state)
{
    (void)state;
    sweep((struct aim){.fault = FAULT_CHUNKS_EMPTY, .times = 1, .stride = 1, .is_anywhere = true},
          50);
    sweep((struct aim){.fault = FAULT_CHUNKS_EMPTY, .times = 20, .stride = 7, .is_anywhere = true},
          10);
}

static void test_clock_jump(void **state)
{
    (void)state;
    sweep((struct aim){.fault = FAULT_CLOCK_JUMP, .times = 1, .stride = 1, .is_anywhere = true},
          50);
}

static void test_slow_work(void **state)
{
    (void)state;
    sweep((struct aim){.fault = FAULT_WORK_SLOW,
                       .times = 1,
                       .stride = 1,
                       .is_anywhere = true,
                       .has_login = true},
          1);
}

static void test_names(void **state)
{
    static const enum fault faults[] = {FAULT_DNS_EMPTY, FAULT_DNS_LATE, FAULT_DNS_REFUSED,
                                        FAULT_DNS_HANGS};
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        for (uint64_t times = 1; times <= 6; times += 5) {
            sweep((struct aim){.fault = faults[i],
                               .times = times,
                               .stride = 1,
                               .is_anywhere = true,
                               .is_srv = true},
                  3);
        }
    }
}

/* Cut in whatever way, the bytes mean the same: nothing fails. */
static void test_every_cut(void **state)
{
    static const enum fault faults[] = {FAULT_SHORT_READ, FAULT_ONE_BYTE};
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct sim_world *w = sim_world_new(
            (struct sim_plan){.seed = seed, .flags = FLAGS, .user = "user", .password = "pencil"});
        struct story s;
        sim_set_fault(w->sim, faults[seed % 2], 0, 20000);
        story_begin(&s, w, LARGE_BYTES);
        sim_world_until(w, WELL_MS, story_is_over, &s);
        assert_int_equal(s.failed, 0);
        assert_true(sim_fault_fired(w->sim, faults[seed % 2]) > 100);
        assert_int_equal(s.chapter, STORY_END);
        sim_world_end(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_dial_refused),        SIM_TEST(test_dial_hangs),
        SIM_TEST(test_reset_of_the_server), SIM_TEST(test_reset_of_the_client),
        SIM_TEST(test_no_chunks),           SIM_TEST(test_clock_jump),
        SIM_TEST(test_slow_work),           SIM_TEST(test_names),
        SIM_TEST(test_every_cut),
    };
    return sim_world_main("faults", tests, sizeof tests / sizeof *tests);
}
