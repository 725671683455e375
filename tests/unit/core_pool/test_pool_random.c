/* A hundred thousand random facts per set of limits; after each, every action of the pool is held
 * against the model, and so are its counters. A failing seed is printed; it replays exactly when it
 * is given as the argument. */
#include <stdio.h>
#include <stdlib.h>

#include "pool_model.h"

enum { STEPS = 100000 };

static uint64_t first_seed = 20240117;

/* --- actions --- */

static void see_dial(struct model *m, struct backend_id id)
{
    assert_true(m->is_up && m->drained == STATUS_OK);
    assert_true(count_open(m) < m->limits.max_size);
    assert_true(count_backends(m, IS_DIALLING) < m->limits.max_connecting);
    assert_true(m->fault == STATUS_OK || count_backends(m, IS_DIALLING) == 0);
    size_t coming = count_backends(m, IS_DIALLING) + count_backends(m, IS_CHECKING);
    size_t live = count_open(m) - count_backends(m, IS_CLOSING) - count_backends(m, IS_DOOMED);
    assert_true(count_eligible(m) > coming || live < m->limits.min_size || m->fault != STATUS_OK);
    assert_true(m->budget > 0);
    m->budget -= m->budget != SIZE_MAX;
    if (m->limits.connects_per_second > 0) {
        double most = (double)m->limits.connect_burst;
        m->tokens += (double)(m->now - m->tokens_at) * (double)m->limits.connects_per_second / 1000;
        m->tokens = m->tokens < most ? m->tokens : most;
        m->tokens_at = m->now;
        assert_true(m->tokens > 0.999999);
        m->tokens -= 1;
    }
    assert_true(id.index < m->limits.max_size && id.tag != 0);
    struct model_backend *b = &m->backends[id.index];
    assert_int_equal(b->is, IS_GONE);
    assert_int_not_equal(b->id.tag, id.tag);
    *b = (struct model_backend){.is = IS_DIALLING, .id = id, .generation = m->generation};
}

/* Lanes in their order, the last two by turns; within a lane who waits longest, or was served
 * longest ago. */
static void see_order(struct model *m, const struct model_waiter *w)
{
    bool is_low = w->lane >= LANE_NEW;
    for (size_t i = 0; i < MODEL_WAITERS; i++) {
        const struct model_waiter *other = &m->waiters[i];
        if (other->exchange == 0 || other->is_full) {
            continue;
        }
        assert_true(other->lane >= w->lane || (is_low && other->lane >= LANE_NEW));
        assert_true(other->lane != w->lane || other->turn > w->turn ||
                    (other->turn == w->turn && other->exchange >= w->exchange));
    }
    if (is_low) {
        bool takes_turns = count_waiting(m, LANE_NEW) > 0 && count_waiting(m, LANE_AWAIT) > 0 &&
                           room_for_awaiting(m) > 0;
        assert_true(room_for_low(m) > 0);
        assert_true(w->lane == LANE_NEW || room_for_awaiting(m) > 0);
        assert_true(!takes_turns || (w->lane == LANE_AWAIT) == m->new_was_last);
        m->new_was_last = w->lane == LANE_NEW;
    }
}

static void see_grant(struct model *m, struct model_backend *b, uint64_t exchange)
{
    struct model_waiter *w = waiter_of(m, exchange);
    assert_non_null(w);
    assert_false(w->is_full);
    assert_true(w->deadline > m->now);
    see_order(m, w);
    assert_int_equal(b->is, IS_IDLE);
    assert_int_equal(b->generation, m->generation);
    assert_true(m->now - b->born < m->limits.max_lifetime * 6 / 5);
    assert_true(m->now - b->idle_since < m->limits.check_after_idle);
    for (size_t i = 0; i < MODEL_SLOTS; i++) { /* the last used */
        assert_true(m->backends[i].is != IS_IDLE || m->backends[i].idle_since <= b->idle_since);
    }
    b->is = IS_LENT;
    b->lane = w->lane;
    w->exchange = 0;
    m->answered[0]++;
}

