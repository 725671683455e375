/* Who gets a connection, who waits, when to dial and what to close: one pool per server.
 *
 * Pure policy. The shell tells facts (`pool_on_…`), asks for decisions (`pool_next_action` until it
 * says false, after every fact or batch of facts and when `pool_deadline` passes) and performs
 * them; nothing calls back. Backends are slots of the pool, named by tagged ids that the pool gives
 * out with DIAL; waiters are named by the shell's own exchange number.
 *
 * A slot counts against the cap from DIAL until the shell says that the connection is gone, by
 * pool_on_dial_failed or pool_on_closed, exactly once per slot, also after CLOSE. Facts about a
 * slot that is gone (the tag no longer matches) are ignored. A new pool is down. */
#ifndef CORE_POOL_POOL_H
#define CORE_POOL_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/units.h"

/* A time of 0 means "no limit". */
struct pool_limits {
    size_t max_size; /* 1 to 65535: dialling, checked, idle, lent and closing ones together */
    size_t min_size; /* kept open without demand while the pool is up; at most max_size counts */
    size_t max_connecting;      /* dials in flight, at least 1 */
    size_t connects_per_second; /* after connect_burst at once; 0: no limit */
    size_t connect_burst;       /* at least 1 counts */
    msec max_idle;
    msec max_lifetime; /* varied by ±20 % per connection, so that not all end together */
    msec check_after_idle;
    msec backoff_initial;
    double backoff_factor;
    msec backoff_max;
    msec fault_pause;    /* after a permanent fault, varied by a third; backoff_max at least */
    size_t waiters_most; /* in each lane, counted when one more comes; 0: no limit. Not in
                            LANE_AWAIT: who waits there would wait as long at the server */
    size_t max_awaiting; /* that LANE_AWAIT holds at once, 1 to max_size; while LANE_NEW waits,
                            the same share of the open ones */
};

/* In the order in which they are served; the last two take turns. Together these two hold at most
 * max_size - 1 when max_size is 2 or more: one is kept for the others. */
enum pool_lane {
    LANE_FINISH,    /* commitTransaction, abortTransaction */
    LANE_FOLLOW_UP, /* statements of open transactions, getMore, killCursors, endSessions */
    LANE_NEW,       /* everything else */
    LANE_AWAIT,     /* getMore that waits at the server for events */
    LANE_COUNT
};

enum pool_outcome {
    POOL_CLEAN, /* the whole reply was read: the backend can serve again */
    POOL_DIRTY  /* in doubt: close it */
};

struct backend_id {
    uint16_t index; /* below the greatest max_size that was in force */
    uint16_t tag;   /* never 0: a zeroed id names no backend */
};

struct waiter_id {
    uint32_t index;
    uint32_t tag; /* never 0: a zeroed id names no waiter */
};

static inline bool backend_id_equals(struct backend_id a, struct backend_id b)
{
    return a.index == b.index && a.tag == b.tag;
}

enum pool_action_kind {
    POOL_DIAL,   /* open `backend`; then pool_on_ready or pool_on_dial_failed */
    POOL_GRANT,  /* `backend` is lent to `exchange`; then pool_on_returned or pool_on_closed */
    POOL_CHECK,  /* ping `backend`, idle for long; then pool_on_ready or pool_on_closed */
    POOL_REFUSE, /* `exchange` waits no longer, `status` says why, `waited` how long */
    POOL_CLOSE   /* close `backend` because of `status`; then pool_on_closed */
};

struct pool_action {
    enum pool_action_kind kind;
    struct backend_id backend; /* DIAL, GRANT, CHECK, CLOSE */
    uint64_t exchange;         /* GRANT, REFUSE */
    enum status status;        /* REFUSE, CLOSE */
    msec waited;               /* GRANT, REFUSE */
};

struct pool_counts {
    size_t dialling;
    size_t checking;
    size_t idle;
    size_t lent;
    size_t closing;
    size_t total;                 /* the five above: never more than max_size, but for a cap that
                                     was lowered while more were open */
    size_t waiting;               /* all lanes */
    size_t lane[LANE_COUNT];      /* waiting, per lane */
    size_t lent_lane[LANE_COUNT]; /* lent, per lane of the exchange */
};

struct pool;

/* The limits are copied. `seed` feeds the jitter of back-off and lifetimes. */
struct pool *pool_new(const struct pool_limits *limits, uint64_t seed, msec now);

/* The shell has closed all backends and forgotten all waiters. NULL is accepted. */
void pool_free(struct pool *p);

/* --- told --- */

/* New limits after a reload: what is too many is closed when it is idle, and the next dial need not
 * wait for the end of a back-off. */
void pool_on_limits(struct pool *p, const struct pool_limits *limits, msec now);

/* `exchange` wants a backend until `deadline` (MSEC_NEVER: for ever). Answered by GRANT or REFUSE,
 * in a following pool_next_action, unless pool_on_unwanted comes first. REFUSE says:
 * QUEUE_TIMED_OUT at the deadline; QUEUE_FULL; NOT_SUITABLE (choose again) when the pool is or goes
 * down and no idle backend is there, or the server's role changes; the fault of pool_on_dial_failed
 * while it is permanent and no working backend is left; the status of pool_on_drain. */
