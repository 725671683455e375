/* The SRV and TXT records of a cluster, at first and later. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/require.h"
#include "base/scope.h"
#include "core/dns/seeds.h"
#include "names/names_parts.h"

static struct seeds_wanted wanted_of(const struct upstream_settings *upstream)
{
    return (struct seeds_wanted){.host = upstream->srv_host,
                                 .service = upstream->srv_service_name,
                                 .max_hosts = (size_t)upstream->srv_max_hosts,
                                 .replica_set = upstream->replica_set,
                                 .load_balanced = upstream->load_balanced};
}

static struct names_request *ask(struct names *n, const struct upstream_settings *upstream,
                                 bool is_live,
                                 void (*on_done)(void *owner, const struct names_seeds *found),
                                 void *owner)
{
    struct names_request *r = names_request_new(n, owner);
    struct seeds_wanted wanted = wanted_of(upstream);
    auto_free char *srv = seeds_srv_name(&wanted, NULL);
    r->on_seeds = on_done;
    r->upstream = upstream;
    r->is_live = is_live;
    if (srv == NULL) {
        net_set_deadline(n->net, &r->done, net_now(n->net));
        return r;
    }
    names_add_question(r, DNS_SRV, srv);
    names_add_question(r, DNS_TXT, upstream->srv_host);
    names_advance(&r->questions[0]);
    names_advance(&r->questions[1]);
    if (!is_live && names_memory_seeds(n->memory) != NULL) {
        names_limit_patience(r);
    }
    return r;
}

struct names_request *
names_resolve_seeds(struct names *n, const struct upstream_settings *upstream,
                    void (*on_done)(void *owner, const struct names_seeds *found), void *owner)
{
    return ask(n, upstream, false, on_done, owner);
}

struct names_request *
names_refresh_seeds(struct names *n, const struct upstream_settings *upstream,
                    void (*on_done)(void *owner, const struct names_seeds *found), void *owner)
{
    return ask(n, upstream, true, on_done, owner);
}

struct names_request *
names_poll_seeds(struct names *n, const struct upstream_settings *upstream,
                 void (*on_done)(void *owner, const struct names_seeds *found), void *owner)
{
    struct names_request *r = names_request_new(n, owner);
    struct seeds_wanted wanted = wanted_of(upstream);
    auto_free char *srv = seeds_srv_name(&wanted, NULL);
    require(srv != NULL); /* it was found by that name */
    r->on_seeds = on_done;
    r->upstream = upstream;
    r->is_poll = true;
    r->is_live = true;
    names_add_question(r, DNS_SRV, srv);
    names_advance(&r->questions[0]);
    return r;
}

static char *copy_text(const char *text)
{
    return text == NULL ? NULL : xstrdup(text);
}

/* What TXT said last, when it says nothing now, or is not asked; where it fits. */
static void remember_options(const struct names_request *r, struct seeds *seeds)
{
    const struct last_good_seeds *known = names_memory_seeds(r->names->memory);
    const struct upstream_settings *up = r->upstream;
    if (known == NULL || (known->load_balanced &&
                          (seeds->count > 1 || up->replica_set != NULL || up->srv_max_hosts > 0))) {
        return;
    }
    seeds->auth_source = copy_text(known->auth_source);
    seeds->replica_set = copy_text(known->replica_set);
    seeds->load_balanced = known->load_balanced;
}

static enum status build_seeds(struct names_request *r, struct seeds *seeds, struct error *why)
{
    const struct question *txt = &r->questions[1];
    struct seeds_wanted wanted = wanted_of(r->upstream);
    uint32_t words[DNS_RECORDS_MOST];
    net_random(r->names->net, words, sizeof words);
    enum status status = seeds_build(&wanted, &r->questions[0].answer,
                                     txt->is_known ? &txt->answer : NULL, words, seeds, why);
    if (!txt->is_known) {
        bool is_remembered = names_memory_seeds(r->names->memory) != NULL;
        log_warn(LOG_DNS, NULL, "the TXT record of %s could not be had: going on %s", txt->name,
                 is_remembered ? "by what it said last" : "without it");
    }
    if (status == STATUS_OK && !txt->is_known) {
        remember_options(r, seeds);
    }
    return status;
}

/* All targets, and what TXT says or said. */
static enum status follow_seeds(struct names_request *r, struct seeds *seeds,
                                struct names_seeds *found)
{
    struct seeds_wanted wanted = wanted_of(r->upstream);
    enum status status =
        seeds_follow(&wanted, &r->questions[0].answer, seeds, &found->skipped, &found->why);
    if (status == STATUS_OK) {
        remember_options(r, seeds);
    }
    return status;
}

