#include "names/names_memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/require.h"
#include "base/scope.h"
#include "core/dns/seeds.h"
#include "names/names_parts.h"

#define DAY (MINUTES(60) * 24)

struct names_memory {
    struct names *names;
    struct net *net;
    struct last_good known;
    char *path; /* NULL: not on the disk */
    msec stale_warn;
    msec stale_max;
    bool is_written;  /* the file is ours to write */
    bool is_news;     /* it does not say what is known */
    bool are_dates;   /* it says the same, of an earlier time */
    bool has_failed;  /* to be written, and that was told */
    bool is_settling; /* the end has come: everything is written now */
    msec stored_at;
    struct deadline store;
    struct storing *storing; /* under way */
    msec silent_at;          /* the last question that nobody answered; -1: the last was answered */
    msec told_old_at;        /* 0: never */
    msec told_denied_at;     /* the same */
    void (*on_settled)(void *owner);
    void *owner;
};

/* It outlives the memory when the end does not wait for it. */
struct storing {
    struct names_memory *memory; /* NULL: gone */
};

/* --- the file --- */

static struct last_good_clocks clocks_of(const struct names_memory *m)
{
    return (struct last_good_clocks){.now = net_now(m->net), .wall = net_wall(m->net)};
}

static void read_file(struct names_memory *m)
{
    struct error why;
    auto_file FILE *file = m->path == NULL ? NULL : fopen(m->path, "re");
    if (file == NULL) {
        if (m->path != NULL && errno != ENOENT) { /* else there is none yet */
            log_warn(LOG_DNS, NULL, "dns.lastGoodFile: %s cannot be read: %s", m->path,
                     strerror(errno));
        }
        return;
    }
    auto_free char *bytes = xmalloc(LAST_GOOD_BYTES_MOST + 1);
    size_t size = fread(bytes, 1, LAST_GOOD_BYTES_MOST + 1, file);
    if (last_good_read(&m->known, span_of(bytes, size), clocks_of(m), &why) != STATUS_OK) {
        log_warn(LOG_DNS, NULL, "dns.lastGoodFile: %s %s: ignored%s", m->path, why.text,
                 m->is_written ? ", and written anew" : "");
    }
}

static void plan_store(struct names_memory *m);

static void on_stored(void *owner, enum status status)
{
    struct storing *s = owner;
    struct names_memory *m = s->memory;
    free(s);
    if (m == NULL) {
        return;
    }
    m->storing = NULL;
    if (status != STATUS_OK && !m->has_failed) {
        log_warn(LOG_DNS, NULL,
                 "dns.lastGoodFile: %s cannot be written: a start without DNS would not find the "
                 "cluster",
                 m->path);
    }
    m->has_failed = status != STATUS_OK;
    m->are_dates |= m->has_failed; /* another try in an hour, or with the next news */
    plan_store(m);
    if (m->is_settling && m->storing == NULL) {
        m->on_settled(m->owner); /* may free m */
    }
}

static void store_now(struct names_memory *m)
{
    size_t size;
    last_good_forget(&m->known, net_now(m->net) - m->stale_max);
    auto_free char *bytes = last_good_write(&m->known, clocks_of(m), &size);
    m->storing = xcalloc(1, sizeof *m->storing);
    m->storing->memory = m;
    m->is_news = false;
    m->are_dates = false;
    m->stored_at = net_now(m->net);
    net_clear_deadline(m->net, &m->store);
    net_store(m->net, m->path, span_of(bytes, size), on_stored, m->storing);
}

static void on_store_due(struct deadline *d, msec now)
{
    (void)now;
    store_now(container_of(d, struct names_memory, store));
}

/* One store at a time: a later one must not be overtaken by an earlier one. */
static void plan_store(struct names_memory *m)
{
    bool is_wanted = m->is_news || m->are_dates;
    if (!is_wanted || !m->is_written || m->path == NULL || m->storing != NULL) {
        return;
    }
    if (m->is_settling) {
        if (!m->has_failed) {
            store_now(m);
        }
        return;
    }
    msec pause = m->is_news ? NAMES_STORE_LEAST_MS : NAMES_DATES_MS;
    msec due = m->stored_at < 0 ? net_now(m->net) : m->stored_at + pause;
    net_set_deadline(m->net, &m->store, due);
}

/* --- from the first to the last --- */

/* Whom the file is about: the record that is asked for, or the first host of a plain string. */
static char *name_of_cluster(const struct upstream_settings *upstream)
{
    struct seeds_wanted wanted = {.host = upstream->srv_host,
                                  .service = upstream->srv_service_name};
    char *name = upstream->srv_host == NULL ? NULL : seeds_srv_name(&wanted, NULL);
    bool has_hosts = upstream->hosts != NULL && upstream->hosts[0] != NULL;
    return name != NULL ? name : xstrdup(has_hosts ? upstream->hosts[0] : "");
}

void names_remember(struct names *names, const struct upstream_settings *upstream,
                    const struct dns_settings *settings, bool is_written)
{
    struct names_memory *m = xcalloc(1, sizeof *m);
    auto_free char *cluster = name_of_cluster(upstream);
    require(names->memory == NULL);
    names->memory = m;
    m->names = names;
    m->net = names->net;
    m->path = settings->last_good_file == NULL ? NULL : xstrdup(settings->last_good_file);
    m->stale_warn = settings->stale_warn_ms;
    m->stale_max = settings->stale_max_ms;
    m->is_written = is_written;
    m->stored_at = m->silent_at = -1;
    deadline_init(&m->store, on_store_due);
    last_good_init(&m->known, cluster);
    read_file(m);
}

