/* Time, chance and work: net_now, net_random, deadlines, net_work; and that a seed replays. */
#include <pthread.h>
#include <time.h>

#include "ends.h"

/* --- deadlines --- */

enum { BELLS = 6 };

struct bell {
    struct deadline d;
    struct bells *all;
    msec at;
    size_t rung;
};

struct bells {
    struct world *w;
    struct bell b[BELLS];
    size_t order[BELLS * 4];
    size_t count;
    size_t wanted;
    void (*also)(struct bell *b);
};

static void on_bell(struct deadline *d, msec now)
{
    struct bell *b = container_of(d, struct bell, d);
    struct bells *all = b->all;
    assert_false(all->w->is_in_call);
    assert_int_equal(now, net_now(all->w->net));
    assert_true(now >= b->at);
    assert_false(deadline_is_set(d));
    b->rung++;
    all->order[all->count++ % (BELLS * 4)] = (size_t)(b - all->b);
    if (all->also != NULL) {
        all->also(b);
    }
    world_check(all->w);
}

static void bells_init(struct bells *all, struct world *w, size_t wanted)
{
    *all = (struct bells){.w = w, .wanted = wanted};
    for (size_t i = 0; i < BELLS; i++) {
        all->b[i].all = all;
        deadline_init(&all->b[i].d, on_bell);
    }
}

static void bell_set(struct bell *b, msec wait)
{
    struct world *w = b->all->w;
    b->at = net_now(w->net) + wait;
    world_enter(w);
    net_set_deadline(w->net, &b->d, b->at);
    world_leave(w);
}

static bool have_rung(void *owner)
{
    const struct bells *all = owner;
    return all->count >= all->wanted;
}

static void test_deadlines_in_order(struct world *w)
{
    static const msec waits[BELLS] = {30, 6, 60, 12, 24, 18};
    static const size_t expected[BELLS] = {1, 3, 5, 4, 0, 2};
    struct bells all;
    bells_init(&all, w, BELLS);
    for (size_t i = 0; i < BELLS; i++) {
        bell_set(&all.b[i], waits[i]);
    }
    world_run_until(w, have_rung, &all);
    assert_memory_equal(all.order, expected, sizeof expected);
    world_run_for(w, 5);
    assert_int_equal(all.count, BELLS); /* each once */
}

static void test_deadline_in_the_past(struct world *w)
{
    struct bells all;
    bells_init(&all, w, 2);
    bell_set(&all.b[0], -1000);
    bell_set(&all.b[1], 0);
    assert_int_equal(all.count, 0);
    world_run_until(w, have_rung, &all);
}

static void test_deadline_moved(struct world *w)
{
    struct bells all;
    bells_init(&all, w, 3);
    bell_set(&all.b[0], 5);
    bell_set(&all.b[1], 10);
    bell_set(&all.b[2], 3600 * 1000);
    bell_set(&all.b[3], 5);
    bell_set(&all.b[0], 40); /* later */
    bell_set(&all.b[2], 20); /* earlier */
    net_clear_deadline(w->net, &all.b[3].d);
    net_clear_deadline(w->net, &all.b[3].d);
    net_set_deadline(w->net, &all.b[4].d, MSEC_NEVER);
    world_run_until(w, have_rung, &all);
    static const size_t expected[] = {1, 2, 0};
    assert_memory_equal(all.order, expected, sizeof expected);
    assert_int_equal(all.b[3].rung, 0);
}

static void clear_the_others(struct bell *b)
{
    for (size_t i = 0; i < BELLS; i++) {
        net_clear_deadline(b->all->w->net, &b->all->b[i].d);
    }
}

/* Of several that are due at once, the first may take back the rest. */
static void test_deadline_cleared_by_another(struct world *w)
{
    struct bells all;
    bells_init(&all, w, 1);
    all.also = clear_the_others;
    for (size_t i = 0; i < BELLS; i++) {
        bell_set(&all.b[i], 5);
    }
    world_run_until(w, have_rung, &all);
    world_run_for(w, 10);
    assert_int_equal(all.count, 1);
}

