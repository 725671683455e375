/* Error texts (texts.txt) and what explain makes of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/require.h"
#include "base/scope.h"
#include "doctor/explain.h"

enum { FILE_MOST = 256 * 1024, TEXTS_LEAST = 150, ROWS_LEAST = 80 };

static struct {
    size_t texts;
    size_t misses;
    size_t failures;
    bool is_recognised[FINDING_COUNT]; /* as the first of some text, or among the candidates */
} seen;

static void complain(const char *name, const char *what, const struct explanation *e)
{
    fprintf(stderr, "%s: %s; found:", name, what);
    for (size_t i = 0; i < e->count; i++) {
        fprintf(stderr, " %s%s", finding_id_text(e->items[i].id), e->items[i].is_first ? "*" : "");
    }
    for (size_t i = 0; i < e->evidence_count; i++) {
        fprintf(stderr, " %s=%s", e->evidence[i].key, e->evidence[i].value);
    }
    fprintf(stderr, "\n");
    seen.failures++;
}

static bool has(const struct explanation *e, const char *id)
{
    for (size_t i = 0; i < e->count; i++) {
        if (strcmp(finding_id_text(e->items[i].id), id) == 0) {
            return true;
        }
    }
    return false;
}

static const char *value(const struct explanation *e, const char *key, size_t size)
{
    for (size_t i = 0; i < e->evidence_count; i++) {
        if (strlen(e->evidence[i].key) == size && strncmp(e->evidence[i].key, key, size) == 0) {
            return e->evidence[i].value;
        }
    }
    return "";
}

/* One word behind the name: an id, "!id", "key=value" or "-". */
static void check_word(const char *name, const char *word, bool is_first,
                       const struct explanation *e)
{
    const char *equals = strchr(word, '=');
    enum finding_id id;
    if (strcmp(word, "-") == 0) {
        seen.misses++;
        if (e->count > 0) {
            complain(name, "is to be unknown", e);
        }
    } else if (equals != NULL) {
        if (strcmp(value(e, word, (size_t)(equals - word)), equals + 1) != 0) {
            complain(name, word, e);
        }
    } else if (word[0] == '!') {
        assert_true(finding_find(word + 1, &id));
        if (has(e, word + 1)) {
            complain(name, word, e);
        }
    } else {
        if (!finding_find(word, &id)) {
            fail_msg("%s: no id: %s", name, word);
        }
        seen.is_recognised[id] |= has(e, word);
        if (is_first ? e->count == 0 || e->items[0].id != id : !has(e, word)) {
            complain(name, word, e);
        }
    }
}

/* "NAME: WORD WORD…", and the text behind that line. */
static void check_case(char *head, const char *text, size_t size)
{
    struct explanation e;
    char *save = NULL;
    char *name = strtok_r(head, ": ", &save);
    bool is_first = true;
    explain(text, size, &e);
    seen.texts++;
    for (char *word; (word = strtok_r(NULL, " ", &save)) != NULL; is_first = false) {
        check_word(name, word, is_first, &e);
    }
    explanation_clear(&e);
}

/* Without the lines of comment before the next case. */
static size_t text_size(const char *text, const char *end)
{
    const char *comment = memmem(text, (size_t)(end - text), "\n# ---", 6);
    return (size_t)((comment == NULL ? end : comment) - text);
}

static void check_file(const char *path)
{
    auto_free char *all = xcalloc(1, FILE_MOST);
    auto_file FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(all, 1, FILE_MOST - 1, file);
    assert_true(size > 0 && size < FILE_MOST - 1);
    for (char *at = strstr(all, "\n== "); at != NULL;) {
        char *head = at + 4;
        char *text = strchr(head, '\n');
        assert_non_null(text);
        *text++ = '\0';
        char *next = strncmp(text, "== ", 3) == 0 ? text - 1 : strstr(text, "\n== ");
        const char *end = next == NULL ? all + size : next < text ? text : next;
        check_case(head, text, text_size(text, end));
        at = next;
        if (at != NULL) {
            *at = '\n';
        }
    }
}

static void test_texts(void **state)
{
    size_t rows = 0;
    (void)state;
    check_file(SOURCE_DIR "/tests/unit/doctor/texts.txt");
    for (enum finding_id id = 0; id < FINDING_COUNT; id++) {
        rows += seen.is_recognised[id];
    }
    printf("%zu texts, %zu of them near misses; %zu rows of %d recognised; %zu wrong\n", seen.texts,
           seen.misses, rows, FINDING_COUNT, seen.failures);
    for (enum finding_id id = 0; id < FINDING_COUNT; id++) {
        if (!seen.is_recognised[id]) {
            printf("not from text: %s\n", finding_id_text(id));
        }
    }
    assert_int_equal(seen.failures, 0);
    assert_true(seen.texts >= TEXTS_LEAST);
    assert_true(rows >= ROWS_LEAST);
}

static void explain_text(const char *text, struct explanation *e)
{
    explain(text, strlen(text), e);
}

