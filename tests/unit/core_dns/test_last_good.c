/* The last good answers: kept, written, read again, and never taken from a damaged file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/crc32c.h"
#include "core/dns/last_good.h"

#define CLUSTER "_mongodb._tcp.cluster0.example.test"

/* 2026-11-25T10:20:06Z, and 5000 s of a clock of ours. */
static const struct last_good_clocks CLOCKS = {.now = 5000000, .wall = INT64_C(1795602006) * 1000};

static struct address address(const char *text)
{
    struct address a;
    assert_true(address_parse(text, 0, &a));
    return a;
}

static struct last_good_seeds seeds(size_t count, msec when)
{
    static char *hosts[] = {"a.example.test:27017", "b.example.test:27018", "c.example.test:1"};
    return (struct last_good_seeds){.when = when,
                                    .source = "10.0.0.2:53",
                                    .hosts = hosts,
                                    .count = count,
                                    .auth_source = "admin",
                                    .replica_set = "atlas x\n%shard"};
}

static struct last_good some(void)
{
    struct last_good l;
    struct last_good_seeds s = seeds(3, CLOCKS.now - 60000);
    struct address two[] = {address("10.0.0.1:7"), address("[fd00::1]:7")};
    last_good_init(&l, CLUSTER);
    assert_true(last_good_put_seeds(&l, &s));
    assert_true(last_good_put_name(&l, "a.example.test", two, 2, "system", CLOCKS.now));
    assert_true(last_good_put_name(&l, "b.example.test", two, 1, "system", CLOCKS.now - 3600000));
    return l;
}

static enum status read_text(struct last_good *l, struct span bytes, struct error *why)
{
    *why = (struct error){0};
    last_good_init(l, CLUSTER);
    enum status status = last_good_read(l, bytes, CLOCKS, why);
    if (status != STATUS_OK) {
        assert_true(why->text[0] != '\0');
        assert_int_equal(l->seeds.count + l->name_count, 0);
        last_good_clear(l);
    }
    return status;
}

/* `lines` with the first line, the cluster and the right checksum around them. */
static enum status read_lines(struct last_good *l, const char *lines, struct error *why)
{
    char text[4000];
    int size =
        snprintf(text, sizeof text, "mooring names, version 1\ncluster " CLUSTER "\n%s", lines);
    size += sprintf(text + size, "end %08x\n", crc32c(0, span_of(text, (size_t)size)));
    return read_text(l, span_of(text, (size_t)size), why);
}

/* --- the file --- */

static void test_what_it_looks_like(void **state)
{
    (void)state;
    struct last_good l = some();
    size_t size;
    char *bytes = last_good_write(&l, CLOCKS, &size);
    assert_string_equal(bytes, "mooring names, version 1\n"
                               "cluster _mongodb._tcp.cluster0.example.test\n"
                               "seeds 2026-11-25T10:19:06Z 10.0.0.2:53\n"
                               "host a.example.test:27017\n"
                               "host b.example.test:27018\n"
                               "host c.example.test:1\n"
                               "auth-source admin\n"
                               "replica-set atlas x%0A%25shard\n"
                               "name 2026-11-25T10:20:06Z a.example.test system\n"
                               "address 10.0.0.1\n"
                               "address fd00::1\n"
                               "name 2026-11-25T09:20:06Z b.example.test system\n"
                               "address 10.0.0.1\n"
                               "end 35b8d556\n");
    free(bytes);
    last_good_clear(&l);
}

static void test_there_and_back(void **state)
{
    (void)state;
    struct last_good l = some();
    struct last_good again;
    struct error why;
    size_t size;
    l.seeds.load_balanced = true;
    char *bytes = last_good_write(&l, CLOCKS, &size);
    assert_int_equal(read_text(&again, span_of(bytes, size), &why), STATUS_OK);
    assert_int_equal(again.seeds.count, 3);
    assert_string_equal(again.seeds.hosts[1], "b.example.test:27018");
    assert_string_equal(again.seeds.source, "10.0.0.2:53");
    assert_string_equal(again.seeds.auth_source, "admin");
    assert_string_equal(again.seeds.replica_set, "atlas x\n%shard");
    assert_true(again.seeds.load_balanced);
    assert_int_equal(again.seeds.when, CLOCKS.now - 60000);
    const struct last_good_name *n = last_good_find(&again, "A.example.TEST");
    assert_non_null(n);
    assert_int_equal(n->when, CLOCKS.now);
    assert_int_equal(n->count, 2);
    struct address v6 = address("[fd00::1]:0");
    assert_true(address_equals(&n->addresses[1], &v6));
    size_t size_again;
    char *bytes_again = last_good_write(&again, CLOCKS, &size_again);
    assert_string_equal(bytes, bytes_again);
    free(bytes);
    free(bytes_again);
    last_good_clear(&l);
    last_good_clear(&again);
}

