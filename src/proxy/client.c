/* Happy path: accepted -> a message begins an exchange -> its reply goes out -> the next message.
 *
 *   READY ⇄ BUSY
 *     └──────┴─ CLOSING ─ GONE
 *
 * Failures: bytes that are no MongoDB message (a wrong caller is told in its own protocol); no
 * hello in time; idle for too long; the peer leaves in the middle (exchange_on_client_left). A
 * client that left behind complete unacknowledged writes stays as GONE, without a conn, until they
 * are delivered. A client that sends on and on but does not read its replies is clogged: its next
 * request is not begun, and after limits.clientSendTimeoutMS it is closed. One that sends many
 * requests at once has some of them begun, then it is the others' turn. */
#include "proxy/client.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/require.h"
#include "core/pool/peers.h"
#include "proxy/apps.h"
#include "proxy/exchange.h"
#include "proxy/proxy.h"
#include "proxy/vanished.h"

static void on_bytes(void *owner, struct span bytes);
static void on_drained(void *owner);
static void on_closed(void *owner, enum status why);
static void on_deadline(struct deadline *d, msec now);
static void pump_pending(struct client *c);
static void go_on(struct client *c);

static void on_open(void *owner)
{
    (void)owner; /* accepted conns are open from the start */
}

static const struct conn_events events = {
    .on_open = on_open, .on_bytes = on_bytes, .on_drained = on_drained, .on_closed = on_closed};

static const struct sm_state states[] = {
    [CLIENT_READY] = {"READY", SM_TO(CLIENT_BUSY) | SM_TO(CLIENT_CLOSING) | SM_TO(CLIENT_GONE)},
    [CLIENT_BUSY] = {"BUSY", SM_TO(CLIENT_READY) | SM_TO(CLIENT_CLOSING) | SM_TO(CLIENT_GONE)},
    [CLIENT_CLOSING] = {"CLOSING", SM_TO(CLIENT_GONE)},
    [CLIENT_GONE] = {"GONE", 0},
};

static void move(struct client *c, enum client_state state)
{
    sm_move(&c->state, state, net_now(c->proxy->net));
}

const char *client_name(const struct client *c, char text[24])
{
    snprintf(text, 24, "client %u", c->id);
    return text;
}

void client_open(struct proxy *proxy, struct conn *conn, const struct address *peer)
{
    struct span ip = span_of(peer->ip, sizeof peer->ip);
    struct client *c = xcalloc(1, sizeof *c);
    c->proxy = proxy;
    c->conn = conn;
    c->id = ++proxy->last_client_id;
    c->origin = peers_identity(&ip, 1);
    frame_init(&c->frame, (uint32_t)proxy->settings->limits.max_message_bytes);
    buf_init(&c->pending, &proxy->net->chunks);
    deadline_init(&c->deadline, on_deadline);
    sm_init(&c->state, states, CLIENT_READY);
    list_push_back(&proxy->clients, &c->link);
    proxy->client_count++;
    conn_attach(conn, &events, c);
    metrics_count(&proxy->metrics, clients_accepted);
    if ((int64_t)proxy->client_count > proxy->settings->listen.max_clients) {
        metrics_count(&proxy->metrics, clients_rejected);
        log_warn(LOG_CLIENT, NULL, "refused: listen.maxClients (%lld) is reached",
                 (long long)proxy->settings->listen.max_clients);
        client_close(c, STATUS_QUEUE_FULL, "listen.maxClients is reached");
        return;
    }
    net_set_deadline(proxy->net, &c->deadline,
                     msec_after(net_now(proxy->net), proxy->settings->limits.handshake_timeout_ms));
}

void client_close(struct client *c, enum status why, const char *text)
{
    char name[24];
    if (c->state.now_in >= CLIENT_CLOSING) {
        return;
    }
    log_debug(LOG_CLIENT, client_name(c, name), "closed: %s (%s)", text, status_name(why));
    move(c, CLIENT_CLOSING);
    net_clear_deadline(c->proxy->net, &c->deadline);
    conn_close(c->conn, CLOSE_FLUSH);
}

void client_close_when_idle(struct client *c)
{
    c->closes_when_idle = true;
    if (c->state.now_in == CLIENT_READY && frame_is_between(&c->frame) && !c->in_transaction) {
        client_close(c, STATUS_CLOSED_BY_US, "asked to leave");
    } else if (c->exchange != NULL) {
        exchange_hurry(c->exchange);
    }
}

void client_pause(struct client *c)
{
    if (!c->paused && c->conn != NULL) {
        c->paused = true;
        conn_pause(c->conn);
    }
}

void client_unpause(struct client *c)
{
    if (c->paused && c->pending.size < PENDING_BYTES && c->conn != NULL) {
        c->paused = false;
        conn_resume(c->conn);
    }
}

