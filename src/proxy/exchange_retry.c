/* The second attempt. A request that is held whole goes out once more, unchanged, when its first
 * attempt ended without a reply, or with an error that another server, or the same one a little
 * later, may not give: a retryable read, or a write that the server can tell from a new one
 * (core/wire/repeat.h). It looks for a server again as it did at first, and waits for one (an
 * election) until the time is over that counts from its arrival.
 *
 * Nothing else is ever sent twice: who wrote the command decides then. What the first attempt ended
 * with is kept, and is what a write's client gets when the second attempt finds no server, or did
 * not get as far as the first (NoWritesPerformed), since the first one may have been executed. */
#include "base/log.h"
#include "core/wire/repeat.h"
#include "proxy/client.h"
#include "proxy/cluster.h"
#include "proxy/exchange_parts.h"
#include "proxy/node.h"
#include "proxy/proxy.h"

/* Whatever was asked, and whatever has happened to it. */
static bool has_another_attempt(const struct exchange *x)
{
    const struct proxy *proxy = x->proxy;
    msec limit = msec_after(x->arrived, proxy->settings->outage.queue_timeout_ms);
    return x->is_held_whole && !x->was_repeated && !x->reply_began && !proxy->is_closing &&
           exchange_live_client(x) != NULL &&
           net_now(proxy->net) < msec_earlier(limit, exchange_own_deadline(x));
}

bool exchange_may_repeat_after_loss(const struct exchange *x)
{
    return repeat_kind(&x->facts) != REPEAT_NEVER && has_another_attempt(x);
}

bool exchange_may_repeat_after_reply(const struct exchange *x)
{
    const struct reply_facts *reply = &x->skim.facts;
    bool is_fine = reply->is_ok && reply->labels == 0 && !reply->has_write_concern_error;
    if (is_fine) {
        return false;
    }
    struct repeat_server server = {
        .max_wire = cluster_hello_values(x->proxy->cluster)->max_wire_version,
        .is_mongod = node_is_mongod(x->node),
    };
    return repeat_after_reply(&x->facts, reply, server) && has_another_attempt(x);
}

void exchange_repeat(struct exchange *x)
{
    log_debug(LOG_CLIENT, NULL, "%s is sent again", command_name(x->facts.command));
    metrics_count(&x->proxy->metrics, repeated);
    x->must_repeat = false;
    x->was_repeated = true;
    x->failed = x->node->id;
    x->pool_patience = 0;
    buf_clear(&x->reply);
    net_clear_deadline(x->proxy->net, &x->deadline);
    exchange_choose(x);
}

bool exchange_prefers_earlier(const struct exchange *x)
{
    return x->was_repeated && (x->skim.facts.labels & LABEL_NO_WRITES_PERFORMED) != 0;
}

/* A write that may have been executed, or what all say that could be asked of a cursor; why a read
 * finds no server says more than what broke. */
bool exchange_must_tell_earlier(const struct exchange *x)
{
    return !buf_is_empty(&x->earlier) &&
           (x->tour != NULL || repeat_kind(&x->facts) == REPEAT_WRITE);
}

void exchange_send_earlier(struct exchange *x)
{
    if (exchange_live_client(x) != NULL) {
        x->reply_began = true;
        client_send_buf(x->client, &x->earlier);
    }
    buf_clear(&x->earlier);
}
