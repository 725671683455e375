/* The SRV and TXT records of a cluster, at first and later. */
#include <stdio.h>
#include <stdlib.h>

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

struct names_request *
names_resolve_seeds(struct names *n, const struct upstream_settings *upstream,
                    void (*on_done)(void *owner, const struct names_seeds *found), void *owner)
{
    struct names_request *r = names_request_new(n, owner);
    struct seeds_wanted wanted = wanted_of(upstream);
    auto_free char *srv = seeds_srv_name(&wanted, NULL);
    r->on_seeds = on_done;
    r->upstream = upstream;
    if (srv == NULL) {
        net_set_deadline(n->net, &r->done, net_now(n->net));
        return r;
    }
    names_add_question(r, DNS_SRV, srv);
    names_add_question(r, DNS_TXT, upstream->srv_host);
    names_advance(&r->questions[0]);
    names_advance(&r->questions[1]);
    return r;
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
    names_add_question(r, DNS_SRV, srv);
    names_advance(&r->questions[0]);
    return r;
}

static enum status build_seeds(struct names_request *r, struct seeds *seeds, struct error *why)
{
    const struct question *txt = &r->questions[1];
    struct seeds_wanted wanted = wanted_of(r->upstream);
    uint32_t words[DNS_RECORDS_MOST];
    if (!txt->is_known) {
        log_warn(LOG_DNS, NULL, "the TXT record of %s could not be had: going on without it",
                 txt->name);
    }
    net_random(r->names->net, words, sizeof words);
    return seeds_build(&wanted, &r->questions[0].answer, txt->is_known ? &txt->answer : NULL, words,
                       seeds, why);
}

static enum status read_seeds(struct names_request *r, struct seeds *seeds,
                              struct names_seeds *found)
{
    const struct question *srv = &r->questions[0];
    struct seeds_wanted wanted = wanted_of(r->upstream);
    if (r->question_count == 0) {
        auto_free char *unused = seeds_srv_name(&wanted, &found->why);
        return found->why.status;
    }
    if (!srv->is_known || srv->answer.count == 0) {
        return names_explain(srv, &found->why);
    }
    return r->is_poll ? seeds_follow(&wanted, &srv->answer, seeds, &found->skipped, &found->why)
                      : build_seeds(r, seeds, &found->why);
}

void names_finish_seeds(struct names_request *r)
{
    struct seeds seeds = {0};
    struct names_seeds found = {0};
    struct names_row rows[NAMES_ROWS_MOST];
    char *texts[QUESTIONS] = {NULL};
    void (*on_done)(void *owner, const struct names_seeds *found) = r->on_seeds;
    void *owner = r->owner;
    found.status = read_seeds(r, &seeds, &found);
    found.hosts = (const char *const *)seeds.hosts;
    found.count = seeds.count;
    found.auth_source = seeds.auth_source;
    found.replica_set = seeds.replica_set;
    found.load_balanced = seeds.load_balanced;
    found.ttl_ms = r->question_count == 0 ? 0 : SECONDS(r->questions[0].answer.ttl_seconds);
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
