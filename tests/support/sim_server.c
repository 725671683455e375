/* Conns and commands of the simulated cluster. A command is executed when it comes (or when the
 * lock that it wants is free); its reply leaves after the node's and its own delay. */
#include "support/sim_server.h"

#include <stdlib.h>
#include <string.h>

#include "base/require.h"

enum { MORE_TO_COME = 2 };
enum {
    CODE_NO_SUCH_TRANSACTION = 251,
    CODE_NOT_PRIMARY = 10107,
    CODE_NOT_PRIMARY_NO_SECONDARY_OK = 13435
};

/* --- commands --- */

static bool is_write(const char *name)
{
    return strcmp(name, "insert") == 0 || strcmp(name, "update") == 0 ||
           strcmp(name, "commitTransaction") == 0 || strcmp(name, "abortTransaction") == 0;
}

static bool is_read(const char *name)
{
    return strcmp(name, "find") == 0 || strcmp(name, "aggregate") == 0 ||
           strcmp(name, "count") == 0 || strcmp(name, "distinct") == 0 ||
           strcmp(name, "explain") == 0;
}

static bool is_to_fail(const struct sim_failing *f, const char *name)
{
    return f->times > 0 && (f->command == NULL || strcmp(f->command, name) == 0);
}

/* The rules that a node of this role enforces: 0, or the code of the error. */
static int32_t rule_broken(struct sim_node *n, const char *name, const bson_t *request,
                           const char **label)
{
    struct sim_failing *f = &n->failing;
    if (f->code != 0 && is_to_fail(f, name)) {
        f->times--;
        *label = f->label;
        return f->code;
    }
    bool is_told = !is_read(name) || sim_has(request, "$readPreference");
    if ((n->is_primary || n->cluster->is_sharded) && (is_told || !n->wants_preference)) {
        return sim_txn_join(n, request) ? 0 : CODE_NO_SUCH_TRANSACTION;
    }
    bool is_linearizable = strcmp(sim_text(request, "readConcern.level"), "linearizable") == 0;
    if (is_write(name) || is_linearizable || sim_has(request, "autocommit")) {
        return CODE_NOT_PRIMARY;
    }
    return is_told ? 0 : CODE_NOT_PRIMARY_NO_SECONDARY_OK;
}

static void execute(struct sim_node *n, const char *name, const bson_t *request, bson_t *reply)
{
    int64_t padding = sim_int(request, "bytes");
    const char *label = NULL;
    int32_t code = rule_broken(n, name, request, &label);
    struct sim_fate *fate = sim_cluster_fate(n->cluster, sim_int(request, "token"));
    fate->is_tour = strcmp(name, "getMore") == 0 || strcmp(name, "killCursors") == 0;
    if (code != 0) {
        sim_error_append(n, reply, code, "refused by a rule of the simulated cluster");
        sim_label_append(reply, label == NULL ? sim_label_of(request, code) : label);
        return;
    }
    bool is_query = strcmp(name, "find") == 0 || strcmp(name, "aggregate") == 0;
    if (is_query || sim_has(request, "more")) {
        sim_cursor_find(n, request, reply);
    } else if (strcmp(name, "getMore") == 0) {
        if (!sim_cursor_get_more(n, request, reply)) {
            return;
        }
    } else if (strcmp(name, "killCursors") == 0) {
        sim_cursor_kill(n, request, reply);
    } else if (strstr(name, "Transaction") != NULL) {
        sim_txn_end(n, request);
    }
    fate->awaits = sim_has(reply, "cursor.postBatchResumeToken");
    if (!is_write(name) || !sim_retryable_is_repeated(n->cluster, request)) {
        n->writes += is_write(name);
        fate->executed++;
        fate->is_read = strcmp(name, "killCursors") == 0 ||
                        (strcmp(name, "find") == 0 && !sim_has(request, "autocommit"));
    }
    if (padding > 0) {
        uint8_t *bytes = xcalloc(1, (size_t)padding);
        BSON_APPEND_BINARY(reply, "padding", BSON_SUBTYPE_BINARY, bytes, (uint32_t)padding);
        free(bytes);
    }
    BSON_APPEND_DOUBLE(reply, "ok", 1);
}