static void see_refusal(struct model *m, uint64_t exchange, enum status why)
{
    struct model_waiter *w = waiter_of(m, exchange);
    size_t working =
        count_backends(m, IS_IDLE) + count_backends(m, IS_CHECKING) + count_backends(m, IS_LENT);
    assert_non_null(w);
    if (w->is_full) {
        assert_int_equal(why, STATUS_QUEUE_FULL);
    } else if (w->deadline <= m->now) {
        assert_int_equal(why, STATUS_QUEUE_TIMED_OUT);
    } else if (m->drained != STATUS_OK) {
        assert_int_equal(why, m->drained);
    } else if (!m->is_up) {
        assert_int_equal(why, STATUS_NOT_SUITABLE);
    } else {
        assert_true(m->fault != STATUS_OK && working == 0);
        assert_int_equal(why, m->fault);
    }
    w->exchange = 0;
    m->answered[1]++;
}

static void see_close(struct model *m, struct model_backend *b, enum status why)
{
    size_t live = count_open(m) - count_backends(m, IS_CLOSING) - count_backends(m, IS_DOOMED);
    if (b->is == IS_IDLE && m->drained == STATUS_OK && b->generation == m->generation) {
        bool is_old = m->now - b->born >= m->limits.max_lifetime * 4 / 5;
        bool is_idle = m->now - b->idle_since >= m->limits.max_idle;
        assert_true(why == STATUS_TOO_OLD ? is_old : why == STATUS_IDLE_TOO_LONG && is_idle);
        assert_true(why == STATUS_TOO_OLD || live > m->limits.min_size);
    }
    assert_true(b->is != IS_LENT && b->is != IS_CLOSING && b->is != IS_GONE);
    b->is = IS_CLOSING;
}

static void perform(struct model *m)
{
    struct pool_action a;
    for (int guard = 0; pool_next_action(m->p, m->now, &a); guard++) {
        assert_true(guard < 1000);
        struct model_backend *b = &m->backends[a.backend.index % MODEL_SLOTS];
        bool is_known = a.kind == POOL_DIAL || a.kind == POOL_REFUSE ||
                        (b->is != IS_GONE && backend_id_equals(b->id, a.backend));
        assert_true(is_known);
        m->kinds[a.kind]++;
        switch (a.kind) {
        case POOL_DIAL:
            see_dial(m, a.backend);
            break;
        case POOL_GRANT:
            see_grant(m, b, a.exchange);
            break;
        case POOL_CHECK:
            assert_int_equal(b->is, IS_IDLE);
            assert_true(m->now - b->idle_since >= m->limits.check_after_idle);
            assert_true(count_backends(m, IS_CHECKING) < count_eligible(m));
            b->is = IS_CHECKING;
            break;
        case POOL_REFUSE:
            see_refusal(m, a.exchange, a.status);
            break;
        case POOL_CLOSE:
            see_close(m, b, a.status);
            break;
        }
    }
}

/* What holds when the pool has nothing more to say. */
static void check_rest(struct model *m)
{
    const struct pool_counts *c = pool_counts(m->p);
    assert_int_equal(c->total, count_open(m));
    assert_int_equal(c->dialling, count_backends(m, IS_DIALLING));
    assert_int_equal(c->checking, count_backends(m, IS_CHECKING));
    assert_int_equal(c->idle, count_backends(m, IS_IDLE));
    assert_int_equal(c->lent, count_backends(m, IS_LENT));
    assert_int_equal(count_backends(m, IS_DOOMED), 0);
    assert_true(c->total <= m->limits.max_size);
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        assert_int_equal(c->lane[lane], count_waiting(m, (enum pool_lane)lane));
        assert_int_equal(c->lent_lane[lane], count_lent(m, (enum pool_lane)lane));
    }
    for (size_t i = 0; i < MODEL_WAITERS; i++) {
        assert_true(m->waiters[i].exchange == 0 || m->waiters[i].deadline > m->now);
        assert_true(m->waiters[i].exchange == 0 || m->is_up);
    }
    /* Nobody waits beside a backend that could serve. */
    size_t eligible = count_eligible(m);
    assert_true(eligible <= c->checking || c->idle == 0);
    msec deadline = pool_deadline(m->p, m->now);
    assert_true(deadline > m->now);
    bool may_dial = m->is_up && c->total < m->limits.max_size && m->budget > 0 &&
                    c->dialling < m->limits.max_connecting && m->fault == STATUS_OK;
    assert_true(!may_dial || eligible <= c->dialling + c->checking || deadline != MSEC_NEVER);
}

