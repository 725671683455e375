/* Two hash tables and, for each, a list in the order of use, whose end is what expires or makes
 * room first. Cursors of one id at several servers hang in a chain from the one that is in the
 * table. */
#include "core/pool/affinity.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/require.h"

#define uthash_malloc(size)       xmalloc(size)
#define uthash_free(memory, size) free(memory)
#define uthash_fatal(message)     require_failed(message, __FILE__, __LINE__, __func__)
#include <uthash.h>

struct cursor_place {
    int64_t cursor;
    uint32_t server;
    msec used;
    struct list by_use;
    struct cursor_place *same; /* the same id at another server */
    UT_hash_handle hh;
};

struct transaction_place {
    uint8_t lsid[LSID_BYTES];
    int64_t txn_number;
    uint32_t server;
    msec used;
    struct list by_use;
    UT_hash_handle hh;
};

struct affinity {
    size_t cursors_most;
    size_t transactions_most;
    size_t cursor_count;
    struct cursor_place *cursors;
    struct list cursors_by_use; /* the last used first */
    struct transaction_place *transactions;
    struct list transactions_by_use;
};

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

static struct cursor_place *cursor_of(struct list *link)
{
    return container_of(link, struct cursor_place, by_use);
}

static struct transaction_place *transaction_of(struct list *link)
{
    return container_of(link, struct transaction_place, by_use);
}

static struct cursor_place *first_of_id(const struct affinity *a, int64_t cursor)
{
    struct cursor_place *found = NULL;
    HASH_FIND(hh, a->cursors, &cursor, sizeof cursor, found);
    return found;
}

static struct cursor_place *find_place(const struct affinity *a, int64_t cursor, uint32_t server)
{
    struct cursor_place *c = first_of_id(a, cursor);
    while (c != NULL && c->server != server) {
        c = c->same;
    }
    return c;
}

static void forget_cursor(struct affinity *a, struct cursor_place *c)
{
    struct cursor_place *first = first_of_id(a, c->cursor);
    if (first == c) {
        HASH_DEL(a->cursors, c);
        if (c->same != NULL) {
            HASH_ADD(hh, a->cursors, cursor, sizeof c->cursor, c->same);
        }
    } else {
        while (first->same != c) {
            first = first->same;
        }
        first->same = c->same;
    }
    list_remove(&c->by_use);
    a->cursor_count--;
    free(c);
}

static struct transaction_place *find_lsid(const struct affinity *a, const uint8_t lsid[LSID_BYTES])
{
    struct transaction_place *found = NULL;
    HASH_FIND(hh, a->transactions, lsid, LSID_BYTES, found);
    return found;
}

static void forget_transaction(struct affinity *a, struct transaction_place *t)
{
    HASH_DEL(a->transactions, t);
    list_remove(&t->by_use);
    free(t);
}

void affinity_free(struct affinity *a)
{
    if (a == NULL) {
        return;
    }
    list_for_each_safe (link, &a->cursors_by_use) {
        forget_cursor(a, cursor_of(link));
    }
    list_for_each_safe (link, &a->transactions_by_use) {
        forget_transaction(a, transaction_of(link));
    }
    free(a);
}

static void use_cursor(struct affinity *a, struct cursor_place *c, msec now)
{
    c->used = now;
    list_remove(&c->by_use);
    list_push_front(&a->cursors_by_use, &c->by_use);
}

void affinity_on_cursor(struct affinity *a, int64_t cursor, uint32_t server, msec now)
{
    struct cursor_place *c = find_place(a, cursor, server);
    if (c == NULL) {
        if (a->cursor_count == a->cursors_most) {
            forget_cursor(a, cursor_of(list_last(&a->cursors_by_use)));
        }
        c = xcalloc(1, sizeof *c);
        c->cursor = cursor;
        c->server = server;
        list_init(&c->by_use);
        a->cursor_count++;
        struct cursor_place *first = first_of_id(a, cursor);
        if (first == NULL) {
            HASH_ADD(hh, a->cursors, cursor, sizeof c->cursor, c);
        } else {
            c->same = first->same;
            first->same = c;
        }
    }
    use_cursor(a, c, now);
}

void affinity_on_cursor_used(struct affinity *a, int64_t cursor, uint32_t server, msec now)
{
    struct cursor_place *c = find_place(a, cursor, server);
    if (c != NULL) {
        use_cursor(a, c, now);
    }
}

