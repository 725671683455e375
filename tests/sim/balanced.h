/* What the scenarios of a load balancer share. */
#ifndef TESTS_SIM_BALANCED_H
#define TESTS_SIM_BALANCED_H

#include <string.h>

#include "base/require.h"
#include "support/sim_world.h"

#define FIND   "{'find': 'things', 'more': %d}"
#define INSERT "{'insert': 'things', 'documents': [{}]}"
#define MORE   "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things'}"
#define KILL   "{'killCursors': 'things', 'cursors': [{'$numberLong': '%lld'}]}"

static inline struct sim_world *world(const char *flags)
{
    return sim_world_new((struct sim_plan){.is_balanced = true, .flags = flags, .latency = 1});
}

static inline void answered(struct sim_world *w, struct sim_client *c, int64_t code)
{
    sim_world_answer(w, c, 20000);
    if (sim_client_code(c) != code) {
        sim_world_fail(w, "code %lld: %s", (long long)sim_client_code(c), sim_client_said(c));
    }
}

/* The id of a cursor that has so many batches more. */
static inline int64_t open_cursor(struct sim_world *w, struct sim_client *c, int more)
{
    sim_client_ask(c, FIND, more);
    answered(w, c, 0);
    require(sim_int(c->last, "cursor.id") != 0);
    return sim_int(c->last, "cursor.id");
}

static inline void get_more(struct sim_world *w, struct sim_client *c, int64_t cursor, int64_t code)
{
    sim_client_ask(c, MORE, (long long)cursor);
    answered(w, c, code);
}

static inline void assert_pinned(struct sim_world *w, size_t count)
{
    sim_world_run(w, 10);
    assert_int_equal(sim_world_pool(w, 0)->lent, count);
}

#endif
