/* How one DNS message travels to a resolver and back otherwise than by datagram: over TCP
 * (RFC 7766), TLS (RFC 7858) or HTTPS (RFC 8484), as the resolver's kind says.
 *
 * It looks at no message and sets no time limit: asking.h does. */
#ifndef NAMES_CARRIER_H
#define NAMES_CARRIER_H

#include "base/span.h"
#include "base/status.h"
#include "core/dns/resolver.h"
#include "net/net.h"
#include "net/tls.h"

struct carrier;

/* What became of it: OK and the message that came back, or why there is none; the sentence may be
 * empty when the status says it all. Both are lent. The carrier is gone. */
struct carrier_done {
    void (*on_done)(void *owner, enum status status, struct span reply, const struct error *why);
    void *owner;
};

/* Starts; never NULL. The message is copied, the resolver lent until the end. `tls` verifies TLS
 * and HTTPS; for a plain resolver it is not looked at. on_done comes once, in a later turn:
 * statuses as of a dial, TLS_FAILED, TLS_CERTIFICATE, PROTOCOL_ERROR, PEER_CLOSED. */
struct carrier *carrier_start(struct net *net, const struct resolver *resolver,
                              struct tls_config *tls, struct span message,
                              struct carrier_done done);

/* on_done will not come; the pointer is dead. Not allowed once on_done has begun. */
void carrier_cancel(struct carrier *carrier);

#endif