/* --- facts --- */

static void tell_wanted(struct model *m)
{
    struct model_waiter *w = waiter_of(m, 0);
    if (w == NULL) {
        return;
    }
    enum pool_lane lane = (enum pool_lane)(draw(m) % 4 == 0 ? draw(m) % LANE_COUNT : LANE_NEW);
    msec deadline = draw(m) % 8 == 0 ? MSEC_NEVER : m->now + 1 + (msec)(draw(m) % 3000);
    bool is_full = lane != LANE_AWAIT && count_waiting(m, lane) >= m->limits.waiters_most;
    *w = (struct model_waiter){
        .exchange = ++m->last_exchange, .lane = lane, .deadline = deadline, .is_full = is_full};
    if (lane == LANE_AWAIT) {
        w->turn = (msec)(draw(m) % 20);
        w->id = pool_on_awaiting(m->p, w->exchange, w->turn, deadline, m->now);
    } else {
        w->id = pool_on_wanted(m->p, w->exchange, lane, deadline, m->now);
    }
}

static void tell_unwanted(struct model *m)
{
    struct model_waiter *w = &m->waiters[draw(m) % MODEL_WAITERS];
    pool_on_unwanted(m->p, w->id, m->now); /* also of who was answered: ignored */
    if (w->exchange != 0) {
        w->exchange = 0;
        m->answered[2]++;
    }
}

static void tell_ready(struct model *m, struct model_backend *b)
{
    if (b == NULL) {
        return;
    }
    if (b->is == IS_DIALLING) {
        b->born = m->now;
        m->fault = STATUS_OK;
    }
    b->is = IS_IDLE;
    b->idle_since = m->now;
    pool_on_ready(m->p, b->id, m->now);
}

static void tell_dial_failed(struct model *m)
{
    struct model_backend *b = any_backend(m, IS_DIALLING);
    if (b == NULL) {
        return;
    }
    bool is_permanent = draw(m) % 6 == 0;
    if (is_permanent) {
        m->fault = STATUS_AUTH_FAILED;
    }
    b->is = IS_GONE;
    pool_on_dial_failed(m->p, b->id, is_permanent ? STATUS_AUTH_FAILED : STATUS_REFUSED,
                        is_permanent, m->now);
}

static void tell_returned(struct model *m)
{
    struct model_backend *b = any_backend(m, IS_LENT);
    if (b == NULL) {
        return;
    }
    enum pool_outcome outcome = draw(m) % 16 == 0 ? POOL_DIRTY : POOL_CLEAN;
    b->is = outcome == POOL_DIRTY ? IS_DOOMED : IS_IDLE;
    b->idle_since = m->now;
    pool_on_returned(m->p, b->id, outcome, m->now);
}

static void tell_closed(struct model *m, enum backend_is is)
{
    struct model_backend *b = any_backend(m, is);
    if (b != NULL) {
        b->is = IS_GONE;
        pool_on_closed(m->p, b->id, m->now);
    }
}

static void tell_rare(struct model *m)
{
    switch (draw(m) % 8) {
    case 0:
        m->generation++;
        pool_on_generation(m->p, m->now);
        break;
    case 1:
        m->is_up = false;
        pool_on_down(m->p, m->now);
        break;
    case 2:
        m->budget = draw(m) % 2 == 0 ? SIZE_MAX : draw(m) % 4;
        pool_on_budget(m->p, m->budget, m->now);
        break;
    case 3:
        m->now += m->limits.max_idle;
        break;
    case 4:
        m->now += m->limits.max_lifetime / 3;
        break;
    case 5:
        tell_closed(m, IS_LENT);
        break;
    case 6:
        tell_closed(m, IS_IDLE);
        break;
    default:
        tell_closed(m, IS_CHECKING);
        break;
    }
}

