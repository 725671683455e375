/* Happy path: link -> hello -> its reply is told to the cluster -> hello on the same link, which
 * the server holds until its state changes -> its reply is told …
 *
 *   RESTING ─ CONNECTING ─ ASKING ─ RESTING (link open) ─ ASKING …
 *
 * Streaming asks for one reply at a time and not for an endless row of them (exhaust): so each
 * reply belongs to a question with a deadline of its own, and no change is missed, since a question
 * that names an old topologyVersion is answered at once.
 *
 * Failures: the link does not open or breaks, no reply in time, a reply that is an error or cannot
 * be read: the check has failed, the link is closed, and the next check opens another. A probe that
 * fails says nothing. A change of horizon (the server goes by other names now) is no failure. */
#include "proxy/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "core/topology/server.h"
#include "proxy/cluster.h"
#include "proxy/greeting.h"
#include "proxy/node.h"
#include "proxy/proxy.h"
#include "core/wire/talk.h"

/* So many changes may follow each other without a pause, as in an election. */
enum { QUICK_CHANGES_MOST = 10 };

enum { CODE_SPLIT_HORIZON_CHANGE = 303 };

struct monitor {
    struct link link;
    struct node *node;
    struct talk talk;
    struct deadline deadline;        /* resting: the next check; else the end of patience */
    struct topology_version version; /* of the last reply on this link */
    msec asked_at;
    msec ended_at;  /* of the last check */
    msec opened_at; /* of the last link that opened */
    unsigned quick_changes;
    bool is_probe;
    bool has_link;
    bool is_open;
    bool knows_hello; /* the server has said so on this link */
    bool is_asking;   /* a check is under way */
    bool is_awaiting; /* and the server may hold its reply */
    bool is_anew;     /* the link is given up without a fault: another check follows */
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

static const struct upstream_settings *settings_of(const struct monitor *m)
{
    return &m->node->proxy->settings->upstream;
}

static struct monitor *open_one(struct node *node, bool is_probe)
{
    struct monitor *m = xcalloc(1, sizeof *m);
    m->node = node;
    m->is_probe = is_probe;
    talk_init(&m->talk, &node->proxy->net->chunks);
    deadline_init(&m->deadline, on_deadline);
    net_set_deadline(node->proxy->net, &m->deadline, net_now(node->proxy->net));
    return m;
}

struct monitor *monitor_open(struct node *node)
{
    return open_one(node, false);
}

static void end(struct monitor *m)
{
    struct node *node = m->node;
    struct monitor **place = m->is_probe ? &node->probe : &node->monitor;
    net_clear_deadline(net_of(m), &m->deadline);
    talk_clear(&m->talk);
    free(m);
    *place = NULL;
    node_settle(node);
}

const struct address *monitor_address(const struct monitor *m)
{
    static const struct address none;
    return m->has_link ? &m->link.at : &none;
}

void monitor_close(struct monitor *m)
{
    m->is_closed = true;
    if (m->has_link) {
        net_clear_deadline(net_of(m), &m->deadline); /* it ends in on_closed */
        link_close(&m->link, CLOSE_NOW);
        return;
    }
    net_set_deadline(net_of(m), &m->deadline, net_now(net_of(m))); /* ends in the next turn */
}

/* --- a check --- */

static bool may_stream(const struct monitor *m, const struct topology_version *version)
{
    return !m->is_probe && version->is_set &&
           settings_of(m)->server_monitoring_mode != MONITORING_POLL;
}

static void ask(struct monitor *m)
{
    bson_t hello = BSON_INITIALIZER;
    enum greeting later = m->knows_hello ? GREETING_HELLO : GREETING_LEGACY;
    greeting_write_hello(&hello, m->node->proxy->settings, m->is_open ? later : GREETING_FIRST);
    m->is_awaiting = m->is_open && may_stream(m, &m->version);
    if (m->is_awaiting) {
        greeting_write_await(&hello, &m->version, settings_of(m)->heartbeat_frequency_ms);
    }
    BSON_APPEND_UTF8(&hello, "$db", "admin");
    m->asked_at = net_now(net_of(m));
    link_ask(&m->link, &m->talk, proxy_next_id(m->node->proxy), &hello);
    bson_destroy(&hello);
}

/* SDAM: connectTimeoutMS, and the time for which the server may hold the reply. */
static msec patience(const struct monitor *m)
{
    msec held = m->is_awaiting ? settings_of(m)->heartbeat_frequency_ms : 0;
    return settings_of(m)->connect_timeout_ms + held;
}

static void begin_check(struct monitor *m)
{
    struct link_plan plan;
    struct proxy *proxy = m->node->proxy;
    m->is_asking = true;
    m->why = (struct error){0};
    if (!m->is_probe) {
        metrics_count(&proxy->metrics, heartbeats);
    }
    if (m->is_open) {
        ask(m);
    } else {
        m->has_link = true;
        node_plan(m->node, &plan);
        link_open(&m->link, proxy->net, &plan, &events, m);
    }
    net_set_deadline(proxy->net, &m->deadline, net_now(proxy->net) + patience(m));
}

static void on_open(void *owner)
{
    struct monitor *m = owner;
    node_on_open(m->node, &m->link);
    ask(m);
    m->is_open = true;
    m->opened_at = net_now(net_of(m));
}

static void rest(struct monitor *m, msec pause)
{
    m->is_asking = m->is_awaiting = false;
    m->ended_at = net_now(net_of(m));
    net_set_deadline(net_of(m), &m->deadline, m->ended_at + pause);
}

static msec polling_pause(const struct monitor *m)
{
    return cluster_is_awaited(m->node->cluster) ? MONITOR_LEAST_MS
                                                : settings_of(m)->heartbeat_frequency_ms;
}

/* A certificate does not become good by being looked at. */
static msec fault_pause(const struct monitor *m)
{
    msec pause = m->node->proxy->settings->reconnect.fault_ms;
    msec most = settings_of(m)->heartbeat_frequency_ms;
    return pause > most ? pause : most;
}

/* Until the check after one that brought `version`. Streaming has no pause, but for a server that
 * does not hold its replies: without a change they follow each other at the least distance, and
 * with changes too when these are more than any election makes. */
static msec pause_after(struct monitor *m, const struct topology_version *version)
{
    if (!may_stream(m, version)) {
        return polling_pause(m);
    }
    msec took = net_now(net_of(m)) - m->asked_at;
    if (!m->is_awaiting || took >= MONITOR_LEAST_MS) {
        m->quick_changes = 0;
        return 0;
    }
    bool is_change = version->counter != m->version.counter ||
                     memcmp(version->process_id, m->version.process_id, OBJECT_ID_BYTES) != 0;
    m->quick_changes += is_change;
    return is_change && m->quick_changes <= QUICK_CHANGES_MOST ? 0 : MONITOR_LEAST_MS - took;
}

/* --- the probe --- */

static void close_probe(struct monitor *m)
{
    if (!m->is_probe && m->node->probe != NULL) {
        monitor_close(m->node->probe);
    }
}

/* A probe while it streams, if pool.maxTotalConnections leaves room for one. */
static void keep_probe(struct monitor *m)
{
    struct node *node = m->node;
    if (m->is_probe || !may_stream(m, &m->version)) {
        close_probe(m);
    } else if (node->probe == NULL && !node->is_removed && cluster_has_room(node->cluster)) {
        node->probe = open_one(node, true);
    }
}

/* --- checks out of turn --- */

static void begin_anew(struct monitor *m)
{
    m->is_anew = true;
    net_clear_deadline(net_of(m), &m->deadline);
    close_probe(m);
    link_close(&m->link, CLOSE_NOW);
}

/* A server reports a change at once while it holds our question. Should it not (what made us ask
 * was an error that no change of its state came with), the probe's question finds out; without a
 * probe, a new connection does. */
static void hurry_beside(struct monitor *m)
{
    struct node *node = m->node;
    if (node->probe != NULL) {
        monitor_hurry(node->probe, MONITOR_SOON);
    } else if (!cluster_knows(node->cluster, node)) {
        begin_anew(m);
    }
}

void monitor_hurry(struct monitor *m, enum monitor_hurry how)
{
    msec now = net_now(net_of(m));
    msec soon = how == MONITOR_AT_ONCE ? m->opened_at : m->ended_at;
    bool is_hopeless = how == MONITOR_SOON && m->node->fault.status == STATUS_TLS_CERTIFICATE;
    if (m->is_closed || m->is_anew || is_hopeless) {
        return;
    }
    if (how == MONITOR_ANEW && m->is_open) {
        begin_anew(m);
        return;
    }
    if (m->is_asking) {
        if (m->is_awaiting) {
            hurry_beside(m);
        }
        return;
    }
    soon = soon + MONITOR_LEAST_MS < now ? now : soon + MONITOR_LEAST_MS;
    if (!deadline_is_set(&m->deadline) || soon < m->deadline.at) {
        net_set_deadline(net_of(m), &m->deadline, soon);
    }
}

/* --- replies and ends --- */

static void on_refused(struct monitor *m, const struct server_description *description)
{
    if (description->code == CODE_SPLIT_HORIZON_CHANGE) {
        begin_anew(m);
        return;
    }
    error_set(&m->why, STATUS_HELLO_FAILED, "%s", description->error);
    link_close(&m->link, CLOSE_NOW);
}

static void on_described(struct monitor *m, const struct server_description *description)
{
    struct node *node = m->node;
    bool was_held = m->is_awaiting;
    msec pause = pause_after(m, &description->version);
    m->knows_hello = description->hello_ok;
    m->version = description->version;
    rest(m, pause);
    keep_probe(m);
    cluster_on_hello(node->cluster, node, description, was_held ? -1 : m->ended_at - m->asked_at);
    cluster_perform(node->cluster);
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
    if (description.type == SERVER_UNKNOWN) {
        on_refused(m, &description);
    } else {
        on_described(m, &description);
    }
    server_description_clear(&description);
}

static void on_bytes(void *owner, struct span bytes)
{
    struct monitor *m = owner;
    bson_t reply;
    if (m->is_closed || m->is_anew) {
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

static void check_anew(struct monitor *m)
{
    msec soon = m->ended_at + MONITOR_LEAST_MS;
    msec now = net_now(net_of(m));
    m->is_anew = m->is_asking = false;
    net_set_deadline(net_of(m), &m->deadline, soon < now ? now : soon);
}

/* SDAM: that changes nothing we know of the server. But while it is unknown, and its monitor waits
 * for a reply that it holds, nobody is left to ask. */
static void on_probe_failed(struct monitor *m)
{
    struct monitor *other = m->node->monitor;
    if (other != NULL && other->is_awaiting && !other->is_closed && !other->is_anew &&
        !cluster_knows(m->node->cluster, m->node)) {
        begin_anew(other);
    }
}

static void on_check_failed(struct monitor *m)
{
    struct node *node = m->node;
    metrics_count(&node->proxy->metrics, heartbeats_failed);
    close_probe(m);
    cluster_on_check_failed(node->cluster, node, &m->why);
    cluster_perform(node->cluster);
    /* SDAM: a broken connection says nothing of the others, but silence says it of all. */
    if (m->why.status == STATUS_TIMED_OUT) {
        node_interrupt(node, STATUS_TIMED_OUT);
    }
}

static void on_closed(void *owner, enum status why)
{
    struct monitor *m = owner;
    m->has_link = false;
    m->is_open = false;
    m->version = (struct topology_version){0};
    talk_clear(&m->talk);
    talk_init(&m->talk, &net_of(m)->chunks);
    if (m->is_closed) {
        end(m);
        return;
    }
    if (m->is_anew) {
        check_anew(m);
        return;
    }
    if (m->why.status == STATUS_OK) {
        const char *text = link_why(&m->link);
        error_set(&m->why, why, "%s", text[0] == '\0' ? status_text(why) : text);
    }
    link_distrust(&m->link);
    rest(m, m->why.status == STATUS_TLS_CERTIFICATE ? fault_pause(m) : polling_pause(m));
    if (m->is_probe) {
        on_probe_failed(m);
    } else {
        on_check_failed(m);
    }
}

static void give_up(struct monitor *m)
{
    if (m->why.status == STATUS_OK) {
        error_set(
            &m->why, STATUS_TIMED_OUT, "no answer within upstream.connectTimeoutMS%s (%lld ms)",
            m->is_awaiting ? " and upstream.heartbeatFrequencyMS" : "", (long long)patience(m));
    }
    link_close(&m->link, CLOSE_NOW);
}

static void on_deadline(struct deadline *d, msec now)
{
    struct monitor *m = container_of(d, struct monitor, deadline);
    (void)now;
    if (m->is_closed) {
        end(m);
    } else if (m->is_asking) {
        give_up(m);
    } else {
        begin_check(m);
    }
}
