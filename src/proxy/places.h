/* Where one host can be reached: the addresses that its name meant last, which of them worked, and
 * which did not.
 *
 * Told what resolvers and dials say, asked for the order in which to dial (RFC 8305): the address
 * that opened last, then the others with the families in turns, and at the end those that have
 * failed within 30 s (the penalty box): tried last, but tried. An address that the name no longer
 * means is not dialled any more. Connections to it are left alone, as resolvers may give a part of
 * many addresses at a time: only after five minutes without a word of it is it gone. Pure. */
#ifndef PROXY_PLACES_H
#define PROXY_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "base/units.h"

enum { PLACES_MOST = 32, PLACES_PENALTY_MS = 30000, PLACES_GONE_MS = 300000 };

/* An answer is asked for anew after this time even when its TTL is shorter or longer. */
enum { PLACES_FRESH_LEAST_MS = 5000, PLACES_FRESH_MOST_MS = 300000 };

struct place {
    struct address at;
    unsigned answer; /* the number of the last one that named it, and when that was */
    msec listed_at;
    msec bad_until;
};

/* Zeroed: nothing is known. */
struct places {
    struct place list[PLACES_MOST];
    size_t count;          /* those that are not listed any more included */
    unsigned answers;      /* the last one's number */
    msec asked_at;         /* the last answer, or the last failure to get one */
    msec fresh_until;      /* no question before */
    struct address opened; /* last; ADDRESS_NONE: none yet */
};

/* --- told --- */

/* The resolvers have answered; `ttl` is kept within the bounds above. True when an address is new,
 * or one of the last answer is missing. */
bool places_on_answer(struct places *p, const struct address *addresses, size_t count, msec ttl,
                      msec now);

/* They have not; what is known serves, and there is no question before `pause` has passed. */
void places_on_silence(struct places *p, msec pause, msec now);

/* A dial opened; a dial failed, or hung, or what stood there was no good. */
void places_on_open(struct places *p, const struct address *at);
void places_on_failed(struct places *p, const struct address *at, msec now);

/* The host may have moved: it is asked for soon (but not within 5 s of the last time). */
void places_distrust(struct places *p);

/* --- looked at --- */

/* Whether any address is known, and whether there is no need to ask for them now. */
bool places_are_known(const struct places *p);
bool places_are_fresh(const struct places *p, msec now);

/* The first `most` addresses to dial, in order. */
size_t places_order(const struct places *p, msec now, struct address *out, size_t most);

/* Whether connections to it should go, too. */
bool places_is_gone(const struct places *p, const struct address *at, msec now);

#endif
