/* The stages' outcomes, one row each, from the facts. */
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "doctor/report.h"

struct sum {
    size_t tried;
    size_t good;
    msec took;
};

static void add_step(struct sum *sum, const struct step_fact *s, bool is_good)
{
    sum->tried += s->is_tried;
    sum->good += s->is_tried && is_good;
    sum->took = s->is_tried && s->took > sum->took ? s->took : sum->took;
}

static void finish(struct stage_row *row, const struct sum *sum, const char *what)
{
    row->word = sum->tried == 0           ? "not done"
                : sum->good == sum->tried ? "good"
                : sum->good == 0          ? "failed"
                                          : "partly";
    row->took = sum->took;
    if (row->detail == NULL) {
        row->detail =
            sum->tried == 0 ? xstrdup("") : xformat("%zu of %zu %s", sum->good, sum->tried, what);
    }
}

/* --- nodes --- */

static msec took_to_open(const struct node_fact *n)
{
    msec took = 0;
    for (size_t i = 0; i < n->dial_count; i++) {
        const struct step_fact *s = &n->dials[i].step;
        if (step_is_good(s) && (took == 0 || s->took < took)) {
            took = s->took;
        } else if (!node_is_open(n) && s->took > took) {
            took = s->took;
        }
    }
    return took;
}

static void add_node(struct sum *sum, const struct node_fact *n, enum finding_stage stage)
{
    struct step_fact tcp = {.is_tried = n->dial_count > 0, .took = took_to_open(n)};
    switch ((int)stage) {
    case STAGE_ADDRESS:
        add_step(sum, &n->lookup, step_is_good(&n->lookup));
        break;
    case STAGE_TCP:
        add_step(sum, &tcp, node_is_open(n));
        break;
    case STAGE_TLS:
        add_step(sum, &n->tls, step_is_good(&n->tls));
        break;
    case STAGE_HELLO:
        add_step(sum, &n->hello.step, reply_is_good(&n->hello));
        break;
    case STAGE_AUTH:
        add_step(sum, &n->login.step, reply_is_good(&n->login));
        break;
    case STAGE_PING:
        add_step(sum, &n->ping.step, reply_is_good(&n->ping));
        break;
    case STAGE_LIMITS:
        if (n->has_load) {
            add_step(sum, &n->load.step, true);
        }
        break;
    default:
        break;
    }
}

/* --- names --- */

/* Of the machine's own resolvers. An answer is good; that there is no such record, only of TXT. */
static void sum_questions(const struct examination *e, enum question_about about,
                          struct stage_row *row)
{
    struct sum sum = {0};
    size_t records = 0;
    for (size_t i = 0; i < e->question_count; i++) {
        const struct question_fact *q = e->questions[i];
        struct step_fact s = {.is_tried = q->word != LOOKUP_WAITING, .took = q->took};
        bool is_own = e->resolvers[q->resolver].origin != RESOLVER_FALLBACK;
        if (q->about == about && q->way == WAY_USUAL && is_own) {
            add_step(&sum, &s,
                     q->word == LOOKUP_OK || (about == ABOUT_TXT && lookup_is_answer(q->word)));
            records = q->records > records ? q->records : records;
        }
    }
    if (sum.tried > 0) {
        row->detail = xformat("%zu of %zu resolvers know it, %zu record%s", sum.good, sum.tried,
                              records, records == 1 ? "" : "s");
    }
    finish(row, &sum, "");
}

/* One that gives an answer to anything works. */
static void sum_resolvers(const struct examination *e, struct stage_row *row)
{
    struct sum sum = {0};
    for (size_t i = 0; i < e->resolver_count; i++) {
        struct step_fact s = {0};
        bool answers = false;
        for (size_t j = 0; j < e->question_count; j++) {
            const struct question_fact *q = e->questions[j];
            bool is_its = q->resolver == i && q->word != LOOKUP_WAITING;
            s.is_tried |= is_its;
            answers |= is_its && lookup_is_answer(q->word);
            s.took = is_its && lookup_is_answer(q->word) && q->took > s.took ? q->took : s.took;
        }
        if (e->resolvers[i].origin != RESOLVER_FALLBACK) {
            add_step(&sum, &s, answers);
        }
    }
    if (e->resolver_count == 0 && e->needs_resolvers) {
        row->detail = xstrdup("none is known");
    }
    finish(row, &sum, "resolvers answer");
}

/* --- the rest --- */

