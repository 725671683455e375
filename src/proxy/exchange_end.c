/* The ends of an exchange: its client leaves, its time is over, the process ends; and the last step
 * of all of them, exchange_finish. */
#include <stdlib.h>

#include "base/require.h"
#include "core/pool/peers.h"
#include "proxy/apps.h"
#include "proxy/backend.h"
#include "proxy/client.h"
#include "proxy/cluster.h"
#include "proxy/exchange_parts.h"
#include "proxy/node.h"
#include "proxy/proxy.h"
#include "proxy/vanished.h"

/* --- ends that are nobody's reply --- */

void exchange_on_client_left(struct exchange *x, bool by_itself)
{
    struct proxy *proxy = x->proxy;
    bool is_whole = x->received == (uint32_t)x->head.length;
    x->client = NULL;
    if (!by_itself && !peers_is_alone(x->identity)) {
        x->identity = 0; /* its process lives on, and may come back for what this opens */
    }
    switch ((enum exchange_state)x->state.now_in) {
    case EXCHANGE_ADMITTING:
    case EXCHANGE_SELECTING:
    case EXCHANGE_WAITING:
        if (is_whole && !x->facts.expects_reply) {
            return; /* fully received: still delivered */
        }
        break;
    case EXCHANGE_RELAYING:
        metrics_count(&proxy->metrics, abandoned);
        if (proxy->is_closing) {
            exchange_drop_backend(x, STATUS_DRAINING);
            break;
        }
        exchange_on_client_drained(x); /* it holds the backend up no longer */
        net_set_deadline(proxy->net, &x->deadline,
                         msec_after(net_now(proxy->net), proxy->settings->limits.drain_reply_ms));
        return;
    case EXCHANGE_SENDING:
        exchange_drop_backend(x, STATUS_PEER_CLOSED);
        break;
    case EXCHANGE_RECEIVING:
    case EXCHANGE_GREETING:
    case EXCHANGE_DONE:
        break;
    }
    exchange_finish(x);
}

void exchange_on_shutdown(struct exchange *x)
{
    if (x->state.now_in == EXCHANGE_SELECTING || x->state.now_in == EXCHANGE_WAITING) {
        exchange_refuse(x, STATUS_DRAINING);
    }
}

void exchange_abandon(struct exchange *x)
{
    require(x->client == NULL);
    if (x->backend != NULL) {
        exchange_drop_backend(x, STATUS_DRAINING);
    }
    exchange_finish(x);
}

void exchange_on_deadline(struct deadline *d, msec now)
{
    (void)now;
    struct exchange *x = container_of(d, struct exchange, deadline);
    switch ((enum exchange_state)x->state.now_in) {
    case EXCHANGE_GREETING:
        exchange_answer_hello(x);
        break;
    case EXCHANGE_ADMITTING:
        metrics_count(&x->proxy->metrics, queue_refused);
        exchange_refuse(x, STATUS_QUEUE_TIMED_OUT);
        break;
    case EXCHANGE_SELECTING:
        exchange_refuse(x, STATUS_NOT_SUITABLE);
        break;
    case EXCHANGE_SENDING:
        metrics_count(&x->proxy->metrics, abandoned);
        client_close(x->client, STATUS_TIMED_OUT,
                     "a request stopped in the middle for limits.clientSendTimeoutMS");
        break;
    case EXCHANGE_RELAYING:
        exchange_on_no_reply(x);
        break;
    case EXCHANGE_WAITING: /* for a pinned backend: pools have deadlines of their own */
        exchange_refuse(x, STATUS_QUEUE_TIMED_OUT);
        break;
    case EXCHANGE_RECEIVING:
    case EXCHANGE_DONE:
        break;
    }
}

/* --- 8. the end --- */

struct client *exchange_live_client(const struct exchange *x)
{
    return x->client != NULL && x->client->conn != NULL ? x->client : NULL;
}

void exchange_move(struct exchange *x, enum exchange_state state)
{
    sm_move(&x->state, state, net_now(x->proxy->net));
}

/* Takes it out of whatever queue it stands in. */
static void leave_queues(struct exchange *x)
{
    if (!list_is_empty(&x->link) && x->state.now_in == EXCHANGE_WAITING) {
        exchange_unwait_pin(x);
    } else if (!list_is_empty(&x->link)) {
        cluster_unwait(x->proxy->cluster, x);
    }
    if (x->waiter.tag != 0) {
        node_unwant(x->node, x->waiter);
        x->waiter = (struct waiter_id){0};
    }
    net_clear_deadline(x->proxy->net, &x->deadline);
}

void exchange_drop_backend(struct exchange *x, enum status why)
{
    struct backend *backend = x->backend;
    x->backend = NULL;
    backend_unlend(backend);
    backend_close(backend, why);
}

void exchange_finish(struct exchange *x)
{
    struct client *client = x->client;
    leave_queues(x);
    require(x->backend == NULL);
    apps_on_exchange_ended(x->proxy->apps, x);
    exchange_give_room(x);
    exchange_move(x, EXCHANGE_DONE);
    exchange_tour_end(x);
    buf_clear(&x->request);
    buf_clear(&x->reply);
    buf_clear(&x->earlier);
    exchange_free_await(x);
    free(x->flat_owned);
    free(x->stream);
    if (x->is_own) {
        vanished_on_own_ended(x->proxy->vanished, x);
    } else if (client == NULL && x->identity != 0) {
        vanished_on_left_behind(x->proxy->vanished, x->identity);
    }
    proxy_give_exchange(x->proxy, x);
    if (client != NULL) {
        client_on_exchange_ended(client);
    }
}
