/* Facts made up: a healthy replica set of three on Atlas, of which a test breaks what it is about.
 * judged(…) gives what the judges make of it. */
#ifndef UNIT_DOCTOR_FACTS_H
#define UNIT_DOCTOR_FACTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/require.h"
#include "doctor/judge.h"

enum { FACT_NODES = 3, FACT_CLOCK = 1790000000, FACT_DAY = 86400 };

struct facts {
    struct settings settings;
    struct problems problems;
    struct examination *e;
    struct diagnosis d;
    struct node_fact *spare[FACT_NODES]; /* taken out of the examination */
    size_t spares;
};

static inline void facts_reply(struct reply_fact *r, int32_t code, const char *text)
{
    step_end(&r->step, STATUS_OK, 5, NULL);
    free(r->text);
    r->is_ok = code == 0;
    r->code = code;
    r->text = text == NULL ? NULL : xstrdup(text);
}

static inline void facts_node(struct node_fact *n, bool is_primary)
{
    struct server_description *s = &n->description;
    step_end(&n->lookup, STATUS_OK, 3, NULL);
    address_parse("203.0.113.7", 27017, &n->dials[0].to);
    n->dial_count = 1;
    step_end(&n->dials[0].step, STATUS_OK, 8, NULL);
    step_end(&n->tls, STATUS_OK, 20, NULL);
    n->tls_tries = 1;
    n->tls_facts = (struct tls_facts){.saw_server_hello = true,
                                      .alert = -1,
                                      .has_certificate = true,
                                      .not_before = FACT_CLOCK - 30 * FACT_DAY,
                                      .not_after = FACT_CLOCK + 60 * FACT_DAY,
                                      .issuer = "Let's Encrypt",
                                      .names = "*.abcde.mongodb.net",
                                      .version = "TLSv1.3",
                                      .looks_like_tls = true};
    facts_reply(&n->hello, 0, NULL);
    server_description_init(s, NULL);
    s->type = is_primary ? SERVER_RS_PRIMARY : SERVER_RS_SECONDARY;
    s->set_name = xstrdup("atlas-x-shard-0");
    s->max_wire = 25;
    s->has_last_write = true;
    s->last_write_ms = (int64_t)FACT_CLOCK * 1000 - 4000;
    s->hosts = xcalloc(FACT_NODES, sizeof *s->hosts);
    n->is_described = true;
    n->clock_ms = (int64_t)FACT_CLOCK * 1000;
    facts_reply(&n->login, 0, NULL);
    facts_reply(&n->ping, 0, NULL);
    facts_reply(&n->who, 0, NULL);
}

static inline void facts_complain(struct facts *f, const char *id, bool is_warning)
{
    problems_add(&f->problems, is_warning, "connection string", "it is odd");
    f->problems.items[f->problems.count - 1].finding = id;
    f->problems.items[f->problems.count - 1].column = 7;
    f->e->is_unread = f->problems.errors > 0;
}

static inline struct facts *facts_new(void)
{
    struct facts *f = xcalloc(1, sizeof *f);
    f->settings.upstream.srv_host = xstrdup("cluster0.abcde.mongodb.net");
    f->settings.upstream.tls = true;
    f->settings.upstream.auth_mechanism = AUTH_DEFAULT;
    f->settings.pool.max_pool_size = 20;
    f->e = examination_new(&f->settings, &f->problems);
    f->e->machine.wall_clock = FACT_CLOCK;
    f->e->machine.built = FACT_CLOCK - 100 * FACT_DAY;
    f->e->machine.open_files_most = 65536;
    f->e->machine.has_ipv4_route = true;
    step_end(&f->e->seeds, STATUS_OK, 9, NULL);
    f->e->txt_replica_set = xstrdup("atlas-x-shard-0");
    f->e->auth_source = xstrdup("admin");
    f->e->auth_user = xstrdup("app");
    for (size_t i = 0; i < FACT_NODES; i++) {
        char name[64];
        snprintf(name, sizeof name, "ac-x-shard-00-0%zu.abcde.mongodb.net:27017", i);
        facts_node(examination_node(f->e, name, NODE_OF_SRV), i == 0);
    }
    for (size_t i = 0; i < FACT_NODES; i++) {
        struct server_description *s = &f->e->nodes[i]->description;
        for (size_t j = 0; j < FACT_NODES; j++) {
            s->hosts[j] = xstrdup(f->e->nodes[j]->name);
        }
        s->host_count = FACT_NODES;
    }
    return f;
}

static inline void facts_free(struct facts *f)
{
    diagnosis_clear(&f->d);
    for (size_t i = 0; i < f->spares; i++) {
        f->e->nodes[f->e->node_count++] = f->spare[i];
    }
    examination_free(f->e);
    problems_clear(&f->problems);
    free(f->settings.upstream.srv_host);
    free(f->settings.upstream.replica_set);
    free(f->settings.upstream.auth_source);
    free(f);
}

static inline void facts_side(struct facts *f, enum side_kind kind, enum status status)
{
    struct side_fact *side = &f->e->sides[f->e->side_count++];
    side->kind = kind;
    side->target = xstrdup("192.0.2.9:443");
    step_end(&side->step, status, 30, NULL);
}

