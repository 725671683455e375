/* What is learnt of a host's addresses; the order of dialling is in test_link.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/places.h"

static struct address address(int number)
{
    return (struct address){
        .family = ADDRESS_IPV4, .port = 1, .ip = {10, 0, (uint8_t)(number >> 8), (uint8_t)number}};
}

/* The name means the addresses from `first` on. */
static bool answer(struct places *p, int first, size_t count, msec ttl, msec now)
{
    struct address list[2 * PLACES_MOST];
    for (size_t i = 0; i < count; i++) {
        list[i] = address(first + (int)i);
    }
    return places_on_answer(p, list, count, ttl, now);
}

static bool is_gone(const struct places *p, int number, msec now)
{
    struct address a = address(number);
    return places_is_gone(p, &a, now);
}

static void test_how_long_an_answer_is_fresh(void **state)
{
    static const struct {
        msec ttl;
        msec fresh;
    } cases[] = {{0, 5000}, {4999, 5000}, {60000, 60000}, {300001, 300000}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct places p = {0};
        assert_false(places_are_known(&p));
        assert_false(places_are_fresh(&p, 0));
        answer(&p, 1, 2, cases[i].ttl, 1000);
        assert_true(places_are_known(&p));
        assert_true(places_are_fresh(&p, 1000 + cases[i].fresh - 1));
        assert_false(places_are_fresh(&p, 1000 + cases[i].fresh));
    }
}

static void test_silence_keeps_what_is_known(void **state)
{
    struct places p = {0};
    struct address out[4];
    (void)state;
    answer(&p, 1, 2, 60000, 1000);
    places_on_silence(&p, 20000, 70000);
    assert_true(places_are_fresh(&p, 89999));
    assert_false(places_are_fresh(&p, 90000));
    assert_int_equal(places_order(&p, 90000, out, 4), 2);
    assert_false(is_gone(&p, 1, MINUTES(10000)));
    places_distrust(&p);
    assert_false(places_are_fresh(&p, 75000));
}

static void test_what_is_a_change(void **state)
{
    struct places p = {0};
    (void)state;
    assert_true(answer(&p, 1, 2, 0, 1000));
    assert_false(answer(&p, 1, 2, 0, 1000)); /* in the same moment */
    assert_false(answer(&p, 1, 2, 0, 2000));
    assert_true(answer(&p, 1, 1, 0, 3000));
    assert_true(answer(&p, 1, 2, 0, 4000));
    assert_true(answer(&p, 2, 2, 0, 5000));
    assert_false(answer(&p, 2, 2, 0, 6000));
    struct address twice[] = {address(2), address(3), address(2)};
    assert_false(places_on_answer(&p, twice, 3, 0, 7000));
}

/* Not before it was left out for five minutes. */
static void test_gone(void **state)
{
    struct places p = {0};
    (void)state;
    assert_false(is_gone(&p, 1, 0)); /* nothing is known */
    answer(&p, 1, 2, 0, 1000);
    assert_true(is_gone(&p, 7, 1000));
    assert_false(is_gone(&p, 1, MINUTES(60))); /* the last word is that it is there */
    answer(&p, 2, 2, 0, 2000);
    assert_false(is_gone(&p, 1, 1000 + PLACES_GONE_MS - 1));
    assert_true(is_gone(&p, 1, 1000 + PLACES_GONE_MS));
    answer(&p, 1, 2, 0, 3000); /* it is back: 3 was named 1 s ago */
    assert_false(is_gone(&p, 1, 3000 + PLACES_GONE_MS));
    answer(&p, 2, 1, 0, 3000 + PLACES_GONE_MS);
    assert_true(is_gone(&p, 1, 3000 + PLACES_GONE_MS));
    assert_true(is_gone(&p, 3, 3000 + PLACES_GONE_MS));
    assert_false(is_gone(&p, 2, MINUTES(60)));
    assert_int_equal(p.count, 1); /* and forgotten */
}

/* What is not listed any more is remembered, but not dialled. */
static void test_only_what_is_listed_is_dialled(void **state)
{
    struct places p = {0};
    struct address out[PLACES_MOST];
    struct address first = address(1);
    (void)state;
    answer(&p, 1, 3, 0, 1000);
    places_on_open(&p, &first);
    places_on_failed(&p, &first, 1000);
    answer(&p, 2, 2, 0, 2000);
    assert_int_equal(places_order(&p, 2000, out, PLACES_MOST), 2);
    assert_int_equal(out[0].ip[3], 2);
    assert_int_equal(places_order(&p, 2000, out, 1), 1);
}

static void test_bounds(void **state)
{
    struct places p = {0};
    struct address out[2 * PLACES_MOST];
    (void)state;
    answer(&p, 1, PLACES_MOST, 0, 1000);
    answer(&p, 100, 3, 0, 2000); /* they take the place of others */
    assert_int_equal(p.count, PLACES_MOST);
    assert_int_equal(places_order(&p, 2000, out, 2 * PLACES_MOST), 3);
    answer(&p, 200, 2 * PLACES_MOST, 0, 3000);
    assert_int_equal(p.count, PLACES_MOST);
    assert_int_equal(places_order(&p, 3000, out, 2 * PLACES_MOST), PLACES_MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_long_an_answer_is_fresh),
        cmocka_unit_test(test_silence_keeps_what_is_known),
        cmocka_unit_test(test_what_is_a_change),
        cmocka_unit_test(test_gone),
        cmocka_unit_test(test_only_what_is_listed_is_dialled),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
