#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/pool/pins.h"

static const uint8_t LSID_A[LSID_BYTES] = {1};
static const uint8_t LSID_B[LSID_BYTES] = {2};

static struct backend_id backend(uint16_t index, uint16_t tag)
{
    return (struct backend_id){.index = index, .tag = tag};
}

static void assert_backend(struct backend_id got, uint16_t index, uint16_t tag)
{
    assert_int_equal(got.index, index);
    assert_int_equal(got.tag, tag);
}

static void assert_counts(const struct pins *p, size_t by_cursors, size_t by_transactions)
{
    assert_int_equal(pins_counts(p).by_cursors, by_cursors);
    assert_int_equal(pins_counts(p).by_transactions, by_transactions);
}

static void test_most(void **state)
{
    (void)state;
    assert_int_equal(pins_most(20, 15), 15);
    assert_int_equal(pins_most(20, 20), 19); /* one is left */
    assert_int_equal(pins_most(2, 2), 1);
    assert_int_equal(pins_most(1, 1), 1);
    assert_int_equal(pins_most(20, 0), 1);
}

static void test_cursors_hold_their_backend(void **state)
{
    struct pins *p = pins_new(5, 0);
    struct backend_id found;
    (void)state;
    assert_false(pins_find_cursor(p, 7, &found));
    assert_int_equal(pins_on_cursor(p, backend(3, 9), 7, NULL, 0).tag, 0);
    pins_on_cursor(p, backend(3, 9), 8, NULL, 0);
    assert_true(pins_find_cursor(p, 7, &found));
    assert_backend(found, 3, 9);
    assert_false(pins_holds(p, backend(3, 8))); /* another connection in that slot */
    assert_counts(p, 1, 0);
    pins_on_cursor_gone(p, backend(4, 1), 7); /* not its business */
    pins_on_cursor_gone(p, backend(3, 9), 7);
    assert_true(pins_holds(p, backend(3, 9)));
    pins_on_cursor_gone(p, backend(3, 9), 8);
    assert_false(pins_holds(p, backend(3, 9)));
    assert_counts(p, 0, 0);
    pins_free(p);
}

static void test_an_id_that_comes_elsewhere_moves(void **state)
{
    struct pins *p = pins_new(5, 0);
    struct backend_id found;
    (void)state;
    pins_on_cursor(p, backend(0, 1), 7, NULL, 0);
    assert_backend(pins_on_cursor(p, backend(1, 1), 7, NULL, 0), 0, 1);
    assert_false(pins_holds(p, backend(0, 1)));
    assert_true(pins_find_cursor(p, 7, &found));
    assert_backend(found, 1, 1);
    pins_free(p);
}

static void test_transactions_hold_their_backend(void **state)
{
    struct pins *p = pins_new(5, 0);
    struct backend_id found;
    (void)state;
    pins_on_transaction(p, backend(0, 1), LSID_A, 4, 0);
    pins_on_transaction(p, backend(1, 1), LSID_B, 4, 0);
    assert_true(pins_find_transaction(p, LSID_A, 4, &found));
    assert_backend(found, 0, 1);
    assert_false(pins_find_transaction(p, LSID_A, 5, &found));
    assert_counts(p, 0, 2);
    assert_backend(pins_on_transaction(p, backend(2, 1), LSID_A, 5, 0), 0, 1);
    assert_false(pins_holds(p, backend(0, 1)));
    assert_true(pins_find_transaction(p, LSID_A, 5, &found));
    assert_backend(found, 2, 1);
    assert_backend(pins_on_transaction_gone(p, LSID_A), 2, 1);
    assert_int_equal(pins_on_transaction_gone(p, LSID_A).tag, 0);
    assert_counts(p, 0, 1);
    pins_free(p);
}

static void test_a_transaction_takes_its_own_cursors_along(void **state)
{
    struct pins *p = pins_new(5, 0);
    (void)state;
    pins_on_transaction(p, backend(0, 1), LSID_A, 1, 0);
    pins_on_cursor(p, backend(0, 1), 7, LSID_A, 0);
    pins_on_transaction_gone(p, LSID_A);
    assert_false(pins_holds(p, backend(0, 1)));

    pins_on_transaction(p, backend(0, 1), LSID_A, 1, 0);
    pins_on_cursor(p, backend(0, 1), 7, NULL, 0);
    pins_on_cursor(p, backend(0, 1), 8, LSID_B, 0);
    pins_on_transaction_gone(p, LSID_A);
    assert_true(pins_holds(p, backend(0, 1)));
    assert_counts(p, 1, 0);
    pins_free(p);
}

