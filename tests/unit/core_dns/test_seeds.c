/* The rules of the seed list, one by one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/dns/seeds.h"

static struct dns_record srv_records[DNS_RECORDS_MOST], txt_records[4];
static struct dns_answer srv, txt;
static struct seeds seeds;
static struct error why;
static uint32_t words[DNS_RECORDS_MOST];

static int start(void **state)
{
    (void)state;
    srv = (struct dns_answer){.records = srv_records};
    txt = (struct dns_answer){.records = txt_records};
    memset(words, 0, sizeof words);
    return 0;
}

static void add_srv(const char *target, uint16_t port)
{
    srv_records[srv.count++] = (struct dns_record){.text = (char *)(uintptr_t)target, .port = port};
}

static void add_txt(const char *text)
{
    txt_records[txt.count++] = (struct dns_record){.text = (char *)(uintptr_t)text};
}

static enum status build(const struct seeds_wanted *wanted)
{
    seeds_clear(&seeds);
    why = (struct error){0};
    return seeds_build(wanted, &srv, &txt, words, &seeds, &why);
}

static enum status build_for(const char *host)
{
    return build(&(struct seeds_wanted){.host = host});
}

static enum status build_txt(const char *text)
{
    txt.count = 0;
    add_txt(text);
    return build_for("cluster0.example.test");
}

static int clear(void **state)
{
    (void)state;
    seeds_clear(&seeds);
    return 0;
}

static void the_srv_name_is_made(void **state)
{
    (void)state;
    char *name = seeds_srv_name(&(struct seeds_wanted){.host = "Cluster0.example.test."}, &why);
    assert_string_equal(name, "_mongodb._tcp.cluster0.example.test");
    free(name);
    name = seeds_srv_name(&(struct seeds_wanted){.host = "a.test", .service = "custom"}, &why);
    assert_string_equal(name, "_custom._tcp.a.test");
    free(name);
}

static void no_srv_name_is_made_of_nonsense(void **state)
{
    (void)state;
    static const char long_label[] =
        "a123456789012345678901234567890123456789012345678901234567890123.test";
    char long_name[260];
    memset(long_name, 'a', sizeof long_name);
    for (size_t i = 50; i < 250; i += 50) {
        long_name[i] = '.';
    }
    long_name[244] = '\0'; /* with _mongodb._tcp. 258 */
    const struct seeds_wanted bad[] = {
        {.host = ""},
        {.host = "."},
        {.host = "a..test"},
        {.host = "a.test.."},
        {.host = ".a.test"},
        {.host = "a b.test"},
        {.host = "a@b.test"},
        {.host = long_label},
        {.host = long_name},
        {.host = "a.test", .service = ""},
        {.host = "a.test", .service = "x._y"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(seeds_srv_name(&bad[i], &why));
        assert_int_equal(why.status, STATUS_BAD_INPUT);
    }
}

static void targets_within_the_domain_are_taken(void **state)
{
    (void)state;
    static const char *const good[][2] = {
        {"cluster0.example.test", "shard0.example.test"},
        {"cluster0.example.test", "SHARD0.Example.Test."},
        {"Cluster0.EXAMPLE.test.", "shard0.example.test"},
        {"cluster0.example.test", "a.b.example.test"},
        {"cluster0.example.test", "cluster0.example.test"},
        {"cluster0.example.test", "cluster0-shard-00-00.example.test"},
        {"a.b.c.d.test", "x.b.c.d.test"},
        {"example.test", "shard0.example.test"},
        {"example.test", "a.shard0.example.test"},
        {"localhost", "shard0.localhost"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(seeds_check_target(good[i][0], good[i][1], &why), STATUS_OK);
    }
}

static void other_targets_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"cluster0.example.test", "example.test"},
        {"cluster0.example.test", ".example.test"},
        {"cluster0.example.test", "evilexample.test"},
        {"cluster0.example.test", "shard0.other.test"},
        {"cluster0.example.test", "shard0.example.test.evil.test"},
        {"cluster0.example.test", "shard0.example.tes"},
        {"cluster0.example.test", "test"},
        {"cluster0.example.test", ""},
        {"cluster0.example.test", "evil.test\\.example.test"},
        {"cluster0.example.test", "a b.example.test"},
        {"cluster0.example.test", "a..example.test"},
        {"cluster0.example.test", "10.0.0.1"},
        {"example.test", "example.test"},
        {"example.test", "shard0.test"},
        {"localhost", "localhost"},
        {"localhost", "evil.test"},
        {"a.b.c.d.test", "x.c.d.test"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(seeds_check_target(bad[i][0], bad[i][1], &why), STATUS_BAD_INPUT);
    }
}