static enum status read_live(struct names_request *r, struct seeds *seeds,
                             struct names_seeds *found)
{
    const struct question *srv = &r->questions[0];
    struct seeds_wanted wanted = wanted_of(r->upstream);
    if (r->question_count == 0) {
        auto_free char *unused = seeds_srv_name(&wanted, &found->why);
        return found->why.status;
    }
    if (!srv->is_over) {
        names_explain_impatience(srv, &found->why);
        return found->why.status;
    }
    if (!srv->is_known || srv->answer.count == 0) {
        return names_explain(srv, &found->why);
    }
    found->ttl_ms = SECONDS(srv->answer.ttl_seconds);
    found->source = names_source(srv);
    return r->is_poll ? follow_seeds(r, seeds, found) : build_seeds(r, seeds, &found->why);
}

static bool is_never_there(void *owner, const char *host)
{
    (void)owner;
    (void)host;
    return false;
}

/* Hosts of the domain, whoever wrote the file, and no more than srvMaxHosts. */
static void recall_hosts(const struct names_request *r, const struct last_good_seeds *known,
                         struct seeds *seeds)
{
    const char *hosts[LAST_GOOD_HOSTS_MOST];
    uint32_t words[DNS_RECORDS_MOST];
    size_t count = 0;
    for (size_t i = 0; i < known->count; i++) {
        auto_free char *target = xstrdup(known->hosts[i]);
        *strrchr(target, ':') = '\0';
        if (seeds_check_target(r->upstream->srv_host, target, NULL) == STATUS_OK) {
            hosts[count++] = known->hosts[i];
        }
    }
    net_random(r->names->net, words, sizeof words);
    count =
        seeds_fill(hosts, count, is_never_there, NULL, (size_t)r->upstream->srv_max_hosts, words);
    seeds->hosts = xcalloc(count + 1, sizeof *seeds->hosts);
    for (size_t i = 0; i < count; i++) {
        seeds->hosts[seeds->count++] = xstrdup(hosts[i]);
    }
}

/* What was known last has to do, if there is anything. */
static void use_memory(struct names_request *r, struct seeds *seeds, struct names_seeds *found)
{
    struct names_memory *m = r->names->memory;
    struct last_good_seeds *known = r->is_live ? NULL : names_memory_seeds(m);
    if (known == NULL) {
        return;
    }
    recall_hosts(r, known, seeds);
    remember_options(r, seeds);
    if (seeds->count == 0) {
        return;
    }
    found->source = known->source;
    found->age = names_memory_use_seeds(m, known, &found->why);
    found->is_stale = true;
    found->status = STATUS_OK;
}

/* All targets, whatever srvMaxHosts has chosen of them. */
static void keep(struct names_request *r, struct names_seeds *found)
{
    struct names_seeds whole = *found;
    struct seeds all;
    struct seeds_wanted wanted = wanted_of(r->upstream);
    size_t skipped;
    if (seeds_follow(&wanted, &r->questions[0].answer, &all, &skipped, NULL) == STATUS_OK) {
        whole.hosts = (const char *const *)all.hosts;
        whole.count = all.count;
        found->has_changed = names_memory_put_seeds(r->names->memory, &whole);
        seeds_clear(&all);
    }
}

void names_finish_seeds(struct names_request *r)
{
    struct seeds seeds = {0};
    struct names_seeds found = {0};
    struct names_row rows[NAMES_ROWS_MOST];
    char *texts[QUESTIONS] = {NULL};
    void (*on_done)(void *owner, const struct names_seeds *found) = r->on_seeds;
    void *owner = r->owner;
    found.status = read_live(r, &seeds, &found);
    if (found.status != STATUS_OK && found.status != STATUS_BAD_INPUT) {
        names_memory_on_silence(r->names->memory);
        use_memory(r, &seeds, &found);
    }
    found.hosts = (const char *const *)seeds.hosts;
    found.count = seeds.count;
    found.auth_source = seeds.auth_source;
    found.replica_set = seeds.replica_set;
    found.load_balanced = seeds.load_balanced;
    if (found.status == STATUS_OK && !found.is_stale) {
        keep(r, &found);
    }
    found.rows = rows;
    found.row_count = names_list_rows(r, rows);
    for (size_t i = 0; i < r->question_count; i++) { /* the rows outlive the request */
        texts[i] = r->questions[i].name;
        r->questions[i].name = NULL;
    }
    struct candidates *candidates = r->candidates;
    r->candidates = NULL;
    names_request_free(r);
    on_done(owner, &found);
    candidates_free(candidates);
    for (size_t i = 0; i < QUESTIONS; i++) {
        free(texts[i]);
    }
    seeds_clear(&seeds);
}
