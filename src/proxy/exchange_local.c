/* Answers of our own: hello, refused commands, errors. Each ends the exchange. */
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "core/wire/hello_reply.h"
#include "proxy/apps.h"
#include "proxy/client.h"
#include "proxy/cluster.h"
#include "proxy/exchange_parts.h"
#include "proxy/node.h"
#include "proxy/proxy.h"
#include "proxy/vanished.h"

static int64_t wall_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void send_and_finish(struct exchange *x, struct buf *reply)
{
    if (exchange_live_client(x) != NULL && !buf_is_empty(reply)) {
        client_send_buf(x->client, reply);
    }
    buf_clear(reply);
    exchange_finish(x);
}

void exchange_answer_error(struct exchange *x, struct error_row row, const char *text)
{
    struct buf reply;
    if (x->is_own) {
        exchange_finish(x); /* nobody to tell */
        return;
    }
    buf_init(&reply, &x->proxy->net->chunks);
    metrics_count(&x->proxy->metrics, errors_made);
    if (x->stream != NULL) {
        x->facts = x->stream->facts; /* what came after the decision may say more */
    }
    if (!x->facts.expects_reply && x->is_held_whole) {
        metrics_count(&x->proxy->metrics, unacknowledged_dropped);
        log_warn(LOG_CLIENT, NULL, "an unacknowledged write was dropped: %s", text);
    }
    reply_error(&reply, &x->facts, proxy_next_id(x->proxy), row, text);
    struct client *client = exchange_live_client(x);
    bool is_partial = x->received < (uint32_t)x->head.length;
    send_and_finish(x, &reply);
    if (is_partial && client != NULL) {
        /* The rest of the request would be taken for a new one. */
        client_close(client, STATUS_NOT_SUITABLE, text);
    }
}

void exchange_answer_fault(struct exchange *x)
{
    enum wire_fault fault = x->fault;
    struct client *client = exchange_live_client(x);
    bool closes = wire_fault_row(fault)->closes;
    exchange_answer_error(x, error_row_fault(fault), wire_fault_row(fault)->text);
    if (closes && client != NULL) {
        client_close(client, STATUS_PROTOCOL_ERROR, wire_fault_row(fault)->text);
    }
}

static void answer_refused(struct exchange *x)
{
    const char *text = "";
    char name[24];
    struct error_row row = error_row_refused(x->facts.command, &text);
    log_warn(LOG_CLIENT, client_name(x->client, name), "refused %s: %s",
             command_name(x->facts.command), text);
    exchange_answer_error(x, row, text);
}

/* Drivers go on with what hello says and forget the address that they were given: TCP clients are
 * told listen.advertisedHost, or the very address on which they reached us; those of a Unix socket
 * its path. */
static struct span address_for(const struct client *client, char text[HELLO_ADDRESS_BYTES_MOST])
{
    const char *host = client->proxy->settings->listen.advertised_host;
    struct address at;
    char own[ADDRESS_TEXT_SIZE];
    conn_local_address(client->conn, &at);
    if (host == NULL || at.family == ADDRESS_UNIX) {
        snprintf(text, HELLO_ADDRESS_BYTES_MOST, "%s", address_print(&at, own));
        return span_text(text);
    }
    const char *bracket = strchr(host, ']');
    bool has_port = strchr(bracket == NULL ? host : bracket, ':') != NULL;
    if (has_port) {
        snprintf(text, HELLO_ADDRESS_BYTES_MOST, "%s", host);
    } else {
        snprintf(text, HELLO_ADDRESS_BYTES_MOST, "%s:%u", host, at.port);
    }
    return span_text(text);
}

static void reply_to_hello(const struct exchange *x, struct client *client, struct buf *reply)
{
    struct cluster *cluster = x->proxy->cluster;
    const struct hello_values *values = cluster_hello_values(cluster);
    char address[HELLO_ADDRESS_BYTES_MOST];
    struct hello_asker asker = {.connection_id = (int32_t)client->id};
    if (hello_presentation(&x->facts, values) == PRESENT_REPLICA_SET) {
        asker.address = address_for(client, address);
        if (values->set_name[0] == '\0') {
            cluster_on_nameless_hello(cluster);
        }
    }
    client->greeted_with = cluster_hello_version(cluster);
    reply_hello(reply, &x->facts, proxy_next_id(x->proxy), values, &asker, wall_clock_ms());
}

static void note_client(const struct exchange *x, struct client *client)
{
    struct client_names names;
    if (x->facts.hello.client.size > 0) {
        client->has_metadata = true;
        hello_read_client(x->facts.hello.client, &names);
        apps_on_name(x->proxy->apps, client, names.application);
    }
    vanished_on_hello(x->proxy->vanished, client, &x->facts);
}

