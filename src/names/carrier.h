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

/* What resolvers over TLS and HTTPS are verified by: the certificates of `ca_file`, or the system's
 * when it is NULL (reading all of those takes a moment). NULL: `why` names file and remedy. */
struct tls_config *carrier_tls(const char *ca_file, struct error *why);

/* Starts; never NULL. The message is copied (for HTTPS its id should be 0: RFC 8484 section 4.1),
 * the resolver lent until the end. `tls` verifies TLS and HTTPS; NULL fails them, and for a plain
 * resolver it is not looked at. on_done comes once, in a later turn: statuses as of a dial,
 * TLS_FAILED, TLS_CERTIFICATE, PROTOCOL_ERROR, PEER_CLOSED, HTTP_REFUSED, TOO_LARGE,
 * NAME_LOOKUP_FAILED. */
struct carrier *carrier_start(struct net *net, const struct resolver *resolver,
                              struct tls_config *tls, struct span message,
                              struct carrier_done done);

/* on_done will not come; the pointer is dead. Not allowed once on_done has begun. */
void carrier_cancel(struct carrier *carrier);

#endif
