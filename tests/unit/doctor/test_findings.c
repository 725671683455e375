/* The catalogue: every row whole, every id its own, every sentence fit to be shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/scope.h"
#include "doctor/findings.h"

enum { ROWS = 104, SENTENCE_MOST = 200 };

static const char *const keys[] = {
    "host",   "port",   "address", "nodes",  "database", "user",     "mechanism", "option",
    "near",   "scheme", "code",    "name",   "other",    "resolver", "old",       "new",
    "issuer", "alert",  "set",     "actual", "version",  "days",     "seconds",   "count",
    "limit",  "rate",   "tier",    "public", "bound",    "pid",      "program",
};

static const char *const pages[] = {
    "https://www.mongodb.com/docs/atlas/troubleshoot-connection/",
    "https://www.mongodb.com/docs/atlas/security/ip-access-list/",
    "https://www.mongodb.com/docs/atlas/reference/atlas-limits/",
    "https://www.mongodb.com/docs/atlas/overload-errors/",
    "https://www.mongodb.com/docs/atlas/reference/faq/security/",
    "https://www.mongodb.com/docs/atlas/reference/faq/connection-changes/",
    "https://www.mongodb.com/docs/atlas/security-private-endpoint/",
    "https://www.mongodb.com/docs/atlas/pause-terminate-cluster/",
    "https://www.mongodb.com/docs/manual/reference/connection-string/",
    "https://www.mongodb.com/docs/atlas/tutorial/test-resilience/test-primary-failover/",
};

static bool is_among(const char *text, size_t size, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(list[i]) == size && memcmp(list[i], text, size) == 0) {
            return true;
        }
    }
    return false;
}

#define IS_AMONG(text, size, list) is_among(text, size, list, sizeof(list) / sizeof *(list))

/* Every placeholder has a known key and words without it, and braces stand in pairs. */
static void assert_placeholders(const char *id, const char *sentence)
{
    for (const char *at = sentence; (at = strpbrk(at, "{}")) != NULL; at++) {
        const char *end = strpbrk(at + 1, "{}");
        const char *bar = strchr(at, '|');
        if (*at != '{' || end == NULL || *end != '}' || bar == NULL || bar > end - 2 ||
            !IS_AMONG(at + 1, (size_t)(bar - at - 1), keys)) {
            fail_msg("%s: a placeholder is not {key|words}: %s", id, sentence);
        }
        at = end;
    }
}

/* To its end, or to that of its line. */
static void assert_sentence(const char *id, const char *text, size_t size)
{
    auto_free char *filled = finding_fill(text, NULL, 0);
    if (size == 0 || size > SENTENCE_MOST || strstr(filled, "  ") != NULL || text[0] == ' ' ||
        text[size - 1] == ' ') {
        fail_msg("%s: a sentence is empty, too long or loosely written: %.*s", id, (int)size, text);
    }
}

static void assert_row(const char *id, const struct finding_row *row)
{
    if (row->layer == NULL || row->say == NULL || row->fix == NULL ||
        row->say[strlen(row->say) - 1] != '.') {
        fail_msg("%s: the row is not complete", id);
    }
    assert_placeholders(id, row->say);
    assert_placeholders(id, row->fix);
    assert_sentence(id, row->say, strlen(row->say));
    for (const char *at = row->fix; *at != '\0';) {
        size_t size = strcspn(at, "\n");
        assert_sentence(id, at, size);
        at += size + (at[size] == '\n');
    }
    if (row->isnt != NULL) {
        assert_placeholders(id, row->isnt);
        assert_sentence(id, row->isnt, strlen(row->isnt));
    }
    if (row->learn != NULL && !IS_AMONG(row->learn, strlen(row->learn), pages)) {
        fail_msg("%s: not one of the public pages: %s", id, row->learn);
    }
}

