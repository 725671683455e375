/* Stages 9 and 13: what the nodes say of themselves. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/topology/topology.h"
#include "doctor/judge.h"

enum { LONG_SECONDS = 60 };

static bool wants_balancer(const struct examination *e)
{
    return e->settings->upstream.load_balanced || e->txt_load_balanced;
}

/* --- hello --- */

/* Plain bytes were sent, and the server hung up or answered in another tongue. */
static void judge_plain(const struct examination *e, const struct node_fact *n,
                        enum finding_severity severity, struct diagnosis *d)
{
    struct finding *f =
        diagnosis_add(d, FINDING_URI_11, severity,
                      examination_is_atlas(e) ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY);
    finding_note(f, "host", "%s", n->name);
    finding_note(f, "code", "%s", status_name(n->hello.step.status));
    finding_note(f, "option", "%s",
                 e->settings->upstream.tls_set ? "tls=false"
                                               : "A mongodb:// string without tls=true");
}

static void judge_no_hello(const struct examination *e, const struct node_fact *n,
                           enum finding_severity severity, struct diagnosis *d)
{
    struct finding *f;
    if (!e->settings->upstream.tls) {
        judge_plain(e, n, severity, d);
        return;
    }
    if (alert_is_about_client(n->tls_facts.alert)) {
        /* TLS 1.3: the server looks at the client's certificate after the handshake. */
        f = diagnosis_add(d, FINDING_AUTH_04, severity, CONFIDENCE_CERTAIN);
        finding_note(f, "alert", "%d", n->tls_facts.alert);
    } else if (n->hello.step.status == STATUS_TIMED_OUT) {
        f = diagnosis_add(d, severity == SEVERITY_FATAL ? FINDING_TCP_07 : FINDING_TCP_04, severity,
                          CONFIDENCE_LIKELY);
    } else {
        f = diagnosis_add(d, severity == SEVERITY_FATAL ? FINDING_TOPO_05 : FINDING_TOPO_01,
                          severity, CONFIDENCE_LIKELY);
    }
    finding_note(f, "host", "%s", n->name);
    finding_note(f, "code", "hello %s", status_name(n->hello.step.status));
}

/* SDAM: one such server makes the whole deployment unusable. */
static void judge_wire(const struct node_fact *n, struct diagnosis *d)
{
    const struct server_description *s = &n->description;
    if (s->max_wire < WIRE_LEAST || s->min_wire > WIRE_MOST) {
        struct finding *f = diagnosis_add(d, FINDING_TOPO_09, SEVERITY_FATAL, CONFIDENCE_CERTAIN);
        finding_note(f, "host", "%s", n->name);
        finding_note(f, "version", "the server has %d to %d, Mooring %d to %d", s->min_wire,
                     s->max_wire, WIRE_LEAST, WIRE_MOST);
    }
}

static void judge_balancer(const struct examination *e, const struct node_fact *n,
                           struct diagnosis *d)
{
    bool is_behind = n->description.has_service_id;
    if (wants_balancer(e) != is_behind) {
        struct finding *f = diagnosis_add(d, FINDING_TOPO_07, SEVERITY_FATAL, CONFIDENCE_CERTAIN);
        finding_note(f, "host", "%s", n->name);
        finding_note(f, "serviceId", "%s", is_behind ? "said" : "not said");
        finding_note(f, "loadBalanced", "%s", wants_balancer(e) ? "asked for" : "not asked for");
    }
}

static size_t count_hellos(const struct examination *e, bool good)
{
    size_t count = 0;
    for (size_t i = 0; i < e->node_count; i++) {
        const struct reply_fact *r = &e->nodes[i]->hello;
        count += r->step.is_tried && reply_is_good(r) == good;
    }
    return count;
}

