/* One node: its addresses, all dialled at once; the first that opens carries the rest.
 *
 *   FINDING ─ DIALING ─ (TUNNELLING ─) (SECURING ⇄ PAUSING ─) GREETING ─ … ─ LEAVING
 *
 * A handshake that breaks off before the server has said anything is tried again after a pause,
 * twice at most: whether it always does tells causes apart. Every failure is noted with its step,
 * and ends the probe. */
#include <stdlib.h>

#include "base/require.h"
#include "doctor/probe_node_parts.h"

enum { TLS_TRIES_MOST = 3, TLS_PAUSE_MS = 250 };

static void on_dial_open(void *owner);
static void on_dial_closed(void *owner, enum status why);
static void on_tunnel_bytes(void *owner, struct span bytes);
static void on_tunnel_closed(void *owner, enum status why);
static void on_open(void *owner);
static void on_bytes(void *owner, struct span bytes);
static void on_closed(void *owner, enum status why);
static void on_deadline(struct deadline *d, msec now);

static void ignore(void *owner)
{
    (void)owner;
}

static void ignore_bytes(void *owner, struct span bytes)
{
    (void)owner;
    (void)bytes;
}

static const struct conn_events dial_events = {.on_open = on_dial_open,
                                               .on_bytes = ignore_bytes,
                                               .on_drained = ignore,
                                               .on_closed = on_dial_closed};
static const struct conn_events tunnel_events = {.on_open = ignore,
                                                 .on_bytes = on_tunnel_bytes,
                                                 .on_drained = ignore,
                                                 .on_closed = on_tunnel_closed};
static const struct conn_events events = {
    .on_open = on_open, .on_bytes = on_bytes, .on_drained = ignore, .on_closed = on_closed};

#define ENDS SM_TO(NODE_LEAVING)
static const struct sm_state states[] = {
    [NODE_FINDING] = {"FINDING", SM_TO(NODE_DIALING) | ENDS},
    [NODE_DIALING] = {"DIALING",
                      SM_TO(NODE_TUNNELLING) | SM_TO(NODE_SECURING) | SM_TO(NODE_GREETING) | ENDS},
    [NODE_TUNNELLING] = {"TUNNELLING", SM_TO(NODE_SECURING) | SM_TO(NODE_GREETING) | ENDS},
    [NODE_SECURING] = {"SECURING", SM_TO(NODE_PAUSING) | SM_TO(NODE_GREETING) | ENDS},
    [NODE_PAUSING] = {"PAUSING", SM_TO(NODE_DIALING) | ENDS},
    [NODE_GREETING] = {"GREETING", SM_TO(NODE_PROVING) | SM_TO(NODE_PINGING) | ENDS},
    [NODE_PROVING] = {"PROVING", SM_TO(NODE_PINGING) | ENDS},
    [NODE_PINGING] = {"PINGING", SM_TO(NODE_NAMING) | ENDS},
    [NODE_NAMING] = {"NAMING", SM_TO(NODE_WEIGHING) | ENDS},
    [NODE_WEIGHING] = {"WEIGHING", ENDS},
    [NODE_LEAVING] = {"LEAVING", 0},
};

msec node_since(const struct node_probe *p)
{
    return net_now(p->doctor->net) - p->began;
}

void node_move(struct node_probe *p, enum node_step step)
{
    struct doctor *d = p->doctor;
    msec now = net_now(d->net);
    msec limit = step == NODE_PAUSING ? now + TLS_PAUSE_MS : doctor_limit(d);
    sm_move(&p->state, (int)step, now);
    p->began = now;
    net_set_deadline(d->net, &p->deadline, step == NODE_LEAVING ? MSEC_NEVER : limit);
    doctor_progress(d);
}

/* In a later turn, once everything has ended. */
static void settle(struct node_probe *p)
{
    if (p->open_dials == 0 && p->tunnel_conn == NULL && !p->is_streaming) {
        net_set_deadline(p->doctor->net, &p->deadline, net_now(p->doctor->net));
    }
}

static void end(struct node_probe *p)
{
    struct doctor *d = p->doctor;
    net_clear_deadline(d->net, &p->deadline);
    node_end_asking(p);
    talk_clear(&p->talk);
    free(p->tunnel);
    list_remove(&p->link);
    free(p);
    doctor_progress(d);
    doctor_advance(d);
}

static void give_up_dials(struct node_probe *p, enum status status)
{
    msec took = node_since(p);
    for (size_t i = 0; i < p->fact->dial_count; i++) {
        struct node_dial *dial = &p->dials[i];
        if (dial->conn == NULL) {
            continue;
        }
        if (!dial->is_again && !p->fact->dials[i].step.is_tried) {
            step_end(&p->fact->dials[i].step, status, took, NULL);
        }
        conn_close(dial->conn, CLOSE_NOW);
    }
}