static void tell_something(struct model *m)
{
    switch (draw(m) % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
        tell_wanted(m);
        break;
    case 4:
    case 5:
    case 6:
        tell_returned(m);
        break;
    case 7:
    case 8:
        tell_ready(m, any_backend(m, draw(m) % 4 == 0 ? IS_CHECKING : IS_DIALLING));
        break;
    case 9:
        tell_dial_failed(m);
        break;
    case 10:
    case 11:
        tell_closed(m, IS_CLOSING);
        break;
    case 12:
        tell_unwanted(m);
        break;
    case 13:
        m->is_up = true;
        pool_on_up(m->p, m->now);
        break;
    case 14:
        if (draw(m) % 8 == 0) {
            tell_rare(m);
        }
        break;
    default:
        m->now += (msec)(draw(m) % 200);
        break;
    }
}

/* Time passes to each deadline that the pool gives, too: it must have a reason for it. */
static void step(struct model *m)
{
    tell_something(m);
    if (draw(m) % 32 == 0) {
        msec at = pool_deadline(m->p, m->now);
        m->now = at == MSEC_NEVER ? m->now : at;
    }
    perform(m);
    check_rest(m);
}

static void finish(struct model *m)
{
    m->drained = STATUS_DRAINING;
    pool_on_drain(m->p, STATUS_DRAINING, m->now);
    for (int i = 0; i < 100; i++) {
        perform(m);
        for (size_t slot = 0; slot < MODEL_SLOTS; slot++) {
            if (m->backends[slot].is == IS_CLOSING || m->backends[slot].is == IS_LENT) {
                m->backends[slot].is = IS_GONE;
                pool_on_closed(m->p, m->backends[slot].id, m->now);
            }
        }
    }
    assert_int_equal(count_open(m), 0);
    assert_int_equal(pool_counts(m->p)->total, 0);
    assert_int_equal(pool_counts(m->p)->waiting, 0);
    assert_int_equal(m->answered[0] + m->answered[1] + m->answered[2], m->last_exchange);
    assert_int_equal(pool_deadline(m->p, m->now), MSEC_NEVER);
}

static void run(struct pool_limits limits, uint64_t seed)
{
    struct model m = {.limits = limits, .random = seed, .now = 1000, .budget = SIZE_MAX};
    printf("seed %llu, cap %zu\n", (unsigned long long)seed, limits.max_size);
    m.tokens = (double)limits.connect_burst;
    m.tokens_at = m.now;
    m.p = pool_new(&limits, seed, m.now);
    for (int i = 0; i < STEPS; i++) {
        step(&m);
    }
    finish(&m);
    for (size_t kind = 0; kind < 5; kind++) { /* the run came to everything */
        assert_true(m.kinds[kind] > 100);
    }
    pool_free(m.p);
}

static const struct pool_limits usual = {
    .max_size = 8,
    .min_size = 2,
    .max_connecting = 2,
    .connects_per_second = 5,
    .connect_burst = 5,
    .max_idle = 5000,
    .max_lifetime = 30000,
    .check_after_idle = 400,
    .backoff_initial = 20,
    .backoff_factor = 2,
    .backoff_max = 500,
    .waiters_most = 12,
    .max_awaiting = 3,
};

static void the_rules_hold_with_a_usual_pool(void **state)
{
    (void)state;
    run(usual, first_seed);
}

static void the_rules_hold_with_a_cap_of_one(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.max_size = limits.min_size = limits.max_connecting = limits.max_awaiting = 1;
    limits.connects_per_second = 50;
    run(limits, first_seed + 1);
}

static void the_rules_hold_with_a_large_pool_and_no_pacing(void **state)
{
    (void)state;
    struct pool_limits limits = usual;
    limits.max_size = 40;
    limits.min_size = 0;
    limits.max_connecting = 10;
    limits.connects_per_second = 0;
    run(limits, first_seed + 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rules_hold_with_a_usual_pool),
        cmocka_unit_test(the_rules_hold_with_a_cap_of_one),
        cmocka_unit_test(the_rules_hold_with_a_large_pool_and_no_pacing),
    };
    if (argc > 1) {
        first_seed = strtoull(argv[1], NULL, 10);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
