/* What a connection string may say, but was not meant to: each with its id and its column, and the
 * string shown without its secrets. */
#include "settings_world.h"

#define ATLAS "cluster0.ab123.mongodb.net"
#define NODE  "ac-abcdefg-shard-00-00.ab123.mongodb.net:27017"

static const struct problem *find(const char *finding)
{
    for (size_t i = 0; i < w.problems.count; i++) {
        const struct problem *p = &w.problems.items[i];
        if (p->finding != NULL && strcmp(p->finding, finding) == 0) {
            return p;
        }
    }
    fail_msg("no %s in:\n%s", finding, all_problems());
    return NULL;
}

/* The only finding, at that column, so many characters wide. */
static const struct problem *only(const char *finding, size_t column, size_t width)
{
    const struct problem *p = find(finding);
    if (p->column != column || p->width != width) {
        fail_msg("%s not at column %zu, width %zu, in:\n%s", finding, column, width,
                 all_problems());
    }
    for (size_t i = 0; i < w.problems.count; i++) {
        if (w.problems.items[i].finding != NULL && &w.problems.items[i] != p) {
            fail_msg("not only %s in:\n%s", finding, all_problems());
        }
    }
    return p;
}

static void assert_evidence(const struct problem *p, const char *key, const char *value)
{
    assert_string_equal(p->key, key);
    assert_string_equal(p->value, value);
}

static void assert_nothing(const char *uri)
{
    load_uri(uri);
    for (size_t i = 0; i < w.problems.count; i++) {
        if (w.problems.items[i].finding != NULL) {
            fail_msg("unexpected for %s:\n%s", uri, all_problems());
        }
    }
}

static void test_good_strings_are_left_alone(void **state)
{
    (void)state;
    assert_nothing("mongodb+srv://app:p%40ss%2B%20@" ATLAS "/");
    assert_nothing("mongodb+srv://app:s3cr3t!$&'()*,;=@" ATLAS "/db?retryWrites=true&w=majority");
    assert_nothing("mongodb://app:secret@" NODE "/db?tls=true&authSource=admin");
    assert_nothing("mongodb://app:secret@" NODE "/admin?ssl=true");
    assert_nothing("mongodb://app:secret@" NODE "/?tls=true&replicaSet=atlas-abcdef-shard-0");
    assert_nothing("mongodb://127.0.0.1:27017/?directConnection=true");
    assert_nothing("mongodb://app:secret@db.example.test/db?tls=false");
    assert_nothing("mongodb://10.0.0.1/?tls=true");
    assert_nothing("mongodb://[::1]:27017/?tls=true");
    assert_nothing("mongodb://app:passwordless@db.example.test/");
    assert_nothing("mongodb://app:25%25@db.example.test/");
}

static void test_quotes_and_blanks_around_it(void **state)
{
    (void)state;
    load_uri("\"mongodb://db.example.test/\"");
    assert_error("column 1", "take away the quote before it");
    assert_error("column 28", "take away the quote behind it");
    load_uri("mongodb://app:swordfish@db.example.test/'");
    only("URI-01", 41, 1);
    load_uri("\xe2\x80\x9cmongodb://db.example.test/");
    only("URI-01", 1, 1);
    load_uri("mongodb://db.example.test/\xe2\x80\x9d");
    only("URI-01", 27, 1);
    load_uri("mongodb://app:secret@db.example.test/?replicaSet=rs0\r\n");
    assert_warning("column 53", "blanks or line ends around it");
    assert_string_equal(w.s.upstream.replica_set, "rs0");
    load(NULL, NULL, NULL, (char *[]){"--upstream.uri=  mongodb://db.example.test", NULL});
    assert_warning("column 1", "blanks or line ends around it");
    assert_list(w.s.upstream.hosts, "db.example.test:27017");
}

static void test_what_some_drivers_read_otherwise(void **state)
{
    (void)state;
    load_uri("mongodb://app:se+cr+et@db.example.test/");
    only("URI-03b", 17, 1);
    load_uri("mongodb://a+b:secret@db.example.test/");
    only("URI-03b", 12, 1);
    load_uri("mongodb://app:p%2540ss@db.example.test/");
    only("URI-03", 16, 5);
    load_uri("mongodb://app:p ss@db.example.test/");
    only("URI-02", 16, 1);
    load_uri("mongodb://app:p#ss@db.example.test/");
    only("URI-02", 16, 1);
    load_uri("mongodb://app:p[ss@db.example.test/");
    only("URI-02", 16, 1);
    load_uri("mongodb://app:p\xe2\x80\x99ss@db.example.test/");
    only("URI-02", 16, 1);
    load_uri("mongodb://app:\xc3\xbc+ss@db.example.test/");
    only("URI-03b", 16, 1);
    load_uri("mongodb://app:p ss#+@db.example.test/");
    assert_int_equal(w.problems.count, 3);
    assert_int_equal(find("URI-03b")->column, 20);
}

