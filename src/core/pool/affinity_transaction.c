/* Transactions: at most one per lsid, as a server has it. */
#include "core/pool/affinity_parts.h"

static struct transaction_place *find_lsid(const struct affinity *a, const uint8_t lsid[LSID_BYTES])
{
    struct transaction_place *found = NULL;
    if (a->transactions != NULL) {
        HASH_FIND(hh, a->transactions, lsid, LSID_BYTES, found);
    }
    return found;
}

void affinity_forget_transaction(struct affinity *a, struct transaction_place *t)
{
    HASH_DEL(a->transactions, t);
    list_remove(&t->by_use);
    list_remove(&t->of_owner);
    affinity_settle_owner(a, t->known.owner);
    free(t->terms);
    free(t);
}

static struct transaction_place *add_place(struct affinity *a,
                                           const struct known_transaction *transaction)
{
    if (HASH_COUNT(a->transactions) == a->transactions_most) {
        affinity_forget_transaction(a, transaction_of(list_last(&a->transactions_by_use)));
    }
    struct transaction_place *t = xcalloc(1, sizeof *t);
    t->known = *transaction;
    if (transaction->terms.size > 0) {
        t->terms = xmalloc(transaction->terms.size);
        memcpy(t->terms, transaction->terms.at, transaction->terms.size);
        t->known.terms.at = t->terms;
    }
    list_init(&t->by_use);
    list_init(&t->of_owner);
    HASH_ADD(hh, a->transactions, known.lsid, LSID_BYTES, t);
    struct owner_place *owner = affinity_take_owner(a, transaction->owner);
    if (owner != NULL && transaction->is_open) {
        list_push_back(&owner->transactions, &t->of_owner);
    }
    return t;
}

void affinity_on_transaction(struct affinity *a, const struct known_transaction *transaction,
                             msec now)
{
    struct transaction_place *t = find_lsid(a, transaction->lsid);
    if (t != NULL && t->known.number != transaction->number) {
        affinity_forget_transaction(a, t);
        t = NULL;
    }
    if (t == NULL) {
        t = add_place(a, transaction);
    }
    t->known.server = transaction->server;
    t->used = now;
    list_remove(&t->by_use);
    list_push_front(&a->transactions_by_use, &t->by_use);
}

void affinity_on_transaction_committed(struct affinity *a, const uint8_t lsid[LSID_BYTES],
                                       int64_t number)
{
    struct transaction_place *t = find_lsid(a, lsid);
    if (t != NULL && t->known.number == number) {
        t->known.is_open = false;
        list_remove(&t->of_owner);
        affinity_settle_owner(a, t->known.owner);
    }
}

void affinity_on_transaction_gone(struct affinity *a, const uint8_t lsid[LSID_BYTES])
{
    struct transaction_place *t = find_lsid(a, lsid);
    if (t != NULL) {
        affinity_forget_transaction(a, t);
    }
}

const struct known_transaction *
affinity_find_transaction(const struct affinity *a, const uint8_t lsid[LSID_BYTES], int64_t number)
{
    const struct transaction_place *t = find_lsid(a, lsid);
    return t == NULL || t->known.number != number ? NULL : &t->known;
}

const struct known_transaction *affinity_next_transaction_of(const struct affinity *a,
                                                             uint64_t owner,
                                                             const struct known_transaction *after)
{
    const struct owner_place *o = affinity_find_owner(a, owner);
    if (o == NULL) {
        return NULL;
    }
    struct list *link = o->transactions.next;
    if (after != NULL) {
        link = container_of(after, const struct transaction_place, known)->of_owner.next;
    }
    return link == &o->transactions
               ? NULL
               : &container_of(link, struct transaction_place, of_owner)->known;
}

size_t affinity_transactions(const struct affinity *a)
{
    return HASH_COUNT(a->transactions);
}
