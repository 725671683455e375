/* One DNS resolver as settings spell it: whom to ask, over what, and who said so.
 *
 *   192.0.2.1, 192.0.2.1:5353, [2001:db8::1]:53     plain DNS (UDP, and TCP where that is needed)
 *   tls://192.0.2.1[:853]#dns.example               DNS over TLS; the certificate must name it
 *   https://192.0.2.1[:443][/dns-query]#dns.example DNS over HTTPS, likewise
 *
 * Always by address, so that no name must be looked up to look up a name. Pure. */
#ifndef CORE_DNS_RESOLVER_H
#define CORE_DNS_RESOLVER_H

#include <stdbool.h>

#include "base/address.h"
#include "base/status.h"

enum resolver_kind { RESOLVER_PLAIN, RESOLVER_TLS, RESOLVER_HTTPS };

/* SYSTEM: of resolv.conf. LISTED: of dns.resolvers. FALLBACK: of dns.fallbackResolvers, or of the
 * public list. */
enum resolver_origin { RESOLVER_SYSTEM, RESOLVER_LISTED, RESOLVER_FALLBACK };

struct resolver {
    enum resolver_kind kind;
    enum resolver_origin origin;
    struct address address;
    char *text;      /* as shown: "192.0.2.1:53", "tls://192.0.2.1:853#dns.example", … */
    char *host_name; /* TLS and HTTPS: verified, sent as SNI and as :authority; else NULL */
    char *path;      /* HTTPS: "/dns-query"; else NULL */
};

/* Reads one spelling (never "system"). BAD_INPUT: `why` names the text and what is wrong with it.
 * The texts of `out` are owned by it. */
enum status resolver_parse(const char *text, enum resolver_origin origin, struct resolver *out,
                           struct error *why) __attribute__((warn_unused_result));

/* The public resolvers that are asked when dns.fallback is auto and none are named, in the order of
 * asking, as resolver_parse reads them; NULL ends it. */
extern const char *const resolver_public[];

/* Whether public resolvers can know the name: not when it has one label (those of a container
 * network), and not in the domains that are set apart for private use. To ask for these would only
 * tell them to strangers. */
bool resolver_public_can_know(const char *name);

/* A zeroed resolver is accepted. */
void resolver_clear(struct resolver *resolver);

#endif
