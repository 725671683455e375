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
    list_init(&n->held);
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
        sim_node_change(n);
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
    sim_node_change(n);
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

void sim_cluster_die(struct sim_cluster *c)
{
    for (size_t i = 0; i < c->count; i++) {
        sim_node_die(&c->nodes[i]);
    }
}

void sim_cluster_revive(struct sim_cluster *c)
{
    for (size_t i = 0; i < c->count; i++) {
        sim_node_revive(&c->nodes[i]);
    }
    sim_cluster_step_down(c, 0, 0);
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
