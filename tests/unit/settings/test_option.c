/* One option by its row: every type of value, what is refused, names. */
#include "settings_world.h"

#include "settings/settings_nearest.h"

static struct error why;

static enum status set(const char *path, const char *text)
{
    const struct option *o = option_find(path);
    assert_non_null(o);
    why = (struct error){0};
    return option_set(o, &w.s, text, &why);
}

static void assert_prints(const char *path, const char *text)
{
    auto_free char *printed = option_print(option_find(path), &w.s);
    assert_string_equal(printed, text);
}

static void assert_set(const char *path, const char *text, const char *printed)
{
    assert_int_equal(set(path, text), STATUS_OK);
    assert_prints(path, printed);
}

static void assert_refused(const char *path, const char *text, const char *expected)
{
    auto_free char *before = option_print(option_find(path), &w.s);
    assert_int_equal(set(path, text), STATUS_BAD_INPUT);
    if (strstr(why.text, expected) == NULL) {
        fail_msg("%s=%s: no \"%s\" in \"%s\"", path, text, expected, why.text);
    }
    assert_prints(path, before);
}

static int set_defaults(void **state)
{
    (void)state;
    load_uri(GOOD_URI);
    return 0;
}

static void test_every_row_reads_what_it_prints(void **state)
{
    (void)state;
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        auto_free char *printed = option_print(o, &w.s);
        if ((o->flags & OPTION_SECRET) == 0) {
            assert_int_equal(option_set(o, &w.s, printed, &why), STATUS_OK);
            auto_free char *again = option_print(o, &w.s);
            assert_string_equal(again, printed);
        }
    }
}

static void test_every_row_is_found_by_path_and_environment_and_has_help(void **state)
{
    (void)state;
    for (size_t i = 0; i < option_count; i++) {
        char text[128];
        const struct option *o = &option_table[i];
        assert_ptr_equal(option_find(o->path), o);
        assert_ptr_equal(option_find_environment(option_environment_name(o, text)), o);
        assert_int_equal(o->help[strlen(o->help) - 1], '.');
        assert_false(option_is_not_built(o->path));
    }
    assert_null(option_find("pool"));
    assert_null(option_find("pool.maxpoolsize"));
}

static void test_names_in_the_environment_have_an_underscore_before_each_capital(void **state)
{
    char text[128];
    (void)state;
    assert_string_equal(option_environment_name(option_find("pool.maxPoolSize"), text),
                        "MOORING_POOL_MAX_POOL_SIZE");
    assert_string_equal(option_environment_name(option_find("pool.waitQueueTimeoutMS"), text),
                        "MOORING_POOL_WAIT_QUEUE_TIMEOUT_MS");
    assert_string_equal(option_environment_name(option_find("tls.caFile"), text),
                        "MOORING_TLS_CA_FILE");
}

static void test_numbers_are_whole_and_within_bounds(void **state)
{
    (void)state;
    assert_set("pool.maxPoolSize", "65535", "65535");
    assert_refused("pool.maxPoolSize", "65536", "a number from 1 to 65535 is expected");
    assert_refused("pool.maxPoolSize", "0", "a number from 1 to 65535");
    assert_refused("pool.maxPoolSize", "-1", "a number from 1");
    assert_refused("pool.maxPoolSize", "12 ", "a whole number");
    assert_refused("pool.maxPoolSize", " 12", "a whole number");
    assert_refused("pool.maxPoolSize", "1e3", "a whole number");
    assert_refused("pool.maxPoolSize", "", "a whole number");
    assert_refused("pool.maxPoolSize", "99999999999999999999", "a number from 1");
    assert_refused("outage.queueTimeoutMS", "15s", "a whole number");
}

static void test_bytes_take_units(void **state)
{
    (void)state;
    assert_set("limits.holdBytes", "1KiB", "1024");
    assert_set("limits.holdBytes", "2MiB", "2097152");
    assert_set("outage.queueMaxBytes", "1GiB", "1073741824");
    assert_refused("limits.holdBytes", "1023", "a number from 1024 to 48000000");
    assert_refused("limits.holdBytes", "0MiB", "a number from 1024");
    assert_refused("limits.holdBytes", "46MiB", "a number from 1024");
    assert_refused("limits.holdBytes", "1MB", "KiB, MiB or GiB");
    assert_refused("limits.bufferBytes", "9223372036854775807GiB", "a number from");
}

static void test_modes_of_files_are_octal(void **state)
{
    (void)state;
    assert_set("listen.unixSocketMode", "0660", "0660");
    assert_int_equal(w.s.listen.unix_socket_mode, 0660);
    assert_set("listen.unixSocketMode", "600", "0600");
    assert_refused("listen.unixSocketMode", "01000", "a number from 0 to 0777");
    assert_refused("listen.unixSocketMode", "0888", "a whole number");
}

static void test_choices_truths_and_factors(void **state)
{
    (void)state;
    assert_set("outage.mode", "failFast", "failFast");
    assert_int_equal(w.s.outage.mode, OUTAGE_FAIL_FAST);
    assert_refused("outage.mode", "failfast", "one of queue, failFast is expected");
    assert_set("tls.allowInvalidHostnames", "true", "true");
    assert_refused("tls.allowInvalidHostnames", "yes", "true or false is expected");
    assert_set("reconnect.factor", "1.5", "1.5");
    assert_refused("reconnect.factor", "nan", "a number from 1 to 100");
    assert_refused("reconnect.factor", "0.5", "a number from 1 to 100");
}

