/* For programs: the same rows as the text, and all facts behind them. A field keeps its name once
 * it is out. */
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/scope.h"
#include "doctor/report.h"
#include "settings/settings_table.h"

static void put_text(bson_t *to, const char *key, const char *text)
{
    if (text == NULL) {
        BSON_APPEND_NULL(to, key);
    } else if (bson_utf8_validate(text, strlen(text), false)) {
        BSON_APPEND_UTF8(to, key, text);
    } else {
        BSON_APPEND_UTF8(to, key, "(not UTF-8)");
    }
}

static void begin(bson_t *array, size_t i, bson_t *item)
{
    char number[16];
    const char *key;
    bson_uint32_to_string((uint32_t)i, &key, number, sizeof number);
    bson_append_document_begin(array, key, -1, item);
}

/* --- findings --- */

static void put_lines(bson_t *to, const char *key, const char *lines)
{
    bson_t array;
    char number[16];
    const char *at_key;
    uint32_t i = 0;
    bson_append_array_begin(to, key, -1, &array);
    while (*lines != '\0') {
        size_t size = strcspn(lines, "\n");
        bson_uint32_to_string(i++, &at_key, number, sizeof number);
        bson_append_utf8(&array, at_key, -1, lines, (int)size);
        lines += size + (lines[size] == '\n');
    }
    bson_append_array_end(to, &array);
}

void report_write_finding(bson_t *to, const struct finding *f)
{
    const struct finding_row *row = finding_row(f->id);
    bson_t evidence;
    auto_free char *say = finding_fill(row->say, f->evidence, f->evidence_count);
    auto_free char *fix = finding_fill(row->fix, f->evidence, f->evidence_count);
    put_text(to, "id", finding_id_text(f->id));
    put_text(to, "stage", finding_stage_text(row->stage));
    BSON_APPEND_INT32(to, "stageNumber", (int32_t)row->stage);
    put_text(to, "severity", finding_severity_text(f->severity));
    put_text(to, "confidence", finding_confidence_text(f->confidence));
    put_text(to, "layer", row->layer);
    BSON_APPEND_DOCUMENT_BEGIN(to, "evidence", &evidence);
    for (size_t i = 0; i < f->evidence_count; i++) {
        put_text(&evidence, f->evidence[i].key, f->evidence[i].value);
    }
    bson_append_document_end(to, &evidence);
    put_text(to, "say", say);
    put_text(to, "isnt", row->isnt);
    put_lines(to, "fix", fix);
    put_text(to, "learn", row->learn);
}

static void put_findings(bson_t *to, const struct diagnosis *d)
{
    bson_t array, item;
    BSON_APPEND_ARRAY_BEGIN(to, "findings", &array);
    for (size_t i = 0; i < d->count; i++) {
        begin(&array, i, &item);
        report_write_finding(&item, &d->items[i]);
        bson_append_document_end(&array, &item);
    }
    bson_append_array_end(to, &array);
}

static void put_stages(bson_t *to, const struct examination *e)
{
    bson_t array, item;
    BSON_APPEND_ARRAY_BEGIN(to, "stages", &array);
    for (enum finding_stage stage = 0; stage < STAGE_COUNT; stage++) {
        struct stage_row row;
        report_stage(e, stage, &row);
        begin(&array, (size_t)stage, &item);
        put_text(&item, "stage", finding_stage_text(stage));
        put_text(&item, "result", row.word);
        BSON_APPEND_INT64(&item, "tookMS", row.took);
        put_text(&item, "detail", row.detail);
        bson_append_document_end(&array, &item);
        free(row.detail);
    }
    bson_append_array_end(to, &array);
}

/* --- settings --- */

static void put_settings(bson_t *to, const struct settings *s)
{
    bson_t document;
    BSON_APPEND_DOCUMENT_BEGIN(to, "settings", &document);
    for (size_t i = 0; i < option_count; i++) {
        auto_free char *value = option_print(&option_table[i], s);
        put_text(&document, option_table[i].path, value);
    }
    bson_append_document_end(to, &document);
}

void report_write(const struct examination *e, const struct diagnosis *d, bool settings,
                  bson_t *out)
{
    enum finding_severity severity = diagnosis_severity(d);
    auto_free char *verdict = report_verdict(e, d);
    put_text(out, "mooring", MOORING_VERSION);
    put_text(out, "result", severity == SEVERITY_INFO ? "good" : finding_severity_text(severity));
    put_text(out, "verdict", verdict);
    BSON_APPEND_INT64(out, "tookMS", e->took);
    put_findings(out, d);
    put_stages(out, e);
    report_write_facts(e, out);
    if (settings) {
        put_settings(out, e->settings);
    }
}

char *report_json(const struct examination *e, const struct diagnosis *d, bool settings)
{
    bson_t document = BSON_INITIALIZER;
    report_write(e, d, settings, &document);
    char *json = bson_as_relaxed_extended_json(&document, NULL);
    require(json != NULL);
    char *copy = xstrdup(json); /* to be freed by free, whatever allocator libbson has */
    bson_free(json);
    bson_destroy(&document);
    return copy;
}
