/* Stages 10 and 11: who one is, and whether commands run. */
#include <string.h>
#include <strings.h>

#include "doctor/judge.h"

enum {
    CODE_BAD_VALUE = 2,
    CODE_USER_NOT_FOUND = 11,
    CODE_AUTHENTICATION_FAILED = 18,
    CODE_MECHANISM_UNAVAILABLE = 334,
    CODE_ATLAS = 8000,
    STALL_MS = 900,
    QUICK_MS = 300,
};

static bool has_text(const struct reply_fact *r, const char *part)
{
    return r->text != NULL && strcasestr(r->text, part) != NULL;
}

/* Which database was asked, when it is not the one that knows the users: said in the string
 * (AUTH-02), or taken from its path since nobody said one (URI-09). */
static bool find_wrong_source(const struct examination *e, enum finding_id *id)
{
    const struct upstream_settings *up = &e->settings->upstream;
    bool is_usual =
        strcmp(e->auth_source, "admin") == 0 || strcmp(e->auth_source, "$external") == 0;
    *id = up->auth_source != NULL ? FINDING_AUTH_02 : FINDING_URI_09;
    return !is_usual;
}

static void judge_wrong(const struct examination *e, const struct node_fact *n,
                        enum finding_severity severity, struct diagnosis *d)
{
    enum finding_id id;
    bool is_source = find_wrong_source(e, &id);
    struct finding *f = diagnosis_add(d, is_source ? id : FINDING_AUTH_01, severity,
                                      is_source ? CONFIDENCE_LIKELY : CONFIDENCE_CERTAIN);
    finding_note(f, "host", "%s", n->name);
    if (e->auth_user != NULL) {
        finding_note(f, "user", "%s", e->auth_user);
    }
    finding_note(f, "database", "%s", e->auth_source);
    finding_note(f, "code", "%d", n->login.code);
}

static enum finding_id other_id(const struct examination *e, const struct reply_fact *r)
{
    if (e->settings->upstream.auth_mechanism == AUTH_X509) {
        return FINDING_AUTH_04;
    }
    if (has_text(r, "sts call") || has_text(r, "aws ")) {
        return FINDING_AUTH_05;
    }
    return FINDING_AUTH_03;
}

static bool is_unknown_mechanism(const struct reply_fact *r)
{
    return r->code == CODE_MECHANISM_UNAVAILABLE ||
           (r->code == 0 && r->code_name != NULL &&
            strcmp(r->code_name, "AUTH_UNSUPPORTED") == 0) ||
           (r->code == CODE_BAD_VALUE && has_text(r, "mechanism"));
}

static void judge_refused(const struct examination *e, const struct node_fact *n,
                          enum finding_severity severity, struct diagnosis *d)
{
    const struct reply_fact *r = &n->login;
    bool is_wrong = r->code == CODE_AUTHENTICATION_FAILED || r->code == CODE_USER_NOT_FOUND ||
                    (r->code == CODE_ATLAS && has_text(r, "bad auth"));
    enum finding_id id = other_id(e, r);
    if (is_wrong && id == FINDING_AUTH_03) {
        judge_wrong(e, n, severity, d);
        return;
    }
    if (id == FINDING_AUTH_03 && !is_unknown_mechanism(r)) {
        if (judge_refusal(n, r, severity, d)) {
            return;
        }
        id = FINDING_AUTH_01;
    }
    struct finding *f = diagnosis_add(
        d, id, severity, id == FINDING_AUTH_01 ? CONFIDENCE_POSSIBLE : CONFIDENCE_LIKELY);
    finding_note(f, "host", "%s", n->name);
    finding_note(f, "code", "%d", r->code);
    if (n->mechanism != NULL && n->mechanism[0] != '\0') {
        finding_note(f, "mechanism", "%s", n->mechanism);
    }
    if (n->mechanisms != NULL) {
        finding_note(f, "offered", "%s", n->mechanisms);
    }
    if (r->text != NULL) {
        finding_note(f, "text", "%.250s", r->text);
    }
}

/* It was in the middle of a login, or of a command, when it hung up or fell silent. */
static void judge_lost(const struct node_fact *n, const struct reply_fact *r,
                       enum finding_severity severity, struct diagnosis *d)
{
    bool is_silent = r->step.status == STATUS_TIMED_OUT;
    struct finding *f =
        diagnosis_add(d, is_silent ? FINDING_TCP_07 : FINDING_TOPO_01,
                      severity == SEVERITY_FATAL && is_silent ? SEVERITY_FATAL : SEVERITY_DEGRADED,
                      CONFIDENCE_POSSIBLE);
    finding_note(f, "host", "%s", n->name);
    finding_note(f, "code", "%s", status_name(r->step.status));
}

static enum finding_severity severity_of_logins(const struct examination *e)
{
    for (size_t i = 0; i < e->node_count; i++) {
        if (reply_is_good(&e->nodes[i]->login)) {
            return SEVERITY_DEGRADED;
        }
    }
    return SEVERITY_FATAL;
}

static enum finding_severity severity_of_pings(const struct examination *e)
{
    for (size_t i = 0; i < e->node_count; i++) {
        if (reply_is_good(&e->nodes[i]->ping)) {
            return SEVERITY_DEGRADED;
        }
    }
    return SEVERITY_FATAL;
}

static void judge_command(const struct node_fact *n, const struct reply_fact *r,
                          enum finding_severity severity, struct diagnosis *d)
{
    if (step_has_failed(&r->step)) {
        judge_lost(n, r, severity, d);
    } else if (r->step.is_tried && !r->is_ok && !judge_refusal(n, r, severity, d)) {
        struct finding *f =
            diagnosis_add(d, FINDING_AUTH_08, SEVERITY_DEGRADED, CONFIDENCE_POSSIBLE);
        finding_note(f, "host", "%s", n->name);
        finding_note(f, "code", "%d", r->code);
        finding_note(f, "text", "%.200s", r->text == NULL ? "" : r->text);
    }
}

/* Shared tiers let replies wait for a second when their share is used up. */
static void judge_pace(const struct examination *e, const struct node_fact *n, struct diagnosis *d)
{
    bool is_slow =
        reply_is_good(&n->ping) && n->ping.step.took >= STALL_MS && n->hello.step.took <= QUICK_MS;
    if (is_slow && examination_is_atlas(e)) {
        struct finding *f =
            diagnosis_add(d, FINDING_LIM_06, SEVERITY_DEGRADED, CONFIDENCE_POSSIBLE);
        finding_note(f, "host", "%s", n->name);
        finding_note(f, "ping ms", "%lld", (long long)n->ping.step.took);
    }
}

void judge_login(const struct examination *e, struct diagnosis *d)
{
    enum finding_severity logins = severity_of_logins(e);
    enum finding_severity pings = severity_of_pings(e);
    for (size_t i = 0; i < e->node_count; i++) {
        const struct node_fact *n = e->nodes[i];
        if (step_has_failed(&n->login.step)) {
            judge_lost(n, &n->login, logins, d);
        } else if (n->login.step.is_tried && !n->login.is_ok) {
            judge_refused(e, n, logins, d);
        }
        judge_command(n, &n->ping, pings, d);
        judge_command(n, &n->who, SEVERITY_DEGRADED, d);
        judge_pace(e, n, d);
    }
}
