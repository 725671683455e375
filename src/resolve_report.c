#include "resolve_report.h"

#include <bson/bson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "core/dns/message.h"

struct resolve_answer *resolve_report_add(struct resolve_report *r, const char *name)
{
    r->answers = xrealloc(r->answers, (r->answer_count + 1) * sizeof *r->answers);
    r->answers[r->answer_count] = (struct resolve_answer){.name = xstrdup(name)};
    return &r->answers[r->answer_count++];
}

void resolve_answer_says(struct resolve_answer *a, const char *text)
{
    a->says = xrealloc(a->says, (a->count + 1) * sizeof *a->says);
    a->says[a->count++] = xstrdup(text);
}

void resolve_report_rows(struct resolve_report *r, const struct names_row *rows, size_t count)
{
    r->rows = xcalloc(count + 1, sizeof *r->rows);
    for (size_t i = 0; i < count; i++) {
        r->rows[i] = rows[i];
        r->rows[i].name = xstrdup(rows[i].name);
        r->rows[i].resolver = xstrdup(rows[i].resolver);
    }
    r->row_count = count;
}

static void clear_answer(struct resolve_answer *a)
{
    for (size_t i = 0; i < a->count; i++) {
        free(a->says[i]);
    }
    free(a->says);
    free(a->name);
    free(a->by);
    free(a->why);
}

void resolve_report_clear(struct resolve_report *r)
{
    for (size_t i = 0; i < r->answer_count; i++) {
        clear_answer(&r->answers[i]);
    }
    for (size_t i = 0; i < r->row_count; i++) {
        free((char *)(uintptr_t)r->rows[i].name);
        free((char *)(uintptr_t)r->rows[i].resolver);
    }
    free(r->answers);
    free(r->rows);
    free(r->uri);
    free(r->auth_source);
    free(r->replica_set);
    *r = (struct resolve_report){0};
}

/* --- as a table --- */

static void print_rows(const struct resolve_report *r)
{
    printf("%-5s %-48s %-22s %-12s %8s %8s %8s\n", "type", "name", "resolver", "said", "records",
           "ttl s", "ms");
    for (size_t i = 0; i < r->row_count; i++) {
        const struct names_row *row = &r->rows[i];
        printf("%-5s %-48s %-22s %-12s %8zu %8u %8lld%s%s\n", dns_type_name(row->type), row->name,
               row->resolver, lookup_word_text(row->word), row->records, row->ttl_seconds,
               (long long)row->took, row->detail[0] == '\0' ? "" : "  ", row->detail);
    }
}

static void print_answer(const struct resolve_answer *a)
{
    char age[NAMES_AGE_SIZE] = "-";
    if (a->age > 0) {
        names_print_age(age, a->age);
    }
    printf("%-54s %-17s %-22s %8s %8lld %8lld  ", a->name, a->from == NULL ? "-" : a->from,
           a->by == NULL ? "-" : a->by, age, (long long)a->ttl / 1000, (long long)a->took);
    for (size_t i = 0; i < a->count; i++) {
        printf("%s%s", i == 0 ? "" : ", ", a->says[i]);
    }
    printf("%s\n", a->count == 0 && a->why != NULL ? a->why : "");
}

void resolve_report_print_table(const struct resolve_report *r)
{
    if (r->row_count > 0) {
        print_rows(r);
        putchar('\n');
    }
    printf("%-54s %-17s %-22s %8s %8s %8s  %s\n", "answer about", "from", "by", "age", "ttl s",
           "ms", "says");
    for (size_t i = 0; i < r->answer_count; i++) {
        print_answer(&r->answers[i]);
    }
}

/* --- as JSON --- */

static void append_text(bson_t *to, const char *key, const char *text)
{
    if (text == NULL) {
        BSON_APPEND_NULL(to, key);
    } else {
        bson_append_utf8(to, key, -1, text, -1);
    }
}

static void append_row(bson_t *to, const struct names_row *row)
{
    append_text(to, "type", dns_type_name(row->type));
    append_text(to, "name", row->name);
    append_text(to, "resolver", row->resolver);
    append_text(to, "said", lookup_word_text(row->word));
    BSON_APPEND_INT64(to, "records", (int64_t)row->records);
    BSON_APPEND_INT64(to, "ttl_s", row->ttl_seconds);
    BSON_APPEND_INT64(to, "took_ms", row->took);
    append_text(to, "detail", row->detail[0] == '\0' ? NULL : row->detail);
}

static void append_answer(bson_t *to, const struct resolve_answer *a)
{
    bson_t says;
    append_text(to, "name", a->name);
    append_text(to, "from", a->from);
    append_text(to, "by", a->by);
    BSON_APPEND_INT64(to, "age_ms", a->age);
    BSON_APPEND_INT64(to, "ttl_s", a->ttl / 1000);
    BSON_APPEND_INT64(to, "took_ms", a->took);
    BSON_APPEND_ARRAY_BEGIN(to, "says", &says);
    for (size_t i = 0; i < a->count; i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", i);
        append_text(&says, key, a->says[i]);
    }
    bson_append_array_end(to, &says);
    append_text(to, "why", a->why);
}

static void append_lists(bson_t *to, const struct resolve_report *r)
{
    bson_t list;
    bson_t one;
    char key[24];
    BSON_APPEND_ARRAY_BEGIN(to, "asked", &list);
    for (size_t i = 0; i < r->row_count; i++) {
        snprintf(key, sizeof key, "%zu", i);
        BSON_APPEND_DOCUMENT_BEGIN(&list, key, &one);
        append_row(&one, &r->rows[i]);
        bson_append_document_end(&list, &one);
    }
    bson_append_array_end(to, &list);
    BSON_APPEND_ARRAY_BEGIN(to, "answers", &list);
    for (size_t i = 0; i < r->answer_count; i++) {
        snprintf(key, sizeof key, "%zu", i);
        BSON_APPEND_DOCUMENT_BEGIN(&list, key, &one);
        append_answer(&one, &r->answers[i]);
        bson_append_document_end(&list, &one);
    }
    bson_append_array_end(to, &list);
}

void resolve_report_print_json(const struct resolve_report *r)
{
    bson_t document = BSON_INITIALIZER;
    append_text(&document, "uri", r->uri);
    append_text(&document, "auth_source", r->auth_source);
    append_text(&document, "replica_set", r->replica_set);
    BSON_APPEND_BOOL(&document, "load_balanced", r->load_balanced);
    append_lists(&document, r);
    char *text = bson_as_relaxed_extended_json(&document, NULL);
    puts(text == NULL ? "{}" : text);
    bson_free(text);
    bson_destroy(&document);
}
