/* The server's reply on its way to the client.
 *
 * Up to HELD_REPLY_BYTES it is held whole (in the common case it lies whole in the bytes just read,
 * and nothing is copied), so that it can still become another document. A larger one is relayed as
 * it comes; what it teaches is noted before its last byte leaves. Then the backend goes back to its
 * pool.
 *
 * Failures: the reply is not ours or malformed (the backend is closed, the client gets an error, or
 * is closed when it has had a part); the server wants the login again (391: the command did not
 * run; it is sent once more over another backend); the reply does not come (operationTimeoutMS). */
#include "base/log.h"
#include "core/wire/codes.h"
#include "core/wire/reply_rewrite.h"
#include "proxy/backend.h"
#include "proxy/client.h"
#include "proxy/cluster.h"
#include "proxy/exchange_parts.h"
#include "proxy/node.h"
#include "proxy/proxy.h"

#include <stdio.h>
#include <stdlib.h>

/* A large reply to a write is a list of errors, of which one may have to be rewritten; one to a
 * killCursors repeats its ids, and is merged with others. */
void exchange_await_reply(struct exchange *x)
{
    struct proxy *proxy = x->proxy;
    exchange_move(x, EXCHANGE_RELAYING);
    net_clear_deadline(proxy->net, &x->deadline);
    bool is_for_nobody = x->client == NULL;
    msec limit = is_for_nobody ? proxy->settings->limits.drain_reply_ms
                               : proxy->settings->upstream.operation_timeout_ms;
    if (limit > 0) {
        msec events = exchange_event_time(x); /* the server's to use, not its reply's */
        net_set_deadline(proxy->net, &x->deadline, net_now(proxy->net) + limit + events);
    }
}

static bool is_small(const struct exchange *x)
{
    enum command command = x->facts.command;
    bool is_list = command == COMMAND_INSERT || command == COMMAND_UPDATE ||
                   command == COMMAND_DELETE || command == COMMAND_BULK_WRITE ||
                   command == COMMAND_KILL_CURSORS;
    byte_count most = is_list ? HELD_LIST_REPLY_BYTES : HELD_REPLY_BYTES;
    return (byte_count)x->reply_head.length <= most;
}

static bool wants_bytes(const struct exchange *x)
{
    return exchange_live_client(x) != NULL && x->facts.expects_reply;
}

bool exchange_on_reply_head(struct exchange *x, struct message_head head)
{
    if (x->state.now_in != EXCHANGE_RELAYING || head.response_to != x->upstream_id ||
        head.opcode != OP_MSG) {
        return false;
    }
    x->reply_head = head;
    x->reply_received = HEADER_BYTES;
    reply_skim_begin(&x->skim, head);
    return true;
}

/* The header that the client sees: its own request id comes back to it. */
static void client_head(struct exchange *x, uint8_t out[HEADER_BYTES])
{
    struct message_head head = x->reply_head;
    head.request_id = proxy_next_id(x->proxy);
    head.response_to = x->head.request_id;
    header_write(out, head);
}

static void relay(struct exchange *x, struct span bytes)
{
    uint8_t head[HEADER_BYTES];
    struct span parts[2] = {{0}, bytes};
    if (!wants_bytes(x)) {
        return;
    }
    bool is_first = !x->reply_began;
    if (is_first) {
        client_head(x, head);
        parts[0] = span_of(head, sizeof head);
        x->reply_began = true;
    }
    bool is_above = client_send(x->client, is_first ? parts : parts + 1, is_first ? 2 : 1);
    bool is_last = x->reply_received == (uint32_t)x->reply_head.length;
    if (is_above && !is_last) {
        x->backend_paused = true;
        stream_pause(&x->backend->link.stream);
    }
}

void exchange_on_client_drained(struct exchange *x)
{
    if (x->backend_paused) {
        x->backend_paused = false;
        stream_resume(&x->backend->link.stream);
    }
}

/* What the reply teaches, once all of it has been seen. */
static void note(struct exchange *x)
{
    if (x->is_own) {
        return; /* what it ends is forgotten already */
    }
    cluster_on_reply(x->proxy->cluster, x->node, &x->facts, &x->skim.facts, x->identity);
}

