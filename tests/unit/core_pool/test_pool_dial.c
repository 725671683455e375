/* When a connection is dialled, and how failures slow that down. */
#include "pool_world.h"

static void dials_stop_at_max_connecting_and_at_demand(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    want(&w, 1, LANE_FOLLOW_UP);
    struct backend_id a = expect_dial(&w);
    expect_nothing(&w); /* one waiter, one dial */
    want(&w, 2, LANE_FOLLOW_UP);
    want(&w, 3, LANE_FOLLOW_UP);
    expect_dial(&w);
    expect_nothing(&w); /* two in flight */
    pool_on_ready(w.p, a, w.now);
    expect_grant(&w, 1);
    expect_dial(&w);
    expect_nothing(&w);
    pool_free(w.p);
}

static void dials_never_exceed_the_cap_while_old_ones_close(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.max_size = 1;
    struct world w = world_of(limits);
    struct backend_id b = lend(&w, 1, LANE_NEW);
    pool_on_returned(w.p, b, POOL_DIRTY, w.now);
    want(&w, 2, LANE_NEW);
    expect_close(&w, b, STATUS_CLOSED_BY_US);
    expect_nothing(&w);
    pool_on_closed(w.p, b, w.now);
    struct backend_id again = expect_dial(&w);
    assert_int_equal(again.index, b.index);
    assert_int_not_equal(again.tag, b.tag);
    pool_on_closed(w.p, b, w.now); /* a stale name: ignored */
    assert_int_equal(pool_counts(w.p)->dialling, 1);
    pool_free(w.p);
}

static void dials_are_paced_after_the_burst(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.max_size = 20;
    limits.max_connecting = 20;
    limits.connects_per_second = 5;
    limits.connect_burst = 3;
    struct world w = world_of(limits);
    for (uint64_t i = 0; i < 10; i++) {
        want(&w, i, LANE_NEW);
    }
    for (int i = 0; i < 3; i++) {
        expect_dial(&w);
    }
    expect_nothing(&w);
    assert_int_equal(pool_deadline(w.p, w.now), w.now + 200);
    w.now += 199;
    expect_nothing(&w);
    w.now += 1;
    expect_dial(&w);
    expect_nothing(&w);
    w.now += SECONDS(10); /* the bucket holds no more than the burst */
    for (int i = 0; i < 3; i++) {
        expect_dial(&w);
    }
    expect_nothing(&w);
    pool_free(w.p);
}

static void the_budget_bounds_dials(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    pool_on_budget(w.p, 1, w.now);
    want(&w, 1, LANE_NEW);
    want(&w, 2, LANE_NEW);
    expect_dial(&w);
    expect_nothing(&w);
    pool_on_budget(w.p, 5, w.now);
    expect_dial(&w);
    expect_nothing(&w);
    pool_free(w.p);
}

static void failed_dials_back_off_with_full_jitter(void **state)
{
    (void)state;
    msec most[8] = {0};
    msec least[8] = {MSEC_NEVER, MSEC_NEVER, MSEC_NEVER, MSEC_NEVER,
                     MSEC_NEVER, MSEC_NEVER, MSEC_NEVER, MSEC_NEVER};
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct pool *p = pool_new(&usual, seed, 0);
        struct world w = {.p = p};
        pool_on_up(p, 0);
        pool_on_wanted(p, 1, LANE_NEW, MSEC_NEVER, 0);
        for (int n = 0; n < 8; n++) {
            struct backend_id b = expect_dial(&w);
            pool_on_dial_failed(p, b, STATUS_REFUSED, false, w.now);
            msec wait = pool_deadline(p, w.now) - w.now;
            most[n] = wait > most[n] ? wait : most[n];
            least[n] = msec_earlier(least[n], wait);
            w.now += wait;
        }
        pool_free(p);
    }
    static const msec caps[8] = {250, 500, 1000, 2000, 4000, 8000, 15000, 15000};
    for (int n = 0; n < 8; n++) {
        assert_in_range(most[n], caps[n] * 9 / 10, caps[n]);
        assert_in_range(least[n], 0, caps[n] / 10);
    }
}

