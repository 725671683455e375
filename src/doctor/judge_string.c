/* Stage 1: what the text of the connection string shows (settings_uri_lint.c found it). */
#include "doctor/judge.h"

static bool is_usable(const struct examination *e)
{
    for (size_t i = 0; i < e->node_count; i++) {
        const struct node_fact *n = e->nodes[i];
        if (reply_is_good(&n->ping) || (e->skips_login && reply_is_good(&n->hello))) {
            return true;
        }
    }
    return false;
}

/* Advice explains a failure where there is one, and is worth a word where all works. What is about
 * the password alone stays below what the server says of it. */
static enum finding_severity severity_of(const struct examination *e, const struct problem *p,
                                         enum finding_id id)
{
    bool is_of_login = id == FINDING_URI_02 || id == FINDING_URI_03 || id == FINDING_URI_03B ||
                       id == FINDING_URI_09;
    enum finding_severity most = finding_row(id)->severity;
    if (!p->is_warning) {
        return SEVERITY_FATAL;
    }
    if (is_usable(e)) {
        return SEVERITY_INFO;
    }
    return is_of_login && most == SEVERITY_FATAL ? SEVERITY_DEGRADED : most;
}

void judge_string(const struct examination *e, struct diagnosis *d)
{
    for (size_t i = 0; e->problems != NULL && i < e->problems->count; i++) {
        const struct problem *p = &e->problems->items[i];
        enum finding_id id;
        if (p->finding == NULL || !finding_find(p->finding, &id)) {
            continue;
        }
        struct finding *f = diagnosis_add(d, id, severity_of(e, p, id),
                                          p->is_warning ? CONFIDENCE_LIKELY : CONFIDENCE_CERTAIN);
        if (p->key != NULL) {
            finding_note(f, p->key, "%s", p->value);
        }
        if (p->column > 0) {
            finding_note(f, "column", "%zu", p->column);
        }
        finding_note(f, "text", "%s", p->text);
    }
}
