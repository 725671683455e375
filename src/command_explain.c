/* mooring explain: an error text, an id, or a connection string; what it means and what to do. */
#include <bson/bson.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/require.h"
#include "base/scope.h"
#include "commands.h"
#include "doctor/explain.h"
#include "doctor/report.h"
#include "settings/settings_table.h"

/* What was found in the text, and in a connection string that stands in it. */
struct answer {
    struct explanation explanation;
    struct problems problems;
    bool has_uri;
    bool has_database; /* in the string's path */
};

/* --- the text --- */

/* From standard input, as much as is looked at. */
static char *read_text(size_t *size)
{
    char *text = xmalloc(EXPLAIN_TEXT_MOST + 1);
    if (isatty(STDIN_FILENO)) {
        fputs("Paste the text, then press Ctrl-D.\n", stderr);
    }
    *size = fread(text, 1, EXPLAIN_TEXT_MOST, stdin);
    text[*size] = '\0';
    return text;
}

static size_t word_size(const char *at)
{
    size_t size = 0;
    while (at[size] != '\0' && !isspace((unsigned char)at[size]) &&
           strchr("\"'`", at[size]) == NULL) {
        size++;
    }
    return size;
}

/* The first connection string in the text; NULL: there is none. One whose password holds a blank
 * or a quote reaches to the line's last '@' and what follows: what was cut off before could not be
 * masked. The caller frees. */
static char *find_uri(const char *text)
{
    const char *plain = strstr(text, "mongodb://");
    const char *srv = strstr(text, "mongodb+srv://");
    const char *begin = srv == NULL || (plain != NULL && plain < srv) ? plain : srv;
    if (begin == NULL) {
        return NULL;
    }
    size_t size = word_size(begin);
    if (memchr(begin, '@', size) == NULL) {
        const char *at = memrchr(begin, '@', strcspn(begin, "\r\n"));
        size = at == NULL ? size : (size_t)(at - begin) + word_size(at);
    }
    while (size > 0 && strchr(",.;:)]}", begin[size - 1]) != NULL) {
        size--;
    }
    return xstrndup(begin, size);
}

static void lint(const char *uri, struct answer *out)
{
    struct settings s = {0};
    struct settings_origins origins = {.texts = xcalloc(option_count, sizeof *origins.texts),
                                       .ranks = xcalloc(option_count, sizeof *origins.ranks)};
    struct settings_target target = {
        .settings = &s, .origins = &origins, .problems = &out->problems};
    settings_read_uri(&target, uri);
    out->has_database = s.upstream.database != NULL;
    settings_origins_clear(&origins);
    settings_clear(&s);
}

static void find_all(const char *text, size_t size, struct answer *out)
{
    auto_free char *uri = find_uri(text);
    *out = (struct answer){.has_uri = uri != NULL};
    explain(text, size, &out->explanation);
    if (uri != NULL) {
        lint(uri, out);
        explicit_bzero(uri, strlen(uri));
    }
}

static size_t count_of_uri(const struct answer *a)
{
    size_t count = 0;
    for (size_t i = 0; i < a->problems.count; i++) {
        count += a->problems.items[i].finding != NULL;
    }
    return count;
}

/* --- findings --- */

/* Evidence is of what fails first, and lent. */
static struct finding finding_of(const struct answer *a, const struct explained *one)
{
    struct finding f = {
        .id = one->id, .severity = finding_row(one->id)->severity, .confidence = one->confidence};
    for (size_t i = 0; one->is_first && i < a->explanation.evidence_count; i++) {
        f.evidence[f.evidence_count++] = a->explanation.evidence[i];
    }
    return f;
}

static bool finding_of_problem(const struct problem *p, struct finding *out)
{
    *out = (struct finding){.confidence = CONFIDENCE_LIKELY};
    if (p->finding == NULL || !finding_find(p->finding, &out->id)) {
        return false;
    }
    out->severity = finding_row(out->id)->severity;
    if (p->key != NULL) {
        out->evidence[out->evidence_count++] = (struct evidence){p->key, p->value};
    }
    return true;
}

/* --- for people --- */

static bool is_colour_wanted(void)
{
    const char *no = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0');
}

/* In one line: "BEFORE: LAYER: what is wrong. The first step. [ID]". */
static void print_line(const char *before, const struct finding *f)
{
    const struct finding_row *row = finding_row(f->id);
    auto_free char *say = finding_fill(row->say, f->evidence, f->evidence_count);
    auto_free char *fix = finding_fill(row->fix, f->evidence, f->evidence_count);
    fix[strcspn(fix, "\n")] = '\0';
    printf("%s: %s: %s %s [%s]\n", before, row->layer, say, fix, finding_id_text(f->id));
}

/* The first, and what is as likely, at length; the rest in a line each. */
static void print_explanation(const struct answer *a)
{
    enum { AT_LENGTH_MOST = 2 };
    const struct explanation *e = &a->explanation;
    for (size_t i = 0; i < e->count; i++) {
        struct finding f = finding_of(a, &e->items[i]);
        bool is_long = e->items[i].is_first && i < AT_LENGTH_MOST &&
                       e->items[i].confidence >= e->items[0].confidence;
        if (i == 0) {
            print_line(finding_confidence_text(f.confidence), &f);
        }
        if (is_long) {
            report_print_finding(&f, is_colour_wanted(), stdout);
        } else {
            putchar('\n');
            print_line(e->items[i].is_first ? "or perhaps" : "later in the walk", &f);
        }
    }
    if (e->driver != NULL) {
        printf("\nthe text is of: %s\n", e->driver);
    }
}

