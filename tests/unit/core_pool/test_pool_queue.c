/* Who is served, in which order, and who is refused. */
#include "pool_world.h"

static void a_wanted_backend_is_dialled_lent_and_reused(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    expect_nothing(&w);
    struct backend_id b = lend(&w, 1, LANE_NEW);
    assert_int_equal(pool_counts(w.p)->lent, 1);
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    expect_nothing(&w);
    assert_int_equal(pool_counts(w.p)->idle, 1);
    want(&w, 2, LANE_NEW);
    assert_true(backend_id_equals(expect_grant(&w, 2), b));
    pool_free(w.p);
}

static void the_last_used_is_lent_first(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    struct backend_id a = lend(&w, 1, LANE_NEW);
    struct backend_id b = lend(&w, 2, LANE_NEW);
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    pool_on_returned(w.p, a, POOL_CLEAN, w.now);
    want(&w, 3, LANE_NEW);
    assert_true(backend_id_equals(expect_grant(&w, 3), a));
    pool_free(w.p);
}

static void a_returned_backend_goes_to_who_waited_longest(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.max_size = 1;
    struct world w = world_of(limits);
    struct backend_id b = lend(&w, 1, LANE_NEW);
    want(&w, 2, LANE_NEW);
    want(&w, 3, LANE_NEW);
    expect_nothing(&w);
    w.now += 5;
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    struct pool_action a = next(&w, POOL_GRANT);
    assert_int_equal(a.exchange, 2);
    assert_int_equal(a.waited, 5);
    expect_nothing(&w);
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    expect_grant(&w, 3);
    pool_free(w.p);
}

static void lanes_are_served_in_order(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.max_size = 1;
    struct world w = world_of(limits);
    struct backend_id b = lend(&w, 1, LANE_NEW);
    want(&w, 2, LANE_NEW);
    want(&w, 3, LANE_FOLLOW_UP);
    want(&w, 4, LANE_FINISH);
    want(&w, 5, LANE_FOLLOW_UP);
    static const uint64_t order[] = {4, 3, 5, 2};
    for (size_t i = 0; i < 4; i++) {
        pool_on_returned(w.p, b, POOL_CLEAN, w.now);
        b = expect_grant(&w, order[i]);
        expect_nothing(&w);
    }
    pool_free(w.p);
}

static void new_work_leaves_one_slot_to_the_other_lanes(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.max_size = 3;
    struct world w = world_of(limits);
    struct backend_id a = lend(&w, 1, LANE_NEW);
    lend(&w, 2, LANE_NEW);
    want(&w, 3, LANE_NEW);
    expect_nothing(&w); /* not even dialled */
    struct backend_id kept = lend(&w, 4, LANE_FINISH);
    pool_on_returned(w.p, kept, POOL_CLEAN, w.now);
    expect_nothing(&w); /* idle, but not for new work */
    want(&w, 5, LANE_FOLLOW_UP);
    assert_true(backend_id_equals(expect_grant(&w, 5), kept));
    pool_on_returned(w.p, a, POOL_CLEAN, w.now);
    expect_grant(&w, 3);
    pool_free(w.p);
}

static void a_cap_of_one_serves_all_lanes(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.max_size = 1;
    struct world w = world_of(limits);
    struct backend_id b = lend(&w, 1, LANE_NEW);
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    want(&w, 2, LANE_FINISH);
    expect_grant(&w, 2);
    pool_free(w.p);
}

static void a_waiter_is_refused_at_its_deadline(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.max_size = 1;
    struct world w = world_of(limits);
    lend(&w, 1, LANE_NEW);
    pool_on_wanted(w.p, 2, LANE_NEW, w.now + 300, w.now);
    pool_on_wanted(w.p, 3, LANE_FINISH, w.now + 100, w.now);
    pool_on_wanted(w.p, 4, LANE_NEW, MSEC_NEVER, w.now);
    expect_nothing(&w);
    assert_int_equal(pool_deadline(w.p, w.now), w.now + 100);
    w.now += 100;
    expect_refusal(&w, 3, STATUS_QUEUE_TIMED_OUT);
    expect_nothing(&w);
    w.now += 200;
    struct pool_action a = next(&w, POOL_REFUSE);
    assert_int_equal(a.exchange, 2);
    assert_int_equal(a.waited, 300);
    w.now += MINUTES(10);
    expect_nothing(&w);
    assert_int_equal(pool_counts(w.p)->waiting, 1);
    pool_free(w.p);
}

