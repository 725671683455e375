/* What each resolver says, asked one by one: as the proxy would ask, and by each way alone, since
 * what fails tells which device is in the way. Resolvers of the fallback list are asked for
 * comparison (dns.fallback: off asks none).
 *
 * Answers of the machine's own resolvers, asked the usual way, are waited for; the rest only when
 * something has failed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/require.h"
#include "doctor/doctor_parts.h"
#include "names/asking.h"
#include "names/carrier.h"

enum { ANSWER_MOST_MS = 3000, NODES_ASKED_MOST = 3, SAID_MOST = 4, PLAIN_MOST = 4 };

struct question_probe {
    struct doctor *doctor;
    struct list link;
    struct question_fact *fact;
    struct asking *asking; /* NULL: to be ended in the next turn */
    struct deadline deadline;
};

/* --- whom to ask --- */

static void add_resolver(struct examination *e, const struct resolver *r)
{
    if (e->resolver_count < EXAMINED_RESOLVERS_MOST) {
        e->resolvers[e->resolver_count++] = (struct resolver_fact){
            .text = xstrdup(r->text), .kind = r->kind, .origin = r->origin, .address = r->address};
    }
}

static bool is_own(const struct doctor *d, const char *text)
{
    for (size_t i = 0; i < d->candidates->count; i++) {
        if (strcmp(d->candidates->list[i].text, text) == 0) {
            return true;
        }
    }
    return false;
}

/* The first few of either kind: of a list of a dozen, some will answer. */
static void add_fallback(struct doctor *d, const char *text)
{
    struct resolver r;
    size_t plain = 0;
    if (resolver_parse(text, RESOLVER_FALLBACK, &r, NULL) != STATUS_OK) {
        return;
    }
    for (size_t i = 0; i < d->fallback_count; i++) {
        plain += d->fallbacks[i].kind == RESOLVER_PLAIN;
    }
    bool is_plain = r.kind == RESOLVER_PLAIN;
    size_t encrypted = d->fallback_count - plain;
    if (is_own(d, r.text) || (is_plain && plain >= PLAIN_MOST) ||
        (!is_plain && encrypted >= FALLBACKS_MOST - PLAIN_MOST)) {
        resolver_clear(&r);
        return;
    }
    d->fallbacks[d->fallback_count++] = r;
    add_resolver(d->facts, &r);
}

void resolvers_open(struct doctor *d)
{
    const struct dns_settings *dns = &d->settings->dns;
    const char *const *fallbacks = (const char *const *)dns->fallback_resolvers;
    bool has_none = fallbacks == NULL || fallbacks[0] == NULL;
    struct error why;
    bool has_encrypted = false;
    d->candidates = candidates_new(dns);
    for (size_t i = 0; i < d->candidates->count; i++) {
        add_resolver(d->facts, &d->candidates->list[i]);
    }
    if (has_none && dns->fallback == DNS_FALLBACK_AUTO) {
        fallbacks = resolver_public;
    }
    for (size_t i = 0;
         dns->fallback != DNS_FALLBACK_OFF && fallbacks != NULL && fallbacks[i] != NULL; i++) {
        add_fallback(d, fallbacks[i]);
    }
    for (size_t i = 0; i < d->facts->resolver_count; i++) {
        has_encrypted |= d->facts->resolvers[i].kind != RESOLVER_PLAIN;
    }
    d->dns_tls = has_encrypted ? carrier_tls(dns->ca_file, &why) : NULL;
}

void resolvers_close(struct doctor *d)
{
    candidates_free(d->candidates);
    for (size_t i = 0; i < d->fallback_count; i++) {
        resolver_clear(&d->fallbacks[i]);
    }
    tls_config_free(d->dns_tls);
}

static const struct resolver *resolver_at(const struct doctor *d, size_t i)
{
    return i < d->candidates->count ? &d->candidates->list[i]
                                    : &d->fallbacks[i - d->candidates->count];
}

/* --- one question --- */

static void end(struct question_probe *p)
{
    struct doctor *d = p->doctor;
    net_clear_deadline(d->net, &p->deadline);
    list_remove(&p->link);
    free(p);
    doctor_progress(d);
    doctor_advance(d);
}

static void on_cut(struct deadline *deadline, msec now)
{
    (void)now;
    end(container_of(deadline, struct question_probe, deadline));
}

static char *print_records(const struct dns_answer *answer, uint16_t type)
{
    char *list = NULL;
    for (size_t i = 0; i < answer->count && i < SAID_MOST; i++) {
        const struct dns_record *r = &answer->records[i];
        char text[ADDRESS_TEXT_SIZE];
        char *one = type == DNS_SRV   ? xformat("%s:%u", r->text, r->port)
                    : type == DNS_TXT ? xstrdup(r->text)
                                      : xstrdup(address_print_bare(&r->address, text));
        char *longer = list == NULL ? xstrdup(one) : xformat("%s, %s", list, one);
        free(one);
        free(list);
        list = longer;
    }
    return list;
}