/* Another process's clock began elsewhere; what the wall clock says in the future was just now. */
static void test_clocks(void **state)
{
    (void)state;
    struct last_good l = some();
    struct error why;
    size_t size;
    char *bytes = last_good_write(&l, CLOCKS, &size);
    struct last_good_clocks later = {.now = 1000, .wall = CLOCKS.wall + 86400000};
    struct last_good again;
    last_good_init(&again, CLUSTER);
    assert_int_equal(last_good_read(&again, span_of(bytes, size), later, &why), STATUS_OK);
    assert_int_equal(again.seeds.when, 1000 - 86400000 - 60000);
    struct last_good_clocks unset = {.now = 1000, .wall = 0};
    assert_int_equal(last_good_read(&again, span_of(bytes, size), unset, &why), STATUS_OK);
    assert_int_equal(again.seeds.when, 1000);
    assert_int_equal(again.names[0].when, 1000);
    free(bytes);
    /* A clock of before 1970 or beyond any date writes what can be read. */
    for (int i = 0; i < 2; i++) {
        struct last_good_clocks odd = {.now = CLOCKS.now, .wall = i == 0 ? -1 : INT64_MAX / 2};
        bytes = last_good_write(&l, odd, &size);
        assert_int_equal(last_good_read(&again, span_of(bytes, size), CLOCKS, &why), STATUS_OK);
        free(bytes);
    }
    last_good_clear(&again);
    last_good_clear(&l);
}

static void test_damage_is_noticed(void **state)
{
    (void)state;
    struct last_good l = some();
    struct last_good again;
    struct error why;
    size_t size;
    char *bytes = last_good_write(&l, CLOCKS, &size);
    for (size_t i = 0; i < size; i++) {
        assert_int_not_equal(read_text(&again, span_of(bytes, i), &why), STATUS_OK);
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] = (char)(bytes[i] ^ (1 << bit));
            assert_int_not_equal(read_text(&again, span_of(bytes, size), &why), STATUS_OK);
            bytes[i] = (char)(bytes[i] ^ (1 << bit));
        }
    }
    char *longer = calloc(1, LAST_GOOD_BYTES_MOST + 2);
    memcpy(longer, bytes, size);
    assert_int_equal(read_text(&again, span_of(longer, size + 1), &why), STATUS_BAD_INPUT);
    assert_int_equal(read_text(&again, span_of(longer, LAST_GOOD_BYTES_MOST + 1), &why),
                     STATUS_BAD_INPUT);
    assert_string_equal(why.text, "is larger than such a file can be");
    free(longer);
    free(bytes);
    last_good_clear(&l);
}

static void test_why_a_file_is_ignored(void **state)
{
    (void)state;
    struct last_good l;
    struct error why;
    static const struct {
        const char *text;
        enum status status;
        const char *why;
    } cases[] = {
        {"", STATUS_BAD_INPUT, "is not a file of names that Mooring wrote"},
        {"{}\n", STATUS_BAD_INPUT, "is not a file of names that Mooring wrote"},
        {"mooring names, version ", STATUS_BAD_INPUT, "is cut off"},
        {"mooring names, version 2\n", STATUS_INCOMPATIBLE, "is of another version, or damaged"},
        {"mooring names, version 1\n", STATUS_BAD_INPUT, "is damaged or cut off"},
        {"mooring names, version 1\nend 00000000\n", STATUS_BAD_INPUT, "is damaged or cut off"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_text(&l, span_text(cases[i].text), &why), cases[i].status);
        assert_string_equal(why.text, cases[i].why);
    }
    struct last_good other;
    size_t size;
    last_good_init(&other, "_mongodb._tcp.other.example.test");
    char *bytes = last_good_write(&other, CLOCKS, &size);
    assert_int_equal(read_text(&l, span_of(bytes, size), &why), STATUS_NOT_SUITABLE);
    assert_string_equal(why.text, "is about _mongodb._tcp.other.example.test, not " CLUSTER);
    free(bytes);
    last_good_clear(&other);
}

