/* The decisions, in the order in which they are looked for:
 *
 * 1. what has to be closed or was refused already is said;
 * 2. an idle backend goes to the first waiter that may have one, checked first when it was idle
 *    for long;
 * 3. who cannot be served here is refused: the pool is drained, down, or has a permanent fault and
 *    no working backend left;
 * 4. a dial, for waiters that no dial or check under way covers, or for the warm minimum, or to see
 *    whether a permanent fault is cured. */
#include "base/require.h"
#include "core/pool/pool_parts.h"

static const uint64_t TOKEN = 1000; /* one dial, in thousandths */

static void expire_waiters(struct pool *p, msec now)
{
    while (deadline_heap_next(&p->deadlines) <= now) {
        deadline_heap_fire(&p->deadlines, now);
    }
}

/* CMAP: perished backends are closed. What makes the warm minimum is not closed for idleness (it
 * is checked before it serves again), only for its age, and then replaced. */
static void sweep(struct pool *p, msec now)
{
    if (now < p->sweep_at) {
        return;
    }
    p->sweep_at = MSEC_NEVER;
    struct list *link = p->idle.prev; /* the longest idle first */
    while (link != &p->idle) {
        struct slot *s = container_of(link, struct slot, link);
        link = link->prev;
        msec idle_until = msec_after(s->idle_since, p->limits.max_idle);
        if (s->retire_at <= now) {
            slot_doom(p, s, STATUS_TOO_OLD);
        } else if (pool_live(p) > p->limits.max_size) {
            slot_doom(p, s, STATUS_CLOSED_BY_US);
        } else if (idle_until <= now && pool_live(p) > p->limits.min_size) {
            slot_doom(p, s, STATUS_IDLE_TOO_LONG);
        } else {
            p->sweep_at = msec_earlier(p->sweep_at, s->retire_at);
            if (idle_until > now) {
                p->sweep_at = msec_earlier(p->sweep_at, idle_until);
            }
        }
    }
}

static bool next_close(struct pool *p, struct pool_action *out)
{
    struct list *link = list_first(&p->doomed);
    if (link == NULL) {
        return false;
    }
    struct slot *s = container_of(link, struct slot, link);
    *out = (struct pool_action){.kind = POOL_CLOSE, .backend = s->id, .status = s->doom};
    slot_move(p, s, SLOT_CLOSING);
    return true;
}

static bool next_refusal(struct pool *p, msec now, struct pool_action *out)
{
    struct list *link = list_first(&p->refused);
    if (link == NULL) {
        return false;
    }
    struct waiter *w = container_of(link, struct waiter, link);
    *out = (struct pool_action){.kind = POOL_REFUSE,
                                .exchange = w->exchange,
                                .status = w->refusal,
                                .waited = now - w->since};
    waiter_release(w);
    return true;
}

static size_t less(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many more backends new and awaiting work may hold: one slot is kept for the other lanes. */
static size_t low_room(const struct pool *p)
{
    size_t cap = p->limits.max_size >= 2 ? p->limits.max_size - 1 : 1;
    size_t held = p->counts.lent_lane[LANE_NEW] + p->counts.lent_lane[LANE_AWAIT];
    return held < cap ? cap - held : 0;
}

/* Of these, how many awaiting work may hold: while new work waits, its share of what is open, for a
 * pool that is coming up has few. */
static size_t await_room(const struct pool *p)
{
    size_t most = p->limits.max_awaiting;
    size_t held = p->counts.lent_lane[LANE_AWAIT];
    if (p->counts.lane[LANE_NEW] > 0) {
        size_t open = p->counts.idle + p->counts.checking + p->counts.lent;
        size_t share = open * most / p->limits.max_size;
        most = less(most, share == 0 ? 1 : share);
    }
    return held < most ? most - held : 0;
}

/* Waiters that may be given a backend now. */
static size_t eligible(const struct pool *p)
{
    size_t awaiting = p->counts.lane[LANE_AWAIT];
    size_t low = p->counts.lane[LANE_NEW] + (awaiting == 0 ? 0 : less(awaiting, await_room(p)));
    return p->counts.lane[LANE_FINISH] + p->counts.lane[LANE_FOLLOW_UP] + less(low, low_room(p));
}

/* The last two lanes take turns while both have somebody. */
static enum pool_lane low_lane(const struct pool *p)
{
    bool is_awaited = p->counts.lane[LANE_AWAIT] > 0 && await_room(p) > 0;
    bool is_wanted = p->counts.lane[LANE_NEW] > 0;
    return is_awaited && (p->new_was_last || !is_wanted) ? LANE_AWAIT : LANE_NEW;
}

/* The first of those; NULL when there is none. */
static struct waiter *first_eligible(const struct pool *p)
{
    for (int lane = 0; lane < LANE_NEW; lane++) {
        struct list *link = list_first(&p->lanes[lane]);
        if (link != NULL) {
            return container_of(link, struct waiter, link);
        }
    }
    struct list *link = low_room(p) == 0 ? NULL : list_first(&p->lanes[low_lane(p)]);
    return link == NULL ? NULL : container_of(link, struct waiter, link);
}

static void grant(struct pool *p, struct slot *s, struct waiter *w, msec now,
                  struct pool_action *out)
{
    *out = (struct pool_action){
        .kind = POOL_GRANT, .backend = s->id, .exchange = w->exchange, .waited = now - w->since};
    s->lane = w->lane;
    if (w->lane >= LANE_NEW) {
        p->new_was_last = w->lane == LANE_NEW;
    }
    if (w->lane == LANE_AWAIT) {
        p->await_served_at = now;
    }
    slot_move(p, s, SLOT_LENT);
    waiter_release(w);
}

static bool next_grant(struct pool *p, msec now, struct pool_action *out)
{
    struct list *link = list_first(&p->idle);
    struct waiter *w = link == NULL ? NULL : first_eligible(p);
    if (w == NULL) {
        return false;
    }
    struct slot *s = container_of(link, struct slot, link);
    if (now < msec_after(s->idle_since, p->limits.check_after_idle)) {
        grant(p, s, w, now, out);
        return true;
    }
    /* The last used is too old, hence all are. While the node is unknown nothing is checked. */
    if (p->is_up && p->counts.checking < eligible(p)) {
        *out = (struct pool_action){.kind = POOL_CHECK, .backend = s->id};
        slot_move(p, s, SLOT_CHECKING);
        return true;
    }
    return false;
}

/* Why nobody can be served here; OK when waiting makes sense. */
static enum status hopeless(const struct pool *p)
{
    if (p->drained != STATUS_OK) {
        return p->drained;
    }
    if (!p->is_up) {
        return STATUS_NOT_SUITABLE;
    }
    size_t working = p->counts.idle + p->counts.checking + p->counts.lent;
    return working == 0 ? p->fault : STATUS_OK;
}

static bool next_rejection(struct pool *p, msec now, struct pool_action *out)
{
    enum status why = p->counts.waiting == 0 ? STATUS_OK : hopeless(p);
    if (why == STATUS_OK) {
        return false;
    }
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        while (!list_is_empty(&p->lanes[lane])) {
            waiter_refuse(container_of(list_first(&p->lanes[lane]), struct waiter, link), why);
        }
    }
    return next_refusal(p, now, out);
}

