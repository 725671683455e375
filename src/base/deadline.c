/* A binary heap of pointers; each deadline knows its place, so moving and removing are O(log n). */
#include "base/deadline.h"

#include <stdlib.h>

#include "base/require.h"

void deadline_init(struct deadline *d, void (*passed)(struct deadline *d, msec now))
{
    *d = (struct deadline){.at = MSEC_NEVER, .place = 0, .passed = passed};
}

void deadline_heap_init(struct deadline_heap *h)
{
    *h = (struct deadline_heap){0};
}

void deadline_heap_clear(struct deadline_heap *h)
{
    free(h->items);
    deadline_heap_init(h);
}

static void put(struct deadline_heap *h, size_t place, struct deadline *d)
{
    h->items[place] = d;
    d->place = place;
}

static void rise(struct deadline_heap *h, size_t place)
{
    struct deadline *d = h->items[place];
    while (place > 1 && h->items[place / 2]->at > d->at) {
        put(h, place, h->items[place / 2]);
        place /= 2;
    }
    put(h, place, d);
}

static void sink(struct deadline_heap *h, size_t place)
{
    struct deadline *d = h->items[place];
    for (;;) {
        size_t child = 2 * place;
        if (child > h->count) {
            break;
        }
        if (child < h->count && h->items[child + 1]->at < h->items[child]->at) {
            child++;
        }
        if (h->items[child]->at >= d->at) {
            break;
        }
        put(h, place, h->items[child]);
        place = child;
    }
    put(h, place, d);
}

static void make_room(struct deadline_heap *h)
{
    if (h->count + 2 > h->room) {
        h->room = h->room == 0 ? 64 : 2 * h->room;
        h->items = xrealloc(h->items, h->room * sizeof *h->items);
    }
}

void deadline_heap_set(struct deadline_heap *h, struct deadline *d, msec at)
{
    if (at == MSEC_NEVER) {
        deadline_heap_remove(h, d);
        return;
    }
    if (d->place == 0) {
        make_room(h);
        h->count++;
        put(h, h->count, d);
        d->at = MSEC_NEVER;
    }
    msec before = d->at;
    d->at = at;
    if (at < before) {
        rise(h, d->place);
    } else {
        sink(h, d->place);
    }
}

void deadline_heap_remove(struct deadline_heap *h, struct deadline *d)
{
    if (d->place == 0) {
        return;
    }
    size_t place = d->place;
    struct deadline *last = h->items[h->count--];
    d->place = 0;
    d->at = MSEC_NEVER;
    if (last != d) {
        put(h, place, last);
        rise(h, place);
        sink(h, last->place);
    }
}

msec deadline_heap_next(const struct deadline_heap *h)
{
    return h->count == 0 ? MSEC_NEVER : h->items[1]->at;
}

bool deadline_heap_fire(struct deadline_heap *h, msec now)
{
    if (deadline_heap_next(h) > now) {
        return false;
    }
    struct deadline *d = h->items[1];
    deadline_heap_remove(h, d);
    d->passed(d, now);
    return true;
}