static void seeds_are_lower_case_and_unique(void **state)
{
    (void)state;
    add_srv("Shard1.example.test.", 27017);
    add_srv("shard0.example.test", 27018);
    add_srv("shard1.example.test", 27017);
    assert_int_equal(build_for("cluster0.example.test"), STATUS_OK);
    assert_int_equal(seeds.count, 2);
    assert_string_equal(seeds.hosts[0], "shard1.example.test:27017");
    assert_string_equal(seeds.hosts[1], "shard0.example.test:27018");
    assert_null(seeds.auth_source);
    assert_null(seeds.replica_set);
    assert_false(seeds.load_balanced);
}

static void one_bad_target_spoils_all(void **state)
{
    (void)state;
    add_srv("shard0.example.test", 27017);
    add_srv("shard0.evil.test", 27017);
    add_srv("shard1.example.test", 27017);
    assert_int_equal(build_for("cluster0.example.test"), STATUS_BAD_INPUT);
    assert_non_null(strstr(why.text, "shard0.evil.test"));
    assert_non_null(strstr(why.text, "not within example.test"));
}

static void no_target_and_port_0_are_refused(void **state)
{
    (void)state;
    assert_int_equal(build_for("cluster0.example.test"), STATUS_BAD_INPUT);
    assert_non_null(strstr(why.text, "names no server"));
    add_srv("shard0.example.test", 0);
    assert_int_equal(build_for("cluster0.example.test"), STATUS_BAD_INPUT);
    assert_non_null(strstr(why.text, "port 0"));
}

static void txt_options_are_taken(void **state)
{
    (void)state;
    add_srv("shard0.example.test", 27017);
    assert_int_equal(build_txt("authSource=admin&replicaSet=atlas-abc-shard-0"), STATUS_OK);
    assert_string_equal(seeds.auth_source, "admin");
    assert_string_equal(seeds.replica_set, "atlas-abc-shard-0");
    assert_int_equal(build_txt("AUTHSOURCE=%24external"), STATUS_OK);
    assert_string_equal(seeds.auth_source, "$external");
    assert_int_equal(build_txt("loadBalanced=true"), STATUS_OK);
    assert_true(seeds.load_balanced);
    assert_int_equal(build_txt("loadBalanced=false&replicaSet=a=b"), STATUS_OK);
    assert_false(seeds.load_balanced);
    assert_string_equal(seeds.replica_set, "a=b");
    assert_int_equal(build_txt(""), STATUS_OK);
    txt.count = 0;
    assert_int_equal(build_for("cluster0.example.test"), STATUS_OK);
    seeds_clear(&seeds);
    assert_int_equal(seeds_build(&(struct seeds_wanted){.host = "a.example.test"}, &srv, NULL,
                                 words, &seeds, &why),
                     STATUS_OK);
}

static void wrong_txt_options_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "authSource",
        "authSource=",
        "replicaSet=",
        "=admin",
        "authSource=admin&",
        "&authSource=admin",
        "authSource=admin&&replicaSet=a",
        "authSource=admin&ssl=false",
        "tls=false",
        "socketTimeoutMS=500",
        "v=spf1 -all",
        "loadBalanced=yes",
        "loadBalanced=",
        "loadBalanced=true&loadBalanced=true",
        "authSource=a&authsource=b",
        "authSource=%2",
        "authSource=%zz",
        "authSource=%00",
        "authSource=admin%00x",
        "authSource=%",
    };
    add_srv("shard0.example.test", 27017);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(build_txt(bad[i]), STATUS_BAD_INPUT);
        assert_non_null(strstr(why.text, "the TXT record of cluster0.example.test cannot be used"));
    }
    assert_int_equal(build_txt("a\x1b[2J\n=1"), STATUS_BAD_INPUT);
    assert_non_null(strstr(why.text, "\"a?[2J?=1\""));
}

static void a_second_txt_record_is_refused(void **state)
{
    (void)state;
    add_srv("shard0.example.test", 27017);
    add_txt("authSource=admin");
    add_txt("replicaSet=rs0");
    assert_int_equal(build_for("cluster0.example.test"), STATUS_BAD_INPUT);
    assert_non_null(strstr(why.text, "2 TXT records"));
}

