/* A count of what libuv still holds of an object: handles being open, requests under way.
 *
 * The rules: hold after a successful init or submit, drop in its close callback or completion;
 * closing is said once; when closing and zero, `ended` is called, once, and only it frees. */
#ifndef LOOP_LIFELINE_H
#define LOOP_LIFELINE_H

#include <stdbool.h>

#include "base/require.h"

struct lifeline {
    unsigned held;
    bool closing;
    void (*ended)(struct lifeline *l);
};

static inline void lifeline_init(struct lifeline *l, void (*ended)(struct lifeline *l))
{
    *l = (struct lifeline){.ended = ended};
}

static inline void lifeline_hold(struct lifeline *l)
{
    l->held++;
}

/* May free the object: nothing of it is touched afterwards. */
static inline void lifeline_drop(struct lifeline *l)
{
    require(l->held > 0);
    l->held--;
    if (l->closing && l->held == 0) {
        l->ended(l);
    }
}

/* No more holds come. Must be held at this time, so that `ended` comes by a later drop. */
static inline void lifeline_close(struct lifeline *l)
{
    require(l->held > 0);
    l->closing = true;
}

#endif
