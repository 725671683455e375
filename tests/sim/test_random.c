/* Anything at any time: applications, a cluster and faults at random, from a seed; in the end the
 * trouble is over, and everybody has been answered or closed and a fresh client is served. */
#include <string.h>

#include "story.h"

enum { CLIENTS = 10, TROUBLE_MS = 15000, SEEDS = 15, WELL_MS = 120000 };

#define FLAGS                                                                               \
    "--pool.maxPoolSize=3 --upstream.operationTimeoutMS=4000 --limits.holdBytes=16KiB "     \
    "--outage.queueTimeoutMS=3000 --outage.queueMaxOperations=6 --pool.maxIdleTimeMS=3000 " \
    "--upstream.connectTimeoutMS=1500 --reconnect.maxMS=2000 --reconnect.faultMS=2000 "     \
    "--pool.checkAfterIdleMS=500 "                                                          \
    "--upstream.heartbeatFrequencyMS=700 --pool.maxLifetimeMS=9000 "                        \
    "--limits.clientIdleTimeoutMS=5000 --pool.connectsPerSecond=20 "                        \
    "--limits.vanishedGraceMS=100 --limits.maxOperationsPerApp=2"

struct random_world {
    struct sim_world *w;
    struct sim_client *clients[CLIENTS];
    struct sim_txn transactions[CLIENTS];
    int64_t cursors[CLIENTS];
    struct deadline next;
};

static uint64_t pick(struct random_world *r, uint64_t limit)
{
    return sim_pick(r->w->sim, limit);
}

/* --- what applications do --- */

/* As one of three applications, or in load balancing mode. */
static void say_hello(struct random_world *r, struct sim_client *c)
{
    static const char *const names[] = {"one", "two", "three"};
    sim_client_ask(c, "{'hello': 1%s, 'client': " SIM_CLIENT_DOCUMENT "}",
                   pick(r, 4) == 0 ? ", 'loadBalanced': true" : "", names[pick(r, 3)]);
}

static void ask_something(struct random_world *r, struct sim_client *c, size_t i)
{
    static const char *const modes[] = {"primary", "primaryPreferred", "secondary",
                                        "secondaryPreferred", "nearest"};
    int delay = (int)pick(r, 10) == 0 ? 6000 : (int)pick(r, 40);
    switch (pick(r, 12)) {
    case 0:
        say_hello(r, c);
        break;
    case 1:
        sim_client_ask(c,
                       "{'find': 'things', 'more': 2, 'delay': %d, "
                       "'$readPreference': {'mode': '%s'}}",
                       delay, modes[pick(r, 5)]);
        break;
    case 2:
        sim_client_ask(c, "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things'}",
                       (long long)r->cursors[pick(r, CLIENTS)]);
        break;
    case 3:
        sim_client_ask(c, "{'killCursors': 'things', 'cursors': [{'$numberLong': '%lld'}]}",
                       (long long)r->cursors[i]);
        break;
    case 4:
        sim_client_tell(c, "{'insert': 'things', 'documents': [{}], 'delay': %d}", delay);
        sim_client_ask(c, "{'ping': 1}");
        break;
    case 5:
        sim_client_ask_in(c, &r->transactions[i],
                          "{'insert': 'things', 'documents': [{}], 'lock': true}");
        break;
    case 6:
        sim_client_ask_in(c, &r->transactions[i], "{'%sTransaction': 1}",
                          pick(r, 2) == 0 ? "commit" : "abort");
        r->transactions[i].number++;
        r->transactions[i].has_begun = false;
        break;
    case 7:
        sim_client_ask(c, "{'find': 'things', 'bytes': %d}", (int)pick(r, 200000));
        break;
    case 8:
        sim_client_ask(c,
                       "{'aggregate': 'things', 'pipeline': [{'$changeStream': {}}], "
                       "'cursor': {}, 'hears': %d, '$readPreference': {'mode': '%s'}}",
                       (int)pick(r, 3), modes[pick(r, 5)]);
        break;
    case 9:
    case 10:
        sim_client_ask(c,
                       "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things', "
                       "'maxTimeMS': %d}",
                       (long long)r->cursors[pick(r, CLIENTS)], (int)pick(r, 2000));
        break;
    default:
        sim_client_ask(c, "{'insert': 'things', 'documents': [{}], 'delay': %d, 'maxTimeMS': %d}",
                       delay, (int)pick(r, 4000) + 1);
        break;
    }
}

static void ask_large(struct random_world *r, struct sim_client *c)
{
    size_t size = 1000 + pick(r, 300000);
    char *filler = xmalloc(size + 1);
    memset(filler, 'x', size);
    filler[size] = '\0';
    sim_client_ask_in_part(c, pick(r, size), "{'insert': 'things', 'documents': [{'x': '%s'}]}",
                           filler);
    free(filler);
}

static void on_reply(struct sim_client *c, const bson_t *reply)
{
    struct random_world *r = c->owner;
    if (reply != NULL && sim_int(reply, "cursor.id") != 0) {
        r->cursors[c->number] = sim_int(reply, "cursor.id");
    }
}

