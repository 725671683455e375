/* How long an awaitData getMore may hold a backend: the rule by which more of them than
 * pool.maxAwaiting admits take turns.
 * pool.maxAwaiting admits take turns.
 *
 *   they, those that hold one and     a slice is
 *   those that wait, are
 *   -------------------------------   -----------------------------------------------------------
 *   at most half of their slots       all that is left of the wait; one that has hardly begun goes
 *                                     out unchanged
 *   at most their slots               at most AWAITING_ROUND_MS, so that who comes next gets in
 *   more                              its share of AWAITING_ROUND_MS, at least AWAITING_SLICE_MS
 *   any, and their slots are all      as short as allowed: new work stands behind it
 *   that LANE_NEW could have
 *
 * So N of them over A slots are each served once in max(AWAITING_ROUND_MS, N / A slices), and the
 * server sees at most A requests per AWAITING_SLICE_MS of them. Pure. */
#ifndef CORE_POOL_AWAITING_H
#define CORE_POOL_AWAITING_H

#include "core/pool/pool.h"

enum {
    AWAITING_SLICE_MS = 50,     /* the shortest slice; of a shorter wait, the whole of it */
    AWAITING_ROUND_MS = 1000,   /* in which each is served once, while there are few */
    AWAITING_DEFAULT_MS = 1000, /* how long a server waits when maxTimeMS is absent or 0 */
};

/* One getMore of a client: it came at `arrived` and waits for `most` ms in all. */
struct awaiting {
    msec arrived;
    msec most;
};

/* The last moment at which a slice makes sense: then it is answered with what there is. */
msec awaiting_give_up_at(const struct awaiting *a);

/* How long it may hold the backend that it was granted at `now`; 1 to `most`. */
msec awaiting_slice(const struct awaiting *a, struct pool_awaiting pool, msec now);

/* Whether the empty reply to a slice of `length` ms, which began at `began`, is kept and the server
 * asked again later. Not one that came early: the server had a reason to say it now, and would say
 * it again as soon as it is asked. */
bool awaiting_keeps(const struct awaiting *a, msec began, msec length, msec now);

#endif
