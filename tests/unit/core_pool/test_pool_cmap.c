/* Rules of connection monitoring and pooling that are younger than the cases that can be installed
 * (tests/spec/test_cmap.c): pools begin paused, few dial at once, and who waits is told at once. */
#include "pool_world.h"

/* CMAP: who waits until it may dial also takes a connection that comes back. */
static void a_returned_one_serves_who_waits_for_its_turn_to_dial(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.max_connecting = 1;
    struct world w = world_of(limits);
    want(&w, 1, LANE_FOLLOW_UP);
    struct backend_id first = next(&w, POOL_DIAL).backend;
    pool_on_ready(w.p, first, w.now);
    next(&w, POOL_GRANT);
    want(&w, 2, LANE_FOLLOW_UP);
    want(&w, 3, LANE_FOLLOW_UP);
    next(&w, POOL_DIAL); /* for the one; the other waits until it is done */
    expect_nothing(&w);
    pool_on_returned(w.p, first, POOL_CLEAN, w.now);
    struct pool_action granted = next(&w, POOL_GRANT);
    assert_int_equal(granted.exchange, 2);
    assert_true(backend_id_equals(granted.backend, first));
    expect_nothing(&w); /* the dial under way is for the other */
    pool_free(w.p);
}

static void who_waits_for_its_turn_to_dial_waits_no_longer_than_others(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.max_connecting = 1;
    struct world w = world_of(limits);
    want(&w, 1, LANE_FOLLOW_UP);
    next(&w, POOL_DIAL);
    pool_on_wanted(w.p, 2, LANE_FOLLOW_UP, w.now + 50, w.now);
    expect_nothing(&w);
    w.now += 50;
    struct pool_action refused = next(&w, POOL_REFUSE);
    assert_int_equal(refused.exchange, 2);
    assert_int_equal(refused.status, STATUS_QUEUE_TIMED_OUT);
    expect_nothing(&w); /* and nothing is cleared for it */
    pool_free(w.p);
}

/* CMAP: pausing fails the whole queue at once, in its order. */
static void pausing_refuses_all_who_wait(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    for (uint64_t exchange = 1; exchange <= 4; exchange++) {
        want(&w, exchange, LANE_FOLLOW_UP);
    }
    next(&w, POOL_DIAL);
    next(&w, POOL_DIAL);
    pool_on_generation(w.p, w.now);
    pool_on_down(w.p, w.now);
    next(&w, POOL_CLOSE); /* both that were being established are stale */
    next(&w, POOL_CLOSE);
    for (uint64_t exchange = 1; exchange <= 4; exchange++) {
        struct pool_action refused = next(&w, POOL_REFUSE);
        assert_int_equal(refused.exchange, exchange);
        assert_int_equal(refused.status, STATUS_NOT_SUITABLE);
    }
    expect_nothing(&w);
    pool_free(w.p);
}

static void a_paused_pool_fills_no_minimum(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.min_size = 1;
    struct world w = {.now = 1000};
    w.p = pool_new(&limits, 7, w.now);
    expect_nothing(&w); /* a new pool is paused */
    pool_on_up(w.p, w.now);
    pool_on_ready(w.p, next(&w, POOL_DIAL).backend, w.now);
    expect_nothing(&w);
    pool_on_generation(w.p, w.now);
    pool_on_down(w.p, w.now);
    pool_on_closed(w.p, next(&w, POOL_CLOSE).backend, w.now);
    expect_nothing(&w);
    pool_on_up(w.p, w.now);
    w.now = pool_deadline(w.p, w.now); /* within the first step of the back-off */
    next(&w, POOL_DIAL);               /* one of the new generation takes its place */
    pool_free(w.p);
}

/* CMAP: the generation grows with every clear, paused or not, so that the errors of what was lent
 * before are told from news. */
static void what_was_lent_before_a_clear_is_of_an_older_generation(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    want(&w, 1, LANE_FOLLOW_UP);
    struct backend_id old = next(&w, POOL_DIAL).backend;
    pool_on_ready(w.p, old, w.now);
    next(&w, POOL_GRANT);
    assert_true(pool_is_current(w.p, old));
    pool_on_generation(w.p, w.now);
    assert_false(pool_is_current(w.p, old));
    expect_nothing(&w); /* it serves to the end of what it was lent for */
    want(&w, 2, LANE_FOLLOW_UP);
    struct backend_id new = next(&w, POOL_DIAL).backend;
    assert_true(pool_is_current(w.p, new));
    pool_on_generation(w.p, w.now);
    assert_false(pool_is_current(w.p, new));
    assert_true(backend_id_equals(next(&w, POOL_CLOSE).backend, new));
    pool_free(w.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_returned_one_serves_who_waits_for_its_turn_to_dial),
        cmocka_unit_test(who_waits_for_its_turn_to_dial_waits_no_longer_than_others),
        cmocka_unit_test(pausing_refuses_all_who_wait),
        cmocka_unit_test(a_paused_pool_fills_no_minimum),
        cmocka_unit_test(what_was_lent_before_a_clear_is_of_an_older_generation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
