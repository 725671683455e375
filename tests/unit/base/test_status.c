/* Outcomes, errors with an outer view in front, and the arithmetic of times. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/status.h"
#include "base/units.h"

static void test_names_and_texts(void **state)
{
    (void)state;
    assert_string_equal(status_name(STATUS_OK), "OK");
    assert_string_equal(status_name(STATUS_PEER_RESET), "PEER_RESET");
    assert_string_equal(status_text(STATUS_PEER_RESET), "the peer reset the connection");
    assert_string_equal(status_name(STATUS_IO_FAILED), "IO_FAILED"); /* the last row */
}

static void test_set_and_wrap(void **state)
{
    struct error why;
    (void)state;
    assert_int_equal(error_set(&why, STATUS_BAD_INPUT, "line %d", 7), STATUS_BAD_INPUT);
    assert_string_equal(why.text, "line 7");
    error_wrap(&why, "loading %s", "/etc/x");
    error_wrap(&why, "starting");
    assert_string_equal(why.text, "starting: loading /etc/x: line 7");
    assert_int_equal(why.status, STATUS_BAD_INPUT);
    error_set(&why, STATUS_TOO_LARGE, "%s, really", why.text); /* from its own text */
    assert_string_equal(why.text, "starting: loading /etc/x: line 7, really");
}

static void test_without_error(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, STATUS_REFUSED, "x"), STATUS_REFUSED);
    error_wrap(NULL, "x");
}

static void test_long_texts_are_cut(void **state)
{
    struct error why;
    char text[2 * ERROR_TEXT_SIZE];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    error_set(&why, STATUS_BAD_INPUT, "%s", text);
    assert_int_equal(strlen(why.text), ERROR_TEXT_SIZE - 1);
    error_wrap(&why, "outer");
    assert_int_equal(strlen(why.text), ERROR_TEXT_SIZE - 1);
    assert_memory_equal(why.text, "outer: xx", 9);
    error_wrap(&why, "%s", text);
    assert_int_equal(strlen(why.text), ERROR_TEXT_SIZE - 1);
    assert_int_equal(why.text[0], 'x');
}

static void test_times(void **state)
{
    (void)state;
    assert_int_equal(msec_after(100, 20), 120);
    assert_int_equal(msec_after(100, 0), MSEC_NEVER); /* no limit */
    assert_int_equal(msec_after(100, -5), MSEC_NEVER);
    assert_int_equal(msec_after(100, MSEC_NEVER), MSEC_NEVER);
    assert_int_equal(msec_after(100, MSEC_NEVER - 100), MSEC_NEVER);
    assert_int_equal(msec_earlier(1, MSEC_NEVER), 1);
    assert_int_equal(MINUTES(2), 120000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_texts),    cmocka_unit_test(test_set_and_wrap),
        cmocka_unit_test(test_without_error),      cmocka_unit_test(test_times),
        cmocka_unit_test(test_long_texts_are_cut),
    };
    return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
