/* The kinds of carriers, for carrier.c alone. Each embeds a `struct carrier` as its first member,
 * and frees itself. */
#ifndef NAMES_CARRIER_PARTS_H
#define NAMES_CARRIER_PARTS_H

#include "names/carrier.h"

struct carrier {
    enum resolver_kind kind;
    struct carrier_done done;
};

/* TCP and TLS: the message behind two bytes of length (carrier_framed.c). */
struct carrier *carrier_framed_start(struct net *net, const struct resolver *resolver,
                                     struct tls_config *tls, struct span message,
                                     struct carrier_done done);
void carrier_framed_cancel(struct carrier *carrier);

#endif