void node_leave(struct node_probe *p)
{
    if (p->state.now_in == NODE_LEAVING) {
        return;
    }
    if (p->lookup != NULL) {
        names_cancel(p->lookup);
        p->lookup = NULL;
    }
    give_up_dials(p, STATUS_CLOSED_BY_US);
    node_move(p, NODE_LEAVING);
    if (p->tunnel_conn != NULL) {
        conn_close(p->tunnel_conn, CLOSE_NOW);
    }
    if (p->is_streaming) {
        stream_close(&p->stream, CLOSE_NOW);
    }
    settle(p);
}

/* --- addresses --- */

static void dial(struct node_probe *p, size_t i)
{
    p->dials[i].probe = p;
    p->dials[i].conn =
        net_dial(p->doctor->net, &p->fact->dials[i].to, NULL, &dial_events, &p->dials[i]);
    p->open_dials++;
}

static void on_found(void *owner, const struct names_addresses *found)
{
    struct node_probe *p = owner;
    struct node_fact *n = p->fact;
    p->lookup = NULL;
    step_end(&n->lookup, found->status, node_since(p),
             found->status == STATUS_OK ? NULL : found->why.text);
    if (found->status != STATUS_OK) {
        node_leave(p);
        return;
    }
    for (size_t i = 0; i < found->count && n->dial_count < EXAMINED_ADDRESSES_MOST; i++) {
        n->dials[n->dial_count++].to = found->addresses[i];
    }
    node_move(p, NODE_DIALING);
    for (size_t i = 0; i < n->dial_count; i++) {
        dial(p, i);
    }
}

void node_probe_open(struct doctor *d, struct node_fact *fact)
{
    struct node_probe *p = xcalloc(1, sizeof *p);
    const struct tunnel_proxy *proxy = &d->proxy;
    p->doctor = d;
    p->fact = fact;
    p->began = net_now(d->net);
    sm_init(&p->state, states, NODE_FINDING);
    talk_init(&p->talk, &d->net->chunks);
    list_push_back(&d->nodes, &p->link);
    deadline_init(&p->deadline, on_deadline);
    net_set_deadline(d->net, &p->deadline, doctor_limit(d));
    p->lookup = names_resolve_host(d->names, proxy->is_used ? proxy->host : fact->host,
                                   proxy->is_used ? proxy->port : fact->port, on_found, p);
}

/* --- TCP --- */

static void hand_over(struct node_probe *p, struct conn *conn)
{
    struct doctor *d = p->doctor;
    struct stream_security security = {.config = d->tls, .host_name = p->fact->host};
    p->is_streaming = true;
    if (d->tls != NULL) {
        node_move(p, NODE_SECURING);
        p->fact->tls_tries++;
        stream_secure(&p->stream, conn, &security, &events, p);
        tls_watch(p->stream.tls, &p->fact->tls_facts);
        return;
    }
    p->stream = (struct stream){.conn = conn, .events = &events, .owner = p, .opened = true};
    conn_attach(conn, &events, p);
    if (d->settings->upstream.tls) {
        node_leave(p); /* there is no TLS to be had here; why, the settings say */
        return;
    }
    node_greet(p);
}

static void begin_tunnel(struct node_probe *p, struct conn *conn)
{
    const struct tunnel_proxy *proxy = &p->doctor->proxy;
    struct tunnel_target target = {.host = p->fact->host,
                                   .port = p->fact->port,
                                   .user = proxy->user,
                                   .password = proxy->password};
    struct error why = {0};
    node_move(p, NODE_TUNNELLING);
    conn_attach(conn, &tunnel_events, p);
    p->tunnel_conn = conn;
    p->tunnel = xcalloc(1, sizeof *p->tunnel);
    if (tunnel_init(p->tunnel, proxy->kind, &target, &why) != STATUS_OK) {
        step_end(&p->fact->tunnel, why.status, 0, why.text);
        node_leave(p);
        return;
    }
    struct span greeting = tunnel_take_output(p->tunnel);
    conn_send(conn, &greeting, 1);
}

static void on_dial_open(void *owner)
{
    struct node_dial *dial = owner;
    struct node_probe *p = dial->probe;
    size_t i = (size_t)(dial - p->dials);
    struct conn *conn = dial->conn;
    if (!dial->is_again && !p->fact->dials[i].step.is_tried) {
        step_end(&p->fact->dials[i].step, STATUS_OK, node_since(p), NULL);
    }
    if (p->state.now_in != NODE_DIALING) {
        conn_close(conn, CLOSE_NOW); /* another one carries */
        return;
    }
    dial->conn = NULL;
    p->open_dials--;
    p->chosen = i;
    if (p->doctor->proxy.is_used) {
        begin_tunnel(p, conn);
    } else {
        hand_over(p, conn);
    }
}

static void on_dial_closed(void *owner, enum status why)
{
    struct node_dial *dial = owner;
    struct node_probe *p = dial->probe;
    size_t i = (size_t)(dial - p->dials);
    dial->conn = NULL;
    p->open_dials--;
    if (!dial->is_again && !p->fact->dials[i].step.is_tried) {
        step_end(&p->fact->dials[i].step, why, node_since(p), NULL);
    }
    if (p->state.now_in == NODE_LEAVING) {
        settle(p);
    } else if (p->state.now_in == NODE_DIALING && p->open_dials == 0) {
        node_leave(p);
    }
}

