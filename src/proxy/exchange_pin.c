/* Behind a load balancer, cursors and transactions live on the very connection that made them:
 *
 *   1. exchange_choose_pinned: a follow-up goes to the backend of its cursor or transaction, at
 *      once when that rests, else after those that came before. One of a cursor or transaction that
 *      nobody knows goes over any backend, and the server says so itself (43, 251).
 *   2. A request that may open a cursor or begins a transaction takes room first, within
 *      pool.maxPinned; without room it waits, within the patience for pooled connections.
 *   3. exchange_give_pinned: what the reply taught is noted. A backend that something lives on is
 *      kept, lent to nobody, or goes to the next that waits for it; else the pool has it back.
 *
 * Load balancing, transactions: a transaction is over for its backend at the reply to commit or
 * abort (a commit that is sent again carries a recoveryToken, which every mongos understands), at
 * an error labelled TransientTransactionError or UnknownTransactionCommitResult, at endSessions,
 * and when its lsid goes on with something else. */
#include <string.h>

#include "core/wire/bson_view.h"
#include "proxy/backend.h"
#include "proxy/cluster.h"
#include "proxy/exchange_parts.h"
#include "proxy/node.h"
#include "proxy/node_pins.h"
#include "proxy/proxy.h"

static struct node_pins *pins_of(const struct exchange *x)
{
    struct node *node = cluster_balancer(x->proxy->cluster);
    return node == NULL ? NULL : node->pinning;
}

/* --- 1. follow-ups --- */

static bool is_in_transaction(const struct request_facts *facts)
{
    return facts->has_autocommit && facts->has_lsid;
}

static bool find_pin(const struct pins *pins, const struct request_facts *facts,
                     struct backend_id *id)
{
    if (facts->command == COMMAND_GET_MORE || facts->command == COMMAND_KILL_CURSORS) {
        return pins_find_cursor(pins, facts_first_cursor(facts), id);
    }
    return is_in_transaction(facts) && !facts->starts_transaction &&
           pins_find_transaction(pins, facts->lsid, facts->txn_number, id);
}

static void wait_in(struct exchange *x, struct list *queue)
{
    msec now = net_now(x->proxy->net);
    if (x->pool_patience == 0) {
        x->pool_patience = msec_after(now, x->proxy->settings->pool.wait_queue_timeout_ms);
    }
    exchange_move(x, EXCHANGE_WAITING);
    list_push_back(queue, &x->link);
    net_set_deadline(x->proxy->net, &x->deadline,
                     msec_earlier(x->pool_patience, exchange_own_deadline(x)));
}

static void follow(struct exchange *x, struct node_pins *n, struct backend *backend)
{
    x->node = n->node;
    if (backend->exchange != NULL) {
        wait_in(x, &backend->followers); /* one at a time */
        return;
    }
    exchange_move(x, EXCHANGE_WAITING);
    pins_on_used(n->pins, backend->id, net_now(x->proxy->net));
    exchange_on_granted(x, backend);
}

/* --- 2. room --- */

static bool may_pin(const struct request_facts *facts)
{
    switch ((int)facts->command) {
    case COMMAND_FIND:
    case COMMAND_AGGREGATE:
    case COMMAND_LIST_COLLECTIONS:
    case COMMAND_LIST_INDEXES:
    case COMMAND_BULK_WRITE:
        return true;
    default:
        return facts->starts_transaction;
    }
}

static void wait_for_room(struct exchange *x, struct node_pins *n)
{
    size_t most = (size_t)x->proxy->settings->outage.queue_max_operations;
    x->node = n->node;
    if (most > 0 && n->waiting_count >= most) {
        exchange_refuse(x, STATUS_QUEUE_FULL);
        return;
    }
    metrics_count(&x->proxy->metrics, pool_waits);
    n->waiting_count++;
    x->waits_for_room = true;
    wait_in(x, &n->waiting);
}

bool exchange_choose_pinned(struct exchange *x)
{
    struct backend_id id;
    struct node_pins *n = pins_of(x);
    if (n == NULL) {
        return false;
    }
    struct backend *backend = find_pin(n->pins, &x->facts, &id) ? node_pins_backend(n, id) : NULL;
    if (backend != NULL) {
        follow(x, n, backend);
        return true;
    }
    if (x->holds_room || !may_pin(&x->facts)) {
        return false;
    }
    if (!list_is_empty(&n->waiting) || !pins_take_room(n->pins)) {
        wait_for_room(x, n);
        return true;
    }
    x->holds_room = true;
    return false;
}

void exchange_unwait_pin(struct exchange *x)
{
    list_remove(&x->link);
    net_clear_deadline(x->proxy->net, &x->deadline);
    if (x->waits_for_room) {
        x->waits_for_room = false;
        x->node->pinning->waiting_count--;
    }
}

