/* What this machine says about itself: files under /proc and /etc, the environment, limits. Reads
 * files at once: for a command, not for the running proxy. Where the system does not say (another
 * system than Linux), the facts stay empty. */
#ifndef DOCTOR_MACHINE_H
#define DOCTOR_MACHINE_H

#include "doctor/examination.h"

/* `root` is "" for this machine; tests give a folder that looks like one. `environment` is
 * "NAME=value", NULL-terminated. */
void machine_read(struct machine_fact *m, const char *root, char *const *environment);

/* Search domains and ndots of this resolv.conf (resolv.conf(5)). */
void machine_read_search(struct machine_fact *m, const char *path);

/* The program that listens at this address (or at all addresses of the port), by name and process
 * id. False when it cannot be told: it is of another user or container. */
bool machine_find_listener(const char *root, const struct address *at, char **name, int64_t *pid);

#endif