static void two_dials_that_fail_together_count_once(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.backoff_factor = 1000;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct pool *p = pool_new(&limits, seed, 0);
        struct world w = {.p = p};
        pool_on_up(p, 0);
        want(&w, 1, LANE_NEW);
        want(&w, 2, LANE_NEW);
        struct backend_id a = expect_dial(&w);
        struct backend_id b = expect_dial(&w);
        pool_on_dial_failed(p, a, STATUS_REFUSED, false, 0);
        pool_on_dial_failed(p, b, STATUS_REFUSED, false, 0);
        assert_in_range(pool_deadline(p, 0), 0, 250);
        pool_free(p);
    }
}

static void a_success_and_coming_up_end_the_back_off(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.backoff_initial = limits.backoff_max = SECONDS(1000);
    struct world w = world_of(limits);
    pool_on_wanted(w.p, 1, LANE_NEW, MSEC_NEVER, w.now);
    pool_on_dial_failed(w.p, expect_dial(&w), STATUS_REFUSED, false, w.now);
    expect_nothing(&w);
    pool_on_up(w.p, w.now); /* it was up */
    expect_nothing(&w);
    pool_on_down(w.p, w.now);
    expect_refusal(&w, 1, STATUS_NOT_SUITABLE);
    pool_on_up(w.p, w.now);
    want(&w, 2, LANE_NEW);
    want(&w, 3, LANE_NEW);
    struct backend_id a = expect_dial(&w);
    pool_on_dial_failed(w.p, expect_dial(&w), STATUS_REFUSED, false, w.now);
    expect_nothing(&w);
    pool_on_ready(w.p, a, w.now);
    expect_grant(&w, 2);
    want(&w, 4, LANE_NEW);
    expect_nothing(&w); /* it has not served yet */
    pool_on_returned(w.p, a, POOL_CLEAN, w.now);
    expect_grant(&w, 3);
    expect_dial(&w);
    pool_free(w.p);
}

static void a_success_starts_the_count_of_failures_again(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.backoff_factor = 1000;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct pool *p = pool_new(&limits, seed, 0);
        struct world w = {.p = p};
        pool_on_up(p, 0);
        pool_on_wanted(p, 1, LANE_NEW, MSEC_NEVER, 0);
        pool_on_wanted(p, 2, LANE_NEW, MSEC_NEVER, 0);
        struct backend_id a = expect_dial(&w);
        pool_on_dial_failed(p, expect_dial(&w), STATUS_REFUSED, false, 0);
        pool_on_ready(p, a, 0);
        pool_on_returned(p, expect_grant(&w, 1), POOL_CLEAN, 0);
        expect_grant(&w, 2);
        want(&w, 3, LANE_NEW);
        pool_on_dial_failed(p, expect_dial(&w), STATUS_REFUSED, false, 0);
        assert_in_range(pool_deadline(p, 0), 0, 250);
        pool_free(p);
    }
}

/* The pauses grow as if the dials had failed, whether it closes an idle one or one that was lent.
 */
static void who_closes_right_after_the_login_is_backed_off_from(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.max_connecting = limits.min_size = 1;
    msec most[5] = {0};
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct pool *p = pool_new(&limits, seed, 0);
        struct world w = {.p = p};
        pool_on_up(p, 0);
        for (int n = 0; n < 5; n++) {
            struct backend_id b = expect_dial(&w);
            pool_on_ready(p, b, w.now);
            if (n % 2 == 1) {
                want(&w, (uint64_t)n, LANE_NEW);
                expect_grant(&w, (uint64_t)n);
            }
            w.now += 100;
            pool_on_closed(p, b, w.now);
            msec pause = pool_deadline(p, w.now) - w.now;
            most[n] = pause > most[n] ? pause : most[n];
            w.now += pause;
        }
        pool_free(p);
    }
    static const msec caps[5] = {250, 500, 1000, 2000, 4000};
    for (int n = 0; n < 5; n++) {
        assert_in_range(most[n], caps[n] * 9 / 10, caps[n]);
    }
}