/* A reply to be rewritten, as the client is to see it; false: it is fine as it is. */
static bool rewrite(struct exchange *x, struct span body, struct buf *out)
{
    uint8_t head[HEADER_BYTES];
    struct buf whole;
    void *owned;
    bool is_of_itself = node_is_mongod(x->node) || code_is_shutdown(x->skim.facts.code);
    if (!is_of_itself || !reply_may_need_rewrite(&x->skim.facts)) {
        return false; /* a mongos has rewritten what its shards said, and says itself that it ends
                       */
    }
    buf_init(&whole, &x->proxy->net->chunks);
    client_head(x, head);
    buf_append_always(&whole, span_of(head, sizeof head));
    buf_append_always(&whole, body);
    struct span message = buf_flatten(&whole, &owned);
    bool is_changed = reply_rewrite(message, header_read(head), out);
    free(owned);
    buf_clear(&whole);
    return is_changed;
}

/* The error of a first attempt, in case that the second one does no better. */
static void keep_earlier(struct exchange *x, struct span body)
{
    uint8_t head[HEADER_BYTES];
    if (!rewrite(x, body, &x->earlier)) {
        client_head(x, head);
        buf_append_always(&x->earlier, span_of(head, sizeof head));
        buf_append_always(&x->earlier, body);
    }
}

static bool must_log_in_again(const struct exchange *x)
{
    return x->skim.facts.code == CODE_REAUTHENTICATION_REQUIRED && !x->skim.facts.is_ok &&
           x->is_held_whole && !x->is_own && !x->was_sent_again;
}

static void deliver(struct exchange *x, struct span body)
{
    struct buf rewritten;
    buf_init(&rewritten, &x->proxy->net->chunks);
    if (wants_bytes(x) && rewrite(x, body, &rewritten)) {
        x->reply_began = true;
        client_send_buf(x->client, &rewritten);
    } else {
        relay(x, body);
    }
    buf_clear(&rewritten);
}

static void deliver_small(struct exchange *x, struct span body)
{
    if (must_log_in_again(x)) {
        return; /* exchange_on_reply_end sends it again */
    }
    note(x);
    if (x->tour != NULL && exchange_tour_takes_reply(x, body)) {
        x->goes_on = true; /* by exchange_on_reply_end */
        buf_clear(&x->earlier);
        keep_earlier(x, body);
        return;
    }
    if (x->await != NULL && exchange_keeps_reply(x, body)) {
        return; /* nothing yet: exchange_on_reply_end asks on */
    }
    if (exchange_may_repeat_after_reply(x)) {
        x->must_repeat = true; /* by exchange_on_reply_end */
        keep_earlier(x, body);
    } else if (exchange_prefers_earlier(x)) {
        exchange_send_earlier(x);
    } else {
        deliver(x, body);
    }
}

/* Small, in pieces: gathered until it is whole. */
static bool gather(struct exchange *x, struct span bytes, bool is_last)
{
    if (!buf_append(&x->reply, bytes)) {
        return false;
    }
    if (is_last) {
        void *owned;
        struct span body = buf_flatten(&x->reply, &owned);
        deliver_small(x, body);
        free(owned);
    }
    return true;
}

bool exchange_on_reply_bytes(struct exchange *x, struct span bytes)
{
    x->reply_received += (uint32_t)bytes.size;
    bool is_last = x->reply_received == (uint32_t)x->reply_head.length;
    enum reply_result result = reply_skim_feed(&x->skim, bytes);
    if (result == REPLY_MALFORMED || (is_last && result != REPLY_COMPLETE) ||
        (x->skim.facts.flags & MSG_MORE_TO_COME) != 0) {
        return false;
    }
    if (x->client == NULL && x->reply_received > x->proxy->settings->limits.drain_reply_bytes) {
        return false;
    }
    if (is_small(x)) {
        bool is_whole = bytes.size + HEADER_BYTES == (byte_count)x->reply_head.length;
        if (!is_whole) {
            return gather(x, bytes, is_last);
        }
        deliver_small(x, bytes);
        return true;
    }
    if (is_last) {
        note(x);
    }
    relay(x, bytes);
    return true;
}

static void tell_topology(struct exchange *x)
{
    int32_t code = reply_state_change(&x->skim.facts);
    if (code != 0) {
        cluster_on_command_error(x->proxy->cluster, x->node, x->backend, code, &x->skim.facts);
    }
}

/* Gives the backend back before anything else happens with it. */
static void give_back(struct exchange *x)
{
    struct backend *backend = x->backend;
    exchange_on_client_drained(x); /* it holds the backend up no longer */
    x->backend = NULL;
    backend_unlend(backend);
    exchange_give_backend(x, backend);
}

