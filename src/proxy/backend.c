/* Happy path: link -> hello (with a speculative login) -> the rest of the login -> IDLE ⇄ LENT.
 *
 *   CONNECTING ─ GREETING ─ PROVING ─ IDLE ⇄ LENT
 *                                      └ ⇄ CHECKING
 *   every state ─ CLOSING, then gone
 *
 * Failures: each step has the one deadline of upstream.connectTimeoutMS; a refused login or
 * certificate is permanent and told once by the node; bytes that nobody asked for end it, whatever
 * the state. */
#include "proxy/backend.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/require.h"
#include "proxy/exchange.h"
#include "proxy/greeting.h"
#include "proxy/node.h"
#include "proxy/node_pins.h"
#include "proxy/proxy.h"

static void on_open(void *owner);
static void on_bytes(void *owner, struct span bytes);
static void on_drained(void *owner);
static void on_closed(void *owner, enum status why);
static void on_deadline(struct deadline *d, msec now);

static const struct conn_events events = {
    .on_open = on_open, .on_bytes = on_bytes, .on_drained = on_drained, .on_closed = on_closed};

#define ENDS SM_TO(BACKEND_CLOSING)
static const struct sm_state states[] = {
    [BACKEND_CONNECTING] = {"CONNECTING", SM_TO(BACKEND_GREETING) | ENDS},
    [BACKEND_GREETING] = {"GREETING", SM_TO(BACKEND_PROVING) | SM_TO(BACKEND_IDLE) | ENDS},
    [BACKEND_PROVING] = {"PROVING", SM_TO(BACKEND_IDLE) | ENDS},
    [BACKEND_IDLE] = {"IDLE", SM_TO(BACKEND_LENT) | SM_TO(BACKEND_CHECKING) | ENDS},
    [BACKEND_CHECKING] = {"CHECKING", SM_TO(BACKEND_IDLE) | ENDS},
    [BACKEND_LENT] = {"LENT", SM_TO(BACKEND_IDLE) | ENDS},
    [BACKEND_CLOSING] = {"CLOSING", 0},
};

/* Key derivation on another thread; `backend` is NULL when it ended meanwhile. */
struct login_job {
    struct login_work *work;
    struct backend *backend;
};

static struct proxy *proxy_of(const struct backend *b)
{
    return b->node->proxy;
}

static void move(struct backend *b, enum backend_state state)
{
    sm_move(&b->state, state, net_now(proxy_of(b)->net));
}

static void ask(struct backend *b, const bson_t *command)
{
    link_ask(&b->link, &b->talk, proxy_next_id(proxy_of(b)), command);
}

static void limit_by_connect_timeout(struct backend *b)
{
    struct proxy *proxy = proxy_of(b);
    net_set_deadline(proxy->net, &b->deadline,
                     msec_after(net_now(proxy->net), proxy->settings->upstream.connect_timeout_ms));
}

struct backend *backend_open(struct node *node, struct backend_id id)
{
    struct backend *b = xcalloc(1, sizeof *b);
    struct proxy *proxy = node->proxy;
    struct link_plan plan;
    b->node = node;
    b->id = id;
    b->number = ++proxy->last_backend_number;
    sm_init(&b->state, states, BACKEND_CONNECTING);
    talk_init(&b->talk, &proxy->net->chunks);
    frame_init(&b->frame, MAX_MESSAGE_BYTES);
    list_init(&b->followers);
    deadline_init(&b->deadline, on_deadline);
    metrics_count(&proxy->metrics, dials);
    node_plan(node, &plan);
    link_open(&b->link, proxy->net, &plan, &events, b);
    limit_by_connect_timeout(b);
    return b;
}

void backend_close(struct backend *b, enum status why)
{
    require(b->exchange == NULL);
    if (b->state.now_in == BACKEND_CLOSING) {
        return;
    }
    if (b->why.status == STATUS_OK) {
        b->why.status = why;
    }
    move(b, BACKEND_CLOSING);
    net_clear_deadline(proxy_of(b)->net, &b->deadline);
    link_close(&b->link, CLOSE_NOW);
}