/* Nobody waits for the warm ones: they come back at random times. Who waits is served at once. */
static void warm_dials_are_spread_after_a_loss(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.min_size = 1;
    msec most[2] = {0}, least[2] = {MSEC_NEVER, MSEC_NEVER};
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct pool *p = pool_new(&limits, seed, 0);
        struct world w = {.p = p};
        pool_on_up(p, 0);
        struct backend_id b = expect_dial(&w);
        pool_on_ready(p, b, 0);
        w.now = SECONDS(10);
        if (seed % 2 == 0) {
            pool_on_closed(p, b, w.now);
        } else {
            pool_on_generation(p, w.now);
            expect_close(&w, b, STATUS_STALE_GENERATION);
            pool_on_closed(p, b, w.now);
            pool_on_down(p, w.now);
            pool_on_up(p, w.now);
        }
        msec pause = pool_deadline(p, w.now) - w.now;
        most[seed % 2] = pause > most[seed % 2] ? pause : most[seed % 2];
        least[seed % 2] = msec_earlier(least[seed % 2], pause);
        want(&w, 1, LANE_NEW);
        expect_dial(&w);
        expect_nothing(&w);
        pool_free(p);
    }
    for (int is_cleared = 0; is_cleared < 2; is_cleared++) {
        assert_in_range(most[is_cleared], 240, 250);
        assert_in_range(least[is_cleared], 0, 10);
    }
}

static void who_has_stayed_for_a_second_counts_as_reached(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.backoff_factor = 1000;
    for (msec stay = 900; stay <= 1100; stay += 100) {
        msec most = 0;
        for (uint64_t seed = 0; seed < 50; seed++) {
            struct pool *p = pool_new(&limits, seed, 0);
            struct world w = {.p = p};
            pool_on_up(p, 0);
            want(&w, 1, LANE_NEW);
            pool_on_dial_failed(p, expect_dial(&w), STATUS_REFUSED, false, w.now);
            w.now = SECONDS(1);
            pool_on_ready(p, expect_dial(&w), w.now);
            expect_grant(&w, 1);
            w.now += stay;
            want(&w, 2, LANE_NEW);
            pool_on_dial_failed(p, expect_dial(&w), STATUS_REFUSED, false, w.now);
            msec pause = pool_deadline(p, w.now) - w.now;
            most = pause > most ? pause : most;
            pool_free(p);
        }
        assert_in_range(most, stay < 1000 ? 5000 : 200, stay < 1000 ? SECONDS(15) : 250);
    }
}

/* We closed it: that says nothing of the server. */
static void what_we_close_young_is_no_failure(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.backoff_initial = limits.backoff_max = SECONDS(1000);
    struct world w = world_of(limits);
    struct backend_id a = lend(&w, 1, LANE_NEW);
    pool_on_returned(w.p, a, POOL_DIRTY, w.now);
    expect_close(&w, a, STATUS_CLOSED_BY_US);
    pool_on_closed(w.p, a, w.now);
    a = lend(&w, 2, LANE_NEW);
    pool_on_generation(w.p, w.now);
    pool_on_closed(w.p, a, w.now);
    want(&w, 3, LANE_NEW);
    expect_dial(&w);
    pool_free(w.p);
}

static void a_dial_that_we_gave_up_is_no_failure(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.backoff_initial = limits.backoff_max = SECONDS(1000);
    struct world w = world_of(limits);
    want(&w, 1, LANE_NEW);
    struct backend_id a = expect_dial(&w);
    pool_on_generation(w.p, w.now);
    expect_close(&w, a, STATUS_STALE_GENERATION);
    struct backend_id b = expect_dial(&w);
    pool_on_dial_failed(w.p, a, STATUS_AUTH_FAILED, true, w.now);
    assert_int_equal(pool_fault(w.p), STATUS_OK);
    pool_on_closed(w.p, b, w.now);
    expect_dial(&w);
    expect_nothing(&w);
    pool_free(w.p);
}

