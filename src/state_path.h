/* Where a process keeps what outlives it: small files, one for each cluster. */
#ifndef STATE_PATH_H
#define STATE_PATH_H

#include "settings/settings.h"

/* The file that `setting` names: "off" (or nothing) is NULL, "auto" a file `kind` of this cluster
 * in $STATE_DIRECTORY (systemd's), else $XDG_STATE_HOME/mooring, else ~/.local/state/mooring, whose
 * folders are made as needed; NULL when none can be had. To be freed. */
char *state_path(const char *setting, const char *kind, const struct settings *s);

#endif