/* What one resolver says: `own` of the machine's list, else of the fallback list. Its questions are
 * made when they are first set. */
static inline size_t facts_resolver(struct facts *f, const char *text, bool own)
{
    struct resolver r;
    struct resolver_fact *fact = &f->e->resolvers[f->e->resolver_count];
    enum resolver_origin origin = own ? RESOLVER_SYSTEM : RESOLVER_FALLBACK;
    assert_int_equal(resolver_parse(text, origin, &r, NULL), STATUS_OK);
    *fact = (struct resolver_fact){
        .text = xstrdup(r.text), .kind = r.kind, .origin = origin, .address = r.address};
    resolver_clear(&r);
    f->e->needs_resolvers = true;
    return f->e->resolver_count++;
}

static inline struct question_fact *facts_said(struct facts *f, size_t resolver,
                                               enum question_about about, enum question_way way,
                                               enum lookup_word word)
{
    struct question_fact *q = NULL;
    for (size_t i = 0; i < f->e->question_count; i++) {
        struct question_fact *one = f->e->questions[i];
        if (one->resolver == resolver && one->about == about && one->way == way) {
            q = one;
        }
    }
    if (q == NULL) {
        const char *host =
            about == ABOUT_NODE ? f->e->nodes[0]->host : "cluster0.abcde.mongodb.net";
        q = examination_question(f->e, resolver, about, way, host);
    }
    q->word = word;
    q->rcode = word == LOOKUP_TIMEOUT ? -1 : 0;
    q->records = word == LOOKUP_OK ? 1 : 0;
    return q;
}

/* A resolver that knows everything, and denies what is not there. */
static inline size_t facts_good_resolver(struct facts *f, const char *text, bool own)
{
    size_t i = facts_resolver(f, text, own);
    facts_said(f, i, ABOUT_SRV, WAY_USUAL, LOOKUP_OK)->records = 3;
    facts_said(f, i, ABOUT_TXT, WAY_USUAL, LOOKUP_OK);
    facts_said(f, i, ABOUT_HOST, WAY_USUAL, LOOKUP_NODATA);
    facts_said(f, i, ABOUT_NOTHING, WAY_USUAL, LOOKUP_NXDOMAIN);
    if (own) {
        facts_said(f, i, ABOUT_SRV, WAY_UDP, LOOKUP_OK);
        facts_said(f, i, ABOUT_SRV, WAY_UDP_PLAIN, LOOKUP_OK);
        facts_said(f, i, ABOUT_SRV, WAY_TCP, LOOKUP_OK);
    }
    return i;
}

/* Nothing was found, hence no node was seen. */
static inline void facts_nameless(struct facts *f, enum status status, const char *why)
{
    step_end(&f->e->seeds, status, 5000, why);
    for (size_t i = 0; i < f->e->node_count; i++) {
        f->spare[i] = f->e->nodes[i];
    }
    f->spares = f->e->node_count;
    f->e->node_count = 0;
}

/* Nothing was seen of the node after this. */
static inline void facts_forget(struct node_fact *n)
{
    struct reply_fact *replies[] = {&n->hello, &n->login, &n->ping, &n->who};
    if (n->is_described) {
        server_description_clear(&n->description);
    }
    n->is_described = false;
    n->clock_ms = 0;
    for (size_t i = 0; i < 4; i++) {
        free(replies[i]->text);
        *replies[i] = (struct reply_fact){0};
    }
}

static inline void facts_shut(struct node_fact *n, enum status status)
{
    facts_forget(n);
    n->tls = (struct step_fact){0};
    step_end(&n->dials[0].step, status, 5000, NULL);
}

static inline void facts_insecure(struct node_fact *n, enum status status)
{
    facts_forget(n);
    step_end(&n->tls, status, 40, NULL);
    n->tls_facts.version[0] = '\0';
}

/* For all nodes: `for (size_t i = 0; …)` as a word. */
#define facts_each(f, n)                               \
    for (size_t i_ = 0; i_ < (f)->e->node_count; i_++) \
        for (struct node_fact *n = (f)->e->nodes[i_]; n != NULL; n = NULL)

/* Judges, and says which finding stands first: FINDING_COUNT when none does. */
static inline enum finding_id judged(struct facts *f)
{
    diagnosis_clear(&f->d);
    examination_judge(f->e, &f->d);
    return f->d.count == 0 ? FINDING_COUNT : f->d.items[0].id;
}

static inline void assert_first(struct facts *f, enum finding_id id, enum finding_severity severity)
{
    enum finding_id first = judged(f);
    assert_string_equal(first == FINDING_COUNT ? "nothing" : finding_id_text(first),
                        finding_id_text(id));
    assert_int_equal(f->d.items[0].severity, severity);
}

static inline void assert_nothing(struct facts *f)
{
    enum finding_id first = judged(f);
    assert_string_equal(first == FINDING_COUNT ? "nothing" : finding_id_text(first), "nothing");
}

#endif
