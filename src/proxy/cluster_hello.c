/* What hello says: the limits of the servers that are known, kept on disk between two processes.
 *
 * Before the first contact a hello is held for a moment (the exchange's deadline), then answered
 * with what listen.lastHelloFile remembers, else with wire version 17. When the real values turn
 * out to differ, clients are asked to come again. A file that cannot be read or written is told
 * once and costs nothing else.
 *
 * listen.presentation: replicaSet needs a set's name: of the settings, else TXT's, else a server's,
 * else the one remembered. A cluster that cannot be shown as a set is shown as what it is. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "core/wire/hello_keep.h"
#include "proxy/cluster_parts.h"
#include "proxy/exchange.h"
#include "proxy/proxy.h"

/* What servers would take may be more than we do. */
static void fit_own_limits(const struct cluster *c, struct hello_values *values)
{
    byte_count most = c->proxy->settings->limits.max_message_bytes;
    if ((byte_count)values->max_message_bytes > most) {
        values->max_message_bytes = (int32_t)most;
    }
}

static void read_kept(struct cluster *c)
{
    const char *path = c->proxy->settings->listen.last_hello_file;
    uint8_t bytes[HELLO_KEEP_BYTES_MOST];
    auto_file FILE *file = path == NULL ? NULL : fopen(path, "re");
    if (file == NULL) {
        return; /* there is none yet */
    }
    size_t size = fread(bytes, 1, sizeof bytes, file);
    if (!hello_keep_read(span_of(bytes, size), &c->hello)) {
        log_warn(LOG_MAIN, NULL, "%s is damaged or of another version: ignored, and written anew",
                 path);
    }
}

static bool wants_set(const struct cluster *c)
{
    return c->proxy->settings->listen.presentation == SHOW_REPLICA_SET;
}

/* NULL: not known yet, or longer than any that a server takes. */
static const char *known_set_name(const struct cluster *c)
{
    const struct settings *s = c->proxy->settings;
    const char *name =
        s->listen.replica_set != NULL ? s->listen.replica_set : s->upstream.replica_set;
    if (name == NULL && c->topology != NULL) {
        name = topology_set_name(c->topology);
        for (size_t i = 0; name == NULL && i < topology_count(c->topology); i++) {
            name = topology_at(c->topology, i)->description.set_name;
        }
    }
    return name != NULL && strlen(name) <= SET_NAME_BYTES_MOST ? name : NULL;
}

static void put_set_name(struct hello_values *values, const char *name)
{
    memset(values->set_name, 0, sizeof values->set_name);
    memcpy(values->set_name, name, strlen(name));
}

void cluster_refresh_set_name(struct cluster *c)
{
    const char *name = known_set_name(c);
    if (c->hello.presentation != PRESENT_REPLICA_SET || name == NULL ||
        strcmp(name, c->hello.set_name) == 0) {
        return;
    }
    put_set_name(&c->hello, name);
    c->hello_version++;
    proxy_on_hello_changed(c->proxy);
}

void cluster_load_hello(struct cluster *c)
{
    read_kept(c);
    if (c->hello.presentation != PRESENT_STANDALONE) { /* the file may be of other settings */
        c->hello.presentation = wants_set(c) ? PRESENT_REPLICA_SET : PRESENT_MONGOS;
    }
    cluster_refresh_set_name(c);
    fit_own_limits(c, &c->hello);
}

static void store_hello(struct cluster *c);

static void on_stored(void *owner, enum status status)
{
    struct cluster *c = owner;
    c->is_storing = false;
    if (status != STATUS_OK && !c->store_failed) {
        log_warn(LOG_MAIN, NULL, "listen.lastHelloFile: %s cannot be written",
                 c->proxy->settings->listen.last_hello_file);
    }
    c->store_failed = status != STATUS_OK;
    if (c->is_closing) {
        cluster_on_node_ended(c);
    } else if (c->stored_version != c->hello_version) {
        store_hello(c);
    }
}

/* One store at a time: a later one must not be overtaken by an earlier one. */
static void store_hello(struct cluster *c)
{
    const char *path = c->proxy->settings->listen.last_hello_file;
    uint8_t bytes[HELLO_KEEP_BYTES_MOST];
    if (path == NULL || c->is_storing) {
        return;
    }
    c->is_storing = true;
    c->stored_version = c->hello_version;
    size_t size = hello_keep_write(&c->hello, bytes);
    net_store(c->proxy->net, path, span_of(bytes, size), on_stored, c);
}

