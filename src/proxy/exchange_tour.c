/* A command that goes to several nodes, one after the other.
 *
 * A search: a getMore whose cursor nobody here knows (we were restarted, or it was opened past us).
 * The primary is asked first, then the others while the answer is 43; a node that does not know
 * the cursor has done nothing. The last 43 is the client's when all have said it; a node that is
 * down may have just broken off, and is given SEARCH_PATIENCE to come back.
 *
 * A killing: a killCursors whose cursors live at several nodes, or where nobody knows. Each node
 * is asked for its own, and the answers become one. A node that is down is not waited for: its
 * cursors are `cursorsAlive`, as a mongos says of those that it cannot kill; a driver closes
 * cursors while its application goes on, or ends, and takes no notice of the answer. */
#include <stdlib.h>

#include "base/require.h"
#include "core/wire/bson_view.h"
#include "core/wire/codes.h"
#include "core/wire/kill_cursors.h"
#include "proxy/client.h"
#include "proxy/cluster.h"
#include "proxy/exchange_parts.h"
#include "proxy/node.h"
#include "proxy/proxy.h"

enum { DOCUMENT_OFFSET = 4 + 1 };

#define SEARCH_PATIENCE SECONDS(2)

struct tour {
    struct killing *killing; /* NULL: a search */
    bool has_answer;         /* a node has said ok: 1 */
    struct span original;    /* the client's request, while x->flat is a part of it */
    void *original_owned;
    size_t next;
    size_t count;
    uint32_t stops[CLUSTER_NODES_MOST];
};

static struct tour *tour_new(struct exchange *x, struct killing *killing)
{
    struct tour *t = xcalloc(1, sizeof *t);
    t->killing = killing;
    t->count = cluster_usable_nodes(x->proxy->cluster, t->stops);
    x->tour = t;
    return t;
}

void exchange_tour_end(struct exchange *x)
{
    struct tour *t = x->tour;
    if (t == NULL) {
        return;
    }
    if (t->original.size > 0) {
        free(x->flat_owned);
        x->flat = t->original;
        x->flat_owned = t->original_owned;
    }
    free(t->killing);
    free(t);
    x->tour = NULL;
}

/* --- it begins --- */

static const struct known_cursor *known(const struct exchange *x, int64_t id)
{
    return cluster_find_cursor(x->proxy->cluster, id, &x->facts, x->identity);
}

static bool begin_search(struct exchange *x)
{
    if (known(x, x->facts.cursor_id) != NULL) {
        return false;
    }
    tour_new(x, NULL);
    if (x->tour->count == 0) {
        exchange_tour_end(x); /* it waits for a server, as everything else does */
    }
    return x->tour != NULL;
}

/* Most often there is one cursor, and its node is up: the request then goes there as it is. */
static bool is_for_one_node(const struct exchange *x)
{
    struct view v;
    struct element e;
    int64_t id;
    uint32_t server = 0;
    view_init(&v, x->facts.cursors);
    while (view_next(&v, &e) == VIEW_ELEMENT) {
        const struct known_cursor *cursor = element_int64(&e, &id) ? known(x, id) : NULL;
        if (cursor == NULL || (server != 0 && cursor->server != server)) {
            return false;
        }
        server = cursor->server;
    }
    return cluster_usable_node(x->proxy->cluster, server) != NULL;
}

static bool begin_killing(struct exchange *x)
{
    struct killing *k = NULL;
    bool is_known = true;
    if (x->facts.cursors.size == 0 || is_for_one_node(x) ||
        (k = killing_new(x->facts.cursors)) == NULL) {
        return false;
    }
    for (size_t i = 0; i < k->count; i++) {
        const struct known_cursor *cursor = known(x, k->ids[i].id);
        k->ids[i].server = cursor == NULL ? 0 : cursor->server;
        is_known &= cursor != NULL;
        if (cursor != NULL && cluster_usable_node(x->proxy->cluster, cursor->server) == NULL) {
            k->ids[i].fate = FATE_ALIVE;
        }
    }
    tour_new(x, k);
    if (x->tour->count == 0 && !is_known) {
        exchange_tour_end(x); /* it waits for a server, as everything else does */
        return false;
    }
    x->tour->original = x->flat;
    x->tour->original_owned = x->flat_owned;
    x->flat_owned = NULL;
    return true;
}

bool exchange_tour_begin(struct exchange *x)
{
    if (x->tour != NULL) {
        return true;
    }
    if (!x->is_held_whole || !cluster_may_tour(x->proxy->cluster)) {
        return false;
    }
    if (x->facts.command == COMMAND_GET_MORE) {
        return begin_search(x);
    }
    return x->facts.command == COMMAND_KILL_CURSORS && begin_killing(x);
}

/* --- from node to node --- */

