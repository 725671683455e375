/* The facts. What follows from them is decided in pool_next.c.
 *
 *   free ─ DIAL ─> dialling ─ ready ─> idle <── returned / granted ──> lent
 *     ^               │                 │ ^ checked                     │
 *     │ failed        │        CHECK ──>checking                        │
 *     └───────────────┴── gone ── closing <── CLOSE ── doomed <─────────┘ (from any) */
#include "core/pool/pool.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/require.h"
#include "core/pool/pool_parts.h"

/* splitmix64: one step. */
static uint64_t next_random(struct pool *p)
{
    uint64_t z = p->random += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* A random time in [0, most]. */
static msec random_msec(struct pool *p, msec most)
{
    return most <= 0 ? 0 : (msec)(next_random(p) % ((uint64_t)most + 1));
}

static void set_limits(struct pool *p, const struct pool_limits *limits)
{
    require(limits->max_size >= 1 && limits->max_size <= UINT16_MAX);
    p->limits = *limits;
    if (p->limits.min_size > p->limits.max_size) {
        p->limits.min_size = p->limits.max_size;
    }
    if (p->limits.max_connecting == 0) {
        p->limits.max_connecting = 1;
    }
    if (p->limits.max_awaiting == 0) {
        p->limits.max_awaiting = 1;
    }
    if (p->limits.max_awaiting > p->limits.max_size) {
        p->limits.max_awaiting = p->limits.max_size;
    }
    if (p->limits.connect_burst == 0) {
        p->limits.connect_burst = 1;
    }
    if (!(p->limits.backoff_factor >= 1)) {
        p->limits.backoff_factor = 1;
    }
}

struct pool *pool_new(const struct pool_limits *limits, uint64_t seed, msec now)
{
    struct pool *p = xcalloc(1, sizeof *p);
    set_limits(p, limits);
    list_init(&p->free_slots);
    list_init(&p->idle);
    list_init(&p->doomed);
    list_init(&p->free_waiters);
    list_init(&p->refused);
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        list_init(&p->lanes[lane]);
    }
    deadline_heap_init(&p->deadlines);
    p->sweep_at = MSEC_NEVER;
    p->dial_not_before = p->warm_not_before = now;
    p->budget = SIZE_MAX;
    p->tokens_milli = (uint64_t)p->limits.connect_burst * 1000;
    p->tokens_at = now;
    p->random = seed;
    return p;
}

void pool_free(struct pool *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->slot_count; i++) {
        free(p->slots[i]);
    }
    for (size_t i = 0; i < p->block_count; i++) {
        free(p->waiter_blocks[i]);
    }
    deadline_heap_clear(&p->deadlines);
    free(p->slots);
    free(p->waiter_blocks);
    free(p);
}

void pool_on_limits(struct pool *p, const struct pool_limits *limits, msec now)
{
    set_limits(p, limits);
    p->sweep_at = now; /* the times of idle ones may have changed */
    p->dial_not_before = now;
}

static bool is_full(const struct pool *p, enum pool_lane lane)
{
    return p->limits.waiters_most != 0 && p->counts.lane[lane] >= p->limits.waiters_most;
}

static struct waiter *enter_lane(struct pool *p, uint64_t exchange, enum pool_lane lane,
                                 struct list *before, msec now)
{
    struct waiter *w = waiter_take_free(p);
    w->exchange = exchange;
    w->lane = lane;
    w->since = now;
    list_push_back(before, &w->link);
    p->counts.lane[lane]++;
    p->counts.waiting++;
    return w;
}

struct waiter_id pool_on_wanted(struct pool *p, uint64_t exchange, enum pool_lane lane,
                                msec deadline, msec now)
{
    bool refuses = is_full(p, lane);
    require(lane != LANE_AWAIT);
    struct waiter *w = enter_lane(p, exchange, lane, &p->lanes[lane], now);
    if (refuses) {
        waiter_refuse(w, STATUS_QUEUE_FULL);
    } else {
        deadline_heap_set(&p->deadlines, &w->deadline, deadline);
    }
    return w->id;
}

struct waiter_id pool_on_awaiting(struct pool *p, uint64_t exchange, msec turn, msec deadline,
                                  msec now)
{
    struct list *lane = &p->lanes[LANE_AWAIT];
    struct list *before = lane;
    /* From the end: who was just served comes last. */
    while (before->prev != lane && container_of(before->prev, struct waiter, link)->turn > turn) {
        before = before->prev;
    }
    struct waiter *w = enter_lane(p, exchange, LANE_AWAIT, before, now);
    w->turn = turn;
    deadline_heap_set(&p->deadlines, &w->deadline, deadline);
    return w->id;
}

void pool_on_unwanted(struct pool *p, struct waiter_id waiter, msec now)
{
    (void)now;
    struct waiter *w = waiter_at(p, waiter.index);
    if (w != NULL && !w->is_free && w->id.tag == waiter.tag) {
        waiter_release(w);
    }
}

