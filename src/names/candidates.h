/* Whom a request may ask: the resolvers of `dns.resolvers`, with "system" replaced by what
 * resolv.conf says at that moment. The file is small and read for every request: what was cached
 * of it would sooner or later be wrong, and that is when names are needed most. */
#ifndef NAMES_CANDIDATES_H
#define NAMES_CANDIDATES_H

#include <stddef.h>

#include "core/dns/lookup.h"
#include "core/dns/resolver.h"
#include "settings/settings.h"

struct candidates {
    struct resolver list[LOOKUP_RESOLVERS_MOST];
    size_t count; /* may be 0: nobody is made up in place of a missing file */
};

struct candidates *candidates_new(const struct dns_settings *settings);

/* NULL is accepted. */
void candidates_free(struct candidates *candidates);

#endif
