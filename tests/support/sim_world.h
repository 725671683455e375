/* The product in the simulated world: src/proxy unchanged, between simulated applications and a
 * simulated cluster.
 *
 * After every step the invariants are checked (sim_check.c): backends and dials within the cap, a
 * backend lent to one exchange at most, every wait with a deadline, the counts of what waits right.
 * At the end nothing is alive and the chunk pool is full. A scenario that fails prints its seed;
 * SIM_SEED=n in the environment runs that seed alone, and exactly so again. */
#ifndef SUPPORT_SIM_WORLD_H
#define SUPPORT_SIM_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/pool/pool.h"
#include "proxy/proxy.h"
#include "settings/settings_load.h"
#include "support/sim_client.h"
#include "support/sim_cluster.h"

struct sim_plan {
    uint64_t seed;        /* 0: 1, or SIM_SEED */
    size_t nodes;         /* 0: 3 */
    int direct;           /* 1, 2 …: the proxy is given that node alone, with directConnection */
    bool is_balanced;     /* one node, a load balancer */
    const char *flags;    /* "--pool.maxPoolSize=4 --outage.mode=failFast"; NULL: none */
    const char *user;     /* NULL: no login */
    const char *password; /* as the cluster has it */
    const char *gives;    /* the password that the proxy gives; NULL: the right one */
    msec latency;         /* to each node */
    bool is_srv;          /* the proxy is given a name with an SRV record, not addresses */
    const char *srv_targets; /* hosts that it names, parted by spaces; NULL: all nodes */
    const char *srv_options; /* "&srvMaxHosts=2"; NULL: none */
    bool is_sharded;         /* the nodes are routers */
    bool is_nameless;        /* resolvers refuse from the start: FAULT_DNS_REFUSED */
    unsigned dns_ways;       /* of all resolvers from the start (enum sim_dns_way) */
    bool is_named;           /* the nodes tell each other's names in hello, not addresses */
};

struct sim_world {
    struct sim *sim;
    struct net *net;
    uint64_t seed;
    struct settings settings;
    struct settings_origins origins;
    struct address at; /* of the proxy's listener */
    struct sim_cluster *cluster;
    struct proxy *proxy; /* NULL once freed */
    struct list clients;
    int64_t last_token;
    bool has_ended; /* the proxy */
};

/* The proxy is open, the cluster listens; nothing has happened yet. */
struct sim_world *sim_world_new(struct sim_plan plan);

/* Everybody leaves, the proxy is closed, nothing is left; else the test fails. */
void sim_world_end(struct sim_world *w);

/* Steps until it is so; fails the test when that has not come within `limit` ms. */
void sim_world_until(struct sim_world *w, msec limit, bool (*is_so)(void *owner), void *owner);
void sim_world_run(struct sim_world *w, msec wait);

/* From now on the SRV record names these hosts (as plan.srv_targets). */
void sim_world_put_srv(struct sim_world *w, const char *targets, uint32_t ttl_seconds);

/* From now on the name of node `index` means these addresses (parted by spaces). */
void sim_world_put_addresses(struct sim_world *w, int index, const char *addresses,
                             uint32_t ttl_seconds);

/* The process ends, as it does by itself, and another begins with the same settings. Between them
 * the proxy is NULL. */
void sim_world_stop(struct sim_world *w);
void sim_world_start(struct sim_world *w);

/* From now on the name of node `index` means the address of node `at`. */
void sim_world_move_name(struct sim_world *w, int index, int at);

/* Until the client has had all its replies (or its conn is closed). */
void sim_world_answer(struct sim_world *w, struct sim_client *c, msec limit);

/* A fresh client writes and is answered well within `limit`: all is well again. */
void sim_world_works(struct sim_world *w, msec limit);

_Noreturn void sim_world_fail(struct sim_world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The node as the proxy sees it; NULL: unknown to it. */
struct node *sim_world_node(struct sim_world *w, int index);

/* Of the node's pool: as pool_counts. */
const struct pool_counts *sim_world_pool(struct sim_world *w, int index);

/* The invariants; called after every step. */
void sim_world_check(void *owner);

/* Seeds of a random scenario: calls it for 1 … count, or for SIM_SEED alone. */
void sim_world_seeds(uint64_t count, void (*scenario)(uint64_t seed));

/* For cmocka: the teardown that tells the seed when a scenario did not reach its end. */
int sim_world_teardown(void **state);

#define SIM_TEST(f) cmocka_unit_test_teardown(f, sim_world_teardown)

/* The main of a program of scenarios. */
int sim_world_main(const char *name, const struct CMUnitTest *tests, size_t count);

#endif
