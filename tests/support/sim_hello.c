/* What a node says of itself, at once or when it changes. */
#include <stdio.h>

#include "base/require.h"
#include "support/sim_server.h"

enum { CODE_SPLIT_HORIZON_CHANGE = 303 };

void sim_node_version(const struct sim_node *n, bson_t *reply)
{
    bson_oid_t process;
    char text[25];
    bson_t version;
    if (n->is_old) {
        return;
    }
    snprintf(text, sizeof text, "%024x", 0xabc00 + n->index);
    bson_oid_init_from_string(&process, text);
    BSON_APPEND_DOCUMENT_BEGIN(reply, "topologyVersion", &version);
    BSON_APPEND_OID(&version, "processId", &process);
    BSON_APPEND_INT64(&version, "counter", n->state_changes);
    bson_append_document_end(reply, &version);
}

static void append_set(const struct sim_node *n, bson_t *reply)
{
    const struct sim_cluster *c = n->cluster;
    bson_oid_t election;
    char text[25];
    bson_t part;
    BSON_APPEND_UTF8(reply, "setName", "rs");
    BSON_APPEND_INT32(reply, "setVersion", 1);
    BSON_APPEND_UTF8(reply, "me", n->name);
    BSON_APPEND_ARRAY_BEGIN(reply, "hosts", &part);
    for (size_t i = 0, listed = 0; i < c->count; i++) {
        static const char *const keys[SIM_NODES_MOST] = {"0", "1", "2"};
        if (!c->nodes[i].is_unlisted) {
            BSON_APPEND_UTF8(&part, keys[listed], c->nodes[i].name);
            listed++;
        }
    }
    bson_append_array_end(reply, &part);
    if (n->is_primary) {
        snprintf(text, sizeof text, "7fffffff%016x", c->term);
        bson_oid_init_from_string(&election, text);
        BSON_APPEND_OID(reply, "electionId", &election);
    }
    if (c->primary >= 0) {
        BSON_APPEND_UTF8(reply, "primary", c->nodes[c->primary].name);
    }
    BSON_APPEND_DOCUMENT_BEGIN(reply, "lastWrite", &part);
    BSON_APPEND_DATE_TIME(&part, "lastWriteDate", net_now(c->net));
    bson_append_document_end(reply, &part);
}

static void node_hello(const struct sim_node *n, const bson_t *request, bson_t *reply)
{
    const struct sim_cluster *c = n->cluster;
    BSON_APPEND_BOOL(reply, "helloOk", true);
    BSON_APPEND_BOOL(reply, "isWritablePrimary", n->is_primary);
    if (c->is_sharded || c->is_balanced) {
        BSON_APPEND_UTF8(reply, "msg", "isdbgrid");
    } else if (!c->is_standalone) {
        BSON_APPEND_BOOL(reply, "secondary", !n->is_primary);
        append_set(n, reply);
    }
    if (n->is_passive) {
        BSON_APPEND_BOOL(reply, "passive", true);
    }
    sim_node_version(n, reply);
    BSON_APPEND_INT32(reply, "maxBsonObjectSize", 16 * 1024 * 1024);
    BSON_APPEND_INT32(reply, "maxMessageSizeBytes", 48000000);
    BSON_APPEND_INT32(reply, "maxWriteBatchSize", 100000);
    BSON_APPEND_DATE_TIME(reply, "localTime", net_now(c->net));
    BSON_APPEND_INT32(reply, "logicalSessionTimeoutMinutes", 30);
    BSON_APPEND_INT32(reply, "minWireVersion", 0);
    BSON_APPEND_INT32(reply, "maxWireVersion", n->max_wire);
    if (sim_has(request, "saslSupportedMechs")) {
        BCON_APPEND(reply, "saslSupportedMechs", "[", "SCRAM-SHA-256", "]");
    }
}

void sim_hello_answer(struct sim_server *s, const bson_t *request, bson_t *reply)
{
    bson_iter_t it;
    s->node->hellos++;
    if (!sim_balanced_greet(s, request, reply)) {
        return;
    }
    node_hello(s->node, request, reply);
    if (bson_iter_init_find(&it, request, "speculativeAuthenticate")) {
        bson_t start;
        bson_t answer = BSON_INITIALIZER;
        uint32_t size;
        const uint8_t *bytes;
        bson_iter_document(&it, &size, &bytes);
        require(bson_init_static(&start, bytes, size));
        sasl_reply(&s->sasl, &start, &answer);
        BSON_APPEND_DOCUMENT(reply, "speculativeAuthenticate", &answer);
        bson_destroy(&answer);
    }
    BSON_APPEND_DOUBLE(reply, "ok", 1);
}

/* --- held --- */

bool sim_hello_is_held(struct sim_node *n, const bson_t *request, msec *most)
{
    bool is_asked = sim_has(request, "topologyVersion");
    require(is_asked == sim_has(request, "maxAwaitTimeMS")); /* 51760 */
    if (!is_asked) {
        return false;
    }
    require(!n->is_old && sim_int(request, "topologyVersion.counter") <= n->state_changes);
    n->held_hellos++;
    n->state_changes += n->is_restless;
    *most = sim_int(request, "maxAwaitTimeMS");
    return !n->never_holds && sim_int(request, "topologyVersion.counter") == n->state_changes;
}

void sim_node_change(struct sim_node *n)
{
    n->state_changes++;
    list_for_each (link, &n->held) {
        struct sim_reply *r = container_of(link, struct sim_reply, waiting);
        net_set_deadline(n->cluster->net, &r->due, net_now(n->cluster->net) + n->delay);
    }
}

void sim_node_change_horizon(struct sim_node *n)
{
    list_for_each (link, &n->held) {
        struct sim_reply *r = container_of(link, struct sim_reply, waiting);
        bson_t *reply = sim_document("{'ok': 0.0, 'code': %d, 'errmsg': 'the horizon changed'}",
                                     CODE_SPLIT_HORIZON_CHANGE);
        sim_message_send(r->server->conn, 1, r->request.request_id, 0, reply);
        bson_destroy(reply);
        sim_server_close(r->server, CLOSE_FLUSH);
    }
}