/* --- the outbound proxy --- */

static void on_tunnel_bytes(void *owner, struct span bytes)
{
    struct node_probe *p = owner;
    struct error why = {0};
    struct span more;
    struct conn *conn = p->tunnel_conn;
    if (p->state.now_in != NODE_TUNNELLING) {
        return;
    }
    switch (tunnel_on_bytes(p->tunnel, bytes, &why)) {
    case TUNNEL_WAIT:
        more = tunnel_take_output(p->tunnel);
        if (more.size > 0) {
            conn_send(conn, &more, 1);
        }
        break;
    case TUNNEL_DONE:
        step_end(&p->fact->tunnel, STATUS_OK, node_since(p), NULL);
        p->tunnel_conn = NULL;
        hand_over(p, conn);
        break;
    case TUNNEL_FAILED:
        step_end(&p->fact->tunnel, why.status, node_since(p), why.text);
        node_leave(p);
        break;
    }
}

static void on_tunnel_closed(void *owner, enum status why)
{
    struct node_probe *p = owner;
    p->tunnel_conn = NULL;
    if (p->state.now_in == NODE_TUNNELLING) {
        step_end(&p->fact->tunnel, why, node_since(p), NULL);
        node_leave(p);
    } else {
        settle(p);
    }
}

/* --- TLS --- */

static void on_open(void *owner)
{
    struct node_probe *p = owner;
    if (p->state.now_in == NODE_SECURING) {
        step_end(&p->fact->tls, STATUS_OK, node_since(p), NULL);
        node_greet(p);
    }
}

static void on_bytes(void *owner, struct span bytes)
{
    node_on_bytes(owner, bytes);
}

static void on_insecure(struct node_probe *p, enum status why)
{
    struct node_fact *n = p->fact;
    bool is_broken = (why == STATUS_PEER_CLOSED || why == STATUS_PEER_RESET) &&
                     !n->tls_facts.saw_server_hello && n->tls_facts.alert < 0;
    n->tls_breaks += is_broken;
    if (is_broken && n->tls_tries < TLS_TRIES_MOST && !p->doctor->proxy.is_used) {
        node_move(p, NODE_PAUSING);
        return;
    }
    step_end(&n->tls, why, node_since(p), stream_why(&p->stream));
    node_leave(p);
}

static void on_closed(void *owner, enum status why)
{
    struct node_probe *p = owner;
    p->is_streaming = false;
    if (p->state.now_in == NODE_SECURING) {
        on_insecure(p, why);
    } else if (p->state.now_in != NODE_LEAVING) {
        node_fail_asking(p, why, stream_why(&p->stream));
        node_leave(p);
    } else {
        settle(p);
    }
}

/* --- time --- */

static void try_again(struct node_probe *p)
{
    node_move(p, NODE_DIALING);
    p->dials[p->chosen].is_again = true;
    dial(p, p->chosen);
}

static void on_deadline(struct deadline *d, msec now)
{
    struct node_probe *p = container_of(d, struct node_probe, deadline);
    struct node_fact *n = p->fact;
    msec took = node_since(p);
    (void)now;
    switch ((enum node_step)p->state.now_in) {
    case NODE_FINDING:
        step_end(&n->lookup, STATUS_TIMED_OUT, took, NULL);
        break;
    case NODE_DIALING:
        give_up_dials(p, STATUS_TIMED_OUT);
        break;
    case NODE_TUNNELLING:
        step_end(&n->tunnel, STATUS_TIMED_OUT, took, NULL);
        break;
    case NODE_SECURING:
        step_end(&n->tls, STATUS_TIMED_OUT, took, NULL);
        break;
    case NODE_PAUSING:
        try_again(p);
        return;
    case NODE_GREETING:
    case NODE_PROVING:
    case NODE_PINGING:
    case NODE_NAMING:
    case NODE_WEIGHING:
        node_fail_asking(p, STATUS_TIMED_OUT, NULL);
        break;
    case NODE_LEAVING:
        end(p);
        return;
    }
    node_leave(p);
}

void node_probe_cut(struct node_probe *p)
{
    struct node_fact *n = p->fact;
    if (p->state.now_in == NODE_FINDING) {
        step_end(&n->lookup, STATUS_TIMED_OUT, node_since(p), NULL);
    } else if (p->state.now_in == NODE_SECURING) {
        step_end(&n->tls, STATUS_TIMED_OUT, node_since(p), NULL);
    } else if (p->state.now_in == NODE_DIALING) {
        give_up_dials(p, STATUS_TIMED_OUT);
    } else if (p->state.now_in >= NODE_GREETING && p->state.now_in < NODE_LEAVING) {
        node_fail_asking(p, STATUS_TIMED_OUT, NULL);
    }
    node_leave(p);
}

struct node_probe *node_probe_of(struct list *link)
{
    return container_of(link, struct node_probe, link);
}