static void sum_sides(const struct examination *e, struct stage_row *row)
{
    struct sum sum = {0};
    for (size_t i = 0; i < e->side_count; i++) {
        const struct step_fact *s = &e->sides[i].step;
        if (s->is_tried && s->status != STATUS_CLOSED_BY_US) {
            add_step(&sum, s, step_is_good(s));
        }
    }
    finish(row, &sum, "targets reached");
}

static void sum_listeners(const struct examination *e, struct stage_row *row)
{
    struct sum sum = {0};
    for (size_t i = 0; i < e->listener_count; i++) {
        const struct listener_fact *l = &e->listeners[i];
        if (l->state == LISTENER_MOORING) {
            add_step(&sum, &l->ping.step, reply_is_good(&l->ping));
        }
    }
    if (sum.tried == 0) {
        row->detail = xstrdup("no Mooring is running there");
    }
    finish(row, &sum, "addresses answer a ping");
}

static void sum_topology(const struct examination *e, struct stage_row *row)
{
    size_t answered = 0;
    const struct node_fact *writer = NULL;
    for (size_t i = 0; i < e->node_count; i++) {
        const struct node_fact *n = e->nodes[i];
        enum server_type type = n->is_described ? n->description.type : SERVER_UNKNOWN;
        answered += type != SERVER_UNKNOWN;
        if (writer == NULL && (type == SERVER_RS_PRIMARY || type == SERVER_MONGOS ||
                               type == SERVER_STANDALONE || type == SERVER_LOAD_BALANCER)) {
            writer = n;
        }
    }
    row->word = answered == 0 ? "not done" : writer == NULL ? "failed" : "good";
    row->detail = writer != NULL ? xformat("%s is %s", writer->name,
                                           server_type_name(writer->description.type))
                                 : xstrdup(answered == 0 ? "" : "no node that takes writes");
}

static void sum_local(const struct examination *e, struct stage_row *row)
{
    const struct machine_fact *m = &e->machine;
    row->word = "good";
    for (size_t i = 0; i < e->listener_count; i++) {
        const struct listener_fact *l = &e->listeners[i];
        bool is_lost = l->state == LISTENER_TAKEN || l->state == LISTENER_UNAVAILABLE;
        row->word = is_lost && l->is_configured ? "partly" : row->word;
    }
    row->detail = xformat("%s%s%s%s%s", m->container == NULL ? "no container seen" : m->container,
                          m->is_musl ? ", musl" : "", m->is_wsl ? ", WSL" : "",
                          m->vpn == NULL ? "" : ", tunnel ", m->vpn == NULL ? "" : m->vpn);
}

static void sum_uri(const struct examination *e, struct stage_row *row)
{
    const struct upstream_settings *up = &e->settings->upstream;
    size_t hosts = 0;
    while (up->hosts != NULL && up->hosts[hosts] != NULL) {
        hosts++;
    }
    row->word = up->srv_host != NULL || hosts > 0 ? "good" : "failed";
    row->detail = up->srv_host != NULL
                      ? xformat("mongodb+srv://…%s", up->srv_host)
                      : xformat("mongodb:// with %zu host%s", hosts, hosts == 1 ? "" : "s");
}

void report_stage(const struct examination *e, enum finding_stage stage, struct stage_row *row)
{
    static const char *const what[STAGE_COUNT] = {
        [STAGE_ADDRESS] = "names have addresses", [STAGE_TCP] = "nodes open",
        [STAGE_TLS] = "handshakes done",          [STAGE_HELLO] = "nodes answer",
        [STAGE_AUTH] = "logins accepted",         [STAGE_PING] = "nodes answer",
        [STAGE_LIMITS] = "nodes tell their load",
    };
    struct sum sum = {0};
    *row = (struct stage_row){.stage = stage};
    switch ((int)stage) {
    case STAGE_LOCAL:
        sum_local(e, row);
        return;
    case STAGE_URI:
        sum_uri(e, row);
        return;
    case STAGE_RESOLVER:
        sum_resolvers(e, row);
        return;
    case STAGE_SRV:
        sum_questions(e, ABOUT_SRV, row);
        return;
    case STAGE_TXT:
        sum_questions(e, ABOUT_TXT, row);
        return;
    case STAGE_CONTROL:
        sum_sides(e, row);
        return;
    case STAGE_TOPOLOGY:
        sum_topology(e, row);
        return;
    case STAGE_THROUGH:
        sum_listeners(e, row);
        return;
    default:
        break;
    }
    for (size_t i = 0; i < e->node_count; i++) {
        add_node(&sum, e->nodes[i], stage);
    }
    finish(row, &sum, what[stage]);
}
