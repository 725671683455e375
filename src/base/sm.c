#include "base/sm.h"

#include <stdio.h>

#include "base/require.h"

void sm_init(struct sm *m, const struct sm_state *states, int first)
{
    *m = (struct sm){.states = states, .now_in = (uint8_t)first};
}

static void print_witness(void *owner)
{
    char text[256];
    sm_print(owner, text, sizeof text);
    fprintf(stderr, "mooring: last moves: %s\n", text);
}

void sm_move(struct sm *m, int state, msec now)
{
    if ((m->states[m->now_in].allowed & SM_TO(state)) == 0) {
        fprintf(stderr, "mooring: no move from %s to %s\n", m->states[m->now_in].name,
                m->states[state].name);
        require_set_witness(print_witness, m);
        require(!"move allowed by the table");
    }
    m->now_in = (uint8_t)state;
    m->to[m->moves % SM_HISTORY] = (uint8_t)state;
    m->at[m->moves % SM_HISTORY] = (uint32_t)now;
    m->moves++;
}

const char *sm_name(const struct sm *m)
{
    return m->states[m->now_in].name;
}

void sm_print(const struct sm *m, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (unsigned back = SM_HISTORY; back > 0 && used < size; back--) {
        unsigned i = (m->moves - back) % SM_HISTORY;
        if (m->moves < back && m->at[i] == 0 && m->to[i] == 0) {
            continue;
        }
        int n = snprintf(text + used, size - used, "%s%s@%u", used == 0 ? "" : ">",
                         m->states[m->to[i]].name, m->at[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}