static void test_shares(void **state)
{
    (void)state;
    assert_set("pool.maxAwaiting", "7", "7");
    assert_int_equal(share_of(w.s.pool.max_awaiting, 20), 7);
    assert_int_equal(share_of(w.s.pool.max_awaiting, 4), 4); /* never more than the whole */
    assert_set("pool.maxAwaiting", "50 %", "50%");
    assert_set("pool.maxAwaiting", "50%", "50%");
    assert_int_equal(share_of(w.s.pool.max_awaiting, 21), 10);
    assert_int_equal(share_of(w.s.pool.max_awaiting, 1), 1); /* never none */
    assert_set("pool.maxAwaiting", "100%", "100%");
    assert_int_equal(share_of(w.s.pool.max_awaiting, 20), 20);
    assert_refused("pool.maxAwaiting", "101%", "a percentage like 50%");
    assert_refused("pool.maxAwaiting", "0%", "a percentage like 50%");
    assert_refused("pool.maxAwaiting", "0", "a number from 1 to 65535");
    assert_refused("pool.maxAwaiting", "5 ", "a number from 1 to 65535");
    assert_refused("pool.maxAwaiting", "half", "a number from 1 to 65535");
    assert_refused("pool.maxAwaiting", "%", "a number from 1 to 65535");
    assert_refused("pool.maxAwaiting", "50%%", "a number from 1 to 65535");
}

static void test_lists_are_parted_by_commas(void **state)
{
    (void)state;
    assert_set("dns.resolvers", " 10.0.0.1 ,, 10.0.0.2:53,", "10.0.0.1,10.0.0.2:53");
    assert_set("dns.resolvers", "", "");
    assert_non_null(w.s.dns.resolvers);
}

static void test_an_empty_text_is_none(void **state)
{
    (void)state;
    assert_set("tls.caFile", "ca.pem", "ca.pem");
    assert_set("tls.caFile", "", "");
    assert_null(w.s.tls.ca_file);
}

static void test_a_text_has_at_most_its_bytes(void **state)
{
    char name[130];
    (void)state;
    memset(name, 'n', sizeof name);
    name[128] = '\0';
    assert_set("upstream.appName", name, name);
    name[128] = 'n';
    name[129] = '\0';
    assert_refused("upstream.appName", name, "at most 128 bytes");
}

static void test_secrets_are_printed_as_stars(void **state)
{
    (void)state;
    assert_set("upstream.socksProxy", "u:swordfish@proxy:1080", "***");
    assert_set("tls.certificateKeyFilePassword", "swordfish", "***");
    assert_prints("upstream.uri", "***");
}

static void test_the_nearest_name(void **state)
{
    char text[128];
    static const char *const known[] = {"run", "resolve", "settings"};
    (void)state;
    assert_string_equal(option_nearest("pool.maxPoolsize"), "pool.maxPoolSize");
    assert_string_equal(option_nearest("pol.maxPoolSize"), "pool.maxPoolSize");
    assert_string_equal(option_nearest("upstream.maxPoolSize"), "pool.maxPoolSize");
    assert_string_equal(option_nearest("caFile"), "tls.caFile");
    assert_null(option_nearest("wholly.different"));
    assert_true(option_nearest_environment("MOORING_POOL_MAX_POOLSIZE", text));
    assert_string_equal(text, "MOORING_POOL_MAX_POOL_SIZE");
    assert_false(option_nearest_environment("MOORING_HOME", text));
    assert_string_equal(name_nearest("resole", known, 3), "resolve");
    assert_null(name_nearest("doctor", known, 3));
    assert_int_equal(name_distance("kitten", "Sitting"), 3);
}

static void test_what_is_not_built_is_known_by_name(void **state)
{
    (void)state;
    assert_true(option_is_not_built("admin.http"));
    assert_true(option_is_not_built("listen.tls.certificateKeyFile"));
    assert_false(option_is_not_built("listen.tlsx"));
    assert_false(option_is_not_built("admin.htp"));
    assert_true(option_is_not_built_environment("MOORING_ADMIN_HTTP"));
    assert_false(option_is_not_built_environment("MOORING_ADMIN_SERVICE_HOST"));
    assert_true(option_is_section("pool"));
    assert_false(option_is_section("pool.maxPoolSize"));
    assert_false(option_is_section("poo"));
}

int main(void)
{
#define with_defaults(test) cmocka_unit_test_setup_teardown(test, set_defaults, clear_world)
    const struct CMUnitTest tests[] = {
        with_defaults(test_every_row_reads_what_it_prints),
        with_defaults(test_every_row_is_found_by_path_and_environment_and_has_help),
        with_defaults(test_names_in_the_environment_have_an_underscore_before_each_capital),
        with_defaults(test_numbers_are_whole_and_within_bounds),
        with_defaults(test_bytes_take_units),
        with_defaults(test_modes_of_files_are_octal),
        with_defaults(test_choices_truths_and_factors),
        with_defaults(test_shares),
        with_defaults(test_lists_are_parted_by_commas),
        with_defaults(test_an_empty_text_is_none),
        with_defaults(test_a_text_has_at_most_its_bytes),
        with_defaults(test_secrets_are_printed_as_stars),
        with_defaults(test_the_nearest_name),
        with_defaults(test_what_is_not_built_is_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