/* Whoever writes such a file by hand, checksum and all, cannot make a name of what is none. */
static void test_lines_that_mean_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "host a:1\n",
        "address 10.0.0.1\n",
        "nonsense\n",
        "seeds 2026-11-25T10:19:06Z x\n",
        "seeds 2026-11-25T10:19:06Z\nhost a:1\n",
        "seeds 2026-13-25T10:19:06Z x\nhost a:1\n",
        "seeds 2026-11-25 x\nhost a:1\n",
        "seeds 2026-11-25T10:19:06Z x\nhost a:1\nseeds 2026-11-25T10:19:06Z x\nhost a:1\n",
        "seeds 2026-11-25T10:19:06Z x\nhost a\n",
        "seeds 2026-11-25T10:19:06Z x\nhost :1\n",
        "seeds 2026-11-25T10:19:06Z x\nhost a:0\n",
        "seeds 2026-11-25T10:19:06Z x\nhost a:65536\n",
        "seeds 2026-11-25T10:19:06Z x\nhost a:999999999999\n",
        "seeds 2026-11-25T10:19:06Z x\nhost a:1x\n",
        "seeds 2026-11-25T10:19:06Z x\nhost /tmp/x:1\n",
        "seeds 2026-11-25T10:19:06Z x\nhost a:1\nauth-source %0\n",
        "seeds 2026-11-25T10:19:06Z x\nhost a:1\nauth-source %00\n",
        "seeds 2026-11-25T10:19:06Z x\nhost a:1\nload-balanced yes\n",
        "name 2026-11-25T10:19:06Z a x\n",
        "name 2026-11-25T10:19:06Z a\naddress 10.0.0.1\n",
        "name 2026-11-25T10:19:06Z a x\naddress b\n",
        "name 2026-11-25T10:19:06Z a x\naddress /tmp/x\n",
        "name 2026-11-25T10:19:06Z a x\nhost a:1\n",
        "name 2026-11-25T10:19:06Z a x\nname 2026-11-25T10:19:06Z b x\naddress 10.0.0.1\n",
    };
    struct last_good l;
    struct error why;
    assert_int_equal(read_lines(&l, "", &why), STATUS_OK);
    last_good_clear(&l);
    assert_int_equal(
        read_lines(&l, "seeds 2026-11-25T10:19:06Z x\nhost a:65535\nhost [::1]:1\n", &why),
        STATUS_OK);
    assert_int_equal(l.seeds.count, 2);
    last_good_clear(&l);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read_lines(&l, bad[i], &why), STATUS_BAD_INPUT);
        assert_string_equal(why.text, "has lines that mean nothing");
    }
}

/* --- what is kept --- */