static void move_client(struct random_world *r, size_t i)
{
    static const enum close_how ways[] = {CLOSE_NOW, CLOSE_FLUSH, CLOSE_RESET};
    struct sim_client *c = r->clients[i];
    if (c == NULL || c->conn == NULL) {
        c = r->clients[i] = sim_client_open(r->w);
        c->owner = r;
        c->number = (int64_t)i;
        c->on_reply = on_reply;
    }
    if (c->rest != NULL) {
        sim_client_send_rest(c);
    } else if (pick(r, 12) == 0) {
        sim_client_leave(c, ways[pick(r, 3)]);
        r->clients[i] = NULL;
    } else if (c->asked_count < 3 && pick(r, 8) == 0) {
        ask_large(r, c);
    } else if (c->asked_count < 3) {
        ask_something(r, c, i);
    }
}

/* --- what befalls the cluster --- */

static void move_cluster(struct random_world *r)
{
    static const enum fault faults[] = {FAULT_SHORT_READ,    FAULT_ONE_BYTE,     FAULT_CHUNKS_EMPTY,
                                        FAULT_RESET_AT_BYTE, FAULT_DIAL_REFUSED, FAULT_DIAL_HANGS};
    size_t chosen = pick(r, 6);
    struct sim_node *n = &r->w->cluster->nodes[pick(r, r->w->cluster->count)];
    switch (pick(r, 8)) {
    case 0:
        sim_node_reset(n);
        break;
    case 1:
        sim_node_die(n);
        break;
    case 2:
        sim_node_revive(n);
        break;
    case 3:
        sim_cluster_step_down(r->w->cluster, n->index, (msec)pick(r, 3000));
        break;
    case 4:
        n->is_hanging = !n->is_hanging;
        break;
    case 5:
        sim_set_route(r->w->sim, &n->at, (enum sim_route)pick(r, 3));
        break;
    case 6:
        n->delay = (msec)pick(r, 50);
        break;
    default:
        /* An application's own dial that hangs is none of the proxy's matters. */
        sim_set_fault_at(r->w->sim, faults[chosen], chosen < 4 ? NULL : &n->at,
                         chosen < 4 ? pick(r, 1000) : 0, pick(r, 20));
        break;
    }
}

static void heal(struct random_world *r)
{
    struct sim_cluster *c = r->w->cluster;
    for (int f = 0; f < FAULT_COUNT; f++) {
        sim_set_fault(r->w->sim, (enum fault)f, 0, 0);
    }
    for (size_t i = 0; i < c->count; i++) {
        sim_node_revive(&c->nodes[i]);
        sim_set_route(r->w->sim, &c->nodes[i].at, SIM_REACHABLE);
        c->nodes[i].is_hanging = false;
        c->nodes[i].delay = 0;
    }
    sim_cluster_step_down(c, 0, 100);
    for (size_t i = 0; i < CLIENTS; i++) {
        struct sim_client *client = r->clients[i];
        if (client != NULL && client->rest != NULL) {
            sim_client_send_rest(client);
        }
    }
}

static void on_next(struct deadline *d, msec now)
{
    struct random_world *r = container_of(d, struct random_world, next);
    if (pick(r, 25) == 0) {
        move_cluster(r);
    } else if (pick(r, 20) == 0) {
        sim_cluster_event(r->w->cluster, (int64_t)pick(r, 3));
    } else {
        move_client(r, pick(r, CLIENTS));
    }
    net_set_deadline(r->w->net, d, now + (msec)pick(r, 20));
}

/* Locks of transactions that nobody ends would hold writers for ever: not this test's matter. */
static void end_transactions(struct random_world *r)
{
    for (size_t i = 0; i < r->w->cluster->count; i++) {
        r->w->cluster->nodes[i].failing = (struct sim_failing){0};
    }
    sim_cluster_step_down(r->w->cluster, 1, 100);
}

static bool are_all_answered(void *owner)
{
    const struct random_world *r = owner;
    for (size_t i = 0; i < CLIENTS; i++) {
        if (r->clients[i] != NULL && !sim_client_is_answered(r->clients[i])) {
            return false;
        }
    }
    return true;
}

static void scenario(uint64_t seed)
{
    struct random_world r = {
        .w = sim_world_new((struct sim_plan){.seed = seed, .flags = FLAGS, .latency = 1})};
    for (size_t i = 0; i < CLIENTS; i++) {
        memset(r.transactions[i].lsid, (int)i + 1, sizeof r.transactions[i].lsid);
        r.transactions[i].number = 1;
    }
    deadline_init(&r.next, on_next);
    net_set_deadline(r.w->net, &r.next, net_now(r.w->net));
    sim_world_run(r.w, TROUBLE_MS);
    net_clear_deadline(r.w->net, &r.next);
    heal(&r);
    sim_world_run(r.w, 3000);
    end_transactions(&r);
    sim_world_until(r.w, WELL_MS, are_all_answered, &r);
    sim_world_works(r.w, 5000);
    sim_world_end(r.w);
}

static void test_random(void **state)
{
    (void)state;
    sim_world_seeds(SEEDS, scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {SIM_TEST(test_random)};
    return sim_world_main("random", tests, sizeof tests / sizeof *tests);
}
