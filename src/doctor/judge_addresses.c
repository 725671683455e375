/* Stages 3 to 5, the records: targets and options that break a rule, TXT, the nodes' addresses. */
#include <string.h>
#include <strings.h>

#include "doctor/judge_names_parts.h"

/* --- SRV and TXT --- */

static void judge_rules(const struct examination *e, struct diagnosis *d)
{
    const char *why = e->seeds.why == NULL ? "" : e->seeds.why;
    if (e->seeds.is_tried && e->seeds.status == STATUS_BAD_INPUT) {
        struct finding *f =
            diagnosis_add(d, strstr(why, "TXT") != NULL ? FINDING_DNS_12 : FINDING_URI_17,
                          SEVERITY_FATAL, CONFIDENCE_CERTAIN);
        finding_note(f, "text", "%s", why);
    }
}

/* Somebody knows the seed list, and the one that was asked for TXT fails at that. */
static void judge_txt(const struct examination *e, const struct question_fact *q,
                      struct diagnosis *d)
{
    bool has_failed = !lookup_is_answer(q->word) && q->word != LOOKUP_WAITING &&
                      word_of(e, q->resolver, ABOUT_SRV, WAY_USUAL) == LOOKUP_OK;
    if (has_failed) {
        struct finding *f = diagnosis_add(d, FINDING_DNS_11, SEVERITY_DEGRADED, CONFIDENCE_CERTAIN);
        finding_note(f, "resolver", "%s", e->resolvers[q->resolver].text);
        finding_note(f, "code", "%s", lookup_word_text(q->word));
    }
    if (q->records > 1) {
        struct finding *f = diagnosis_add(d, FINDING_DNS_12, names_severity(e), CONFIDENCE_CERTAIN);
        finding_note(f, "host", "%s", q->name);
        finding_note(f, "name", "%zu records", q->records);
    }
}

void judge_records(const struct examination *e, struct diagnosis *d)
{
    judge_rules(e, d);
    for (size_t i = 0; i < e->question_count; i++) {
        const struct question_fact *q = e->questions[i];
        bool is_own = e->resolvers[q->resolver].origin != RESOLVER_FALLBACK;
        if (q->about == ABOUT_TXT && is_own) {
            judge_txt(e, q, d);
        }
    }
}

/* --- addresses --- */

static bool is_cluster(const struct examination *e, const char *host)
{
    for (size_t i = 0; i < e->question_count; i++) {
        const struct question_fact *q = e->questions[i];
        const char *name = strncmp(q->name, "_mongodb._tcp.", 14) == 0 ? q->name + 14 : "";
        if (q->about == ABOUT_CLUSTER && q->word == LOOKUP_OK && strcasecmp(name, host) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether somebody was asked for this node and gave an answer, be it that there is none: else it
 * is the resolvers that fail, and not the name. */
static bool was_denied(const struct examination *e, const struct node_fact *n)
{
    size_t asked = 0;
    for (size_t i = 0; i < e->question_count; i++) {
        const struct question_fact *q = e->questions[i];
        if (q->about == ABOUT_NODE && strcasecmp(q->name, n->host) == 0) {
            asked++;
            if (is_negative(q->word) || q->word == LOOKUP_OK) {
                return true;
            }
        }
    }
    return asked == 0 || e->settings->upstream.srv_host != NULL;
}

static void judge_lost_node(const struct examination *e, const struct node_fact *n,
                            enum finding_severity severity, struct diagnosis *d)
{
    struct finding *f;
    if (is_cluster(e, n->host)) {
        f = diagnosis_add(d, FINDING_URI_06, severity, CONFIDENCE_CERTAIN);
    } else if (was_denied(e, n)) {
        f = diagnosis_add(d, FINDING_DNS_14, severity, CONFIDENCE_CERTAIN);
    } else {
        return;
    }
    finding_note(f, "host", "%s", n->host);
    finding_note(f, "code", "%s", status_name(n->lookup.status));
}

/* The address that was dialled is not the one that others know, and it does not open. */
static void judge_old_address(const struct examination *e, const struct node_fact *n,
                              struct diagnosis *d)
{
    const struct question_fact *own = NULL, *other = NULL;
    for (size_t i = 0; i < e->question_count; i++) {
        const struct question_fact *q = e->questions[i];
        if (q->about == ABOUT_NODE && q->word == LOOKUP_OK && strcasecmp(q->name, n->host) == 0) {
            bool is_own = e->resolvers[q->resolver].origin != RESOLVER_FALLBACK;
            own = is_own && own == NULL ? q : own;
            other = !is_own && other == NULL ? q : other;
        }
    }
    if (own == NULL || other == NULL || own->records != 1 || other->records != 1 ||
        strcmp(own->said, other->said) == 0 || node_is_open(n)) {
        return;
    }
    struct finding *f = diagnosis_add(d, FINDING_DNS_17, SEVERITY_DEGRADED, CONFIDENCE_LIKELY);
    finding_note(f, "host", "%s", n->host);
    finding_note(f, "old", "%s", own->said);
    finding_note(f, "new", "%s", other->said);
}

void judge_addresses(const struct examination *e, struct diagnosis *d)
{
    size_t failed = 0, asked = 0;
    for (size_t i = 0; i < e->node_count; i++) {
        const struct node_fact *n = e->nodes[i];
        bool is_given = n->sources != NODE_OF_HELLO; /* else: judge_server.c */
        asked += is_given && n->lookup.is_tried;
        failed += is_given && step_has_failed(&n->lookup);
    }
    for (size_t i = 0; i < e->node_count; i++) {
        const struct node_fact *n = e->nodes[i];
        if (n->sources != NODE_OF_HELLO && step_has_failed(&n->lookup)) {
            judge_lost_node(e, n, severity_by_count(failed, asked), d);
        } else if (n->dial_count > 0) {
            judge_old_address(e, n, d);
        }
    }
}
