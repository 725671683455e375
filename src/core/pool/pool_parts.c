#include "core/pool/pool_parts.h"

#include "base/require.h"

/* The counter of a state; NULL for SLOT_FREE. */
static size_t *counter(struct pool *p, enum slot_state state)
{
    switch (state) {
    case SLOT_DIALLING:
        return &p->counts.dialling;
    case SLOT_CHECKING:
        return &p->counts.checking;
    case SLOT_IDLE:
        return &p->counts.idle;
    case SLOT_LENT:
        return &p->counts.lent;
    case SLOT_DOOMED:
    case SLOT_CLOSING:
        return &p->counts.closing;
    case SLOT_FREE:
        break;
    }
    return NULL;
}

struct slot *pool_slot(const struct pool *p, struct backend_id id)
{
    if (id.index >= p->slot_count) {
        return NULL;
    }
    struct slot *s = p->slots[id.index];
    return s->state != SLOT_FREE && s->id.tag == id.tag ? s : NULL;
}

struct slot *slot_take_free(struct pool *p)
{
    struct list *link = list_first(&p->free_slots);
    if (link != NULL) {
        struct slot *s = container_of(link, struct slot, link);
        list_remove(link);
        s->id.tag = (uint16_t)(s->id.tag == UINT16_MAX ? 1 : s->id.tag + 1);
        return s;
    }
    require(p->slot_count <= UINT16_MAX);
    if (p->slot_count == p->slot_room) {
        p->slot_room = p->slot_room == 0 ? 8 : 2 * p->slot_room;
        p->slots = xrealloc(p->slots, p->slot_room * sizeof *p->slots);
    }
    struct slot *s = xcalloc(1, sizeof *s);
    list_init(&s->link);
    s->id = (struct backend_id){.index = (uint16_t)p->slot_count, .tag = 1};
    p->slots[p->slot_count++] = s;
    return s;
}

void slot_move(struct pool *p, struct slot *s, enum slot_state to)
{
    size_t *from_count = counter(p, s->state);
    size_t *to_count = counter(p, to);
    if (from_count != NULL) {
        require(*from_count > 0);
        --*from_count;
        p->counts.total--;
    }
    if (to_count != NULL) {
        ++*to_count;
        p->counts.total++;
    }
    if (s->state == SLOT_LENT) {
        p->counts.lent_lane[s->lane]--;
    }
    if (to == SLOT_LENT) {
        p->counts.lent_lane[s->lane]++;
    }
    list_remove(&s->link);
    if (to == SLOT_IDLE) {
        list_push_front(&p->idle, &s->link);
    } else if (to == SLOT_DOOMED) {
        list_push_back(&p->doomed, &s->link);
    } else if (to == SLOT_FREE) {
        list_push_front(&p->free_slots, &s->link);
    }
    s->state = to;
}

void slot_doom(struct pool *p, struct slot *s, enum status why)
{
    s->doom = why;
    slot_move(p, s, SLOT_DOOMED);
}

static void on_waiter_deadline(struct deadline *d, msec now)
{
    (void)now;
    waiter_refuse(container_of(d, struct waiter, deadline), STATUS_QUEUE_TIMED_OUT);
}

static void add_waiters(struct pool *p)
{
    size_t first = p->block_count * WAITERS_A_BLOCK;
    require(first < UINT32_MAX - WAITERS_A_BLOCK);
    if (p->block_count == p->block_room) {
        p->block_room = p->block_room == 0 ? 4 : 2 * p->block_room;
        p->waiter_blocks = xrealloc(p->waiter_blocks, p->block_room * sizeof(struct waiter *));
    }
    struct waiter *block = xcalloc(WAITERS_A_BLOCK, sizeof *block);
    for (size_t i = 0; i < WAITERS_A_BLOCK; i++) {
        struct waiter *w = &block[i];
        list_init(&w->link);
        deadline_init(&w->deadline, on_waiter_deadline);
        w->pool = p;
        w->id.index = (uint32_t)(first + i);
        w->is_free = true;
        list_push_back(&p->free_waiters, &w->link);
    }
    p->waiter_blocks[p->block_count++] = block;
}

struct waiter *waiter_take_free(struct pool *p)
{
    if (list_is_empty(&p->free_waiters)) {
        add_waiters(p);
    }
    struct waiter *w = container_of(list_first(&p->free_waiters), struct waiter, link);
    list_remove(&w->link);
    w->id.tag = w->id.tag == UINT32_MAX ? 1 : w->id.tag + 1;
    w->is_free = false;
    return w;
}

struct waiter *waiter_at(const struct pool *p, uint32_t index)
{
    size_t block = index / WAITERS_A_BLOCK;
    return block < p->block_count ? &p->waiter_blocks[block][index % WAITERS_A_BLOCK] : NULL;
}

/* Out of its lane, if it is in one. */
static void waiter_leave(struct waiter *w)
{
    struct pool *p = w->pool;
    if (!w->is_refused) {
        require(p->counts.lane[w->lane] > 0);
        p->counts.lane[w->lane]--;
        p->counts.waiting--;
    }
    deadline_heap_remove(&p->deadlines, &w->deadline);
    list_remove(&w->link);
}

void waiter_refuse(struct waiter *w, enum status why)
{
    waiter_leave(w);
    w->is_refused = true;
    w->refusal = why;
    list_push_back(&w->pool->refused, &w->link);
}

void waiter_release(struct waiter *w)
{
    waiter_leave(w);
    w->is_refused = false;
    w->is_free = true;
    list_push_front(&w->pool->free_waiters, &w->link);
}

size_t pool_live(const struct pool *p)
{
    return p->counts.total - p->counts.closing;
}
