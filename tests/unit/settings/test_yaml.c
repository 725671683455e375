/* The file: where a mistake stands, what is refused, what is passed over. */
#include "settings_world.h"

static void test_sections_values_and_lists(void **state)
{
    (void)state;
    load_yaml("# a comment\n"
              "pool:\n  maxPoolSize: 7\n"
              "dns: {resolvers: [10.0.0.1, \"10.0.0.2:53\"]}\n"
              "listen:\n  addresses:\n    - 127.0.0.1:1\n    - \"[::1]:2\"\n"
              "upstream:\n  appName: 'a b'\n");
    assert_clean();
    assert_int_equal(w.s.pool.max_pool_size, 7);
    assert_list(w.s.dns.resolvers, "10.0.0.1 10.0.0.2:53");
    assert_list(w.s.listen.addresses, "127.0.0.1:1 [::1]:2");
    assert_string_equal(w.s.upstream.app_name, "a b");
}

static void test_a_mistake_is_told_with_file_line_and_the_nearest_name(void **state)
{
    (void)state;
    load_yaml("pool:\n  maxPoolSize: 5\n  maxPoolsize: 6\n");
    assert_error("/tmp/mooring-settings-", "no setting pool.maxPoolsize; did you mean "
                                           "pool.maxPoolSize?");
    assert_error(":3", "pool.maxPoolsize");
    load_yaml("pool:\n  maxPoolSize: many\n");
    assert_error(":2", "pool.maxPoolSize: a whole number is expected");
    load_yaml("\n\npol: {maxPoolSize: 5}\n");
    assert_error(":3", "did you mean pool.maxPoolSize?");
}

static void test_all_mistakes_are_told(void **state)
{
    (void)state;
    load_yaml("pool:\n  a: 1\n  maxPoolSize: x\nlog:\n  level: loud\n");
    assert_int_equal(w.problems.errors, 3);
    assert_error(":2", "pool.a");
    assert_error(":3", "pool.maxPoolSize");
    assert_error(":5", "log.level: one of error, warn, info, debug");
}

static void test_what_is_not_yaml_is_told_with_its_line(void **state)
{
    (void)state;
    load_yaml("pool:\n  maxPoolSize: 5\n bad\n");
    assert_error(":3", "not valid YAML");
    load_yaml("pool:\n\tmaxPoolSize: 5\n");
    assert_error(":2", "not valid YAML");
    load_yaml("pool: [1, 2\n");
    assert_error(":2", "not valid YAML");
}

static void test_a_file_of_another_shape_is_refused(void **state)
{
    (void)state;
    load_yaml("- pool\n");
    assert_error(":1", "a list is not expected here");
    load_yaml("just words\n");
    assert_error(":1", "the file must be a mapping of sections");
    load_yaml("pool: 20\n");
    assert_error(":1", "pool is a section");
    load_yaml("pool:\n  maxPoolSize:\n    deeper: 1\n");
    assert_error(":3", "no setting pool.maxPoolSize.deeper");
    load_yaml("pool: &a {maxPoolSize: 5}\nlog: *a\n");
    assert_error(":2", "aliases");
    load_yaml("? {pool: 1}\n: 2\n");
    assert_error(":1", "mapping is not expected");
    load_yaml("listen:\n  addresses: [[a]]\n");
    assert_error(":2", "a list is not expected here");
    load_yaml("a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}\n");
    assert_error(":1", "a mapping is not expected here");
}

static void test_a_setting_given_twice_is_refused(void **state)
{
    (void)state;
    load_yaml("pool:\n  maxPoolSize: 5\n  maxPoolSize: 6\n");
    assert_error(":3", "given twice: pool.maxPoolSize");
    load_yaml("pool:\n  maxPoolSize: 5\nlog: {}\npool: {maxPoolSize: 6}\n");
    assert_error(":4", "given twice");
}

static void test_empty_files_sections_and_values_say_nothing(void **state)
{
    (void)state;
    load_yaml("");
    assert_clean();
    load_yaml("# nothing\n---\n...\n");
    assert_clean();
    load_yaml("pool:\nlog: {}\ntls:\n  caFile:\n  minVersion: ~\n");
    assert_clean();
    assert_int_equal(w.s.pool.max_pool_size, 20);
}

static void test_a_setting_not_built_is_refused_once_whatever_it_holds(void **state)
{
    (void)state;
    load_yaml("listen:\n"
              "  users:\n    - name: a\n      roles: [b, {c: d}]\n    - {name: e}\n"
              "  maxClients: 5\n"
              "  tls: {certificateKeyFile: x, more: {y: z}}\n"
              "admin:\n  actions: [reload, drain]\n  http: off\n"
              "pool: {maxPoolSize: 3}\n");
    assert_int_equal(w.problems.count, 4);
    assert_error(":3", "listen.users is not implemented in this build");
    assert_error(":7", "listen.tls is not implemented");
    assert_error(":9", "admin.actions is not implemented");
    assert_error(":10", "admin.http is not implemented");
    assert_int_equal(w.s.listen.max_clients, 5);
    assert_int_equal(w.s.pool.max_pool_size, 3);
}

static void test_a_file_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    load(GOOD_URI, "/nowhere/mooring.yaml", NULL, NULL);
    assert_error("/nowhere/mooring.yaml", "cannot be read: No such file or directory");
    load(GOOD_URI, "/", NULL, NULL);
    assert_error("/", "cannot be read: Is a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(test_sections_values_and_lists),
        in_world(test_a_mistake_is_told_with_file_line_and_the_nearest_name),
        in_world(test_all_mistakes_are_told),
        in_world(test_what_is_not_yaml_is_told_with_its_line),
        in_world(test_a_file_of_another_shape_is_refused),
        in_world(test_a_setting_given_twice_is_refused),
        in_world(test_empty_files_sections_and_values_say_nothing),
        in_world(test_a_setting_not_built_is_refused_once_whatever_it_holds),
        in_world(test_a_file_that_cannot_be_read_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