static void test_a_connection_that_is_gone_takes_all_along(void **state)
{
    struct pins *p = pins_new(5, 0);
    struct backend_id found;
    (void)state;
    for (int64_t id = 1; id <= 5; id++) {
        pins_on_cursor(p, backend(0, 1), id, id % 2 == 0 ? LSID_A : NULL, 0);
    }
    pins_on_transaction(p, backend(0, 1), LSID_A, 1, 0);
    pins_on_cursor(p, backend(1, 1), 6, NULL, 0);
    pins_on_backend_gone(p, backend(0, 2)); /* another in that slot */
    assert_counts(p, 1, 1);
    pins_on_backend_gone(p, backend(0, 1));
    assert_counts(p, 1, 0);
    assert_false(pins_find_cursor(p, 1, &found));
    assert_false(pins_find_transaction(p, LSID_A, 1, &found));
    pins_free(p); /* with one still there */
}

static void test_cursors_of_one_connection_are_bounded(void **state)
{
    struct pins *p = pins_new(5, 0);
    struct backend_id found;
    (void)state;
    for (int64_t id = 1; id <= 1001; id++) {
        pins_on_cursor(p, backend(0, 1), id, NULL, 0);
    }
    assert_false(pins_find_cursor(p, 1, &found));
    assert_true(pins_find_cursor(p, 2, &found));
    assert_true(pins_find_cursor(p, 1001, &found));
    pins_free(p);
}

static void test_room_is_for_pins_and_for_what_may_pin(void **state)
{
    struct pins *p = pins_new(2, 0);
    (void)state;
    pins_on_cursor(p, backend(0, 1), 7, NULL, 0);
    pins_on_cursor(p, backend(0, 1), 8, NULL, 0);
    assert_true(pins_take_room(p));
    assert_false(pins_take_room(p));
    pins_on_cursor(p, backend(1, 1), 9, NULL, 0); /* it did */
    pins_on_room_given(p);
    assert_false(pins_take_room(p));
    pins_on_cursor_gone(p, backend(1, 1), 9);
    assert_true(pins_take_room(p));
    pins_on_room_given(p); /* it did not */
    assert_true(pins_has_room(p));
    pins_on_limits(p, 1, 0);
    assert_false(pins_has_room(p));
    pins_free(p);
}

static void test_what_is_not_used_expires(void **state)
{
    struct pins *p = pins_new(5, 100);
    struct backend_id found;
    (void)state;
    assert_int_equal(pins_deadline(p), MSEC_NEVER);
    pins_on_cursor(p, backend(0, 1), 7, NULL, 10);
    pins_on_cursor(p, backend(1, 1), 8, NULL, 20);
    assert_int_equal(pins_deadline(p), 110);
    pins_on_used(p, backend(0, 1), 50);
    assert_int_equal(pins_deadline(p), 120);
    assert_false(pins_next_expired(p, 119, &found));
    assert_true(pins_next_expired(p, 120, &found));
    assert_backend(found, 1, 1);
    pins_on_backend_gone(p, found);
    assert_int_equal(pins_deadline(p), 150);
    pins_on_limits(p, 5, 0);
    assert_int_equal(pins_deadline(p), MSEC_NEVER);
    pins_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_most),
        cmocka_unit_test(test_cursors_hold_their_backend),
        cmocka_unit_test(test_an_id_that_comes_elsewhere_moves),
        cmocka_unit_test(test_transactions_hold_their_backend),
        cmocka_unit_test(test_a_transaction_takes_its_own_cursors_along),
        cmocka_unit_test(test_a_connection_that_is_gone_takes_all_along),
        cmocka_unit_test(test_cursors_of_one_connection_are_bounded),
        cmocka_unit_test(test_room_is_for_pins_and_for_what_may_pin),
        cmocka_unit_test(test_what_is_not_used_expires),
    };
    return cmocka_run_group_tests_name("pins", tests, NULL, NULL);
}
