/* The nodes of the simulated cluster and their roles. */
#include "support/sim_cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "support/sim_server.h"

static void on_elected(struct deadline *d, msec now);

static void node_listen(struct sim_node *n)
{
    struct error why;
    require(net_listen(n->cluster->net, &n->at, NULL, sim_server_accept, n, &n->listener, &why) ==
            STATUS_OK);
}

static void node_init(struct sim_cluster *c, int index)
{
    struct sim_node *n = &c->nodes[index];
    n->cluster = c;
    n->index = index;
    n->max_wire = 21;
    n->at = (struct address){
        .family = ADDRESS_IPV4, .ip = {10, 0, 0, (uint8_t)(index + 1)}, .port = 27017};
    address_print(&n->at, n->name);
    list_init(&n->servers);
    list_init(&n->waiting);
    list_init(&n->awaiting);
    list_init(&n->cursors);
    list_init(&n->transactions);
    node_listen(n);
}

struct sim_cluster *sim_cluster_new(struct sim *sim, size_t nodes)
{
    struct sim_cluster *c = xcalloc(1, sizeof *c);
    size_t used = 0;
    c->sim = sim;
    c->net = sim_net(sim);
    c->count = nodes;
    c->is_standalone = nodes == 1;
    c->term = 1;
    c->next_cursor = 1000;
    deadline_init(&c->election, on_elected);
    list_init(&c->retryable);
    for (size_t i = 0; i < nodes; i++) {
        node_init(c, (int)i);
        used += (size_t)snprintf(c->uri + used, sizeof c->uri - used, "%s%s",
                                 i == 0 ? "mongodb://" : ",", c->nodes[i].name);
    }
    snprintf(c->uri + used, sizeof c->uri - used, "/");
    c->nodes[0].is_primary = true;
    return c;
}

void sim_cluster_become_sharded(struct sim_cluster *c)
{
    c->is_sharded = true;
    for (size_t i = 0; i < c->count; i++) {
        c->nodes[i].is_primary = true; /* each takes writes */
    }
}

/* --- roles --- */

struct sim_node *sim_cluster_primary(struct sim_cluster *c)
{
    return c->primary < 0 ? NULL : &c->nodes[c->primary];
}

static void end_primary(struct sim_cluster *c)
{
    struct sim_node *n = sim_cluster_primary(c);
    if (n != NULL) {
        n->is_primary = false;
        n->state_changes++;
        sim_node_forget(n);
    }
    c->primary = -1;
}

static void on_elected(struct deadline *d, msec now)
{
    struct sim_cluster *c = container_of(d, struct sim_cluster, election);
    struct sim_node *n = &c->nodes[c->next_primary];
    (void)now;
    if (n->listener == NULL) {
        return; /* died meanwhile: no primary until the next call */
    }
    end_primary(c);
    c->primary = n->index;
    c->term++;
    n->is_primary = true;
    n->state_changes++;
}

void sim_cluster_step_down(struct sim_cluster *c, int next, msec election)
{
    end_primary(c);
    c->next_primary = next;
    net_set_deadline(c->net, &c->election, net_now(c->net) + election);
}

void sim_node_reset(struct sim_node *n)
{
    list_for_each (link, &n->servers) {
        sim_server_close(container_of(link, struct sim_server, link), CLOSE_RESET);
    }
}

void sim_node_die(struct sim_node *n)
{
    if (n->listener == NULL) {
        return;
    }
    listener_close(n->listener);
    n->listener = NULL;
    sim_node_reset(n);
    sim_node_forget(n);
    if (n->is_primary && !n->cluster->is_standalone && !n->cluster->is_sharded) {
        end_primary(n->cluster);
    }
}

void sim_node_revive(struct sim_node *n)
{
    if (n->listener == NULL) {
        n->state_changes++;
        node_listen(n);
    }
}

/* --- hello --- */

void sim_node_version(const struct sim_node *n, bson_t *reply)
{
    bson_oid_t process;
    char text[25];
    bson_t version;
    snprintf(text, sizeof text, "%024x", 0xabc00 + n->index);
    bson_oid_init_from_string(&process, text);
    BSON_APPEND_DOCUMENT_BEGIN(reply, "topologyVersion", &version);
    BSON_APPEND_OID(&version, "processId", &process);
    BSON_APPEND_INT64(&version, "counter", n->state_changes);
    bson_append_document_end(reply, &version);
}

