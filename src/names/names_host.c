/* The addresses of a host.
 *
 * Happy path: what needs no DNS (addresses, localhost, /etc/hosts) -> a burst of two questions, A
 * and AAAA, shared by all who ask for the host meanwhile -> each of them is told in a turn of its
 * own.
 *
 * Failures: nobody knows, or says nothing for a while: the last good answer, if there is one and
 * the request may have it; else the sentence of lookup_explain. Who no longer wants it leaves the
 * burst, which ends with the last. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/require.h"
#include "base/scope.h"
#include "core/dns/hosts_file.h"
#include "names/names_parts.h"

enum { HOSTS_FILE_BYTES = 256 * 1024 };

/* --- without DNS --- */

static size_t find_without_dns(struct names_request *r)
{
    struct names *n = r->names;
    size_t count = 0;
    if (address_parse(r->host, r->port, &r->list[0])) {
        return 1;
    }
    auto_file FILE *file = n->hosts_file == NULL ? NULL : fopen(n->hosts_file, "re");
    if (file != NULL) {
        auto_free char *bytes = xmalloc(HOSTS_FILE_BYTES);
        size_t size = fread(bytes, 1, HOSTS_FILE_BYTES, file);
        count = hosts_file_find(span_of(bytes, size), r->host, r->port, r->list, ADDRESSES_MOST);
    }
    if (count == 0 && strcasecmp(r->host, "localhost") == 0) {
        address_parse("127.0.0.1", r->port, &r->list[0]);
        address_parse("::1", r->port, &r->list[1]);
        count = 2;
    }
    return count;
}

/* --- asking --- */

static struct names_request *find_burst(const struct names *n, const char *host)
{
    list_for_each (link, &n->bursts) {
        struct names_request *burst = container_of(link, struct names_request, link);
        if (strcasecmp(burst->host, host) == 0) {
            return burst;
        }
    }
    return NULL;
}

static struct names_request *begin_burst(struct names *n, const char *host)
{
    struct names_request *burst = names_request_new(n, NULL);
    burst->host = xstrdup(host);
    list_push_back(&n->bursts, &burst->link);
    names_add_question(burst, DNS_AAAA, host);
    names_add_question(burst, DNS_A, host);
    names_advance(&burst->questions[0]);
    names_advance(&burst->questions[1]);
    return burst;
}

static void end_burst(struct names_request *burst)
{
    list_remove(&burst->link);
    names_request_free(burst);
}

void names_leave_burst(struct names_request *r)
{
    struct names_request *burst = r->burst;
    if (burst == NULL) {
        return;
    }
    r->burst = NULL;
    list_remove(&r->link);
    if (list_is_empty(&burst->askers)) {
        end_burst(burst);
    }
}

static struct names_request *ask(struct names *n, const char *host, uint16_t port, bool is_live,
                                 void (*on_done)(void *owner, const struct names_addresses *found),
                                 void *owner)
{
    struct names_request *r = names_request_new(n, owner);
    r->on_addresses = on_done;
    r->host = xstrdup(host);
    r->port = port;
    r->is_live = is_live;
    r->found.count = find_without_dns(r);
    if (r->found.count > 0) {
        r->found.ttl_ms = MINUTES(1);
        net_set_deadline(n->net, &r->done, net_now(n->net));
        return r;
    }
    r->burst = find_burst(n, host);
    r->burst = r->burst == NULL ? begin_burst(n, host) : r->burst;
    list_push_back(&r->burst->askers, &r->link);
    if (!is_live && names_memory_host(n->memory, host) != NULL) {
        names_limit_patience(r);
    }
    return r;
}

struct names_request *
names_resolve_host(struct names *n, const char *host, uint16_t port,
                   void (*on_done)(void *owner, const struct names_addresses *found), void *owner)
{
    return ask(n, host, port, false, on_done, owner);
}