struct waiter_id pool_on_wanted(struct pool *p, uint64_t exchange, enum pool_lane lane,
                                msec deadline, msec now);

/* The same in LANE_AWAIT, where the order is that of `turn`, the smallest first: when the cursor
 * was served last. Nobody has a second turn before all others have had one. */
struct waiter_id pool_on_awaiting(struct pool *p, uint64_t exchange, msec turn, msec deadline,
                                  msec now);

/* The exchange gave up waiting. Ignored when it was answered already. */
void pool_on_unwanted(struct pool *p, struct waiter_id waiter, msec now);

/* A dial succeeded (TLS, hello and login included), or a check did. A back-off ends only when a
 * backend has served (pool_on_returned, CLEAN) or stayed for a second: until then a server that
 * closes right after the login counts as one that failed. */
void pool_on_ready(struct pool *p, struct backend_id backend, msec now);

/* A dial failed and its connection is gone: the slot is free again. The next dial waits a random
 * time in [0, min(backoff_max, backoff_initial * backoff_factor^n)] (full jitter), n counting
 * failures in a row. `is_permanent`: credentials, certificates, a wrong name: waiters are refused
 * with `status` while no working backend is left, and one dial per fault_pause looks whether it is
 * cured. */
void pool_on_dial_failed(struct pool *p, struct backend_id backend, enum status status,
                         bool is_permanent, msec now);

void pool_on_returned(struct pool *p, struct backend_id backend, enum pool_outcome outcome,
                      msec now);

/* A lent backend is kept for what lives on it (core/pool/pins.h): it counts as lent until it is
 * returned, but no longer as new work's, which may have all that is not kept so. */
void pool_on_pinned(struct pool *p, struct backend_id backend, msec now);

/* The backend's connection is gone: after CLOSE, or because it died idle, lent, while being
 * checked, or because the shell itself gave up a dial without a fault of the server. */
void pool_on_closed(struct pool *p, struct backend_id backend, msec now);

/* CMAP clear: the warm minimum comes back at a random time in [0, backoff_initial]. What is idle,
 * dialling or being checked is closed now, what is lent when it comes back. Waiters stay
 * (pool_on_down refuses them). */
void pool_on_generation(struct pool *p, msec now);

/* The same for one backend alone (load balancing: of the service that failed). */
void pool_on_stale(struct pool *p, struct backend_id backend, msec now);

/* The node is known good: dialling is allowed. Coming up ends a back-off (but not a permanent
 * fault), since the monitor just reached the node; told again while up, it changes nothing. */
void pool_on_up(struct pool *p, msec now);

/* The node is unknown: nothing is dialled, all waiters are refused with NOT_SUITABLE. Idle backends
 * stay and serve who still wants this very node (a getMore); pool_on_generation closes them. */
void pool_on_down(struct pool *p, msec now);

/* The server serves on in another role: waiters are refused with NOT_SUITABLE, to choose again, but
 * for those of LANE_FOLLOW_UP: what they follow up is here, or nowhere. */
void pool_on_role(struct pool *p, msec now);

/* How many more connections this pool may open now (pool.maxTotalConnections); counted down by each
 * DIAL. SIZE_MAX, as in a new pool: no limit. */
void pool_on_budget(struct pool *p, size_t more, msec now);

/* The end of the pool (shutdown, node removed): idle, checked and dialling backends are closed,
 * lent ones when they come back, waiters now and later are refused with `status` (DRAINING, or
 * NOT_SUITABLE for a removed node). Nothing undoes it. */
void pool_on_drain(struct pool *p, enum status status, msec now);

/* --- asked --- */

/* The next thing to perform; false when there is none at `now`. */
bool pool_next_action(struct pool *p, msec now, struct pool_action *out);

/* When to ask again though no fact came; MSEC_NEVER when there is no such time. */
msec pool_deadline(const struct pool *p, msec now);

/* --- looked at --- */

const struct pool_counts *pool_counts(const struct pool *p);

/* How LANE_AWAIT stands: what the length of a slice is made from (core/pool/awaiting.h). */
struct pool_awaiting {
    size_t slots;   /* that it may hold */
    size_t held;    /* that it holds */
    size_t waiting; /* for one */
    bool is_tight;  /* with all its slots held, none is left for LANE_NEW */
    msec served_at; /* somebody of it, last */
};

struct pool_awaiting pool_awaiting(const struct pool *p);
bool pool_is_up(const struct pool *p);

/* The permanent fault, or STATUS_OK. */
enum status pool_fault(const struct pool *p);

/* Whether the backend was dialled after the last pool_on_generation: an error on an older one says
 * nothing about the node of now (SDAM). False for one that is gone. */
bool pool_is_current(const struct pool *p, struct backend_id backend);

/* One line for logs and failing assertions: "up 3/20: 1 dialling 0 checking …". */
void pool_print(const struct pool *p, char *text, size_t size);

#endif
