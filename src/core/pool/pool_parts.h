/* The inside of a pool, shared by pool.c (facts) and pool_next.c (decisions), and by nobody else.
 *
 * A slot is in exactly one state, and `counts` follows every move, which only slot_move makes.
 * Slots and waiters are allocated once and reused, so that serving costs no allocation. Waiters
 * come in blocks: one by one they would lie between what clients allocate, and a crowd's peak would
 * keep its pages for ever. */
#ifndef CORE_POOL_POOL_PARTS_H
#define CORE_POOL_POOL_PARTS_H

#include "base/deadline.h"
#include "base/list.h"
#include "core/pool/pool.h"

/* A server that closes right after the login has not been reached in earnest. */
#define POOL_PROOF_MS ((msec)1000)

enum slot_state {
    SLOT_FREE,
    SLOT_DIALLING,
    SLOT_CHECKING,
    SLOT_IDLE,
    SLOT_LENT,
    SLOT_DOOMED, /* CLOSE is still to be said */
    SLOT_CLOSING
};

struct slot {
    struct list link; /* in idle, doomed or free_slots, by state; else in none */
    struct backend_id id;
    enum slot_state state;
    enum pool_lane lane; /* while lent */
    uint32_t generation;
    uint32_t failures_then; /* the pool's failures when the dial began */
    msec ready_at;          /* when the dial succeeded */
    bool is_unproven;       /* it has not served since, nor stayed for POOL_PROOF_MS */
    msec idle_since;        /* since its last use or check */
    msec retire_at;
    enum status doom;
};

struct waiter {
    struct list link; /* in a lane, refused or free_waiters */
    struct deadline deadline;
    struct pool *pool;
    struct waiter_id id;
    bool is_free;
    bool is_refused;
    uint64_t exchange;
    enum pool_lane lane;
    msec since;
    msec turn; /* in LANE_AWAIT */
    enum status refusal;
};

enum { WAITERS_A_BLOCK = 32 };

struct pool {
    struct pool_limits limits;
    struct pool_counts counts;

    struct slot **slots;
    size_t slot_count;
    size_t slot_room;
    struct list free_slots;
    struct list idle; /* the last used first */
    struct list doomed;
    msec sweep_at; /* no idle slot expires earlier; may be too early, never too late */

    struct waiter **waiter_blocks;
    size_t block_count;
    size_t block_room;
    struct list free_waiters;
    struct list lanes[LANE_COUNT]; /* the longest waiting first; LANE_AWAIT: the oldest turn */
    msec await_served_at;
    bool new_was_last;   /* of LANE_NEW and LANE_AWAIT, that one was served last */
    struct list refused; /* REFUSE is still to be said */
    struct deadline_heap deadlines;

    bool is_up;
    enum status drained; /* OK: not */
    enum status fault;   /* OK: none that is permanent */
    uint32_t generation;
    uint32_t failures; /* in a row: dials that failed, or whose backend ended unproven */
    msec dial_not_before;
    msec warm_not_before; /* the same for dials that nobody waits for */
    size_t budget;
    uint64_t tokens_milli; /* thousandths of a dial */
    msec tokens_at;
    uint64_t random;
};

/* The slot, or NULL when the id is of one that is gone. */
struct slot *pool_slot(const struct pool *p, struct backend_id id);

struct slot *slot_take_free(struct pool *p);
void slot_move(struct pool *p, struct slot *s, enum slot_state to);

/* Sets it aside to be closed because of `why`. */
void slot_doom(struct pool *p, struct slot *s, enum status why);

struct waiter *waiter_take_free(struct pool *p);

/* NULL when there never was one of that index. */
struct waiter *waiter_at(const struct pool *p, uint32_t index);

/* Takes the waiter out of its lane, to be told why. */
void waiter_refuse(struct waiter *w, enum status why);

/* Takes the waiter out of wherever it is; its id names nobody from now on. */
void waiter_release(struct waiter *w);

/* Slots that are not on their way out. */
size_t pool_live(const struct pool *p);

#endif
