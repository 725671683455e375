/* For people: the verdict, then each finding, then the stages with their times. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/require.h"
#include "base/scope.h"
#include "doctor/report.h"

static const char *colour_of(enum finding_severity severity, bool is_coloured)
{
    static const char *const colours[] = {"\033[36m", "\033[33m", "\033[31m"};
    return is_coloured ? colours[severity] : "";
}

/* The first line of the steps, without a full stop at its end. */
static char *first_step(const struct finding *f)
{
    const char *fix = finding_row(f->id)->fix;
    auto_free char *line = xstrndup(fix, strcspn(fix, "\n"));
    return finding_fill(line, f->evidence, f->evidence_count);
}

static char *good_verdict(const struct examination *e)
{
    size_t answered = 0;
    for (size_t i = 0; i < e->node_count; i++) {
        answered += reply_is_good(&e->nodes[i]->hello);
    }
    return xformat(
        "good: nothing is wrong between here and the cluster; %zu of %zu node%s answer%s", answered,
        e->node_count, e->node_count == 1 ? "" : "s", answered == 1 ? "s" : "");
}

char *report_verdict(const struct examination *e, const struct diagnosis *d)
{
    if (diagnosis_severity(d) == SEVERITY_INFO) {
        return good_verdict(e);
    }
    const struct finding *f = &d->items[0];
    const struct finding_row *row = finding_row(f->id);
    auto_free char *say = finding_fill(row->say, f->evidence, f->evidence_count);
    auto_free char *fix = first_step(f);
    return xformat("%s: %s: %s %s [%s]", finding_severity_text(f->severity), row->layer, say, fix,
                   finding_id_text(f->id));
}

static void print_steps(const struct finding *f, FILE *to)
{
    auto_free char *steps = finding_fill(finding_row(f->id)->fix, f->evidence, f->evidence_count);
    int number = 1;
    for (char *at = steps; *at != '\0'; number++) {
        size_t size = strcspn(at, "\n");
        fprintf(to, "  %s %d. %.*s\n", number == 1 ? "do  " : "    ", number, (int)size, at);
        at += size + (at[size] == '\n');
    }
}

/* Where in the connection string it is. */
static void print_marks(const struct examination *e, const struct finding *f, FILE *to)
{
    for (size_t i = 0; e->problems != NULL && i < e->problems->count; i++) {
        const struct problem *p = &e->problems->items[i];
        if (p->finding != NULL && strcasecmp(p->finding, finding_id_text(f->id)) == 0) {
            problem_mark(e->problems, p, to);
        }
    }
}

void report_print_finding(const struct finding *f, bool is_coloured, FILE *to)
{
    const struct finding_row *row = finding_row(f->id);
    auto_free char *say = finding_fill(row->say, f->evidence, f->evidence_count);
    fprintf(to, "\n%s%s%s  %s, %s, %s\n", colour_of(f->severity, is_coloured),
            finding_id_text(f->id), is_coloured ? "\033[0m" : "", finding_stage_text(row->stage),
            finding_severity_text(f->severity), finding_confidence_text(f->confidence));
    fprintf(to, "  what %s\n", say);
    if (row->isnt != NULL) {
        fprintf(to, "  not  %s\n", row->isnt);
    }
    for (size_t i = 0; i < f->evidence_count; i++) {
        fprintf(to, "  %s %s: %s\n", i == 0 ? "seen" : "    ", f->evidence[i].key,
                f->evidence[i].value);
    }
    print_steps(f, to);
    if (row->learn != NULL) {
        fprintf(to, "  more %s\n", row->learn);
    }
}

static void print_stages(const struct examination *e, FILE *to)
{
    fprintf(to, "\n%-2s %-18s %-9s %7s  %s\n", "", "stage", "", "ms", "");
    for (enum finding_stage stage = 0; stage < STAGE_COUNT; stage++) {
        struct stage_row row;
        report_stage(e, stage, &row);
        fprintf(to, "%2d %-18s %-9s %7lld  %s\n", (int)stage, finding_stage_text(stage), row.word,
                (long long)row.took, row.detail);
        free(row.detail);
    }
    fprintf(to, "   in all %lld ms\n", (long long)e->took);
}

/* What one types to see the same without us. */
static void print_commands(const struct examination *e, FILE *to)
{
    const struct upstream_settings *up = &e->settings->upstream;
    const struct node_fact *n = e->node_count > 0 ? e->nodes[0] : NULL;
    if (up->srv_host != NULL || n != NULL) {
        fprintf(to, "\nto see it for yourself:\n");
    }
    if (up->srv_host != NULL) {
        const char *service = up->srv_service_name == NULL ? "mongodb" : up->srv_service_name;
        fprintf(to, "   dig +short SRV _%s._tcp.%s\n   nslookup -type=SRV _%s._tcp.%s\n", service,
                up->srv_host, service, up->srv_host);
    }
    if (n != NULL) {
        fprintf(to, "   nc -vz %s %u\n", n->host, n->port);
    }
    if (n != NULL && up->tls) {
        fprintf(to, "   openssl s_client -connect %s:%u -servername %s </dev/null\n", n->host,
                n->port, n->host);
    }
}

void report_print(const struct examination *e, const struct diagnosis *d, bool is_coloured,
                  FILE *to)
{
    auto_free char *verdict = report_verdict(e, d);
    enum finding_severity worst = diagnosis_severity(d);
    const char *good = is_coloured ? "\033[32m" : "";
    fprintf(to, "%s%s%s\n", worst == SEVERITY_INFO ? good : colour_of(worst, is_coloured), verdict,
            is_coloured ? "\033[0m" : "");
    for (size_t i = 0; i < d->count; i++) {
        report_print_finding(&d->items[i], is_coloured, to);
        print_marks(e, &d->items[i], to);
    }
    if (e->is_unread) {
        return; /* nothing was walked */
    }
    print_stages(e, to);
    if (worst != SEVERITY_INFO) {
        print_commands(e, to);
    }
}
