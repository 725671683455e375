/* The life of a request, in the order things happen:
 *
 *   1. exchange_begin, exchange_on_request_bytes: the request comes in and is held, up to
 *      limits.holdBytes; of a larger one the facts known by then decide.
 *   2. decide: inspected; a local answer ends it here (exchange_local.c); what exceeds the share of
 *      its application waits (apps.c).
 *   3. exchange_choose: affinity, else server selection; none suitable: it waits in the cluster.
 *   4. exchange_wait: it waits in the pool of that node; the pool grants, or refuses.
 *   5. send_request: out it goes under our own request id; the rest of a large one as it comes.
 *   6. exchange_on_reply_…: the reply is read, noted and relayed (exchange_reply.c).
 *   7. exchange_repeat: what failed in a way that another attempt can mend goes back to 3, once
 *      (exchange_retry.c).
 *   8. exchange_finish: the backend goes back, the client's next request begins (exchange_end.c).
 *
 *   RECEIVING ─┬─ GREETING ──────────────────────────────┐
 *              ├─ ADMITTING ───────────────────────────┤
 *              ├─ SELECTING ⇄ WAITING ─ SENDING ─ RELAYING ─ DONE
 *              └────────────────┴──────────┴─────────┴───────┘
 *
 * Unhappy ends: no server or no backend in time (an error document of reply.c's table); the backend
 * dies (an error, or the client is closed when it has had a part of the reply); the client leaves
 * (a request that was not sent is dropped; a reply under way is drained within bounds; an
 * unacknowledged write that has come in whole is delivered). */
#include "proxy/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "core/wire/codes.h"
#include "proxy/backend.h"
#include "proxy/client.h"
#include "proxy/cluster.h"
#include "proxy/exchange_parts.h"
#include "proxy/node.h"
#include "proxy/proxy.h"

static void decide(struct exchange *x);
static void send_request(struct exchange *x);

#define ANY_END (SM_TO(EXCHANGE_DONE))
static const struct sm_state states[] = {
    [EXCHANGE_RECEIVING] = {"RECEIVING", SM_TO(EXCHANGE_GREETING) | SM_TO(EXCHANGE_ADMITTING) |
                                             SM_TO(EXCHANGE_SELECTING) | SM_TO(EXCHANGE_WAITING) |
                                             ANY_END},
    [EXCHANGE_GREETING] = {"GREETING", ANY_END},
    [EXCHANGE_ADMITTING] = {"ADMITTING",
                            SM_TO(EXCHANGE_SELECTING) | SM_TO(EXCHANGE_WAITING) | ANY_END},
    [EXCHANGE_SELECTING] = {"SELECTING",
                            SM_TO(EXCHANGE_SELECTING) | SM_TO(EXCHANGE_WAITING) | ANY_END},
    [EXCHANGE_WAITING] = {"WAITING", SM_TO(EXCHANGE_SELECTING) | SM_TO(EXCHANGE_WAITING) |
                                         SM_TO(EXCHANGE_SENDING) | ANY_END},
    [EXCHANGE_SENDING] = {"SENDING", SM_TO(EXCHANGE_RELAYING) | ANY_END},
    [EXCHANGE_RELAYING] = {"RELAYING",
                           SM_TO(EXCHANGE_SELECTING) | SM_TO(EXCHANGE_WAITING) | ANY_END},
    [EXCHANGE_DONE] = {"DONE", 0},
};

/* --- 1. the request comes in --- */

struct exchange *exchange_new(struct proxy *proxy)
{
    struct exchange *x = proxy_take_exchange(proxy);
    x->proxy = proxy;
    x->arrived = net_now(proxy->net);
    list_init(&x->link);
    deadline_init(&x->deadline, exchange_on_deadline);
    sm_init(&x->state, states, EXCHANGE_RECEIVING);
    buf_init(&x->request, &proxy->net->chunks);
    buf_init(&x->reply, &proxy->net->chunks);
    buf_init(&x->earlier, &proxy->net->chunks);
    return x;
}

