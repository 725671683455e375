/* The options of a connection string (settings_uri_options.c), for settings_uri.c. */
#ifndef SETTINGS_SETTINGS_URI_H
#define SETTINGS_SETTINGS_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "settings/settings_load.h"

/* The parts of the outbound proxy, each an option of its own. */
enum uri_proxy_part { PROXY_HOST, PROXY_PORT, PROXY_USERNAME, PROXY_PASSWORD, PROXY_PARTS };

/* What came so far, for the rules between options. Zeroed to begin with. */
struct uri_seen {
    char **names;
    size_t count;
    char *proxy[PROXY_PARTS];
};

/* Whether MongoDB has an option of that name, in any case of letters. */
bool uri_option_is_known(const char *name);

/* Takes over one option, its value decoded; a mistake is added with the place. As drivers do it, a
 * value that cannot be read is a warning and has no effect, and so is an option that belongs into
 * the application or that nobody knows. */
void uri_option_put(struct settings_target *t, struct uri_seen *seen, const char *name,
                    const char *value, const char *place);

/* After the last option: those that exclude each other, and the outbound proxy. Clears `seen`. */
void uri_options_end(struct settings_target *t, struct uri_seen *seen);

#endif
