/* Happy path: the name's addresses (remembered, or looked up) -> try an address -> it opens -> (the
 * outbound proxy's greeting ->) TLS -> on_open; from then on the stream's events go straight to the
 * owner.
 *
 * Failures: an address refuses or hangs (the next one is tried; the last failure is told); the
 * proxy refuses; TLS fails (told by the stream); the owner closes (on_closed comes by the deadline
 * heap, in a later turn). An attempt that lost the race outlives the link: it is its own object,
 * and frees itself when its conn says on_closed. */
#include "proxy/link.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/require.h"

/* When nobody answers, the addresses that are known serve after this time. */
enum { ANSWER_MOST_MS = 1000 };

struct attempt {
    struct list link;
    struct link *owner; /* NULL: abandoned */
    struct conn *conn;
    struct address to;
    msec began_at;
};

static void on_attempt_open(void *owner);
static void on_attempt_closed(void *owner, enum status why);
static void on_tunnel_bytes(void *owner, struct span bytes);
static void on_tunnel_closed(void *owner, enum status why);

static void ignore(void *owner)
{
    (void)owner;
}

static void ignore_bytes(void *owner, struct span bytes)
{
    (void)owner;
    (void)bytes;
}

static const struct conn_events attempt_events = {
    .on_open = on_attempt_open,
    .on_bytes = ignore_bytes,
    .on_drained = ignore,
    .on_closed = on_attempt_closed,
};

static const struct conn_events tunnel_events = {
    .on_open = ignore,
    .on_bytes = on_tunnel_bytes,
    .on_drained = ignore,
    .on_closed = on_tunnel_closed,
};

static void try_next(struct link *l)
{
    struct attempt *a = xcalloc(1, sizeof *a);
    a->owner = l;
    a->to = l->addresses[l->next_address++];
    a->began_at = net_now(l->net);
    list_push_back(&l->attempts, &a->link);
    a->conn = net_dial(l->net, &a->to, &l->plan.options, &attempt_events, a);
    bool is_last = l->next_address == l->address_count;
    net_set_deadline(l->net, &l->next_try,
                     is_last ? MSEC_NEVER : net_now(l->net) + LINK_STAGGER_MS);
}

static void end(struct link *l, enum status status)
{
    net_clear_deadline(l->net, &l->next_try);
    free(l->tunnel);
    l->tunnel = NULL;
    if (l->lookup != NULL) {
        names_cancel(l->lookup);
        l->lookup = NULL;
    }
    l->events->on_closed(l->owner, status); /* may free l */
}

/* Once its last attempt has: who dials again then has no more connections than allowed. */
static void end_when_gone(struct link *l)
{
    if (list_is_empty(&l->attempts)) {
        end(l, STATUS_CLOSED_BY_US);
    }
}

static bool is_through_proxy(const struct link *l)
{
    return l->plan.proxy != NULL && l->plan.proxy->server.is_used;
}

/* Whose name is looked up: the outbound proxy resolves the server's itself. */
static struct places *places_of(struct link *l)
{
    return is_through_proxy(l) ? &l->plan.proxy->places : l->plan.places;
}

static void begin_dialling(struct link *l)
{
    l->address_count =
        places_order(places_of(l), net_now(l->net), l->addresses, LINK_ADDRESSES_MOST);
    try_next(l);
}

/* The last known addresses serve while names cannot be resolved. */
static void begin_with_old(struct link *l)
{
    places_on_silence(places_of(l), PLACES_FRESH_LEAST_MS, net_now(l->net));
    begin_dialling(l);
}

static void on_next_try(struct deadline *d, msec now)
{
    (void)now;
    struct link *l = container_of(d, struct link, next_try);
    if (l->closing) {
        end_when_gone(l);
    } else if (l->lookup != NULL) {
        names_cancel(l->lookup);
        l->lookup = NULL;
        begin_with_old(l);
    } else {
        try_next(l);
    }
}

static void on_found(void *owner, const struct names_addresses *found)
{
    struct link *l = owner;
    struct places *places = places_of(l);
    bool is_found = found->status == STATUS_OK && found->count > 0;
    l->lookup = NULL;
    if (places_are_known(places) && (!is_found || found->is_stale)) {
        begin_with_old(l);
    } else if (is_found) {
        places_on_answer(places, found->addresses, found->count, found->ttl_ms, net_now(l->net));
        begin_dialling(l);
    } else {
        l->why = found->why;
        end(l, found->status);
    }
}

/* In a later turn: an address that is known, or a question to the resolvers. */
static void begin(struct link *l)
{
    const struct places *places = places_of(l);
    const char *host = is_through_proxy(l) ? l->plan.proxy->server.host : l->plan.host;
    uint16_t port = is_through_proxy(l) ? l->plan.proxy->server.port : l->plan.port;
    if (places_are_fresh(places, net_now(l->net))) {
        begin_dialling(l);
        return;
    }
    l->lookup = names_resolve_host(l->plan.names, host, port, on_found, l);
    if (places_are_known(places)) {
        net_set_deadline(l->net, &l->next_try, net_now(l->net) + ANSWER_MOST_MS);
    }
}

void link_open(struct link *l, struct net *net, const struct link_plan *plan,
               const struct conn_events *events, void *owner)
{
    *l = (struct link){.net = net, .events = events, .owner = owner, .plan = *plan};
    list_init(&l->attempts);
    deadline_init(&l->next_try, on_next_try);
    begin(l);
}

/* One that has had its time and did not open is no better than one that failed. */
static void judge(struct attempt *a)
{
    msec now = net_now(a->owner->net);
    if (now - a->began_at >= LINK_STAGGER_MS) {
        places_on_failed(places_of(a->owner), &a->to, now);
    }
}