static void become_idle(struct pool *p, struct slot *s, msec now)
{
    s->idle_since = now;
    slot_move(p, s, SLOT_IDLE);
    p->sweep_at = msec_earlier(p->sweep_at, s->retire_at);
    p->sweep_at = msec_earlier(p->sweep_at, msec_after(now, p->limits.max_idle));
    if (pool_live(p) > p->limits.max_size) {
        p->sweep_at = now; /* the cap was lowered */
    }
}

static void end_back_off(struct pool *p, msec now)
{
    p->failures = 0;
    p->dial_not_before = now;
}

void pool_on_ready(struct pool *p, struct backend_id backend, msec now)
{
    struct slot *s = pool_slot(p, backend);
    if (s == NULL || (s->state != SLOT_DIALLING && s->state != SLOT_CHECKING)) {
        return;
    }
    if (s->state == SLOT_DIALLING) {
        msec fifth = p->limits.max_lifetime / 5;
        msec lifetime = p->limits.max_lifetime - fifth + random_msec(p, 2 * fifth);
        s->retire_at = msec_after(now, lifetime);
        s->ready_at = now;
        s->is_unproven = true;
        if (p->fault != STATUS_OK) { /* the login works again: nothing permanent is left */
            p->fault = STATUS_OK;
            end_back_off(p, now);
        }
    }
    become_idle(p, s, now);
}

/* The most that the n-th wait in a row may last. */
static msec backoff_cap(const struct pool_limits *limits, uint32_t n)
{
    double cap = (double)limits->backoff_initial;
    double most = (double)limits->backoff_max;
    if (limits->backoff_factor > 1) {
        for (uint32_t i = 0; i < n && cap < most && cap > 0; i++) {
            cap *= limits->backoff_factor;
        }
    }
    return cap < most ? (msec)cap : limits->backoff_max;
}

/* Those that have stayed long enough end the back-off; looked at when it would begin. */
static void find_proof(struct pool *p, msec now)
{
    for (size_t i = 0; i < p->slot_count; i++) {
        struct slot *s = p->slots[i];
        bool is_there = s->state == SLOT_IDLE || s->state == SLOT_LENT || s->state == SLOT_CHECKING;
        if (is_there && s->is_unproven && s->ready_at + POOL_PROOF_MS <= now) {
            s->is_unproven = false;
            p->failures = 0;
        }
    }
}

/* The server did not take the connection, or did not keep it. */
static void note_failure(struct pool *p, const struct slot *s, msec now)
{
    if (s->failures_then != p->failures) {
        return; /* a sibling of the last failure: no news */
    }
    find_proof(p, now);
    msec wait = random_msec(p, backoff_cap(&p->limits, p->failures));
    if (p->dial_not_before < now + wait) {
        p->dial_not_before = now + wait;
    }
    p->failures++;
}

void pool_on_dial_failed(struct pool *p, struct backend_id backend, enum status status,
                         bool is_permanent, msec now)
{
    struct slot *s = pool_slot(p, backend);
    if (s == NULL) {
        return;
    }
    bool was_dialling = s->state == SLOT_DIALLING;
    slot_move(p, s, SLOT_FREE);
    if (!was_dialling) {
        return; /* given up by ourselves: no fault of the server */
    }
    note_failure(p, s, now);
    if (is_permanent) {
        p->fault = status;
        msec third = p->limits.fault_pause / 3;
        msec pause = p->limits.fault_pause - third + random_msec(p, 2 * third);
        msec least = p->limits.backoff_max;
        p->dial_not_before = msec_after(now, pause > least ? pause : least);
    }
}

void pool_on_returned(struct pool *p, struct backend_id backend, enum pool_outcome outcome,
                      msec now)
{
    struct slot *s = pool_slot(p, backend);
    if (s == NULL || s->state != SLOT_LENT) {
        return;
    }
    if (outcome == POOL_DIRTY) {
        slot_doom(p, s, STATUS_CLOSED_BY_US);
    } else if (p->drained != STATUS_OK) {
        slot_doom(p, s, p->drained);
    } else if (s->generation != p->generation) {
        slot_doom(p, s, STATUS_STALE_GENERATION);
    } else {
        if (s->is_unproven) {
            s->is_unproven = false;
            if (p->fault == STATUS_OK) {
                end_back_off(p, now);
            }
        }
        become_idle(p, s, now); /* closed by the sweep that follows when it is too old */
    }
}

void pool_on_pinned(struct pool *p, struct backend_id backend, msec now)
{
    (void)now;
    struct slot *s = pool_slot(p, backend);
    if (s != NULL && s->state == SLOT_LENT) {
        p->counts.lent_lane[s->lane]--;
        s->lane = LANE_FOLLOW_UP;
        p->counts.lent_lane[s->lane]++;
    }
}

