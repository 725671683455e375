/* The standard connection string of a cluster: what a driver without DNS of its own can use. */
#ifndef SETTINGS_SETTINGS_URI_WRITE_H
#define SETTINGS_SETTINGS_URI_WRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "settings/settings.h"

struct uri_wanted {
    const char *const *hosts; /* "host:port", "[v6]:port" or the path of a Unix socket */
    size_t count;
    const char *replica_set; /* of the TXT record; NULL: not said there */
    const char *auth_source; /* to be named unless the options name one; NULL: none */
    bool is_load_balanced;   /* of the TXT record */
    bool hides_credentials;  /* neither user nor password, nor options that hold secrets */
};

/* "mongodb://USER:PASSWORD@HOSTS/DATABASE?OPTIONS". The options stand as they were given, without
 * those of SRV; behind them what SRV and TXT have said. The caller frees. */
char *uri_write(const struct upstream_settings *up, const struct uri_wanted *wanted);

#endif