static void contradictions_are_refused(void **state)
{
    (void)state;
    const char *host = "cluster0.example.test";
    add_srv("shard0.example.test", 27017);
    add_txt("replicaSet=rs0");
    assert_int_equal(build(&(struct seeds_wanted){.host = host, .max_hosts = 1}), STATUS_BAD_INPUT);
    assert_non_null(strstr(why.text, "srvMaxHosts and replicaSet"));
    assert_int_equal(build(&(struct seeds_wanted){.host = host, .load_balanced = true}),
                     STATUS_BAD_INPUT);
    assert_non_null(strstr(why.text, "loadBalanced=true and replicaSet"));
    assert_int_equal(build(&(struct seeds_wanted){.host = host, .replica_set = "rs1"}), STATUS_OK);
    txt.count = 0;
    assert_int_equal(
        build(&(struct seeds_wanted){.host = host, .max_hosts = 1, .replica_set = "rs1"}),
        STATUS_BAD_INPUT);
    add_txt("loadBalanced=true");
    assert_int_equal(build(&(struct seeds_wanted){.host = host, .replica_set = "rs1"}),
                     STATUS_BAD_INPUT);
    assert_int_equal(build(&(struct seeds_wanted){.host = host, .max_hosts = 1}), STATUS_BAD_INPUT);
    assert_non_null(strstr(why.text, "loadBalanced=true and srvMaxHosts"));
    add_srv("shard1.example.test", 27017);
    assert_int_equal(build(&(struct seeds_wanted){.host = host}), STATUS_BAD_INPUT);
    assert_non_null(strstr(why.text, "one server only"));
}

static void add_five(void)
{
    static const char *const targets[] = {"s0.example.test", "s1.example.test", "s2.example.test",
                                          "s3.example.test", "s4.example.test"};
    for (size_t i = 0; i < 5; i++) {
        add_srv(targets[i], 27017);
    }
}

static void srv_max_hosts_chooses_by_the_words(void **state)
{
    (void)state;
    struct seeds_wanted wanted = {.host = "cluster0.example.test", .max_hosts = 2};
    add_five();
    assert_int_equal(build(&wanted), STATUS_OK);
    assert_int_equal(seeds.count, 2);
    assert_string_equal(seeds.hosts[0], "s0.example.test:27017");
    assert_string_equal(seeds.hosts[1], "s1.example.test:27017");
    words[0] = UINT32_MAX; /* the last of five */
    words[1] = 1U << 31;   /* the third of the four that are left: s1 s2 s3 s0 */
    assert_int_equal(build(&wanted), STATUS_OK);
    assert_string_equal(seeds.hosts[0], "s4.example.test:27017");
    assert_string_equal(seeds.hosts[1], "s3.example.test:27017");
    wanted.max_hosts = 5;
    assert_int_equal(build(&wanted), STATUS_OK);
    assert_int_equal(seeds.count, 5);
    assert_string_equal(seeds.hosts[0], "s0.example.test:27017");
    wanted.max_hosts = 500;
    assert_int_equal(build(&wanted), STATUS_OK);
    assert_int_equal(seeds.count, 5);
}

/* Over many draws each of the five is chosen about as often: 2 of 5 of 5000 is 2000. */
static void srv_max_hosts_is_fair(void **state)
{
    (void)state;
    struct seeds_wanted wanted = {.host = "cluster0.example.test", .max_hosts = 2};
    int drawn[5] = {0};
    uint32_t x = 12345;
    add_five();
    for (int round = 0; round < 5000; round++) {
        for (size_t i = 0; i < 5; i++) {
            x ^= x << 13, x ^= x >> 17, x ^= x << 5;
            words[i] = x;
        }
        assert_int_equal(build(&wanted), STATUS_OK);
        drawn[seeds.hosts[0][1] - '0']++;
        drawn[seeds.hosts[1][1] - '0']++;
    }
    for (size_t i = 0; i < 5; i++) {
        assert_in_range(drawn[i], 1850, 2150);
    }
}

static void test_the_database_of_the_user(void **state)
{
    static const char atlas[] = "cluster0.abcde.mongodb.net", own[] = "db.example.test";
    (void)state;
    assert_string_equal(seeds_auth_source(own, "said", "txt", "path"), "said");
    assert_string_equal(seeds_auth_source(own, NULL, "txt", "path"), "txt");
    assert_string_equal(seeds_auth_source(own, NULL, NULL, "path"), "path");
    assert_string_equal(seeds_auth_source(NULL, NULL, NULL, "path"), "path");
    assert_string_equal(seeds_auth_source(NULL, NULL, NULL, NULL), "admin");
    assert_string_equal(seeds_auth_source(atlas, NULL, NULL, "path"), "admin");
    assert_string_equal(seeds_auth_source("A.MONGODB.NET.", NULL, NULL, "path"), "admin");
    assert_string_equal(seeds_auth_source(atlas, "said", NULL, "path"), "said");
    assert_string_equal(seeds_auth_source("evilmongodb.net", NULL, NULL, "path"), "path");
    assert_string_equal(seeds_auth_source("x.mongodb.net.test", NULL, NULL, "path"), "path");
}

