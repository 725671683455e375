/* The connection string: its parts, the column of every mistake, and that nothing of a password
 * gets anywhere else. */
#include "settings_world.h"

static void assert_login(const char *user, const char *password)
{
    assert_string_equal(w.s.upstream.user, user);
    assert_string_equal(w.s.upstream.password, password);
    assert_int_equal(w.s.upstream.auth_mechanism, AUTH_DEFAULT);
}

static void test_all_parts(void **state)
{
    (void)state;
    load_uri("mongodb://app:secret@A.example.test:27018,b.example.test/my%2Ddb?replicaSet=rs0");
    assert_clean();
    assert_login("app", "secret");
    assert_list(w.s.upstream.hosts, "a.example.test:27018 b.example.test:27017");
    assert_string_equal(w.s.upstream.database, "my-db");
    assert_string_equal(w.s.upstream.replica_set, "rs0");
    assert_string_equal(w.s.upstream.uri_options, "replicaSet=rs0");
    assert_false(w.s.upstream.tls);
    assert_null(w.s.upstream.srv_host);
    assert_null(w.s.upstream.srv_service_name);
}

static void test_an_srv_string(void **state)
{
    (void)state;
    load_uri("mongodb+srv://app:secret@Cluster0.Example.test/");
    assert_clean();
    assert_string_equal(w.s.upstream.srv_host, "cluster0.example.test");
    assert_string_equal(w.s.upstream.srv_service_name, "mongodb");
    assert_true(w.s.upstream.tls);
    assert_null(w.s.upstream.hosts);
    load_uri("mongodb+srv://cluster0.example.test/?tls=false&srvServiceName=my-db&srvMaxHosts=2");
    assert_clean();
    assert_false(w.s.upstream.tls);
    assert_string_equal(w.s.upstream.srv_service_name, "my-db");
    assert_int_equal(w.s.upstream.srv_max_hosts, 2);
    load_uri("mongodb+srv://localhost");
    assert_clean();
}

static void test_the_slash_before_options_may_be_missing(void **state)
{
    (void)state;
    load_uri("mongodb://db.example.test?replicaSet=rs0");
    assert_warning("column 26", "some drivers want a '/'");
    assert_string_equal(w.s.upstream.replica_set, "rs0");
    assert_null(w.s.upstream.database);
    load_uri("mongodb+srv://cluster0.example.test?replicaSet=rs0");
    assert_int_equal(w.problems.errors, 0);
    assert_string_equal(w.s.upstream.srv_host, "cluster0.example.test");
    load_uri("mongodb://db.example.test/?");
    assert_clean();
    load_uri("mongodb://db.example.test");
    assert_clean();
}

static void test_percent_encoding(void **state)
{
    (void)state;
    load_uri("mongodb://a%40b%3A:p%2F%3f%40%25%20%C3%BC%2b@db.example.test/");
    assert_clean();
    assert_login("a@b:", "p/?@% \xc3\xbc+");
    load_uri("mongodb://app:p%4@db.example.test/");
    assert_column(16, "'%' must be followed by two hex digits (a '%' itself is written %25)");
    load_uri("mongodb://app:p%zz@db.example.test/");
    assert_column(16, "'%' must be followed by two hex digits");
    load_uri("mongodb://app:p%00@db.example.test/");
    assert_column(16, "'%' must be followed");
    load_uri("mongodb://db.example.test/%");
    assert_column(27, "'%' must be followed");
    load_uri("mongodb://db.example.test/?appName=%a");
    assert_column(36, "'%' must be followed");
}