static void test_whose_text(void **state)
{
    static const struct {
        const char *text;
        const char *driver;
    } cases[] = {
        {"Error: querySrv ECONNREFUSED _mongodb._tcp.h.mongodb.net", "Node driver"},
        {"MongooseServerSelectionError: connect ECONNREFUSED ::1:1", NULL},
        {"pymongo.errors.AutoReconnect: connection closed", "PyMongo"},
        {"com.mongodb.MongoSecurityException: x", "Java driver"},
        {"server selection error: bad auth", "Go driver"},
        {"bad auth", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct explanation e;
        explain_text(cases[i].text, &e);
        if (cases[i].driver == NULL) {
            assert_true(e.driver == NULL || i == 1);
        } else {
            assert_string_equal(e.driver, cases[i].driver);
        }
        explanation_clear(&e);
    }
}

static void assert_host(const char *text, const char *host)
{
    struct explanation e;
    explain_text(text, &e);
    assert_true(e.count > 0);
    assert_string_equal(value(&e, "host", 4), host);
    assert_string_equal(value(&e, "address", 7), "");
    explanation_clear(&e);
}

static void test_nothing_of_a_login_is_taken_for_a_host(void **state)
{
    static const char *const uris[] = {
        "mongodb://u:swordfish:27017@h.example.test:1234/",
        "mongodb://u:a swordfish.mongodb.net b@h.example.test:1234/",
        "mongodb://u:\"swordfish.mongodb.net\"@h.example.test:1234/",
        "mongodb+srv://u:_mongodb._tcp.swordfish.test@h.example.test:1234/",
        "mongodb://u:127.0.0.1@swordfish.mongodb.net@h.example.test:1234/",
    };
    (void)state;
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        auto_free char *behind = xformat("could not reach %s: connect ECONNREFUSED", uris[i]);
        auto_free char *before = xformat("connect ECONNREFUSED: %s", uris[i]);
        assert_host(behind, "h.example.test");
        assert_host(before, "h.example.test");
    }
}

/* What to add to the access list is never the address that was dialled. */
static void test_whose_address(void **state)
{
    static const enum finding_id ids[] = {FINDING_ACL_01, FINDING_ACL_02, FINDING_ACL_04,
                                          FINDING_LOC_04};
    struct explanation e;
    (void)state;
    explain_text("connect ETIMEDOUT 198.51.100.23:27017", &e);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const struct finding_row *row = finding_row(ids[i]);
        auto_free char *say = finding_fill(row->say, e.evidence, e.evidence_count);
        auto_free char *fix = finding_fill(row->fix, e.evidence, e.evidence_count);
        assert_null(strstr(say, "198.51.100.23"));
        assert_null(strstr(fix, "198.51.100.23"));
    }
    explanation_clear(&e);
}

static void test_what_comes_first_is_marked(void **state)
{
    struct explanation e;
    (void)state;
    explain_text("bad auth : authentication failed\nquerySrv ETIMEOUT _mongodb._tcp.a.b.c", &e);
    assert_int_equal(e.items[0].id, FINDING_DNS_03);
    assert_true(e.items[0].is_first);
    assert_int_equal(e.items[0].confidence, CONFIDENCE_LIKELY);
    assert_true(e.items[1].is_first);
    assert_false(e.items[e.count - 1].is_first);
    explanation_clear(&e);
}

static void fill(char *text, size_t size, const char *piece)
{
    size_t length = strlen(piece);
    for (size_t i = 0; i < size; i++) {
        text[i] = piece[i % length];
    }
}

/* However a text repeats the beginnings of what is looked for. */
static void test_long_texts_take_no_longer(void **state)
{
    static const char *const pieces[] = {
        "lookup ",
        "all nameservers failed ",
        "://",
        "://@",
        "a",
        "dns-",
        "connect timed ",
        "failed to look up srv record ",
        ":",
        "1.",
        "\x1b[",
        "'",
        "mongodb://a:b",
        "lookup connection refused i/o timeout ",
    };
    size_t size = EXPLAIN_TEXT_MOST + 100;
    auto_free char *text = xmalloc(size);
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct explanation e;
        clock_t start = clock();
        fill(text, size, pieces[i]);
        explain(text, size, &e);
        double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
        if (seconds > 3) { /* of processor time, sanitizers included */
            fail_msg("\"%s\" over and over took %.1f s", pieces[i], seconds);
        }
        explanation_clear(&e);
    }
}

static void test_any_bytes(void **state)
{
    char bytes[512];
    uint32_t seed = 1;
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct explanation e;
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (char)(seed >> 24);
        }
        explain(bytes, (size_t)round % sizeof bytes, &e);
        explanation_clear(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_whose_text),
        cmocka_unit_test(test_nothing_of_a_login_is_taken_for_a_host),
        cmocka_unit_test(test_whose_address),
        cmocka_unit_test(test_what_comes_first_is_marked),
        cmocka_unit_test(test_long_texts_take_no_longer),
        cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