static void print_uri(const struct answer *a)
{
    bool is_alone = a->explanation.count == 0;
    puts(is_alone ? "" : "\nin the connection string of the text:");
    problems_print(&a->problems, stdout);
    for (size_t i = 0; i < a->problems.count; i++) {
        struct finding f;
        if (is_alone && finding_of_problem(&a->problems.items[i], &f)) {
            report_print_finding(&f, is_colour_wanted(), stdout);
        }
    }
}

static void print_unknown(void)
{
    puts(
        "not recognised: none of its words is one that Mooring knows.\n"
        "What helps: the whole text, from the error's first line to the last \"caused by\", with\n"
        "the code in it (ECONNREFUSED, 8000, alert 80, …). Or let mooring doctor look for itself.");
}

static void print_answer(const struct answer *a)
{
    if (a->explanation.count > 0) {
        print_explanation(a);
    } else if (a->has_uri && count_of_uri(a) > 0) {
        struct finding f = {0};
        for (size_t i = 0; i < a->problems.count; i++) {
            if (finding_of_problem(&a->problems.items[i], &f)) {
                break;
            }
        }
        print_line(finding_confidence_text(f.confidence), &f);
    } else if (a->has_uri) {
        puts("The text of this connection string shows no mistake; mooring doctor looks further.");
        fputs(a->has_database ? ""
                              : "It names no database: drivers use test unless they are told.\n",
              stdout);
    } else {
        print_unknown();
    }
    if (a->problems.count > 0) {
        print_uri(a);
    }
}

/* --- for programs --- */

static void add_document(bson_t *array, uint32_t *count, const struct finding *f, bool is_first)
{
    bson_t item;
    char number[16];
    const char *key;
    bson_uint32_to_string((*count)++, &key, number, sizeof number);
    bson_append_document_begin(array, key, -1, &item);
    report_write_finding(&item, f);
    BSON_APPEND_BOOL(&item, "first", is_first);
    bson_append_document_end(array, &item);
}

static void print_document(const bson_t *document)
{
    char *json = bson_as_relaxed_extended_json(document, NULL);
    puts(json);
    bson_free(json);
}

static void print_json(const struct answer *a)
{
    bson_t out = BSON_INITIALIZER, array;
    uint32_t count = 0;
    const struct explanation *e = &a->explanation;
    BSON_APPEND_BOOL(&out, "recognised", e->count > 0 || a->has_uri);
    if (e->driver != NULL) {
        BSON_APPEND_UTF8(&out, "driver", e->driver);
    }
    BSON_APPEND_ARRAY_BEGIN(&out, "findings", &array);
    for (size_t i = 0; i < e->count; i++) {
        struct finding f = finding_of(a, &e->items[i]);
        add_document(&array, &count, &f, e->items[i].is_first);
    }
    bson_append_array_end(&out, &array);
    count = 0;
    BSON_APPEND_ARRAY_BEGIN(&out, "connectionString", &array);
    for (size_t i = 0; i < a->problems.count; i++) {
        struct finding f;
        if (finding_of_problem(&a->problems.items[i], &f)) {
            add_document(&array, &count, &f, e->count == 0);
        }
    }
    bson_append_array_end(&out, &array);
    print_document(&out);
    bson_destroy(&out);
}

/* --- the whole catalogue --- */

static void print_markdown(void)
{
    puts("| id | layer | what is wrong | what to do |\n| --- | --- | --- | --- |");
    for (enum finding_id id = 0; id < FINDING_COUNT; id++) {
        const struct finding_row *row = finding_row(id);
        auto_free char *say = finding_fill(row->say, NULL, 0);
        auto_free char *fix = finding_fill(row->fix, NULL, 0);
        printf("| %s | %s | %s | ", finding_id_text(id), row->layer, say);
        for (const char *c = fix; *c != '\0'; c++) {
            fputs(*c == '\n' ? " " : *c == '<' ? "&lt;" : (char[]){*c, '\0'}, stdout);
        }
        puts(" |");
    }
}

static int print_list(const struct command_line *line)
{
    bson_t out = BSON_INITIALIZER, array;
    uint32_t count = 0;
    BSON_APPEND_ARRAY_BEGIN(&out, "findings", &array);
    for (enum finding_id id = 0; id < FINDING_COUNT; id++) {
        const struct finding_row *row = finding_row(id);
        struct finding f = {.id = id, .severity = row->severity, .confidence = CONFIDENCE_CERTAIN};
        auto_free char *say = finding_fill(row->say, NULL, 0);
        if (line->wants_json) {
            add_document(&array, &count, &f, false);
        } else {
            printf("%-8s %-18s %s\n", finding_id_text(id), row->layer, say);
        }
    }
    bson_append_array_end(&out, &array);
    if (line->wants_json) {
        print_document(&out);
    }
    bson_destroy(&out);
    return EXIT_GOOD;
}

int command_explain(const struct command_line *line)
{
    struct answer a;
    size_t size = 0;
    if (line->wants_markdown) {
        print_markdown();
        return EXIT_GOOD;
    }
    if (line->wants_list) {
        return print_list(line);
    }
    bool is_given = line->text != NULL && strcmp(line->text, "-") != 0;
    auto_free char *text = is_given ? xstrdup(line->text) : read_text(&size);
    size = is_given ? strlen(text) : size;
    find_all(text, size, &a);
    (line->wants_json ? print_json : print_answer)(&a);
    int result = a.explanation.count > 0 || a.has_uri ? EXIT_GOOD : EXIT_DEGRADED;
    explicit_bzero(text, size);
    explanation_clear(&a.explanation);
    problems_clear(&a.problems);
    return result;
}