struct exchange *exchange_begin(struct client *client, struct message_head head,
                                struct span head_bytes)
{
    struct proxy *proxy = client->proxy;
    struct exchange *x = exchange_new(proxy);
    x->client = client;
    x->head = head;
    x->identity = client->identity;
    x->received = HEADER_BYTES;
    metrics_count(&proxy->metrics, requests);
    bool is_small = (byte_count)head.length <= proxy->settings->limits.hold_bytes;
    if (!buf_prepare(&x->request, is_small ? (byte_count)head.length : CHUNK_BYTES) ||
        !buf_append(&x->request, head_bytes)) {
        x->fault = WIRE_FAULT_NONE;
        client_close(client, STATUS_BUFFERS_FULL, "limits.bufferBytes is used up");
        return x;
    }
    if (!is_small) {
        x->stream = xmalloc(sizeof *x->stream);
        inspect_begin(x->stream, head);
    }
    return x;
}

/* A large request: its facts come from the stream, since its bytes do not stay. */
static bool skim(struct exchange *x, struct span bytes)
{
    enum wire_fault fault;
    if (inspect_feed(x->stream, bytes, &fault) != INSPECT_BAD) {
        return true;
    }
    x->fault = fault;
    if (x->backend != NULL) {
        /* What went out is not a whole message: the server will never act on it. */
        exchange_drop_backend(x, STATUS_PROTOCOL_ERROR);
    }
    return false;
}

static bool has_begun_choosing(const struct exchange *x)
{
    return x->state.now_in != EXCHANGE_RECEIVING;
}

/* Bytes of the message that go upstream: without a checksum, which is ours to verify. */
static uint32_t upstream_bytes(const struct exchange *x)
{
    return x->facts.message_bytes - (facts_has_checksum(&x->facts) ? CHECKSUM_BYTES : 0);
}

/* True when above high water: the client is paused then. */
static bool send_piece(struct exchange *x, struct span bytes, uint32_t offset)
{
    uint32_t end = upstream_bytes(x);
    if (offset >= end) {
        return false;
    }
    struct span piece = offset + bytes.size > end ? span_head(bytes, end - offset) : bytes;
    bool is_above = link_send(&x->backend->link, &piece, 1);
    if (is_above && x->client != NULL) {
        client_pause(x->client);
    }
    return is_above;
}

/* A client that stops in the middle must not keep the backend. */
static void expect_more(struct exchange *x)
{
    struct proxy *proxy = x->proxy;
    net_set_deadline(
        proxy->net, &x->deadline,
        msec_after(net_now(proxy->net), proxy->settings->limits.client_send_timeout_ms));
}

void exchange_on_request_bytes(struct exchange *x, struct span bytes)
{
    uint32_t offset = x->received;
    x->received += (uint32_t)bytes.size;
    if (x->fault != WIRE_FAULT_NONE || (x->stream != NULL && !skim(x, bytes))) {
        return;
    }
    if (x->state.now_in == EXCHANGE_SENDING) {
        send_piece(x, bytes, offset);
        expect_more(x);
        return;
    }
    if (!buf_append(&x->request, bytes)) {
        client_close(x->client, STATUS_BUFFERS_FULL, "limits.bufferBytes is used up");
        return;
    }
    if (x->stream != NULL && x->request.size >= x->proxy->settings->limits.hold_bytes) {
        if (!has_begun_choosing(x)) {
            decide(x);
        } else {
            client_pause(x->client); /* a large request waits by not being read */
        }
    }
}

void exchange_on_request_end(struct exchange *x)
{
    if (x->fault != WIRE_FAULT_NONE) {
        exchange_answer_fault(x);
    } else if (!has_begun_choosing(x)) {
        decide(x);
    } else if (x->state.now_in == EXCHANGE_SENDING) {
        exchange_await_reply(x);
    }
}

/* --- 2. what it is --- */

enum inspect_result exchange_inspect(struct exchange *x)
{
    if (x->stream != NULL) {
        x->facts = x->stream->facts;
        return INSPECT_PREFIX;
    }
    x->flat = buf_flatten(&x->request, &x->flat_owned);
    x->is_held_whole = true;
    return inspect_request(x->flat, &x->facts, &x->fault);
}

static void decide(struct exchange *x)
{
    if (exchange_inspect(x) == INSPECT_BAD) {
        exchange_answer_fault(x);
        return;
    }
    if (x->client->conn == NULL && x->facts.expects_reply) {
        exchange_finish(x); /* it left before: nobody waits for this one */
        return;
    }
    exchange_prefer(x);
    x->client->in_transaction =
        x->facts.has_autocommit && !command_has(x->facts.command, TRAIT_END);
    const struct settings *settings = x->proxy->settings;
    x->may_fall_back =
        (settings->outage.reads_from_secondary || settings->upstream.direct_connection) &&
        x->is_held_whole && facts_may_fall_back(&x->facts);
    if (!exchange_answer_locally(x)) {
        exchange_admit(x);
    }
}

