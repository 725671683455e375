/* All deadlines of a process in one heap, so that one timer serves them and virtual time comes
 * free.
 *
 * A `struct deadline` is embedded in its owner and set to 0 by deadline_init. Setting it again
 * moves it. Pure: the heap never looks at a clock. Whoever owns the heap arms its timer for
 * deadline_heap_next() and calls deadline_heap_fire() when it rings. */
#ifndef BASE_DEADLINE_H
#define BASE_DEADLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/units.h"

struct deadline {
    msec at;
    size_t place; /* 1-based place in the heap; 0: not set */
    void (*passed)(struct deadline *d, msec now);
};

struct deadline_heap {
    struct deadline **items; /* items[1..count] */
    size_t count;
    size_t room;
};

void deadline_init(struct deadline *d, void (*passed)(struct deadline *d, msec now));

void deadline_heap_init(struct deadline_heap *h);

/* Frees the heap's memory; the deadlines belong to their owners. */
void deadline_heap_clear(struct deadline_heap *h);

/* Sets or moves `d`; MSEC_NEVER takes it out. */
void deadline_heap_set(struct deadline_heap *h, struct deadline *d, msec at);

/* Takes `d` out; allowed when it is not set. */
void deadline_heap_remove(struct deadline_heap *h, struct deadline *d);

/* When the earliest deadline passes, or MSEC_NEVER. */
msec deadline_heap_next(const struct deadline_heap *h);

/* Takes out the earliest deadline that is due at `now` and calls its `passed`; false when none is
 * due. `passed` may set or remove any deadline and may free its owner. */
bool deadline_heap_fire(struct deadline_heap *h, msec now);

static inline bool deadline_is_set(const struct deadline *d)
{
    return d->place != 0;
}

#endif