static void abandon(struct attempt *a)
{
    judge(a);
    a->owner = NULL;
    list_remove(&a->link);
    conn_close(a->conn, CLOSE_NOW);
}

static void abandon_all(struct link *l)
{
    list_for_each_safe (link, &l->attempts) {
        abandon(container_of(link, struct attempt, link));
    }
}

/* The conn stands, up to the server: TLS over it, or straight to the owner. */
static void hand_over(struct link *l, struct conn *conn)
{
    l->streaming = true;
    if (l->plan.security.config != NULL) {
        stream_secure(&l->stream, conn, &l->plan.security, l->events, l->owner);
        return;
    }
    l->stream = (struct stream){.conn = conn, .events = l->events, .owner = l->owner};
    l->stream.opened = true;
    conn_attach(conn, l->events, l->owner);
    l->events->on_open(l->owner);
}

static void begin_tunnel(struct link *l, struct conn *conn)
{
    conn_attach(conn, &tunnel_events, l);
    l->tunnel_conn = conn;
    l->tunnel = xcalloc(1, sizeof *l->tunnel);
    struct tunnel_target target = {.host = l->plan.host,
                                   .port = l->plan.port,
                                   .user = l->plan.proxy->server.user,
                                   .password = l->plan.proxy->server.password};
    if (tunnel_init(l->tunnel, l->plan.proxy->server.kind, &target, &l->why) != STATUS_OK) {
        conn_close(conn, CLOSE_NOW);
        return;
    }
    struct span greeting = tunnel_take_output(l->tunnel);
    conn_send(conn, &greeting, 1);
}

static void on_attempt_open(void *owner)
{
    struct attempt *a = owner;
    struct link *l = a->owner;
    struct conn *conn = a->conn;
    if (l == NULL || l->closing) {
        return; /* closed already; on_closed follows */
    }
    l->at = a->to;
    places_on_open(places_of(l), &a->to);
    list_remove(&a->link);
    free(a);
    abandon_all(l);
    net_clear_deadline(l->net, &l->next_try);
    if (is_through_proxy(l)) {
        begin_tunnel(l, conn);
    } else {
        hand_over(l, conn);
    }
}

static void on_attempt_closed(void *owner, enum status why)
{
    struct attempt *a = owner;
    struct link *l = a->owner;
    if (l == NULL) {
        free(a);
        return;
    }
    if (l->closing) {
        list_remove(&a->link);
        free(a);
        end_when_gone(l);
        return;
    }
    char text[ADDRESS_TEXT_SIZE];
    places_on_failed(places_of(l), &a->to, net_now(l->net));
    error_set(&l->why, why, "%s%s: %s", is_through_proxy(l) ? "outbound proxy " : "",
              address_print(&a->to, text), status_text(why));
    list_remove(&a->link);
    free(a);
    if (l->next_address < l->address_count) {
        try_next(l);
    } else if (list_is_empty(&l->attempts)) {
        end(l, why);
    }
}

static void on_tunnel_bytes(void *owner, struct span bytes)
{
    struct link *l = owner;
    switch (tunnel_on_bytes(l->tunnel, bytes, &l->why)) {
    case TUNNEL_WAIT: {
        struct span more = tunnel_take_output(l->tunnel);
        if (more.size > 0) {
            conn_send(l->tunnel_conn, &more, 1);
        }
        break;
    }
    case TUNNEL_DONE: {
        struct conn *conn = l->tunnel_conn;
        l->tunnel_conn = NULL;
        free(l->tunnel);
        l->tunnel = NULL;
        hand_over(l, conn);
        break;
    }
    case TUNNEL_FAILED:
        conn_close(l->tunnel_conn, CLOSE_NOW);
        break;
    }
}

static void on_tunnel_closed(void *owner, enum status why)
{
    struct link *l = owner;
    bool explained = l->why.text[0] != '\0';
    if (!explained) {
        error_set(&l->why, why, "the outbound proxy closed before the connection stood: %s",
                  status_text(why));
    }
    end(l, explained && l->why.status != STATUS_OK ? l->why.status : why);
}

void link_ask(struct link *l, struct talk *t, int32_t request_id, const bson_t *command)
{
    struct buf message;
    void *owned;
    buf_init(&message, &l->net->chunks);
    talk_ask(t, request_id, command, &message);
    struct span flat = buf_flatten(&message, &owned);
    link_send(l, &flat, 1);
    free(owned);
    buf_clear(&message);
}

void link_close(struct link *l, enum close_how how)
{
    if (l->streaming) {
        stream_close(&l->stream, how);
        return;
    }
    if (l->closing) {
        return;
    }
    l->closing = true;
    if (l->tunnel_conn != NULL) {
        conn_close(l->tunnel_conn, CLOSE_NOW); /* on_tunnel_closed ends it */
        return;
    }
    list_for_each (link, &l->attempts) {
        struct attempt *a = container_of(link, struct attempt, link);
        judge(a);
        conn_close(a->conn, CLOSE_NOW);
    }
    if (l->lookup != NULL) {
        names_cancel(l->lookup);
        l->lookup = NULL;
    }
    if (list_is_empty(&l->attempts)) {
        net_set_deadline(l->net, &l->next_try, net_now(l->net));
    } else {
        net_clear_deadline(l->net, &l->next_try);
    }
}

void link_distrust(struct link *l)
{
    places_distrust(places_of(l));
    if (l->at.family != ADDRESS_NONE) {
        places_on_failed(places_of(l), &l->at, net_now(l->net));
    }
}

const char *link_why(const struct link *l)
{
    return l->streaming ? stream_why(&l->stream) : l->why.text;
}
