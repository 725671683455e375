#include "doctor/judge.h"

#include <string.h>
#include <strings.h>

enum finding_severity severity_by_count(size_t affected, size_t total)
{
    return affected >= total ? SEVERITY_FATAL : SEVERITY_DEGRADED;
}

enum answer examination_reaches(const struct examination *e, enum side_kind kind)
{
    enum answer answer = ANSWER_UNKNOWN;
    for (size_t i = 0; i < e->side_count; i++) {
        const struct side_fact *side = &e->sides[i];
        if (side->kind == kind && step_is_good(&side->step)) {
            return ANSWER_YES;
        }
        if (side->kind == kind && step_has_failed(&side->step)) {
            answer = ANSWER_NO;
        }
    }
    return answer;
}

/* Codes of servers that mean the same in reply to every command. */
static const struct {
    int32_t code;
    enum finding_id id;
} codes[] = {
    {13, FINDING_AUTH_08},    {91, FINDING_TOPO_01},    {189, FINDING_TOPO_01},
    {10107, FINDING_TOPO_01}, {11600, FINDING_TOPO_01}, {11602, FINDING_TOPO_01},
    {13435, FINDING_TOPO_01}, {13436, FINDING_TOPO_01}, {462, FINDING_LIM_05},
    {463, FINDING_LIM_05},    {473, FINDING_LIM_05},    {214, FINDING_AUTH_06},
};

/* AtlasError, 8000, is told apart by its text. */
static const struct {
    const char *text;
    enum finding_id id;
} texts[] = {
    {"no SNI name", FINDING_TLS_06},
    {"space quota", FINDING_LIM_07},
    {"not allowed", FINDING_AUTH_08},
};

static bool find_refusal(const struct reply_fact *r, enum finding_id *id)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i].code == r->code) {
            *id = codes[i].id;
            return true;
        }
    }
    for (size_t i = 0; r->text != NULL && i < sizeof texts / sizeof *texts; i++) {
        if (strcasestr(r->text, texts[i].text) != NULL) {
            *id = texts[i].id;
            return true;
        }
    }
    return false;
}

bool judge_refusal(const struct node_fact *n, const struct reply_fact *r,
                   enum finding_severity severity, struct diagnosis *d)
{
    enum finding_id id;
    if (!step_is_good(&r->step) || r->is_ok || !find_refusal(r, &id)) {
        return false;
    }
    enum finding_severity most = finding_row(id)->severity;
    struct finding *f = diagnosis_add(d, id, severity < most ? severity : most, CONFIDENCE_CERTAIN);
    finding_note(f, "host", "%s", n->name);
    finding_note(f, "code", "%d", r->code);
    if (r->text != NULL) {
        finding_note(f, "text", "%.200s", r->text);
    }
    return true;
}

void examination_judge(const struct examination *e, struct diagnosis *d)
{
    judge_string(e, d);
    judge_limits(e, d);
    if (e->is_unread) {
        diagnosis_settle(d);
        return;
    }
    judge_machine(e, d);
    judge_names(e, d);
    judge_path(e, d);
    judge_tls(e, d);
    judge_server(e, d);
    judge_login(e, d);
    judge_through(e, d);
    diagnosis_settle(d);
}
