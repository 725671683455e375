/* The suites server-selection and max-staleness. A case's topology is built from hello replies that
 * make each server what the case says it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/scope.h"
#include "core/topology/select.h"
#include "spec.h"

enum { SERVERS_MOST = 16, DRAWS = 64 };

struct made {
    struct topology *t;
    struct selection want;
    bson_t tags; /* what `want.tags` looks at */
};

/* --- the topology --- */

static void put_role(bson_t *hello, const char *type)
{
    static const struct {
        const char *type, *key;
    } roles[] = {{"RSPrimary", "isWritablePrimary"},
                 {"RSSecondary", "secondary"},
                 {"RSArbiter", "arbiterOnly"},
                 {"RSGhost", "isreplicaset"},
                 {"Standalone", "isWritablePrimary"}};
    BSON_APPEND_INT32(hello, "ok", 1);
    if (strcmp(type, "Mongos") == 0) {
        BSON_APPEND_UTF8(hello, "msg", "isdbgrid");
    } else if (strncmp(type, "RS", 2) == 0) {
        BSON_APPEND_UTF8(hello, "setName", "rs");
    }
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(roles[i].type, type) == 0) {
            BSON_APPEND_BOOL(hello, roles[i].key, true);
        }
    }
}

static void put_hosts(bson_t *hello, const bson_t *servers)
{
    bson_t hosts, one;
    bson_iter_t at;
    BSON_APPEND_ARRAY_BEGIN(hello, "hosts", &hosts);
    require(bson_iter_init(&at, servers));
    while (bson_iter_next(&at)) {
        require(spec_take(&at, &one));
        BSON_APPEND_UTF8(&hosts, bson_iter_key(&at), spec_text(&one, "address"));
    }
    bson_append_array_end(hello, &hosts);
}

static void put_facts(bson_t *hello, const bson_t *server)
{
    bson_t tags, write, last;
    BSON_APPEND_INT32(hello, "maxWireVersion", 6);
    if (spec_document(server, "tags", &tags)) {
        BSON_APPEND_DOCUMENT(hello, "tags", &tags);
    }
    if (spec_document(server, "lastWrite", &write)) {
        BSON_APPEND_DOCUMENT_BEGIN(hello, "lastWrite", &last);
        BSON_APPEND_DATE_TIME(&last, "lastWriteDate", spec_int(&write, "lastWriteDate", 0));
        bson_append_document_end(hello, &last);
    }
}

static uint32_t id_of(const struct topology *t, const char *address)
{
    for (size_t i = 0; i < topology_count(t); i++) {
        if (strcmp(topology_at(t, i)->address, address) == 0) {
            return topology_at(t, i)->id;
        }
    }
    return 0;
}

static void tell(struct topology *t, const bson_t *server, const bson_t *servers)
{
    struct server_description d;
    struct error why;
    bson_t hello = BSON_INITIALIZER;
    const char *type = spec_text(server, "type");
    bool is_told = strcmp(type, "Unknown") != 0 && strcmp(type, "PossiblePrimary") != 0 &&
                   strcmp(type, "LoadBalancer") != 0;
    if (is_told) {
        put_role(&hello, type);
        put_hosts(&hello, servers);
        put_facts(&hello, server);
        require(server_description_read(span_of(bson_get_data(&hello), hello.len), &d, &why) ==
                STATUS_OK);
        topology_on_hello(t, id_of(t, spec_text(server, "address")), &d,
                          spec_int(server, "avg_rtt_ms", 0), spec_int(server, "lastUpdateTime", 0));
        server_description_clear(&d);
    }
    bson_destroy(&hello);
}

static void tell_seeds(struct topology *t, const bson_t *servers)
{
    const char *addresses[SERVERS_MOST];
    bson_t one;
    bson_iter_t at;
    size_t count = 0;
    require(bson_iter_init(&at, servers));
    while (bson_iter_next(&at)) {
        require(count < SERVERS_MOST && spec_take(&at, &one));
        addresses[count++] = spec_text(&one, "address");
    }
    topology_on_seeds(t, addresses, count);
}

/* `local_threshold`: 15 ms as by default, or so much that all suitable servers are near. */
static struct topology *make_topology(const bson_t *document, msec local_threshold)
{
    bson_t description, servers, one;
    bson_iter_t at;
    require(spec_document(document, "topology_description", &description) &&
            spec_document(&description, "servers", &servers));
    const char *kind = spec_text(&description, "type");
    struct topology_options options = {
        .is_direct = strcmp(kind, "Single") == 0,
        .is_load_balanced = strcmp(kind, "LoadBalanced") == 0,
        .set_name = strncmp(kind, "ReplicaSet", 10) == 0 ? "rs" : NULL,
        .heartbeat_frequency = spec_int(document, "heartbeatFrequencyMS", SECONDS(10)),
        .local_threshold = local_threshold,
    };
    struct topology *t = topology_new(&options);
    tell_seeds(t, &servers);
    require(bson_iter_init(&at, &servers));
    while (bson_iter_next(&at)) {
        require(spec_take(&at, &one));
        tell(t, &one, &servers);
    }
    return t;
}

/* --- the read preference --- */