static void test_templates(void **state)
{
    (void)state;
    load_uri("mongodb+srv://app:<password>@" ATLAS "/");
    assert_evidence(only("URI-04", 19, 10), "name", "<password>");
    load_uri("mongodb+srv://app:<db_password>@" ATLAS "/");
    assert_evidence(only("URI-04", 19, 13), "name", "<db_password>");
    load_uri("mongodb+srv://<username>:secret@" ATLAS "/");
    assert_evidence(only("URI-04", 15, 10), "name", "<username>");
    load_uri("mongodb+srv://app:<swordfish>@" ATLAS "/");
    assert_evidence(only("URI-04", 19, 11), "name", "<…>");
    assert_null(strstr(all_problems(), "swordfish"));
    load_uri("mongodb+srv://app:your_password@" ATLAS "/");
    assert_evidence(only("URI-04", 19, 13), "name", "your_password");
    load_uri("mongodb+srv://app:secret@cluster0.xxxxx.mongodb.net/");
    assert_evidence(only("URI-04", 35, 5), "name", "xxxxx");
}

static void test_names_of_clusters_and_machines(void **state)
{
    (void)state;
    load_uri("mongodb://app:secret@" ATLAS "/?tls=true");
    assert_evidence(only("URI-06", 22, 26), "host", ATLAS);
    load_uri("mongodb://app:secret@" ATLAS ":27017/?tls=true");
    assert_evidence(only("URI-06", 22, 32), "host", ATLAS);
    load_uri("mongodb+srv://app:secret@cluster0-shard-00-01.ab123.mongodb.net/");
    assert_evidence(only("URI-07", 26, 38), "host", "cluster0-shard-00-01.ab123.mongodb.net");
    load_uri("mongodb+srv://app:secret@pl-0-us-east-1.ab123.mongodb.net/");
    only("URI-07", 26, 32);
    load_uri("mongodb+srv://app:secret@Cluster0-ab123.mongodb.net/");
    assert_evidence(only("URI-13", 26, 26), "host", "cluster0-ab123.mongodb.net");
    load_uri("mongodb+srv://app:secret@cluster0-ab123.gcp.mongodb.net/");
    only("URI-13", 26, 30);
    load_uri("mongodb+srv://app:secret@cluster0-pri.ab123.mongodb.net/");
    assert_clean();
    load_uri("mongodb://app:secret@198.51.100.7/?tls=true");
    assert_evidence(only("URI-14", 22, 12), "address", "198.51.100.7");
    load_uri("mongodb+srv://app:secret@10.0.0.1/");
    only("URI-14", 26, 8);
    load_uri("mongodb+srv://app:secret@" ATLAS ":27017/");
    only("URI-05", 52, 6);
    load_uri("mongodb+srv://a.example.test,b.example.test/");
    only("URI-05", 29, 15);
}

static void test_where_options_begin(void **state)
{
    (void)state;
    load_uri("mongodb+srv://app:secret@" ATLAS "?retryWrites=true");
    only("URI-08", 52, 1);
    load_uri("mongodb+srv://app:secret@" ATLAS "/retryWrites=true&w=majority");
    only("URI-08", 53, 27);
    load_uri("mongodb+srv://app:secret@" ATLAS "/?retryWrites=true?w=majority");
    only("URI-08", 70, 1);
    load_uri("mongodb+srv://app:secret@" ATLAS "/?retryWrites=true&amp;w=majority");
    only("URI-08", 70, 5);
}

static void test_what_atlas_does_not_take(void **state)
{
    (void)state;
    load_uri("mongodb+srv://app:secret@" ATLAS "/?tls=false");
    assert_evidence(only("URI-11", 54, 9), "option", "tls=false");
    load_uri("mongodb+srv://app:secret@" ATLAS "/?w=1&ssl=false");
    assert_evidence(only("URI-11", 58, 9), "option", "ssl=false");
    load_uri("mongodb://app:secret@" NODE "/?authSource=admin");
    assert_evidence(only("URI-11", 1, 7), "option", "a missing tls=true");
    load_uri("mongodb://app:secret@" NODE "/?tls=true&directConnection=true");
    only("URI-12", 79, 21);
    load_uri("mongodb+srv://app:secret@" ATLAS "/?directConnection=true");
    assert_string_equal(find("URI-12")->text,
                        "directConnection=true does not go with mongodb+srv://");
    load_uri("mongodb://app:secret@" NODE "/shop?tls=true");
    assert_evidence(only("URI-09", 69, 4), "database", "shop");
}