static void on_deadline(struct deadline *d, msec now)
{
    struct client *c = container_of(d, struct client, deadline);
    (void)now;
    if (c->yields) {
        go_on(c);
        return;
    }
    if (c->clogged) {
        char name[24];
        log_warn(LOG_CLIENT, client_name(c, name),
                 "closed: it left its replies unread for limits.clientSendTimeoutMS");
        client_close(c, STATUS_TIMED_OUT, "replies unread for limits.clientSendTimeoutMS");
        return;
    }
    client_close(c, STATUS_IDLE_TOO_LONG,
                 c->greeted_with == 0 ? "no request within limits.handshakeTimeoutMS"
                                      : "idle for limits.clientIdleTimeoutMS");
}

static void limit_idleness(struct client *c)
{
    struct proxy *proxy = c->proxy;
    msec limit = proxy->settings->limits.client_idle_timeout_ms;
    if (limit > 0 && c->state.now_in == CLIENT_READY) {
        net_set_deadline(proxy->net, &c->deadline, net_now(proxy->net) + limit);
    }
}

/* --- bytes out --- */

static bool note_sent(struct client *c, bool is_above)
{
    struct proxy *proxy = c->proxy;
    if (is_above && !c->clogged && c->state.now_in < CLIENT_CLOSING) {
        c->clogged = true;
        net_set_deadline(
            proxy->net, &c->deadline,
            msec_after(net_now(proxy->net), proxy->settings->limits.client_send_timeout_ms));
    }
    return is_above;
}

bool client_send(struct client *c, const struct span *parts, size_t count)
{
    return note_sent(c, conn_send(c->conn, parts, count));
}

bool client_send_buf(struct client *c, struct buf *bytes)
{
    return note_sent(c, conn_send_buf(c->conn, bytes));
}

/* --- bytes in --- */

