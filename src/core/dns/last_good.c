#include "core/dns/last_good.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/require.h"

void last_good_init(struct last_good *l, const char *cluster)
{
    *l = (struct last_good){.cluster = xstrdup(cluster)};
}

static void clear_seeds(struct last_good_seeds *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->hosts[i]);
    }
    free(s->hosts);
    free(s->source);
    free(s->auth_source);
    free(s->replica_set);
    *s = (struct last_good_seeds){0};
}

static void clear_name(struct last_good_name *n)
{
    free(n->host);
    free(n->source);
}

void last_good_clear(struct last_good *l)
{
    clear_seeds(&l->seeds);
    for (size_t i = 0; i < l->name_count; i++) {
        clear_name(&l->names[i]);
    }
    free(l->names);
    free(l->cluster);
    *l = (struct last_good){0};
}

/* --- seeds --- */

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_among(const char *host, const char *const *hosts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(hosts[i], host) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_hosts(const struct last_good_seeds *s, const char *const *hosts, size_t count)
{
    const char *const *own = (const char *const *)s->hosts;
    bool are_same = s->count == count;
    for (size_t i = 0; i < count && are_same; i++) {
        are_same = is_among(hosts[i], own, count) && is_among(own[i], hosts, count);
    }
    return are_same;
}

bool last_good_has_hosts(const struct last_good *l, const char *const *hosts, size_t count)
{
    return has_hosts(&l->seeds, hosts, count);
}

static bool says_the_same(const struct last_good_seeds *a, const struct last_good_seeds *b)
{
    if (a->load_balanced != b->load_balanced || !is_same_text(a->auth_source, b->auth_source) ||
        !is_same_text(a->replica_set, b->replica_set)) {
        return false;
    }
    return has_hosts(a, (const char *const *)b->hosts, b->count);
}

static char *copy_text(const char *text)
{
    return text == NULL ? NULL : xstrdup(text);
}

static bool is_short(const char *text)
{
    return text == NULL || strlen(text) <= LAST_GOOD_TEXT_BYTES_MOST;
}

bool last_good_put_seeds(struct last_good *l, const struct last_good_seeds *seeds)
{
    if (!is_short(seeds->source) || !is_short(seeds->auth_source) ||
        !is_short(seeds->replica_set)) {
        return false;
    }
    struct last_good_seeds copy = {.when = seeds->when,
                                   .source = copy_text(seeds->source),
                                   .auth_source = copy_text(seeds->auth_source),
                                   .replica_set = copy_text(seeds->replica_set),
                                   .load_balanced = seeds->load_balanced};
    copy.hosts = xcalloc(seeds->count + 1, sizeof *copy.hosts);
    for (size_t i = 0; i < seeds->count && i < LAST_GOOD_HOSTS_MOST; i++) {
        copy.hosts[copy.count++] = xstrdup(seeds->hosts[i]);
    }
    bool is_news = !says_the_same(&l->seeds, &copy);
    clear_seeds(&l->seeds);
    l->seeds = copy;
    return is_news;
}

/* --- names --- */

struct last_good_name *last_good_find(const struct last_good *l, const char *host)
{
    for (size_t i = 0; i < l->name_count; i++) {
        if (strcasecmp(l->names[i].host, host) == 0) {
            return &l->names[i];
        }
    }
    return NULL;
}

static void drop(struct last_good *l, size_t index)
{
    clear_name(&l->names[index]);
    l->name_count--;
    memmove(&l->names[index], &l->names[index + 1], (l->name_count - index) * sizeof *l->names);
}

static struct last_good_name *add(struct last_good *l, const char *host)
{
    size_t oldest = 0;
    for (size_t i = 1; i < l->name_count; i++) {
        oldest = l->names[i].when < l->names[oldest].when ? i : oldest;
    }
    if (l->name_count == LAST_GOOD_NAMES_MOST) {
        drop(l, oldest);
    }
    l->names = xrealloc(l->names, (l->name_count + 1) * sizeof *l->names);
    l->names[l->name_count] = (struct last_good_name){.host = xstrdup(host)};
    return &l->names[l->name_count++];
}

static bool has_address(const struct last_good_name *n, const struct address *a)
{
    for (size_t i = 0; i < n->count; i++) {
        if (address_equals(&n->addresses[i], a)) {
            return true;
        }
    }
    return false;
}

/* One word of a line, whoever wrote the connection string. */
static bool can_be_kept(const char *host)
{
    for (const char *c = host; *c != '\0'; c++) {
        if (*c <= ' ' || *c >= 0x7f) {
            return false;
        }
    }
    return strlen(host) <= LAST_GOOD_HOST_BYTES_MOST && host[0] != '\0';
}

bool last_good_put_name(struct last_good *l, const char *host, const struct address *addresses,
                        size_t count, const char *source, msec when)
{
    if (count == 0 || !can_be_kept(host) || !is_short(source)) {
        return false;
    }
    struct last_good_name *n = last_good_find(l, host);
    struct last_good_name fresh = {.when = when};
    for (size_t i = 0; i < count && fresh.count < LAST_GOOD_ADDRESSES_MOST; i++) {
        struct address bare = addresses[i];
        bare.port = 0;
        if (!has_address(&fresh, &bare)) {
            fresh.addresses[fresh.count++] = bare;
        }
    }
    n = n == NULL ? add(l, host) : n;
    bool is_news = n->count != fresh.count;
    for (size_t i = 0; i < fresh.count && !is_news; i++) {
        is_news = !has_address(n, &fresh.addresses[i]);
    }
    free(n->source);
    fresh.host = n->host;
    fresh.source = xstrdup(source);
    *n = fresh;
    return is_news;
}

void last_good_forget(struct last_good *l, msec since)
{
    if (l->seeds.when < since) {
        clear_seeds(&l->seeds);
    }
    for (size_t i = l->name_count; i > 0; i--) {
        if (l->names[i - 1].when < since) {
            drop(l, i - 1);
        }
    }
}
