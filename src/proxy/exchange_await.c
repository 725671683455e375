/* getMore that waits at the server for events: awaitData cursors, change streams.
 *
 * They may hold pool.maxAwaiting of a node's pool, in a lane of their own. While there are few, the
 * request goes out as it came. Beyond that they take turns: the client's getMore is kept until its
 * own time (maxTimeMS, else the server's second) is nearly over; meanwhile the server is asked in
 * slices, whenever this cursor is the one that was served longest ago (core/pool/awaiting.h):
 *
 *   WAITING ── granted ──> RELAYING ──┬─ events, an error, the end of the cursor ──> to the client
 *      ^  └─ time over ─────────┐     ├─ empty, and the time is over ──> to the client
 *      └── empty: kept ─────────│─────┘
 *                               └──> the last empty reply that the server gave, with its resume
 *                                    token; if it gave none, an empty batch of our own without one
 *
 * Own batches would hide an outage: when no such getMore of the node has had a turn for
 * pool.waitQueueTimeoutMS, it is refused as others are.
 *
 * A cursor that this process has not seen made (it was started anew) is taken for awaitData when
 * its getMore has maxTimeMS, which is legal there alone; else it is an ordinary one. */
#include <stdlib.h>

#include "base/require.h"
#include "core/pool/awaiting.h"
#include "core/wire/get_more.h"
#include "core/wire/reply_rewrite.h"
#include "proxy/backend.h"
#include "proxy/client.h"
#include "proxy/cluster.h"
#include "proxy/exchange_parts.h"
#include "proxy/node.h"
#include "proxy/proxy.h"

struct exchange_await {
    struct awaiting wait;
    msec began;      /* the slice under way */
    msec length;     /* of it; 0: the request went out unchanged */
    bool is_kept;    /* the reply that came last */
    struct buf last; /* the server's latest empty reply, from behind its header */
};

static bool can_be_sliced(const struct request_facts *facts)
{
    return facts->command == COMMAND_GET_MORE && facts->opcode == OP_MSG && facts->is_complete &&
           facts->expects_reply && !facts->has_autocommit && facts->database.size > 0 &&
           facts->collection.size > 0 && facts->max_time_ms <= INT32_MAX;
}

bool exchange_awaits(struct exchange *x)
{
    const struct request_facts *facts = &x->facts;
    if (x->await != NULL) {
        return true;
    }
    if (!x->is_held_whole || !can_be_sliced(facts)) {
        return false;
    }
    const struct known_cursor *cursor = cluster_cursor(x->proxy->cluster, facts, x->identity);
    bool is_await = cursor == NULL ? facts->max_time_ms >= 0 : cursor->is_await;
    if (is_await) {
        x->await = xcalloc(1, sizeof *x->await);
        x->await->wait = (struct awaiting){
            .arrived = x->arrived,
            .most = facts->max_time_ms > 0 ? facts->max_time_ms : AWAITING_DEFAULT_MS,
        };
        buf_init(&x->await->last, &x->proxy->net->chunks);
    }
    return is_await;
}

msec exchange_event_time(const struct exchange *x)
{
    const struct exchange_await *a = x->await;
    if (a == NULL || x->client == NULL) {
        return 0;
    }
    return a->length > 0 ? a->length : a->wait.most;
}

/* When a server last answered for its cursor; 0: not known. */
static msec turn_of(const struct exchange *x)
{
    const struct known_cursor *cursor = cluster_cursor(x->proxy->cluster, &x->facts, x->identity);
    return cursor == NULL ? 0 : cursor->used;
}

struct waiter_id exchange_take_turn(struct exchange *x, struct node *node)
{
    return node_want_turn(node, x->id, turn_of(x), awaiting_give_up_at(&x->await->wait));
}

