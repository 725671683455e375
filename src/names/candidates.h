/* Whom a request may ask: the resolvers of `dns.resolvers`, with "system" replaced by what
 * resolv.conf says at that moment, and behind them those to fall back on. The file is small and
 * read for every request: what was cached of it would sooner or later be wrong, and that is when
 * names are needed most. */
#ifndef NAMES_CANDIDATES_H
#define NAMES_CANDIDATES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/dns/lookup.h"
#include "core/dns/resolver.h"
#include "settings/settings.h"

struct candidates {
    struct resolver list[LOOKUP_RESOLVERS_MOST];
    size_t count;           /* may be 0: nobody is made up in place of a missing file */
    size_t own_count;       /* the first: not to fall back on */
    bool are_others_public; /* nobody named them */
};

struct candidates *candidates_new(const struct dns_settings *settings);

/* The same resolvers in the same order. */
bool candidates_are_same(const struct candidates *a, const struct candidates *b);

/* For a log line: "192.0.2.1:53, 192.0.2.2:53; …" and what the policy is. */
void candidates_describe(const struct candidates *candidates, const struct dns_settings *settings,
                         char *text, size_t room);

/* NULL is accepted. */
void candidates_free(struct candidates *candidates);

#endif