void exchange_choose_with_room(struct exchange *x)
{
    x->holds_room = pins_take_room(x->node->pinning->pins);
    exchange_choose(x);
}

void exchange_give_room(struct exchange *x)
{
    struct node_pins *n = pins_of(x);
    if (x->holds_room) {
        x->holds_room = false;
        if (n != NULL) {
            pins_on_room_given(n->pins);
            node_pins_settle(n);
        }
    }
}

/* --- 3. the reply --- */

/* Nothing may live on that one any more. `own` is that of the reply, given back later. */
static void let_go(struct node_pins *n, struct backend_id id, struct backend_id own)
{
    if (!backend_id_equals(id, own)) {
        node_pins_release(n, id);
    }
}

static void note_transaction(struct exchange *x, struct node_pins *n, struct backend_id id)
{
    const struct request_facts *facts = &x->facts;
    unsigned over = LABEL_TRANSIENT_TRANSACTION | LABEL_UNKNOWN_COMMIT_RESULT;
    bool is_follow_up = command_has(facts->command, TRAIT_LANE);
    if (!facts->has_lsid || (!facts->has_autocommit && is_follow_up)) {
        return;
    }
    bool is_over = !facts->has_autocommit || command_has(facts->command, TRAIT_END) ||
                   (x->skim.facts.labels & over) != 0;
    if (is_over) {
        let_go(n, pins_on_transaction_gone(n->pins, facts->lsid), id);
    } else {
        let_go(n,
               pins_on_transaction(n->pins, id, facts->lsid, facts->txn_number,
                                   net_now(x->proxy->net)),
               id);
    }
}

static void note_killed(struct exchange *x, struct node_pins *n, struct backend_id id)
{
    struct view v;
    struct element e;
    int64_t cursor;
    view_init(&v, x->facts.cursors);
    while (x->facts.cursors.size > 0 && view_next(&v, &e) == VIEW_ELEMENT) {
        if (element_int64(&e, &cursor)) {
            pins_on_cursor_gone(n->pins, id, cursor);
        }
    }
}

static void note_ended_lsids(struct exchange *x, struct node_pins *n, struct backend_id own)
{
    enum { SUBTYPE_UUID = 4 };
    struct view v;
    struct element e;
    struct element id;
    struct span uuid;
    view_init(&v, x->facts.lsids);
    while (x->facts.lsids.size > 0 && view_next(&v, &e) == VIEW_ELEMENT) {
        if (e.type == ELEMENT_DOCUMENT && view_find(e.value, "id", &id) &&
            element_binary(&id, SUBTYPE_UUID, &uuid) && uuid.size == LSID_BYTES) {
            let_go(n, pins_on_transaction_gone(n->pins, uuid.at), own);
        }
    }
}

static void note_cursors(struct exchange *x, struct node_pins *n, struct backend_id id)
{
    const struct request_facts *facts = &x->facts;
    const struct reply_facts *reply = &x->skim.facts;
    if (facts->command == COMMAND_GET_MORE && reply_ends_cursor(reply)) {
        pins_on_cursor_gone(n->pins, id, facts->cursor_id);
    } else if (reply->has_cursor && reply->cursor_id != 0) {
        const uint8_t *lsid = is_in_transaction(facts) ? facts->lsid : NULL;
        let_go(n, pins_on_cursor(n->pins, id, reply->cursor_id, lsid, net_now(x->proxy->net)), id);
    } else if (facts->command == COMMAND_KILL_CURSORS && reply->is_ok) {
        note_killed(x, n, id);
    } else if (facts->command == COMMAND_END_SESSIONS) {
        note_ended_lsids(x, n, id);
    }
}

static bool is_kept(const struct node_pins *n, const struct backend *backend)
{
    return pins_holds(n->pins, backend->id) && !backend->is_tainted && !n->node->is_removed;
}

/* It rests, or goes to the next that follows. */
static void keep(struct exchange *x, struct node_pins *n, struct backend *backend)
{
    msec now = net_now(x->proxy->net);
    struct list *next = list_first(&backend->followers);
    pool_on_pinned(n->node->pool, backend->id, now);
    pins_on_used(n->pins, backend->id, now);
    if (next != NULL) {
        struct exchange *follower = container_of(next, struct exchange, link);
        exchange_unwait_pin(follower);
        follow(follower, n, backend);
    }
}

void exchange_give_backend(struct exchange *x, struct backend *backend)
{
    struct node *node = x->node;
    struct node_pins *n = node->pinning;
    if (n == NULL) {
        node_return(node, backend, POOL_CLEAN);
        return;
    }
    note_transaction(x, n, backend->id);
    note_cursors(x, n, backend->id);
    if (is_kept(n, backend)) {
        keep(x, n, backend);
    } else {
        node_return(node, backend, POOL_CLEAN);
        node_pins_on_backend_gone(n, backend); /* to whom follows */
    }
    exchange_give_room(x);
    node_pins_settle(n);
}