static void coming_up_does_not_hurry_a_permanent_fault_but_new_limits_do(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    want(&w, 1, LANE_NEW);
    pool_on_dial_failed(w.p, expect_dial(&w), STATUS_AUTH_FAILED, true, w.now);
    expect_refusal(&w, 1, STATUS_AUTH_FAILED);
    pool_on_down(w.p, w.now);
    pool_on_up(w.p, w.now);
    expect_nothing(&w);
    pool_on_limits(w.p, &usual, w.now); /* a reload: perhaps with another password */
    expect_dial(&w);
    pool_free(w.p);
}

static void a_permanent_fault_refuses_at_once_and_is_looked_at_slowly(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    want(&w, 1, LANE_NEW);
    want(&w, 2, LANE_FINISH);
    struct backend_id a = expect_dial(&w);
    struct backend_id b = expect_dial(&w);
    pool_on_dial_failed(w.p, a, STATUS_AUTH_FAILED, true, w.now);
    expect_refusal(&w, 2, STATUS_AUTH_FAILED);
    expect_refusal(&w, 1, STATUS_AUTH_FAILED);
    pool_on_dial_failed(w.p, b, STATUS_AUTH_FAILED, true, w.now);
    want(&w, 3, LANE_NEW);
    expect_refusal(&w, 3, STATUS_AUTH_FAILED);
    expect_nothing(&w);
    assert_int_equal(pool_fault(w.p), STATUS_AUTH_FAILED);
    msec next = pool_deadline(w.p, w.now);
    assert_in_range(next - w.now, SECONDS(30), SECONDS(60));
    w.now = next;
    b = expect_dial(&w); /* one, with nobody waiting */
    expect_nothing(&w);
    pool_on_ready(w.p, b, w.now);
    expect_nothing(&w);
    assert_int_equal(pool_fault(w.p), STATUS_OK);
    want(&w, 4, LANE_NEW);
    expect_grant(&w, 4);
    pool_free(w.p);
}

static void a_permanent_fault_spares_who_can_be_served_by_what_works(void **state)
{
    (void)state;
    struct world w = world_of(usual);
    struct backend_id works = lend(&w, 1, LANE_NEW);
    want(&w, 2, LANE_NEW);
    pool_on_dial_failed(w.p, expect_dial(&w), STATUS_AUTH_FAILED, true, w.now);
    expect_nothing(&w);
    pool_on_returned(w.p, works, POOL_CLEAN, w.now);
    expect_grant(&w, 2);
    want(&w, 3, LANE_NEW);
    expect_nothing(&w);
    pool_on_closed(w.p, works, w.now);
    expect_refusal(&w, 3, STATUS_AUTH_FAILED);
    pool_free(w.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dials_stop_at_max_connecting_and_at_demand),
        cmocka_unit_test(dials_never_exceed_the_cap_while_old_ones_close),
        cmocka_unit_test(dials_are_paced_after_the_burst),
        cmocka_unit_test(the_budget_bounds_dials),
        cmocka_unit_test(failed_dials_back_off_with_full_jitter),
        cmocka_unit_test(two_dials_that_fail_together_count_once),
        cmocka_unit_test(a_success_and_coming_up_end_the_back_off),
        cmocka_unit_test(a_success_starts_the_count_of_failures_again),
        cmocka_unit_test(who_closes_right_after_the_login_is_backed_off_from),
        cmocka_unit_test(warm_dials_are_spread_after_a_loss),
        cmocka_unit_test(who_has_stayed_for_a_second_counts_as_reached),
        cmocka_unit_test(what_we_close_young_is_no_failure),
        cmocka_unit_test(a_dial_that_we_gave_up_is_no_failure),
        cmocka_unit_test(coming_up_does_not_hurry_a_permanent_fault_but_new_limits_do),
        cmocka_unit_test(a_permanent_fault_refuses_at_once_and_is_looked_at_slowly),
        cmocka_unit_test(a_permanent_fault_spares_who_can_be_served_by_what_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
