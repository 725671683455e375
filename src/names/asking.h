/* One question to one resolver, as the network is: lossy, and full of devices that know only half
 * of DNS.
 *
 * A plain resolver is asked by UDP with EDNS; without EDNS once it says that it does not know that;
 * by TCP when the answer does not fit, and beside UDP after a second of silence. What comes by UDP
 * with a wrong id or about another question is passed over, since anybody can have sent it. The
 * other kinds of resolvers are asked over their carrier. Names and the doctor ask so. */
#ifndef NAMES_ASKING_H
#define NAMES_ASKING_H

#include <stdbool.h>

#include "core/dns/lookup.h"
#include "core/dns/message.h"
#include "core/dns/resolver.h"
#include "names/carrier.h"

enum {
    ASKING_TCP_AFTER_MS = 1000, /* of silence */
    ASKING_TCP_MS = 2000,       /* for what was truncated: longer, and TCP is taken to be blocked */
};

struct asking_wanted {
    const struct resolver *resolver; /* lent until the end */
    const char *name;                /* copied */
    uint16_t type;
    msec timeout;           /* of all of it; > 0 */
    struct tls_config *tls; /* for TLS and HTTPS; lent until the end */
    bool without_edns;
    bool without_udp; /* plain: TCP at once */
    bool without_tcp; /* plain: a truncated answer is the end */
};

/* Lent for the call; `answer` may be taken (and is then to be zeroed here). */
struct asking_result {
    enum lookup_word word;
    struct dns_answer answer; /* when the word is OK, NXDOMAIN or NODATA; else empty */
    int rcode;                /* of the last reply that was ours; -1: there was none */
    msec took;
    bool used_tcp;  /* the reply came by TCP, or TCP was waited for last */
    bool used_edns; /* in what was asked last */
    size_t ignored; /* datagrams that were no reply of ours */
    bool has_extended_error;
    struct dns_extended_error extended_error;
    struct error why; /* when the word is not OK: more about it; the text may be empty */
};

struct asking;

/* Starts; never NULL. on_done comes once, in a later turn, and within `timeout`; then the asking is
 * gone. */
struct asking *asking_start(struct net *net, const struct asking_wanted *wanted,
                            void (*on_done)(void *owner, struct asking_result *result),
                            void *owner);

/* on_done will not come; the pointer is dead. Not allowed once on_done has begun. */
void asking_cancel(struct asking *asking);

#endif
