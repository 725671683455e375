/* The share of an application: what exceeds it waits (apps.c) before it asks for a server. That
 * wait is one for a connection, and counts as such. */
#include "proxy/apps.h"
#include "proxy/exchange_parts.h"
#include "proxy/proxy.h"

msec exchange_own_deadline(const struct exchange *x)
{
    bool waits_for_events = x->facts.command == COMMAND_GET_MORE;
    return waits_for_events ? MSEC_NEVER : msec_after(x->arrived, x->facts.max_time_ms);
}

void exchange_admit(struct exchange *x)
{
    struct proxy *proxy = x->proxy;
    if (apps_admit(proxy->apps, x)) {
        exchange_choose(x);
        return;
    }
    metrics_count(&proxy->metrics, app_waits);
    x->pool_patience = msec_after(x->arrived, proxy->settings->pool.wait_queue_timeout_ms);
    exchange_move(x, EXCHANGE_ADMITTING);
    net_set_deadline(proxy->net, &x->deadline,
                     msec_earlier(x->pool_patience, exchange_own_deadline(x)));
}

void exchange_on_admitted(struct exchange *x)
{
    net_clear_deadline(x->proxy->net, &x->deadline);
    exchange_choose(x);
}