void affinity_on_cursor_gone(struct affinity *a, int64_t cursor, uint32_t server)
{
    struct cursor_place *c = find_place(a, cursor, server);
    if (c != NULL) {
        forget_cursor(a, c);
    }
}

void affinity_on_transaction(struct affinity *a, const uint8_t lsid[LSID_BYTES], int64_t txn_number,
                             uint32_t server, msec now)
{
    struct transaction_place *t = find_lsid(a, lsid);
    if (t == NULL) {
        if (HASH_COUNT(a->transactions) == a->transactions_most) {
            forget_transaction(a, transaction_of(list_last(&a->transactions_by_use)));
        }
        t = xcalloc(1, sizeof *t);
        memcpy(t->lsid, lsid, LSID_BYTES);
        list_init(&t->by_use);
        HASH_ADD(hh, a->transactions, lsid, LSID_BYTES, t);
    }
    t->txn_number = txn_number;
    t->server = server;
    t->used = now;
    list_remove(&t->by_use);
    list_push_front(&a->transactions_by_use, &t->by_use);
}

void affinity_on_transaction_gone(struct affinity *a, const uint8_t lsid[LSID_BYTES])
{
    struct transaction_place *t = find_lsid(a, lsid);
    if (t != NULL) {
        forget_transaction(a, t);
    }
}

void affinity_on_server_gone(struct affinity *a, uint32_t server)
{
    list_for_each_safe (link, &a->cursors_by_use) {
        if (cursor_of(link)->server == server) {
            forget_cursor(a, cursor_of(link));
        }
    }
    list_for_each_safe (link, &a->transactions_by_use) {
        if (transaction_of(link)->server == server) {
            forget_transaction(a, transaction_of(link));
        }
    }
}

void affinity_on_time(struct affinity *a, msec now)
{
    struct list *last = NULL;
    while ((last = list_last(&a->cursors_by_use)) != NULL &&
           cursor_of(last)->used <= now - AFFINITY_LIFETIME) {
        forget_cursor(a, cursor_of(last));
    }
    while ((last = list_last(&a->transactions_by_use)) != NULL &&
           transaction_of(last)->used <= now - AFFINITY_LIFETIME) {
        forget_transaction(a, transaction_of(last));
    }
}

msec affinity_deadline(const struct affinity *a)
{
    msec at = MSEC_NEVER;
    struct list *last = list_last(&a->cursors_by_use);
    if (last != NULL) {
        at = cursor_of(last)->used + AFFINITY_LIFETIME;
    }
    last = list_last(&a->transactions_by_use);
    if (last != NULL) {
        at = msec_earlier(at, transaction_of(last)->used + AFFINITY_LIFETIME);
    }
    return at;
}

size_t affinity_find_cursor(const struct affinity *a, int64_t cursor, uint32_t servers[],
                            size_t most)
{
    size_t known = 0;
    const struct cursor_place *before = NULL;
    /* Chains have one element but for the rarest of accidents: look for the next younger each time.
     */
    for (;;) {
        const struct cursor_place *best = NULL;
        for (const struct cursor_place *c = first_of_id(a, cursor); c != NULL; c = c->same) {
            bool is_left = before == NULL || c->used < before->used ||
                           (c->used == before->used && c->server < before->server);
            bool is_better = best == NULL || c->used > best->used ||
                             (c->used == best->used && c->server > best->server);
            if (is_left && is_better) {
                best = c;
            }
        }
        if (best == NULL) {
            return known;
        }
        if (known < most) {
            servers[known] = best->server;
        }
        known++;
        before = best;
    }
}

bool affinity_find_transaction(const struct affinity *a, const uint8_t lsid[LSID_BYTES],
                               int64_t txn_number, uint32_t *server)
{
    const struct transaction_place *t = find_lsid(a, lsid);
    if (t == NULL || t->txn_number != txn_number) {
        return false;
    }
    *server = t->server;
    return true;
}

size_t affinity_cursors(const struct affinity *a)
{
    return a->cursor_count;
}

size_t affinity_transactions(const struct affinity *a)
{
    return HASH_COUNT(a->transactions);
}

size_t affinity_cursors_at(const struct affinity *a, uint32_t server)
{
    size_t count = 0;
    list_for_each (link, &a->cursors_by_use) {
        count += cursor_of(link)->server == server;
    }
    return count;
}
