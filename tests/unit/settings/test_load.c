/* Which place counts, where a value came from, and the files that hold secrets. */
#include "settings_world.h"

#define SIZE_URI "mongodb://db.example.test/?maxPoolSize=2"

static char *const no_flags[] = {NULL};

static void test_flag_environment_file_string_default_in_this_order(void **state)
{
    const char *file = write_file("pool: {maxPoolSize: 3}\n", 0600);
    char *environment[] = {"MOORING_POOL_MAX_POOL_SIZE=4", "PATH=/bin", NULL};
    char *flags[] = {"--pool.maxPoolSize=5", NULL};
    (void)state;
    load("mongodb://db.example.test/", NULL, NULL, NULL);
    assert_int_equal(w.s.pool.max_pool_size, 20);
    assert_string_equal(origin_of("pool.maxPoolSize"), "default");
    load(SIZE_URI, NULL, NULL, NULL);
    assert_int_equal(w.s.pool.max_pool_size, 2);
    assert_string_equal(origin_of("pool.maxPoolSize"), "connection string, column 28");
    load(SIZE_URI, file, NULL, NULL);
    assert_int_equal(w.s.pool.max_pool_size, 3);
    assert_memory_equal(origin_of("pool.maxPoolSize"), file, strlen(file));
    assert_non_null(strstr(origin_of("pool.maxPoolSize"), ":1"));
    load(SIZE_URI, file, environment, NULL);
    assert_int_equal(w.s.pool.max_pool_size, 4);
    assert_string_equal(origin_of("pool.maxPoolSize"), "MOORING_POOL_MAX_POOL_SIZE");
    load(SIZE_URI, file, environment, flags);
    assert_int_equal(w.s.pool.max_pool_size, 5);
    assert_string_equal(origin_of("pool.maxPoolSize"), "--pool.maxPoolSize");
    assert_clean();
    unlink(file);
}

static void test_a_flag_goes_before_tls_options_of_the_string(void **state)
{
    char *flags[] = {"--tls.allowInvalidCertificates=false", NULL};
    (void)state;
    load("mongodb://db.example.test/?tls=true&tlsInsecure=true", NULL, NULL, flags);
    assert_false(w.s.tls.allow_invalid_certificates);
    assert_true(w.s.tls.allow_invalid_hostnames);
    assert_string_equal(origin_of("tls.allowInvalidHostnames"), "connection string, column 37");
}

static void test_the_string_is_found_in_every_place(void **state)
{
    char *environment[] = {"MOORING_UPSTREAM_URI=mongodb://environment/", NULL};
    char *flags[] = {"--upstream.uri=mongodb://flag/", NULL};
    const char *file = write_file("upstream: {uri: 'mongodb://file/'}\n", 0600);
    (void)state;
    load(NULL, file, NULL, NULL);
    assert_list(w.s.upstream.hosts, "file:27017");
    load(NULL, file, environment, NULL);
    assert_list(w.s.upstream.hosts, "environment:27017");
    load(NULL, file, environment, flags);
    assert_list(w.s.upstream.hosts, "flag:27017");
    load("mongodb://argument/", file, environment, flags);
    assert_list(w.s.upstream.hosts, "argument:27017");
    assert_clean();
    unlink(file);
}

static void test_without_a_string_every_way_to_give_one_is_named(void **state)
{
    (void)state;
    load(NULL, NULL, NULL, NULL);
    assert_int_equal(w.problems.errors, 1);
    assert_error("upstream.uri", "MOORING_UPSTREAM_URI");
}

static void test_a_file_with_the_string(void **state)
{
    const char *file = write_file("mongodb://from-file/\r\n", 0600);
    auto_free char *variable = xformat("MOORING_UPSTREAM_URI_FILE=%s", file);
    char *environment[] = {variable, NULL};
    char *both[] = {variable, "MOORING_UPSTREAM_URI=mongodb://environment/", NULL};
    (void)state;
    load(NULL, NULL, environment, NULL);
    assert_clean();
    assert_list(w.s.upstream.hosts, "from-file:27017");
    load("mongodb://argument/", NULL, environment, NULL);
    assert_clean();
    assert_list(w.s.upstream.hosts, "argument:27017");
    load(NULL, NULL, both, NULL);
    assert_error("MOORING_UPSTREAM_URI_FILE",
                 "upstream.uri is given as well (MOORING_UPSTREAM_URI)");
    unlink(file);
    load(NULL, NULL, environment, NULL);
    assert_int_equal(w.problems.errors, 1);
    assert_error("upstream.uriFile", "No such file or directory");
}

static void load_password(const char *text, mode_t mode)
{
    const char *file = write_file(text, mode);
    auto_free char *flag = xformat("--upstream.passwordFile=%s", file);
    char *flags[] = {flag, NULL};
    load(GOOD_URI, NULL, NULL, flags);
    unlink(file);
}

