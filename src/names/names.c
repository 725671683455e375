/* A request is one or two questions (SRV and TXT, or A and AAAA), each a core/dns lookup over the
 * resolvers; when all are over, the records are put together and on_done is called from a deadline,
 * hence in a turn of its own. What needs no DNS goes the same way with no question.
 *
 * Failures: a resolver refuses or is silent (the lookup asks the next); nobody knows (the sentence
 * of lookup_explain); an answer breaks a rule of the seed list (BAD_INPUT). Cancelling ends every
 * query. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/require.h"
#include "base/scope.h"
#include "core/dns/hosts_file.h"
#include "names/names_parts.h"

/* RFC 8305 section 3: how long the other family's addresses are waited for when one has come. */
enum { RESOLUTION_DELAY_MS = 50, HOSTS_FILE_BYTES = 256 * 1024 };

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

struct names_request *names_request_new(struct names *n, void *owner)
{
    struct names_request *r = xcalloc(1, sizeof *r);
    r->names = n;
    r->owner = owner;
    n->requests++;
    deadline_init(&r->done, on_done_due);
    return r;
}

void names_request_free(struct names_request *r)
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
    names_request_free(r);
}

/* --- a question --- */

static void on_time(struct deadline *d, msec now)
{
    struct question *q = container_of(d, struct question, deadline);
    lookup_on_time(&q->lookup, now);
    names_advance(q);
}

void names_add_question(struct names_request *r, uint16_t type, const char *name)
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
    names_advance(q);
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

void names_advance(struct question *q)
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

enum status names_explain(const struct question *q, struct error *why)
{
    struct names *n = q->request->names;
    char subject[400];
    snprintf(subject, sizeof subject, "the %s record of %s", dns_type_name(q->type), q->name);
    return lookup_explain(&q->lookup, (const char *const *)n->resolvers, subject, why);
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
    struct names_request *r = names_request_new(n, owner);
    r->on_addresses = on_done;
    r->host = xstrdup(host);
    r->port = port;
    find_without_dns(r);
    if (r->known_count > 0) {
        net_set_deadline(n->net, &r->done, net_now(n->net));
        return r;
    }
    names_add_question(r, DNS_AAAA, host);
    names_add_question(r, DNS_A, host);
    names_advance(&r->questions[0]);
    names_advance(&r->questions[1]);
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
        found.status = names_explain(&r->questions[1], &found.why);
    }
    names_request_free(r);
    on_done(owner, &found);
}

static void on_done_due(struct deadline *d, msec now)
{
    struct names_request *r = container_of(d, struct names_request, done);
    (void)now;
    if (r->on_seeds != NULL) {
        names_finish_seeds(r);
    } else {
        finish_addresses(r);
    }
}