bool names_settle(struct names *names, void (*on_settled)(void *owner), void *owner)
{
    struct names_memory *m = names->memory;
    if (m == NULL) {
        return true;
    }
    m->is_settling = true;
    m->on_settled = on_settled;
    m->owner = owner;
    plan_store(m);
    return m->storing == NULL;
}

void names_memory_free(struct names_memory *m)
{
    if (m == NULL) {
        return;
    }
    if (m->storing != NULL) {
        m->storing->memory = NULL;
    }
    net_clear_deadline(m->net, &m->store);
    last_good_clear(&m->known);
    free(m->path);
    free(m);
}

/* --- told --- */

static void note(struct names_memory *m, bool is_news)
{
    m->silent_at = -1;
    m->is_news |= is_news;
    m->are_dates = true;
    plan_store(m);
}

bool names_memory_put_seeds(struct names_memory *m, const struct names_seeds *found)
{
    if (m == NULL) {
        return false;
    }
    bool has_changed =
        m->known.seeds.count > 0 && !last_good_has_hosts(&m->known, found->hosts, found->count);
    struct last_good_seeds seeds = {.when = net_now(m->net),
                                    .source = (char *)(uintptr_t)found->source,
                                    .hosts = (char **)(uintptr_t)found->hosts,
                                    .count = found->count,
                                    .auth_source = (char *)(uintptr_t)found->auth_source,
                                    .replica_set = (char *)(uintptr_t)found->replica_set,
                                    .load_balanced = found->load_balanced};
    note(m, last_good_put_seeds(&m->known, &seeds));
    return has_changed;
}

void names_memory_put_host(struct names_memory *m, const char *host,
                           const struct names_addresses *found)
{
    if (m != NULL) {
        note(m, last_good_put_name(&m->known, host, found->addresses, found->count, found->source,
                                   net_now(m->net)));
    }
}

void names_memory_on_silence(struct names_memory *m)
{
    if (m != NULL) {
        m->silent_at = net_now(m->net);
    }
}

/* --- looked at --- */

msec names_memory_patience(const struct names_memory *m)
{
    bool is_silent = m->silent_at >= 0 && net_now(m->net) - m->silent_at < NAMES_SILENCE_MS;
    return is_silent ? NAMES_LITTLE_PATIENCE_MS : NAMES_PATIENCE_MS;
}

static bool serves(const struct names_memory *m, msec when)
{
    return net_now(m->net) - when < m->stale_max;
}

struct last_good_seeds *names_memory_seeds(struct names_memory *m)
{
    struct last_good_seeds *s = m == NULL ? NULL : &m->known.seeds;
    return s != NULL && s->count > 0 && serves(m, s->when) ? s : NULL;
}

struct last_good_name *names_memory_host(const struct names_memory *m, const char *host)
{
    struct last_good_name *n = m == NULL ? NULL : last_good_find(&m->known, host);
    return n != NULL && serves(m, n->when) ? n : NULL;
}

const char *names_print_age(char out[NAMES_AGE_SIZE], msec age)
{
    static const struct {
        msec unit;
        const char *name;
    } units[] = {{DAY, "days"}, {MINUTES(60), "h"}, {MINUTES(1), "min"}, {SECONDS(1), "s"}};
    size_t i = 0;
    while (i < 3 && age < 2 * units[i].unit) {
        i++;
    }
    snprintf(out, NAMES_AGE_SIZE, "%lld %s", (long long)(age / units[i].unit), units[i].name);
    return out;
}

/* --- used --- */

static bool is_due(const struct names_memory *m, msec told_at)
{
    return told_at <= 0 || net_now(m->net) - told_at >= DAY;
}

static void warn(struct names_memory *m, const char *source, msec age, const struct error *why)
{
    char text[NAMES_AGE_SIZE];
    bool is_denied = why->status == STATUS_NAME_NOT_FOUND || why->status == STATUS_NAME_NO_ANSWER;
    bool is_old = age > m->stale_warn;
    if ((is_denied && is_due(m, m->told_denied_at)) || (is_old && is_due(m, m->told_old_at))) {
        log_warn(LOG_DNS, NULL, "%s; going by what %s said %s ago, until there is an answer",
                 why->text, source, names_print_age(text, age));
        m->told_denied_at = is_denied ? net_now(m->net) : m->told_denied_at;
        m->told_old_at = is_old ? net_now(m->net) : m->told_old_at;
    }
}

static msec use(struct names_memory *m, const char *name, const char *source, msec when,
                msec *told_at, const struct error *why)
{
    msec age = net_now(m->net) - when;
    warn(m, source, age, why);
    if (is_due(m, *told_at)) {
        struct names_news news = {.kind = NAMES_STALE_USED,
                                  .name = name,
                                  .source = source,
                                  .cause = why->text,
                                  .age = age};
        *told_at = net_now(m->net);
        names_tell(m->names, &news);
    }
    return age;
}

msec names_memory_use_seeds(struct names_memory *m, struct last_good_seeds *seeds,
                            const struct error *why)
{
    return use(m, m->known.cluster, seeds->source, seeds->when, &seeds->told_at, why);
}

msec names_memory_use_host(struct names_memory *m, struct last_good_name *name,
                           const struct error *why)
{
    return use(m, name->host, name->source, name->when, &name->told_at, why);
}
