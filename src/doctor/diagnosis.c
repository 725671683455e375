#include "doctor/diagnosis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"

struct finding *diagnosis_find(struct diagnosis *d, enum finding_id id)
{
    for (size_t i = 0; i < d->count; i++) {
        if (d->items[i].id == id) {
            return &d->items[i];
        }
    }
    return NULL;
}

struct finding *diagnosis_add(struct diagnosis *d, enum finding_id id,
                              enum finding_severity severity, enum finding_confidence confidence)
{
    struct finding *f = diagnosis_find(d, id);
    if (f != NULL) {
        f->severity = severity > f->severity ? severity : f->severity;
        f->confidence = confidence > f->confidence ? confidence : f->confidence;
        return f;
    }
    require(d->count < FINDINGS_MOST);
    f = &d->items[d->count++];
    *f = (struct finding){.id = id, .severity = severity, .confidence = confidence};
    return f;
}

/* Whether `list` ("a, b") holds `word` already. */
static bool says(const char *list, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += size) {
        bool begins = at == list || (at - list >= 2 && memcmp(at - 2, ", ", 2) == 0);
        if (begins && (at[size] == '\0' || at[size] == ',')) {
            return true;
        }
    }
    return false;
}

void finding_note(struct finding *f, const char *key, const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    require(vasprintf(&text, format, args) >= 0);
    va_end(args);
    for (size_t i = 0; i < f->evidence_count; i++) {
        struct evidence *e = &f->evidence[i];
        if (strcmp(e->key, key) == 0) {
            char *both =
                says(e->value, text) ? xstrdup(e->value) : xformat("%s, %s", e->value, text);
            free((char *)(uintptr_t)e->value);
            free(text);
            e->value = both;
            return;
        }
    }
    if (f->evidence_count == EVIDENCE_MOST) {
        free(text);
        return;
    }
    f->evidence[f->evidence_count++] = (struct evidence){.key = key, .value = text};
}

static void clear_finding(struct finding *f)
{
    for (size_t i = 0; i < f->evidence_count; i++) {
        free((char *)(uintptr_t)f->evidence[i].value);
    }
}

static void remove_at(struct diagnosis *d, size_t i)
{
    clear_finding(&d->items[i]);
    d->count--;
    memmove(&d->items[i], &d->items[i + 1], (d->count - i) * sizeof d->items[0]);
}

void diagnosis_drop(struct diagnosis *d, enum finding_id id)
{
    struct finding *f = diagnosis_find(d, id);
    if (f != NULL) {
        remove_at(d, (size_t)(f - d->items));
    }
}

static int compare(const void *a, const void *b)
{
    const struct finding *x = a;
    const struct finding *y = b;
    if (x->severity != y->severity) {
        return x->severity > y->severity ? -1 : 1;
    }
    enum finding_stage p = finding_row(x->id)->stage;
    enum finding_stage q = finding_row(y->id)->stage;
    if (p != q) {
        return p < q ? -1 : 1;
    }
    if (x->confidence != y->confidence) {
        return x->confidence > y->confidence ? -1 : 1;
    }
    return x->id < y->id ? -1 : 1;
}

/* What is about the way from the connection string to a ping: each stage needs those before it. */
static bool is_on_the_way(enum finding_stage stage)
{
    return (stage >= STAGE_URI && stage <= STAGE_PING) || stage == STAGE_TOPOLOGY;
}

void diagnosis_settle(struct diagnosis *d)
{
    qsort(d->items, d->count, sizeof d->items[0], compare);
    if (d->count == 0 || d->items[0].severity != SEVERITY_FATAL) {
        return;
    }
    enum finding_stage first = finding_row(d->items[0].id)->stage;
    for (size_t i = d->count - 1; i > 0 && is_on_the_way(first); i--) {
        enum finding_stage stage = finding_row(d->items[i].id)->stage;
        if (is_on_the_way(stage) && stage > first) {
            remove_at(d, i);
        }
    }
}

enum finding_severity diagnosis_severity(const struct diagnosis *d)
{
    return d->count == 0 ? SEVERITY_INFO : d->items[0].severity;
}

void diagnosis_clear(struct diagnosis *d)
{
    for (size_t i = 0; i < d->count; i++) {
        clear_finding(&d->items[i]);
    }
    d->count = 0;
}