static void answer_wrong_caller(struct client *c, struct span first)
{
    static const uint8_t tls_alert[] = {0x15, 3, 1, 0, 2, 2, 40}; /* fatal handshake_failure */
    static const char http[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
                               "Connection: close\r\n\r\n"
                               "This port speaks the MongoDB protocol, not HTTP: point a MongoDB "
                               "driver at it. [LOC-09]\n";
    char name[24];
    struct span answer = span_of(NULL, 0);
    const char *text = "bytes that are no MongoDB message";
    switch (frame_recognise(first)) {
    case CALLER_TLS:
        answer = span_of(tls_alert, sizeof tls_alert);
        text =
            "a TLS greeting on the plain port: remove tls=true from the application's URI, and use "
            "mongodb:// instead of mongodb+srv://, which turns TLS on [LOC-07]";
        break;
    case CALLER_HTTP:
        answer = span_of(http, sizeof http - 1);
        text = "an HTTP request on the MongoDB port [LOC-09]";
        break;
    case CALLER_MONGODB:
    case CALLER_UNKNOWN:
        break;
    }
    metrics_count(&c->proxy->metrics, wrong_callers);
    log_warn(LOG_CLIENT, client_name(c, name), "sent %s", text);
    if (answer.size > 0 && c->conn != NULL) {
        conn_send(c->conn, &answer, 1);
    }
}

static void on_bad_frame(struct client *c, const struct frame_part *part)
{
    answer_wrong_caller(c, part->bytes);
    if (c->conn != NULL) {
        client_close(c, STATUS_PROTOCOL_ERROR, wire_fault_row(part->fault)->text);
    }
}

static void begin_turn(struct client *c)
{
    c->yields = false;
    c->budget = REQUESTS_PER_TURN;
}

/* One event of the frame; false when no more can be taken now. */
static bool step(struct client *c, struct span *in)
{
    struct frame_part part;
    if ((c->exchange != NULL || c->clogged) && frame_is_between(&c->frame)) {
        return false; /* its request is complete, or its replies unread: what follows waits */
    }
    if (c->budget <= 0 && c->conn != NULL && frame_is_between(&c->frame)) {
        c->yields = true;
        return false;
    }
    switch (frame_next(&c->frame, in, &part)) {
    case FRAME_NEED_MORE:
        return false;
    case FRAME_HEAD:
        if (c->state.now_in == CLIENT_READY) {
            move(c, CLIENT_BUSY);
        }
        net_clear_deadline(c->proxy->net, &c->deadline);
        c->budget--;
        c->exchange = exchange_begin(c, part.head, part.bytes);
        return true;
    case FRAME_BODY:
        if (c->exchange != NULL) {
            exchange_on_request_bytes(c->exchange, part.bytes);
        }
        return true;
    case FRAME_END:
        if (c->exchange != NULL) {
            exchange_on_request_end(c->exchange);
        }
        return true;
    case FRAME_BAD:
        on_bad_frame(c, &part);
        return false;
    }
    return false;
}

static bool is_taking(const struct client *c)
{
    return c->state.now_in != CLIENT_CLOSING;
}

/* Takes as much as can be taken now; the rest stays in `*in`. */
static void feed(struct client *c, struct span *in)
{
    c->pumping = true;
    while (is_taking(c) && step(c, in)) {
        continue;
    }
    c->pumping = false;
}

static void keep(struct client *c, struct span rest)
{
    if (rest.size == 0 || !is_taking(c)) {
        return;
    }
    if (!buf_append(&c->pending, rest)) {
        client_close(c, STATUS_BUFFERS_FULL, "limits.bufferBytes is used up");
    } else if (c->pending.size >= PENDING_BYTES) {
        client_pause(c);
    }
}

/* A turn that ended by the budget goes on as soon as others have had theirs. */
static void end_turn(struct client *c)
{
    c->yields &= !buf_is_empty(&c->pending) && is_taking(c);
    if (c->yields) {
        net_set_deadline(c->proxy->net, &c->deadline, net_now(c->proxy->net));
    }
}

static void on_bytes(void *owner, struct span bytes)
{
    struct client *c = owner;
    if (buf_is_empty(&c->pending)) {
        begin_turn(c);
        feed(c, &bytes);
    }
    keep(c, bytes);
    end_turn(c);
}

static void on_drained(void *owner)
{
    struct client *c = owner;
    if (c->clogged) {
        c->clogged = false;
        net_clear_deadline(c->proxy->net, &c->deadline);
        limit_idleness(c);
    }
    if (c->exchange != NULL) {
        exchange_on_client_drained(c->exchange);
    }
    pump_pending(c);
}

/* --- between exchanges --- */

static void become_ready(struct client *c)
{
    move(c, CLIENT_READY);
    if (c->closes_when_idle && !c->in_transaction) {
        client_close(c, STATUS_CLOSED_BY_US, "asked to leave");
    } else if (!c->clogged) {
        limit_idleness(c);
    }
}

static void end(struct client *c)
{
    struct proxy *proxy = c->proxy;
    buf_clear(&c->pending);
    net_clear_deadline(proxy->net, &c->deadline);
    apps_on_client_ended(proxy->apps, c);
    list_remove(&c->link);
    proxy->client_count--;
    metrics_count(&proxy->metrics, clients_closed);
    free(c);
    proxy_on_part_ended(proxy);
}

/* The exchange under way, if any, goes on or ends without its client. */
static void leave(struct client *c, bool by_itself)
{
    struct exchange *x = c->exchange;
    c->exchange = NULL;
    if (x != NULL) {
        exchange_on_client_left(x, by_itself);
    }
}

static void pump_pending(struct client *c)
{
    bool is_stuck = false;
    begin_turn(c);
    while (!is_stuck && !buf_is_empty(&c->pending) && is_taking(c)) {
        struct span front = buf_front(&c->pending);
        struct span rest = front;
        feed(c, &rest);
        is_stuck = rest.size == front.size;
        buf_consume(&c->pending, front.size - rest.size);
    }
    if (!is_stuck) {
        client_unpause(c);
    }
    end_turn(c);
}

/* It has yielded to others. */
static void go_on(struct client *c)
{
    pump_pending(c);
    if (!c->yields && !c->clogged) {
        limit_idleness(c);
    }
}

void client_on_exchange_ended(struct client *c)
{
    c->exchange = NULL;
    if (c->state.now_in == CLIENT_BUSY) {
        become_ready(c);
    }
    if (c->pumping) {
        return; /* feed goes on by itself */
    }
    pump_pending(c);
    if (c->conn != NULL) {
        return;
    }
    if (c->exchange != NULL && !frame_is_between(&c->frame)) {
        leave(c, true); /* the rest of this request will never come */
    }
    if (c->exchange == NULL) {
        end(c);
    }
}

void client_abandon(struct client *c)
{
    require(c->conn == NULL);
    leave(c, true);
    end(c);
}

static void on_closed(void *owner, enum status why)
{
    struct client *c = owner;
    const struct exchange *x = c->exchange;
    char name[24];
    log_debug(LOG_CLIENT, client_name(c, name), "gone: %s", status_name(why));
    c->conn = NULL;
    c->clogged = false;
    net_clear_deadline(c->proxy->net, &c->deadline);
    bool by_peer = c->state.now_in != CLIENT_CLOSING;
    move(c, CLIENT_GONE);
    bool leaves_writes = by_peer && x != NULL && !buf_is_empty(&c->pending) &&
                         frame_is_between(&c->frame) && !x->facts.expects_reply;
    if (!leaves_writes) {
        leave(c, by_peer);
    }
    vanished_on_client_gone(c->proxy->vanished, c->identity, by_peer);
    if (leaves_writes) {
        return; /* the last of them ends it */
    }
    end(c);
}