static const char *name_of(const bson_t *request)
{
    bson_iter_t it;
    require(bson_iter_init(&it, request) && bson_iter_next(&it));
    return bson_iter_key(&it);
}

static bool is_hello(const bson_t *request)
{
    return sim_has(request, "hello") || sim_has(request, "isMaster");
}

static void note_service(struct sim_server *s)
{
    struct sim_node *n = s->node;
    n->commands++;
    if (!s->has_served) {
        s->has_served = true;
        n->served++;
        n->served_most = n->served > n->served_most ? n->served : n->served_most;
    }
}

static void repeat_field(bson_t *reply, const bson_t *request, const char *name)
{
    bson_iter_t it;
    if (bson_iter_init_find(&it, request, name)) {
        bson_append_value(reply, name, -1, bson_iter_value(&it));
    }
}

static void answer(struct sim_server *s, const bson_t *request, bson_t *reply)
{
    const char *name = name_of(request);
    if (is_hello(request)) {
        sim_hello_answer(s, request, reply);
    } else if (strncmp(name, "sasl", 4) == 0) {
        sasl_reply(&s->sasl, request, reply);
        s->node->logins += sim_int(reply, "done") != 0;
    } else {
        require(s->node->cluster->user == NULL || s->sasl.rounds > 0);
        require(!s->node->cluster->is_balanced || s->is_greeted);
        note_service(s);
        bool is_own = !sim_has(request, "token"); /* every command of an application has one */
        s->node->own_kills += is_own && strcmp(name, "killCursors") == 0;
        s->node->own_aborts += is_own && strcmp(name, "abortTransaction") == 0;
        BSON_APPEND_INT64(reply, "token", sim_int(request, "token"));
        BSON_APPEND_INT32(reply, "node", s->node->index);
        repeat_field(reply, request, "maxTimeMS");
        execute(s->node, name, request, reply);
    }
}

/* --- replies --- */

static void free_reply(struct sim_reply *r)
{
    list_remove(&r->link);
    list_remove(&r->waiting);
    net_clear_deadline(r->server->node->cluster->net, &r->due);
    sim_message_clear(&r->request);
    free(r);
}

static void send_half(struct sim_reply *r, int32_t to, const bson_t *reply)
{
    size_t size;
    uint8_t *bytes = sim_message_write(1, to, 0, reply, &size);
    struct span half = span_of(bytes, size / 2);
    r->server->node->failing.times--;
    conn_send(r->server->conn, &half, 1);
    sim_server_close(r->server, CLOSE_FLUSH);
    free(bytes);
}

/* As the node's mistakes have it; hello is spared. */
static void send_bytes(struct sim_reply *r, const bson_t *reply)
{
    struct sim_node *n = r->server->node;
    int32_t to = r->request.request_id;
    bool is_spared = is_hello(r->request.body);
    if (!is_spared && n->wrong_ids > 0) {
        n->wrong_ids--;
        to++;
    }
    if (!is_spared && n->failing.is_cut && n->failing.times > 0) {
        send_half(r, to, reply);
        return;
    }
    sim_message_send(r->server->conn, 1, to, 0, reply);
    if (!is_spared && n->doubled > 0) {
        n->doubled--;
        sim_message_send(r->server->conn, 1, to, 0, reply);
    }
}

static void send_reply(struct sim_reply *r)
{
    struct sim_server *s = r->server;
    size_t logins = s->node->logins;
    bson_t reply = BSON_INITIALIZER;
    answer(s, r->request.body, &reply);
    if ((r->request.flags & MORE_TO_COME) == 0) {
        send_bytes(r, &reply);
    }
    bson_destroy(&reply);
    free_reply(r);
    if (s->node->ends_logins && s->node->logins > logins) {
        sim_server_close(s, CLOSE_FLUSH);
    }
}

