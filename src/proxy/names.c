/* A request is one or two questions (SRV and TXT, or A and AAAA), each a core/dns lookup over the
 * resolvers; when all are over, the records are put together and on_done is called from a deadline,
 * hence in a turn of its own. What needs no DNS goes the same way with no question.
 *
 * Failures: a resolver refuses or is silent (the lookup asks the next); nobody knows (the sentence
 * of lookup_explain); an answer breaks a rule of the seed list (BAD_INPUT). Cancelling ends every
 * query. */
#include "proxy/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/list.h"
#include "base/log.h"
#include "base/require.h"
#include "base/scope.h"
#include "core/dns/hosts_file.h"
#include "core/dns/seeds.h"

/* RFC 8305 section 3: how long the other family's addresses are waited for when one has come. */
enum { RESOLUTION_DELAY_MS = 50 };

enum { QUESTIONS = 2, ADDRESSES_MOST = 16, HOSTS_FILE_BYTES = 256 * 1024 };

struct names {
    struct net *net;
    char **resolvers;
    size_t resolver_count;
    msec timeout;
    char *hosts_file;
    size_t requests;
};

struct question;

struct asking {
    struct question *question;
    struct query *query; /* NULL: not under way */
};

struct question {
    struct names_request *request;
    uint16_t type;
    char *name;
    struct lookup lookup;
    struct deadline deadline;
    struct asking askings[LOOKUP_RESOLVERS_MOST];
    struct dns_answer answer; /* of the resolver that was believed */
    bool is_over;
    bool is_known; /* somebody answered, maybe that there is nothing */
};

struct names_request {
    struct names *names;
    struct question questions[QUESTIONS];
    size_t question_count;
    struct deadline done;                     /* on_done is due */
    const struct upstream_settings *upstream; /* seeds */
    void (*on_seeds)(void *owner, const struct names_seeds *found);
    void (*on_addresses)(void *owner, const struct names_addresses *found);
    void *owner;
    char *host;
    uint16_t port;
    struct address known[ADDRESSES_MOST]; /* without DNS */
    size_t known_count;
};

static void advance(struct question *q);
static void on_done_due(struct deadline *d, msec now);

struct names *names_new(struct net *net, const struct dns_settings *settings)
{
    struct names *n = xcalloc(1, sizeof *n);
    n->net = net;
    n->timeout = settings->timeout_ms;
    n->hosts_file = xstrdup("/etc/hosts");
    n->resolvers = xcalloc(LOOKUP_RESOLVERS_MOST, sizeof *n->resolvers);
    for (size_t i = 0; settings->resolvers != NULL && settings->resolvers[i] != NULL &&
                       n->resolver_count < LOOKUP_RESOLVERS_MOST;
         i++) {
        n->resolvers[n->resolver_count++] = xstrdup(settings->resolvers[i]);
    }
    if (n->resolver_count == 0) {
        n->resolvers[n->resolver_count++] = xstrdup("system");
    }
    return n;
}

void names_free(struct names *n)
{
    if (n == NULL) {
        return;
    }
    require(n->requests == 0);
    for (size_t i = 0; i < n->resolver_count; i++) {
        free(n->resolvers[i]);
    }
    free(n->resolvers);
    free(n->hosts_file);
    free(n);
}

void names_set_hosts_file(struct names *n, const char *path)
{
    free(n->hosts_file);
    n->hosts_file = path == NULL ? NULL : xstrdup(path);
}

/* --- a request --- */

static struct names_request *request_new(struct names *n, void *owner)
{
    struct names_request *r = xcalloc(1, sizeof *r);
    r->names = n;
    r->owner = owner;
    n->requests++;
    deadline_init(&r->done, on_done_due);
    return r;
}

static void request_free(struct names_request *r)
{
    for (size_t i = 0; i < r->question_count; i++) {
        struct question *q = &r->questions[i];
        for (size_t j = 0; j < LOOKUP_RESOLVERS_MOST; j++) {
            if (q->askings[j].query != NULL) {
                net_query_cancel(q->askings[j].query);
            }
        }
        net_clear_deadline(r->names->net, &q->deadline);
        dns_answer_clear(&q->answer);
        free(q->name);
    }
    net_clear_deadline(r->names->net, &r->done);
    r->names->requests--;
    free(r->host);
    free(r);
}

void names_cancel(struct names_request *r)
{
    request_free(r);
}

/* --- a question --- */

static void on_time(struct deadline *d, msec now)
{
    struct question *q = container_of(d, struct question, deadline);
    lookup_on_time(&q->lookup, now);
    advance(q);
}

static void add_question(struct names_request *r, uint16_t type, const char *name)
{
    struct question *q = &r->questions[r->question_count++];
    struct net *net = r->names->net;
    q->request = r;
    q->type = type;
    q->name = xstrdup(name);
    deadline_init(&q->deadline, on_time);
    lookup_init(&q->lookup, r->names->resolver_count, r->names->timeout, net_now(net));
    for (size_t i = 0; i < LOOKUP_RESOLVERS_MOST; i++) {
        q->askings[i].question = q;
    }
}

