/* The rules in the order in which seeds_build applies them: targets, TXT, combinations, the choice
 * of srvMaxHosts. Any rule broken ends it with a sentence. seeds_follow knows the first only. */
#include "core/dns/seeds.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/host_name.h"
#include "base/require.h"

static char *lower_name(const char *name)
{
    size_t size = strlen(name);
    char *lower = xstrndup(name, size > 0 && name[size - 1] == '.' ? size - 1 : size);
    for (char *c = lower; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    return lower;
}

/* Names from DNS come without the last dot: one that has it is none. */
static bool is_host_name(const char *name)
{
    size_t size = strlen(name);
    return host_is_name(name, size) && name[size - 1] != '.';
}

char *seeds_srv_name(const struct seeds_wanted *wanted, struct error *why)
{
    const char *service = wanted->service == NULL ? "mongodb" : wanted->service;
    char *host = lower_name(wanted->host);
    char *name = xformat("_%s._tcp.%s", service, host);
    bool is_good = is_host_name(host) && is_host_name(name) && *service != '\0' &&
                   strchr(service, '.') == NULL;
    free(host);
    if (is_good) {
        return name;
    }
    error_set(why, STATUS_BAD_INPUT,
              "the SRV name %.200s of the connection string is no DNS name; check host and "
              "srvServiceName",
              name);
    free(name);
    return NULL;
}

/* What a target must end with, behind a dot. */
static const char *parent_domain(const char *host)
{
    const char *first = strchr(host, '.');
    bool is_long = first != NULL && strchr(first + 1, '.') != NULL;
    return is_long ? first + 1 : host;
}

static enum status check_target(const char *host, const char *target, struct error *why)
{
    const char *domain = parent_domain(host);
    size_t size = strlen(domain), target_size = strlen(target);
    if (!is_host_name(target)) {
        return error_set(why, STATUS_BAD_INPUT,
                         "the SRV record of %s names %.200s, which is no host", host,
                         target_size == 0 ? "nothing (\".\")" : target);
    }
    if (target_size < size + 2 || target[target_size - size - 1] != '.' ||
        strcmp(target + target_size - size, domain) != 0) {
        return error_set(why, STATUS_BAD_INPUT,
                         "the SRV record of %s names %.120s, which is not within %.120s: refused, "
                         "since credentials would be sent there; check the host name of the "
                         "connection string and who answers its DNS",
                         host, target, domain);
    }
    return STATUS_OK;
}

enum status seeds_check_target(const char *host, const char *target, struct error *why)
{
    char *lower_host = lower_name(host);
    char *lower_target = lower_name(target);
    enum status status = check_target(lower_host, lower_target, why);
    free(lower_host);
    free(lower_target);
    return status;
}

static bool has_host(const struct seeds *s, const char *host)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->hosts[i], host) == 0) {
            return true;
        }
    }
    return false;
}