struct names_request *
names_refresh_host(struct names *n, const char *host, uint16_t port,
                   void (*on_done)(void *owner, const struct names_addresses *found), void *owner)
{
    return ask(n, host, port, true, on_done, owner);
}

/* --- the burst has ended --- */

/* IPv6 and IPv4 in turns (RFC 8305). */
static size_t interleave(const struct names_request *burst, struct address *out)
{
    const struct dns_answer *a = &burst->questions[0].answer;
    const struct dns_answer *b = &burst->questions[1].answer;
    size_t count = 0;
    for (size_t i = 0; (i < a->count || i < b->count) && count + 2 <= ADDRESSES_MOST; i++) {
        if (i < a->count) {
            out[count++] = a->records[i].address;
        }
        if (i < b->count) {
            out[count++] = b->records[i].address;
        }
    }
    return count;
}

static msec least_ttl(const struct names_request *burst)
{
    uint32_t least = UINT32_MAX;
    for (size_t i = 0; i < burst->question_count; i++) {
        const struct dns_answer *answer = &burst->questions[i].answer;
        if (answer->count > 0 && answer->ttl_seconds < least) {
            least = answer->ttl_seconds;
        }
    }
    return SECONDS(least);
}

static void judge(struct names_request *burst)
{
    struct names_addresses *found = &burst->found;
    struct names_memory *memory = burst->names->memory;
    const struct question *aaaa = &burst->questions[0];
    const struct question *a = &burst->questions[1];
    found->count = interleave(burst, burst->list);
    found->addresses = burst->list;
    if (found->count > 0) {
        found->ttl_ms = least_ttl(burst);
        found->source = names_source(a->is_known && a->answer.count > 0 ? a : aaaa);
        names_memory_put_host(memory, burst->host, found);
    } else {
        found->status = names_explain(a, &found->why);
        names_memory_on_silence(memory);
    }
}

void names_finish_burst(struct names_request *burst)
{
    judge(burst);
    while (!list_is_empty(&burst->askers)) {
        struct names_request *r =
            container_of(list_first(&burst->askers), struct names_request, link);
        list_remove(&r->link);
        r->burst = NULL;
        r->found = burst->found;
        memcpy(r->list, burst->list, sizeof r->list);
        r->source = burst->found.source == NULL ? NULL : xstrdup(burst->found.source);
        r->found.source = r->source;
        net_clear_deadline(r->names->net, &r->patience);
        net_set_deadline(r->names->net, &r->done, net_now(r->names->net));
    }
    end_burst(burst);
}

/* --- the request ends --- */

/* What was known last has to do, if there is anything. */
static void use_memory(struct names_request *r)
{
    struct names_memory *m = r->names->memory;
    struct last_good_name *known = r->is_live ? NULL : names_memory_host(m, r->host);
    struct names_addresses *found = &r->found;
    if (known == NULL) {
        return;
    }
    found->age = names_memory_use_host(m, known, &found->why);
    memcpy(r->list, known->addresses, known->count * sizeof *r->list);
    r->source = xstrdup(known->source);
    found->count = known->count;
    found->source = r->source;
    found->is_stale = true;
    found->status = STATUS_OK;
}

void names_finish_host(struct names_request *r)
{
    void (*on_done)(void *owner, const struct names_addresses *found) = r->on_addresses;
    void *owner = r->owner;
    if (r->is_impatient) {
        names_explain_impatience(&r->burst->questions[1], &r->found.why);
        r->found.status = r->found.why.status;
        names_memory_on_silence(r->names->memory);
        names_leave_burst(r);
    }
    if (r->found.status != STATUS_OK) {
        use_memory(r);
    }
    for (size_t i = 0; i < r->found.count; i++) {
        r->list[i].port = r->port;
    }
    struct names_addresses found = r->found;
    struct address list[ADDRESSES_MOST];
    auto_free char *source = r->source;
    r->source = NULL;
    memcpy(list, r->list, sizeof list);
    found.addresses = list;
    names_request_free(r);
    on_done(owner, &found);
}