/* --- 3. where it goes --- */

static enum pool_lane lane_of(const struct request_facts *facts)
{
    if (command_has(facts->command, TRAIT_END)) {
        return LANE_FINISH;
    }
    return facts_is_priority(facts) ? LANE_FOLLOW_UP : LANE_NEW;
}

void exchange_wait(struct exchange *x, struct node *node)
{
    msec now = net_now(x->proxy->net);
    if (x->pool_patience == 0) {
        x->pool_patience = msec_after(now, x->proxy->settings->pool.wait_queue_timeout_ms);
    }
    exchange_move(x, EXCHANGE_WAITING);
    x->node = node;
    if (!x->is_own) {
        cluster_note_transaction(x->proxy->cluster, &x->facts, node, x->identity);
    }
    x->waiter = x->facts.command == COMMAND_GET_MORE && exchange_awaits(x)
                    ? exchange_take_turn(x, node)
                    : node_want(node, x->id, lane_of(&x->facts),
                                msec_earlier(x->pool_patience, exchange_own_deadline(x)));
    node_perform(node);
}

/* None is suitable now: looked for again at every change of the topology, for a time. */
void exchange_wait_for_server(struct exchange *x)
{
    const struct settings *settings = x->proxy->settings;
    /* Drivers send endSessions when they close and ignore how it ends: an application that stops in
     * an outage must not hang on it. The server ends the sessions by itself, later. */
    bool is_pointless = x->facts.command == COMMAND_END_SESSIONS;
    if (cluster_fault(x->proxy->cluster) != NULL) {
        exchange_refuse(x, cluster_fault(x->proxy->cluster)->status);
    } else if (is_pointless || (settings->outage.mode == OUTAGE_FAIL_FAST &&
                                cluster_has_failed(x->proxy->cluster))) {
        exchange_refuse(x, STATUS_NOT_SUITABLE);
    } else if (!cluster_wait(x->proxy->cluster, x)) {
        exchange_refuse(x, STATUS_QUEUE_FULL);
    } else {
        exchange_move(x, EXCHANGE_SELECTING);
        metrics_count(&x->proxy->metrics, outage_waits);
        msec limit = x->patience != 0 ? x->patience
                                      : msec_after(x->arrived, settings->outage.queue_timeout_ms);
        net_set_deadline(x->proxy->net, &x->deadline,
                         msec_earlier(limit, exchange_own_deadline(x)));
    }
}

void exchange_choose(struct exchange *x)
{
    struct node *node = NULL;
    struct select_refusal refusal;
    if (exchange_choose_pinned(x)) {
        return;
    }
    if (exchange_tour_begin(x)) {
        exchange_tour_go_on(x);
        return;
    }
    enum bound bound = cluster_find_bound(x->proxy->cluster, &x->facts, x->identity, &node);
    x->is_bound = bound == BOUND_TO;
    if (bound == BOUND_TO) {
        exchange_wait(x, node);
        return;
    }
    if (bound == BOUND_LOST) {
        exchange_answer_error(
            x, error_row_for(SITUATION_TRANSACTION_LOST, exchange_operation(x)),
            "the mongos that has this transaction is gone; the transaction can be begun again");
        return;
    }
    struct cluster_wish wish = {
        .facts = &x->facts, .failed = x->failed, .may_fall_back = x->may_fall_back};
    switch (cluster_choose(x->proxy->cluster, &wish, &node, &refusal)) {
    case SELECT_FOUND:
        exchange_wait(x, node);
        return;
    case SELECT_INVALID:
        exchange_answer_error(x,
                              (struct error_row){.code = refusal.code,
                                                 .code_name = code_name((enum code)refusal.code)},
                              refusal.text);
        return;
    case SELECT_NONE:
        break;
    }
    exchange_wait_for_server(x);
}

/* --- 4. the wait ends --- */

void exchange_on_granted(struct exchange *x, struct backend *backend)
{
    x->waiter = (struct waiter_id){0};
    x->backend = backend;
    backend_lend(backend, x);
    exchange_move(x, EXCHANGE_SENDING);
    send_request(x);
}

