#include <stdlib.h>

#include "base/require.h"
#include "names/carrier_parts.h"

/* What cannot be carried, told in a turn of its own. */
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
    error_set(&why, STATUS_NAME_LOOKUP_FAILED, "there is no way to ask it");
    done.on_done(done.owner, why.status, span_of(NULL, 0), &why);
}

static struct carrier *none_start(struct net *net, struct carrier_done done)
{
    struct carrier_none *c = xcalloc(1, sizeof *c);
    c->carrier = (struct carrier){.kind = RESOLVER_HTTPS, .done = done};
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
    if (resolver->kind == RESOLVER_HTTPS || (resolver->kind == RESOLVER_TLS && tls == NULL)) {
        return none_start(net, done);
    }
    return carrier_framed_start(net, resolver, tls, message, done);
}

void carrier_cancel(struct carrier *carrier)
{
    if (carrier->kind == RESOLVER_HTTPS) {
        none_cancel(carrier);
    } else {
        carrier_framed_cancel(carrier);
    }
}