void exchange_answer_hello(struct exchange *x)
{
    struct buf reply;
    struct error_row row;
    const char *text;
    struct client *client = exchange_live_client(x);
    if (client == NULL) {
        exchange_finish(x);
        return;
    }
    if (hello_is_refused(&x->facts, client->has_metadata, &row, &text)) {
        exchange_answer_error(x, row, text);
        return;
    }
    note_client(x, client);
    metrics_count(&x->proxy->metrics, answered_locally);
    buf_init(&reply, &x->proxy->net->chunks);
    reply_to_hello(x, client, &reply);
    send_and_finish(x, &reply);
}

bool exchange_answer_locally(struct exchange *x)
{
    if (command_is_hello(x->facts.command)) {
        if (cluster_has_contact(x->proxy->cluster)) {
            exchange_answer_hello(x);
            return true;
        }
        exchange_move(x, EXCHANGE_GREETING);
        cluster_wait_contact(x->proxy->cluster, x);
        net_set_deadline(x->proxy->net, &x->deadline, x->arrived + FIRST_CONTACT_MS);
        return true;
    }
    if (command_is_refused(x->facts.command)) {
        answer_refused(x);
        return true;
    }
    if (x->facts.preference.is_malformed) {
        exchange_answer_error(x, error_row_for(SITUATION_READ_PREFERENCE, exchange_operation(x)),
                              "$readPreference cannot be read: it wants a document with a known "
                              "mode, tags as a list of "
                              "documents of texts, and maxStalenessSeconds as a whole number");
        return true;
    }
    return false;
}

static enum situation situation_of(enum status status)
{
    switch ((int)status) {
    case STATUS_QUEUE_TIMED_OUT:
        return SITUATION_POOL_TIMED_OUT;
    case STATUS_QUEUE_FULL:
    case STATUS_BUFFERS_FULL:
        return SITUATION_OVERLOADED;
    case STATUS_DRAINING:
        return SITUATION_DRAINING;
    case STATUS_AUTH_FAILED:
    case STATUS_AUTH_UNSUPPORTED:
        return SITUATION_LOGIN_FAILED;
    default:
        return SITUATION_NO_NODE;
    }
}

const char *exchange_print_client(const struct exchange *x, char name[EXCHANGE_NAME_SIZE])
{
    return x->client == NULL ? "a client that left" : client_name(x->client, name);
}

enum operation exchange_operation(const struct exchange *x)
{
    enum operation operation = operation_of(&x->facts);
    const struct known_cursor *cursor = cluster_cursor(x->proxy->cluster, &x->facts, x->identity);
    bool may_be_change_stream =
        operation == OPERATION_GET_MORE && (cursor == NULL || cursor->is_change_stream);
    return may_be_change_stream ? OPERATION_CHANGE_STREAM : operation;
}

/* What was waited for, how long, and the last cause: for the error's text. */
static void describe(const struct exchange *x, enum status status, char *text, size_t size)
{
    char room[EXCHANGE_NAME_SIZE];
    const char *name = exchange_print_client(x, room);
    char pool[400] = "";
    char finding[CLUSTER_FINDING_SIZE];
    msec waited = net_now(x->proxy->net) - x->arrived;
    const struct error *fault = cluster_fault(x->proxy->cluster);
    if (x->app != NULL && !x->is_admitted) {
        snprintf(text, size,
                 "%s waited %lld ms while its application had limits.maxOperationsPerApp (%lld) "
                 "operations in progress: %s",
                 name, (long long)waited,
                 (long long)x->proxy->settings->limits.max_operations_per_app, status_text(status));
    } else if (status == STATUS_QUEUE_TIMED_OUT || status == STATUS_QUEUE_FULL) {
        if (x->node != NULL) {
            node_print(x->node, pool, sizeof pool);
        }
        snprintf(text, size, "%s waited %lld ms for a pooled connection (%s): %s [LIM-04]", name,
                 (long long)waited, pool, status_text(status));
    } else if (fault != NULL) {
        snprintf(text, size, "%s: %s (%s)%s", status_text(fault->status), fault->text, name,
                 cluster_print_finding(x->proxy->cluster, finding));
    } else {
        snprintf(text, size, "%s waited %lld ms for a suitable server for %s: %s; last cause: %s%s",
                 name, (long long)waited, command_name(x->facts.command), status_text(status),
                 cluster_why(x->proxy->cluster), cluster_print_finding(x->proxy->cluster, finding));
    }
}

void exchange_refuse(struct exchange *x, enum status status)
{
    char text[ERROR_TEXT_MOST];
    enum situation situation = situation_of(status);
    bool waited_out = status == STATUS_QUEUE_TIMED_OUT || status == STATUS_NOT_SUITABLE;
    if (exchange_must_tell_earlier(x)) {
        exchange_send_earlier(x);
        exchange_finish(x);
        return;
    }
    if (waited_out && net_now(x->proxy->net) >= exchange_own_deadline(x)) {
        situation = SITUATION_TIME_EXPIRED;
    }
    describe(x, status, text, sizeof text);
    exchange_answer_error(x, error_row_for(situation, exchange_operation(x)), text);
}