static void a_full_queue_refuses_at_once(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.max_size = 1;
    limits.waiters_most = 2;
    struct world w = world_of(limits);
    lend(&w, 1, LANE_NEW);
    want(&w, 2, LANE_NEW);
    want(&w, 3, LANE_NEW);
    want(&w, 4, LANE_NEW);
    expect_refusal(&w, 4, STATUS_QUEUE_FULL);
    want(&w, 5, LANE_FINISH); /* a lane of its own */
    expect_nothing(&w);
    assert_int_equal(pool_counts(w.p)->waiting, 3);
    pool_free(w.p);
}

static void who_gave_up_is_not_served(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.max_size = 1;
    limits.waiters_most = 2;
    struct world w = world_of(limits);
    struct backend_id b = lend(&w, 1, LANE_NEW);
    struct waiter_id second = want(&w, 2, LANE_NEW);
    want(&w, 3, LANE_NEW);
    struct waiter_id refused = want(&w, 4, LANE_NEW);
    pool_on_unwanted(w.p, refused, w.now);
    pool_on_unwanted(w.p, second, w.now);
    pool_on_unwanted(w.p, second, w.now); /* twice: ignored */
    struct waiter_id fifth = want(&w, 5, LANE_NEW);
    assert_int_equal(fifth.index, second.index); /* reused under another tag */
    pool_on_unwanted(w.p, second, w.now);
    expect_nothing(&w);
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    b = expect_grant(&w, 3);
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    expect_grant(&w, 5);
    expect_nothing(&w);
    pool_free(w.p);
}

static void a_down_pool_hands_waiters_back_but_serves_from_idle(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    struct backend_id b = idle_one(&w);
    want(&w, 1, LANE_NEW);
    expect_grant(&w, 1);
    want(&w, 2, LANE_NEW);
    expect_dial(&w);
    pool_on_down(w.p, w.now);
    expect_refusal(&w, 2, STATUS_NOT_SUITABLE);
    want(&w, 3, LANE_FOLLOW_UP);
    expect_refusal(&w, 3, STATUS_NOT_SUITABLE);
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    want(&w, 4, LANE_FOLLOW_UP);
    expect_grant(&w, 4);
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    w.now += SECONDS(31);
    want(&w, 5, LANE_FOLLOW_UP); /* would have to be checked first */
    expect_refusal(&w, 5, STATUS_NOT_SUITABLE);
    pool_on_up(w.p, w.now);
    want(&w, 6, LANE_FOLLOW_UP);
    next(&w, POOL_CHECK);
    pool_free(w.p);
}

static void it_prints_itself(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    lend(&w, 1, LANE_NEW);
    want(&w, 2, LANE_FINISH);
    char text[200];
    pool_print(w.p, text, sizeof text);
    assert_string_equal(text, "up 1/4: 0 dialling, 0 checking, 0 idle, 1 lent, 0 closing; waiting "
                              "1+0+0+0");
    pool_free(w.p);
}

static void who_waits_chooses_again_when_the_role_changes(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.max_size = 1;
    struct world w = world_of(limits);
    struct backend_id busy = lend(&w, 1, LANE_NEW);
    want(&w, 2, LANE_NEW);
    want(&w, 3, LANE_FOLLOW_UP);
    want(&w, 4, LANE_FINISH);
    pool_on_role(w.p, w.now);
    expect_refusal(&w, 4, STATUS_NOT_SUITABLE);
    expect_refusal(&w, 2, STATUS_NOT_SUITABLE);
    expect_nothing(&w);
    pool_on_returned(w.p, busy, POOL_CLEAN, w.now);
    expect_grant(&w, 3);
    pool_free(w.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_chooses_again_when_the_role_changes),
        cmocka_unit_test(a_wanted_backend_is_dialled_lent_and_reused),
        cmocka_unit_test(the_last_used_is_lent_first),
        cmocka_unit_test(a_returned_backend_goes_to_who_waited_longest),
        cmocka_unit_test(lanes_are_served_in_order),
        cmocka_unit_test(new_work_leaves_one_slot_to_the_other_lanes),
        cmocka_unit_test(a_cap_of_one_serves_all_lanes),
        cmocka_unit_test(a_waiter_is_refused_at_its_deadline),
        cmocka_unit_test(a_full_queue_refuses_at_once),
        cmocka_unit_test(who_gave_up_is_not_served),
        cmocka_unit_test(a_down_pool_hands_waiters_back_but_serves_from_idle),
        cmocka_unit_test(it_prints_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
