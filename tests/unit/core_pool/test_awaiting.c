/* How long getMores that wait for events may hold a backend, and in which order. */
#include "core/pool/awaiting.h"

#include "pool_world.h"

static const struct awaiting second = {.arrived = 10000, .most = 1000};

static msec slice_of(size_t slots, size_t held, size_t waiting, msec now)
{
    struct pool_awaiting pool = {.slots = slots, .held = held, .waiting = waiting};
    return awaiting_slice(&second, pool, now);
}

static void few_wait_as_long_as_they_want(void **state)
{
    struct awaiting hour = {.arrived = 10000, .most = MINUTES(60)};
    struct pool_awaiting pool = {.slots = 5, .held = 2};
    (void)state;
    assert_int_equal(slice_of(5, 1, 0, 10000), 1000);
    assert_int_equal(slice_of(5, 2, 0, 10030), 1000); /* has hardly begun */
    assert_int_equal(slice_of(5, 2, 0, 10400), 600);
    assert_int_equal(awaiting_slice(&hour, pool, 10000), MINUTES(60));
}

static void more_than_half_are_asked_anew_after_a_round(void **state)
{
    struct awaiting hour = {.arrived = 10000, .most = MINUTES(60)};
    struct pool_awaiting pool = {.slots = 5, .held = 3};
    (void)state;
    assert_int_equal(awaiting_slice(&hour, pool, 10000), AWAITING_ROUND_MS);
    assert_int_equal(slice_of(5, 5, 0, 10000), 1000);
    assert_int_equal(slice_of(5, 4, 1, 10000), 1000); /* one that is dialled for */
    assert_int_equal(slice_of(1, 1, 0, 10300), 700);
}

static void a_crowd_shares_a_round(void **state)
{
    (void)state;
    assert_int_equal(slice_of(5, 5, 5, 10000), 500);
    assert_int_equal(slice_of(5, 5, 45, 10000), 100);
    assert_int_equal(slice_of(5, 5, 95, 10000), 50);
    assert_int_equal(slice_of(5, 5, 195, 10000), 50);
    assert_int_equal(slice_of(5, 5, 5, 10800), 200); /* no more than is left */
    assert_int_equal(slice_of(5, 5, 195, 10990), 50);
}

static void a_pool_without_room_for_others_is_held_shortly(void **state)
{
    struct pool_awaiting pool = {.slots = 1, .held = 1, .is_tight = true};
    (void)state;
    assert_int_equal(awaiting_slice(&second, pool, 10000), AWAITING_SLICE_MS);
}

static void a_wait_shorter_than_a_slice_is_one_slice(void **state)
{
    struct awaiting brief = {.arrived = 10000, .most = 20};
    struct pool_awaiting crowd = {.slots = 5, .held = 5, .waiting = 100};
    (void)state;
    assert_int_equal(awaiting_slice(&brief, crowd, 10000), 20);
    assert_int_equal(awaiting_slice(&brief, crowd, 10015), 20);
    assert_int_equal(awaiting_give_up_at(&brief), 10020);
}

static void it_is_given_up_when_no_slice_fits_any_more(void **state)
{
    (void)state;
    assert_int_equal(awaiting_give_up_at(&second), 10950);
}

static void empty_replies_are_kept_while_there_is_time(void **state)
{
    (void)state;
    assert_true(awaiting_keeps(&second, 10000, 50, 10050));
    assert_true(awaiting_keeps(&second, 10000, 50, 10400));  /* a slow network */
    assert_false(awaiting_keeps(&second, 10000, 50, 10020)); /* said early: the client may know */
    assert_false(awaiting_keeps(&second, 10900, 50, 10950));
}

/* --- the lane --- */

static struct pool_limits limits_of(size_t max_size, size_t max_awaiting)
{
    struct pool_limits limits = usual;
    limits.max_size = limits.max_connecting = max_size;
    limits.max_awaiting = max_awaiting;
    return limits;
}

static struct waiter_id await_turn(struct world *w, uint64_t exchange, msec turn)
{
    return pool_on_awaiting(w->p, exchange, turn, w->now + 1000, w->now);
}

static void open_all(struct world *w, size_t count)
{
    struct backend_id backends[16];
    for (size_t i = 0; i < count; i++) {
        backends[i] = lend(w, 900 + i, LANE_FINISH);
    }
    for (size_t i = 0; i < count; i++) {
        pool_on_returned(w->p, backends[i], POOL_CLEAN, w->now);
    }
    expect_nothing(w);
}