static void test_what_is_news(void **state)
{
    (void)state;
    struct last_good l = some();
    struct last_good_seeds s = seeds(3, CLOCKS.now);
    char *turned[] = {s.hosts[2], s.hosts[0], s.hosts[1]};
    s.hosts = turned;
    s.source = "elsewhere";
    assert_false(last_good_put_seeds(&l, &s)); /* the same in another order */
    assert_int_equal(l.seeds.when, CLOCKS.now);
    assert_string_equal(l.seeds.source, "elsewhere");
    s.count = 2;
    assert_true(last_good_put_seeds(&l, &s));
    assert_false(last_good_put_seeds(&l, &s));
    turned[0] = "d.example.test:1";
    assert_true(last_good_put_seeds(&l, &s));
    s.auth_source = NULL;
    assert_true(last_good_put_seeds(&l, &s));
    s.replica_set = "other";
    assert_true(last_good_put_seeds(&l, &s));
    s.load_balanced = true;
    assert_true(last_good_put_seeds(&l, &s));

    struct address list[] = {address("[fd00::1]:1"), address("10.0.0.1:1"), address("10.0.0.1:2")};
    assert_false(last_good_put_name(&l, "A.example.test", list, 3, "x", CLOCKS.now + 1));
    assert_int_equal(last_good_find(&l, "a.example.test")->when, CLOCKS.now + 1);
    assert_true(last_good_put_name(&l, "a.example.test", list, 1, "x", CLOCKS.now));
    list[0].ip[15] = 9;
    assert_true(last_good_put_name(&l, "a.example.test", list, 1, "x", CLOCKS.now));
    assert_false(last_good_put_name(&l, "a.example.test", list, 0, "x", CLOCKS.now));
    assert_int_equal(last_good_find(&l, "a.example.test")->count, 1);
    assert_false(last_good_put_name(&l, "two words", list, 1, "x", CLOCKS.now));
    assert_false(last_good_put_name(&l, "", list, 1, "x", CLOCKS.now));
    assert_null(last_good_find(&l, "two words"));
    char text[LAST_GOOD_TEXT_BYTES_MOST + 2];
    memset(text, '%', sizeof text);
    text[LAST_GOOD_TEXT_BYTES_MOST + 1] = '\0';
    s.auth_source = text;
    assert_false(last_good_put_seeds(&l, &s));
    assert_false(last_good_put_name(&l, "new.example.test", list, 1, text, CLOCKS.now));
    assert_null(last_good_find(&l, "new.example.test"));
    text[LAST_GOOD_TEXT_BYTES_MOST] = '\0';
    assert_true(last_good_put_seeds(&l, &s));
    size_t size;
    struct last_good again;
    struct error why;
    char *bytes = last_good_write(&l, CLOCKS, &size);
    assert_int_equal(read_text(&again, span_of(bytes, size), &why), STATUS_OK);
    assert_string_equal(again.seeds.auth_source, text);
    free(bytes);
    last_good_clear(&again);
    last_good_clear(&l);
}

static void test_bounds(void **state)
{
    (void)state;
    struct last_good l;
    struct last_good again;
    struct error why;
    struct address many[LAST_GOOD_ADDRESSES_MOST + 4];
    char host[LAST_GOOD_HOST_BYTES_MOST + 2];
    char name[LAST_GOOD_HOST_BYTES_MOST + 10];
    char *hosts[LAST_GOOD_HOSTS_MOST + 3];
    memset(host, 'h', sizeof host);
    last_good_init(&l, CLUSTER);
    for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
        many[i] = address("[1111:1111:1111:1111:1111:1111:1111:1111]:1");
        many[i].ip[0] = (uint8_t)(i + 0x10);
    }
    for (int i = 0; i < LAST_GOOD_NAMES_MOST + 5; i++) {
        snprintf(host + LAST_GOOD_HOST_BYTES_MOST - 3, 4, "%03d", i);
        last_good_put_name(&l, host, many, sizeof many / sizeof *many, "system", 1000 + i);
    }
    snprintf(name, sizeof name, "%s:27017", host);
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        hosts[i] = name;
    }
    struct last_good_seeds s = {
        .hosts = hosts, .count = sizeof hosts / sizeof *hosts, .source = "x", .when = 7};
    last_good_put_seeds(&l, &s);
    assert_int_equal(l.seeds.count, LAST_GOOD_HOSTS_MOST);
    assert_int_equal(l.name_count, LAST_GOOD_NAMES_MOST);
    assert_int_equal(l.names[0].count, LAST_GOOD_ADDRESSES_MOST);
    snprintf(host + LAST_GOOD_HOST_BYTES_MOST - 3, 4, "004");
    assert_null(last_good_find(&l, host)); /* the first five went */
    snprintf(host + LAST_GOOD_HOST_BYTES_MOST - 3, 4, "005");
    assert_non_null(last_good_find(&l, host));
    size_t size;
    char *bytes = last_good_write(&l, CLOCKS, &size);
    assert_in_range(size, LAST_GOOD_BYTES_MOST / 2, LAST_GOOD_BYTES_MOST);
    assert_int_equal(read_text(&again, span_of(bytes, size), &why), STATUS_OK);
    assert_int_equal(again.name_count, LAST_GOOD_NAMES_MOST);
    free(bytes);
    last_good_clear(&again);

    last_good_forget(&l, 1000 + 100);
    assert_int_equal(l.seeds.count, 0);
    assert_int_equal(l.name_count, LAST_GOOD_NAMES_MOST + 5 - 100);
    last_good_clear(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_looks_like),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_damage_is_noticed),
        cmocka_unit_test(test_why_a_file_is_ignored),
        cmocka_unit_test(test_lines_that_mean_nothing),
        cmocka_unit_test(test_what_is_news),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