static void on_due(struct deadline *d, msec now)
{
    struct sim_reply *r = container_of(d, struct sim_reply, due);
    struct sim_node *n = r->server->node;
    (void)now;
    if (n->is_hanging && is_hello(r->request.body)) {
        free_reply(r);
        return;
    }
    sim_balanced_serve(r->server);
    if (sim_txn_must_wait(n, r->request.body)) {
        list_push_back(&n->waiting, &r->waiting);
        return;
    }
    if (!sim_await_must_wait(r)) {
        send_reply(r);
    }
}

/* No reply; executed or not. */
static void reset_instead(struct sim_server *s, const bson_t *request)
{
    bson_t reply = BSON_INITIALIZER;
    s->node->failing.times--;
    sim_balanced_serve(s);
    if (s->node->failing.is_executed) {
        execute(s->node, name_of(request), request, &reply);
    }
    bson_destroy(&reply);
    sim_server_close(s, CLOSE_RESET);
}

static void take_request(struct sim_server *s, struct sim_message m)
{
    struct sim_node *n = s->node;
    struct sim_reply *r = xcalloc(1, sizeof *r);
    msec delay = n->delay + sim_int(m.body, "delay");
    msec held;
    r->server = s;
    r->request = m;
    list_init(&r->waiting);
    deadline_init(&r->due, on_due);
    list_push_back(&s->replies, &r->link);
    if (sim_has(m.body, "token")) {
        sim_cluster_fate(n->cluster, sim_int(m.body, "token"))->attempts++;
    }
    if (n->is_hanging) {
        free_reply(r);
    } else if (n->failing.is_reset && is_to_fail(&n->failing, name_of(m.body)) &&
               !is_hello(m.body)) {
        reset_instead(s, m.body);
    } else if (is_hello(m.body) && sim_hello_is_held(n, m.body, &held)) {
        list_push_back(&n->held, &r->waiting);
        net_set_deadline(n->cluster->net, &r->due, net_now(n->cluster->net) + held + delay);
    } else if (delay > 0) {
        net_set_deadline(n->cluster->net, &r->due, net_now(n->cluster->net) + delay);
    } else {
        on_due(&r->due, 0);
    }
}

/* --- conns --- */

static void on_open(void *owner)
{
    (void)owner;
}

static void on_drained(void *owner)
{
    (void)owner;
}

static void on_bytes(void *owner, struct span bytes)
{
    struct sim_server *s = owner;
    struct sim_message m;
    sim_inbox_add(&s->inbox, bytes);
    while (!s->is_closing && sim_inbox_take(&s->inbox, &m)) {
        take_request(s, m);
    }
}

static void on_closed(void *owner, enum status why)
{
    struct sim_server *s = owner;
    (void)why;
    list_for_each_safe (link, &s->replies) {
        free_reply(container_of(link, struct sim_reply, link));
    }
    sim_balanced_end(s);
    sim_inbox_clear(&s->inbox);
    list_remove(&s->link);
    s->node->conns--;
    s->node->served -= s->has_served;
    free(s);
}

static const struct conn_events events = {
    .on_open = on_open, .on_bytes = on_bytes, .on_drained = on_drained, .on_closed = on_closed};

void sim_server_close(struct sim_server *s, enum close_how how)
{
    s->is_closing = true;
    conn_close(s->conn, how);
}

void sim_server_accept(void *owner, struct conn *conn, const struct address *peer)
{
    struct sim_node *n = owner;
    struct sim_server *s = xcalloc(1, sizeof *s);
    (void)peer;
    s->node = n;
    s->conn = conn;
    s->sasl = (struct sasl_server){
        .mechanism = "SCRAM-SHA-256", .name = n->cluster->user, .password = n->cluster->password};
    list_init(&s->replies);
    list_push_back(&n->servers, &s->link);
    conn_attach(conn, &events, s);
    s->is_of_second = n->accepted % 2 == 1;
    n->accepted++;
    n->conns++;
    n->last_accepted = net_now(n->cluster->net);
}
