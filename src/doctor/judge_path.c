/* Stages 6 and 7: which of no way out, a blocked port, an access list and a node that is down it
 * is, when nodes cannot be dialled. */
#include <string.h>
#include <strings.h>

#include "doctor/judge.h"

enum reach { REACH_NONE, REACH_OPEN, REACH_REFUSED, REACH_SILENT, REACH_NO_WAY, REACH_EXHAUSTED };

struct reaches {
    size_t count[REACH_EXHAUSTED + 1];
    size_t total; /* of nodes that were dialled */
};

static enum reach reach_of_dial(const struct step_fact *s)
{
    switch ((int)s->status) {
    case STATUS_OK:
        return REACH_OPEN;
    case STATUS_REFUSED:
    case STATUS_PEER_RESET:
        return REACH_REFUSED;
    case STATUS_TIMED_OUT:
        return REACH_SILENT;
    case STATUS_OUT_OF_DESCRIPTORS:
        return REACH_EXHAUSTED;
    case STATUS_CLOSED_BY_US:
        return REACH_NONE;
    default:
        return REACH_NO_WAY;
    }
}

/* The best that any of its addresses shows: a family that the machine lacks must not hide it. */
static enum reach reach_of(const struct node_fact *n)
{
    enum reach best = REACH_NONE;
    for (size_t i = 0; i < n->dial_count; i++) {
        const struct step_fact *s = &n->dials[i].step;
        enum reach reach = s->is_tried ? reach_of_dial(s) : REACH_NONE;
        if (reach != REACH_NONE && (best == REACH_NONE || reach < best)) {
            best = reach;
        }
    }
    return best;
}

static struct reaches count_reaches(const struct examination *e)
{
    struct reaches r = {0};
    for (size_t i = 0; i < e->node_count; i++) {
        enum reach reach = reach_of(e->nodes[i]);
        r.count[reach]++;
        r.total += reach != REACH_NONE;
    }
    return r;
}

/* --- what is noted --- */

static void note_dials(struct finding *f, const struct node_fact *n)
{
    char text[ADDRESS_TEXT_SIZE];
    for (size_t i = 0; i < n->dial_count; i++) {
        const struct step_fact *s = &n->dials[i].step;
        if (step_has_failed(s)) {
            finding_note(f, "tried", "%s", address_print(&n->dials[i].to, text));
            finding_note(f, "code", "%s", status_name(s->status));
        }
    }
}

static void note_nodes(const struct examination *e, struct finding *f, enum reach reach)
{
    for (size_t i = 0; i < e->node_count; i++) {
        if (reach_of(e->nodes[i]) == reach) {
            finding_note(f, "host", "%s", e->nodes[i]->name);
            finding_note(f, "port", "%u", e->nodes[i]->port);
            note_dials(f, e->nodes[i]);
        }
    }
}

static void note_sides(const struct examination *e, struct finding *f)
{
    for (size_t i = 0; i < e->side_count; i++) {
        const struct side_fact *side = &e->sides[i];
        if (side->step.is_tried && side->kind == SIDE_PUBLIC_ADDRESS && side->said != NULL) {
            finding_note(f, "public", "%s", side->said);
        } else if (side->step.is_tried) {
            finding_note(f, side->kind == SIDE_PORT ? "other port" : "control", "%s %s",
                         side->target, status_name(side->step.status));
        }
    }
}

static struct finding *add_for(const struct examination *e, struct diagnosis *d, enum finding_id id,
                               enum finding_severity severity, enum finding_confidence confidence,
                               enum reach reach)
{
    struct finding *f = diagnosis_add(d, id, severity, confidence);
    note_nodes(e, f, reach);
    note_sides(e, f);
    return f;
}

/* --- addresses of a kind --- */

static bool is_private(const struct address *a)
{
    const uint8_t *b = a->ip;
    if (a->family == ADDRESS_IPV6) {
        return (b[0] & 0xfe) == 0xfc;
    }
    return a->family == ADDRESS_IPV4 &&
           (b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168) ||
            (b[0] == 100 && (b[1] & 0xc0) == 64));
}

