/* Transactions of the simulated cluster, writes that it knows again, and the one document that can
 * be locked. */
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "support/sim_server.h"

struct sim_transaction {
    struct list link;
    uint8_t lsid[16];
    int64_t number;
    const struct sim_server *maker;
};

static bool get_lsid(const bson_t *request, uint8_t out[16])
{
    bson_iter_t it;
    bson_iter_t id;
    bson_subtype_t subtype;
    uint32_t size = 0;
    const uint8_t *bytes = NULL;
    if (!bson_iter_init(&it, request) || !bson_iter_find_descendant(&it, "lsid.id", &id)) {
        return false;
    }
    bson_iter_binary(&id, &subtype, &size, &bytes);
    require(size == 16);
    memcpy(out, bytes, 16);
    return true;
}

void sim_node_unlock(struct sim_node *n)
{
    n->is_locked = false;
    while (!list_is_empty(&n->waiting) && !n->is_locked) {
        struct sim_reply *r = container_of(list_first(&n->waiting), struct sim_reply, waiting);
        list_remove(&r->waiting);
        net_set_deadline(n->cluster->net, &r->due, net_now(n->cluster->net));
    }
}

void sim_txn_forget(struct sim_node *n)
{
    list_for_each_safe (link, &n->transactions) {
        list_remove(link);
        free(container_of(link, struct sim_transaction, link));
    }
    sim_node_unlock(n);
}

void sim_txn_forget_of(struct sim_node *n, const struct sim_server *maker)
{
    list_for_each_safe (link, &n->transactions) {
        struct sim_transaction *t = container_of(link, struct sim_transaction, link);
        if (t->maker == maker) {
            bool has_lock = n->is_locked && memcmp(n->lock_owner, t->lsid, 16) == 0;
            list_remove(link);
            free(t);
            if (has_lock) {
                sim_node_unlock(n);
            }
        }
    }
}

static struct sim_transaction *find_transaction(struct sim_node *n, const bson_t *request)
{
    uint8_t lsid[16];
    if (!get_lsid(request, lsid)) {
        return NULL;
    }
    list_for_each (link, &n->transactions) {
        struct sim_transaction *t = container_of(link, struct sim_transaction, link);
        if (memcmp(t->lsid, lsid, 16) == 0 && t->number == sim_int(request, "txnNumber") &&
            t->maker == n->maker) {
            return t;
        }
    }
    return NULL;
}

bool sim_txn_join(struct sim_node *n, const bson_t *request)
{
    if (!sim_has(request, "autocommit")) {
        return true;
    }
    if (sim_int(request, "startTransaction") != 0 && find_transaction(n, request) == NULL) {
        struct sim_transaction *t = xcalloc(1, sizeof *t);
        get_lsid(request, t->lsid);
        t->number = sim_int(request, "txnNumber");
        t->maker = n->maker;
        list_push_back(&n->transactions, &t->link);
    }
    bool is_recovered = n->cluster->is_sharded && sim_has(request, "recoveryToken");
    return find_transaction(n, request) != NULL || is_recovered;
}

void sim_txn_end(struct sim_node *n, const bson_t *request)
{
    struct sim_transaction *t = find_transaction(n, request);
    n->commits++;
    if (t == NULL) {
        return; /* another mongos began it */
    }
    if (n->is_locked && memcmp(n->lock_owner, t->lsid, 16) == 0) {
        sim_node_unlock(n);
    }
    list_remove(&t->link);
    free(t);
}

bool sim_txn_must_wait(struct sim_node *n, const bson_t *request)
{
    uint8_t lsid[16] = {0};
    if (sim_int(request, "lock") == 0) {
        return false;
    }
    get_lsid(request, lsid);
    if (n->is_locked) {
        return memcmp(lsid, n->lock_owner, 16) != 0;
    }
    if (sim_has(request, "autocommit")) {
        n->is_locked = true;
        memcpy(n->lock_owner, lsid, 16);
    }
    return false;
}

bool sim_retryable_is_repeated(struct sim_cluster *c, const bson_t *request)
{
    uint8_t lsid[16];
    int64_t number = sim_int(request, "txnNumber");
    if (!sim_has(request, "txnNumber") || sim_has(request, "autocommit") ||
        !get_lsid(request, lsid)) {
        return false;
    }
    list_for_each (link, &c->retryable) {
        const struct sim_transaction *t = container_of(link, struct sim_transaction, link);
        if (memcmp(t->lsid, lsid, 16) == 0 && t->number == number) {
            return true;
        }
    }
    struct sim_transaction *t = xcalloc(1, sizeof *t);
    memcpy(t->lsid, lsid, 16);
    t->number = number;
    list_push_back(&c->retryable, &t->link);
    return false;
}

void sim_retryable_forget(struct sim_cluster *c)
{
    list_for_each_safe (link, &c->retryable) {
        list_remove(link);
        free(container_of(link, struct sim_transaction, link));
    }
}