static void on_answer(void *owner, enum status status, struct span message)
{
    struct asking *a = owner;
    struct question *q = a->question;
    struct dns_answer answer = {0};
    struct error why;
    enum status decoded = STATUS_OK;
    size_t resolver = (size_t)(a - q->askings);
    a->query = NULL;
    if (status == STATUS_OK) {
        decoded = message_decode(message, q->type, q->name, &answer, &why);
    }
    enum lookup_word word = lookup_word_of(status, decoded, &answer);
    bool is_answer = word == LOOKUP_OK || word == LOOKUP_NXDOMAIN || word == LOOKUP_NODATA;
    if (is_answer && !q->is_over) {
        dns_answer_clear(&q->answer);
        q->answer = answer;
    } else {
        dns_answer_clear(&answer);
    }
    lookup_on_word(&q->lookup, resolver, word, net_now(q->request->names->net));
    advance(q);
}

static void end_question(struct question *q)
{
    struct names_request *r = q->request;
    struct net *net = r->names->net;
    q->is_over = true;
    net_clear_deadline(net, &q->deadline);
    for (size_t i = 0; i < r->question_count; i++) {
        if (!r->questions[i].is_over) {
            if (r->on_addresses != NULL && q->answer.count > 0) {
                net_set_deadline(net, &r->done, net_now(net) + RESOLUTION_DELAY_MS);
            }
            return;
        }
    }
    net_set_deadline(net, &r->done, net_now(net));
}

static void advance(struct question *q)
{
    struct names *n = q->request->names;
    struct lookup_action action;
    while (!q->is_over && lookup_next_action(&q->lookup, net_now(n->net), &action)) {
        struct asking *a = &q->askings[action.resolver];
        switch (action.kind) {
        case LOOKUP_ASK:
            a->query = net_query(n->net, n->resolvers[action.resolver], q->name, q->type,
                                 (struct query_asked){.on_answer = on_answer, .owner = a});
            break;
        case LOOKUP_BELIEVE:
            q->is_known = true;
            end_question(q);
            return;
        case LOOKUP_GIVE_UP:
            end_question(q);
            return;
        }
    }
    net_set_deadline(n->net, &q->deadline, lookup_deadline(&q->lookup));
}

static enum status explain(const struct question *q, struct error *why)
{
    struct names *n = q->request->names;
    char subject[400];
    snprintf(subject, sizeof subject, "the %s record of %s", dns_type_name(q->type), q->name);
    return lookup_explain(&q->lookup, (const char *const *)n->resolvers, subject, why);
}

/* --- seeds --- */

struct names_request *
names_resolve_seeds(struct names *n, const struct upstream_settings *upstream,
                    void (*on_done)(void *owner, const struct names_seeds *found), void *owner)
{
    struct names_request *r = request_new(n, owner);
    struct seeds_wanted wanted = {.host = upstream->srv_host,
                                  .service = upstream->srv_service_name};
    auto_free char *srv = seeds_srv_name(&wanted, NULL);
    r->on_seeds = on_done;
    r->upstream = upstream;
    if (srv == NULL) {
        net_set_deadline(n->net, &r->done, net_now(n->net));
        return r;
    }
    add_question(r, DNS_SRV, srv);
    add_question(r, DNS_TXT, upstream->srv_host);
    advance(&r->questions[0]);
    advance(&r->questions[1]);
    return r;
}

static enum status build_seeds(struct names_request *r, struct seeds *seeds, struct error *why)
{
    const struct upstream_settings *up = r->upstream;
    const struct question *srv = &r->questions[0];
    const struct question *txt = &r->questions[1];
    struct seeds_wanted wanted = {.host = up->srv_host,
                                  .service = up->srv_service_name,
                                  .max_hosts = (size_t)up->srv_max_hosts,
                                  .replica_set = up->replica_set,
                                  .load_balanced = up->load_balanced};
    uint32_t words[DNS_RECORDS_MOST];
    if (r->question_count == 0) {
        auto_free char *unused = seeds_srv_name(&wanted, why);
        return why->status;
    }
    if (!srv->is_known || srv->answer.count == 0) {
        return explain(srv, why);
    }
    if (!txt->is_known) {
        log_warn(LOG_DNS, NULL, "the TXT record of %s could not be had: going on without it",
                 txt->name);
    }
    net_random(r->names->net, words, sizeof words);
    return seeds_build(&wanted, &srv->answer, txt->is_known ? &txt->answer : NULL, words, seeds,
                       why);
}

/* What every resolver that was asked has said. */
static size_t list_rows(const struct names_request *r, struct names_row *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < r->question_count; i++) {
        const struct question *q = &r->questions[i];
        for (size_t j = 0; j < q->lookup.asked; j++) {
            const struct lookup_try *t = &q->lookup.tries[j];
            bool is_ok = t->word == LOOKUP_OK;
            rows[count++] = (struct names_row){.type = q->type,
                                               .name = q->name,
                                               .resolver = r->names->resolvers[j],
                                               .word = t->word,
                                               .ttl_seconds = is_ok ? q->answer.ttl_seconds : 0,
                                               .records = is_ok ? q->answer.count : 0,
                                               .took = t->took};
        }
    }
    return count;
}