static enum read_mode mode_named(const char *name)
{
    static const struct {
        const char *name;
        enum read_mode mode;
    } rows[] = {{"Primary", READ_PRIMARY},
                {"PrimaryPreferred", READ_PRIMARY_PREFERRED},
                {"Secondary", READ_SECONDARY},
                {"SecondaryPreferred", READ_SECONDARY_PREFERRED},
                {"Nearest", READ_NEAREST}};
    for (size_t i = 0; name != NULL && i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return rows[i].mode;
        }
    }
    require(name == NULL);
    return READ_PRIMARY;
}

static void read_want(const bson_t *document, struct made *made)
{
    bson_t preference;
    const char *operation = spec_text(document, "operation");
    require(spec_document(document, "read_preference", &preference));
    made->want = (struct selection){
        .is_write = operation != NULL && strcmp(operation, "write") == 0,
        .mode = mode_named(spec_text(&preference, "mode")),
        .max_staleness_seconds = spec_int(&preference, "maxStalenessSeconds", -1),
    };
    if (spec_document(&preference, "tag_sets", &made->tags)) {
        made->want.tags = span_of(bson_get_data(&made->tags), made->tags.len);
    }
}

/* --- what is selected --- */

/* Every server that any draw gives; INVALID when the preference is refused. */
static enum select_outcome select_all(const bson_t *document, msec local_threshold, size_t *count,
                                      bool is_chosen[SERVERS_MOST + 1])
{
    struct made made;
    uint32_t id;
    *count = 0;
    made.t = make_topology(document, local_threshold);
    read_want(document, &made);
    enum select_outcome outcome = SELECT_NONE;
    for (made.want.random = 0; made.want.random < DRAWS; made.want.random++) {
        outcome = select_server(made.t, &made.want, &id, NULL);
        if (outcome != SELECT_FOUND) {
            break;
        }
        require(id <= SERVERS_MOST);
        *count += !is_chosen[id];
        is_chosen[id] = true;
    }
    topology_free(made.t);
    return outcome;
}

/* Ids are given in the order of the seeds, hence of the case's list. */
static size_t id_in(const bson_t *document, const char *address)
{
    bson_t description, servers, one;
    bson_iter_t at;
    require(spec_document(document, "topology_description", &description) &&
            spec_document(&description, "servers", &servers) && bson_iter_init(&at, &servers));
    for (size_t id = 1; bson_iter_next(&at); id++) {
        require(spec_take(&at, &one));
        if (strcmp(spec_text(&one, "address"), address) == 0) {
            return id;
        }
    }
    return 0;
}

static char *check_list(const bson_t *document, const char *list, msec local_threshold)
{
    bool is_chosen[SERVERS_MOST + 1] = {false};
    bson_t servers, one;
    bson_iter_t at;
    size_t count, wanted = 0;
    if (select_all(document, local_threshold, &count, is_chosen) == SELECT_INVALID) {
        return xformat("%s: the read preference is refused", list);
    }
    require(spec_document(document, list, &servers) && bson_iter_init(&at, &servers));
    for (; bson_iter_next(&at); wanted++) {
        require(spec_take(&at, &one));
        const char *address = spec_text(&one, "address");
        if (!is_chosen[id_in(document, address)]) {
            return xformat("%s: %s is never selected", list, address);
        }
    }
    return wanted == count ? NULL : xformat("%s: %zu servers, not %zu", list, count, wanted);
}

static char *check_kind(const bson_t *document)
{
    bson_t description;
    struct topology *t = make_topology(document, 15);
    require(spec_document(document, "topology_description", &description));
    const char *ours = topology_kind_name(topology_kind(t));
    topology_free(t);
    return strcmp(ours, spec_text(&description, "type")) == 0
               ? NULL
               : xformat("the topology cannot be built: it is %s", ours);
}

static char *check(const struct spec_case *c)
{
    bool is_chosen[SERVERS_MOST + 1] = {false};
    bson_iter_t at;
    size_t count;
    if (spec_find(c->document, "error", &at) && bson_iter_bool(&at)) {
        bool is_refused = select_all(c->document, 15, &count, is_chosen) == SELECT_INVALID;
        return is_refused ? NULL : xstrdup("the read preference is not refused");
    }
    char *fault = check_kind(c->document);
    fault = fault != NULL ? fault : check_list(c->document, "suitable_servers", MINUTES(60));
    return fault != NULL ? fault : check_list(c->document, "in_latency_window", 15);
}

static double number(const bson_t *document, const char *name)
{
    bson_iter_t at;
    require(spec_find(document, name, &at) && BSON_ITER_HOLDS_NUMBER(&at));
    return BSON_ITER_HOLDS_DOUBLE(&at) ? bson_iter_double(&at) : (double)bson_iter_as_int64(&at);
}

static char *check_rtt(const struct spec_case *c)
{
    struct server_rtt r = {0};
    if (spec_text(c->document, "avg_rtt_ms") == NULL) { /* the text "NULL": none yet */
        r.samples = 1;
        r.average_ms = number(c->document, "avg_rtt_ms");
    }
    server_rtt_on_sample(&r, number(c->document, "new_rtt_ms"));
    double off = r.average_ms - number(c->document, "new_avg_rtt");
    return off < 1e-9 && off > -1e-9 ? NULL : xformat("the average is %f", r.average_ms);
}

int main(void)
{
    spec_run("server-selection/server_selection", check);
    spec_run("server-selection/rtt", check_rtt);
    spec_run("max-staleness", check);
    return spec_end();
}
