/* What recognised words stand for, where it depends on the names and addresses beside them. */
#include <string.h>

#include "doctor/explain_parts.h"

#define PUT(m, n, name, how) \
    ((m)->to[n] = (struct candidate){FINDING_##name, CONFIDENCE_##how, true})

static bool is_in_container(const struct plain_text *t)
{
    static const char *const signs[] = {"docker",  "/app/",      "/usr/src/app", "container",
                                        "compose", "kubernetes", "pod"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (strstr(t->plain, signs[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* Node releases that read Windows' DNS settings wrongly; Bun uses the same library. */
static bool is_bad_node(const struct plain_text *t)
{
    static const char *const releases[] = {"v20.20.0", "v22.22.0", "v24.13.", "v25.3.0"};
    bool is_bad = strstr(t->plain, "getservers") != NULL;
    for (size_t i = 0; i < sizeof releases / sizeof *releases; i++) {
        is_bad |= strstr(t->plain, releases[i]) != NULL;
    }
    return is_bad;
}

/* --- DNS: the SRV record --- */

static void judge_srv_refused(const struct plain_text *t, struct match *m)
{
    if (strcmp(m->facts.resolver, "127.0.0.11") == 0) {
        PUT(m, 0, DNS_20, LIKELY);
        PUT(m, 1, DNS_01, POSSIBLE);
    } else if (is_bad_node(t)) {
        PUT(m, 0, DNS_02, LIKELY);
        PUT(m, 1, DNS_01, POSSIBLE);
    } else {
        PUT(m, 0, DNS_01, LIKELY);
        PUT(m, 1, DNS_02, POSSIBLE);
    }
}

static void judge_srv_silent(const struct plain_text *t, struct match *m)
{
    if (strcmp(m->facts.resolver, "127.0.0.11") == 0 || strstr(t->plain, "docker") != NULL) {
        PUT(m, 0, DNS_20, LIKELY);
        PUT(m, 1, DNS_03, POSSIBLE);
    } else if (plain_text_has(t, "wsl") || plain_text_has(t, "wsl2")) {
        PUT(m, 0, DNS_22, LIKELY);
        PUT(m, 1, DNS_03, POSSIBLE);
    } else {
        PUT(m, 0, DNS_03, LIKELY);
        PUT(m, 1, DNS_04, POSSIBLE);
        PUT(m, 2, DNS_08, POSSIBLE);
    }
}

/* A name that cannot be a cluster's: the string was cut at a character of the password. */
static bool is_cut_off(const char *host)
{
    return host[0] != '\0' && strchr(host, '.') == NULL && strcmp(host, "localhost") != 0;
}

static void judge_srv_unknown(struct match *m)
{
    const char *host = m->facts.host;
    if (is_cut_off(host)) {
        PUT(m, 0, URI_02, LIKELY);
        PUT(m, 1, DNS_06, POSSIBLE);
        m->facts.host[0] = '\0'; /* may be a part of a password */
    } else if (host_is_node(host)) {
        PUT(m, 0, URI_07, LIKELY);
        PUT(m, 1, DNS_06, POSSIBLE);
    } else if (strstr(host, "xxxxx") != NULL) {
        PUT(m, 0, URI_04, LIKELY);
    } else {
        PUT(m, 0, DNS_06, LIKELY);
        PUT(m, 1, DNS_07, POSSIBLE);
        PUT(m, 2, DNS_23, POSSIBLE);
        PUT(m, 3, TOPO_05, POSSIBLE);
    }
}

static void judge_srv_empty(struct match *m)
{
    if (host_is_node(m->facts.host)) {
        PUT(m, 0, URI_07, LIKELY);
        return;
    }
    PUT(m, 0, DNS_04, LIKELY);
    PUT(m, 1, DNS_07, POSSIBLE);
    PUT(m, 2, DNS_08, POSSIBLE);
}

/* --- DNS: addresses --- */

static void judge_host_unknown(struct match *m)
{
    const char *host = m->facts.host;
    if (host_is_of_atlas(host) && !host_is_node(host)) {
        PUT(m, 0, URI_06, LIKELY);
        PUT(m, 1, DNS_06, POSSIBLE);
    } else if (host_is_internal(host)) {
        PUT(m, 0, TOPO_04, LIKELY);
        PUT(m, 1, DNS_14, POSSIBLE);
    } else if (is_cut_off(host)) {
        PUT(m, 0, DNS_06, POSSIBLE);
        PUT(m, 1, URI_02, POSSIBLE);
    } else if (host_is_of_atlas(host)) {
        PUT(m, 0, DNS_14, LIKELY);
        PUT(m, 1, DNS_07, POSSIBLE);
        PUT(m, 2, DNS_06, POSSIBLE);
    } else { /* of no SRV record that we know of */
        PUT(m, 0, DNS_06, LIKELY);
        PUT(m, 1, DNS_07, POSSIBLE);
        PUT(m, 2, DNS_14, POSSIBLE);
    }
}

static void judge_host_failed(const struct plain_text *t, struct match *m)
{
    if (plain_text_has(t, "alpine") || plain_text_has(t, "musl")) {
        PUT(m, 0, DNS_21, LIKELY);
        PUT(m, 1, DNS_14, POSSIBLE);
    } else if (is_cut_off(m->facts.host)) { /* a service of Docker's or a machine, no node */
        PUT(m, 0, DNS_06, POSSIBLE);
        PUT(m, 1, DNS_20, POSSIBLE);
        PUT(m, 2, DNS_03, POSSIBLE);
    } else if (host_is_of_atlas(m->facts.host)) {
        PUT(m, 0, DNS_14, LIKELY);
        PUT(m, 1, DNS_03, POSSIBLE);
        PUT(m, 2, DNS_20, POSSIBLE);
    } else {
        PUT(m, 0, DNS_03, LIKELY);
        PUT(m, 1, DNS_14, POSSIBLE);
        PUT(m, 2, DNS_20, POSSIBLE);
    }
}

/* --- TCP --- */

static void judge_refused(const struct plain_text *t, struct match *m)
{
    const struct explain_facts *f = &m->facts;
    bool is_local =
        f->place == PLACE_LOOPBACK || (f->place == PLACE_NONE && strcmp(f->host, "localhost") == 0);
    if (f->place == PLACE_LOOPBACK6) {
        PUT(m, 0, LOC_02, LIKELY);
        PUT(m, 1, LOC_01, POSSIBLE);
    } else if (is_local) {
        PUT(m, 0, LOC_01, LIKELY);
        if (is_in_container(t)) {
            PUT(m, 1, LOC_03, LIKELY);
        } else {
            PUT(m, 1, LOC_03, POSSIBLE);
        }
        PUT(m, 2, LOC_06, POSSIBLE);
    } else if (f->place == PLACE_PUBLIC || host_is_of_atlas(f->host)) {
        PUT(m, 0, TCP_02, LIKELY);
        PUT(m, 1, TCP_10, POSSIBLE);
        PUT(m, 2, TOPO_05, POSSIBLE);
    } else if (f->place == PLACE_PRIVATE || f->host[0] != '\0') {
        PUT(m, 0, TCP_02, LIKELY);
        PUT(m, 1, LOC_04, POSSIBLE);
        PUT(m, 2, LOC_06, POSSIBLE);
    } else {
        PUT(m, 0, TCP_02, POSSIBLE);
        PUT(m, 1, LOC_01, POSSIBLE);
    }
}

static bool is_private_endpoint(const char *host)
{
    return strncmp(host, "pl-", 3) == 0 || strstr(host, "-pl-") != NULL ||
           strstr(host, "vpce") != NULL;
}

static void judge_silent(struct match *m)
{
    const struct explain_facts *f = &m->facts;
    bool has_port = f->port >= 1024 && f->port != 27017;
    if (is_private_endpoint(f->host)) {
        PUT(m, 0, TOPO_08, LIKELY);
        PUT(m, 1, TCP_05, POSSIBLE);
    } else if (f->place == PLACE_PRIVATE) {
        PUT(m, 0, DNS_15, LIKELY);
        PUT(m, 1, TOPO_08, POSSIBLE);
    } else if (has_port) {
        PUT(m, 0, TCP_05, LIKELY);
        PUT(m, 1, ACL_01, POSSIBLE);
    } else {
        PUT(m, 0, ACL_01, LIKELY);
        PUT(m, 1, TCP_01, POSSIBLE);
        PUT(m, 2, TCP_09, POSSIBLE);
        PUT(m, 3, TCP_10, POSSIBLE);
    }
}

static void judge_no_route(struct match *m)
{
    PUT(m, 0, TCP_03, LIKELY);
    if (m->facts.place == PLACE_PUBLIC && !m->facts.is_v6) {
        PUT(m, 1, DNS_16, POSSIBLE);
    }
}

/* --- TLS and logins --- */

static void judge_cut(const struct plain_text *t, struct match *m)
{
    if (m->facts.place == PLACE_LOOPBACK || m->facts.place == PLACE_LOOPBACK6 ||
        strcmp(m->facts.host, "localhost") == 0) {
        bool speaks_tls = plain_text_has(t, "ssl") || plain_text_has(t, "tls");
        m->to[0] = (struct candidate){speaks_tls ? FINDING_LOC_07 : FINDING_TCP_06,
                                      speaks_tls ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE, true};
        PUT(m, 1, TLS_11, POSSIBLE);
        return;
    }
    PUT(m, 0, ACL_02, POSSIBLE);
    PUT(m, 1, LIM_01, POSSIBLE);
    PUT(m, 2, TLS_10, POSSIBLE);
    PUT(m, 3, LIM_03, POSSIBLE);
}

static void judge_not_tls(struct match *m)
{
    bool is_local = m->facts.place == PLACE_LOOPBACK || m->facts.place == PLACE_LOOPBACK6 ||
                    strcmp(m->facts.host, "localhost") == 0;
    if (is_local) {
        PUT(m, 0, LOC_07, LIKELY);
        PUT(m, 1, TLS_11, POSSIBLE);
    } else {
        PUT(m, 0, TLS_11, LIKELY);
    }
}

static void judge_bad_auth(const struct plain_text *t, struct match *m)
{
    bool has_source = strstr(t->plain, "source='") != NULL &&
                      strstr(t->plain, "source='admin'") == NULL &&
                      strstr(t->plain, "source='$external'") == NULL;
    if (has_source) {
        PUT(m, 0, AUTH_02, LIKELY);
        PUT(m, 1, AUTH_01, POSSIBLE);
        return;
    }
    PUT(m, 0, AUTH_01, LIKELY);
    PUT(m, 1, AUTH_02, POSSIBLE);
    PUT(m, 2, AUTH_07, POSSIBLE);
    PUT(m, 3, URI_03, POSSIBLE);
}

void explain_judge(const struct plain_text *t, struct match *m)
{
    memcpy(m->to, m->pattern->to, sizeof m->to);
    switch (m->pattern->twist) {
    case TWIST_NONE:
        break;
    case TWIST_SRV_REFUSED:
        judge_srv_refused(t, m);
        break;
    case TWIST_SRV_SILENT:
        judge_srv_silent(t, m);
        break;
    case TWIST_SRV_UNKNOWN:
        judge_srv_unknown(m);
        break;
    case TWIST_SRV_EMPTY:
        judge_srv_empty(m);
        break;
    case TWIST_HOST_UNKNOWN:
        judge_host_unknown(m);
        break;
    case TWIST_HOST_FAILED:
        judge_host_failed(t, m);
        break;
    case TWIST_CONNECT_REFUSED:
        judge_refused(t, m);
        break;
    case TWIST_CONNECT_SILENT:
        judge_silent(m);
        break;
    case TWIST_NO_ROUTE:
        judge_no_route(m);
        break;
    case TWIST_CUT:
        judge_cut(t, m);
        break;
    case TWIST_NOT_TLS:
        judge_not_tls(m);
        break;
    case TWIST_BAD_AUTH:
        judge_bad_auth(t, m);
        break;
    }
}
