/* Stage 8: certificates, versions, hang-ups. One cause per node, by what its handshake showed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "doctor/judge.h"

enum { DAY_SECONDS = 24 * 60 * 60, EXPIRING_DAYS = 14, ATLAS_DAYS = 90 };

/* RFC 8446 6.2: of those that speak of the client's certificate. */
enum {
    ALERT_HANDSHAKE_FAILURE = 40,
    ALERT_BAD_CERTIFICATE = 42,
    ALERT_UNKNOWN_CA = 48,
    ALERT_PROTOCOL_VERSION = 70,
    ALERT_INTERNAL_ERROR = 80,
    ALERT_UNRECOGNIZED_NAME = 112,
    ALERT_CERTIFICATE_REQUIRED = 116,
};

bool alert_is_about_client(int alert)
{
    return (alert >= ALERT_BAD_CERTIFICATE && alert <= ALERT_UNKNOWN_CA) ||
           alert == ALERT_CERTIFICATE_REQUIRED;
}

struct tally {
    size_t tried;
    size_t good;
    size_t shaky; /* of the good: hung up at first */
};

static struct tally count(const struct examination *e)
{
    struct tally t = {0};
    for (size_t i = 0; i < e->node_count; i++) {
        t.tried += e->nodes[i]->tls.is_tried && e->nodes[i]->tls.status != STATUS_CLOSED_BY_US;
        t.good += step_is_good(&e->nodes[i]->tls);
        t.shaky += step_is_good(&e->nodes[i]->tls) && e->nodes[i]->tls_breaks > 0;
    }
    return t;
}