/* Names that Atlas gives to what is reached by peering ("-pri") or a private endpoint ("pl-0-"). */
static bool is_private_name(const char *host)
{
    return strstr(host, "-pri.") != NULL || strstr(host, "-pl-") != NULL ||
           strncmp(host, "pl-", 3) == 0 || strstr(host, ".vpce") != NULL;
}

struct address_kinds {
    bool all_private;
    bool all_ipv4;
    bool private_names;
    bool other_ports; /* than 27017 */
    bool is_this_machine;
};

static bool is_own_name(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
           strcmp(host, "[::1]") == 0;
}

static struct address_kinds kinds_of(const struct examination *e)
{
    struct address_kinds k = {
        .all_private = true, .all_ipv4 = true, .other_ports = true, .is_this_machine = true};
    for (size_t i = 0; i < e->node_count; i++) {
        const struct node_fact *n = e->nodes[i];
        k.private_names |= is_private_name(n->host);
        k.other_ports &= n->port != 27017;
        k.is_this_machine &= is_own_name(n->host);
        for (size_t j = 0; j < n->dial_count; j++) {
            k.all_private &= is_private(&n->dials[j].to);
            k.all_ipv4 &= n->dials[j].to.family == ADDRESS_IPV4;
        }
    }
    return k;
}

/* --- no node opens --- */

static void judge_silence(const struct examination *e, const struct address_kinds *k,
                          struct diagnosis *d)
{
    enum answer control = examination_reaches(e, SIDE_CONTROL);
    enum answer port = examination_reaches(e, SIDE_PORT);
    bool is_atlas = examination_is_atlas(e);
    if (k->private_names && k->all_private) {
        add_for(e, d, FINDING_TOPO_08, SEVERITY_FATAL, CONFIDENCE_LIKELY, REACH_SILENT);
    } else if (k->all_private) {
        struct finding *f =
            add_for(e, d, FINDING_DNS_15, SEVERITY_FATAL,
                    is_atlas ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE, REACH_SILENT);
        char text[ADDRESS_TEXT_SIZE];
        finding_note(f, "address", "%s", address_print_bare(&e->nodes[0]->dials[0].to, text));
    } else if (control == ANSWER_NO && e->machine.proxy_variables != NULL) {
        struct finding *f =
            add_for(e, d, FINDING_TCP_09, SEVERITY_FATAL, CONFIDENCE_LIKELY, REACH_SILENT);
        finding_note(f, "variables", "%s", e->machine.proxy_variables);
    } else if (control == ANSWER_NO) {
        add_for(e, d, FINDING_TCP_03, SEVERITY_FATAL, CONFIDENCE_LIKELY, REACH_SILENT);
    } else if (port == ANSWER_YES) {
        add_for(e, d, FINDING_ACL_01, SEVERITY_FATAL, CONFIDENCE_LIKELY, REACH_SILENT);
    } else if (port == ANSWER_NO) {
        add_for(e, d, FINDING_TCP_01, SEVERITY_FATAL, CONFIDENCE_CERTAIN, REACH_SILENT);
    } else if (k->other_ports) {
        add_for(e, d, FINDING_TCP_05, SEVERITY_FATAL, CONFIDENCE_LIKELY, REACH_SILENT);
    } else {
        add_for(e, d, FINDING_TCP_01, SEVERITY_FATAL,
                is_atlas ? CONFIDENCE_POSSIBLE : CONFIDENCE_LIKELY, REACH_SILENT);
        add_for(e, d, FINDING_ACL_01, SEVERITY_FATAL,
                is_atlas ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE, REACH_SILENT);
    }
}

static void judge_no_way(const struct examination *e, const struct address_kinds *k,
                         struct diagnosis *d)
{
    const struct machine_fact *m = &e->machine;
    if (k->all_ipv4 && m->has_ipv6_route && !m->has_ipv4_route) {
        add_for(e, d, FINDING_DNS_16, SEVERITY_FATAL, CONFIDENCE_CERTAIN, REACH_NO_WAY);
        return;
    }
    for (size_t i = 0; i < e->node_count && e->nodes[i]->dial_count > 0; i++) {
        if (e->nodes[i]->dials[0].step.status == STATUS_ADDRESS_UNAVAILABLE) {
            add_for(e, d, FINDING_LIM_09, SEVERITY_FATAL, CONFIDENCE_LIKELY, REACH_NO_WAY);
            return;
        }
    }
    add_for(e, d, FINDING_TCP_03, SEVERITY_FATAL, CONFIDENCE_CERTAIN, REACH_NO_WAY);
}

