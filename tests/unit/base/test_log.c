/* The log: levels, both forms, repeats. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { TIME_SIZE = sizeof "2026-01-02T03:04:05.678Z" };

static FILE *file;
static char *text;
static size_t size;
static size_t told; /* of it, by written() */

static int set_up(void **state)
{
    (void)state;
    file = open_memstream(&text, &size);
    log_open(file, LOG_TEXT);
    log_set_level(LOG_INFO);
    told = 0;
    return file == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_open(NULL, LOG_TEXT);
    fclose(file);
    free(text);
    return 0;
}

/* What was written since the last call, without the time in front of the first line. */
static const char *written(void)
{
    fflush(file);
    const char *from = text + told + (size > told ? TIME_SIZE : 0);
    told = size;
    return from;
}

static void test_text(void **state)
{
    (void)state;
    log_warn(LOG_POOL, "backend 4", "closed why=%s", "idle");
    assert_string_equal(written(), "warn  pool backend 4: closed why=idle\n");
    log_error(LOG_MAIN, NULL, "no more");
    assert_string_equal(written(), "error main no more\n");
}

/* A server or an application must not be able to write lines of its own. */
static void test_text_stays_on_its_line(void **state)
{
    (void)state;
    log_warn(LOG_POOL, "a\nb", "refused: %s", "no\r\nerror main \x1b[31mfake\x7f\t\xc3\xa9");
    assert_string_equal(written(), "warn  pool a?b: refused: no??error main ?[31mfake??\xc3\xa9\n");
}

static void test_json(void **state)
{
    (void)state;
    log_open(file, LOG_JSON);
    log_info(LOG_DNS, "name \"x\"", "a\\b\n%c", 1);
    fflush(file);
    assert_memory_equal(text, "{\"time\":\"20", 11);
    assert_non_null(strstr(text, "Z\",\"level\":\"info\",\"group\":\"dns\",\"who\":\"name "
                                 "\\\"x\\\"\",\"message\":\"a\\\\b\\u000a\\u0001\"}\n"));
}

static void test_levels(void **state)
{
    enum log_group group;
    (void)state;
    log_debug(LOG_TLS, NULL, "too fine");
    assert_string_equal(written(), "");
    assert_true(log_find_group("tls", &group));
    assert_int_equal(group, LOG_TLS);
    assert_false(log_find_group("ssl", &group));
    log_set_group_level(LOG_TLS, LOG_DEBUG);
    assert_true(log_wants(LOG_DEBUG, LOG_TLS));
    assert_false(log_wants(LOG_DEBUG, LOG_NET));
    log_debug(LOG_TLS, NULL, "fine");
    assert_string_equal(written(), "debug tls fine\n");
    log_set_level(LOG_ERROR);
    log_warn(LOG_TLS, NULL, "not now");
    assert_string_equal(written(), "");
}

static void test_repeats_are_counted(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        log_info(LOG_NET, "client 1", "the same");
    }
    assert_string_equal(written(), "info  net client 1: the same\n");
    log_info(LOG_NET, "client 2", "the same");
    const char *two = written();
    assert_non_null(strstr(two, "info  main the line before was repeated 3 times\n"));
    assert_non_null(strstr(two, "info  net client 2: the same\n"));
}

static void test_long_line(void **state)
{
    char much[5000];
    (void)state;
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    log_info(LOG_NET, NULL, "%s", much);
    fflush(file);
    assert_in_range(size, 2000, 2200);
    assert_int_equal(text[size - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_stays_on_its_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_levels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repeats_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_line, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
