/* The file of last good answers in scenarios: what the simulated world stored goes to the disk,
 * where the next process looks for it. */
#ifndef TESTS_SIM_KEPT_H
#define TESTS_SIM_KEPT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/require.h"
#include "base/scope.h"
#include "support/sim_world.h"

static inline const char *kept_path(void)
{
    static char path[100];
    snprintf(path, sizeof path, "/tmp/mooring-sim-names-%d", (int)getpid());
    return path;
}

static inline void kept_put(const char *text, size_t size)
{
    auto_file FILE *file = fopen(kept_path(), "we");
    require(file != NULL && fwrite(text, 1, size, file) == size);
}

static inline void kept_remove(void)
{
    unlink(kept_path());
}

/* The text that the proxy has stored; to be freed. */
static inline char *kept_text(struct sim_world *w)
{
    struct span bytes;
    if (!sim_file(w->sim, kept_path(), &bytes)) {
        sim_world_fail(w, "nothing was kept");
    }
    return xstrndup((const char *)bytes.at, bytes.size);
}

/* The plan's flags with the file's path; static text. */
static inline const char *kept_flags(const char *more)
{
    static char flags[400];
    snprintf(flags, sizeof flags, "--dns.lastGoodFile=%s %s", kept_path(), more);
    return flags;
}

/* Another process, with the file as the one before has left it. */
static inline void kept_restart(struct sim_world *w)
{
    sim_world_stop(w);
    auto_free char *text = kept_text(w);
    kept_put(text, strlen(text));
    sim_world_start(w);
}

#endif