static void judge_hellos(const struct examination *e, struct diagnosis *d)
{
    enum finding_severity severity =
        count_hellos(e, true) == 0 ? SEVERITY_FATAL : SEVERITY_DEGRADED;
    for (size_t i = 0; i < e->node_count; i++) {
        const struct node_fact *n = e->nodes[i];
        if (step_has_failed(&n->hello.step)) {
            judge_no_hello(e, n, severity, d);
        } else if (step_is_good(&n->hello.step) && !n->hello.is_ok) {
            if (!judge_refusal(n, &n->hello, severity, d)) {
                struct finding *f =
                    diagnosis_add(d, FINDING_TOPO_05, severity, CONFIDENCE_POSSIBLE);
                finding_note(f, "host", "%s", n->name);
                finding_note(f, "code", "%d", n->hello.code);
                finding_note(f, "text", "%.200s", n->hello.text == NULL ? "" : n->hello.text);
            }
        } else if (n->is_described) {
            judge_wire(n, d);
            judge_balancer(e, n, d);
        }
    }
}

/* --- the set's name --- */

/* True when some node is of another set. */
static bool judge_set_name(const struct examination *e, struct diagnosis *d)
{
    const char *said = e->settings->upstream.replica_set;
    const char *wanted = said != NULL ? said : e->txt_replica_set;
    size_t wrong = 0, total = 0;
    struct finding *f = NULL;
    for (size_t i = 0; wanted != NULL && i < e->node_count; i++) {
        const struct node_fact *n = e->nodes[i];
        if (!n->is_described || !n->hello.is_ok) {
            continue;
        }
        const char *actual = n->description.set_name;
        total++;
        if (actual != NULL && strcmp(actual, wanted) == 0) {
            continue;
        }
        wrong++;
        f = diagnosis_add(d, said != NULL ? FINDING_URI_10 : FINDING_TOPO_03, SEVERITY_DEGRADED,
                          CONFIDENCE_CERTAIN);
        finding_note(f, "host", "%s", n->name);
        finding_note(f, "set", "%s", wanted);
        finding_note(f, "actual", "%s", actual == NULL ? "no set at all" : actual);
    }
    if (f != NULL) {
        f->severity = severity_by_count(wrong, total);
    }
    return wrong > 0;
}

/* --- members --- */

static bool is_member(enum server_type type)
{
    return type == SERVER_RS_PRIMARY || type == SERVER_RS_SECONDARY || type == SERVER_RS_ARBITER ||
           type == SERVER_RS_OTHER;
}

static bool can_write(const struct node_fact *n)
{
    enum server_type type = n->is_described ? n->description.type : SERVER_UNKNOWN;
    return type == SERVER_RS_PRIMARY || type == SERVER_MONGOS || type == SERVER_STANDALONE ||
           type == SERVER_LOAD_BALANCER;
}

/* The cluster's own names for its nodes lead nowhere from here, though others did. */
static void judge_names_of_members(const struct examination *e, struct diagnosis *d)
{
    size_t foreign = 0, lost = 0;
    const struct node_fact *example = NULL;
    for (size_t i = 0; i < e->node_count; i++) {
        const struct node_fact *n = e->nodes[i];
        if (n->sources == NODE_OF_HELLO) {
            foreign++;
            if (step_has_failed(&n->lookup) || (n->dial_count > 0 && !node_is_open(n))) {
                lost++;
                example = n;
            }
        }
    }
    if (foreign > 0 && lost == foreign && count_hellos(e, true) > 0) {
        bool is_name = step_has_failed(&example->lookup);
        struct finding *f = diagnosis_add(d, FINDING_TOPO_04, SEVERITY_FATAL,
                                          is_name ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY);
        finding_note(f, "host", "%s", example->name);
        finding_note(f, "nodes", "%zu", lost);
    }
}