static bool is_listed(void *owner, const char *host)
{
    for (const char *const *at = owner; *at != NULL; at++) {
        if (strcmp(*at, host) == 0) {
            return true;
        }
    }
    return false;
}

static void later_a_wrong_target_is_passed_over(void **state)
{
    (void)state;
    const struct seeds_wanted wanted = {.host = "cluster0.example.test", .max_hosts = 1};
    size_t skipped;
    add_srv("a.example.test", 1);
    add_srv("a.elsewhere.test", 2);
    add_srv("B.example.test.", 3);
    add_srv("c.example.test", 0);
    seeds_clear(&seeds);
    assert_int_equal(seeds_follow(&wanted, &srv, &seeds, &skipped, &why), STATUS_OK);
    assert_int_equal(skipped, 2);
    assert_non_null(strstr(why.text, "port 0"));
    assert_int_equal(seeds.count, 2);
    assert_string_equal(seeds.hosts[0], "a.example.test:1");
    assert_string_equal(seeds.hosts[1], "b.example.test:3");
    seeds_clear(&seeds);
    srv.count = 0;
    add_srv("a.elsewhere.test", 2);
    assert_int_equal(seeds_follow(&wanted, &srv, &seeds, &skipped, &why), STATUS_BAD_INPUT);
    assert_non_null(strstr(why.text, "elsewhere"));
    srv.count = 0;
    assert_int_equal(seeds_follow(&wanted, &srv, &seeds, &skipped, &why), STATUS_BAD_INPUT);
    assert_non_null(strstr(why.text, "names no server"));
}

static void later_free_places_are_filled_up(void **state)
{
    (void)state;
    const char *known[] = {"c", "a", "x", NULL};
    const char *hosts[] = {"a", "b", "c", "d"};
    size_t taken[2] = {0};
    assert_int_equal(seeds_fill(hosts, 4, is_listed, known, 0, words), 4);
    assert_int_equal(seeds_fill(hosts, 4, is_listed, known, 4, words), 4);
    assert_int_equal(seeds_fill(hosts, 4, is_listed, known, 2, words), 2);
    assert_true(*hosts[0] + *hosts[1] == 'a' + 'c');
    assert_int_equal(seeds_fill(hosts, 4, is_listed, known, 1, words), 1); /* a lower cap */
    for (uint32_t i = 0; i < 1000; i++) {
        const char *again[] = {"a", "b", "c", "d"};
        words[2] = i * (UINT32_MAX / 1000);
        assert_int_equal(seeds_fill(again, 4, is_listed, known, 3, words), 3);
        assert_true(*again[0] + *again[1] == 'a' + 'c');
        taken[*again[2] == 'd']++;
    }
    assert_in_range(taken[0], 490, 510);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_database_of_the_user),
        cmocka_unit_test_setup(the_srv_name_is_made, start),
        cmocka_unit_test_setup(no_srv_name_is_made_of_nonsense, start),
        cmocka_unit_test_setup(targets_within_the_domain_are_taken, start),
        cmocka_unit_test_setup(other_targets_are_refused, start),
        cmocka_unit_test_setup(seeds_are_lower_case_and_unique, start),
        cmocka_unit_test_setup(one_bad_target_spoils_all, start),
        cmocka_unit_test_setup(no_target_and_port_0_are_refused, start),
        cmocka_unit_test_setup(txt_options_are_taken, start),
        cmocka_unit_test_setup(wrong_txt_options_are_refused, start),
        cmocka_unit_test_setup(a_second_txt_record_is_refused, start),
        cmocka_unit_test_setup(contradictions_are_refused, start),
        cmocka_unit_test_setup(srv_max_hosts_chooses_by_the_words, start),
        cmocka_unit_test_setup(srv_max_hosts_is_fair, start),
        cmocka_unit_test_setup(later_a_wrong_target_is_passed_over, start),
        cmocka_unit_test_setup(later_free_places_are_filled_up, start),
    };
    return cmocka_run_group_tests(tests, NULL, clear);
}