static void set_again(struct bell *b)
{
    bell_set(b, 1);
}

struct busy {
    struct bells all;
    struct pair pair;
};

static bool is_served(void *owner)
{
    const struct busy *b = owner;
    return b->pair.server.received == 5000 && b->all.count > 20;
}

/* One that sets itself anew each time lets everything else happen. */
static void test_deadline_keeps_nobody_waiting(struct world *w)
{
    struct busy b;
    pair_open(&b.pair, w);
    bells_init(&b.all, w, SIZE_MAX);
    b.all.also = set_again;
    bell_set(&b.all.b[0], 0);
    end_send(&b.pair.client, 5000);
    world_run_until(w, is_served, &b);
    net_clear_deadline(w->net, &b.all.b[0].d);
    pair_close(&b.pair);
}

/* --- now --- */

static void spin(struct bell *b)
{
    struct timespec begin;
    struct timespec t;
    msec now = net_now(b->all->w->net);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        clock_gettime(CLOCK_MONOTONIC, &t);
    } while ((t.tv_sec - begin.tv_sec) * 1000000000 + t.tv_nsec - begin.tv_nsec < 8000000);
    assert_int_equal(net_now(b->all->w->net), now);
}

static void test_now_between_events(struct world *w)
{
    struct bells all;
    msec begin = net_now(w->net);
    bells_init(&all, w, 2);
    all.also = spin;
    bell_set(&all.b[0], 1);
    bell_set(&all.b[1], 15);
    world_run_until(w, have_rung, &all);
    assert_true(net_now(w->net) >= begin + 15);
}

/* --- random --- */

/* The wall's clock goes on with ours, says the real date in the real world, and can be set. */
static void test_wall(struct world *w)
{
    int64_t wall = net_wall(w->net);
    msec now = net_now(w->net);
    world_run_for(w, 50);
    int64_t passed = net_wall(w->net) - wall;
    assert_in_range(passed - (net_now(w->net) - now) + 40, 0, 80);
    if (w->sim == NULL) {
        assert_in_range(net_wall(w->net) / 1000 + 2 - (int64_t)time(NULL), 0, 4);
        return;
    }
    wall = net_wall(w->net);
    now = net_now(w->net);
    sim_shift_wall(w->sim, -SECONDS(10));
    assert_int_equal(net_wall(w->net), wall - SECONDS(10));
    assert_int_equal(net_now(w->net), now);
}

static void test_random(struct world *w)
{
    uint8_t draws[4][32] = {0};
    size_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        net_random(w->net, draws[i], sizeof draws[i]);
        for (size_t j = 0; j < sizeof draws[i]; j++) {
            bits += (size_t)__builtin_popcount(draws[i][j]);
        }
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(draws[i], draws[j], sizeof draws[i]);
        }
    }
    assert_in_range(bits, 384, 640); /* of 1024: 512 +- 8 standard deviations */
    uint8_t guard[3] = {1, 2, 3};
    net_random(w->net, guard + 1, 0);
    assert_int_equal(guard[1], 2);
}

static int compare_words(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(uint64_t));
}

/* However much is asked for at a time: a stock that is given out twice, or wiped, would show. */
static void test_random_never_repeats(struct world *w)
{
    static const size_t SIZES[] = {1, 3, 25, 32, 33}; /* in words: the stock may be 32 of them */
    enum { WORDS = 50 * (1 + 3 + 25 + 32 + 33) };
    uint64_t *words = xcalloc(WORDS, sizeof *words);
    size_t used = 0;
    for (size_t i = 0; i < 250; i++) {
        size_t size = SIZES[i % 5];
        net_random(w->net, words + used, size * sizeof *words);
        used += size;
    }
    assert_int_equal(used, WORDS);
    qsort(words, WORDS, sizeof *words, compare_words);
    for (size_t i = 1; i < WORDS; i++) {
        assert_int_not_equal(words[i], words[i - 1]);
    }
    free(words);
}

/* --- work --- */

enum { JOBS = 20 };

struct job {
    struct jobs *all;
    pthread_t thread;
    int in;
    int out;
    size_t done;
};