static void finish_seeds(struct names_request *r)
{
    struct seeds seeds = {0};
    struct names_seeds found = {0};
    struct names_row rows[QUESTIONS * LOOKUP_RESOLVERS_MOST];
    char *texts[QUESTIONS] = {NULL};
    void (*on_done)(void *owner, const struct names_seeds *found) = r->on_seeds;
    void *owner = r->owner;
    found.status = build_seeds(r, &seeds, &found.why);
    found.hosts = (const char *const *)seeds.hosts;
    found.count = seeds.count;
    found.auth_source = seeds.auth_source;
    found.replica_set = seeds.replica_set;
    found.load_balanced = seeds.load_balanced;
    found.ttl_ms = r->question_count == 0 ? 0 : SECONDS(r->questions[0].answer.ttl_seconds);
    found.rows = rows;
    found.row_count = list_rows(r, rows);
    for (size_t i = 0; i < r->question_count; i++) { /* the rows outlive the request */
        texts[i] = r->questions[i].name;
        r->questions[i].name = NULL;
    }
    request_free(r);
    on_done(owner, &found);
    for (size_t i = 0; i < QUESTIONS; i++) {
        free(texts[i]);
    }
    seeds_clear(&seeds);
}

/* --- addresses --- */

/* Addresses, socket paths, localhost, and what /etc/hosts says. */
static void find_without_dns(struct names_request *r)
{
    struct names *n = r->names;
    char *bytes;
    if (address_parse(r->host, r->port, &r->known[0])) {
        r->known_count = 1;
        return;
    }
    auto_file FILE *file = n->hosts_file == NULL ? NULL : fopen(n->hosts_file, "re");
    if (file != NULL) {
        bytes = xmalloc(HOSTS_FILE_BYTES);
        size_t size = fread(bytes, 1, HOSTS_FILE_BYTES, file);
        r->known_count =
            hosts_file_find(span_of(bytes, size), r->host, r->port, r->known, ADDRESSES_MOST);
        free(bytes);
    }
    if (r->known_count == 0 && strcasecmp(r->host, "localhost") == 0) {
        address_parse("127.0.0.1", r->port, &r->known[0]);
        address_parse("::1", r->port, &r->known[1]);
        r->known_count = 2;
    }
}

struct names_request *
names_resolve_host(struct names *n, const char *host, uint16_t port,
                   void (*on_done)(void *owner, const struct names_addresses *found), void *owner)
{
    struct names_request *r = request_new(n, owner);
    r->on_addresses = on_done;
    r->host = xstrdup(host);
    r->port = port;
    find_without_dns(r);
    if (r->known_count > 0) {
        net_set_deadline(n->net, &r->done, net_now(n->net));
        return r;
    }
    add_question(r, DNS_AAAA, host);
    add_question(r, DNS_A, host);
    advance(&r->questions[0]);
    advance(&r->questions[1]);
    return r;
}

/* IPv6 and IPv4 in turns (RFC 8305). */
static size_t interleave(const struct names_request *r, struct address *out)
{
    const struct dns_answer *a = &r->questions[0].answer;
    const struct dns_answer *b = &r->questions[1].answer;
    size_t count = 0;
    for (size_t i = 0; (i < a->count || i < b->count) && count + 2 <= ADDRESSES_MOST; i++) {
        if (i < a->count) {
            out[count++] = a->records[i].address;
        }
        if (i < b->count) {
            out[count++] = b->records[i].address;
        }
    }
    for (size_t i = 0; i < count; i++) {
        out[i].port = r->port;
    }
    return count;
}

static msec least_ttl(const struct names_request *r)
{
    uint32_t least = UINT32_MAX;
    for (size_t i = 0; i < r->question_count; i++) {
        const struct dns_answer *answer = &r->questions[i].answer;
        if (answer->count > 0 && answer->ttl_seconds < least) {
            least = answer->ttl_seconds;
        }
    }
    return SECONDS(least == UINT32_MAX ? 0 : least);
}

static void finish_addresses(struct names_request *r)
{
    struct names_addresses found = {.ttl_ms = MINUTES(1)};
    struct address list[ADDRESSES_MOST];
    void (*on_done)(void *owner, const struct names_addresses *found) = r->on_addresses;
    void *owner = r->owner;
    if (r->known_count > 0) {
        memcpy(list, r->known, sizeof list);
        found.count = r->known_count;
    } else {
        found.count = interleave(r, list);
        found.ttl_ms = least_ttl(r);
    }
    found.addresses = list;
    if (found.count == 0) {
        found.status = explain(&r->questions[1], &found.why);
    }
    request_free(r);
    on_done(owner, &found);
}

static void on_done_due(struct deadline *d, msec now)
{
    struct names_request *r = container_of(d, struct names_request, done);
    (void)now;
    if (r->on_seeds != NULL) {
        finish_seeds(r);
    } else {
        finish_addresses(r);
    }
}
