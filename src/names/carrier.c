#include <stdlib.h>

#include "base/require.h"
#include "names/carrier_parts.h"

struct tls_config *carrier_tls(const char *ca_file, struct error *why)
{
    struct tls_config_options options = {.ca_file = ca_file, .is_for_resolvers = true};
    return tls_config_new(&options, why);
}

/* What cannot be carried for want of TLS, told in a turn of its own. */
struct carrier_none {
    struct carrier carrier;
    struct net *net;
    struct deadline due;
};

static void on_none_due(struct deadline *d, msec now)
{
    struct carrier_none *c = container_of(d, struct carrier_none, due);
    struct carrier_done done = c->carrier.done;
    struct error why;
    (void)now;
    free(c);
    error_set(&why, STATUS_NAME_LOOKUP_FAILED, "there are no CA certificates to verify it by");
    done.on_done(done.owner, why.status, span_of(NULL, 0), &why);
}

static struct carrier *none_start(struct net *net, struct carrier_done done)
{
    struct carrier_none *c = xcalloc(1, sizeof *c);
    c->carrier = (struct carrier){.way = CARRIER_NONE, .done = done};
    c->net = net;
    deadline_init(&c->due, on_none_due);
    net_set_deadline(net, &c->due, net_now(net));
    return &c->carrier;
}

static void none_cancel(struct carrier *carrier)
{
    struct carrier_none *c = container_of(carrier, struct carrier_none, carrier);
    net_clear_deadline(c->net, &c->due);
    free(c);
}

struct carrier *carrier_start(struct net *net, const struct resolver *resolver,
                              struct tls_config *tls, struct span message, struct carrier_done done)
{
    if (resolver->kind != RESOLVER_PLAIN && tls == NULL) {
        return none_start(net, done);
    }
    return resolver->kind == RESOLVER_HTTPS
               ? carrier_https_start(net, resolver, tls, message, done)
               : carrier_framed_start(net, resolver, tls, message, done);
}

void carrier_cancel(struct carrier *carrier)
{
    switch (carrier->way) {
    case CARRIER_NONE:
        none_cancel(carrier);
        break;
    case CARRIER_FRAMED:
        carrier_framed_cancel(carrier);
        break;
    case CARRIER_HTTPS:
        carrier_https_cancel(carrier);
        break;
    }
}