static void they_hold_no_more_than_their_share(void **state)
{
    struct world w = world_of(limits_of(6, 2));
    (void)state;
    open_all(&w, 6);
    for (uint64_t i = 1; i <= 4; i++) {
        await_turn(&w, i, 0);
    }
    struct backend_id b = expect_grant(&w, 1);
    expect_grant(&w, 2);
    expect_nothing(&w);
    struct pool_awaiting a = pool_awaiting(w.p);
    assert_int_equal(a.slots, 2);
    assert_int_equal(a.held, 2);
    assert_int_equal(a.waiting, 2);
    assert_int_equal(a.served_at, w.now);
    assert_false(a.is_tight);
    want(&w, 5, LANE_NEW);
    expect_grant(&w, 5);
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    expect_grant(&w, 3);
    expect_nothing(&w);
    pool_free(w.p);
}

static void who_was_served_longest_ago_goes_first(void **state)
{
    struct world w = world_of(limits_of(4, 1));
    static const msec turns[] = {30, 10, 40, 20, 10};
    static const uint64_t order[] = {2, 5, 4, 1, 3};
    (void)state;
    open_all(&w, 4);
    await_turn(&w, 100, 0);
    struct backend_id b = expect_grant(&w, 100);
    for (uint64_t i = 1; i <= 5; i++) {
        await_turn(&w, i, turns[i - 1]);
    }
    for (size_t i = 0; i < 5; i++) {
        expect_nothing(&w);
        pool_on_returned(w.p, b, POOL_CLEAN, w.now);
        b = expect_grant(&w, order[i]);
    }
    pool_free(w.p);
}

static void they_and_new_work_take_turns(void **state)
{
    struct world w = world_of(limits_of(2, 1)); /* one is kept for the other lanes */
    (void)state;
    open_all(&w, 2);
    want(&w, 1, LANE_NEW);
    struct backend_id b = expect_grant(&w, 1);
    await_turn(&w, 2, 0);
    await_turn(&w, 3, 1);
    want(&w, 4, LANE_NEW);
    want(&w, 5, LANE_NEW);
    static const uint64_t order[] = {2, 4, 3, 5};
    for (size_t i = 0; i < 4; i++) {
        expect_nothing(&w);
        pool_on_returned(w.p, b, POOL_CLEAN, w.now);
        b = expect_grant(&w, order[i]);
    }
    assert_true(pool_awaiting(w.p).is_tight);
    want(&w, 6, LANE_FOLLOW_UP);
    expect_grant(&w, 6);
    pool_free(w.p);
}

static void a_pool_that_comes_up_is_shared_too(void **state)
{
    struct world w = world_of(limits_of(8, 4));
    (void)state;
    open_all(&w, 3);
    pool_on_budget(w.p, 0, w.now); /* no more for now */
    await_turn(&w, 1, 0);
    expect_grant(&w, 1);
    want(&w, 10, LANE_NEW);
    struct backend_id b = expect_grant(&w, 10);
    want(&w, 11, LANE_NEW);
    expect_grant(&w, 11);
    await_turn(&w, 2, 0);
    want(&w, 12, LANE_NEW);
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    b = expect_grant(&w, 12); /* though it is the others' turn: half of three is one */
    pool_on_returned(w.p, b, POOL_CLEAN, w.now);
    expect_grant(&w, 2); /* nobody else wants it */
    pool_free(w.p);
}

static void their_queue_has_no_limit_but_their_time(void **state)
{
    struct pool_limits limits = limits_of(4, 1);
    (void)state;
    limits.waiters_most = 2;
    struct world w = world_of(limits);
    open_all(&w, 4);
    for (uint64_t i = 1; i <= 10; i++) {
        await_turn(&w, i, 0);
    }
    expect_grant(&w, 1);
    expect_nothing(&w);
    w.now += 1000;
    for (uint64_t i = 2; i <= 10; i++) {
        assert_int_equal(next(&w, POOL_REFUSE).status, STATUS_QUEUE_TIMED_OUT);
    }
    expect_nothing(&w);
    pool_free(w.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_wait_as_long_as_they_want),
        cmocka_unit_test(more_than_half_are_asked_anew_after_a_round),
        cmocka_unit_test(a_crowd_shares_a_round),
        cmocka_unit_test(a_pool_without_room_for_others_is_held_shortly),
        cmocka_unit_test(a_wait_shorter_than_a_slice_is_one_slice),
        cmocka_unit_test(it_is_given_up_when_no_slice_fits_any_more),
        cmocka_unit_test(empty_replies_are_kept_while_there_is_time),
        cmocka_unit_test(they_hold_no_more_than_their_share),
        cmocka_unit_test(who_was_served_longest_ago_goes_first),
        cmocka_unit_test(they_and_new_work_take_turns),
        cmocka_unit_test(a_pool_that_comes_up_is_shared_too),
        cmocka_unit_test(their_queue_has_no_limit_but_their_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
