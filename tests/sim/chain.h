/* A world in which nothing stands but names: one name each of a cluster and a node, resolvers of
 * ours and others, and what is told. */
#ifndef TESTS_SIM_CHAIN_H
#define TESTS_SIM_CHAIN_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/require.h"
#include "names/names.h"
#include "support/sim_net.h"
#include "unit/core_dns/dns_wire.h"

#define CLUSTER "cluster0.example.test"
#define SRV     "_mongodb._tcp." CLUSTER
#define NODE    "node0.example.test"
#define OWN     "192.0.2.1:53"
#define OWN_2   "192.0.2.2:53"
#define OTHER   "198.51.100.1:53"
#define OTHER_2 "198.51.100.2:53"

enum { ANSWER = 0x8180, DELAY_MS = 10, LIST_MOST = 4 };

struct world {
    struct sim *sim;
    struct net *net;
    struct dns_settings settings;
    struct upstream_settings upstream;
    struct names *names;
    struct names_request *request; /* NULL: over */
    enum status status;
    char why[ERROR_TEXT_SIZE];
    size_t count; /* hosts, or addresses */
    char auth_source[40];
    size_t news;
    size_t repeated;
    char source[80];
    char cause[ERROR_TEXT_SIZE];
    char *log;
    size_t log_size;
    FILE *log_file;
};

static struct world w;

/* --- what the servers know --- */

static inline void put_seeds(const char *resolver)
{
    static struct wire m;
    wire_open(&m, ANSWER, SRV, DNS_SRV);
    wire_srv(&m, SRV, 60, 27017, NODE);
    sim_dns_answer(w.sim, resolver, SRV, DNS_SRV, STATUS_OK, wire_span(&m), DELAY_MS);
    wire_open(&m, ANSWER, CLUSTER, DNS_TXT);
    wire_txt(&m, CLUSTER, 60, "authSource=things");
    sim_dns_answer(w.sim, resolver, CLUSTER, DNS_TXT, STATUS_OK, wire_span(&m), DELAY_MS);
}

static inline void put_nothing(const char *resolver, const char *name, uint16_t type)
{
    static struct wire m;
    wire_open(&m, ANSWER, name, type);
    sim_dns_answer(w.sim, resolver, name, type, STATUS_OK, wire_span(&m), DELAY_MS);
}

static inline void put_ipv6_only(const char *resolver)
{
    static struct wire m;
    wire_open(&m, ANSWER, NODE, DNS_AAAA);
    wire_bytes(&m, NODE, DNS_AAAA, 60, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    sim_dns_answer(w.sim, resolver, NODE, DNS_AAAA, STATUS_OK, wire_span(&m), DELAY_MS);
    put_nothing(resolver, NODE, DNS_A);
}

static inline void put_ipv4(const char *resolver)
{
    static struct wire m;
    wire_open(&m, ANSWER, NODE, DNS_A);
    wire_bytes(&m, NODE, DNS_A, 60, "\x0a\x01\x02\x03", 4);
    sim_dns_answer(w.sim, resolver, NODE, DNS_A, STATUS_OK, wire_span(&m), DELAY_MS);
    put_nothing(resolver, NODE, DNS_AAAA);
}

/* --- asking --- */

static inline int begin(void **state)
{
    (void)state;
    w = (struct world){.sim = sim_new(3)};
    w.net = sim_net(w.sim);
    w.settings = (struct dns_settings){
        .resolv_conf = "/nowhere", .fallback = DNS_FALLBACK_LISTED, .timeout_ms = 5000};
    w.upstream.srv_host = CLUSTER;
    w.log_file = open_memstream(&w.log, &w.log_size);
    log_open(w.log_file, LOG_TEXT);
    put_seeds(NULL);
    put_ipv4(NULL);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    names_free(w.names);
    sim_run_for(w.sim, 10); /* conns that are closing */
    assert_int_equal(sim_count_datagrams(w.sim), 0);
    assert_int_equal(sim_count_conns(w.sim), 0);
    sim_free(w.sim);
    log_open(NULL, LOG_TEXT);
    fclose(w.log_file);
    free(w.log);
    return 0;
}

static inline void on_news(void *owner, const struct names_news *news)
{
    (void)owner;
    assert_int_equal(news->kind, NAMES_FALLBACK_USED);
    w.news++;
    w.repeated += news->is_repeated;
    snprintf(w.source, sizeof w.source, "%s", news->source);
    snprintf(w.cause, sizeof w.cause, "%s", news->cause);
}

/* Lists end in NULL, and are lent for the call. */
static inline void use(char **own, char **others)
{
    names_free(w.names);
    w.settings.resolvers = own;
    w.settings.fallback_resolvers = others;
    w.names = names_new(w.net, &w.settings);
    names_set_hosts_file(w.names, NULL);
    names_set_listener(w.names, on_news, NULL);
}

#define LIST(...) ((char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static inline void on_seeds(void *owner, const struct names_seeds *found)
{
    (void)owner;
    w.request = NULL;
    w.status = found->status;
    w.count = found->count;
    snprintf(w.why, sizeof w.why, "%s", found->status == STATUS_OK ? "" : found->why.text);
    snprintf(w.auth_source, sizeof w.auth_source, "%s",
             found->auth_source == NULL ? "" : found->auth_source);
}

static inline void on_addresses(void *owner, const struct names_addresses *found)
{
    (void)owner;
    w.request = NULL;
    w.status = found->status;
    w.count = found->count;
    snprintf(w.why, sizeof w.why, "%s", found->status == STATUS_OK ? "" : found->why.text);
}

static inline bool is_going_on(void *owner)
{
    (void)owner;
    return w.request != NULL;
}

/* Returns how long it took. */
static inline msec finish(void)
{
    msec began = net_now(w.net);
    assert_true(sim_run_while(w.sim, is_going_on, NULL));
    return net_now(w.net) - began;
}

static inline msec resolve(void)
{
    w.request = names_resolve_seeds(w.names, &w.upstream, on_seeds, NULL);
    return finish();
}

static inline msec find_host(void)
{
    w.request = names_resolve_host(w.names, NODE, 27017, on_addresses, NULL);
    return finish();
}

static inline void assert_good(void)
{
    assert_string_equal(w.why, "");
    assert_int_equal(w.status, STATUS_OK);
    assert_int_equal(w.count, 1);
}

static inline void assert_says(enum status status, const char *part)
{
    assert_int_equal(w.status, status);
    if (strstr(w.why, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, w.why);
    }
}

static inline size_t lines_with(const char *part)
{
    size_t count = 0;
    fflush(w.log_file);
    for (const char *at = w.log; (at = strstr(at, part)) != NULL; at++) {
        count++;
    }
    return count;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