static void test_a_file_with_the_password(void **state)
{
    char *large = xcalloc(1, 64 * 1024 + 2);
    (void)state;
    load_password("p@ss word\n", 0600);
    assert_clean();
    assert_string_equal(w.s.upstream.password, "p@ss word");
    load_password("", 0600);
    assert_error("upstream.passwordFile", "is empty");
    load_password("\n\n", 0600);
    assert_error("upstream.passwordFile", "is empty");
    memset(large, 'p', 64 * 1024 + 1);
    load_password(large, 0600);
    assert_error("upstream.passwordFile", "is larger than 64 KiB");
    large[64 * 1024] = '\0';
    load_password(large, 0600);
    assert_clean();
    free(large);
    load_password("secret", 0644);
    assert_warning("upstream.passwordFile", "every user of this machine can read");
    load_flag("--upstream.passwordFile=/");
    assert_error("upstream.passwordFile", "cannot read /: Is a directory");
}

static void test_a_user_of_its_own_setting(void **state)
{
    const char *file = write_file("s:e/c@ret", 0600);
    auto_free char *password = xformat("--upstream.passwordFile=%s", file);
    char *flags[] = {"--upstream.username=b%40b", password, NULL};
    (void)state;
    load("mongodb://db.example.test/", NULL, NULL, flags);
    assert_clean();
    assert_string_equal(w.s.upstream.user, "b%40b");
    assert_string_equal(w.s.upstream.password, "s:e/c@ret");
    assert_int_equal(w.s.upstream.auth_mechanism, AUTH_DEFAULT);
    load("mongodb://app:other@db.example.test/", NULL, NULL, flags);
    assert_string_equal(w.s.upstream.user, "b%40b");
    load("mongodb://db.example.test/", NULL, NULL, flags + 1);
    assert_error("upstream.passwordFile", "there is no user that it belongs to");
    unlink(file);
}

static void test_flags_that_are_wrong(void **state)
{
    (void)state;
    load_flag("--pool.maxPoolsize=5");
    assert_error("--pool.maxPoolsize", "did you mean pool.maxPoolSize?");
    load_flag("--pool.maxPoolSize");
    assert_error("--pool.maxPoolSize", "it wants a value: --pool.maxPoolSize=VALUE");
    load_flag("--verbose");
    assert_error("--verbose", "there is no setting verbose");
    load_flag("--admin.http=off");
    assert_error("--admin.http", "admin.http is not implemented in this build");
    load_flag("--pool=5");
    assert_error("--pool", "pool is a section");
    load_flag("--dns.resolvers=");
    assert_clean();
}

static void load_variable(const char *variable)
{
    char *environment[] = {(char *)(uintptr_t)variable, NULL};
    load(GOOD_URI, NULL, environment, (char **)(uintptr_t)no_flags);
}

static void test_the_environment(void **state)
{
    (void)state;
    load_variable("MOORING_POOL_MAX_POOL_SIZE=no");
    assert_error("MOORING_POOL_MAX_POOL_SIZE", "pool.maxPoolSize: a whole number");
    load_variable("MOORING_POOL_MAX_POOLSIZE=5");
    assert_warning("MOORING_POOL_MAX_POOLSIZE", "did you mean MOORING_POOL_MAX_POOL_SIZE?");
    load_variable("MOORING_ADMIN_HTTP=off");
    assert_error("MOORING_ADMIN_HTTP", "not implemented in this build");
    load_variable("MOORING_TLS_CA_FILE=");
    assert_clean();
    load_variable("MOORING_PORT=tcp://10.0.0.1:27017");
    assert_clean();
    load_variable("MOORING_SERVICE_HOST=10.0.0.1");
    assert_clean();
    load_variable("MOORING_PORT_27017_TCP_ADDR=10.0.0.1");
    assert_clean();
    load_variable("MOORINGPOOL=1");
    assert_clean();
}

static void test_no_message_repeats_a_secret(void **state)
{
    (void)state;
    load_flag("--tls.certificateKeyFilePassword=swordfish");
    assert_null(strstr(all_problems(), "swordfish"));
    load_flag("--upstream.socksProxy=me:swordfish");
    assert_error("upstream.socksProxy", "host:port is expected");
    assert_null(strstr(all_problems(), "swordfish"));
    load_flag("--pool.maxPoolSize=swordfish");
    assert_null(strstr(all_problems(), "swordfish"));
    load_variable("MOORING_LOG_LEVEL=swordfish");
    assert_null(strstr(all_problems(), "swordfish"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(test_flag_environment_file_string_default_in_this_order),
        in_world(test_a_flag_goes_before_tls_options_of_the_string),
        in_world(test_the_string_is_found_in_every_place),
        in_world(test_without_a_string_every_way_to_give_one_is_named),
        in_world(test_a_file_with_the_string),
        in_world(test_a_file_with_the_password),
        in_world(test_a_user_of_its_own_setting),
        in_world(test_flags_that_are_wrong),
        in_world(test_the_environment),
        in_world(test_no_message_repeats_a_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
