/* Stages 2 to 5: from the name to addresses. */
#include <string.h>

#include "doctor/judge.h"

/* The first word that is not OK of the SRV question; LOOKUP_OK when there is none. */
static const struct question_fact *failed_question(const struct examination *e, uint16_t type)
{
    for (size_t i = 0; i < e->question_count; i++) {
        const struct question_fact *q = &e->questions[i];
        if (q->type == type && q->word != LOOKUP_OK && q->word != LOOKUP_NOT_ASKED &&
            q->word != LOOKUP_WAITING) {
            return q;
        }
    }
    return NULL;
}

static enum finding_id id_of_word(enum lookup_word word)
{
    switch (word) {
    case LOOKUP_NXDOMAIN:
    case LOOKUP_NODATA:
        return FINDING_DNS_06;
    case LOOKUP_SERVFAIL:
        return FINDING_DNS_05;
    case LOOKUP_REFUSED:
    case LOOKUP_FAILED:
        return FINDING_DNS_04;
    case LOOKUP_CONN_REFUSED:
        return FINDING_DNS_01;
    case LOOKUP_TRUNCATED:
        return FINDING_DNS_08;
    case LOOKUP_MALFORMED:
        return FINDING_DNS_10;
    case LOOKUP_OK:
    case LOOKUP_NOT_ASKED:
    case LOOKUP_WAITING:
    case LOOKUP_TIMEOUT:
    case LOOKUP_UNREACHABLE:
        break;
    }
    return FINDING_DNS_03;
}

static void note_question(struct finding *f, const struct question_fact *q)
{
    finding_note(f, "resolver", "%s", q->resolver);
    finding_note(f, "code", "%s", lookup_word_text(q->word));
}

static void judge_seeds(const struct examination *e, struct diagnosis *d)
{
    const struct question_fact *q = failed_question(e, DNS_SRV);
    if (!step_has_failed(&e->seeds)) {
        return;
    }
    if (e->seeds.status == STATUS_BAD_INPUT) {
        bool is_txt = e->seeds.why != NULL && strstr(e->seeds.why, "TXT") != NULL;
        struct finding *f = diagnosis_add(d, is_txt ? FINDING_DNS_12 : FINDING_URI_17,
                                          SEVERITY_FATAL, CONFIDENCE_CERTAIN);
        finding_note(f, "text", "%s", e->seeds.why == NULL ? "" : e->seeds.why);
        return;
    }
    struct finding *f = diagnosis_add(d, q == NULL ? FINDING_DNS_03 : id_of_word(q->word),
                                      SEVERITY_FATAL, CONFIDENCE_LIKELY);
    finding_note(f, "host", "%s", e->settings->upstream.srv_host);
    if (q != NULL) {
        note_question(f, q);
    }
}

static void judge_txt(const struct examination *e, struct diagnosis *d)
{
    const struct question_fact *q = failed_question(e, DNS_TXT);
    if (!step_is_good(&e->seeds) || q == NULL || q->word == LOOKUP_NODATA ||
        q->word == LOOKUP_NXDOMAIN) {
        return;
    }
    struct finding *f = diagnosis_add(d, FINDING_DNS_11, SEVERITY_DEGRADED, CONFIDENCE_CERTAIN);
    note_question(f, q);
}

static void judge_addresses(const struct examination *e, struct diagnosis *d)
{
    size_t failed = 0, asked = 0;
    struct finding *f = NULL;
    for (size_t i = 0; i < e->node_count; i++) {
        const struct node_fact *n = e->nodes[i];
        if (n->sources == NODE_OF_HELLO || !n->lookup.is_tried) {
            continue; /* another name of the cluster's own: judge_server.c */
        }
        asked++;
        if (step_has_failed(&n->lookup)) {
            failed++;
            f = diagnosis_add(d, FINDING_DNS_14, SEVERITY_DEGRADED, CONFIDENCE_CERTAIN);
            finding_note(f, "host", "%s", n->host);
            finding_note(f, "code", "%s", status_name(n->lookup.status));
        }
    }
    if (f != NULL) {
        f->severity = severity_by_count(failed, asked);
    }
}

void judge_names(const struct examination *e, struct diagnosis *d)
{
    judge_seeds(e, d);
    judge_txt(e, d);
    judge_addresses(e, d);
}
