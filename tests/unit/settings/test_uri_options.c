/* The options of a connection string: taken over, ignored with a word, refused. */
#include "settings_world.h"

static void load_options(const char *options)
{
    auto_free char *uri = xformat("mongodb://app:secret@h/?%s", options);
    load_uri(uri);
}

static void test_options_of_the_table_whatever_the_case_of_letters(void **state)
{
    (void)state;
    load_options("MAXPOOLSIZE=3&minpoolsize=2&maxConnecting=4&maxIdleTimeMS=5;waitQueueTimeoutMS=6&"
                 "connectTimeoutMS=7&socketTimeoutMS=8&serverSelectionTimeoutMS=9&"
                 "heartbeatFrequencyMS=500&localThresholdMS=11&appName=me&&");
    assert_clean();
    assert_int_equal(w.s.pool.max_pool_size, 3);
    assert_int_equal(w.s.pool.min_pool_size, 2);
    assert_int_equal(w.s.pool.max_connecting, 4);
    assert_int_equal(w.s.pool.max_idle_time_ms, 5);
    assert_int_equal(w.s.pool.wait_queue_timeout_ms, 6);
    assert_int_equal(w.s.upstream.connect_timeout_ms, 7);
    assert_int_equal(w.s.upstream.operation_timeout_ms, 8);
    assert_int_equal(w.s.outage.queue_timeout_ms, 9);
    assert_int_equal(w.s.upstream.heartbeat_frequency_ms, 500);
    assert_int_equal(w.s.upstream.local_threshold_ms, 11);
    assert_string_equal(w.s.upstream.app_name, "me");
}

static void test_values_that_cannot_be_read_are_ignored_with_a_warning(void **state)
{
    (void)state;
    load_options("maxPoolSize=many");
    assert_warning("column 25", "maxPoolSize is ignored: a whole number is expected");
    assert_int_equal(w.s.pool.max_pool_size, 20);
    load_options("maxPoolSize=");
    assert_warning("column 25", "maxPoolSize is ignored");
    load_options("a=b&heartbeatFrequencyMS=10");
    assert_warning("column 29", "a number from 500");
    load_options("tls=maybe");
    assert_warning("column 25", "tls is ignored: true or false is expected");
    load_options("directConnection=1");
    assert_warning("column 25", "directConnection is ignored");
    load_options("tlsInsecure=");
    assert_warning("column 25", "tlsInsecure is ignored");
}

static void test_tls_and_ssl_must_agree(void **state)
{
    (void)state;
    load_options("tls=true&ssl=true");
    assert_clean();
    assert_true(w.s.upstream.tls);
    load_options("ssl=true&tls=false");
    assert_error("column 34", "tls and ssl are one option and must agree");
    load_options("tls=false&tls=true");
    assert_error("column 35", "must agree");
}

static void test_tls_options_that_exclude_each_other_even_when_false(void **state)
{
    static const char *const names[] = {"tlsInsecure", "tlsAllowInvalidCertificates",
                                        "tlsAllowInvalidHostnames", "tlsDisableOCSPEndpointCheck",
                                        "tlsDisableCertificateRevocationCheck"};
    static const char *const exclude[] = {"01111", "10011", "10000", "11001", "11010"};
    (void)state;
    for (size_t i = 0; i < 25; i++) {
        const char *one = names[i / 5], *two = names[i % 5];
        auto_free char *options = xformat("%s=false&%s=false", one, two);
        load_options(options);
        if (exclude[i / 5][i % 5] == '1') {
            assert_error("connection string", "exclude each other");
        } else {
            assert_int_equal(w.problems.errors, 0);
        }
    }
}

static void test_an_option_given_twice_is_a_warning_and_the_last_counts(void **state)
{
    (void)state;
    load_options("replicaSet=a&replicaset=b");
    assert_warning("column 38", "replicaset is given twice: the last one counts");
    assert_string_equal(w.s.upstream.replica_set, "b");
}

static void test_options_for_the_application(void **state)
{
    (void)state;
    load_options("retryWrites=true&w=majority");
    assert_warning("column 25", "retryWrites has no effect here: set it in the application's own");
    assert_warning("column 42", "w has no effect here");
    load_options("readPreferenceTags=dc:ny&readPreferenceTags=");
    assert_int_equal(w.problems.count, 2);
}