/* When a server closes its connections, all its clients lose them at one moment: nobody waits for
 * the warm ones, so they come back at random times. */
static void spread_warm_dials(struct pool *p, msec now)
{
    if (p->warm_not_before <= now) {
        p->warm_not_before = now + random_msec(p, p->limits.backoff_initial);
    }
}

void pool_on_closed(struct pool *p, struct backend_id backend, msec now)
{
    struct slot *s = pool_slot(p, backend);
    if (s == NULL) {
        return;
    }
    bool has_ended_itself =
        s->state == SLOT_IDLE || s->state == SLOT_LENT || s->state == SLOT_CHECKING;
    bool is_short = s->is_unproven && now < s->ready_at + POOL_PROOF_MS;
    if (has_ended_itself && is_short && s->generation == p->generation) {
        note_failure(p, s, now);
    }
    if (has_ended_itself) {
        spread_warm_dials(p, now);
    }
    slot_move(p, s, SLOT_FREE);
}

/* Everything that serves nobody at this moment. */
static void doom_unlent(struct pool *p, enum status why)
{
    for (size_t i = 0; i < p->slot_count; i++) {
        struct slot *s = p->slots[i];
        if (s->state == SLOT_DIALLING || s->state == SLOT_CHECKING || s->state == SLOT_IDLE) {
            slot_doom(p, s, why);
        }
    }
}

void pool_on_generation(struct pool *p, msec now)
{
    p->generation++;
    spread_warm_dials(p, now);
    doom_unlent(p, STATUS_STALE_GENERATION);
}

void pool_on_stale(struct pool *p, struct backend_id backend, msec now)
{
    (void)now;
    struct slot *s = pool_slot(p, backend);
    if (s == NULL) {
        return;
    }
    s->generation = p->generation - 1;
    if (s->state == SLOT_DIALLING || s->state == SLOT_CHECKING || s->state == SLOT_IDLE) {
        slot_doom(p, s, STATUS_STALE_GENERATION);
    }
}

void pool_on_up(struct pool *p, msec now)
{
    if (p->is_up) {
        return;
    }
    p->is_up = true;
    if (p->fault == STATUS_OK) {
        p->failures = 0;
        p->dial_not_before = now;
    }
}

void pool_on_down(struct pool *p, msec now)
{
    (void)now;
    p->is_up = false;
}

void pool_on_role(struct pool *p, msec now)
{
    (void)now;
    static const enum pool_lane lanes[] = {LANE_FINISH, LANE_NEW};
    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++) {
        struct list *lane = &p->lanes[lanes[i]];
        while (!list_is_empty(lane)) {
            waiter_refuse(container_of(list_first(lane), struct waiter, link), STATUS_NOT_SUITABLE);
        }
    }
}

void pool_on_budget(struct pool *p, size_t more, msec now)
{
    (void)now;
    p->budget = more;
}

void pool_on_drain(struct pool *p, enum status status, msec now)
{
    (void)now;
    require(status != STATUS_OK);
    if (p->drained == STATUS_OK) {
        p->drained = status;
        doom_unlent(p, status);
    }
}

const struct pool_counts *pool_counts(const struct pool *p)
{
    return &p->counts;
}

struct pool_awaiting pool_awaiting(const struct pool *p)
{
    return (struct pool_awaiting){
        .slots = p->limits.max_awaiting,
        .held = p->counts.lent_lane[LANE_AWAIT],
        .waiting = p->counts.lane[LANE_AWAIT],
        .is_tight = p->limits.max_awaiting + 1 >= p->limits.max_size,
        .served_at = p->await_served_at,
    };
}

bool pool_is_up(const struct pool *p)
{
    return p->is_up;
}

enum status pool_fault(const struct pool *p)
{
    return p->fault;
}

bool pool_is_current(const struct pool *p, struct backend_id backend)
{
    const struct slot *s = pool_slot(p, backend);
    return s != NULL && s->generation == p->generation;
}

void pool_print(const struct pool *p, char *text, size_t size)
{
    const struct pool_counts *c = &p->counts;
    snprintf(text, size,
             "%s %zu/%zu: %zu dialling, %zu checking, %zu idle, %zu lent, %zu closing; waiting "
             "%zu+%zu+%zu+%zu%s%s",
             p->drained != STATUS_OK ? "drained"
             : p->is_up              ? "up"
                                     : "down",
             c->total, p->limits.max_size, c->dialling, c->checking, c->idle, c->lent, c->closing,
             c->lane[LANE_FINISH], c->lane[LANE_FOLLOW_UP], c->lane[LANE_NEW], c->lane[LANE_AWAIT],
             p->fault == STATUS_OK ? "" : "; fault ",
             p->fault == STATUS_OK ? "" : status_name(p->fault));
}
