/* What is kept, checked and closed. */
#include "pool_world.h"

static void the_warm_minimum_is_dialled_without_demand(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.min_size = 1;
    struct pool *down = pool_new(&limits, 7, 1000);
    struct pool_action a;
    assert_false(pool_next_action(down, 1000, &a)); /* not before the node is known */
    pool_free(down);
    struct world w = world_of(limits);
    struct backend_id b = expect_dial(&w);
    expect_nothing(&w);
    pool_on_ready(w.p, b, w.now);
    expect_nothing(&w);
    w.now += SECONDS(181); /* not closed for idleness alone */
    expect_nothing(&w);
    w.now += MINUTES(73); /* but for its age, and replaced */
    expect_close(&w, b, STATUS_TOO_OLD);
    expect_dial(&w);
    pool_free(w.p);
}

static void idle_ones_beyond_the_minimum_are_closed(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.min_size = 1;
    struct world w = world_of(limits);
    struct backend_id warm = expect_dial(&w);
    pool_on_ready(w.p, warm, w.now);
    want(&w, 1, LANE_NEW);
    expect_grant(&w, 1);
    struct backend_id second = lend(&w, 2, LANE_NEW);
    pool_on_returned(w.p, warm, POOL_CLEAN, w.now);
    w.now += SECONDS(10);
    pool_on_returned(w.p, second, POOL_CLEAN, w.now);
    expect_nothing(&w);
    assert_int_equal(pool_deadline(w.p, w.now), w.now + SECONDS(170));
    w.now += SECONDS(170); /* the longest idle goes, the other is the minimum now */
    expect_close(&w, warm, STATUS_IDLE_TOO_LONG);
    pool_on_closed(w.p, warm, w.now);
    w.now += SECONDS(600);
    expect_nothing(&w);
    assert_int_equal(pool_counts(w.p)->idle, 1);
    pool_free(w.p);
}

static void of_several_the_longest_idle_is_closed(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.min_size = 1;
    struct world w = world_of(limits);
    struct backend_id a = expect_dial(&w);
    pool_on_ready(w.p, a, w.now);
    want(&w, 1, LANE_NEW);
    expect_grant(&w, 1);
    struct backend_id b = lend(&w, 2, LANE_NEW);
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    w.now += 1;
    pool_on_returned(w.p, a, POOL_CLEAN, w.now);
    w.now += SECONDS(200); /* both are idle for too long, one may stay */
    expect_close(&w, b, STATUS_IDLE_TOO_LONG);
    expect_nothing(&w);
    pool_free(w.p);
}

static void one_waiter_needs_one_check(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    struct backend_id a = lend(&w, 1, LANE_NEW);
    struct backend_id b = lend(&w, 2, LANE_NEW);
    pool_on_returned(w.p, a, POOL_CLEAN, w.now);
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    w.now += SECONDS(31);
    want(&w, 3, LANE_NEW);
    next(&w, POOL_CHECK);
    expect_nothing(&w);
    want(&w, 4, LANE_NEW);
    next(&w, POOL_CHECK);
    expect_nothing(&w);
    pool_free(w.p);
}

static void lifetimes_vary_by_a_fifth(void **state)
{
    (void)state;
    msec least = MSEC_NEVER, most = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct pool_limits limits = usual;
        limits.max_idle = 0;
        struct pool *p = pool_new(&limits, seed, 0);
        pool_on_up(p, 0);
        struct world w = {.p = p, .now = 0};
        idle_one(&w);
        msec at = pool_deadline(p, 0);
        least = msec_earlier(least, at);
        most = at > most ? at : most;
        pool_free(p);
    }
    assert_in_range(least, MINUTES(48), MINUTES(50));
    assert_in_range(most, MINUTES(70), MINUTES(72));
}

static void a_lent_one_beyond_its_lifetime_is_closed_when_it_returns(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    struct backend_id b = lend(&w, 1, LANE_NEW);
    w.now += MINUTES(73);
    expect_nothing(&w);
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    expect_close(&w, b, STATUS_TOO_OLD);
    pool_free(w.p);
}

static void a_long_idle_one_is_checked_before_it_serves(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    struct backend_id b = idle_one(&w);
    w.now += SECONDS(30);
    want(&w, 1, LANE_NEW);
    struct pool_action a = next(&w, POOL_CHECK);
    assert_true(backend_id_equals(a.backend, b));
    expect_nothing(&w); /* the check covers the waiter: no dial */
    pool_on_ready(w.p, b, w.now);
    expect_grant(&w, 1);
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    w.now += SECONDS(29);
    want(&w, 2, LANE_NEW);
    expect_grant(&w, 2);
    pool_free(w.p);
}