static void on_answer(void *owner, struct asking_result *result)
{
    struct question_probe *p = owner;
    struct question_fact *q = p->fact;
    p->asking = NULL;
    q->word = result->word;
    q->rcode = result->rcode;
    q->took = result->took;
    q->used_tcp = result->used_tcp;
    q->has_compressed_target = result->answer.has_compressed_target;
    q->ttl_seconds = result->answer.ttl_seconds;
    q->records = result->answer.count;
    q->alias = result->answer.alias == NULL ? NULL : xstrdup(result->answer.alias);
    q->said = print_records(&result->answer, q->type);
    if (result->has_extended_error) {
        q->reason = xformat("%u %s", result->extended_error.code, result->extended_error.text);
    }
    end(p);
}

static void ask(struct doctor *d, size_t resolver, enum question_about about, enum question_way way,
                const char *name)
{
    const struct resolver *r = resolver_at(d, resolver);
    struct question_fact *fact = examination_question(d->facts, resolver, about, way, name);
    msec left = doctor_limit(d) - net_now(d->net);
    bool is_waited_for = way == WAY_USUAL && r->origin != RESOLVER_FALLBACK &&
                         about != ABOUT_CLUSTER && about != ABOUT_NOTHING;
    if (fact == NULL || left <= 0 || (r->kind != RESOLVER_PLAIN && d->dns_tls == NULL)) {
        return;
    }
    struct question_probe *p = xcalloc(1, sizeof *p);
    struct asking_wanted wanted = {.resolver = r,
                                   .name = name,
                                   .type = fact->type,
                                   .timeout = msec_earlier(left, ANSWER_MOST_MS),
                                   .tls = d->dns_tls,
                                   .without_edns = way == WAY_UDP_PLAIN,
                                   .without_udp = way == WAY_TCP,
                                   .without_tcp = way == WAY_UDP || way == WAY_UDP_PLAIN};
    p->doctor = d;
    p->fact = fact;
    deadline_init(&p->deadline, on_cut);
    list_push_back(is_waited_for ? &d->questions : &d->comparisons, &p->link);
    p->asking = asking_start(d->net, &wanted, on_answer, p);
}

void question_probe_cut(struct question_probe *p)
{
    if (p->asking != NULL) {
        asking_cancel(p->asking);
        p->asking = NULL;
        net_set_deadline(p->doctor->net, &p->deadline, net_now(p->doctor->net));
    }
}

struct question_probe *question_probe_of(struct list *link)
{
    return container_of(link, struct question_probe, link);
}

/* --- which questions --- */

/* Of the domain that all nodes are in: everything behind the first label. */
static char *impossible_name(struct doctor *d, const char *host)
{
    uint32_t random;
    const char *dot = strchr(host, '.');
    net_random(d->net, &random, sizeof random);
    return dot == NULL ? NULL : xformat("mooring-doctor-%08x%s", random, dot);
}

static void ask_seeds(struct doctor *d, size_t i, const char *srv, const char *impossible)
{
    const char *host = d->settings->upstream.srv_host;
    const struct resolver *r = resolver_at(d, i);
    ask(d, i, ABOUT_SRV, WAY_USUAL, srv);
    ask(d, i, ABOUT_TXT, WAY_USUAL, host);
    if (impossible != NULL) {
        ask(d, i, ABOUT_NOTHING, WAY_USUAL, impossible);
    }
    if (r->origin != RESOLVER_FALLBACK) {
        ask(d, i, ABOUT_HOST, WAY_USUAL, host);
    }
    if (r->origin != RESOLVER_FALLBACK && r->kind == RESOLVER_PLAIN) {
        ask(d, i, ABOUT_SRV, WAY_UDP, srv);
        ask(d, i, ABOUT_SRV, WAY_UDP_PLAIN, srv);
        ask(d, i, ABOUT_SRV, WAY_TCP, srv);
    }
}

void question_probes_open(struct doctor *d)
{
    const struct upstream_settings *up = &d->settings->upstream;
    if (up->srv_host == NULL) {
        return;
    }
    const char *service = up->srv_service_name == NULL ? "mongodb" : up->srv_service_name;
    char *srv = xformat("_%s._tcp.%s", service, up->srv_host);
    char *impossible = impossible_name(d, up->srv_host);
    d->facts->needs_resolvers = true;
    for (size_t i = 0; i < d->facts->resolver_count; i++) {
        ask_seeds(d, i, srv, impossible);
    }
    free(impossible);
    free(srv);
}

static bool is_name(const char *host)
{
    struct address at;
    return host[0] != '/' && host[0] != '[' && strcasecmp(host, "localhost") != 0 &&
           !address_parse(host, 1, &at);
}

void question_probes_of_node(struct doctor *d, const struct node_fact *n)
{
    struct examination *e = d->facts;
    bool is_plain = d->settings->upstream.srv_host == NULL;
    char *srv = xformat("_mongodb._tcp.%s", n->host);
    for (size_t i = 0; is_name(n->host) && e->node_count <= NODES_ASKED_MOST &&
                       n->sources != NODE_OF_HELLO && i < e->resolver_count;
         i++) {
        e->needs_resolvers = true;
        ask(d, i, ABOUT_NODE, WAY_USUAL, n->host);
        if (is_plain) {
            ask(d, i, ABOUT_CLUSTER, WAY_USUAL, srv);
        }
    }
    free(srv);
}
