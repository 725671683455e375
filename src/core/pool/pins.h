/* Behind a load balancer: which backend a cursor or a transaction lives on, and how many backends
 * may be kept for them.
 *
 * Nothing but that very connection knows them, hence the backend that made them serves nobody else
 * until the last of them has gone. While pool.maxPinned of them are kept, requests that may pin one
 * more wait for room, so that they can never take the whole pool. One table per server; a backend
 * is named by the pool's id. What was not used for `idle_most` has expired: its backend is to be
 * closed, which makes the server reap it. Pure. */
#ifndef CORE_POOL_PINS_H
#define CORE_POOL_PINS_H

#include "core/pool/affinity.h"
#include "core/pool/pool.h"

struct pins;

struct pins_counts {
    size_t by_transactions; /* backends with an open transaction */
    size_t by_cursors;      /* backends with cursors alone */
    size_t may_pin;         /* requests under way that took room */
};

/* `most` backends are pinned at once, at least 1; `idle_most` 0: nothing expires. */
struct pins *pins_new(size_t most, msec idle_most);
void pins_free(struct pins *p);

/* How many of the pool of `max_size` may be pinned when `wanted` are: at least 1, and one is left
 * for all else when there are two or more. */
size_t pins_most(size_t max_size, size_t wanted);

/* --- told --- */

void pins_on_limits(struct pins *p, size_t most, msec idle_most);

/* A reply over `backend` showed an open cursor; `lsid` is that of the transaction which it ends
 * with, NULL for none. Known already: used. An id that is known of another backend was another
 * cursor (they are 64 random bits), and is forgotten: that backend, else one of tag 0, is returned,
 * and may be free now (pins_holds). */
struct backend_id pins_on_cursor(struct pins *p, struct backend_id backend, int64_t cursor,
                                 const uint8_t *lsid, msec now);

/* Exhausted, killed or unknown to the server, as a reply over `backend` said. */
void pins_on_cursor_gone(struct pins *p, struct backend_id backend, int64_t cursor);

/* A statement of the transaction went over `backend`. What was known of the lsid elsewhere is
 * replaced, and returned as by pins_on_cursor. */
struct backend_id pins_on_transaction(struct pins *p, struct backend_id backend,
                                      const uint8_t lsid[LSID_BYTES], int64_t number, msec now);

/* It ended, and its cursors with it, or the lsid went on with something else. Returned is the
 * backend where it was, which may be free now; of tag 0 when it was not known. */
struct backend_id pins_on_transaction_gone(struct pins *p, const uint8_t lsid[LSID_BYTES]);

/* A follow-up begins or ends on it. */
void pins_on_used(struct pins *p, struct backend_id backend, msec now);

/* Its connection is gone, and with it all that lived there. */
void pins_on_backend_gone(struct pins *p, struct backend_id backend);

/* A request that may pin a backend begins; false while there is no room for one more: it waits.
 * Every success is answered by pins_on_room_given once its backend is pinned or not. */
bool pins_take_room(struct pins *p);
void pins_on_room_given(struct pins *p);

/* --- asked --- */

bool pins_has_room(const struct pins *p);

/* Where a follow-up must go; false: nobody knows such a cursor or transaction here. */
bool pins_find_cursor(const struct pins *p, int64_t cursor, struct backend_id *backend);
bool pins_find_transaction(const struct pins *p, const uint8_t lsid[LSID_BYTES], int64_t number,
                           struct backend_id *backend);

/* Whether anything lives on it. */
bool pins_holds(const struct pins *p, struct backend_id backend);

/* The backend that was not used for longest, when that is too long; it is to be closed and told
 * gone (or, when it serves at this moment, told used). */
bool pins_next_expired(const struct pins *p, msec now, struct backend_id *backend);

/* When there is one; MSEC_NEVER: never. */
msec pins_deadline(const struct pins *p);

/* --- looked at --- */

struct pins_counts pins_counts(const struct pins *p);

#endif
