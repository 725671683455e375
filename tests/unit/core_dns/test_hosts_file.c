/* What /etc/hosts gives for a name. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/dns/hosts_file.h"

static const char text[] = "# developers' machine\n"
                           "127.0.0.1 localhost mongo-0\n"
                           "::1\tlocalhost ip6-localhost # mongo-1\n"
                           "  10.0.0.7\tMongo-2.example.test   mongo-2 mongo-crlf\r\n"
                           "10.0.0.8 mongo-2 mongo-2\n"
                           "10.0.0.7 mongo-2\n"
                           "300.0.0.1 mongo-3\n"
                           "fe80::1%lo0 mongo-3\n"
                           "/tmp/x mongo-3\n"
                           "#10.0.0.9 mongo-3\n"
                           "\n"
                           "2001:db8::5 mongo-4"; /* no newline at the end */

static size_t find(const char *name, struct address *out, size_t room)
{
    return hosts_file_find(span_text(text), name, 27017, out, room);
}

static void names_and_aliases_are_found(void **state)
{
    (void)state;
    struct address found[8];
    char printed[ADDRESS_TEXT_SIZE];
    assert_int_equal(find("localhost", found, 8), 2);
    assert_string_equal(address_print(&found[0], printed), "127.0.0.1:27017");
    assert_string_equal(address_print(&found[1], printed), "[::1]:27017");
    assert_int_equal(find("MONGO-0", found, 8), 1);
    assert_int_equal(find("mongo-2.EXAMPLE.test", found, 8), 1);
    assert_string_equal(address_print(&found[0], printed), "10.0.0.7:27017");
    assert_int_equal(find("mongo-crlf", found, 8), 1);
    assert_int_equal(find("mongo-4", found, 8), 1);
    assert_string_equal(address_print(&found[0], printed), "[2001:db8::5]:27017");
}

static void each_address_comes_once_and_within_the_room(void **state)
{
    (void)state;
    struct address found[8];
    assert_int_equal(find("mongo-2", found, 8), 2);
    assert_int_equal(find("mongo-2", found, 1), 1);
    assert_int_equal(find("mongo-2", found, 0), 0);
}

static void comments_and_nonsense_are_skipped(void **state)
{
    (void)state;
    struct address found[8];
    assert_int_equal(find("mongo-1", found, 8), 0);
    assert_int_equal(find("mongo-3", found, 8), 0);
    assert_int_equal(find("mongo", found, 8), 0);
    assert_int_equal(find("10.0.0.7", found, 8), 0);
    assert_int_equal(find("", found, 8), 0);
    assert_int_equal(hosts_file_find(span_of(NULL, 0), "x", 1, found, 8), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_aliases_are_found),
        cmocka_unit_test(each_address_comes_once_and_within_the_room),
        cmocka_unit_test(comments_and_nonsense_are_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