static void test_options_have_columns(void **state)
{
    (void)state;
    load_uri("mongodb://db.example.test/?w=1&retryWritse=true");
    assert_warning("column 32", "retryWritse is not an option of MongoDB's; did you mean "
                                "retryWrites?");
    assert_int_equal(w.problems.items[1].column, 32);
    assert_int_equal(w.problems.items[1].width, 16);
    assert_null(w.problems.items[1].finding);
}

/* --- as it is shown --- */

static void test_the_mark_stands_under_the_mistake(void **state)
{
    (void)state;
    load_uri("mongodb://\xc3\xbc:p@ss@db.example.test/");
    assert_string_equal(all_problems(),
                        "error: connection string, column 14: an '@' in user name or password is "
                        "written %40 (URI-02)\n"
                        "    mongodb://******@db.example.test/\n"
                        "                 ^\n");
    load_uri("mongodb+srv://" ATLAS ":27017/");
    assert_string_equal(all_problems(),
                        "error: connection string, column 41: mongodb+srv:// takes no port: the "
                        "SRV record has it (URI-05)\n"
                        "    mongodb+srv://" ATLAS ":27017/\n"
                        "                                            ^~~~~~\n");
}

static void test_a_long_string_is_shown_in_part(void **state)
{
    char uri[512] = "mongodb://";
    char part[256];
    (void)state;
    for (int i = 0; i < 20; i++) {
        strcat(uri, "node.example.test,");
    }
    strcat(uri, "a..b/");
    load_uri(uri);
    snprintf(part, sizeof part, "    …%s\n    %61s^~~~\n", uri + strlen(uri) - 65, "");
    if (strstr(all_problems(), part) == NULL) {
        fail_msg("%s\nis not in\n%s", part, all_problems());
    }
}

static void assert_shown(const char *uri, const char *shown)
{
    auto_free char *flag = xformat("--upstream.uri=%s", uri);
    char *flags[] = {flag, NULL};
    load(NULL, NULL, NULL, flags);
    if (shown == NULL) {
        assert_null(w.problems.uri_shown);
    } else {
        assert_string_equal(w.problems.uri_shown, shown);
    }
}

static void test_secrets_are_masked_and_columns_kept(void **state)
{
    (void)state;
    assert_shown("mongodb://app:secret@h/", "mongodb://**********@h/");
    assert_shown("mongodb://app:s@c@h/", "mongodb://*******@h/");
    assert_shown("mongodb://app:s?c@h/", "mongodb://*******@h/");
    assert_shown("mongodb://app:s@c?d=e@h/?w=1", "mongodb://***********@h/?w=1");
    assert_shown("mongodb://h/?replicaSet=my@set", "mongodb://h/?replicaSet=my@set");
    assert_shown("mongodb://a:b@h/?replicaSet=my@set", "mongodb://***@h/?replicaSet=my@set");
    assert_shown("mongodb://h/?proxyPassword=abc&w=1", "mongodb://h/?proxyPassword=***&w=1");
    assert_shown("mongodb://h/?authMechanismProperties=AWS_SESSION_TOKEN:x",
                 "mongodb://h/?authMechanismProperties=*******************");
    assert_shown("mongodb://h/?pasword=abc&flag", "mongodb://h/?pasword=***&****");
    assert_shown("mongodb://app:secret", "mongodb://app:******");
    assert_shown("mongodb://app:secret/x", "mongodb://app:********");
    assert_shown("mongodb://app%40x", "mongodb://*******");
    assert_shown("mongodb://[::1]:5,b:6/", "mongodb://[::1]:5,b:6/");
    assert_shown("\"mongodb://a:b@h/\n", "\"mongodb://***@h/ ");
    assert_shown("app:secret@h/", NULL);
    assert_shown("app:secret-mongodb://h/", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(test_good_strings_are_left_alone),
        in_world(test_quotes_and_blanks_around_it),
        in_world(test_what_some_drivers_read_otherwise),
        in_world(test_templates),
        in_world(test_names_of_clusters_and_machines),
        in_world(test_where_options_begin),
        in_world(test_what_atlas_does_not_take),
        in_world(test_options_have_columns),
        in_world(test_the_mark_stands_under_the_mistake),
        in_world(test_a_long_string_is_shown_in_part),
        in_world(test_secrets_are_masked_and_columns_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