void exchange_on_refused(struct exchange *x, enum status status, msec waited)
{
    x->waiter = (struct waiter_id){0};
    if (x->is_own) {
        exchange_finish(x);
        return;
    }
    if (x->await != NULL && exchange_ends_turns(x, &status)) {
        return;
    }
    metrics_count(&x->proxy->metrics, queue_refused);
    if (status == STATUS_QUEUE_TIMED_OUT || status == STATUS_QUEUE_FULL) {
        node_on_shortage(x->node, status, waited);
    }
    if (x->tour != NULL && exchange_tour_takes_refusal(x, status)) {
        return;
    }
    if (status != STATUS_NOT_SUITABLE) {
        exchange_refuse(x, status);
    } else if (x->is_bound && x->facts.command == COMMAND_GET_MORE && !x->node->is_removed) {
        exchange_wait_for_server(x); /* for that very one: no other knows the cursor */
    } else {
        exchange_choose(x);
    }
}

/* --- 5. out it goes --- */

/* What is held of a large request, piece by piece: there may be any number of them. */
static bool send_held(struct exchange *x, struct span head)
{
    uint32_t offset = (uint32_t)head.size;
    bool is_above = link_send(&x->backend->link, &head, 1);
    buf_consume(&x->request, head.size);
    while (!buf_is_empty(&x->request)) {
        struct span piece = buf_front(&x->request);
        is_above = send_piece(x, piece, offset);
        offset += (uint32_t)piece.size;
        buf_consume(&x->request, piece.size);
    }
    return is_above;
}

/* The time that it has spent here is not the server's to use again. Not what an awaitData cursor's
 * getMore may wait for events. */
static void shorten_time(struct exchange *x)
{
    const struct request_facts *facts = &x->facts;
    uint8_t bytes[8];
    msec now = net_now(x->proxy->net);
    if (facts->max_time_ms <= 0 || now == x->arrived || facts->command == COMMAND_GET_MORE) {
        return;
    }
    msec left = exchange_own_deadline(x) - now;
    size_t size = facts_write_max_time(facts, left > 1 ? left : 1, bytes); /* 0: no limit */
    if (x->flat_owned != NULL) {
        memcpy((uint8_t *)x->flat_owned + facts->max_time_offset, bytes, size);
    } else if (facts->max_time_offset + size <= x->request.size) {
        buf_patch(&x->request, facts->max_time_offset, span_of(bytes, size));
    }
}

/* To a secondary, as nothing else is there: it wants to be told that it may answer. Server
 * selection: so does a direct connection to one, whatever the application said. */
static void fall_back(struct exchange *x)
{
    int64_t max_time_ms = x->facts.max_time_ms; /* as it came: the message may hold what is left */
    if (cluster_lacks_primary(x->proxy->cluster, x->node) &&
        exchange_set_read_preference(x, READ_PRIMARY_PREFERRED)) {
        x->facts.max_time_ms = max_time_ms;
    }
}

static void send_request(struct exchange *x)
{
    uint8_t head[UPSTREAM_HEAD_BYTES];
    size_t size = sizeof head;
    if (x->may_fall_back) {
        fall_back(x);
    }
    x->upstream_id = proxy_next_id(x->proxy);
    if (x->await != NULL && exchange_send_slice(x)) {
        exchange_await_reply(x);
        return;
    }
    facts_write_upstream_head(&x->facts, x->upstream_id, head);
    shorten_time(x);
    if (x->is_held_whole) {
        struct span parts[] = {span_of(head, size),
                               span_of(x->flat.at + size, upstream_bytes(x) - size)};
        link_send(&x->backend->link, parts, 2);
        exchange_await_reply(x);
        return;
    }
    bool is_above = send_held(x, span_of(head, size));
    if (x->received == (uint32_t)x->head.length) {
        exchange_await_reply(x);
    } else if (x->client == NULL) {
        exchange_drop_backend(x, STATUS_PEER_CLOSED);
        exchange_finish(x);
    } else {
        expect_more(x);
        if (!is_above) {
            client_unpause(x->client);
        }
    }
}

void exchange_on_backend_drained(struct exchange *x)
{
    if (x->state.now_in == EXCHANGE_SENDING && x->client != NULL) {
        client_unpause(x->client);
    }
}
