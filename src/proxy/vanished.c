/* Happy path: the last connection of a process goes -> its grace passes -> it is queued -> one
 * request of our own after the other, until nothing of it is known -> the next one.
 *
 * Failures: it comes back in time (nothing happens), or while it stands in the queue (the rest is
 * left); the node is gone or unreachable, or the request fails: passed over. */
#include "proxy/vanished.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "base/require.h"
#include "core/pool/peers.h"
#include "proxy/client.h"
#include "proxy/cluster.h"
#include "proxy/exchange.h"
#include "proxy/proxy.h"

enum { LEAVING_MOST = 10000, REQUESTS_AT_ONCE = 4 };

/* Who has left something behind, while it is being ended. */
struct leaver {
    struct list link;
    uint64_t identity;
};

struct vanished {
    struct proxy *proxy;
    struct peers *peers;
    struct deadline deadline;
    struct list leavers; /* each has something open: the affinity's bounds hold for them too */
    size_t under_way;    /* requests of ours */
    uint64_t last_alone;
    bool is_performing;
    bool is_closed;
};

static void on_deadline(struct deadline *d, msec now);

struct vanished *vanished_new(struct proxy *proxy)
{
    struct vanished *v = xcalloc(1, sizeof *v);
    v->proxy = proxy;
    v->peers = peers_new(LEAVING_MOST, proxy->settings->limits.vanished_grace_ms);
    deadline_init(&v->deadline, on_deadline);
    list_init(&v->leavers);
    return v;
}

static void drop(struct leaver *l)
{
    list_remove(&l->link);
    free(l);
}

void vanished_close(struct vanished *v)
{
    v->is_closed = true;
    net_clear_deadline(v->proxy->net, &v->deadline);
    list_for_each_safe (link, &v->leavers) {
        drop(container_of(link, struct leaver, link));
    }
}

void vanished_free(struct vanished *v)
{
    require(list_is_empty(&v->leavers) && v->under_way == 0);
    peers_free(v->peers);
    free(v);
}

/* --- who is here --- */

void vanished_on_hello(struct vanished *v, struct client *client, const struct request_facts *facts)
{
    struct peer_process process;
    struct span document = facts->hello.client;
    if (client->identity != 0) {
        return;
    }
    if (facts->hello.is_load_balanced) {
        client->identity = peers_identity_alone(++v->last_alone);
    } else if (conn_peer_process(client->conn, &process)) {
        struct span part = span_of(&process, sizeof process);
        client->identity = peers_identity(&part, 1);
    } else if (document.size > 0) {
        struct span parts[] = {span_of(&client->origin, sizeof client->origin), document};
        client->identity = peers_identity(parts, 2);
    }
    peers_on_joined(v->peers, client->identity);
}

static void look_later(struct vanished *v)
{
    msec at = peers_deadline(v->peers);
    if (!v->is_closed && at != MSEC_NEVER) {
        net_set_deadline(v->proxy->net, &v->deadline, at);
    }
}

void vanished_on_client_gone(struct vanished *v, uint64_t identity, bool by_itself)
{
    peers_on_left(v->peers, identity, by_itself, net_now(v->proxy->net));
    look_later(v);
}

void vanished_on_left_behind(struct vanished *v, uint64_t identity)
{
    peers_on_left_behind(v->peers, identity, net_now(v->proxy->net));
    look_later(v);
}

/* --- ending what they left --- */

static void begin(struct vanished *v, struct farewell *farewell)
{
    v->under_way++;
    exchange_begin_own(v->proxy, farewell->node, &farewell->command, farewell->count);
    bson_destroy(&farewell->command);
}

static void perform(struct vanished *v)
{
    struct farewell farewell;
    if (v->is_performing) {
        return;
    }
    v->is_performing = true;
    while (v->under_way < REQUESTS_AT_ONCE && !list_is_empty(&v->leavers)) {
        struct leaver *l = container_of(list_first(&v->leavers), struct leaver, link);
        bool is_back = peers_is_here(v->peers, l->identity);
        if (is_back || !cluster_next_farewell(v->proxy->cluster, l->identity, &farewell)) {
            drop(l);
        } else {
            begin(v, &farewell);
        }
    }
    v->is_performing = false;
}

void vanished_on_own_ended(struct vanished *v, const struct exchange *x)
{
    struct metrics *metrics = &v->proxy->metrics;
    bool is_whole = x->reply_received > 0 && x->reply_received == (uint32_t)x->reply_head.length;
    if (is_whole && x->skim.facts.is_ok && x->facts.command == COMMAND_KILL_CURSORS) {
        metrics->cursors_killed += x->own_count;
    } else if (is_whole && x->skim.facts.is_ok) {
        metrics->transactions_aborted += x->own_count;
    }
    v->under_way--;
    perform(v);
}

static void on_deadline(struct deadline *d, msec now)
{
    struct vanished *v = container_of(d, struct vanished, deadline);
    uint64_t identity;
    while (peers_next_vanished(v->peers, now, &identity)) {
        if (cluster_owes_farewell(v->proxy->cluster, identity)) {
            struct leaver *l = xcalloc(1, sizeof *l);
            l->identity = identity;
            list_push_back(&v->leavers, &l->link);
        }
    }
    look_later(v);
    perform(v);
}