static void judge_refused(const struct examination *e, const struct address_kinds *k,
                          struct diagnosis *d)
{
    bool is_inside = e->machine.container != NULL;
    if (k->is_this_machine) {
        add_for(e, d, is_inside ? FINDING_LOC_03 : FINDING_LOC_01, SEVERITY_FATAL,
                is_inside ? CONFIDENCE_LIKELY : CONFIDENCE_CERTAIN, REACH_REFUSED);
        return;
    }
    add_for(e, d, FINDING_TCP_02, SEVERITY_FATAL, CONFIDENCE_LIKELY, REACH_REFUSED);
}

static void judge_all_shut(const struct examination *e, const struct reaches *r,
                           struct diagnosis *d)
{
    const struct upstream_settings *up = &e->settings->upstream;
    struct address_kinds k = kinds_of(e);
    if (up->socks_proxy != NULL || up->http_proxy != NULL) {
        struct finding *f = diagnosis_add(d, FINDING_TCP_03, SEVERITY_FATAL, CONFIDENCE_CERTAIN);
        finding_note(f, "text", "the outbound proxy cannot be reached");
        note_dials(f, e->nodes[0]);
    } else if (r->count[REACH_EXHAUSTED] > 0) {
        add_for(e, d, FINDING_LIM_08, SEVERITY_FATAL, CONFIDENCE_CERTAIN, REACH_EXHAUSTED);
    } else if (r->count[REACH_REFUSED] > 0) {
        judge_refused(e, &k, d);
    } else if (r->count[REACH_SILENT] > 0) {
        judge_silence(e, &k, d);
    } else {
        judge_no_way(e, &k, d);
    }
}

static void judge_some_shut(const struct examination *e, const struct reaches *r,
                            struct diagnosis *d)
{
    size_t refused = r->count[REACH_REFUSED];
    size_t lost = r->count[REACH_SILENT] + r->count[REACH_NO_WAY];
    if (refused > 0) {
        struct finding *f =
            add_for(e, d, FINDING_TCP_02, SEVERITY_DEGRADED, CONFIDENCE_LIKELY, REACH_REFUSED);
        finding_note(f, "nodes", "%zu of %zu", refused, r->total);
    }
    if (lost > 0) {
        struct finding *f = add_for(e, d, FINDING_TCP_04, SEVERITY_DEGRADED, CONFIDENCE_LIKELY,
                                    r->count[REACH_SILENT] > 0 ? REACH_SILENT : REACH_NO_WAY);
        finding_note(f, "nodes", "%zu of %zu", r->count[REACH_OPEN], r->total);
    }
}

/* The outbound proxy was reached and would not go on. */
static void judge_tunnels(const struct examination *e, struct diagnosis *d)
{
    for (size_t i = 0; i < e->node_count; i++) {
        const struct node_fact *n = e->nodes[i];
        if (step_has_failed(&n->tunnel)) {
            struct finding *f =
                diagnosis_add(d, FINDING_TCP_03, SEVERITY_FATAL, CONFIDENCE_CERTAIN);
            finding_note(f, "host", "%s", n->name);
            finding_note(f, "code", "%s", status_name(n->tunnel.status));
            finding_note(f, "text", "%s",
                         n->tunnel.why == NULL ? "the outbound proxy closed" : n->tunnel.why);
        }
    }
}

void judge_path(const struct examination *e, struct diagnosis *d)
{
    struct reaches r = count_reaches(e);
    judge_tunnels(e, d);
    if (r.total == 0 || r.count[REACH_OPEN] == r.total) {
        return;
    }
    if (r.count[REACH_OPEN] == 0) {
        judge_all_shut(e, &r, d);
    } else {
        judge_some_shut(e, &r, d);
    }
}