bool exchange_send_slice(struct exchange *x)
{
    struct exchange_await *a = x->await;
    struct get_more_slice slice;
    a->began = net_now(x->proxy->net);
    a->length = awaiting_slice(&a->wait, pool_awaiting(x->node->pool), a->began);
    if (a->length == a->wait.most ||
        !get_more_slice(&slice, x->flat, &x->facts, x->upstream_id, a->length)) {
        a->length = 0;
        return false;
    }
    metrics_count(&x->proxy->metrics, await_slices);
    link_send(&x->backend->link, slice.parts, slice.count);
    return true;
}

bool exchange_keeps_reply(struct exchange *x, struct span body)
{
    struct exchange_await *a = x->await;
    const struct reply_facts *reply = &x->skim.facts;
    const struct client *client = exchange_live_client(x);
    a->is_kept = a->length > 0 && client != NULL && !client->closes_when_idle && reply->is_ok &&
                 reply->has_cursor && reply->cursor_id != 0 && !reply_may_need_rewrite(reply) &&
                 awaiting_keeps(&a->wait, a->began, a->length, net_now(x->proxy->net)) &&
                 get_more_reply_is_empty(body);
    if (a->is_kept) {
        buf_clear(&a->last);
        a->is_kept = buf_append(&a->last, body);
    }
    return a->is_kept;
}

bool exchange_is_to_ask_again(const struct exchange *x)
{
    return x->await != NULL && x->await->is_kept;
}

void exchange_ask_again(struct exchange *x)
{
    x->await->is_kept = false;
    exchange_tour_end(x); /* this node has the cursor */
    buf_clear(&x->reply);
    net_clear_deadline(x->proxy->net, &x->deadline);
    exchange_choose(x);
}

static void answer_from_kept(struct exchange *x)
{
    struct buf *last = &x->await->last;
    uint8_t head[HEADER_BYTES];
    header_write(head, (struct message_head){.length = (int32_t)(HEADER_BYTES + last->size),
                                             .request_id = proxy_next_id(x->proxy),
                                             .response_to = x->head.request_id,
                                             .opcode = OP_MSG});
    struct span part = span_of(head, sizeof head);
    metrics_count(&x->proxy->metrics, replies);
    client_send(x->client, &part, 1);
    client_send_buf(x->client, last);
}

/* Nobody has had a turn for so long that others would be refused: an outage, not a crowd. */
static bool is_stuck(const struct exchange *x)
{
    msec now = net_now(x->proxy->net);
    msec patience = x->proxy->settings->pool.wait_queue_timeout_ms;
    msec turn = turn_of(x);
    return turn > 0 && msec_after(turn, patience) <= now &&
           msec_after(pool_awaiting(x->node->pool).served_at, patience) <= now;
}

static void answer_empty(struct exchange *x)
{
    if (exchange_live_client(x) == NULL) {
        exchange_finish(x);
        return;
    }
    if (is_stuck(x)) {
        exchange_refuse(x, STATUS_QUEUE_TIMED_OUT);
        return;
    }
    if (!buf_is_empty(&x->await->last)) {
        answer_from_kept(x);
    } else {
        struct buf reply;
        buf_init(&reply, &x->proxy->net->chunks);
        metrics_count(&x->proxy->metrics, await_answered);
        reply_empty_batch(&reply, &x->facts, proxy_next_id(x->proxy));
        client_send_buf(x->client, &reply);
        buf_clear(&reply);
    }
    exchange_finish(x);
}

bool exchange_ends_turns(struct exchange *x, enum status *status)
{
    if (*status != STATUS_QUEUE_TIMED_OUT) {
        return false;
    }
    if (!pool_is_up(x->node->pool)) {
        *status = STATUS_NOT_SUITABLE; /* no crowd keeps it out: nobody is served there */
        return false;
    }
    answer_empty(x);
    return true;
}

void exchange_hurry(struct exchange *x)
{
    if (x->await != NULL && x->state.now_in == EXCHANGE_WAITING) {
        answer_empty(x);
    }
}

void exchange_free_await(struct exchange *x)
{
    if (x->await != NULL) {
        buf_clear(&x->await->last);
        free(x->await);
        x->await = NULL;
    }
}
