/* The memory that a follow-up must reach a given server: cursors by id, transactions by lsid.
 *
 * Cursor ids are unique per node only, so an id may be known at several servers; what else is known
 * of each tells them apart. Entries live for AFFINITY_LIFETIME after their last use (a cursor with
 * an lsid lives as long as its lsid does on the server, 30 minutes; one rule for all). Both tables
 * are bounded; the entry that was not used for longest makes room. What is returned is lent until
 * the next fact. Pure. */
#ifndef CORE_POOL_AFFINITY_H
#define CORE_POOL_AFFINITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "base/units.h"

#define AFFINITY_LIFETIME MINUTES(31)

enum { LSID_BYTES = 16 };

struct known_cursor {
    int64_t id;
    uint32_t server;
    uint64_t owner; /* who opened it; 0: nobody in particular */
    struct span ns; /* "database.collection" as the latest reply said it; size 0: not known */
    uint8_t lsid[LSID_BYTES];
    int64_t txn_number;
    bool has_lsid;
    bool has_txn_number;
    bool is_await; /* tailable with awaitData: a getMore waits for events, and may say maxTimeMS */
    bool is_change_stream; /* then is_await too */
    msec used;             /* when its server last showed it; set here */
};

/* What a follow-up shows of the cursor that it means. */
struct cursor_asked {
    int64_t id;
    uint64_t owner;
    struct span database;
    struct span collection;
    const uint8_t *lsid; /* LSID_BYTES; NULL: none */
};

struct known_transaction {
    uint8_t lsid[LSID_BYTES];
    int64_t number;
    uint32_t server;
    uint64_t owner;    /* who began it; 0: nobody in particular */
    struct span terms; /* what its end must repeat; size 0: nothing */
    bool is_open;      /* neither committed nor aborted */
};

struct affinity;

struct affinity *affinity_new(size_t cursors_most, size_t transactions_most);
void affinity_free(struct affinity *a);

/* --- told --- */

/* A reply to another command than getMore showed an open cursor (id != 0). What was known of that
 * id at that server was another cursor, and is replaced. `ns` is copied. */
void affinity_on_cursor(struct affinity *a, const struct known_cursor *cursor, msec now);

/* A getMore succeeded there; the cursor's namespace is now `ns` (size 0: not said). False, and
 * nothing happens, when the pair is not known. */
bool affinity_on_cursor_used(struct affinity *a, int64_t cursor, uint32_t server, struct span ns,
                             msec now);

/* Exhausted (id 0 came back), killed, or CursorNotFound (43). */
void affinity_on_cursor_gone(struct affinity *a, int64_t cursor, uint32_t server);

/* A statement of a transaction goes to its server; replaces what was known of the lsid, but for the
 * owner and the terms (copied) when the number is the same. */
void affinity_on_transaction(struct affinity *a, const struct known_transaction *transaction,
                             msec now);

/* Its commit succeeded: no longer open, and kept, as the application may commit again. Nothing
 * happens when another number, or nothing, is known of the lsid. */
void affinity_on_transaction_committed(struct affinity *a, const uint8_t lsid[LSID_BYTES],
                                       int64_t number);

/* The lsid's transaction needs no server any more: aborted, failed with a label that says so, a
 * command outside a transaction came with the same lsid, or endSessions. */
void affinity_on_transaction_gone(struct affinity *a, const uint8_t lsid[LSID_BYTES]);

/* The server left the topology: all that pointed at it is forgotten. */
void affinity_on_server_gone(struct affinity *a, uint32_t server);

/* Forgets what was not used for AFFINITY_LIFETIME. */
void affinity_on_time(struct affinity *a, msec now);

/* --- asked --- */

/* When affinity_on_time has something to forget; MSEC_NEVER when nothing is known. */
msec affinity_deadline(const struct affinity *a);

/* The cursor that is meant: of those with that id the one whose namespace is the same, then whose
 * lsid is, then whose owner is, then the last used. NULL: the id is not known. */
const struct known_cursor *affinity_find_cursor(const struct affinity *a,
                                                const struct cursor_asked *asked);

/* That very transaction; NULL when the lsid or the number is not known. */
const struct known_transaction *
affinity_find_transaction(const struct affinity *a, const uint8_t lsid[LSID_BYTES], int64_t number);

/* One after the other (`after` NULL: the first) what an owner has opened: cursors, and transactions
 * that are open. NULL: no more. To forget one, take its successor first. */
const struct known_cursor *affinity_next_cursor_of(const struct affinity *a, uint64_t owner,
                                                   const struct known_cursor *after);
const struct known_transaction *affinity_next_transaction_of(const struct affinity *a,
                                                             uint64_t owner,
                                                             const struct known_transaction *after);

/* --- looked at --- */

size_t affinity_cursors(const struct affinity *a);
size_t affinity_transactions(const struct affinity *a);
size_t affinity_cursors_at(const struct affinity *a, uint32_t server);

#endif
