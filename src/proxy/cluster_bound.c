/* Follow-ups: which node alone can take a request, and what requests and replies teach of that. */
#include <string.h>

#include "core/wire/bson_view.h"
#include "core/wire/farewell.h"
#include "proxy/cluster_parts.h"
#include "proxy/proxy.h"

_Static_assert((int)LSID_BYTES == (int)LSID_UUID_BYTES, "one lsid");

static msec now_of(const struct cluster *c)
{
    return net_now(c->proxy->net);
}

/* --- cursors --- */

const struct known_cursor *cluster_find_cursor(const struct cluster *c, int64_t id,
                                               const struct request_facts *facts, uint64_t owner)
{
    struct cursor_asked asked = {
        .id = id,
        .owner = owner,
        .database = facts->database,
        .collection = facts->collection,
        .lsid = facts->has_lsid ? facts->lsid : NULL,
    };
    return affinity_find_cursor(c->affinity, &asked);
}

const struct known_cursor *cluster_cursor(const struct cluster *c,
                                          const struct request_facts *facts, uint64_t owner)
{
    return facts->command == COMMAND_GET_MORE
               ? cluster_find_cursor(c, facts->cursor_id, facts, owner)
               : NULL;
}

static void note_opened(struct cluster *c, const struct request_facts *facts,
                        const struct reply_facts *reply, const struct node *node, uint64_t owner)
{
    struct known_cursor cursor = {
        .id = reply->cursor_id,
        .server = node->id,
        .owner = owner,
        .ns = span_of(reply->ns, reply->ns_size),
        .has_lsid = facts->has_lsid,
        .has_txn_number = facts->has_txn_number && facts->has_autocommit,
        .txn_number = facts->txn_number,
        .is_await = facts->is_await,
        .is_change_stream = facts->is_change_stream || reply->has_resume_token,
    };
    if (facts->command == COMMAND_GET_MORE) {
        /* Opened before our time; a server takes maxTimeMS for such cursors alone. */
        cursor.is_await = facts->max_time_ms >= 0;
    }
    cursor.is_await |= cursor.is_change_stream;
    memcpy(cursor.lsid, facts->lsid, sizeof cursor.lsid);
    affinity_on_cursor(c->affinity, &cursor, now_of(c));
}

static void note_more(struct cluster *c, const struct request_facts *facts,
                      const struct reply_facts *reply, const struct node *node, uint64_t owner)
{
    if (reply_ends_cursor(reply)) {
        affinity_on_cursor_gone(c->affinity, facts->cursor_id, node->id);
    } else if (reply->has_cursor &&
               !affinity_on_cursor_used(c->affinity, reply->cursor_id, node->id,
                                        span_of(reply->ns, reply->ns_size), now_of(c))) {
        note_opened(c, facts, reply, node, owner);
    }
}

static void note_killed(struct cluster *c, const struct request_facts *facts,
                        const struct node *node)
{
    struct view v;
    struct element e;
    int64_t id;
    view_init(&v, facts->cursors);
    while (facts->cursors.size > 0 && view_next(&v, &e) == VIEW_ELEMENT) {
        if (element_int64(&e, &id)) {
            affinity_on_cursor_gone(c->affinity, id, node->id);
        }
    }
}

/* --- transactions --- */

static bool is_pinned(const struct cluster *c)
{
    return topology_kind(c->topology) == TOPOLOGY_SHARDED;
}

void cluster_note_transaction(struct cluster *c, const struct request_facts *facts,
                              const struct node *node, uint64_t owner)
{
    if (!facts->has_autocommit || !facts->has_lsid) {
        return;
    }
    uint8_t terms[FAREWELL_TERMS_BYTES_MOST];
    struct known_transaction t = {
        .number = facts->txn_number,
        .server = node->id,
        .owner = owner,
        .terms = span_of(terms, farewell_terms(facts, terms)),
        .is_open = true,
    };
    memcpy(t.lsid, facts->lsid, sizeof t.lsid);
    affinity_on_transaction(c->affinity, &t, now_of(c));
}

/* Transactions: "a command outside a transaction with that lsid" lets the pin go. What belongs to a
 * cursor says nothing of the transaction, and does not come here. */
static void note_outside(struct cluster *c, const struct request_facts *facts)
{
    if (facts->has_lsid && !facts->has_autocommit && affinity_transactions(c->affinity) > 0) {
        affinity_on_transaction_gone(c->affinity, facts->lsid);
    }
}

static void note_statement(struct cluster *c, const struct request_facts *facts,
                           const struct reply_facts *reply)
{
    bool is_over = facts->command == COMMAND_ABORT_TRANSACTION ||
                   (reply->labels & (LABEL_TRANSIENT_TRANSACTION | LABEL_UNKNOWN_COMMIT_RESULT));
    bool is_committed = facts->command == COMMAND_COMMIT_TRANSACTION && reply->is_ok;
    if (is_over || (is_committed && !is_pinned(c))) {
        affinity_on_transaction_gone(c->affinity, facts->lsid);
    } else if (is_committed) {
        affinity_on_transaction_committed(c->affinity, facts->lsid, facts->txn_number);
    }
}

