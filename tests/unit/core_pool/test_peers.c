/* Who is connected, and who is gone for good. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/pool/peers.h"

enum { GRACE = 2000, MOST = 3, APP = 20, OTHER = 22, ALONE = 21 };

static struct peers *some_peers(void)
{
    return peers_new(MOST, GRACE);
}

static void assert_vanished(struct peers *p, msec now, uint64_t expected)
{
    uint64_t identity = 0;
    assert_int_equal(peers_next_vanished(p, now, &identity), expected != 0);
    assert_int_equal(identity, expected);
}

static void test_gone_after_the_last_and_the_grace(void **state)
{
    (void)state;
    struct peers *p = some_peers();
    peers_on_joined(p, APP);
    peers_on_joined(p, APP);
    peers_on_joined(p, OTHER);
    peers_on_left(p, APP, true, 100);
    assert_int_equal(peers_deadline(p), MSEC_NEVER);
    assert_vanished(p, 100000, 0);
    peers_on_left(p, APP, true, 200);
    assert_int_equal(peers_deadline(p), 200 + GRACE);
    assert_vanished(p, 199 + GRACE, 0);
    assert_vanished(p, 200 + GRACE, APP);
    assert_vanished(p, 100000, 0); /* once; and OTHER is here */
    assert_true(peers_is_here(p, OTHER));
    assert_int_equal(peers_count(p), 1);
    peers_free(p);
}

static void test_who_comes_back_in_time_stays(void **state)
{
    (void)state;
    struct peers *p = some_peers();
    peers_on_joined(p, APP);
    peers_on_left(p, APP, true, 0);
    peers_on_joined(p, APP);
    assert_vanished(p, 100000, 0);
    peers_on_left(p, APP, true, 200000);
    assert_vanished(p, 200000, 0); /* the grace begins anew */
    assert_vanished(p, 200000 + GRACE, APP);
    peers_free(p);
}

static void test_what_we_closed_is_in_doubt(void **state)
{
    (void)state;
    struct peers *p = some_peers();
    peers_on_joined(p, APP);
    peers_on_left(p, APP, false, 0);
    assert_vanished(p, 100000, 0);
    peers_on_joined(p, APP);
    peers_on_joined(p, APP);
    peers_on_left(p, APP, false, 100000);
    peers_on_left(p, APP, true, 100000 + PEERS_DOUBT - 1); /* not long after */
    assert_vanished(p, 300000, 0);
    peers_on_joined(p, APP);
    peers_on_joined(p, APP);
    peers_on_left(p, APP, false, 300000);
    peers_on_left(p, APP, true, 300000 + PEERS_DOUBT);
    assert_vanished(p, 500000, APP);
    assert_int_equal(peers_count(p), 0);
    peers_free(p);
}

static void test_of_a_connection_alone(void **state)
{
    (void)state;
    struct peers *p = some_peers();
    peers_on_joined(p, APP);
    peers_on_left(p, APP, true, 5);
    peers_on_joined(p, ALONE);
    peers_on_left(p, ALONE, false, 10);
    assert_vanished(p, 10, ALONE); /* at once, whoever closed it, and before who has a grace */
    peers_on_left_behind(p, ALONE, 20);
    assert_vanished(p, 20, ALONE);
    assert_true(peers_is_alone(peers_identity_alone(10)));
    peers_free(p);
}

static void test_left_behind(void **state)
{
    (void)state;
    struct peers *p = some_peers();
    peers_on_left_behind(p, APP, 100);
    assert_vanished(p, 99 + GRACE, 0);
    assert_vanished(p, 100 + GRACE, APP);
    peers_on_joined(p, APP);
    peers_on_left_behind(p, APP, 5000); /* another connection of it may go on with that */
    assert_vanished(p, 100000, 0);
    peers_free(p);
}

static void test_nobody_in_particular(void **state)
{
    (void)state;
    struct peers *p = some_peers();
    peers_on_joined(p, 0);
    peers_on_left(p, 0, true, 0);
    peers_on_left_behind(p, 0, 0);
    assert_vanished(p, 100000, 0);
    assert_int_equal(peers_count(p), 0);
    peers_free(p);
}

static void test_off(void **state)
{
    (void)state;
    struct peers *p = peers_new(MOST, 0);
    peers_on_joined(p, APP);
    peers_on_left(p, APP, true, 0);
    peers_on_left_behind(p, APP, 0);
    assert_vanished(p, 100000, 0);
    peers_on_joined(p, ALONE);
    peers_on_left(p, ALONE, true, 0);
    assert_vanished(p, 0, ALONE);
    peers_free(p);
}

static void test_bounds(void **state)
{
    (void)state;
    struct peers *p = some_peers();
    for (uint64_t i = 1; i <= 10; i++) {
        peers_on_joined(p, 2 * i);
        peers_on_left(p, 2 * i, true, (msec)i);
        assert_true(peers_count(p) <= MOST);
    }
    assert_vanished(p, 100000, 16); /* the longest gone were forgotten */
    peers_free(p);
}

static void test_identities(void **state)
{
    (void)state;
    struct span one[] = {span_text("ab"), span_text("c")};
    struct span two[] = {span_text("a"), span_text("bc")};
    assert_int_equal(peers_identity(one, 2), peers_identity(one, 2));
    assert_int_not_equal(peers_identity(one, 2), peers_identity(two, 2));
    assert_int_not_equal(peers_identity(one, 2), peers_identity(one, 1));
    assert_false(peers_is_alone(peers_identity(one, 2)));
    assert_int_not_equal(peers_identity(NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gone_after_the_last_and_the_grace),
        cmocka_unit_test(test_who_comes_back_in_time_stays),
        cmocka_unit_test(test_what_we_closed_is_in_doubt),
        cmocka_unit_test(test_of_a_connection_alone),
        cmocka_unit_test(test_left_behind),
        cmocka_unit_test(test_nobody_in_particular),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_identities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
