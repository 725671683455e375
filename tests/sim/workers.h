/* Clients that ask again as soon as they are answered, for scenarios with load. */
#ifndef TESTS_SIM_WORKERS_H
#define TESTS_SIM_WORKERS_H

#include "support/sim_world.h"

struct workers {
    struct sim_world *w;
    size_t started;
    size_t finished; /* workers, done with all their requests or closed */
    size_t replies;
    size_t errors;
    int64_t code; /* of the last error */
    msec longest;
    int delay_most; /* ms that each request takes at the server, at random up to this */
};

static inline void worker_ask(struct sim_client *c)
{
    struct workers *all = c->owner;
    int delay =
        all->delay_most == 0 ? 0 : (int)sim_pick(all->w->sim, (uint64_t)all->delay_most + 1);
    c->number--;
    sim_client_ask(c, "{'insert': 'things', 'documents': [{}], 'delay': %d}", delay);
}

static inline void worker_on_reply(struct sim_client *c, const bson_t *reply)
{
    struct workers *all = c->owner;
    if (reply == NULL) {
        all->finished += c->number >= 0;
        c->number = -1;
        return;
    }
    all->replies++;
    all->longest = c->took > all->longest ? c->took : all->longest;
    if (sim_int(reply, "ok") == 0) {
        all->errors++;
        all->code = sim_int(reply, "code");
    }
    if (c->number > 0) {
        worker_ask(c);
    } else if (c->number == 0) {
        c->number = -1;
        all->finished++;
    }
}

static inline struct sim_client *worker_start(struct workers *all, int64_t requests)
{
    struct sim_client *c = sim_client_open(all->w);
    c->owner = all;
    c->number = requests;
    c->on_reply = worker_on_reply;
    all->started++;
    worker_ask(c);
    return c;
}

static inline bool workers_are_done(void *owner)
{
    const struct workers *all = owner;
    return all->finished == all->started;
}

#endif
