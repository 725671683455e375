/* Stage 0: who has the port that Mooring would listen on, and whether the clock can be right. */
#include <inttypes.h>
#include <stdlib.h>

#include "doctor/judge.h"

enum { DAY_SECONDS = 24 * 60 * 60 };

static void judge_taken(const struct examination *e, const struct listener_fact *l,
                        struct diagnosis *d)
{
    char text[ADDRESS_TEXT_SIZE];
    if (!l->is_configured || l->state != LISTENER_TAKEN) {
        return;
    }
    struct finding *f =
        diagnosis_add(d, FINDING_LOC_05, e->expects_running ? SEVERITY_FATAL : SEVERITY_DEGRADED,
                      CONFIDENCE_CERTAIN);
    finding_note(f, "address", "%s", address_print(&l->address, text));
    finding_note(f, "port", "%u", l->address.port);
    if (l->holder != NULL) {
        finding_note(f, "program", "%s", l->holder);
        finding_note(f, "pid", "%" PRId64, l->holder_pid);
    }
}

/* Against the year of this program, and against the clocks of the servers. */
static void judge_clock(const struct examination *e, struct diagnosis *d)
{
    const struct machine_fact *m = &e->machine;
    int64_t days = 0;
    if (m->built > 0 && m->wall_clock > 0 && m->wall_clock < m->built) {
        days = (m->built - m->wall_clock) / DAY_SECONDS;
    }
    for (size_t i = 0; i < e->node_count && days == 0 && m->wall_clock > 0; i++) {
        int64_t clock = e->nodes[i]->clock_ms / 1000;
        days = clock == 0 ? 0 : llabs(clock - m->wall_clock) / DAY_SECONDS;
    }
    if (days > 0) {
        struct finding *f = diagnosis_add(d, FINDING_TLS_03, SEVERITY_DEGRADED, CONFIDENCE_CERTAIN);
        finding_note(f, "days", "%" PRId64, days);
    }
}

void judge_machine(const struct examination *e, struct diagnosis *d)
{
    for (size_t i = 0; i < e->listener_count; i++) {
        judge_taken(e, &e->listeners[i], d);
    }
    judge_clock(e, d);
}
