/* State machines as data: a table of states with the moves each allows, and a memory of the last
 * eight moves, which require() and the reports print. The machine decides nothing; it refuses a
 * move that the table does not allow, as our own mistake. */
#ifndef BASE_SM_H
#define BASE_SM_H

#include <stdint.h>

#include "base/units.h"

enum { SM_HISTORY = 8 };

struct sm_state {
    const char *name;
    uint32_t allowed; /* bit n: a move to state n is allowed */
};

#define SM_TO(state) (1U << (state))

struct sm {
    const struct sm_state *states;
    uint8_t now_in;
    uint8_t moves;           /* how many in total, modulo 256 */
    uint8_t to[SM_HISTORY];  /* ring, newest at (moves - 1) % SM_HISTORY */
    uint32_t at[SM_HISTORY]; /* when, in ms, the low 32 bits */
};

void sm_init(struct sm *m, const struct sm_state *states, int first);

/* Moves to `state` at time `now`; a move that the table does not allow aborts. */
void sm_move(struct sm *m, int state, msec now);

const char *sm_name(const struct sm *m);

/* Writes the recent moves, oldest first, as "NEW>DIALING@120>…" into `text`. */
void sm_print(const struct sm *m, char *text, size_t size);

#endif
