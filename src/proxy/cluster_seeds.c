/* Whose servers a cluster begins with: the hosts of the connection string, or what the SRV and TXT
 * records of its name say, else what they said last, else upstream.seeds; and with which
 * credentials.
 *
 * Failures: there is none of these (looked up again with back-off); a wrong answer, for instance a
 * target outside the domain (told at once and looked at again slowly). What comes later is in
 * cluster_refresh.c. */
#include <stdlib.h>
#include <strings.h>

#include "base/log.h"
#include "base/require.h"
#include "core/dns/seeds.h"
#include "proxy/cluster_parts.h"
#include "proxy/proxy.h"

/* While an operation waits, two lookups of the seeds are at least this far apart. */
enum { SEEDS_LEAST_MS = 1000 };

/* --- credentials --- */

void cluster_set_credentials(struct cluster *c, const char *txt_source)
{
    static const enum login_mechanism mechanisms[] = {
        [AUTH_NONE] = LOGIN_DEFAULT,
        [AUTH_DEFAULT] = LOGIN_DEFAULT,
        [AUTH_SCRAM_SHA_1] = LOGIN_SCRAM_SHA_1,
        [AUTH_SCRAM_SHA_256] = LOGIN_SCRAM_SHA_256,
        [AUTH_X509] = LOGIN_X509,
    };
    const struct upstream_settings *up = &c->proxy->settings->upstream;
    free(c->auth_source);
    c->auth_source =
        xstrdup(seeds_auth_source(up->srv_host, up->auth_source, txt_source, up->database));
    c->credentials = (struct login_credentials){.mechanism = mechanisms[up->auth_mechanism],
                                                .user = up->user,
                                                .password = up->password,
                                                .source = c->auth_source};
}

const struct login_credentials *cluster_credentials(const struct cluster *c)
{
    bool wants_login = c->proxy->settings->upstream.auth_mechanism != AUTH_NONE;
    return wants_login ? &c->credentials : NULL;
}

/* --- seeds --- */

static void make_topology(struct cluster *c, const char *txt_set_name)
{
    const struct upstream_settings *up = &c->proxy->settings->upstream;
    struct topology_options options = {
        .is_direct = up->direct_connection,
        .is_load_balanced = c->is_balanced,
        .set_name = up->replica_set != NULL ? up->replica_set : txt_set_name,
        .heartbeat_frequency = up->heartbeat_frequency_ms,
        .local_threshold = up->local_threshold_ms,
    };
    c->topology = topology_new(&options);
}

/* At the start, and again whenever the last server has left. */
static void begin_topology(struct cluster *c, const char *const *seeds, size_t count,
                           const char *txt_set_name)
{
    if (c->topology == NULL) {
        make_topology(c, txt_set_name);
        cluster_refresh_set_name(c);
    }
    topology_on_seeds(c->topology, seeds, count);
    net_set_deadline(c->proxy->net, &c->retry, net_now(c->proxy->net) + MINUTES(1));
    cluster_perform(c);
}

static void retry_seeds(struct cluster *c, bool is_permanent)
{
    const struct reconnect_settings *r = &c->proxy->settings->reconnect;
    double most = (double)r->initial_ms;
    uint32_t word;
    for (unsigned i = 0; i < c->lookups_failed && most < (double)r->max_ms; i++) {
        most *= r->factor;
    }
    c->lookups_failed++;
    if (most > (double)r->max_ms) {
        most = (double)r->max_ms;
    }
    net_random(c->proxy->net, &word, sizeof word);
    msec pause = is_permanent ? r->fault_ms : (msec)(most * word / UINT32_MAX);
    if (!is_permanent && cluster_is_awaited(c)) {
        pause = msec_earlier(pause, SEEDS_LEAST_MS); /* who waits must not wait out a back-off */
    }
    net_set_deadline(c->proxy->net, &c->retry, net_now(c->proxy->net) + pause + 1);
}