bool cluster_has_contact(const struct cluster *c)
{
    return c->has_contact;
}

const struct hello_values *cluster_hello_values(const struct cluster *c)
{
    return &c->hello;
}

uint32_t cluster_hello_version(const struct cluster *c)
{
    return c->hello_version;
}

const char *cluster_presentation_fault(const struct cluster *c)
{
    if (!wants_set(c) || !c->has_contact || c->hello.presentation == PRESENT_REPLICA_SET) {
        return NULL;
    }
    return c->hello.presentation == PRESENT_STANDALONE
               ? "listen.presentation: the cluster is a standalone, which has no retryable writes "
                 "and no transactions: it is shown as what it is, and an application with "
                 "replicaSet= in its URI does not find a server"
               : "listen.presentation: the cluster is no replica set and has no set name: set "
                 "listen.replicaSet to the one in the application's URI; it is shown as a mongos";
}

void cluster_on_nameless_hello(struct cluster *c)
{
    if (!c->told_nameless) {
        log_warn(LOG_MAIN, NULL,
                 "listen.presentation: the name of the replica set is not known yet, so that "
                 "applications have to wait for the first contact: listen.replicaSet can name it");
    }
    c->told_nameless = true;
}

static void answer_greeting(struct cluster *c)
{
    while (!list_is_empty(&c->greeting)) {
        struct exchange *x = container_of(list_first(&c->greeting), struct exchange, link);
        list_remove(&x->link);
        exchange_answer_hello(x);
    }
}

static void present(struct cluster *c, struct hello_values *values)
{
    const char *name = known_set_name(c);
    bool is_standalone = false;
    for (size_t i = 0; i < topology_count(c->topology); i++) {
        is_standalone |= topology_at(c->topology, i)->description.type == SERVER_STANDALONE;
    }
    bool is_set = wants_set(c) && name != NULL && !is_standalone;
    values->presentation = is_standalone ? PRESENT_STANDALONE
                           : is_set      ? PRESENT_REPLICA_SET
                                         : PRESENT_MONGOS;
    put_set_name(values, is_set ? name : "");
}

static void take_limits(struct cluster *c, const struct topology_limits *limits)
{
    struct hello_values values = c->hello;
    present(c, &values);
    /* A version that drivers refuse by themselves would hide what our errors say. */
    if (c->wire_fault.status == STATUS_OK) {
        values.max_wire_version = limits->max_wire;
    }
    values.max_bson_object_bytes = limits->max_document_bytes;
    values.max_message_bytes = limits->max_message_bytes;
    values.max_write_batch_size = limits->max_batch_count;
    values.logical_session_timeout_minutes =
        limits->has_lsid_timeout ? limits->lsid_timeout_minutes : -1;
    fit_own_limits(c, &values);
    bool is_changed = memcmp(&values, &c->hello, sizeof values) != 0;
    if (is_changed) {
        c->hello = values;
        c->hello_version++;
    }
    bool is_news = is_changed || !c->has_contact;
    if (is_news) {
        store_hello(c);
    }
    c->has_contact = true;
    if (is_news && cluster_presentation_fault(c) != NULL) {
        log_warn(LOG_MAIN, NULL, "%s", cluster_presentation_fault(c));
    }
    answer_greeting(c);
    if (is_changed) {
        proxy_on_hello_changed(c->proxy);
    }
}

void cluster_refresh_hello(struct cluster *c)
{
    struct topology_limits limits;
    if (topology_limits(c->topology, &limits)) {
        take_limits(c, &limits);
    }
}

void cluster_on_balanced_hello(struct cluster *c, const struct server_description *d)
{
    struct topology_limits limits = {
        .min_wire = d->min_wire,
        .max_wire = d->max_wire,
        .max_document_bytes = d->max_document_bytes,
        .max_message_bytes = d->max_message_bytes,
        .max_batch_count = d->max_batch_count,
        .has_lsid_timeout = d->has_lsid_timeout,
        .lsid_timeout_minutes = d->lsid_timeout_minutes,
    };
    take_limits(c, &limits);
}