/* Whether somebody waits whom no dial or check under way covers. */
static bool is_awaited(const struct pool *p)
{
    return eligible(p) > p->counts.dialling + p->counts.checking;
}

/* Whether a dial is wanted and allowed, the time aside. */
static bool wants_dial(const struct pool *p)
{
    const struct pool_counts *c = &p->counts;
    if (!p->is_up || p->drained != STATUS_OK || p->budget == 0 || c->total >= p->limits.max_size) {
        return false;
    }
    if (p->fault != STATUS_OK) {
        return c->dialling == 0;
    }
    if (c->dialling >= p->limits.max_connecting) {
        return false;
    }
    return is_awaited(p) || pool_live(p) < p->limits.min_size;
}

static uint64_t tokens_milli_at(const struct pool *p, msec now)
{
    uint64_t most = (uint64_t)p->limits.connect_burst * TOKEN;
    uint64_t passed = now > p->tokens_at ? (uint64_t)(now - p->tokens_at) : 0;
    uint64_t rate = p->limits.connects_per_second; /* a second's tokens = a msec's thousandths */
    if (p->tokens_milli >= most || (rate > 0 && passed > most / rate)) {
        return most;
    }
    uint64_t tokens = p->tokens_milli + passed * rate;
    return tokens < most ? tokens : most;
}

static msec later(msec a, msec b)
{
    return a > b ? a : b;
}

/* The earliest time of the next dial. */
static msec dial_at(const struct pool *p)
{
    uint64_t rate = p->limits.connects_per_second;
    bool is_warm = p->fault == STATUS_OK && !is_awaited(p);
    msec at = is_warm ? later(p->dial_not_before, p->warm_not_before) : p->dial_not_before;
    if (rate == 0 || p->tokens_milli >= TOKEN) {
        return at;
    }
    return later(at, p->tokens_at + (msec)((TOKEN - p->tokens_milli + rate - 1) / rate));
}

static bool next_dial(struct pool *p, msec now, struct pool_action *out)
{
    if (!wants_dial(p) || now < dial_at(p)) {
        return false;
    }
    if (p->limits.connects_per_second > 0) {
        p->tokens_milli = tokens_milli_at(p, now);
        p->tokens_at = now;
        require(p->tokens_milli >= TOKEN);
        p->tokens_milli -= TOKEN;
    }
    if (p->budget != SIZE_MAX) {
        p->budget--;
    }
    struct slot *s = slot_take_free(p);
    s->generation = p->generation;
    s->failures_then = p->failures;
    s->is_unproven = false;
    slot_move(p, s, SLOT_DIALLING);
    require(p->counts.total <= p->limits.max_size);
    *out = (struct pool_action){.kind = POOL_DIAL, .backend = s->id};
    return true;
}

bool pool_next_action(struct pool *p, msec now, struct pool_action *out)
{
    expire_waiters(p, now);
    sweep(p, now);
    return next_close(p, out) || next_refusal(p, now, out) || next_grant(p, now, out) ||
           next_rejection(p, now, out) || next_dial(p, now, out);
}

msec pool_deadline(const struct pool *p, msec now)
{
    msec at = deadline_heap_next(&p->deadlines);
    if (!list_is_empty(&p->idle)) {
        at = msec_earlier(at, p->sweep_at);
    }
    if (wants_dial(p)) {
        at = msec_earlier(at, dial_at(p));
    }
    return at < now ? now : at;
}