static void answer(struct exchange *x)
{
    size_t size;
    struct buf reply;
    uint8_t *document = killing_reply(x->tour->killing, &size);
    buf_init(&reply, &x->proxy->net->chunks);
    if (reply_document(&reply, &x->facts, proxy_next_id(x->proxy), span_of(document, size)) &&
        exchange_live_client(x) != NULL) {
        client_send_buf(x->client, &reply);
    }
    buf_clear(&reply);
    free(document);
    exchange_finish(x);
}

static bool is_stop(const struct tour *t, uint32_t id)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->stops[i] == id) {
            return true;
        }
    }
    return false;
}

/* Nodes that can be asked only now. */
static void add_stops(struct exchange *x)
{
    struct tour *t = x->tour;
    uint32_t ids[CLUSTER_NODES_MOST];
    size_t count = cluster_usable_nodes(x->proxy->cluster, ids);
    for (size_t i = 0; i < count && t->count < CLUSTER_NODES_MOST; i++) {
        if (!is_stop(t, ids[i])) {
            t->stops[t->count++] = ids[i];
        }
    }
}

/* A search that has not come to every node waits for the others, for a little. */
static bool may_wait(const struct exchange *x)
{
    const struct tour *t = x->tour;
    return t->killing == NULL && t->count < cluster_member_count(x->proxy->cluster) &&
           net_now(x->proxy->net) < x->arrived + SEARCH_PATIENCE;
}

/* All that could be asked have been. */
static void arrive(struct exchange *x)
{
    struct tour *t = x->tour;
    if (!buf_is_empty(&x->earlier) && may_wait(x)) {
        x->patience = x->arrived + SEARCH_PATIENCE;
        exchange_wait_for_server(x); /* the last 43, when none comes */
        return;
    }
    if (!t->has_answer && !buf_is_empty(&x->earlier)) {
        exchange_send_earlier(x);
        exchange_finish(x);
    } else if (t->killing != NULL) {
        answer(x);
    } else {
        exchange_tour_end(x); /* none could be asked: begin anew when one can */
        exchange_wait_for_server(x);
    }
}

/* The part of a killing that is for that node becomes the request. */
static bool take_part(struct exchange *x, uint32_t id)
{
    size_t size;
    struct tour *t = x->tour;
    if (!killing_wants(t->killing, id)) {
        return false;
    }
    uint8_t *bytes = killing_request(t->killing, t->original, id, &size);
    if (bytes != NULL) {
        exchange_replace_request(x, bytes, size);
    }
    return bytes != NULL;
}

/* The last stop cannot be asked now; a search may come to it later. */
static void pass_by(struct exchange *x, uint32_t id)
{
    struct tour *t = x->tour;
    if (t->killing != NULL) {
        killing_on_unreachable(t->killing, id);
    } else {
        t->stops[--t->next] = t->stops[--t->count];
    }
}

void exchange_tour_go_on(struct exchange *x)
{
    struct tour *t = x->tour;
    buf_clear(&x->reply);
    net_clear_deadline(x->proxy->net, &x->deadline);
    if (x->client == NULL) {
        exchange_finish(x);
        return;
    }
    if (t->killing == NULL) {
        add_stops(x);
    }
    while (t->next < t->count) {
        uint32_t id = t->stops[t->next++];
        struct node *node = cluster_usable_node(x->proxy->cluster, id);
        if (node != NULL && (t->killing == NULL || take_part(x, id))) {
            exchange_wait(x, node);
            return;
        }
        if (node == NULL) {
            pass_by(x, id);
        }
    }
    arrive(x);
}

void exchange_tour_again(struct exchange *x)
{
    x->tour->next--;
}

bool exchange_tour_takes_reply(struct exchange *x, struct span body)
{
    struct tour *t = x->tour;
    const struct reply_facts *reply = &x->skim.facts;
    if (t->killing != NULL) {
        t->has_answer |=
            killing_on_reply(t->killing, span_tail(body, DOCUMENT_OFFSET), x->node->id);
        return true;
    }
    return reply->has_ok && !reply->is_ok && reply->code == CODE_CURSOR_NOT_FOUND;
}

bool exchange_tour_takes_loss(struct exchange *x)
{
    struct tour *t = x->tour;
    if (t->killing == NULL) {
        return false; /* that node may have had the cursor, and have gone on with it */
    }
    killing_on_unreachable(t->killing, x->node->id);
    exchange_tour_go_on(x);
    return true;
}

bool exchange_tour_takes_refusal(struct exchange *x, enum status status)
{
    struct tour *t = x->tour;
    if (status == STATUS_DRAINING || (t->killing == NULL && status != STATUS_NOT_SUITABLE)) {
        return false;
    }
    pass_by(x, x->node->id);
    exchange_tour_go_on(x);
    return true;
}
