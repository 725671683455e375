/* Two hash tables and, for each, a list in the order of use, whose end is what expires or makes
 * room first; and a third table of owners, each with lists of what it has opened. */
#include "core/pool/affinity_parts.h"

struct affinity *affinity_new(size_t cursors_most, size_t transactions_most)
{
    require(cursors_most > 0 && transactions_most > 0);
    struct affinity *a = xcalloc(1, sizeof *a);
    a->cursors_most = cursors_most;
    a->transactions_most = transactions_most;
    list_init(&a->cursors_by_use);
    list_init(&a->transactions_by_use);
    return a;
}

void affinity_free(struct affinity *a)
{
    if (a == NULL) {
        return;
    }
    list_for_each_safe (link, &a->cursors_by_use) {
        affinity_forget_cursor(a, cursor_of(link));
    }
    list_for_each_safe (link, &a->transactions_by_use) {
        affinity_forget_transaction(a, transaction_of(link));
    }
    require(a->owners == NULL);
    free(a);
}

/* --- owners --- */

struct owner_place *affinity_find_owner(const struct affinity *a, uint64_t owner)
{
    struct owner_place *found = NULL;
    HASH_FIND(hh, a->owners, &owner, sizeof owner, found);
    return found;
}

struct owner_place *affinity_take_owner(struct affinity *a, uint64_t owner)
{
    struct owner_place *o = affinity_find_owner(a, owner);
    if (o == NULL && owner != 0) {
        o = xcalloc(1, sizeof *o);
        o->owner = owner;
        list_init(&o->cursors);
        list_init(&o->transactions);
        HASH_ADD(hh, a->owners, owner, sizeof o->owner, o);
    }
    return o;
}

void affinity_settle_owner(struct affinity *a, uint64_t owner)
{
    struct owner_place *o = affinity_find_owner(a, owner);
    if (o != NULL && list_is_empty(&o->cursors) && list_is_empty(&o->transactions)) {
        HASH_DEL(a->owners, o);
        free(o);
    }
}

/* --- servers and time --- */

void affinity_on_server_gone(struct affinity *a, uint32_t server)
{
    list_for_each_safe (link, &a->cursors_by_use) {
        if (cursor_of(link)->known.server == server) {
            affinity_forget_cursor(a, cursor_of(link));
        }
    }
    list_for_each_safe (link, &a->transactions_by_use) {
        if (transaction_of(link)->known.server == server) {
            affinity_forget_transaction(a, transaction_of(link));
        }
    }
}

void affinity_on_time(struct affinity *a, msec now)
{
    struct list *last = NULL;
    while ((last = list_last(&a->cursors_by_use)) != NULL &&
           cursor_of(last)->known.used <= now - AFFINITY_LIFETIME) {
        affinity_forget_cursor(a, cursor_of(last));
    }
    while ((last = list_last(&a->transactions_by_use)) != NULL &&
           transaction_of(last)->used <= now - AFFINITY_LIFETIME) {
        affinity_forget_transaction(a, transaction_of(last));
    }
}

msec affinity_deadline(const struct affinity *a)
{
    msec at = MSEC_NEVER;
    struct list *last = list_last(&a->cursors_by_use);
    if (last != NULL) {
        at = cursor_of(last)->known.used + AFFINITY_LIFETIME;
    }
    last = list_last(&a->transactions_by_use);
    if (last != NULL) {
        at = msec_earlier(at, transaction_of(last)->used + AFFINITY_LIFETIME);
    }
    return at;
}