static void note_ended_sessions(struct cluster *c, const struct request_facts *facts)
{
    enum { SUBTYPE_UUID = 4 };
    struct view v;
    struct element e;
    struct element id;
    struct span uuid;
    view_init(&v, facts->lsids);
    while (facts->lsids.size > 0 && view_next(&v, &e) == VIEW_ELEMENT) {
        if (e.type == ELEMENT_DOCUMENT && view_find(e.value, "id", &id) &&
            element_binary(&id, SUBTYPE_UUID, &uuid) && uuid.size == LSID_BYTES) {
            affinity_on_transaction_gone(c->affinity, uuid.at);
        }
    }
}

/* --- asked --- */

static enum bound bound_by_cursor(const struct cluster *c, const struct request_facts *facts,
                                  uint64_t owner, struct node **node)
{
    const struct known_cursor *cursor =
        cluster_find_cursor(c, facts_first_cursor(facts), facts, owner);
    *node = cursor == NULL ? NULL : cluster_find_node(c, cursor->server);
    return *node == NULL ? BOUND_NOT : BOUND_TO;
}

/* Sharded transactions: every statement goes to the mongos of the first. When that is gone, another
 * one can finish a commit by its recoveryToken, and nothing else. */
static enum bound bound_by_transaction(const struct cluster *c, const struct request_facts *facts,
                                       struct node **node)
{
    const struct known_transaction *t =
        affinity_find_transaction(c->affinity, facts->lsid, facts->txn_number);
    if (t == NULL) {
        return BOUND_NOT; /* the mongos that it comes to says that there is none */
    }
    *node = cluster_usable_node(c, t->server);
    if (*node != NULL) {
        return BOUND_TO;
    }
    return command_has(facts->command, TRAIT_END) ? BOUND_NOT : BOUND_LOST;
}

enum bound cluster_find_bound(struct cluster *c, const struct request_facts *facts, uint64_t owner,
                              struct node **node)
{
    if (c->topology == NULL) {
        return BOUND_NOT;
    }
    if (facts->command == COMMAND_GET_MORE || facts->command == COMMAND_KILL_CURSORS) {
        return bound_by_cursor(c, facts, owner, node);
    }
    note_outside(c, facts);
    if (facts->has_autocommit && facts->has_lsid && !facts->starts_transaction && is_pinned(c)) {
        return bound_by_transaction(c, facts, node);
    }
    return BOUND_NOT;
}

/* --- every node --- */

struct node *cluster_usable_node(const struct cluster *c, uint32_t id)
{
    struct node *node = cluster_find_node(c, id);
    return node != NULL && pool_is_up(node->pool) ? node : NULL;
}

bool cluster_may_tour(const struct cluster *c)
{
    return c->topology != NULL && topology_kind(c->topology) != TOPOLOGY_LOAD_BALANCED;
}

size_t cluster_usable_nodes(const struct cluster *c, uint32_t ids[CLUSTER_NODES_MOST])
{
    size_t count = 0;
    for (size_t i = 0; i < topology_count(c->topology) && count < CLUSTER_NODES_MOST; i++) {
        const struct server *s = topology_at(c->topology, i);
        if (!server_type_is_data_bearing(s->description.type) ||
            cluster_usable_node(c, s->id) == NULL) {
            continue;
        }
        ids[count++] = s->id;
        if (s->description.type == SERVER_RS_PRIMARY) {
            ids[count - 1] = ids[0];
            ids[0] = s->id;
        }
    }
    return count;
}

size_t cluster_member_count(const struct cluster *c)
{
    size_t count = 0;
    for (size_t i = 0; i < topology_count(c->topology); i++) {
        enum server_type type = topology_at(c->topology, i)->description.type;
        count += type == SERVER_UNKNOWN || server_type_is_data_bearing(type);
    }
    return count;
}

/* --- told --- */

void cluster_on_reply(struct cluster *c, struct node *node, const struct request_facts *facts,
                      const struct reply_facts *reply, uint64_t owner)
{
    if (facts->command == COMMAND_GET_MORE) {
        note_more(c, facts, reply, node, owner);
    } else if (reply->has_cursor && reply->cursor_id != 0) {
        note_opened(c, facts, reply, node, owner);
    } else if (facts->command == COMMAND_KILL_CURSORS && reply->is_ok) {
        note_killed(c, facts, node);
    } else if (facts->command == COMMAND_END_SESSIONS) {
        note_ended_sessions(c, facts);
    }
    if (facts->has_autocommit && facts->has_lsid) {
        note_statement(c, facts, reply);
    }
}
