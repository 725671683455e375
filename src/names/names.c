/* A request is one or two questions (SRV and TXT, or A and AAAA), each a core/dns lookup over the
 * candidates; when all are over, the records are put together and on_done is called from a
 * deadline, hence in a turn of its own. What needs no DNS goes the same way with no question.
 *
 * Failures: a resolver refuses or is silent (the lookup asks the next); nobody knows (the sentence
 * of lookup_explain); an answer breaks a rule of the seed list (BAD_INPUT). Cancelling ends every
 * asking. */
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

static char **copy_list(char **list)
{
    size_t count = 0;
    while (list != NULL && list[count] != NULL) {
        count++;
    }
    char **copy = xcalloc(count + 1, sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        copy[i] = xstrdup(list[i]);
    }
    return copy;
}

static void free_list(char **list)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        free(list[i]);
    }
    free(list);
}

struct names *names_new(struct net *net, const struct dns_settings *settings)
{
    struct names *n = xcalloc(1, sizeof *n);
    n->net = net;
    n->settings = *settings;
    n->settings.resolvers = copy_list(settings->resolvers);
    n->settings.resolv_conf = xstrdup(settings->resolv_conf);
    n->settings.fallback_resolvers = copy_list(settings->fallback_resolvers);
    n->settings.ca_file = settings->ca_file == NULL ? NULL : xstrdup(settings->ca_file);
    n->hosts_file = xstrdup("/etc/hosts");
    return n;
}

void names_free(struct names *n)
{
    if (n == NULL) {
        return;
    }
    require(n->requests == 0);
    free_list(n->settings.resolvers);
    free_list(n->settings.fallback_resolvers);
    free(n->settings.resolv_conf);
    free(n->settings.ca_file);
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

static void cancel_askings(struct question *q)
{
    for (size_t i = 0; i < LOOKUP_RESOLVERS_MOST; i++) {
        if (q->asked[i].asking != NULL) {
            asking_cancel(q->asked[i].asking);
            q->asked[i].asking = NULL;
        }
    }
}

void names_request_free(struct names_request *r)
{
    for (size_t i = 0; i < r->question_count; i++) {
        struct question *q = &r->questions[i];
        cancel_askings(q);
        net_clear_deadline(r->names->net, &q->deadline);
        dns_answer_clear(&q->answer);
        free(q->name);
    }
    net_clear_deadline(r->names->net, &r->done);
    r->names->requests--;
    candidates_free(r->candidates);
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
    if (r->candidates == NULL) {
        r->candidates = candidates_new(&r->names->settings);
    }
    q->request = r;
    q->type = type;
    q->name = xstrdup(name);
    deadline_init(&q->deadline, on_time);
    lookup_init(&q->lookup, r->candidates->count, r->names->settings.timeout_ms, net_now(net));
    for (size_t i = 0; i < LOOKUP_RESOLVERS_MOST; i++) {
        q->asked[i].question = q;
    }
}

static void on_asked(void *owner, struct asking_result *result)
{
    struct asked *a = owner;
    struct question *q = a->question;
    size_t resolver = (size_t)(a - q->asked);
    a->asking = NULL;
    if (lookup_is_answer(result->word)) {
        dns_answer_clear(&q->answer);
        q->answer = result->answer;
        result->answer = (struct dns_answer){0};
    }
    lookup_on_word(&q->lookup, resolver, result->word, net_now(q->request->names->net));
    names_advance(q);
}

static void end_question(struct question *q)
{
    struct names_request *r = q->request;
    struct net *net = r->names->net;
    q->is_over = true;
    cancel_askings(q);
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

static void ask(struct question *q, size_t resolver)
{
    struct net *net = q->request->names->net;
    struct asking_wanted wanted = {.resolver = &q->request->candidates->list[resolver],
                                   .name = q->name,
                                   .type = q->type,
                                   .timeout = q->lookup.deadline - net_now(net)};
    q->asked[resolver].asking = asking_start(net, &wanted, on_asked, &q->asked[resolver]);
}

void names_advance(struct question *q)
{
    struct net *net = q->request->names->net;
    struct lookup_action action;
    while (!q->is_over && lookup_next_action(&q->lookup, net_now(net), &action)) {
        switch (action.kind) {
        case LOOKUP_ASK:
            ask(q, action.resolver);
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
    net_set_deadline(net, &q->deadline, lookup_deadline(&q->lookup));
}

enum status names_explain(const struct question *q, struct error *why)
{
    const struct candidates *c = q->request->candidates;
    const char *texts[LOOKUP_RESOLVERS_MOST];
    char subject[400];
    if (c->count == 0) {
        return error_set(why, STATUS_NAME_LOOKUP_FAILED,
                         "the %s record of %s could not be looked up: no resolver is known, since "
                         "%s names none; write \"nameserver ADDRESS\" there, or set dns.resolvers",
                         dns_type_name(q->type), q->name, q->request->names->settings.resolv_conf);
    }
    for (size_t i = 0; i < c->count; i++) {
        texts[i] = c->list[i].text;
    }
    snprintf(subject, sizeof subject, "the %s record of %s", dns_type_name(q->type), q->name);
    return lookup_explain(&q->lookup, texts, subject, why);
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
