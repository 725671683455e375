/* One option of a connection string (settings_uri_options.c), for settings_uri.c. */
#ifndef SETTINGS_SETTINGS_URI_H
#define SETTINGS_SETTINGS_URI_H

#include "settings/settings_load.h"

/* Takes over one option, its value decoded; a mistake is added with the place. An option that
 * belongs into the application, or that nobody knows, is a warning and has no effect. */
void uri_option_put(struct settings_target *t, const char *name, const char *value,
                    const char *place);

#endif