static void append_set(const struct sim_node *n, bson_t *reply)
{
    const struct sim_cluster *c = n->cluster;
    bson_oid_t election;
    char text[25];
    bson_t part;
    BSON_APPEND_UTF8(reply, "setName", "rs");
    BSON_APPEND_INT32(reply, "setVersion", 1);
    BSON_APPEND_UTF8(reply, "me", n->name);
    BSON_APPEND_ARRAY_BEGIN(reply, "hosts", &part);
    for (size_t i = 0, listed = 0; i < c->count; i++) {
        static const char *const keys[SIM_NODES_MOST] = {"0", "1", "2"};
        if (!c->nodes[i].is_unlisted) {
            BSON_APPEND_UTF8(&part, keys[listed], c->nodes[i].name);
            listed++;
        }
    }
    bson_append_array_end(reply, &part);
    if (n->is_primary) {
        snprintf(text, sizeof text, "7fffffff%016x", c->term);
        bson_oid_init_from_string(&election, text);
        BSON_APPEND_OID(reply, "electionId", &election);
    }
    if (c->primary >= 0) {
        BSON_APPEND_UTF8(reply, "primary", c->nodes[c->primary].name);
    }
    BSON_APPEND_DOCUMENT_BEGIN(reply, "lastWrite", &part);
    BSON_APPEND_DATE_TIME(&part, "lastWriteDate", net_now(c->net));
    bson_append_document_end(reply, &part);
}

void sim_node_hello(const struct sim_node *n, const bson_t *request, bson_t *reply)
{
    const struct sim_cluster *c = n->cluster;
    BSON_APPEND_BOOL(reply, "helloOk", true);
    BSON_APPEND_BOOL(reply, "isWritablePrimary", n->is_primary);
    if (c->is_sharded || c->is_balanced) {
        BSON_APPEND_UTF8(reply, "msg", "isdbgrid");
    } else if (!c->is_standalone) {
        BSON_APPEND_BOOL(reply, "secondary", !n->is_primary);
        append_set(n, reply);
    }
    if (n->is_passive) {
        BSON_APPEND_BOOL(reply, "passive", true);
    }
    sim_node_version(n, reply);
    BSON_APPEND_INT32(reply, "maxBsonObjectSize", 16 * 1024 * 1024);
    BSON_APPEND_INT32(reply, "maxMessageSizeBytes", 48000000);
    BSON_APPEND_INT32(reply, "maxWriteBatchSize", 100000);
    BSON_APPEND_DATE_TIME(reply, "localTime", net_now(c->net));
    BSON_APPEND_INT32(reply, "logicalSessionTimeoutMinutes", 30);
    BSON_APPEND_INT32(reply, "minWireVersion", 0);
    BSON_APPEND_INT32(reply, "maxWireVersion", n->max_wire);
    if (sim_has(request, "saslSupportedMechs")) {
        BCON_APPEND(reply, "saslSupportedMechs", "[", "SCRAM-SHA-256", "]");
    }
}

/* --- looked at, and the end --- */

struct sim_fate *sim_cluster_fate(struct sim_cluster *c, int64_t token)
{
    require(token >= 0);
    if ((size_t)token >= c->fate_room) {
        size_t room = 2 * (size_t)token + 64;
        c->fates = xrealloc(c->fates, room * sizeof *c->fates);
        memset(c->fates + c->fate_room, 0, (room - c->fate_room) * sizeof *c->fates);
        c->fate_room = room;
    }
    return &c->fates[token];
}

size_t sim_cluster_executed(const struct sim_cluster *c, int64_t token)
{
    return token >= 0 && (size_t)token < c->fate_room ? c->fates[token].executed : 0;
}

size_t sim_cluster_attempts(const struct sim_cluster *c, int64_t token)
{
    return token >= 0 && (size_t)token < c->fate_room ? c->fates[token].attempts : 0;
}

void sim_cluster_close(struct sim_cluster *c)
{
    net_clear_deadline(c->net, &c->election);
    for (size_t i = 0; i < c->count; i++) {
        sim_node_die(&c->nodes[i]);
    }
}

void sim_cluster_free(struct sim_cluster *c)
{
    for (size_t i = 0; i < c->count; i++) {
        require(list_is_empty(&c->nodes[i].servers));
    }
    sim_retryable_forget(c);
    free(c->fates);
    free(c);
}