static bool is_named_by_set(const struct examination *e, const char *name)
{
    for (size_t i = 0; i < e->node_count; i++) {
        const struct server_description *s = &e->nodes[i]->description;
        for (size_t j = 0; e->nodes[i]->is_described && j < s->host_count; j++) {
            if (strcasecmp(s->hosts[j], name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* A list of hosts that has grown old: some of it the set no longer has, and it has others. */
static void judge_old_list(const struct examination *e, struct diagnosis *d)
{
    bool has_others = false;
    for (size_t i = 0; i < e->node_count; i++) {
        has_others |= e->nodes[i]->sources == NODE_OF_HELLO && node_is_open(e->nodes[i]);
    }
    for (size_t i = 0; has_others && i < e->node_count; i++) {
        const struct node_fact *n = e->nodes[i];
        if ((n->sources & NODE_OF_URI) != 0 && !is_named_by_set(e, n->name)) {
            struct finding *f = diagnosis_add(d, FINDING_TOPO_06, SEVERITY_INFO, CONFIDENCE_LIKELY);
            finding_note(f, "host", "%s", n->name);
        }
    }
}

/* --- the primary --- */

struct set_sight {
    size_t members; /* that answered */
    size_t named;   /* by the one that names most */
    bool has_writer;
    const char *primary;     /* that somebody names */
    int64_t seconds_without; /* since the last write that anybody saw; -1: nobody says */
};

static void look_at(const struct node_fact *n, struct set_sight *s)
{
    const struct server_description *m = &n->description;
    s->has_writer |= can_write(n);
    if (!n->is_described || !is_member(m->type)) {
        return;
    }
    s->members++;
    s->named = m->host_count > s->named ? m->host_count : s->named;
    s->primary = m->primary != NULL ? m->primary : s->primary;
    if (m->has_last_write && n->clock_ms > 0) {
        int64_t seconds = (n->clock_ms - m->last_write_ms) / 1000;
        s->seconds_without =
            s->seconds_without < 0 || seconds < s->seconds_without ? seconds : s->seconds_without;
    }
}

/* The others know a primary, and why it cannot be reached from here is found already: that stands,
 * but is worse. */
static bool judge_lost_primary(const char *primary, struct diagnosis *d)
{
    bool is_found = false;
    for (size_t i = 0; primary != NULL && i < d->count; i++) {
        struct finding *f = &d->items[i];
        for (size_t j = 0; j < f->evidence_count && f->severity != SEVERITY_INFO; j++) {
            if (strcmp(f->evidence[j].key, "host") == 0 &&
                strcasestr(f->evidence[j].value, primary) != NULL) {
                f->severity = SEVERITY_FATAL;
                finding_note(f, "primary", "%s: writes wait for it", primary);
                is_found = true;
                break;
            }
        }
    }
    return is_found;
}

static void judge_primary(const struct examination *e, struct diagnosis *d)
{
    struct set_sight s = {.seconds_without = -1};
    for (size_t i = 0; i < e->node_count; i++) {
        look_at(e->nodes[i], &s);
    }
    if (s.has_writer || s.members == 0 || e->settings->upstream.direct_connection) {
        return;
    }
    if (judge_lost_primary(s.primary, d)) {
        return;
    }
    bool is_minority = s.members * 2 <= s.named;
    bool is_long = s.seconds_without >= LONG_SECONDS;
    bool is_out = s.primary != NULL || is_minority || is_long;
    struct finding *f = diagnosis_add(d, is_out ? FINDING_TOPO_02 : FINDING_TOPO_01,
                                      is_out ? SEVERITY_FATAL : SEVERITY_DEGRADED,
                                      is_out && !is_long ? CONFIDENCE_LIKELY : CONFIDENCE_CERTAIN);
    finding_note(f, "nodes", "%zu of %zu answer", s.members, s.named);
    if (s.primary != NULL) {
        finding_note(f, "primary", "%s, which cannot be reached from here", s.primary);
    }
    if (is_long) {
        finding_note(f, "seconds", "%" PRId64, s.seconds_without);
    }
}

void judge_server(const struct examination *e, struct diagnosis *d)
{
    judge_hellos(e, d);
    if (!judge_set_name(e, d)) {
        judge_names_of_members(e, d);
        judge_old_list(e, d);
        judge_primary(e, d);
    }
}