static void on_seeds_found(struct cluster *c, const struct names_seeds *found)
{
    c->seeds_fault = (struct error){0};
    c->is_balanced = found->load_balanced;
    cluster_set_credentials(c, found->auth_source);
    c->are_seeds_old = found->is_stale;
    log_info(LOG_DNS, NULL, "%s has %zu servers", c->proxy->settings->upstream.srv_host,
             found->count);
    /* The name of a set that may be gone must not keep us from the one that is there. */
    begin_topology(c, found->hosts, found->count, found->is_stale ? NULL : found->replica_set);
    if (found->is_stale) {
        cluster_refresh_now(c);
    } else {
        cluster_tell_new_hosts(c, found);
        cluster_plan_refresh(c, found->ttl_ms);
    }
}

/* `is_permanent`: it will not pass by itself, as an answer that breaks a rule. */
static void on_seeds_failed(struct cluster *c, const struct error *why, bool is_permanent)
{
    cluster_on_failure(c, why);
    if (is_permanent) {
        if (strcmp(c->seeds_fault.text, why->text) != 0) {
            log_error(LOG_DNS, NULL, "%s", why->text);
        }
        c->seeds_fault = *why;
    } else {
        log_warn(LOG_DNS, NULL, "%s; trying again", why->text);
    }
    retry_seeds(c, is_permanent);
    cluster_refresh_state(c);
    if (is_permanent || c->proxy->settings->outage.mode == OUTAGE_FAIL_FAST) {
        cluster_wake_waiting(c);
    }
}

static void begin_with(struct cluster *c, char *const *hosts)
{
    size_t count = 0;
    while (hosts[count] != NULL) {
        count++;
    }
    begin_topology(c, (const char *const *)hosts, count, NULL);
}

/* The hosts of upstream.seeds serve while the SRV record cannot be had. */
static bool use_configured_seeds(struct cluster *c, const struct error *why)
{
    char **seeds = c->proxy->settings->upstream.seeds;
    if (seeds == NULL || seeds[0] == NULL) {
        return false;
    }
    log_warn(LOG_DNS, NULL, "%s; beginning with upstream.seeds instead", why->text);
    c->are_seeds_old = true;
    begin_with(c, seeds);
    cluster_plan_refresh(c, -1);
    return true;
}

static void on_seeds(void *owner, const struct names_seeds *found)
{
    struct cluster *c = owner;
    struct error why = found->why;
    bool is_permanent = found->status == STATUS_BAD_INPUT;
    c->lookup = NULL;
    c->looked_up_at = net_now(c->proxy->net);
    if (found->status == STATUS_OK) {
        on_seeds_found(c, found);
        return;
    } else if (!is_permanent && use_configured_seeds(c, &why)) {
        return;
    }
    on_seeds_failed(c, &why, is_permanent);
}

void cluster_hurry_seeds(struct cluster *c)
{
    msec soon = c->looked_up_at + SEEDS_LEAST_MS;
    bool is_retry_due =
        c->topology == NULL && c->lookup == NULL && c->seeds_fault.status == STATUS_OK;
    if (is_retry_due && deadline_is_set(&c->retry) && soon < c->retry.at) {
        msec now = net_now(c->proxy->net);
        net_set_deadline(c->proxy->net, &c->retry, soon < now ? now : soon);
    }
}

static void look_up_seeds(struct cluster *c)
{
    if (c->lookup != NULL) { /* a poll: nobody is left meanwhile */
        names_cancel(c->lookup);
    }
    c->lookup = names_resolve_seeds(c->names, &c->proxy->settings->upstream, on_seeds, c);
}

void cluster_begin_anew(struct cluster *c)
{
    const struct upstream_settings *up = &c->proxy->settings->upstream;
    if (up->srv_host != NULL) {
        look_up_seeds(c);
    } else {
        begin_with(c, up->hosts);
    }
}

void cluster_open(struct cluster *c)
{
    c->is_balanced = c->proxy->settings->upstream.load_balanced;
    cluster_set_credentials(c, NULL);
    cluster_state_begin(c);
    cluster_load_hello(c);
    cluster_begin_anew(c);
}
