/* Who is connected: how many client connections each application process has, as far as it can be
 * told apart.
 *
 * What a client has opened on a server (cursors, transactions) may be continued on any connection
 * of the same process. So it is ended for it only when the last of them is gone, has not been
 * replaced within a grace time, and went by itself: of one that we closed the process lives on, and
 * is in doubt for PEERS_DOUBT. Pure.
 *
 * An identity is an even number, the same for all connections of one process, or, of a client in
 * load balancing mode, an odd one of its connection alone; 0: nobody knows. */
#ifndef CORE_POOL_PEERS_H
#define CORE_POOL_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "base/units.h"

/* A driver whose connections we closed may come back as late as its next heartbeat. */
#define PEERS_DOUBT SECONDS(30)

/* The same parts give the same identity; two that differ hardly ever do, and are then gone only
 * when both are. */
uint64_t peers_identity(const struct span *parts, size_t count);

/* Of a connection alone; `number` is never used again. */
static inline uint64_t peers_identity_alone(uint64_t number)
{
    return number << 1 | 1;
}

static inline bool peers_is_alone(uint64_t identity)
{
    return (identity & 1) != 0;
}

struct peers;

/* `grace` 0: nobody is ever called vanished but connections with an identity of their own. At most
 * `most` are remembered without a connection: the longest gone is forgotten then, and what it has
 * opened left to the server. */
struct peers *peers_new(size_t most, msec grace);
void peers_free(struct peers *p);

/* --- told --- */

/* Identity 0 may be told, and means nothing. */
void peers_on_joined(struct peers *p, uint64_t identity);

/* `by_itself`: the peer closed it, not we. */
void peers_on_left(struct peers *p, uint64_t identity, bool by_itself, msec now);

/* Something it had asked for has ended after it left: what that opened has to be ended as well. */
void peers_on_left_behind(struct peers *p, uint64_t identity, msec now);

/* --- asked --- */

/* Who is gone for good, once each; false: nobody (more) at `now`. */
bool peers_next_vanished(struct peers *p, msec now, uint64_t *identity);

/* When to ask again though no fact came. */
msec peers_deadline(const struct peers *p);

/* --- looked at --- */

bool peers_is_here(const struct peers *p, uint64_t identity);
size_t peers_count(const struct peers *p);

#endif