static void test_what_a_login_must_write_otherwise(void **state)
{
    (void)state;
    load_uri("mongodb://app:p@ss@db.example.test/");
    assert_column(16, "an '@' in user name or password is written %40");
    load_uri("mongodb://app:p/ss@db.example.test/");
    assert_column(16, "a '/' in user name or password is written %2F");
    load_uri("mongodb://app:p:ss@db.example.test/");
    assert_column(16, "a ':' in user name or password is written %3A");
    load_uri("mongodb://@db.example.test/");
    assert_column(11, "there is an '@', but no user name before it");
    load_uri("mongodb://:secret@db.example.test/");
    assert_column(11, "no user name before it");
    load_uri("mongodb://app:p?ss@db.example.test/");
    assert_error("connection string, column 17", "a '?' in user name or password is written %3F");
    load_uri("mongodb://app:p?s=s@db.example.test/");
    assert_error("connection string, column 17", "a '?' in user name or password is written %3F");
    load_uri("mongodb://app?p:s=s@db.example.test/");
    assert_column(15, "a '?' in user name or password is written %3F, an '@' %40");
    load_uri("mongodb://a:b@c?d=e@db.example.test/");
    assert_column(17, "a '?' in user name or password is written %3F, an '@' %40");
    load_uri("mongodb://a:b@c?d=e&f=g@db.example.test/?replicaSet=rs0");
    assert_error("connection string, column 21", "a '?' in user name or password");
}

static void test_an_at_in_the_value_of_a_known_option_is_fine(void **state)
{
    (void)state;
    load_uri("mongodb://app:secret@db.example.test/admin?replicaSet=my@set");
    assert_clean();
    assert_string_equal(w.s.upstream.replica_set, "my@set");
}

static void test_hosts(void **state)
{
    (void)state;
    load_uri("mongodb://[::1],[2001:DB8::1]:27018,127.0.0.1:1,256.0.0.1,a_b-c.:65535/");
    assert_clean();
    assert_list(w.s.upstream.hosts,
                "[::1]:27017 [2001:db8::1]:27018 127.0.0.1:1 256.0.0.1:27017 a_b-c.:65535");
    load_uri("mongodb://%2Ftmp%2Fmongodb-27017.SOCK,%2Ftmp%2Fmongodb-27017.sock/");
    assert_error("column 11", "this is no host name");
    load_uri("mongodb://%2Ftmp%2Fmongodb-27017.sock,a/admin.sock");
    assert_clean();
    assert_list(w.s.upstream.hosts, "/tmp/mongodb-27017.sock a:27017");
    assert_string_equal(w.s.upstream.database, "admin.sock");
}

static void assert_bad_hosts(const char *hosts, size_t column, const char *text)
{
    auto_free char *uri = xformat("mongodb://%s", hosts);
    auto_free char *place = xformat("connection string, column %zu", column);
    load_uri(uri);
    assert_error(place, text);
    assert_int_equal(w.problems.count, 1);
}

static void test_hosts_that_are_none(void **state)
{
    char many[51 * 2 + 1] = "";
    char label[66] = "";
    (void)state;
    assert_bad_hosts("", 11, "a host is missing");
    assert_bad_hosts("/", 11, "a host is missing");
    assert_bad_hosts("a,,b/", 13, "a host is missing");
    assert_bad_hosts("a,/", 13, "a host is missing");
    assert_bad_hosts("a,b:0/", 13, "a port is a number from 1 to 65535");
    assert_bad_hosts("a:65536", 11, "a port is a number from 1 to 65535");
    assert_bad_hosts("a:", 11, "a port is a number");
    assert_bad_hosts("a:-1", 11, "a port is a number");
    assert_bad_hosts("a::27017", 11, "a port is a number");
    assert_bad_hosts("::1", 11, "a host is missing");
    assert_bad_hosts("[::1", 11, "an IPv6 address is expected between '[' and ']'");
    assert_bad_hosts("[::1]x", 11, "a port is a number");
    assert_bad_hosts("[]:5", 11, "an IPv6 address");
    assert_bad_hosts("[127.0.0.1]", 11, "an IPv6 address");
    assert_bad_hosts("[zz]", 11, "an IPv6 address");
    assert_bad_hosts("a..b", 11, "this is no host name");
    assert_bad_hosts(".a", 11, "this is no host name");
    assert_bad_hosts("a b", 11, "this is no host name");
    assert_bad_hosts("b%C3%BCcher.example.test", 11, "this is no host name");
    assert_bad_hosts("b\xc3\xbc"
                     "cher.example.test",
                     11, "xn--");
    assert_bad_hosts("rel%2Fmongodb.sock", 11, "by its whole path");
    memset(label, 'l', 64);
    assert_bad_hosts(label, 11, "this is no host name");
    for (size_t i = 0; i < 51; i++) {
        memcpy(many + 2 * i, "a,", 2);
    }
    many[101] = '\0';
    assert_bad_hosts(many, 111, "too many hosts");
}

