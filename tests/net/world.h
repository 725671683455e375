/* What the conformance of net.h is written in: one world that is either the real loop or the
 * simulated net, and the running of every case on both. */
#ifndef TESTS_NET_WORLD_H
#define TESTS_NET_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/require.h"
#include "loop/loop.h"
#include "support/sim_net.h"

enum { LIMIT_MS = 40000, CASES_MOST = 64 };

struct world {
    struct net *net;
    struct loop *loop; /* one of the two */
    struct sim *sim;
    bool (*is_finished)(void *owner);
    void *owner;
    struct deadline limit;
    bool is_over; /* the limit passed */
    bool is_in_call;
    size_t descriptors; /* open before the world was made */
    size_t marked;      /* open when the test said so */
};

/* --- the world --- */

static inline size_t count_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    require(folder != NULL);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

static inline void world_on_limit(struct deadline *d, msec now)
{
    struct world *w = container_of(d, struct world, limit);
    (void)now;
    w->is_over = true;
    if (w->loop != NULL) {
        loop_stop(w->loop);
    }
}

static inline void world_init(struct world *w, bool is_simulated)
{
    struct error why = {0};
    *w = (struct world){0};
    w->descriptors = count_descriptors();
    if (is_simulated) {
        w->sim = sim_new(1);
        w->net = sim_net(w->sim);
    } else {
        w->loop = loop_new(256 * MIB, &why);
        assert_non_null(w->loop);
        w->net = loop_net(w->loop);
    }
    deadline_init(&w->limit, world_on_limit);
}

/* Everything must have ended; the loop's own descriptors must be gone too. */
static inline void world_clear(struct world *w)
{
    if (w->sim != NULL) {
        sim_free(w->sim);
        return;
    }
    assert_int_equal(loop_free(w->loop), 0);
    assert_int_equal(count_descriptors(), w->descriptors);
}

/* To be called at the end of every event of a test. */
static inline void world_check(struct world *w)
{
    if (w->loop != NULL && w->is_finished != NULL && w->is_finished(w->owner)) {
        loop_stop(w->loop);
    }
}

static inline bool world_is_going_on(void *owner)
{
    struct world *w = owner;
    return !w->is_over && !w->is_finished(w->owner);
}

/* Lets things happen until `is_finished`; fails the test when that does not come. */
static inline void world_run_until(struct world *w, bool (*is_finished)(void *owner), void *owner)
{
    w->is_finished = is_finished;
    w->owner = owner;
    w->is_over = false;
    net_set_deadline(w->net, &w->limit, net_now(w->net) + LIMIT_MS);
    if (w->sim != NULL) {
        sim_run_while(w->sim, world_is_going_on, w);
    } else if (!is_finished(owner)) {
        loop_run(w->loop);
    }
    net_clear_deadline(w->net, &w->limit);
    assert_true(is_finished(owner));
    w->is_finished = NULL;
}

static inline bool world_never(void *owner)
{
    (void)owner;
    return false;
}

/* Lets things happen for some time. */
static inline void world_run_for(struct world *w, msec wait)
{
    if (w->sim != NULL) {
        sim_run_for(w->sim, wait);
        return;
    }
    w->is_finished = world_never;
    net_set_deadline(w->net, &w->limit, net_now(w->net) + wait);
    loop_run(w->loop);
    w->is_finished = NULL;
}

/* To be called when all that is open may stay so until world_settle. */
static inline void world_mark(struct world *w)
{
    w->marked = count_descriptors();
}

/* Lets what was closed since come to its end. */
static inline void world_settle(struct world *w)
{
    msec end = net_now(w->net) + LIMIT_MS;
    if (w->sim != NULL) {
        sim_run_for(w->sim, 2 * CLOSE_FLUSH_MS);
        return;
    }
    while (count_descriptors() > w->marked && net_now(w->net) < end) {
        world_run_for(w, 2);
    }
}

/* No event may come between these two (promise 1). */
static inline void world_enter(struct world *w)
{
    w->is_in_call = true;
}

static inline void world_leave(struct world *w)
{
    w->is_in_call = false;
}

/* --- running the cases --- */

struct net_case {
    const char *name;
    void (*run)(struct world *w);
    enum { ON_BOTH, ON_LOOP, ON_SIM } on;
};

struct variant {
    const struct net_case *of;
    bool is_simulated;
    char name[80];
};

static inline void variant_run(void **state)
{
    const struct variant *v = *state;
    struct world w;
    world_init(&w, v->is_simulated);
    v->of->run(&w);
    world_clear(&w);
}

static inline int run_cases(const char *group, const struct net_case *cases, size_t count)
{
    static struct variant variants[2 * CASES_MOST];
    static struct CMUnitTest tests[2 * CASES_MOST];
    size_t used = 0;
    struct loop *first = loop_new(MIB, NULL); /* makes what libuv keeps for the process */
    require(loop_free(first) == 0);
    require(count <= CASES_MOST);
    for (size_t i = 0; i < 2 * count; i++) {
        struct variant v = {.of = &cases[i / 2], .is_simulated = i % 2 == 1};
        if (v.of->on == (v.is_simulated ? ON_LOOP : ON_SIM)) {
            continue;
        }
        snprintf(v.name, sizeof v.name, "%s %s", v.is_simulated ? "sim:" : "loop:", v.of->name);
        variants[used] = v;
        tests[used] = (struct CMUnitTest){.name = variants[used].name,
                                          .test_func = variant_run,
                                          .initial_state = &variants[used]};
        used++;
    }
    int failed = _cmocka_run_group_tests(group, tests, used, NULL, NULL);
    if (failed > 0) {
        fflush(NULL);
        _exit(1); /* what a failed case left open would be told as leaks on top */
    }
    return 0;
}

#endif
