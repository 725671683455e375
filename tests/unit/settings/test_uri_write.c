/* The standard connection string, and that reading it gives back what was written. */
#include "settings_world.h"

#include "settings/settings_uri_write.h"

static const char *const two_hosts[] = {"a.example.test:27017", "b.example.test:27018"};

static struct uri_wanted wanted;

static void assert_writes(const char *uri, const char *expected)
{
    load_uri(uri);
    assert_int_equal(w.problems.errors, 0);
    auto_free char *text = uri_write(&w.s.upstream, &wanted);
    assert_string_equal(text, expected);
}

static int want_two_hosts(void **state)
{
    (void)state;
    wanted = (struct uri_wanted){.hosts = two_hosts, .count = 2};
    return 0;
}

static void test_srv_becomes_hosts_with_tls(void **state)
{
    (void)state;
    assert_writes("mongodb+srv://c.example.test",
                  "mongodb://a.example.test:27017,b.example.test:27018/?tls=true");
    assert_writes("mongodb+srv://c.example.test/db?retryWrites=true&srvMaxHosts=3&w=majority",
                  "mongodb://a.example.test:27017,b.example.test:27018/"
                  "db?retryWrites=true&w=majority&tls=true");
    assert_writes("mongodb+srv://c.example.test/?SSL=false&srvServiceName=my",
                  "mongodb://a.example.test:27017,b.example.test:27018/?SSL=false");
}

static void test_what_txt_says_is_added_unless_the_string_says_it(void **state)
{
    (void)state;
    wanted.replica_set = "rs/0";
    wanted.auth_source = "admin";
    assert_writes("mongodb+srv://c.example.test/",
                  "mongodb://a.example.test:27017,b.example.test:27018/"
                  "?tls=true&replicaSet=rs%2F0&authSource=admin");
    wanted.is_load_balanced = true;
    assert_writes("mongodb+srv://c.example.test/?authsource=users;replicaset=other",
                  "mongodb://a.example.test:27017,b.example.test:27018/"
                  "?authsource=users&replicaset=other&tls=true&loadBalanced=true");
}

static void test_a_plain_string_is_only_put_in_order(void **state)
{
    static const char *const hosts[] = {"[::1]:5", "/tmp/mongodb-27017.sock"};
    (void)state;
    wanted = (struct uri_wanted){.hosts = hosts, .count = 2};
    assert_writes("mongodb://a b:p+%2f@[::1]:5,%2Ftmp%2Fmongodb-27017.sock?;w=1&&j=2",
                  "mongodb://a%20b:p%2B%2F@[::1]:5,%2Ftmp%2Fmongodb-27017.sock/?w=1&j=2");
    assert_writes("mongodb://a:@x", "mongodb://a:@[::1]:5,%2Ftmp%2Fmongodb-27017.sock/");
}

static void test_credentials_can_be_left_out_wherever_they_stand(void **state)
{
    (void)state;
    wanted.hides_credentials = true;
    assert_writes("mongodb+srv://app:swordfish@c.example.test/?appName=x&"
                  "tlsCertificateKeyFilePassword=swordfish&proxyHost=p&proxyUsername=swordfish&"
                  "PROXYPASSWORD=swordfish&authMechanismProperties=X:swordfish",
                  "mongodb://a.example.test:27017,b.example.test:27018/"
                  "?appName=x&proxyHost=p&tls=true");
}

static void test_what_is_written_reads_the_same(void **state)
{
    static const char strange[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ \x7f\xc3\xbc";
    struct upstream_settings up = {.user = (char *)(uintptr_t)strange,
                                   .password = (char *)(uintptr_t)strange,
                                   .database = "d-b",
                                   .tls = true};
    (void)state;
    wanted.replica_set = strange;
    auto_free char *text = uri_write(&up, &wanted);
    load_uri(text);
    assert_clean();
    assert_string_equal(w.s.upstream.user, strange);
    assert_string_equal(w.s.upstream.password, strange);
    assert_string_equal(w.s.upstream.replica_set, strange);
    assert_string_equal(w.s.upstream.database, "d-b");
    assert_true(w.s.upstream.tls);
    assert_list(w.s.upstream.hosts, "a.example.test:27017 b.example.test:27018");
}

int main(void)
{
#define with_hosts(test) cmocka_unit_test_setup_teardown(test, want_two_hosts, clear_world)
    const struct CMUnitTest tests[] = {
        with_hosts(test_srv_becomes_hosts_with_tls),
        with_hosts(test_what_txt_says_is_added_unless_the_string_says_it),
        with_hosts(test_a_plain_string_is_only_put_in_order),
        with_hosts(test_credentials_can_be_left_out_wherever_they_stand),
        with_hosts(test_what_is_written_reads_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
