/* Happy path: link -> hello -> its reply is told to the cluster -> wait -> hello on the same link …
 *
 *   RESTING ─ CONNECTING ─ ASKING ─ RESTING (link open) ─ ASKING …
 *
 * Failures: the link does not open or breaks, no reply within upstream.connectTimeoutMS, a reply
 * that cannot be read: the check has failed, the link is closed, and the next check opens another.
 */
#include "proxy/monitor.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/require.h"
#include "core/topology/server.h"
#include "proxy/cluster.h"
#include "proxy/greeting.h"
#include "proxy/node.h"
#include "proxy/proxy.h"
#include "proxy/talk.h"

struct monitor {
    struct link link;
    struct node *node;
    struct talk talk;
    struct deadline deadline; /* resting: the next check; else the end of patience */
    msec asked_at;
    msec ended_at; /* of the last check */
    bool has_link;
    bool is_open;
    bool knows_hello; /* the server has said so on this link */
    bool is_asking;   /* a check is under way */
    bool is_closed;
    struct error why;
};

static void on_open(void *owner);
static void on_bytes(void *owner, struct span bytes);
static void on_closed(void *owner, enum status why);
static void on_deadline(struct deadline *d, msec now);

static void on_drained(void *owner)
{
    (void)owner;
}

static const struct conn_events events = {
    .on_open = on_open, .on_bytes = on_bytes, .on_drained = on_drained, .on_closed = on_closed};

static struct net *net_of(const struct monitor *m)
{
    return m->node->proxy->net;
}

struct monitor *monitor_open(struct node *node)
{
    struct monitor *m = xcalloc(1, sizeof *m);
    m->node = node;
    talk_init(&m->talk, &node->proxy->net->chunks);
    deadline_init(&m->deadline, on_deadline);
    net_set_deadline(node->proxy->net, &m->deadline, net_now(node->proxy->net));
    return m;
}

static void end(struct monitor *m)
{
    struct node *node = m->node;
    net_clear_deadline(net_of(m), &m->deadline);
    talk_clear(&m->talk);
    free(m);
    node->monitor = NULL;
    node_settle(node);
}

void monitor_close(struct monitor *m)
{
    m->is_closed = true;
    if (m->has_link) {
        link_close(&m->link, CLOSE_NOW);
        return;
    }
    net_set_deadline(net_of(m), &m->deadline, net_now(net_of(m))); /* ends in the next turn */
}

/* --- a check --- */

static void ask(struct monitor *m)
{
    bson_t hello = BSON_INITIALIZER;
    enum greeting later = m->knows_hello ? GREETING_HELLO : GREETING_LEGACY;
    greeting_write_hello(&hello, m->node->proxy->settings, m->is_open ? later : GREETING_FIRST);
    BSON_APPEND_UTF8(&hello, "$db", "admin");
    m->asked_at = net_now(net_of(m));
    talk_ask(&m->talk, &m->link, proxy_next_id(m->node->proxy), &hello);
    bson_destroy(&hello);
}

static void begin_check(struct monitor *m)
{
    struct link_plan plan;
    struct proxy *proxy = m->node->proxy;
    m->is_asking = true;
    m->why = (struct error){0};
    metrics_count(&proxy->metrics, heartbeats);
    net_set_deadline(proxy->net, &m->deadline,
                     msec_after(net_now(proxy->net), proxy->settings->upstream.connect_timeout_ms));
    if (m->is_open) {
        ask(m);
        return;
    }
    m->has_link = true;
    node_plan(m->node, &plan);
    link_open(&m->link, proxy->net, &plan, &events, m);
}

static void on_open(void *owner)
{
    struct monitor *m = owner;
    ask(m);
    m->is_open = true;
}

static void rest(struct monitor *m)
{
    msec now = net_now(net_of(m));
    msec pause = cluster_is_awaited(m->node->cluster)
                     ? MONITOR_LEAST_MS
                     : m->node->proxy->settings->upstream.heartbeat_frequency_ms;
    m->is_asking = false;
    m->ended_at = now;
    net_set_deadline(net_of(m), &m->deadline, now + pause);
}

void monitor_hurry(struct monitor *m, bool at_once)
{
    msec now = net_now(net_of(m));
    msec soon = at_once ? now : m->ended_at + MONITOR_LEAST_MS;
    if (m->is_closed || m->is_asking) {
        return;
    }
    if (!deadline_is_set(&m->deadline) || soon < m->deadline.at) {
        net_set_deadline(net_of(m), &m->deadline, soon < now ? now : soon);
    }
}

static void on_reply(struct monitor *m, const bson_t *reply)
{
    struct server_description description;
    struct error why;
    struct span hello = span_of(bson_get_data(reply), reply->len);
    if (server_description_read(hello, &description, &why) != STATUS_OK) {
        m->why = why;
        link_close(&m->link, CLOSE_NOW);
        return;
    }
    m->knows_hello = description.hello_ok;
    rest(m);
    struct node *node = m->node;
    cluster_on_hello(node->cluster, node, &description, m->ended_at - m->asked_at);
    server_description_clear(&description);
    cluster_perform(node->cluster);
}

static void on_bytes(void *owner, struct span bytes)
{
    struct monitor *m = owner;
    bson_t reply;
    if (m->is_closed) {
        return;
    }
    switch (talk_on_bytes(&m->talk, bytes, &reply)) {
    case TALK_MORE:
        break;
    case TALK_BAD:
        error_set(&m->why, STATUS_PROTOCOL_ERROR, "its hello reply is not MongoDB's protocol");
        talk_done(&m->talk);
        link_close(&m->link, CLOSE_NOW);
        break;
    case TALK_REPLY: {
        struct talk *talk = &m->talk;
        on_reply(m, &reply);
        talk_done(talk); /* a monitor ends only in on_closed, never from within on_reply */
        break;
    }
    }
}

static void on_closed(void *owner, enum status why)
{
    struct monitor *m = owner;
    struct node *node = m->node;
    m->has_link = false;
    m->is_open = false;
    talk_clear(&m->talk);
    talk_init(&m->talk, &node->proxy->net->chunks);
    if (m->is_closed) {
        end(m);
        return;
    }
    if (m->why.status == STATUS_OK) {
        const char *text = link_why(&m->link);
        error_set(&m->why, why, "%s", text[0] == '\0' ? status_text(why) : text);
    }
    metrics_count(&node->proxy->metrics, heartbeats_failed);
    rest(m);
    cluster_on_check_failed(node->cluster, node, &m->why);
    cluster_perform(node->cluster);
    /* SDAM: a broken connection says nothing of the others, but silence says it of all. */
    if (m->why.status == STATUS_TIMED_OUT) {
        node_interrupt(node, STATUS_TIMED_OUT);
    }
}

static void on_deadline(struct deadline *d, msec now)
{
    struct monitor *m = container_of(d, struct monitor, deadline);
    (void)now;
    if (m->is_closed) {
        end(m);
    } else if (m->is_asking) {
        error_set(&m->why, STATUS_TIMED_OUT, "no answer within upstream.connectTimeoutMS (%lld ms)",
                  (long long)m->node->proxy->settings->upstream.connect_timeout_ms);
        link_close(&m->link, CLOSE_NOW);
    } else {
        begin_check(m);
    }
}
