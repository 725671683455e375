/* State machines, and the assertion that prints their last moves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "aborts.h"
#include "base/require.h"
#include "base/sm.h"

enum state { NEW, OPEN, SHUT };

static const struct sm_state states[] = {
    [NEW] = {"NEW", SM_TO(OPEN) | SM_TO(SHUT)},
    [OPEN] = {"OPEN", SM_TO(SHUT) | SM_TO(OPEN)},
    [SHUT] = {"SHUT", 0},
};

static void test_moves(void **state)
{
    struct sm m;
    char text[200];
    (void)state;
    sm_init(&m, states, NEW);
    assert_string_equal(sm_name(&m), "NEW");
    sm_print(&m, text, sizeof text);
    assert_string_equal(text, "");
    sm_move(&m, OPEN, 120);
    sm_move(&m, SHUT, 345);
    assert_string_equal(sm_name(&m), "SHUT");
    sm_print(&m, text, sizeof text);
    assert_string_equal(text, "OPEN@120>SHUT@345");
}

static void test_the_last_eight(void **state)
{
    struct sm m;
    char text[200];
    (void)state;
    sm_init(&m, states, NEW);
    for (msec at = 1; at <= 300; at++) {
        sm_move(&m, OPEN, at);
    }
    sm_print(&m, text, sizeof text);
    assert_string_equal(text,
                        "OPEN@293>OPEN@294>OPEN@295>OPEN@296>OPEN@297>OPEN@298>OPEN@299>OPEN@300");
    char small[12];
    sm_print(&m, small, sizeof small);
    assert_string_equal(small, "OPEN@293>OP");
}

static void move_wrongly(void)
{
    struct sm m;
    sm_init(&m, states, NEW);
    sm_move(&m, OPEN, 7);
    sm_move(&m, SHUT, 8);
    sm_move(&m, OPEN, 9);
}

static void test_a_move_not_in_the_table(void **state)
{
    char said[1000];
    (void)state;
    assert_true(aborts(move_wrongly, said, sizeof said));
    assert_non_null(strstr(said, "no move from SHUT to OPEN"));
    assert_non_null(strstr(said, "last moves: OPEN@7>SHUT@8"));
}

static void break_a_promise(void)
{
    require(1 + 1 == 3);
}

static void hold(void)
{
    require(1 + 1 == 2);
    free(xmalloc(0));
}

static void test_require(void **state)
{
    char said[1000];
    (void)state;
    assert_true(aborts(break_a_promise, said, sizeof said));
    assert_non_null(strstr(said, "test_sm.c"));
    assert_non_null(strstr(said, "break_a_promise"));
    assert_non_null(strstr(said, "1 + 1 == 3 does not hold"));
    assert_false(aborts(hold, said, sizeof said));
    assert_string_equal(said, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_the_last_eight),
        cmocka_unit_test(test_a_move_not_in_the_table),
        cmocka_unit_test(test_require),
    };
    return cmocka_run_group_tests_name("sm", tests, NULL, NULL);
}