static void test_unknown_options_are_told_with_the_nearest(void **state)
{
    (void)state;
    load_options("maxPoolSze=3");
    assert_warning("column 25", "maxPoolSze is not an option of MongoDB's; did you mean "
                                "maxPoolSize?");
    load_options("replicaSets=3");
    assert_warning("column 25", "did you mean replicaSet?");
    load_options("foo=bar");
    assert_warning("column 25", "foo is not an option of MongoDB's");
    load_options("name");
    assert_error("column 25", "an option is written name=value");
    load_options("=value");
    assert_error("column 25", "an option is written name=value");
}

static void test_options_not_built_are_refused(void **state)
{
    (void)state;
    load_options("compressors=zstd");
    assert_error("column 25", "compressors: compression is not implemented in this build");
}

static void test_load_balancers(void **state)
{
    (void)state;
    load_options("loadBalanced=false&replicaSet=rs&directConnection=true");
    assert_clean();
    assert_false(w.s.upstream.load_balanced);
    load_options("loadBalanced=true");
    assert_clean();
    assert_true(w.s.upstream.load_balanced);
    load_options("loadBalanced=true&replicaSet=rs");
    assert_error("column 1", "loadBalanced=true does not go with replicaSet");
    load_options("directConnection=true&loadBalanced=true");
    assert_error("column 1", "loadBalanced=true does not go with directConnection=true");
    load_uri("mongodb://a.example,b.example/?loadBalanced=true");
    assert_error("column 1", "loadBalanced=true takes exactly one host");
    load_uri("mongodb+srv://cluster0.example.test/?loadBalanced=true&srvMaxHosts=1");
    assert_error("column 1", "loadBalanced=true does not go with srvMaxHosts");
}

static void test_mechanisms(void **state)
{
    (void)state;
    load_options("authMechanism=SCRAM-SHA-1&authSource=users");
    assert_clean();
    assert_int_equal(w.s.upstream.auth_mechanism, AUTH_SCRAM_SHA_1);
    assert_string_equal(w.s.upstream.auth_source, "users");
    load_options("authMechanism=MONGODB-AWS");
    assert_error("column 25", "is not implemented in this build: use a database user with");
    load_options("authMechanism=SCRAM");
    assert_error("column 25", "authMechanism is not known: use");
    load_options("authMechanism=MONGODB-CR");
    assert_error("column 25", "is gone since MongoDB 4.0: leave authMechanism out");
    load_options("authSource=");
    assert_error("column 25", "authSource is empty");
}

static void test_the_outbound_proxy(void **state)
{
    (void)state;
    load_options("proxyHost=proxy.example.test");
    assert_clean();
    assert_string_equal(w.s.upstream.socks_proxy, "proxy.example.test:1080");
    load_options("proxyHost=::1&proxyPort=9&proxyUsername=me&proxyPassword=p%40:s");
    assert_clean();
    assert_string_equal(w.s.upstream.socks_proxy, "me:p@:s@[::1]:9");
    load_options("proxyPort=9");
    assert_error("connection string", "go with proxyHost only");
    load_options("proxyHost=a&proxyPassword=p");
    assert_error("connection string", "go together only");
    load_options("proxyHost=a&proxyPort=no");
    assert_error("upstream.socksProxy", "host:port is expected");
}

static void test_a_direct_connection_takes_one_host(void **state)
{
    (void)state;
    load_uri("mongodb://a/?directConnection=true");
    assert_clean();
    assert_true(w.s.upstream.direct_connection);
    load_uri("mongodb://a,b/?directConnection=true");
    assert_column(1, "directConnection=true takes exactly one host");
    load_uri("mongodb://a,b/?directConnection=false");
    assert_clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(test_options_of_the_table_whatever_the_case_of_letters),
        in_world(test_values_that_cannot_be_read_are_ignored_with_a_warning),
        in_world(test_tls_and_ssl_must_agree),
        in_world(test_tls_options_that_exclude_each_other_even_when_false),
        in_world(test_an_option_given_twice_is_a_warning_and_the_last_counts),
        in_world(test_options_for_the_application),
        in_world(test_unknown_options_are_told_with_the_nearest),
        in_world(test_options_not_built_are_refused),
        in_world(test_load_balancers),
        in_world(test_mechanisms),
        in_world(test_the_outbound_proxy),
        in_world(test_a_direct_connection_takes_one_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