static void test_every_row_is_whole(void **state)
{
    (void)state;
    assert_int_equal(FINDING_COUNT, ROWS);
    for (enum finding_id id = 0; id < FINDING_COUNT; id++) {
        assert_row(finding_id_text(id), finding_row(id));
    }
}

static void test_no_two_rows_say_the_same(void **state)
{
    (void)state;
    for (enum finding_id a = 0; a < FINDING_COUNT; a++) {
        for (enum finding_id b = 0; b < a; b++) {
            assert_string_not_equal(finding_id_text(a), finding_id_text(b));
            assert_string_not_equal(finding_row(a)->say, finding_row(b)->say);
        }
    }
}

static void test_ids(void **state)
{
    enum finding_id id = FINDING_COUNT;
    (void)state;
    assert_string_equal(finding_id_text(FINDING_URI_03B), "URI-03b");
    assert_string_equal(finding_id_text(FINDING_DNS_01), "DNS-01");
    assert_string_equal(finding_id_text(FINDING_LOC_09), "LOC-09");
    assert_true(finding_find("topo-03", &id));
    assert_int_equal(id, FINDING_TOPO_03);
    assert_true(finding_find("URI-03B", &id));
    assert_int_equal(id, FINDING_URI_03B);
    assert_false(finding_find("DNS-25", &id));
    assert_false(finding_find("DNS", &id));
    assert_int_equal(id, FINDING_URI_03B);
}

static void test_rows_belong_to_their_ids(void **state)
{
    (void)state;
    assert_string_equal(finding_row(FINDING_URI_01)->layer, "connection string");
    assert_string_equal(finding_row(FINDING_URI_17)->layer, "connection string");
    assert_string_equal(finding_row(FINDING_DNS_01)->layer, "DNS");
    assert_string_equal(finding_row(FINDING_DNS_24)->layer, "DNS");
    assert_string_equal(finding_row(FINDING_TCP_10)->layer, "network");
    assert_string_equal(finding_row(FINDING_ACL_04)->layer, "access list");
    assert_string_equal(finding_row(FINDING_TLS_12)->layer, "TLS");
    assert_string_equal(finding_row(FINDING_AUTH_01)->layer, "login");
    assert_string_equal(finding_row(FINDING_LIM_01)->layer, "limits");
    assert_string_equal(finding_row(FINDING_TOPO_09)->layer, "topology");
    assert_string_equal(finding_row(FINDING_LOC_01)->layer, "local connection");
}

static void assert_filled(const char *sentence, const struct evidence *evidence, size_t count,
                          const char *expected)
{
    auto_free char *text = finding_fill(sentence, evidence, count);
    assert_string_equal(text, expected);
}

static const struct evidence some[] = {
    {"resolver", "10.0.0.2"}, {"host", ""}, {"port", NULL}, {"res", "no"}, {"code", "{x}"},
};

static void test_filling(void **state)
{
    (void)state;
    assert_filled("{resolver|It} is silent.", some, 5, "10.0.0.2 is silent.");
    assert_filled("{resolver|It} is silent.", some, 0, "It is silent.");
    assert_filled("at {host|a host}:{port|27017}", some, 5, "at a host:27017");
    assert_filled("{resolver}", some, 5, "10.0.0.2");
    assert_filled("({nothing})", some, 5, "()");
    assert_filled("{code|y}{code|z}", some, 5, "{x}{x}");
    assert_filled("{resolver|never closed", some, 5, "{resolver|never closed");
    assert_filled("", some, 5, "");
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(finding_stage_text(STAGE_LOCAL), "this machine");
    assert_string_equal(finding_stage_text(STAGE_THROUGH), "through Mooring");
    assert_string_equal(finding_severity_text(SEVERITY_FATAL), "fatal");
    assert_string_equal(finding_confidence_text(CONFIDENCE_LIKELY), "likely");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_whole),
        cmocka_unit_test(test_no_two_rows_say_the_same),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_rows_belong_to_their_ids),
        cmocka_unit_test(test_filling),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
