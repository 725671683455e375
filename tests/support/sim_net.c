/* The clock, the order of events, faults, and what is always true. */
#include "support/sim_net.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/require.h"
#include "support/sim_parts.h"

enum { START_MS = 1000000, JUMP_MS = 600000, BUFFER_BYTES = 256 << 20, STEPS_MOST = 5000000 };

static const struct {
    const char *name;
    const char *text;
} fault_rows[] = {
#define FAULT_ROW(name, text) {#name, text},
    FAULT_LIST(FAULT_ROW)
#undef FAULT_ROW
};

const char *fault_name(enum fault f)
{
    return fault_rows[f].name;
}

const char *fault_text(enum fault f)
{
    return fault_rows[f].text;
}

/* 2026-01-01: the wall clock of every world when its own stands at 0. */
#define WALL_MS INT64_C(1767225600000)

/* splitmix64: every seed is a good one. */
static uint64_t next_number(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15U;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
    z = (z ^ z >> 27) * 0x94D049BB133111EBU;
    return z ^ z >> 31;
}

static msec sim_now(struct net *net)
{
    return sim_of(net)->now;
}

static int64_t sim_wall(struct net *net)
{
    return WALL_MS + sim_of(net)->now + sim_of(net)->wall_shift;
}

void sim_shift_wall(struct sim *sim, int64_t shift)
{
    sim->wall_shift += shift;
}

static void sim_random(struct net *net, void *out, size_t size)
{
    uint8_t *bytes = out;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)next_number(&sim_of(net)->random_state);
    }
}

static void sim_wake_at(struct net *net, msec at)
{
    (void)net; /* sim_step looks at the heap itself */
    (void)at;
}

static const struct net_ops operations = {
    .now = sim_now,
    .wall = sim_wall,
    .random = sim_random,
    .wake_at = sim_wake_at,
    .listen = sim_listen,
    .listener_address = sim_listener_address,
    .listener_close = sim_listener_close,
    .dial = sim_dial,
    .send = sim_send,
    .send_buf = sim_send_buf,
    .queued = sim_queued,
    .local_address = sim_local_address,
    .peer_process = sim_peer_process,
    .pause = sim_pause,
    .resume = sim_resume,
    .close = sim_close,
    .datagram = sim_datagram,
    .datagram_close = sim_datagram_close,
    .work = sim_work,
    .store = sim_store,
    .watch = sim_watch,
    .watch_close = sim_watch_close,
    .spawn = sim_spawn,
};

struct sim *sim_new(uint64_t seed)
{
    struct sim *sim = xcalloc(1, sizeof *sim);
    sim->buffer_bytes = BUFFER_BYTES;
    net_init(&sim->net, &operations, sim->buffer_bytes);
    chunk_pool_init(&sim->wire, SIZE_MAX);
    sim->now = START_MS;
    sim->schedule_state = seed;
    sim->random_state = ~seed;
    sim->next_port = 49152;
    sim->program.duration = 1;
    struct list *lists[] = {&sim->events,     &sim->conns, &sim->listeners, &sim->places,
                            &sim->invariants, &sim->rows,  &sim->servers,   &sim->datagrams,
                            &sim->dns_conns,  &sim->files, &sim->watches,   &sim->runs};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        list_init(lists[i]);
    }
    return sim;
}

struct net *sim_net(struct sim *sim)
{
    return &sim->net;
}

void sim_limit_buffers(struct sim *sim, byte_count bytes)
{
    sim->buffer_bytes = bytes;
    sim->net.chunks.limit = bytes;
}

static size_t count(const struct list *l)
{
    size_t n = 0;
    list_for_each (link, l) {
        n++;
    }
    return n;
}

size_t sim_count_datagrams(const struct sim *sim)
{
    return count(&sim->datagrams);
}

size_t sim_count_conns(const struct sim *sim)
{
    return count(&sim->conns);
}

void sim_free(struct sim *sim)
{
    size_t alive = count(&sim->conns) + count(&sim->listeners) + count(&sim->datagrams) +
                   count(&sim->watches) + count(&sim->runs) + sim->net.deadlines.count;
    if (alive > 0 || sim->net.chunks.used > 0) {
        fprintf(stderr,
                "alive: conns %zu, listeners %zu, datagrams %zu, watches %zu, runs %zu, deadlines "
                "%zu, bytes of chunks %zu\n",
                count(&sim->conns), count(&sim->listeners), count(&sim->datagrams),
                count(&sim->watches), count(&sim->runs), sim->net.deadlines.count,
                sim->net.chunks.used);
    }
    require(alive == 0 && sim->net.chunks.used == 0);
    require(list_is_empty(&sim->events));
    sim_dns_clear(sim);
    sim_work_clear(sim);
    list_for_each_safe (link, &sim->places) {
        free(container_of(link, struct sim_place, link));
    }
    list_for_each_safe (other, &sim->invariants) {
        free(container_of(other, struct sim_invariant, link));
    }
    net_clear(&sim->net);
    chunk_pool_clear(&sim->wire);
    free(sim);
}

/* --- order --- */

uint64_t sim_pick(struct sim *sim, uint64_t limit)
{
    return next_number(&sim->schedule_state) % limit;
}

void sim_event_init(struct sim_event *e, void (*happen)(struct sim_event *e))
{
    *e = (struct sim_event){.happen = happen};
    list_init(&e->link);
}

