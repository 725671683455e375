/* The kinds of carriers, for carrier.c alone. Each embeds a `struct carrier` as its first member,
 * and frees itself. */
#ifndef NAMES_CARRIER_PARTS_H
#define NAMES_CARRIER_PARTS_H

#include "names/carrier.h"

enum carrier_way { CARRIER_NONE, CARRIER_FRAMED, CARRIER_HTTPS };

struct carrier {
    enum carrier_way way;
    struct carrier_done done;
};

/* TCP and TLS: the message behind two bytes of length (carrier_framed.c). */
struct carrier *carrier_framed_start(struct net *net, const struct resolver *resolver,
                                     struct tls_config *tls, struct span message,
                                     struct carrier_done done);
void carrier_framed_cancel(struct carrier *carrier);

/* HTTPS: the message as the body of a request (carrier_https.c). */
struct carrier *carrier_https_start(struct net *net, const struct resolver *resolver,
                                    struct tls_config *tls, struct span message,
                                    struct carrier_done done);
void carrier_https_cancel(struct carrier *carrier);

#endif