static enum status add_target(struct seeds *s, const char *host, const struct dns_record *record,
                              struct error *why)
{
    enum status status = seeds_check_target(host, record->text, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (record->port == 0) {
        return error_set(why, STATUS_BAD_INPUT, "the SRV record of %.200s names %.200s with port 0",
                         host, record->text);
    }
    char *target = lower_name(record->text);
    char *seed = xformat("%s:%u", target, record->port);
    free(target);
    if (has_host(s, seed)) {
        free(seed);
    } else {
        s->hosts[s->count++] = seed;
    }
    return STATUS_OK;
}

static enum status add_targets(struct seeds *s, const char *host, const struct dns_answer *srv,
                               struct error *why)
{
    if (srv->count == 0) {
        return error_set(why, STATUS_BAD_INPUT, "the SRV record of %.200s names no server", host);
    }
    s->hosts = xcalloc(srv->count, sizeof *s->hosts);
    for (size_t i = 0; i < srv->count; i++) {
        enum status status = add_target(s, host, &srv->records[i], why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes in place; false when a "%" stands alone or hides a zero byte. */
static bool decode(char *text)
{
    char *out = text;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c != '%') {
            *out++ = *c;
            continue;
        }
        int high = digit(c[1]);
        int low = high < 0 ? -1 : digit(c[2]);
        if (low < 0 || high * 16 + low == 0) {
            return false;
        }
        *out++ = (char)(high * 16 + low);
        c += 2;
    }
    *out = '\0';
    return true;
}

/* The text comes from outside and goes to logs and terminals: printable ASCII only. */
static enum status bad_txt(struct error *why, const char *host, const char *text, const char *fault)
{
    char shown[121];
    size_t size = 0;
    for (; text[size] != '\0' && size + 1 < sizeof shown; size++) {
        shown[size] = isprint((unsigned char)text[size]) ? text[size] : '?';
    }
    shown[size] = '\0';
    return error_set(why, STATUS_BAD_INPUT,
                     "the TXT record of %.120s cannot be used: %s in \"%s\"; it may hold "
                     "authSource, replicaSet and loadBalanced, as KEY=VALUE parted by \"&\"",
                     host, fault, shown);
}

/* One KEY=VALUE; `item` is taken apart. NULL, or what is wrong with it. */
static const char *take_option(struct seeds *s, char *item, bool *has_balance)
{
    char *value = strchr(item, '=');
    if (value == NULL) {
        return "an option without \"=\"";
    }
    *value++ = '\0';
    if (!decode(item) || !decode(value)) {
        return "a wrong percent sign";
    }
    if (strcasecmp(item, "loadBalanced") == 0) {
        bool is_true = strcmp(value, "true") == 0;
        if (*has_balance || (!is_true && strcmp(value, "false") != 0)) {
            return *has_balance ? "an option twice"
                                : "a loadBalanced that is neither true nor false";
        }
        s->load_balanced = is_true;
        *has_balance = true;
        return NULL;
    }
    bool is_source = strcasecmp(item, "authSource") == 0;
    char **place = is_source ? &s->auth_source : &s->replica_set;
    if (!is_source && strcasecmp(item, "replicaSet") != 0) {
        return "an option that does not belong there";
    }
    if (*place != NULL || *value == '\0') {
        return *place != NULL ? "an option twice" : "an option without a value";
    }
    *place = xstrdup(value);
    return NULL;
}

static enum status read_options(struct seeds *s, const char *host, const char *text,
                                struct error *why)
{
    char *copy = xstrdup(text);
    char *rest = *copy == '\0' ? NULL : copy;
    const char *fault = NULL;
    bool has_balance = false;
    while (rest != NULL && fault == NULL) {
        char *item = strsep(&rest, "&");
        fault = take_option(s, item, &has_balance);
    }
    free(copy);
    return fault == NULL ? STATUS_OK : bad_txt(why, host, text, fault);
}

static enum status read_txt(struct seeds *s, const char *host, const struct dns_answer *txt,
                            struct error *why)
{
    if (txt == NULL || txt->count == 0) {
        return STATUS_OK;
    }
    if (txt->count > 1) {
        return error_set(why, STATUS_BAD_INPUT,
                         "%.200s has %zu TXT records where one at most is allowed; remove those "
                         "that are not MongoDB's",
                         host, txt->count);
    }
    return read_options(s, host, txt->records[0].text, why);
}

/* URI options: which exclude each other, now that TXT is known; the connection string wins over
 * TXT. */
static const char *find_contradiction(const struct seeds_wanted *w, const struct seeds *s)
{
    bool has_set = w->replica_set != NULL || s->replica_set != NULL;
    if (!w->load_balanced && !s->load_balanced) {
        return w->max_hosts > 0 && has_set ? "srvMaxHosts and replicaSet exclude each other" : NULL;
    }
    if (has_set) {
        return "loadBalanced=true and replicaSet exclude each other";
    }
    if (w->max_hosts > 0) {
        return "loadBalanced=true and srvMaxHosts exclude each other";
    }
    return s->count > 1 ? "loadBalanced=true allows one server only, and there are more" : NULL;
}

static enum status check_combination(const struct seeds_wanted *w, const struct seeds *s,
                                     struct error *why)
{
    const char *fault = find_contradiction(w, s);
    if (fault == NULL) {
        return STATUS_OK;
    }
    return error_set(
        why, STATUS_BAD_INPUT,
        "the connection string and the DNS records of %.200s contradict each other: %s", w->host,
        fault);
}

static void swap(const char **hosts, size_t a, size_t b)
{
    const char *kept = hosts[a];
    hosts[a] = hosts[b];
    hosts[b] = kept;
}

/* Fisher-Yates, as far as places are taken: those before `first` are. */
static size_t choose(const char **hosts, size_t first, size_t count, size_t most,
                     const uint32_t *words)
{
    if (most == 0 || most >= count) {
        return count;
    }
    for (size_t i = first; i < most; i++) {
        swap(hosts, i, i + (size_t)(((uint64_t)words[i] * (count - i)) >> 32));
    }
    return most;
}

enum status seeds_build(const struct seeds_wanted *wanted, const struct dns_answer *srv,
                        const struct dns_answer *txt, const uint32_t *words, struct seeds *out,
                        struct error *why)
{
    struct seeds s = {.count = 0};
    enum status status = add_targets(&s, wanted->host, srv, why);
    if (status == STATUS_OK) {
        status = read_txt(&s, wanted->host, txt, why);
    }
    if (status == STATUS_OK) {
        status = check_combination(wanted, &s, why);
    }
    if (status != STATUS_OK) {
        seeds_clear(&s);
        return status;
    }
    size_t chosen = choose((const char **)s.hosts, 0, s.count, wanted->max_hosts, words);
    while (s.count > chosen) {
        free(s.hosts[--s.count]);
    }
    *out = s;
    return STATUS_OK;
}

enum status seeds_follow(const struct seeds_wanted *wanted, const struct dns_answer *srv,
                         struct seeds *out, size_t *skipped, struct error *why)
{
    struct seeds s = {.count = 0};
    *skipped = 0;
    s.hosts = xcalloc(srv->count + 1, sizeof *s.hosts);
    for (size_t i = 0; i < srv->count; i++) {
        *skipped += add_target(&s, wanted->host, &srv->records[i], why) != STATUS_OK;
    }
    if (s.count == 0) {
        seeds_clear(&s);
        return *skipped > 0 ? STATUS_BAD_INPUT
                            : error_set(why, STATUS_BAD_INPUT,
                                        "the SRV record of %.200s names no server", wanted->host);
    }
    *out = s;
    return STATUS_OK;
}

size_t seeds_fill(const char **hosts, size_t count, bool (*is_there)(void *owner, const char *host),
                  void *owner, size_t most, const uint32_t *words)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_there(owner, hosts[i])) {
            swap(hosts, i, kept++);
        }
    }
    return choose(hosts, kept, count, most, words);
}

static bool is_atlas(const char *host)
{
    static const char atlas[] = ".mongodb.net";
    size_t size = host == NULL ? 0 : strlen(host);
    size -= size > 0 && host[size - 1] == '.';
    return size >= sizeof atlas &&
           strncasecmp(host + size - (sizeof atlas - 1), atlas, sizeof atlas - 1) == 0;
}

const char *seeds_auth_source(const char *host, const char *said, const char *txt,
                              const char *database)
{
    if (said != NULL || txt != NULL) {
        return said != NULL ? said : txt;
    }
    return database == NULL || is_atlas(host) ? "admin" : database;
}

void seeds_clear(struct seeds *seeds)
{
    for (size_t i = 0; i < seeds->count; i++) {
        free(seeds->hosts[i]);
    }
    free(seeds->hosts);
    free(seeds->auth_source);
    free(seeds->replica_set);
    *seeds = (struct seeds){.count = 0};
}
