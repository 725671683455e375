/* mooring doctor: settings, the walk, the judgement, the report. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/require.h"
#include "base/scope.h"
#include "commands.h"
#include "doctor/doctor.h"
#include "doctor/judge.h"
#include "doctor/machine.h"
#include "doctor/report.h"
#include "loop/loop.h"

struct walk {
    const struct command_line *line;
    struct loop *loop;
    struct examination *facts;
    struct diagnosis diagnosis;
    bool shows_progress;
    enum finding_stage shown; /* last, on the terminal */
};

/* The stage that is under way, over and over on one line. */
static void on_progress(void *owner)
{
    struct walk *w = owner;
    enum finding_stage latest = STAGE_LOCAL;
    for (enum finding_stage stage = 0; w->shows_progress && stage < STAGE_COUNT; stage++) {
        struct stage_row row;
        report_stage(w->facts, stage, &row);
        latest = strcmp(row.word, "not done") == 0 ? latest : stage;
        free(row.detail);
    }
    if (w->shows_progress && latest != w->shown) {
        w->shown = latest;
        fprintf(stderr, "\r\033[K%s …", finding_stage_text(latest));
    }
}

static void on_done(void *owner)
{
    struct walk *w = owner;
    if (w->shows_progress) {
        fputs("\r\033[K", stderr);
    }
    loop_stop(w->loop);
}

static bool is_colour_wanted(FILE *to)
{
    const char *no = getenv("NO_COLOR");
    return isatty(fileno(to)) && (no == NULL || no[0] == '\0');
}

static bool write_bundle(const struct walk *w, const char *path)
{
    auto_free char *json = report_json(w->facts, &w->diagnosis, true);
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    bool is_written = file != NULL && fchmod(descriptor, 0600) == 0 && fputs(json, file) >= 0 &&
                      fputc('\n', file) != EOF;
    if (file != NULL) {
        is_written = fclose(file) == 0 && is_written;
    } else if (descriptor >= 0) {
        close(descriptor);
    }
    if (!is_written) {
        fprintf(stderr, "mooring: --bundle: %s cannot be written: %s\n", path, strerror(errno));
    }
    return is_written;
}

static int report(const struct walk *w)
{
    static const int codes[] = {[SEVERITY_INFO] = EXIT_GOOD,
                                [SEVERITY_DEGRADED] = EXIT_DEGRADED,
                                [SEVERITY_FATAL] = EXIT_FATAL};
    int code = codes[diagnosis_severity(&w->diagnosis)];
    if (w->line->bundle != NULL && !write_bundle(w, w->line->bundle)) {
        return EXIT_NOT_RUN;
    }
    if (w->line->wants_json) {
        auto_free char *json = report_json(w->facts, &w->diagnosis, false);
        puts(json);
    } else if (w->line->wants_gate) {
        auto_free char *verdict = report_verdict(w->facts, &w->diagnosis);
        puts(verdict);
    } else {
        report_print(w->facts, &w->diagnosis, is_colour_wanted(stdout), stdout);
    }
    /* A gate lets pass what works, however badly. */
    return w->line->wants_gate && code == EXIT_DEGRADED ? EXIT_GOOD : code;
}

static int judge(struct walk *w)
{
    examination_judge(w->facts, &w->diagnosis);
    return report(w);
}

static int walk(struct walk *w, struct tls_config *tls)
{
    struct error why;
    struct doctor_options options = {.asks_port = w->line->wants_port_probe,
                                     .asks_public_address = w->line->wants_public_address,
                                     .on_progress = on_progress};
    w->loop = loop_new(w->facts->settings->limits.buffer_bytes, &why);
    if (w->loop == NULL) {
        fprintf(stderr, "error: %s\n", why.text);
        return EXIT_NOT_RUN;
    }
    struct doctor *doctor = doctor_new(loop_net(w->loop), w->facts, tls, &options, on_done, w);
    loop_run(w->loop);
    doctor_free(doctor);
    int left = loop_free(w->loop);
    require(left == 0);
    return judge(w);
}

/* Mistakes that the catalogue has no row for: of other settings than the connection string, and
 * names of options that are none. */
static bool print_other_errors(const struct problems *problems)
{
    bool is_any = false;
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *p = &problems->items[i];
        if (p->column > 0 && strstr(p->text, "is not an option of MongoDB's") != NULL) {
            fprintf(stderr, "warning: %s: %s\n", p->place, p->text);
            problem_mark(problems, p, stderr);
        }
        if (!p->is_warning && p->finding == NULL) {
            fprintf(stderr, "error: %s: %s\n", p->place, p->text);
            is_any = true;
        }
    }
    return is_any;
}

/* Only where resolv.conf is asked for. */
static void read_search(const struct dns_settings *dns, struct machine_fact *m)
{
    for (size_t i = 0; dns->resolvers != NULL && dns->resolvers[i] != NULL; i++) {
        if (strcmp(dns->resolvers[i], "system") == 0) {
            machine_read_search(m, dns->resolv_conf);
            return;
        }
    }
}

static int examine(const struct command_line *line, const struct settings *s,
                   const struct problems *problems)
{
    struct tls_config *tls = NULL;
    struct error why = {0};
    struct walk w = {.line = line,
                     .facts = examination_new(s, problems),
                     .shows_progress =
                         !line->wants_json && !line->wants_gate && is_colour_wanted(stderr)};
    struct examination *e = w.facts;
    int result = EXIT_NOT_RUN;
    e->skips_login = line->skips_login;
    e->expects_running = line->expects_running;
    e->is_unread = problems->errors > 0;
    e->has_budget = line->tier != NULL || line->replicas != NULL;
    if (!e->has_budget || commands_read_plan(line, s, &e->plan)) {
        e->budget = e->has_budget ? budget_of(&e->plan, s->upstream.connect_timeout_ms) : e->budget;
        machine_read(&e->machine, "", line->source.environment);
        read_search(&s->dns, &e->machine);
        if (!e->is_unread && commands_make_tls(s, &tls, &why) != STATUS_OK) {
            step_end(&e->trust, why.status, 0, why.text);
        }
        result = e->is_unread ? judge(&w) : walk(&w, tls);
    }
    diagnosis_clear(&w.diagnosis);
    examination_free(e);
    tls_config_free(tls);
    return result;
}

int command_doctor(const struct command_line *line)
{
    struct settings s;
    struct settings_origins origins;
    struct problems problems = {0};
    settings_load(&line->source, &s, &origins, &problems);
    int result = print_other_errors(&problems) ? EXIT_NOT_RUN : examine(line, &s, &problems);
    problems_clear(&problems);
    settings_origins_clear(&origins);
    settings_clear(&s);
    return result;
}
