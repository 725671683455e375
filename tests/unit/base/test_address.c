/* Addresses, read and written. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/address.h"

static void test_read_and_written(void **state)
{
    static const struct {
        const char *text;
        enum address_family family;
        const char *printed;
    } rows[] = {
        {"1.2.3.4:80", ADDRESS_IPV4, "1.2.3.4:80"},
        {"1.2.3.4", ADDRESS_IPV4, "1.2.3.4:27017"},
        {"0.0.0.0:0", ADDRESS_IPV4, "0.0.0.0:0"},
        {"1.2.3.4:65535", ADDRESS_IPV4, "1.2.3.4:65535"},
        {"[::1]:80", ADDRESS_IPV6, "[::1]:80"},
        {"::1", ADDRESS_IPV6, "[::1]:27017"},
        {"[2001:db8::7]", ADDRESS_IPV6, "[2001:db8::7]:27017"},
        {"/run/x.sock", ADDRESS_UNIX, "/run/x.sock"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address a;
        struct address again;
        char text[ADDRESS_TEXT_SIZE];
        assert_true(address_parse(rows[i].text, 27017, &a));
        assert_int_equal(a.family, rows[i].family);
        assert_string_equal(address_print(&a, text), rows[i].printed);
        assert_true(address_parse(text, 1, &again));
        assert_true(address_equals(&a, &again));
    }
}

static void test_what_is_none(void **state)
{
    static const char *const texts[] = {
        "",          "host",       "host:80",   "1.2.3.4:",    "1.2.3.4:65536", "1.2.3.4:-1",
        "1.2.3.4:x", "1.2.3.4:8x", "1.2.3:80",  "1.2.3.4.5:1", "[::1",          "[::1]80",
        "[::1]:",    "[1.2.3.4]",  "[host]:80", ":80",         "[]:80",         "1.2.3.4: 80",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct address a = {.port = 7};
        if (address_parse(texts[i], 27017, &a)) {
            fail_msg("\"%s\" was taken for an address", texts[i]);
        }
        assert_int_equal(a.port, 7); /* written only on success */
    }
}

static void test_long_texts(void **state)
{
    struct address a;
    char text[300];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    text[0] = '/';
    assert_false(address_parse(text, 1, &a)); /* longer than the system's paths of sockets */
    text[107] = '\0';
    assert_true(address_parse(text, 1, &a));
    memset(text, '1', sizeof text - 1);
    snprintf(text + 250, 10, ":80");
    assert_false(address_parse(text, 1, &a));
    text[0] = '[';
    snprintf(text + 250, 10, "]:80");
    assert_false(address_parse(text, 1, &a));
}

static bool is_loopback(const char *text)
{
    struct address a;
    assert_true(address_parse(text, 1, &a));
    return address_is_loopback(&a);
}

static void test_loopback(void **state)
{
    struct address none = {0};
    char text[ADDRESS_TEXT_SIZE];
    (void)state;
    assert_true(is_loopback("127.0.0.1") && is_loopback("127.9.9.9") && is_loopback("::1"));
    assert_true(is_loopback("/run/x.sock"));
    assert_false(is_loopback("128.0.0.1") || is_loopback("0.0.0.0") || is_loopback("::"));
    assert_false(is_loopback("::ffff:1.2.3.4"));
    assert_false(address_is_loopback(&none));
    assert_string_equal(address_print(&none, text), "none");
}

static void test_equality(void **state)
{
    static const char *const texts[] = {"1.2.3.4:1", "1.2.3.4:2", "1.2.3.5:1", "[::1]:1",
                                        "[::2]:1",   "/a",        "/b"};
    enum { COUNT = sizeof texts / sizeof *texts };
    (void)state;
    for (size_t i = 0; i < COUNT * COUNT; i++) {
        struct address a;
        struct address b;
        assert_true(address_parse(texts[i / COUNT], 1, &a));
        assert_true(address_parse(texts[i % COUNT], 1, &b));
        assert_int_equal(address_equals(&a, &b), i / COUNT == i % COUNT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_and_written), cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_long_texts),       cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_equality),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
