#include "support/sim_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/require.h"
#include "proxy/cluster_parts.h"
#include "unit/core_dns/dns_wire.h"

enum { FLAGS_MOST = 24, END_MS = 120000 };

static struct sim_world *current; /* that has not reached its end */

/* --- beginning --- */

static uint64_t seed_of_environment(void)
{
    const char *text = getenv("SIM_SEED");
    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

#define NODE_HOST   "node%zu.example.test"
#define ALL_TARGETS "node0.example.test node1.example.test node2.example.test"

enum { ANSWER = 0x8180, TYPE_A = 1, TYPE_SRV = 33, TTL_SECONDS = 60 };

void sim_world_put_srv(struct sim_world *w, const char *targets, uint32_t ttl_seconds)
{
    static const char srv[] = "_mongodb._tcp.cluster0.example.test";
    struct wire *record = xcalloc(1, sizeof *record);
    char *list = xstrdup(targets);
    char *rest = NULL;
    wire_open(record, ANSWER, srv, TYPE_SRV);
    for (char *host = strtok_r(list, " ", &rest); host != NULL; host = strtok_r(NULL, " ", &rest)) {
        wire_srv(record, srv, ttl_seconds, 27017, host);
    }
    sim_dns_answer(w->sim, NULL, srv, TYPE_SRV, STATUS_OK, wire_span(record), 2);
    free(list);
    free(record);
}

void sim_world_put_addresses(struct sim_world *w, int index, const char *addresses,
                             uint32_t ttl_seconds)
{
    struct wire *record = xcalloc(1, sizeof *record);
    char *host = xformat(NODE_HOST, (size_t)index);
    char *list = xstrdup(addresses);
    char *rest = NULL;
    wire_open(record, ANSWER, host, TYPE_A);
    for (char *text = strtok_r(list, " ", &rest); text != NULL; text = strtok_r(NULL, " ", &rest)) {
        struct address at;
        require(address_parse(text, 0, &at) && at.family == ADDRESS_IPV4);
        wire_bytes(record, host, TYPE_A, ttl_seconds, at.ip, 4);
    }
    sim_dns_answer(w->sim, NULL, host, TYPE_A, STATUS_OK, wire_span(record), 2);
    free(list);
    free(host);
    free(record);
}

void sim_world_move_name(struct sim_world *w, int index, int at)
{
    char text[ADDRESS_TEXT_SIZE];
    sim_world_put_addresses(w, index, address_print(&w->cluster->nodes[at].at, text), TTL_SECONDS);
}

/* What stands behind the name; nodes are found by their addresses from then on. */
static void put_names(struct sim_world *w, const char *targets)
{
    for (size_t i = 0; i < w->cluster->count; i++) {
        sim_world_move_name(w, (int)i, (int)i);
    }
    sim_world_put_srv(w,
                      targets != NULL          ? targets
                      : w->cluster->count == 1 ? "node0.example.test"
                                               : ALL_TARGETS,
                      TTL_SECONDS);
}

static char *make_uri(const struct sim_world *w, const struct sim_plan *plan)
{
    static const char scheme[] = "mongodb://";
    if (plan->is_srv) {
        return xformat("mongodb+srv://cluster0.example.test/?tls=false%s",
                       plan->srv_options == NULL ? "" : plan->srv_options);
    }
    if (plan->direct > 0) {
        return xformat("%s%s/?directConnection=true", scheme,
                       w->cluster->nodes[plan->direct - 1].name);
    }
    if (plan->user == NULL) {
        return xformat("%s%s", w->cluster->uri, plan->is_balanced ? "?loadBalanced=true" : "");
    }
    return xformat("%s%s:%s@%s", scheme, plan->user,
                   plan->gives == NULL ? plan->password : plan->gives,
                   w->cluster->uri + sizeof scheme - 1);
}

/* As `mooring run` does; "auto" is none here. */
static void keep_file(char **setting)
{
    if (strcmp(*setting, "auto") == 0 || strcmp(*setting, "off") == 0) {
        free(*setting);
        *setting = NULL;
    }
}

static void load_settings(struct sim_world *w, const struct sim_plan *plan)
{
    char *texts = xformat("--listen.addresses=127.0.0.1:27017 --dns.resolvers=192.0.2.53 "
                          "--dns.fallback=off %s",
                          plan->flags == NULL ? "" : plan->flags);
    char *uri = make_uri(w, plan);
    char *flags[FLAGS_MOST];
    char *rest = NULL;
    struct settings_source source = {.uri = uri, .flags = flags};
    struct problems problems = {0};
    for (char *flag = strtok_r(texts, " ", &rest); flag != NULL;
         flag = strtok_r(NULL, " ", &rest)) {
        require(source.flag_count < FLAGS_MOST);
        flags[source.flag_count++] = flag;
    }
    settings_load(&source, &w->settings, &w->origins, &problems);
    problems_print(&problems, stderr);
    require(problems.errors == 0);
    problems_clear(&problems);
    keep_file(&w->settings.listen.last_hello_file);
    keep_file(&w->settings.dns.last_good_file);
    free(texts);
    free(uri);
}

static void on_ended(void *owner)
{
    struct sim_world *w = owner;
    w->has_ended = true;
}

void sim_world_start(struct sim_world *w)
{
    struct error why;
    w->has_ended = false;
    w->proxy = proxy_new(w->net, &w->settings, NULL, on_ended, w);
    require(proxy_open(w->proxy, &why) == STATUS_OK);
}

struct sim_world *sim_world_new(struct sim_plan plan)
{
    struct sim_world *w = xcalloc(1, sizeof *w);
    w->seed = plan.seed != 0 ? plan.seed : seed_of_environment() != 0 ? seed_of_environment() : 1;
    current = w;
    log_open(getenv("VERBOSE") == NULL ? NULL : stderr, LOG_TEXT);
    w->sim = sim_new(w->seed);
    w->net = sim_net(w->sim);
    w->cluster = sim_cluster_new(w->sim, plan.is_balanced ? 1 : plan.nodes == 0 ? 3 : plan.nodes);
    w->cluster->is_balanced = plan.is_balanced;
    if (plan.is_sharded) {
        sim_cluster_become_sharded(w->cluster);
    }
    w->cluster->user = plan.user;
    w->cluster->password = plan.password;
    for (size_t i = 0; i < w->cluster->count; i++) {
        sim_set_latency(w->sim, &w->cluster->nodes[i].at, plan.latency);
        if (plan.is_named) {
            snprintf(w->cluster->nodes[i].name, sizeof w->cluster->nodes[i].name,
                     NODE_HOST ":27017", i);
        }
    }
    list_init(&w->clients);
    put_names(w, plan.srv_targets);
    load_settings(w, &plan);
    require(address_parse("127.0.0.1:27017", 0, &w->at));
    if (plan.is_nameless) {
        sim_set_fault(w->sim, FAULT_DNS_REFUSED, 0, UINT32_MAX);
    }
    sim_dns_behave(w->sim, NULL, plan.dns_ways);
    sim_world_start(w);
    sim_add_invariant(w->sim, sim_world_check, w);
    return w;
}

/* --- the course of things --- */

_Noreturn void sim_world_fail(struct sim_world *w, const char *format, ...)
{
    va_list args;
    char text[600];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_error("seed %llu, at %lld ms: %s\n", (unsigned long long)w->seed,
                (long long)net_now(w->net), text);
    _fail("scenario", 0);
    abort(); /* _fail does not return */
}

void sim_world_until(struct sim_world *w, msec limit, bool (*is_so)(void *owner), void *owner)
{
    msec end = net_now(w->net) + limit;
    while (!is_so(owner)) {
        if (net_now(w->net) > end || !sim_step(w->sim)) {
            sim_world_fail(w, "what was waited for did not come within %lld ms", (long long)limit);
        }
    }
}

void sim_world_run(struct sim_world *w, msec wait)
{
    sim_run_for(w->sim, wait);
}

static bool is_answered(void *owner)
{
    return sim_client_is_answered(owner);
}

void sim_world_answer(struct sim_world *w, struct sim_client *c, msec limit)
{
    sim_world_until(w, limit, is_answered, c);
}

/* As a driver does, it asks once more when the first answer is that of a change just now. */
void sim_world_works(struct sim_world *w, msec limit)
{
    struct sim_client *c = sim_client_open(w);
    int64_t token = 0;
    for (int i = 0; i < 2 && sim_client_code(c) != 0; i++) {
        token = sim_client_ask(c, "{'insert': 'things', 'documents': [{}]}");
        sim_world_answer(w, c, limit);
        if (c->conn == NULL) {
            sim_world_fail(w, "a fresh client was closed: %s", status_text(c->why_closed));
        }
    }
    if (sim_client_code(c) != 0) {
        sim_world_fail(w, "a write does not work: %s", sim_client_said(c));
    }
    if (sim_cluster_executed(w->cluster, token) != 1) {
        sim_world_fail(w, "a write was executed %zu times",
                       sim_cluster_executed(w->cluster, token));
    }
    sim_client_leave(c, CLOSE_NOW);
}

/* --- the end --- */

static bool has_ended(void *owner)
{
    const struct sim_world *w = owner;
    return w->has_ended;
}

void sim_world_stop(struct sim_world *w)
{
    proxy_close(w->proxy);
    sim_world_until(w, END_MS, has_ended, w);
    proxy_free(w->proxy);
    w->proxy = NULL;
}

static bool is_all_closed(void *owner)
{
    struct sim_world *w = owner;
    return w->has_ended && sim_count_conns(w->sim) == 0;
}

/* Nothing was executed twice but a read that was sent again, and nothing was sent a third time but
 * what every node is asked. */
static void check_executed_once(struct sim_world *w)
{
    for (int64_t token = 1; token <= w->last_token; token++) {
        const struct sim_fate *fate = sim_cluster_fate(w->cluster, token);
        int most = fate->is_tour ? SIM_NODES_MOST : 2;
        bool is_often = fate->executed > (fate->is_read ? most : 1) || fate->attempts > most;
        if (is_often && !fate->awaits) {
            sim_world_fail(w, "the command with token %lld was executed %d times, sent %d times",
                           (long long)token, fate->executed, fate->attempts);
        }
    }
}

void sim_world_end(struct sim_world *w)
{
    check_executed_once(w);
    list_for_each (link, &w->clients) {
        sim_client_leave(container_of(link, struct sim_client, link), CLOSE_NOW);
    }
    sim_world_run(w, 1);
    if (!w->has_ended) {
        proxy_close(w->proxy);
    }
    for (size_t i = 0; i < w->cluster->count; i++) {
        sim_set_route(w->sim, &w->cluster->nodes[i].at, SIM_REACHABLE);
    }
    sim_cluster_close(w->cluster);
    sim_world_until(w, END_MS, is_all_closed, w);
    sim_run_for(w->sim, MINUTES(1)); /* work under way */
    proxy_free(w->proxy);
    w->proxy = NULL;
    list_for_each_safe (link, &w->clients) {
        sim_client_free(container_of(link, struct sim_client, link));
    }
    sim_cluster_free(w->cluster);
    sim_free(w->sim);
    settings_clear(&w->settings);
    settings_origins_clear(&w->origins);
    free(w);
    current = NULL;
}

/* --- looked at --- */

struct node *sim_world_node(struct sim_world *w, int index)
{
    struct node *found = NULL;
    char *host = xformat(NODE_HOST, (size_t)index);
    list_for_each (link, &w->proxy->cluster->nodes) {
        struct node *node = container_of(link, struct node, link);
        bool is_it =
            strcmp(node->name, w->cluster->nodes[index].name) == 0 || strcmp(node->host, host) == 0;
        if (is_it && (found == NULL || !node->is_removed)) {
            found = node;
        }
    }
    free(host);
    return found;
}

const struct pool_counts *sim_world_pool(struct sim_world *w, int index)
{
    static const struct pool_counts none;
    const struct node *node = sim_world_node(w, index);
    return node == NULL ? &none : pool_counts(node->pool);
}

/* --- running scenarios --- */

void sim_world_seeds(uint64_t count, void (*scenario)(uint64_t seed))
{
    uint64_t only = seed_of_environment();
    for (uint64_t seed = only != 0 ? only : 1; seed <= (only != 0 ? only : count); seed++) {
        scenario(seed);
    }
}

int sim_world_teardown(void **state)
{
    (void)state;
    if (current != NULL) {
        print_error("not at its end: run it again with SIM_SEED=%llu (VERBOSE=1 shows the log)\n",
                    (unsigned long long)current->seed);
        current = NULL;
    }
    return 0;
}

static void print_seed(void *owner)
{
    (void)owner;
    if (current != NULL) {
        fprintf(stderr, "with SIM_SEED=%llu\n", (unsigned long long)current->seed);
    }
}

int sim_world_main(const char *name, const struct CMUnitTest *tests, size_t count)
{
    require_set_witness(print_seed, NULL);
    int failed = _cmocka_run_group_tests(name, tests, count, NULL, NULL);
    if (failed > 0) {
        fflush(NULL);
        _exit(1); /* what a failed scenario left open would be told as leaks on top */
    }
    return 0;
}
