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

enum { HOSTS_FILE_BYTES = 256 * 1024 };

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
    tls_config_free(n->tls);
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
        names_cancel_askings(q);
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

void names_describe(const struct names *n, char *text, size_t room)
{
    struct candidates *c = candidates_new(&n->settings);
    candidates_describe(c, &n->settings, text, room);
    candidates_free(c);
}
