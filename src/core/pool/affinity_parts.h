/* What the files of the affinity share: affinity.c (the whole, owners, time), affinity_cursor.c and
 * affinity_transaction.c. Nobody else includes this. */
#ifndef CORE_POOL_AFFINITY_PARTS_H
#define CORE_POOL_AFFINITY_PARTS_H

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/require.h"
#include "core/pool/affinity.h"

#define uthash_malloc(size)       xmalloc(size)
#define uthash_free(memory, size) free(memory)
#define uthash_fatal(message)     require_failed(message, __FILE__, __LINE__, __func__)
#include <uthash.h>

struct cursor_place {
    struct known_cursor known;
    char *ns;      /* what known.ns lends */
    uint64_t turn; /* of affinity.uses: many uses fall into one millisecond */
    struct list by_use;
    struct list of_owner;
    struct cursor_place *same; /* the same id at another server */
    UT_hash_handle hh;
};

struct transaction_place {
    struct known_transaction known;
    uint8_t *terms; /* what known.terms lends */
    msec used;
    struct list by_use;
    struct list of_owner; /* while it is open */
    UT_hash_handle hh;
};

/* There while an owner has anything. */
struct owner_place {
    uint64_t owner;
    struct list cursors;
    struct list transactions;
    UT_hash_handle hh;
};

struct affinity {
    size_t cursors_most;
    size_t transactions_most;
    size_t cursor_count;
    uint64_t uses;
    struct cursor_place *cursors;
    struct list cursors_by_use; /* the last used first */
    struct transaction_place *transactions;
    struct list transactions_by_use;
    struct owner_place *owners;
};

static inline struct cursor_place *cursor_of(struct list *link)
{
    return container_of(link, struct cursor_place, by_use);
}

static inline struct transaction_place *transaction_of(struct list *link)
{
    return container_of(link, struct transaction_place, by_use);
}

/* Each frees the entry. */
void affinity_forget_cursor(struct affinity *a, struct cursor_place *c);
void affinity_forget_transaction(struct affinity *a, struct transaction_place *t);

struct owner_place *affinity_find_owner(const struct affinity *a, uint64_t owner);

/* Made when it is not there; NULL for owner 0. */
struct owner_place *affinity_take_owner(struct affinity *a, uint64_t owner);

/* Frees it when it has nothing any more. */
void affinity_settle_owner(struct affinity *a, uint64_t owner);

#endif