/* It fails while it comes up: remembered, for the log and for those who wait. */
static void fail(struct backend *b, const struct error *why, bool is_permanent)
{
    b->why = *why;
    b->is_permanent = is_permanent;
    backend_close(b, why->status);
}

/* --- coming up --- */

static void become_idle(struct backend *b)
{
    net_clear_deadline(proxy_of(b)->net, &b->deadline);
    login_free(b->login);
    b->login = NULL;
    b->was_ready = true;
    move(b, BACKEND_IDLE);
    node_on_backend_ready(b->node, b);
}

static void on_open(void *owner)
{
    struct backend *b = owner;
    struct proxy *proxy = proxy_of(b);
    bson_t hello = BSON_INITIALIZER;
    node_on_open(b->node, &b->link);
    greeting_write_hello(&hello, proxy->settings,
                         b->node->pinning != NULL ? GREETING_BALANCED : GREETING_FIRST);
    b->login = node_new_login(b->node);
    if (b->login != NULL) {
        login_add_to_hello(b->login, &hello);
    }
    BSON_APPEND_UTF8(&hello, "$db", "admin");
    move(b, BACKEND_GREETING);
    ask(b, &hello);
    bson_destroy(&hello);
}

static void on_derived(void *owner);
static void derive(void *owner)
{
    struct login_job *job = owner;
    login_work_run(job->work);
}

static void prove(struct backend *b)
{
    bson_t command = BSON_INITIALIZER;
    switch (login_next_action(b->login, &command)) {
    case LOGIN_WAIT:
        break;
    case LOGIN_SEND:
        ask(b, &command);
        break;
    case LOGIN_WORK:
        b->job = xcalloc(1, sizeof *b->job);
        *b->job = (struct login_job){.work = login_take_work(b->login), .backend = b};
        net_work(proxy_of(b)->net, derive, on_derived, b->job);
        break;
    case LOGIN_DONE:
        become_idle(b);
        break;
    case LOGIN_FAILED:
        fail(b, login_why(b->login), login_error_is_permanent(b->login));
        break;
    }
    bson_destroy(&command);
}

static void on_derived(void *owner)
{
    struct login_job *job = owner;
    struct backend *b = job->backend;
    if (b == NULL) {
        login_work_free(job->work);
        free(job);
        return;
    }
    b->job = NULL;
    login_on_worked(b->login, job->work);
    free(job);
    if (b->state.now_in == BACKEND_PROVING) {
        prove(b);
    }
}

static void on_hello_reply(struct backend *b, const bson_t *reply)
{
    struct error why = {0};
    if (!greeting_is_ok(reply, &why)) {
        fail(b, &why, false);
        return;
    }
    if (b->node->pinning != NULL && !node_pins_accept(b->node->pinning, b, reply, &why)) {
        fail(b, &why, true);
        return;
    }
    if (b->login == NULL) {
        become_idle(b);
        return;
    }
    move(b, BACKEND_PROVING);
    login_on_hello(b->login, reply);
    prove(b);
}

static void on_talk_bytes(struct backend *b, struct span bytes)
{
    bson_t reply;
    switch (talk_on_bytes(&b->talk, bytes, &reply)) {
    case TALK_MORE:
        return;
    case TALK_BAD:
        talk_done(&b->talk);
        backend_close(b, STATUS_PROTOCOL_ERROR);
        return;
    case TALK_REPLY:
        break;
    }
    switch ((enum backend_state)b->state.now_in) {
    case BACKEND_GREETING:
        on_hello_reply(b, &reply);
        break;
    case BACKEND_PROVING:
        login_on_reply(b->login, &reply);
        prove(b);
        break;
    case BACKEND_CHECKING:
        become_idle(b);
        break;
    case BACKEND_CONNECTING:
    case BACKEND_IDLE:
    case BACKEND_LENT:
    case BACKEND_CLOSING:
        break;
    }
    talk_done(&b->talk);
}

/* --- serving --- */