static void test_an_srv_string_takes_one_name_and_no_port(void **state)
{
    (void)state;
    load_uri("mongodb+srv://a.example.test,b.example.test/");
    assert_column(29, "mongodb+srv:// takes exactly one host");
    load_uri("mongodb+srv://a.example.test:27017/");
    assert_column(29, "mongodb+srv:// takes no port");
    load_uri("mongodb+srv:///");
    assert_column(15, "a host is missing");
    load_uri("mongodb+srv://a..b/");
    assert_column(15, "this is no host name");
    load_uri("mongodb+srv://a.example.test/?directConnection=true");
    assert_column(1, "directConnection=true does not go with mongodb+srv://");
    load_uri("mongodb+srv://a.example.test/?srvMaxHosts=2&replicaSet=rs0");
    assert_column(1, "srvMaxHosts does not go with replicaSet");
    load_uri("mongodb://a.example.test/?srvMaxHosts=2");
    assert_column(1, "go with mongodb+srv:// only");
    load_uri("mongodb://a.example.test/?srvServiceName=my");
    assert_column(1, "go with mongodb+srv:// only");
    load_uri("mongodb+srv://a.example.test/?srvServiceName=a.b");
    assert_column(31, "at most 62 letters, digits and hyphens");
}

static void test_other_schemes(void **state)
{
    (void)state;
    load_uri("mongo://app:swordfish@db.example.test/");
    assert_column(1, "it must begin with mongodb:// or mongodb+srv://; did you mean mongodb://?");
    assert_null(strstr(all_problems(), "swordfish"));
    load_uri("MongoDB+SRV://app:swordfish@db.example.test/");
    assert_column(1, "; did you mean mongodb+srv://?");
    load_uri("https://app:swordfish@db.example.test/");
    assert_column(1, "it must begin with mongodb:// or mongodb+srv://");
    assert_null(strstr(all_problems(), "did you mean"));
    assert_null(strstr(all_problems(), "swordfish"));
    load_flag("--upstream.uri=");
    assert_clean();
}

static void test_databases(void **state)
{
    (void)state;
    load_uri("mongodb://h/a.b-c");
    assert_clean();
    load_uri("mongodb://h/a%20b");
    assert_column(13, "a database name has none of");
    load_uri("mongodb://h/a/b");
    assert_column(13, "a database name has none of");
    load_uri("mongodb://h/a$b");
    assert_column(13, "a database name has none of");
}

/* Whatever is left unescaped in a password: refused, and neither a host nor a word of a message. */
static void test_no_part_of_a_password_becomes_a_host_or_a_word(void **state)
{
    static const char unsafe[] = "@:/?#&=;,[]%+ \\\"";
    static const char secret[] = "swordfish";
    (void)state;
    for (const char *one = unsafe; *one != '\0'; one++) {
        for (const char *two = unsafe; *two != '\0'; two++) {
            auto_free char *uri = xformat("mongodb://app:%s%c%s%c%s@db.example.test/?w=1", secret,
                                          *one, secret, *two, secret);
            load_uri(uri);
            if (strstr(all_problems(), secret) != NULL) {
                fail_msg("%s is told:\n%s", uri, all_problems());
            }
            if (w.problems.errors == 0) {
                assert_list(w.s.upstream.hosts, "db.example.test:27017");
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(test_all_parts),
        in_world(test_an_srv_string),
        in_world(test_the_slash_before_options_may_be_missing),
        in_world(test_percent_encoding),
        in_world(test_what_a_login_must_write_otherwise),
        in_world(test_an_at_in_the_value_of_a_known_option_is_fine),
        in_world(test_hosts),
        in_world(test_hosts_that_are_none),
        in_world(test_an_srv_string_takes_one_name_and_no_port),
        in_world(test_other_schemes),
        in_world(test_databases),
        in_world(test_no_part_of_a_password_becomes_a_host_or_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
