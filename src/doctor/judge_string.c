/* Stage 1: what the reader of connection strings complained of. A mistake is fatal. Advice is about
 * what fails later: it is worse where that has happened, and mere information where it has not. */
#include <string.h>

#include "doctor/judge.h"

static bool has_failed_login(const struct examination *e)
{
    for (size_t i = 0; i < e->node_count; i++) {
        const struct reply_fact *r = &e->nodes[i]->login;
        if (step_is_good(&r->step) && !r->is_ok) {
            return true;
        }
    }
    return false;
}

static bool has_failed_lookup(const struct examination *e)
{
    for (size_t i = 0; i < e->node_count; i++) {
        if (step_has_failed(&e->nodes[i]->lookup)) {
            return true;
        }
    }
    return step_has_failed(&e->seeds);
}

/* Answered by a certificate of another name, or not at all, since no name was said. */
static bool has_failed_by_name(const struct examination *e)
{
    for (size_t i = 0; i < e->node_count; i++) {
        const struct node_fact *n = e->nodes[i];
        bool is_silent = n->tls_facts.alert >= 0 && !n->tls_facts.saw_server_hello;
        if (step_has_failed(&n->tls) && (n->tls_facts.flaw == TLS_FLAW_NAME || is_silent)) {
            return true;
        }
    }
    return false;
}

static bool has_failed_plain(const struct examination *e)
{
    for (size_t i = 0; i < e->node_count; i++) {
        if (!e->settings->upstream.tls && step_has_failed(&e->nodes[i]->hello.step)) {
            return true;
        }
    }
    return false;
}

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

/* Whether what the advice warns of has happened. A bare plus is read as one by us: it is no cause
 * of what is seen here. */
static bool is_proven(const struct examination *e, enum finding_id id)
{
    switch ((int)id) {
    case FINDING_URI_03:
        return has_failed_login(e);
    case FINDING_URI_04:
        return has_failed_login(e) || has_failed_lookup(e);
    case FINDING_URI_06:
    case FINDING_URI_07:
        return has_failed_lookup(e);
    case FINDING_URI_11:
        return has_failed_plain(e) || examination_is_atlas(e); /* which never works */
    case FINDING_URI_14:
        return has_failed_by_name(e) || has_failed_lookup(e);
    default:
        return false;
    }
}

static enum finding_severity severity_of(const struct examination *e, const struct problem *p,
                                         enum finding_id id)
{
    if (!p->is_warning) {
        return SEVERITY_FATAL;
    }
    if (is_proven(e, id)) {
        return SEVERITY_FATAL;
    }
    enum finding_severity most =
        id != FINDING_URI_12 && is_usable(e) ? SEVERITY_INFO : SEVERITY_DEGRADED;
    enum finding_severity usual = finding_row(id)->severity;
    return usual < most ? usual : most;
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
                                          p->is_warning && !is_proven(e, id) ? CONFIDENCE_LIKELY
                                                                             : CONFIDENCE_CERTAIN);
        if (p->key != NULL && p->value != NULL) {
            finding_note(f, p->key, "%s", p->value);
        }
        if (p->column > 0) {
            finding_note(f, "column", "%zu", p->column);
        }
        finding_note(f, "text", "%s", p->text);
    }
}
