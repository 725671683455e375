/* What is remembered of cursors and transactions, and when it is forgotten. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/pool/affinity.h"

static const uint8_t lsid_a[LSID_BYTES] = {1, 2, 3};
static const uint8_t lsid_b[LSID_BYTES] = {1, 2, 4};

static void a_cursor_is_found_until_it_is_gone(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(10, 10);
    uint32_t server = 0;
    assert_int_equal(affinity_find_cursor(a, 77, &server, 1), 0);
    affinity_on_cursor(a, 77, 3, 0);
    affinity_on_cursor(a, 77, 3, 1);
    assert_int_equal(affinity_cursors(a), 1);
    assert_int_equal(affinity_find_cursor(a, 77, &server, 1), 1);
    assert_int_equal(server, 3);
    affinity_on_cursor_gone(a, 77, 4); /* another server's */
    assert_int_equal(affinity_cursors(a), 1);
    affinity_on_cursor_gone(a, 77, 3);
    assert_int_equal(affinity_find_cursor(a, 77, &server, 1), 0);
    assert_int_equal(affinity_cursors(a), 0);
    affinity_free(a);
}

static void one_id_at_several_servers_gives_the_last_used_first(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(10, 10);
    affinity_on_cursor(a, 77, 1, 10);
    affinity_on_cursor(a, 77, 2, 11);
    affinity_on_cursor(a, 77, 3, 11);
    affinity_on_cursor_used(a, 77, 1, 12);
    affinity_on_cursor_used(a, 78, 1, 12); /* not known: nothing */
    uint32_t servers[3] = {0};
    assert_int_equal(affinity_find_cursor(a, 77, servers, 2), 3);
    assert_int_equal(servers[0], 1);
    assert_int_equal(servers[1], 3);
    assert_int_equal(servers[2], 0); /* no more than asked for */
    assert_int_equal(affinity_cursors_at(a, 2), 1);
    static const uint32_t gone[] = {3, 1, 2}; /* the middle of the chain, its first, the last */
    for (size_t i = 0; i < 3; i++) {
        affinity_on_cursor_gone(a, 77, gone[i]);
        assert_int_equal(affinity_find_cursor(a, 77, servers, 3), 2 - i);
    }
    assert_int_equal(affinity_cursors(a), 0);
    affinity_free(a);
}

static void the_least_used_cursor_makes_room(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(3, 1);
    uint32_t server;
    for (int64_t id = 1; id <= 3; id++) {
        affinity_on_cursor(a, id, 1, id);
    }
    affinity_on_cursor_used(a, 1, 1, 4);
    affinity_on_cursor(a, 4, 1, 5);
    assert_int_equal(affinity_cursors(a), 3);
    assert_int_equal(affinity_find_cursor(a, 2, &server, 1), 0);
    assert_int_equal(affinity_find_cursor(a, 1, &server, 1), 1);
    affinity_free(a);
}

static void what_was_not_used_for_long_is_forgotten(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(10, 10);
    assert_int_equal(affinity_deadline(a), MSEC_NEVER);
    affinity_on_cursor(a, 1, 1, 0);
    affinity_on_transaction(a, lsid_a, 1, 1, 50);
    affinity_on_cursor(a, 2, 1, 100);
    affinity_on_cursor_used(a, 1, 1, 200);
    assert_int_equal(affinity_deadline(a), 50 + AFFINITY_LIFETIME);
    affinity_on_time(a, 49 + AFFINITY_LIFETIME);
    assert_int_equal(affinity_transactions(a), 1);
    affinity_on_time(a, 100 + AFFINITY_LIFETIME);
    assert_int_equal(affinity_transactions(a), 0);
    assert_int_equal(affinity_cursors(a), 1);
    assert_int_equal(affinity_deadline(a), 200 + AFFINITY_LIFETIME);
    affinity_free(a);
}

static void a_transaction_is_found_by_its_number(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(10, 2);
    uint32_t server = 0;
    affinity_on_transaction(a, lsid_a, 5, 1, 0);
    affinity_on_transaction(a, lsid_b, 5, 2, 0);
    assert_true(affinity_find_transaction(a, lsid_b, 5, &server));
    assert_int_equal(server, 2);
    assert_false(affinity_find_transaction(a, lsid_b, 6, &server));
    affinity_on_transaction(a, lsid_a, 6, 3, 1); /* the next transaction of that lsid */
    assert_false(affinity_find_transaction(a, lsid_a, 5, &server));
    assert_true(affinity_find_transaction(a, lsid_a, 6, &server));
    assert_int_equal(server, 3);
    assert_int_equal(affinity_transactions(a), 2);
    static const uint8_t third[LSID_BYTES] = {9};
    affinity_on_transaction(a, third, 1, 1, 2); /* makes room: lsid_b goes */
    assert_false(affinity_find_transaction(a, lsid_b, 5, &server));
    affinity_on_transaction_gone(a, lsid_a);
    affinity_on_transaction_gone(a, lsid_a);
    assert_false(affinity_find_transaction(a, lsid_a, 6, &server));
    assert_int_equal(affinity_transactions(a), 1);
    affinity_free(a);
}

static void a_server_that_leaves_takes_its_entries_along(void **state)
{
    (void)state;
    struct affinity *a = affinity_new(10, 10);
    uint32_t server;
    affinity_on_cursor(a, 1, 1, 0);
    affinity_on_cursor(a, 1, 2, 0);
    affinity_on_cursor(a, 2, 1, 0);
    affinity_on_transaction(a, lsid_a, 1, 1, 0);
    affinity_on_transaction(a, lsid_b, 1, 2, 0);
    affinity_on_server_gone(a, 1);
    assert_int_equal(affinity_cursors(a), 1);
    assert_int_equal(affinity_find_cursor(a, 1, &server, 1), 1);
    assert_int_equal(server, 2);
    assert_false(affinity_find_transaction(a, lsid_a, 1, &server));
    assert_true(affinity_find_transaction(a, lsid_b, 1, &server));
    affinity_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_is_found_until_it_is_gone),
        cmocka_unit_test(one_id_at_several_servers_gives_the_last_used_first),
        cmocka_unit_test(the_least_used_cursor_makes_room),
        cmocka_unit_test(what_was_not_used_for_long_is_forgotten),
        cmocka_unit_test(a_transaction_is_found_by_its_number),
        cmocka_unit_test(a_server_that_leaves_takes_its_entries_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
