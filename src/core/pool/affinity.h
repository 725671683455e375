/* The memory that a follow-up must reach a given server: cursors by id, transactions by lsid.
 *
 * Cursor ids are unique per node only, so an id may be known at several servers. Entries live for
 * AFFINITY_LIFETIME after their last use (a cursor with an lsid lives as long as its lsid does on
 * the server, 30 minutes; one rule for all). Both tables are bounded; the entry that was not used
 * for longest makes room. Pure. */
#ifndef CORE_POOL_AFFINITY_H
#define CORE_POOL_AFFINITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/units.h"

#define AFFINITY_LIFETIME MINUTES(31)

enum { LSID_BYTES = 16 };

struct affinity;

struct affinity *affinity_new(size_t cursors_most, size_t transactions_most);
void affinity_free(struct affinity *a);

/* --- told --- */

/* A reply showed an open cursor (id != 0) at `server`. Known already: used. */
void affinity_on_cursor(struct affinity *a, int64_t cursor, uint32_t server, msec now);

/* A getMore succeeded there. Nothing happens when the pair is not known. */
void affinity_on_cursor_used(struct affinity *a, int64_t cursor, uint32_t server, msec now);

/* Exhausted (id 0 came back), killed, or CursorNotFound (43). */
void affinity_on_cursor_gone(struct affinity *a, int64_t cursor, uint32_t server);

/* A statement of transaction `txn_number` went to `server`; replaces what was known of the lsid. */
void affinity_on_transaction(struct affinity *a, const uint8_t lsid[LSID_BYTES], int64_t txn_number,
                             uint32_t server, msec now);

/* The lsid's transaction needs no server any more: aborted, failed with a label that says so, a
 * command outside a transaction came with the same lsid, or endSessions. After a commit the entry
 * is kept: the application may commit again. */
void affinity_on_transaction_gone(struct affinity *a, const uint8_t lsid[LSID_BYTES]);

/* The server left the topology: all that pointed at it is forgotten. */
void affinity_on_server_gone(struct affinity *a, uint32_t server);

/* Forgets what was not used for AFFINITY_LIFETIME. */
void affinity_on_time(struct affinity *a, msec now);

/* --- asked --- */

/* When affinity_on_time has something to forget; MSEC_NEVER when nothing is known. */
msec affinity_deadline(const struct affinity *a);

/* Fills up to `most` servers that have issued the cursor id, the last used first; returns how many
 * are known in all (0: not known here; the caller then asks the primary, then the others). */
size_t affinity_find_cursor(const struct affinity *a, int64_t cursor, uint32_t servers[],
                            size_t most);

/* The server of that very transaction; false when the lsid or the number is not known. */
bool affinity_find_transaction(const struct affinity *a, const uint8_t lsid[LSID_BYTES],
                               int64_t txn_number, uint32_t *server);

/* --- looked at --- */

size_t affinity_cursors(const struct affinity *a);
size_t affinity_transactions(const struct affinity *a);
size_t affinity_cursors_at(const struct affinity *a, uint32_t server);

#endif