bool sim_is_scheduled(const struct sim_event *e)
{
    return !list_is_empty(&e->link);
}

void sim_cancel(struct sim_event *e)
{
    list_remove(&e->link);
}

void sim_schedule(struct sim *sim, struct sim_event *e, msec at)
{
    if (sim_is_scheduled(e) && e->at <= at) {
        return;
    }
    list_remove(&e->link);
    e->at = at < sim->now ? sim->now : at;
    e->order = next_number(&sim->schedule_state);
    struct list *before = sim->events.prev;
    while (before != &sim->events) {
        const struct sim_event *other = container_of(before, struct sim_event, link);
        if (other->at < e->at || (other->at == e->at && other->order < e->order)) {
            break;
        }
        before = before->prev;
    }
    list_insert_between(&e->link, before, before->next);
}

/* --- faults --- */

void sim_set_fault_at(struct sim *sim, enum fault point, const struct address *at, uint64_t skip,
                      uint64_t fail)
{
    sim->faults[point] = (struct sim_fault){.skip = skip, .fail = fail, .is_aimed = at != NULL};
    if (at != NULL) {
        sim->faults[point].at = *at;
    }
}

void sim_set_fault(struct sim *sim, enum fault point, uint64_t skip, uint64_t fail)
{
    sim_set_fault_at(sim, point, NULL, skip, fail);
}

uint64_t sim_fault_fired(const struct sim *sim, enum fault point)
{
    return sim->faults[point].fired;
}

bool sim_passes_fault(struct sim *sim, enum fault point, const struct address *at, uint64_t times,
                      uint64_t *before)
{
    struct sim_fault *f = &sim->faults[point];
    if (f->fail == 0 || (f->is_aimed && (at == NULL || !address_equals(at, &f->at)))) {
        return false;
    }
    if (f->skip >= times) {
        f->skip -= times;
        return false;
    }
    if (before != NULL) {
        *before = f->skip;
    }
    f->skip = 0;
    f->fail--;
    f->fired++;
    return true;
}

/* --- places --- */

struct sim_place *sim_place_of(struct sim *sim, const struct address *at)
{
    list_for_each (link, &sim->places) {
        struct sim_place *p = container_of(link, struct sim_place, link);
        if (address_equals(&p->at, at)) {
            return p;
        }
    }
    struct sim_place *p = xcalloc(1, sizeof *p);
    p->at = *at;
    list_push_back(&sim->places, &p->link);
    return p;
}

void sim_set_latency(struct sim *sim, const struct address *at, msec latency)
{
    sim_place_of(sim, at)->latency = latency;
}

void sim_set_route(struct sim *sim, const struct address *at, enum sim_route route)
{
    struct sim_place *p = sim_place_of(sim, at);
    p->route = route;
    sim_wake_conns(sim, p);
}

/* --- steps --- */

void sim_add_invariant(struct sim *sim, void (*check)(void *owner), void *owner)
{
    struct sim_invariant *i = xcalloc(1, sizeof *i);
    i->check = check;
    i->owner = owner;
    list_push_back(&sim->invariants, &i->link);
}

static struct sim_event *first_event(const struct sim *sim)
{
    struct list *link = list_first(&sim->events);
    return link == NULL ? NULL : container_of(link, struct sim_event, link);
}

static msec next_time(const struct sim *sim)
{
    const struct sim_event *e = first_event(sim);
    return msec_earlier(deadline_heap_next(&sim->net.deadlines), e == NULL ? MSEC_NEVER : e->at);
}

static void begin_step(struct sim *sim, msec at)
{
    if (at > sim->now) {
        sim->now = at;
        sim->steps_now = 0;
    }
    require(sim->steps_now++ < STEPS_MOST); /* else something goes round and round */
    if (sim_goes_wrong(sim, FAULT_CLOCK_JUMP, NULL)) {
        sim->now += JUMP_MS;
    }
    sim->net.chunks.limit =
        sim_goes_wrong(sim, FAULT_CHUNKS_EMPTY, NULL) ? sim->net.chunks.used : sim->buffer_bytes;
}

bool sim_step(struct sim *sim)
{
    msec at = next_time(sim);
    if (at == MSEC_NEVER) {
        return false;
    }
    struct sim_event *e = first_event(sim);
    msec deadline = deadline_heap_next(&sim->net.deadlines);
    bool is_deadline =
        e == NULL || deadline < e->at || (deadline == e->at && sim_pick(sim, 2) == 0);
    begin_step(sim, at);
    if (is_deadline) {
        deadline_heap_fire(&sim->net.deadlines, sim->now);
    } else {
        sim_cancel(e);
        e->happen(e);
    }
    list_for_each (link, &sim->invariants) {
        const struct sim_invariant *i = container_of(link, struct sim_invariant, link);
        i->check(i->owner);
    }
    return true;
}

void sim_run_until(struct sim *sim, msec at)
{
    while (next_time(sim) <= at && sim_step(sim)) {
        continue;
    }
    if (sim->now < at) {
        sim->now = at;
    }
}

void sim_run_for(struct sim *sim, msec wait)
{
    sim_run_until(sim, sim->now + wait);
}

bool sim_run_while(struct sim *sim, bool (*is_going_on)(void *owner), void *owner)
{
    msec limit = sim->now + MINUTES(60);
    while (is_going_on(owner)) {
        if (sim->now > limit || !sim_step(sim)) {
            return false;
        }
    }
    return true;
}