static bool is_well_known(const char *issuer)
{
    static const char *const names[] = {"Let's Encrypt", "Internet Security Research Group",
                                        "Google Trust Services", "ISRG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcasestr(issuer, names[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static void print_day(int64_t at, char out[16])
{
    struct tm fields;
    time_t seconds = (time_t)at;
    if (gmtime_r(&seconds, &fields) == NULL || strftime(out, 16, "%Y-%m-%d", &fields) == 0) {
        out[0] = '\0';
    }
}

static struct finding *add(const struct node_fact *n, struct diagnosis *d, enum finding_id id,
                           enum finding_severity severity, enum finding_confidence confidence)
{
    struct finding *f = diagnosis_add(d, id, severity, confidence);
    finding_note(f, "host", "%s", n->name);
    return f;
}

static void judge_issuer(const struct examination *e, const struct node_fact *n,
                         enum finding_severity severity, struct diagnosis *d)
{
    bool is_known = is_well_known(n->tls_facts.issuer);
    enum finding_confidence confidence = is_known                  ? CONFIDENCE_CERTAIN
                                         : examination_is_atlas(e) ? CONFIDENCE_LIKELY
                                                                   : CONFIDENCE_POSSIBLE;
    struct finding *f = add(n, d, is_known ? FINDING_TLS_01 : FINDING_TLS_02, severity, confidence);
    finding_note(f, "issuer", "%s", n->tls_facts.issuer);
    finding_note(f, "verify code", "%d", n->tls_facts.verify_code);
}

/* An expired certificate, or a clock that runs ahead: Atlas renews well before the end, on all
 * nodes. */
static void judge_expired(const struct examination *e, const struct node_fact *n,
                          const struct tally *t, enum finding_severity severity,
                          struct diagnosis *d)
{
    char day[16], today[16];
    int64_t days = (e->machine.wall_clock - n->tls_facts.not_after) / DAY_SECONDS;
    bool is_clock = t->good == 0 && examination_is_atlas(e);
    struct finding *f =
        add(n, d, is_clock ? FINDING_TLS_03 : FINDING_TLS_04, severity,
            t->good > 0 || e->machine.wall_clock == 0 ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY);
    print_day(n->tls_facts.not_after, day);
    print_day(e->machine.wall_clock, today);
    finding_note(f, "days", "%" PRId64, days);
    finding_note(f, "expired on", "%s", day);
    finding_note(f, "clock says", "%s", today);
}

static void judge_not_yet(const struct examination *e, const struct node_fact *n,
                          enum finding_severity severity, struct diagnosis *d)
{
    char day[16], today[16];
    struct finding *f = add(n, d, FINDING_TLS_03, severity, CONFIDENCE_CERTAIN);
    print_day(n->tls_facts.not_before, day);
    print_day(e->machine.wall_clock, today);
    finding_note(f, "days", "%" PRId64,
                 (n->tls_facts.not_before - e->machine.wall_clock) / DAY_SECONDS + 1);
    finding_note(f, "valid from", "%s", day);
    finding_note(f, "clock says", "%s", today);
}

static void judge_certificate(const struct examination *e, const struct node_fact *n,
                              const struct tally *t, enum finding_severity severity,
                              struct diagnosis *d)
{
    struct finding *f;
    switch (n->tls_facts.flaw) {
    case TLS_FLAW_ISSUER:
    case TLS_FLAW_SELF_SIGNED:
        judge_issuer(e, n, severity, d);
        break;
    case TLS_FLAW_NOT_YET:
        judge_not_yet(e, n, severity, d);
        break;
    case TLS_FLAW_EXPIRED:
        judge_expired(e, n, t, severity, d);
        break;
    case TLS_FLAW_NAME:
        f = add(n, d, FINDING_TLS_05, severity, CONFIDENCE_CERTAIN);
        finding_note(f, "name", "%s", n->tls_facts.names);
        break;
    case TLS_FLAW_NONE:
    case TLS_FLAW_OTHER:
        f = add(n, d, FINDING_TLS_01, severity, CONFIDENCE_POSSIBLE);
        finding_note(f, "issuer", "%s", n->tls_facts.issuer);
        finding_note(f, "verify code", "%d", n->tls_facts.verify_code);
        break;
    }
}

static void judge_alert(const struct examination *e, const struct node_fact *n, bool is_everywhere,
                        enum finding_severity severity, struct diagnosis *d)
{
    int alert = n->tls_facts.alert;
    bool shows_own = e->settings->upstream.auth_mechanism == AUTH_X509 ||
                     e->settings->tls.certificate_key_file != NULL;
    bool about_own =
        alert_is_about_client(alert) || (alert == ALERT_HANDSHAKE_FAILURE && shows_own);
    enum finding_id id = alert == ALERT_INTERNAL_ERROR && !n->tls_facts.saw_server_hello
                             ? (is_everywhere ? FINDING_ACL_02 : FINDING_TLS_10)
                         : alert == ALERT_PROTOCOL_VERSION  ? FINDING_TLS_07
                         : about_own                        ? FINDING_AUTH_04
                         : alert == ALERT_UNRECOGNIZED_NAME ? FINDING_TLS_05
                                                            : FINDING_TLS_08;
    bool is_plain = alert == ALERT_PROTOCOL_VERSION || alert == ALERT_CERTIFICATE_REQUIRED;
    bool is_guess = alert > ALERT_HANDSHAKE_FAILURE && id == FINDING_TLS_08;
    struct finding *f = add(n, d, id, severity,
                            is_plain   ? CONFIDENCE_CERTAIN
                            : is_guess ? CONFIDENCE_POSSIBLE
                                       : CONFIDENCE_LIKELY);
    finding_note(f, "alert", "%d", alert);
}

/* It hung up before it said anything: at every try on every node, the access list (or a node that
 * is full); else one that is full or restarts. */
static void judge_hang_up(const struct examination *e, const struct node_fact *n,
                          bool is_everywhere, enum finding_severity severity, struct diagnosis *d)
{
    struct finding *f;
    if (!is_everywhere) {
        f = add(n, d, FINDING_TLS_10, SEVERITY_DEGRADED, CONFIDENCE_LIKELY);
    } else {
        f = add(n, d, FINDING_ACL_02, severity,
                examination_is_atlas(e) ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE);
        struct finding *full = add(n, d, FINDING_LIM_01, SEVERITY_DEGRADED, CONFIDENCE_POSSIBLE);
        finding_note(full, "code", "%s", status_name(n->tls.status));
    }
    finding_note(f, "code", "%s", status_name(n->tls.status));
    finding_note(f, "broken off", "%zu of %zu", n->tls_breaks, n->tls_tries);
}

static void judge_silence(const struct examination *e, const struct node_fact *n,
                          bool is_everywhere, struct diagnosis *d)
{
    if (!is_everywhere) {
        struct finding *f = add(n, d, FINDING_TCP_04, SEVERITY_DEGRADED, CONFIDENCE_LIKELY);
        finding_note(f, "code", "TLS %s", status_name(n->tls.status));
        return;
    }
    struct finding *f = add(n, d, FINDING_TCP_08, SEVERITY_FATAL,
                            e->machine.vpn == NULL ? CONFIDENCE_POSSIBLE : CONFIDENCE_LIKELY);
    if (e->machine.vpn != NULL) {
        finding_note(f, "vpn", "%s", e->machine.vpn);
    }
}

static void judge_failed(const struct examination *e, const struct node_fact *n,
                         const struct tally *t, struct diagnosis *d)
{
    const struct tls_facts *facts = &n->tls_facts;
    bool is_everywhere = t->good == 0;
    enum finding_severity severity = is_everywhere ? SEVERITY_FATAL : SEVERITY_DEGRADED;
    if (facts->alert >= 0) {
        judge_alert(e, n, is_everywhere, severity, d);
    } else if (n->tls.status == STATUS_TLS_CERTIFICATE) {
        judge_certificate(e, n, t, severity, d);
    } else if (!facts->looks_like_tls) {
        add(n, d, FINDING_TLS_11, severity, CONFIDENCE_CERTAIN);
    } else if (n->tls.status == STATUS_TIMED_OUT) {
        judge_silence(e, n, is_everywhere, d);
    } else if (facts->has_old_version) {
        add(n, d, FINDING_TLS_07, severity, CONFIDENCE_CERTAIN);
    } else if (n->tls.status == STATUS_TLS_FAILED) {
        struct finding *f = add(n, d, FINDING_TLS_08, severity, CONFIDENCE_POSSIBLE);
        finding_note(f, "text", "%s", n->tls.why == NULL ? "" : n->tls.why);
    } else {
        judge_hang_up(e, n, is_everywhere, severity, d);
    }
}

/* One node that hangs up at first restarts, or is full; when several do and then take a calmer
 * attempt, it is the pace. */
static void judge_good(const struct examination *e, const struct node_fact *n,
                       const struct tally *t, struct diagnosis *d)
{
    int64_t days = (n->tls_facts.not_after - e->machine.wall_clock) / DAY_SECONDS;
    char day[16];
    if (n->tls_breaks > 0) {
        struct finding *f = add(n, d, t->shaky > 1 ? FINDING_LIM_02 : FINDING_TLS_10,
                                SEVERITY_DEGRADED, CONFIDENCE_LIKELY);
        finding_note(f, "broken off", "%zu of %zu", n->tls_breaks, n->tls_tries);
    }
    if (n->tls_facts.has_certificate && e->machine.wall_clock > 0 && days < EXPIRING_DAYS &&
        e->settings->tls.allow_invalid_certificates == false) {
        struct finding *f = add(n, d, FINDING_TLS_04, SEVERITY_DEGRADED, CONFIDENCE_CERTAIN);
        print_day(n->tls_facts.not_after, day);
        finding_note(f, "when", "ends in %" PRId64 " days, on %s", days, day);
    }
}

/* Nothing to check certificates against, or our own cannot be used. */
static void judge_trust(const struct examination *e, struct diagnosis *d)
{
    if (step_has_failed(&e->trust)) {
        bool is_own = e->trust.why != NULL && strstr(e->trust.why, "certificateKey") != NULL;
        struct finding *f = diagnosis_add(d, is_own ? FINDING_AUTH_04 : FINDING_TLS_01,
                                          SEVERITY_FATAL, CONFIDENCE_CERTAIN);
        finding_note(f, "text", "%s", e->trust.why == NULL ? "" : e->trust.why);
    }
}

void judge_tls(const struct examination *e, struct diagnosis *d)
{
    struct tally t = count(e);
    judge_trust(e, d);
    for (size_t i = 0; i < e->node_count; i++) {
        const struct node_fact *n = e->nodes[i];
        if (step_has_failed(&n->tls)) {
            judge_failed(e, n, &t, d);
        } else if (step_is_good(&n->tls)) {
            judge_good(e, n, &t, d);
        }
    }
}
