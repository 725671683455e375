/* A pool and a virtual time, with the sentences that the tests of the pool are written in. */
#ifndef UNIT_CORE_POOL_POOL_WORLD_H
#define UNIT_CORE_POOL_POOL_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/pool/pool.h"

struct world {
    struct pool *p;
    msec now;
};

static const struct pool_limits usual = {
    .max_size = 4,
    .min_size = 0,
    .max_connecting = 2,
    .connects_per_second = 0,
    .connect_burst = 5,
    .max_idle = SECONDS(180),
    .max_lifetime = MINUTES(60),
    .check_after_idle = SECONDS(30),
    .backoff_initial = 250,
    .backoff_factor = 2,
    .backoff_max = SECONDS(15),
    .fault_pause = SECONDS(45),
    .waiters_most = 1000,
};

static inline struct world world_of(struct pool_limits limits)
{
    struct world w = {.now = 1000};
    w.p = pool_new(&limits, 7, w.now);
    pool_on_up(w.p, w.now);
    return w;
}

static inline struct waiter_id want(struct world *w, uint64_t exchange, enum pool_lane lane)
{
    return pool_on_wanted(w->p, exchange, lane, w->now + SECONDS(15), w->now);
}

static inline struct pool_action next(struct world *w, enum pool_action_kind kind)
{
    struct pool_action a;
    assert_true(pool_next_action(w->p, w->now, &a));
    assert_int_equal(a.kind, kind);
    return a;
}

static inline void expect_nothing(struct world *w)
{
    struct pool_action a;
    if (pool_next_action(w->p, w->now, &a)) {
        fail_msg("unexpected action %d", (int)a.kind);
    }
    assert_true(pool_deadline(w->p, w->now) > w->now);
}

static inline struct backend_id expect_dial(struct world *w)
{
    return next(w, POOL_DIAL).backend;
}

static inline struct backend_id expect_grant(struct world *w, uint64_t exchange)
{
    struct pool_action a = next(w, POOL_GRANT);
    assert_int_equal(a.exchange, exchange);
    return a.backend;
}

static inline void expect_refusal(struct world *w, uint64_t exchange, enum status status)
{
    struct pool_action a = next(w, POOL_REFUSE);
    assert_int_equal(a.exchange, exchange);
    assert_int_equal(a.status, status);
}

static inline void expect_close(struct world *w, struct backend_id backend, enum status status)
{
    struct pool_action a = next(w, POOL_CLOSE);
    assert_true(backend_id_equals(a.backend, backend));
    assert_int_equal(a.status, status);
}

/* Dials one for `exchange` of `lane` and lends it. */
static inline struct backend_id lend(struct world *w, uint64_t exchange, enum pool_lane lane)
{
    want(w, exchange, lane);
    struct backend_id b = expect_dial(w);
    expect_nothing(w);
    pool_on_ready(w->p, b, w->now);
    assert_true(backend_id_equals(expect_grant(w, exchange), b));
    expect_nothing(w);
    return b;
}

static inline struct backend_id idle_one(struct world *w)
{
    struct backend_id b = lend(w, 99, LANE_FINISH);
    pool_on_returned(w->p, b, POOL_CLEAN, w->now);
    expect_nothing(w);
    return b;
}

#endif
