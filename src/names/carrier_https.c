/* DNS over HTTPS: the message is the body of a POST, and the answer the body of its reply
 * (RFC 8484). net/https.c does the rest; its end is ours. */
#include <stdlib.h>

#include "base/require.h"
#include "names/carrier_parts.h"
#include "net/https.h"

struct carrier_https {
    struct carrier carrier;
    struct https *https;
};

static void on_reply(void *owner, struct span body, const struct error *why)
{
    struct carrier_https *c = owner;
    struct carrier_done done = c->carrier.done;
    free(c);
    done.on_done(done.owner, why->status, body, why);
}

struct carrier *carrier_https_start(struct net *net, const struct resolver *resolver,
                                    struct tls_config *tls, struct span message,
                                    struct carrier_done done)
{
    struct carrier_https *c = xcalloc(1, sizeof *c);
    struct https_request request = {.to = &resolver->address,
                                    .config = tls,
                                    .host_name = resolver->host_name,
                                    .path = resolver->path,
                                    .media_type = "application/dns-message",
                                    .body = message};
    c->carrier = (struct carrier){.way = CARRIER_HTTPS, .done = done};
    c->https = https_start(net, &request, on_reply, c);
    return &c->carrier;
}

void carrier_https_cancel(struct carrier *carrier)
{
    struct carrier_https *c = container_of(carrier, struct carrier_https, carrier);
    https_cancel(c->https);
    free(c);
}