void backend_check(struct backend *b)
{
    bson_t ping = BSON_INITIALIZER;
    BSON_APPEND_INT32(&ping, "ping", 1);
    BSON_APPEND_UTF8(&ping, "$db", "admin");
    metrics_count(&proxy_of(b)->metrics, checks);
    move(b, BACKEND_CHECKING);
    limit_by_connect_timeout(b);
    ask(b, &ping);
    bson_destroy(&ping);
}

void backend_lend(struct backend *b, struct exchange *x)
{
    move(b, BACKEND_LENT);
    b->exchange = x;
}

void backend_unlend(struct backend *b)
{
    b->exchange = NULL;
    if (b->state.now_in == BACKEND_LENT) {
        move(b, BACKEND_IDLE);
    }
}

/* The reply is broken or not ours: the backend ends, and the exchange hears of it. */
static void lose(struct backend *b, enum status why)
{
    struct exchange *x = b->exchange;
    b->exchange = NULL;
    backend_close(b, why);
    if (x != NULL) {
        exchange_on_backend_lost(x, why);
    }
}

void backend_interrupt(struct backend *b, enum status why)
{
    if (b->state.now_in == BACKEND_LENT) {
        lose(b, why);
    }
}

static void on_reply_bytes(struct backend *b, struct span bytes)
{
    struct frame_part part;
    while (b->exchange != NULL) {
        switch (frame_next(&b->frame, &bytes, &part)) {
        case FRAME_NEED_MORE:
            return;
        case FRAME_HEAD:
            if (!exchange_on_reply_head(b->exchange, part.head)) {
                lose(b, STATUS_PROTOCOL_ERROR);
            }
            break;
        case FRAME_BODY:
            if (!exchange_on_reply_bytes(b->exchange, part.bytes)) {
                lose(b, STATUS_PROTOCOL_ERROR);
            }
            break;
        case FRAME_END:
            b->is_tainted = bytes.size > 0;
            exchange_on_reply_end(b->exchange);
            return;
        case FRAME_BAD:
            lose(b, STATUS_PROTOCOL_ERROR);
            break;
        }
    }
}

static void on_bytes(void *owner, struct span bytes)
{
    struct backend *b = owner;
    switch ((enum backend_state)b->state.now_in) {
    case BACKEND_LENT:
        on_reply_bytes(b, bytes);
        break;
    case BACKEND_GREETING:
    case BACKEND_PROVING:
    case BACKEND_CHECKING:
        on_talk_bytes(b, bytes);
        break;
    case BACKEND_IDLE:
        backend_close(b, STATUS_PROTOCOL_ERROR);
        break;
    case BACKEND_CONNECTING:
    case BACKEND_CLOSING:
        break;
    }
}

static void on_drained(void *owner)
{
    struct backend *b = owner;
    if (b->exchange != NULL) {
        exchange_on_backend_drained(b->exchange);
    }
}

static void on_deadline(struct deadline *d, msec now)
{
    struct backend *b = container_of(d, struct backend, deadline);
    struct error why;
    (void)now;
    error_set(&why, STATUS_TIMED_OUT, "not ready within upstream.connectTimeoutMS (%lld ms), in %s",
              (long long)proxy_of(b)->settings->upstream.connect_timeout_ms, sm_name(&b->state));
    fail(b, &why, false);
}

static void note_end(struct backend *b, enum status why)
{
    if (b->why.status != STATUS_OK) {
        return; /* closed by us, for a reason of ours */
    }
    b->why.status = why;
    snprintf(b->why.text, sizeof b->why.text, "%s", link_why(&b->link));
    b->is_permanent = why == STATUS_TLS_CERTIFICATE;
}

static void on_closed(void *owner, enum status why)
{
    struct backend *b = owner;
    struct exchange *x = b->exchange;
    b->exchange = NULL;
    note_end(b, why);
    net_clear_deadline(proxy_of(b)->net, &b->deadline);
    if (b->job != NULL) {
        b->job->backend = NULL;
    }
    login_free(b->login);
    talk_clear(&b->talk);
    if (!b->was_ready) {
        link_distrust(&b->link);
    }
    struct node *node = b->node;
    if (x != NULL) {
        exchange_on_backend_lost(x, why);
    }
    node_on_backend_gone(node, b); /* looks at it for the last time */
    free(b);
    node_settle(node);
}