static void a_failed_check_leads_to_a_dial(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    struct backend_id b = idle_one(&w);
    w.now += SECONDS(31);
    want(&w, 1, LANE_NEW);
    next(&w, POOL_CHECK);
    pool_on_closed(w.p, b, w.now);
    expect_dial(&w);
    expect_nothing(&w);
    pool_free(w.p);
}

static void a_new_generation_closes_idle_now_and_lent_later(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    struct backend_id lent = lend(&w, 1, LANE_NEW);
    struct backend_id idle = idle_one(&w);
    want(&w, 2, LANE_NEW);
    assert_true(backend_id_equals(expect_grant(&w, 2), idle));
    want(&w, 3, LANE_NEW);
    struct backend_id dialling = expect_dial(&w);
    pool_on_returned(w.p, idle, POOL_CLEAN, w.now);
    expect_grant(&w, 3);
    pool_on_returned(w.p, idle, POOL_CLEAN, w.now);
    expect_nothing(&w);
    assert_true(pool_is_current(w.p, lent));
    pool_on_generation(w.p, w.now);
    assert_false(pool_is_current(w.p, lent));
    expect_close(&w, idle, STATUS_STALE_GENERATION);
    expect_close(&w, dialling, STATUS_STALE_GENERATION);
    expect_nothing(&w);
    pool_on_ready(w.p, dialling, w.now); /* crossed with the close: too late */
    expect_nothing(&w);
    pool_on_returned(w.p, lent, POOL_CLEAN, w.now);
    expect_close(&w, lent, STATUS_STALE_GENERATION);
    assert_int_equal(pool_counts(w.p)->closing, 3);
    pool_on_closed(w.p, lent, w.now);
    assert_true(pool_is_current(w.p, lend(&w, 4, LANE_NEW)));
    pool_free(w.p);
}

static void a_drained_pool_ends_everything(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.min_size = 2;
    struct world w = world_of(limits);
    struct backend_id a = expect_dial(&w);
    struct backend_id b = expect_dial(&w);
    pool_on_ready(w.p, a, w.now);
    want(&w, 1, LANE_NEW);
    expect_grant(&w, 1);
    want(&w, 2, LANE_NEW);
    pool_on_drain(w.p, STATUS_DRAINING, w.now);
    expect_close(&w, b, STATUS_DRAINING);
    expect_refusal(&w, 2, STATUS_DRAINING);
    want(&w, 3, LANE_FINISH);
    expect_refusal(&w, 3, STATUS_DRAINING);
    pool_on_returned(w.p, a, POOL_CLEAN, w.now);
    expect_close(&w, a, STATUS_DRAINING);
    pool_on_closed(w.p, a, w.now);
    pool_on_closed(w.p, b, w.now);
    expect_nothing(&w);
    assert_int_equal(pool_counts(w.p)->total, 0);
    assert_int_equal(pool_deadline(w.p, w.now), MSEC_NEVER);
    pool_free(w.p);
}

static void a_lowered_cap_closes_what_is_too_many(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    struct backend_id a = lend(&w, 1, LANE_FINISH);
    struct backend_id b = lend(&w, 2, LANE_FINISH);
    struct backend_id c = lend(&w, 3, LANE_FINISH);
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    struct pool_limits limits = usual;
    limits.max_size = 1;
    pool_on_limits(w.p, &limits, w.now);
    expect_close(&w, b, STATUS_CLOSED_BY_US);
    pool_on_closed(w.p, b, w.now);
    pool_on_returned(w.p, c, POOL_CLEAN, w.now);
    expect_close(&w, c, STATUS_CLOSED_BY_US);
    pool_on_returned(w.p, a, POOL_CLEAN, w.now);
    expect_nothing(&w);
    assert_int_equal(pool_counts(w.p)->idle, 1);
    pool_free(w.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_warm_minimum_is_dialled_without_demand),
        cmocka_unit_test(idle_ones_beyond_the_minimum_are_closed),
        cmocka_unit_test(of_several_the_longest_idle_is_closed),
        cmocka_unit_test(one_waiter_needs_one_check),
        cmocka_unit_test(lifetimes_vary_by_a_fifth),
        cmocka_unit_test(a_lent_one_beyond_its_lifetime_is_closed_when_it_returns),
        cmocka_unit_test(a_long_idle_one_is_checked_before_it_serves),
        cmocka_unit_test(a_failed_check_leads_to_a_dial),
        cmocka_unit_test(a_new_generation_closes_idle_now_and_lent_later),
        cmocka_unit_test(a_drained_pool_ends_everything),
        cmocka_unit_test(a_lowered_cap_closes_what_is_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
