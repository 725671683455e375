/* A shell and a plain model beside a pool: the model knows what is lent, idle, waiting, and every
 * action of the pool is held against it. */
#ifndef UNIT_CORE_POOL_POOL_MODEL_H
#define UNIT_CORE_POOL_POOL_MODEL_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "core/pool/pool.h"

enum { MODEL_SLOTS = 64, MODEL_WAITERS = 64 };

enum backend_is { IS_GONE, IS_DIALLING, IS_CHECKING, IS_IDLE, IS_LENT, IS_DOOMED, IS_CLOSING };

struct model_backend {
    enum backend_is is;
    struct backend_id id;
    uint32_t generation;
    msec born;
    msec idle_since;
    enum pool_lane lane;
};

struct model_waiter {
    uint64_t exchange; /* 0: this place is free */
    enum pool_lane lane;
    struct waiter_id id;
    msec deadline;
    msec turn;
    bool is_full; /* came to a full lane */
};

struct model {
    struct pool *p;
    struct pool_limits limits;
    uint64_t random;
    msec now;
    bool is_up;
    enum status fault;
    enum status drained;
    uint32_t generation;
    size_t budget;
    double tokens;
    msec tokens_at;
    uint64_t last_exchange;
    bool new_was_last;  /* of the two low lanes */
    size_t answered[3]; /* granted, refused, gave up */
    size_t kinds[5];    /* actions seen, by kind */
    struct model_backend backends[MODEL_SLOTS];
    struct model_waiter waiters[MODEL_WAITERS];
};

static inline uint64_t draw(struct model *m)
{
    m->random = m->random * 6364136223846793005U + 1442695040888963407U;
    return m->random >> 33;
}

static inline size_t count_backends(const struct model *m, enum backend_is is)
{
    size_t count = 0;
    for (size_t i = 0; i < MODEL_SLOTS; i++) {
        count += m->backends[i].is == is;
    }
    return count;
}

static inline size_t count_lent(const struct model *m, enum pool_lane lane)
{
    size_t count = 0;
    for (size_t i = 0; i < MODEL_SLOTS; i++) {
        count += m->backends[i].is == IS_LENT && m->backends[i].lane == lane;
    }
    return count;
}

static inline size_t count_waiting(const struct model *m, enum pool_lane lane)
{
    size_t count = 0;
    for (size_t i = 0; i < MODEL_WAITERS; i++) {
        count +=
            m->waiters[i].exchange != 0 && m->waiters[i].lane == lane && !m->waiters[i].is_full;
    }
    return count;
}

static inline size_t count_open(const struct model *m)
{
    return MODEL_SLOTS - count_backends(m, IS_GONE);
}

/* How many more backends new and awaiting work may hold, and awaiting work alone. */
static inline size_t room_for_low(const struct model *m)
{
    size_t cap = m->limits.max_size >= 2 ? m->limits.max_size - 1 : 1;
    return cap - count_lent(m, LANE_NEW) - count_lent(m, LANE_AWAIT);
}

static inline size_t room_for_awaiting(const struct model *m)
{
    size_t most = m->limits.max_awaiting;
    size_t held = count_lent(m, LANE_AWAIT);
    if (count_waiting(m, LANE_NEW) > 0) {
        size_t open = count_backends(m, IS_IDLE) + count_backends(m, IS_CHECKING) +
                      count_backends(m, IS_LENT);
        most = open * most / m->limits.max_size;
        most = most == 0 ? 1 : most;
    }
    size_t room = held < most ? most - held : 0;
    return room < room_for_low(m) ? room : room_for_low(m);
}

static inline size_t count_eligible(const struct model *m)
{
    size_t awaiting = count_waiting(m, LANE_AWAIT);
    size_t low = count_waiting(m, LANE_NEW) +
                 (awaiting < room_for_awaiting(m) ? awaiting : room_for_awaiting(m));
    return count_waiting(m, LANE_FINISH) + count_waiting(m, LANE_FOLLOW_UP) +
           (low < room_for_low(m) ? low : room_for_low(m));
}

/* A random backend in that state; NULL when there is none. */
static inline struct model_backend *any_backend(struct model *m, enum backend_is is)
{
    size_t start = draw(m) % MODEL_SLOTS;
    for (size_t i = 0; i < MODEL_SLOTS; i++) {
        struct model_backend *b = &m->backends[(start + i) % MODEL_SLOTS];
        if (b->is == is) {
            return b;
        }
    }
    return NULL;
}

static inline struct model_waiter *waiter_of(struct model *m, uint64_t exchange)
{
    for (size_t i = 0; i < MODEL_WAITERS; i++) {
        if (m->waiters[i].exchange == exchange) {
            return &m->waiters[i];
        }
    }
    return NULL;
}

#endif