static void send_again(struct exchange *x)
{
    log_info(LOG_POOL, NULL, "the server wants a new login (391): the command is sent again");
    exchange_drop_backend(x, STATUS_AUTH_FAILED);
    buf_clear(&x->reply);
    x->reply_began = false;
    x->was_sent_again = true;
    if (x->tour != NULL) {
        exchange_tour_again(x);
    }
    net_clear_deadline(x->proxy->net, &x->deadline);
    exchange_choose(x);
}

void exchange_on_reply_end(struct exchange *x)
{
    struct node *node = x->node;
    struct cluster *cluster = x->proxy->cluster;
    if (must_log_in_again(x)) {
        send_again(x);
        return;
    }
    tell_topology(x);
    give_back(x);
    if (x->goes_on) {
        x->goes_on = false;
        exchange_tour_go_on(x);
    } else if (x->must_repeat) {
        exchange_repeat(x);
    } else if (exchange_is_to_ask_again(x)) {
        exchange_ask_again(x);
    } else {
        metrics_count(&x->proxy->metrics, replies);
        exchange_finish(x);
    }
    node_perform(node);
    cluster_perform(cluster);
}

/* The table's error, or the end of the client's connection. */
static void end_without_reply(struct exchange *x, enum situation situation, enum status why,
                              const char *text)
{
    struct client *client = exchange_live_client(x);
    struct error_row row = error_row_for(situation, exchange_operation(x));
    if (!row.closes) {
        exchange_answer_error(x, row, text);
        return;
    }
    exchange_finish(x);
    if (client != NULL) {
        client_close(client, why, text);
    }
}

static void print_lost(const struct exchange *x, enum status why, char *text, size_t size)
{
    char place[ADDRESS_TEXT_SIZE * 3];
    char name[EXCHANGE_NAME_SIZE];
    node_print_name(x->node, place, sizeof place);
    snprintf(text, size, "the connection to %s broke %lld ms after %s had asked, %s: %s", place,
             (long long)(net_now(x->proxy->net) - x->arrived), exchange_print_client(x, name),
             x->reply_began ? "in the middle of the reply" : "before a reply came",
             status_text(why));
}

static void end_lost(struct exchange *x, enum status why)
{
    char text[ERROR_TEXT_SIZE];
    enum situation situation = x->reply_began        ? SITUATION_BROKEN
                               : x->node->is_removed ? SITUATION_NODE_GONE
                                                     : SITUATION_LOST;
    if (x->tour != NULL && !x->reply_began && exchange_tour_takes_loss(x)) {
        return;
    }
    print_lost(x, why, text, sizeof text);
    if (exchange_may_repeat_after_loss(x)) {
        reply_error(&x->earlier, &x->facts, proxy_next_id(x->proxy),
                    error_row_for(situation, exchange_operation(x)), text);
        exchange_repeat(x);
    } else {
        end_without_reply(x, situation, why, text);
    }
}

void exchange_on_backend_lost(struct exchange *x, enum status why)
{
    struct cluster *cluster = x->proxy->cluster;
    if (why != STATUS_PROTOCOL_ERROR) {
        cluster_on_network_error(cluster, x->node, x->backend, why);
    }
    x->backend = NULL;
    end_lost(x, why);
    cluster_perform(cluster);
}

void exchange_on_no_reply(struct exchange *x)
{
    char text[ERROR_TEXT_SIZE];
    char name[EXCHANGE_NAME_SIZE];
    char place[ADDRESS_TEXT_SIZE * 3];
    exchange_drop_backend(x, STATUS_TIMED_OUT);
    if (exchange_live_client(x) == NULL || !x->facts.expects_reply) {
        exchange_finish(x);
        return;
    }
    if (x->tour != NULL && !x->reply_began && exchange_tour_takes_loss(x)) {
        return;
    }
    node_print_name(x->node, place, sizeof place);
    snprintf(text, sizeof text,
             "%s had no whole reply from %s within upstream.operationTimeoutMS (%lld ms)",
             exchange_print_client(x, name), place,
             (long long)x->proxy->settings->upstream.operation_timeout_ms);
    end_without_reply(x, x->reply_began ? SITUATION_BROKEN : SITUATION_NO_REPLY_IN_TIME,
                      STATUS_TIMED_OUT, text);
}
