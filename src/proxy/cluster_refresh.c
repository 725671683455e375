/* The SRV record is looked at again and again, as long as there are servers: so that what is kept
 * of it (names_remember) is young, and so that a change is noticed.
 *
 * Routers do not know each other: the topology follows the record (SRV polling), as it does while
 * nothing is known of it. The members of a replica set tell each other's names, and what their
 * hello says counts more than the record, which then is read for the file and the log alone; only
 * when no member answers any more are those added that it names.
 *
 * Failures: the servers that are known stay, and the record is looked at more often until that
 * succeeds. Who began without a live answer asks for the TXT record too, until there is one. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/log.h"
#include "base/require.h"
#include "core/dns/seeds.h"
#include "proxy/cluster_parts.h"
#include "proxy/proxy.h"
#include "proxy/refresh.h"

/* SRV polling: minSrvRecordPollingIntervalMS, which the record's TTL can only prolong; asking
 * earlier would only show what a resolver still keeps. */
#define POLL_LEAST_MS MINUTES(1)

/* SRV polling: while the topology is unknown or sharded. */
static bool is_followed(const struct cluster *c)
{
    enum topology_kind kind = topology_kind(c->topology);
    return kind == TOPOLOGY_UNKNOWN || kind == TOPOLOGY_SHARDED;
}

/* After failures, where the specification of SRV polling does not say another. */
static msec pause_after_failure(struct cluster *c)
{
    msec most = refresh_pause(&c->refreshes_failed);
    return is_followed(c) ? c->proxy->settings->upstream.heartbeat_frequency_ms
                          : refresh_between(c->proxy->net, most * 3 / 4, most);
}

void cluster_plan_refresh(struct cluster *c, msec ttl)
{
    msec pause;
    if (c->proxy->settings->upstream.srv_host == NULL || topology_count(c->topology) == 0) {
        return;
    }
    if (ttl < 0) {
        pause = pause_after_failure(c);
    } else {
        msec least = ttl > POLL_LEAST_MS ? ttl : POLL_LEAST_MS;
        c->refreshes_failed = 0;
        pause = refresh_between(c->proxy->net, least, least + least / 10);
    }
    net_set_deadline(c->proxy->net, &c->poll, net_now(c->proxy->net) + pause);
}

void cluster_tell_new_hosts(struct cluster *c, const struct names_seeds *found)
{
    char list[300] = "";
    size_t used = 0;
    for (size_t i = 0; i < found->count && used < sizeof list; i++) {
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i == 0 ? "" : ", ",
                                 found->hosts[i]);
    }
    if (found->has_changed) {
        log_info(LOG_DNS, NULL,
                 "TOPO-06: the SRV record of %s names other servers than before, the cluster has "
                 "new machines: %s",
                 c->proxy->settings->upstream.srv_host, list);
    }
}

static bool is_known(void *owner, const char *host)
{
    const struct topology *t = owner;
    for (size_t i = 0; i < topology_count(t); i++) {
        if (strcasecmp(topology_at(t, i)->address, host) == 0) {
            return true;
        }
    }
    return false;
}

static void follow(struct cluster *c, const struct names_seeds *found)
{
    uint32_t words[DNS_RECORDS_MOST];
    const char *hosts[DNS_RECORDS_MOST];
    memcpy(hosts, found->hosts, found->count * sizeof *hosts);
    net_random(c->proxy->net, words, sizeof words);
    size_t most = (size_t)c->proxy->settings->upstream.srv_max_hosts;
    size_t count = seeds_fill(hosts, found->count, is_known, c->topology, most, words);
    topology_on_seeds(c->topology, hosts, count);
}

/* Once, until it is another sentence. */
static void tell(struct cluster *c, const struct names_seeds *found)
{
    bool is_ok = found->status == STATUS_OK;
    if (is_ok && found->skipped == 0) {
        if (c->refresh_fault.text[0] != '\0' || c->are_seeds_old) {
            log_info(LOG_DNS, NULL, "%s can be looked up again",
                     c->proxy->settings->upstream.srv_host);
        }
        c->refresh_fault = (struct error){0};
    } else if (strcmp(c->refresh_fault.text, found->why.text) != 0) {
        log_warn(LOG_DNS, NULL, "%s; %s", found->why.text,
                 is_ok ? "passed over" : "keeping the servers that are known");
        c->refresh_fault = found->why;
    }
}

/* The first live answer after a start with another one. */
static void take_options(struct cluster *c, const struct names_seeds *found)
{
    if (found->load_balanced != c->is_balanced) {
        log_warn(LOG_DNS, NULL,
                 "the TXT record of %s says loadBalanced=%s, which it did not say before: restart "
                 "Mooring to follow it",
                 c->proxy->settings->upstream.srv_host, found->load_balanced ? "true" : "false");
    }
    cluster_set_credentials(c, found->auth_source);
    c->are_seeds_old = false;
}

static void on_refreshed(void *owner, const struct names_seeds *found)
{
    struct cluster *c = owner;
    c->lookup = NULL;
    tell(c, found);
    if (found->status == STATUS_OK) {
        cluster_tell_new_hosts(c, found);
        if (c->are_seeds_old) {
            take_options(c, found);
        }
        follow(c, found);
    }
    cluster_plan_refresh(c, found->status == STATUS_OK ? found->ttl_ms : -1);
    cluster_perform(c);
}

void cluster_refresh_now(struct cluster *c)
{
    const struct upstream_settings *up = &c->proxy->settings->upstream;
    if (c->lookup != NULL || topology_count(c->topology) == 0) {
        return; /* whoever is asking will plan it */
    }
    c->lookup = c->are_seeds_old ? names_refresh_seeds(c->names, up, on_refreshed, c)
                                 : names_poll_seeds(c->names, up, on_refreshed, c);
}

void cluster_on_refresh_due(struct deadline *poll, msec now)
{
    (void)now;
    cluster_refresh_now(container_of(poll, struct cluster, poll));
}