struct jobs {
    struct world *w;
    struct job j[JOBS];
    size_t done;
    size_t wanted;
};

static void run_job(void *owner)
{
    struct job *j = owner;
    j->thread = pthread_self();
    j->out = j->in * j->in;
}

static void on_job_done(void *owner)
{
    struct job *j = owner;
    assert_false(j->all->w->is_in_call);
    assert_int_equal(j->out, j->in * j->in);
    j->done++;
    j->all->done++;
    world_check(j->all->w);
}

static bool are_done(void *owner)
{
    const struct jobs *all = owner;
    return all->done >= all->wanted;
}

static void test_work(struct world *w)
{
    struct jobs all = {.w = w, .wanted = JOBS};
    for (int i = 0; i < JOBS; i++) {
        all.j[i] = (struct job){.all = &all, .in = i + 1};
        world_enter(w);
        net_work(w->net, run_job, on_job_done, &all.j[i]);
        world_leave(w);
        assert_int_equal(all.done, 0);
    }
    world_run_until(w, are_done, &all);
    for (size_t i = 0; i < JOBS; i++) {
        assert_int_equal(all.j[i].done, 1);
        if (w->loop != NULL) {
            assert_false(pthread_equal(all.j[i].thread, pthread_self()));
        }
    }
}

/* --- the simulation's own promise: one seed, one course of events --- */

struct course {
    struct bells all;
    uint64_t hash;
};

static void mix(struct course *c, uint64_t what)
{
    c->hash = (c->hash ^ what) * 0x100000001B3U;
}

static void note_bell(struct bell *b)
{
    struct course *c = container_of(b->all, struct course, all);
    mix(c, (uint64_t)(b - b->all->b) + 1);
    mix(c, (uint64_t)net_now(b->all->w->net));
    if (c->all.count < 300) {
        bell_set(b, (msec)sim_pick(b->all->w->sim, 3));
    }
}

static void note_bytes(struct end *e, struct span bytes)
{
    mix(e->test, bytes.size);
}

static uint64_t course_of(uint64_t seed)
{
    struct world w = {.sim = sim_new(seed)};
    struct course c = {.hash = 0};
    struct pair p;
    w.net = sim_net(w.sim);
    deadline_init(&w.limit, world_on_limit);
    bells_init(&c.all, &w, 300);
    c.all.also = note_bell;
    pair_open(&p, &w);
    p.server.on_bytes = note_bytes;
    p.server.test = &c;
    sim_set_fault(w.sim, FAULT_SHORT_READ, 0, 1000);
    end_send(&p.client, 50 * 1000);
    for (size_t i = 0; i < BELLS; i++) {
        bell_set(&c.all.b[i], 1);
    }
    world_run_until(&w, have_rung, &c.all);
    clear_the_others(&c.all.b[0]);
    pair_close(&p);
    sim_free(w.sim);
    return c.hash;
}

static void test_seed_replays(struct world *w)
{
    (void)w;
    for (uint64_t seed = 1; seed < 20; seed++) {
        assert_int_equal(course_of(seed), course_of(seed));
        assert_int_not_equal(course_of(seed), course_of(seed + 1));
    }
}

int main(void)
{
    static const struct net_case cases[] = {
        {"deadlines: the earliest first, each once", test_deadlines_in_order, ON_BOTH},
        {"the wall's clock", test_wall, ON_BOTH},
        {"deadlines: in the past", test_deadline_in_the_past, ON_BOTH},
        {"deadlines: moved and taken back", test_deadline_moved, ON_BOTH},
        {"deadlines: cleared by another", test_deadline_cleared_by_another, ON_BOTH},
        {"deadlines: keep nobody waiting", test_deadline_keeps_nobody_waiting, ON_BOTH},
        {"now: changes between events", test_now_between_events, ON_BOTH},
        {"random", test_random, ON_BOTH},
        {"random bytes never repeat", test_random_never_repeats, ON_BOTH},
        {"work", test_work, ON_BOTH},
        {"a seed replays", test_seed_replays, ON_SIM},
    };
    return run_cases("time", cases, sizeof cases / sizeof *cases);
}
