/* The topology, looked at. */
#include <stdarg.h>
#include <stdio.h>

#include "core/topology/topology_parts.h"

enum topology_kind topology_kind(const struct topology *t)
{
    return t->kind;
}

const char *topology_kind_name(enum topology_kind kind)
{
    static const char *const names[] = {
        [TOPOLOGY_UNKNOWN] = "Unknown",
        [TOPOLOGY_SINGLE] = "Single",
        [TOPOLOGY_RS_NO_PRIMARY] = "ReplicaSetNoPrimary",
        [TOPOLOGY_RS_WITH_PRIMARY] = "ReplicaSetWithPrimary",
        [TOPOLOGY_SHARDED] = "Sharded",
        [TOPOLOGY_LOAD_BALANCED] = "LoadBalanced",
    };
    return names[kind];
}

const char *topology_set_name(const struct topology *t)
{
    return t->set_name;
}

const struct topology_options *topology_options(const struct topology *t)
{
    return &t->options;
}

const struct server *topology_server(const struct topology *t, uint32_t id)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->members[i]->server.id == id) {
            return &t->members[i]->server;
        }
    }
    return NULL;
}

size_t topology_count(const struct topology *t)
{
    return t->count;
}

const struct server *topology_at(const struct topology *t, size_t index)
{
    return &t->members[index]->server;
}

uint32_t topology_primary(const struct topology *t)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->members[i]->server.description.type == SERVER_RS_PRIMARY) {
            return t->members[i]->server.id;
        }
    }
    return 0;
}

bool topology_is_usable(const struct topology *t, uint32_t id)
{
    const struct server *s = topology_server(t, id);
    if (s == NULL || t->kind == TOPOLOGY_UNKNOWN) {
        return false;
    }
    /* Who connects directly to a member that drivers pass over wants exactly that one. */
    return t->kind == TOPOLOGY_SINGLE ? s->description.type != SERVER_UNKNOWN
                                      : server_type_is_data_bearing(s->description.type);
}

static int32_t lesser(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static void take_limits(struct topology_limits *all, const struct server_description *d)
{
    all->min_wire = all->min_wire > d->min_wire ? all->min_wire : d->min_wire;
    all->max_wire = lesser(all->max_wire, d->max_wire);
    all->max_document_bytes = lesser(all->max_document_bytes, d->max_document_bytes);
    all->max_message_bytes = lesser(all->max_message_bytes, d->max_message_bytes);
    all->max_batch_count = lesser(all->max_batch_count, d->max_batch_count);
    all->has_lsid_timeout = all->has_lsid_timeout && d->has_lsid_timeout;
    all->lsid_timeout_minutes =
        all->has_lsid_timeout ? lesser(all->lsid_timeout_minutes, d->lsid_timeout_minutes) : 0;
}

bool topology_limits(const struct topology *t, struct topology_limits *out)
{
    struct topology_limits all = {.max_wire = INT32_MAX,
                                  .max_document_bytes = INT32_MAX,
                                  .max_message_bytes = INT32_MAX,
                                  .max_batch_count = INT32_MAX,
                                  .has_lsid_timeout = true,
                                  .lsid_timeout_minutes = INT32_MAX};
    bool is_any = false;
    for (size_t i = 0; i < t->count; i++) {
        const struct server_description *d = &t->members[i]->server.description;
        /* Behind a load balancer nobody says hello to us: there is nothing to learn from. */
        if (server_type_is_data_bearing(d->type) && d->type != SERVER_LOAD_BALANCER) {
            take_limits(&all, d);
            is_any = true;
        }
    }
    if (is_any) {
        *out = all;
    }
    return is_any;
}

/* SDAM: updating the topology description, "check wire compatibility". */
bool topology_is_compatible(const struct topology *t, struct error *why)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct server *s = &t->members[i]->server;
        const struct server_description *d = &s->description;
        if (d->type == SERVER_UNKNOWN || d->type == SERVER_LOAD_BALANCER) {
            continue; /* nobody has told its versions */
        }
        if (d->min_wire > WIRE_MOST) {
            error_set(why, STATUS_INCOMPATIBLE,
                      "the server at %s requires wire version %d, and this version of Mooring only "
                      "supports up to %d: a newer Mooring is needed",
                      s->address, (int)d->min_wire, WIRE_MOST);
            return false;
        }
        if (d->max_wire < WIRE_LEAST) {
            error_set(why, STATUS_INCOMPATIBLE,
                      "the server at %s reports wire version %d, and this version of Mooring "
                      "requires at least %d (MongoDB 3.6): the server is to be upgraded",
                      s->address, (int)d->max_wire, WIRE_LEAST);
            return false;
        }
    }
    return true;
}

const uint8_t *topology_max_election_id(const struct topology *t)
{
    return t->has_max_election_id ? t->max_election_id : NULL;
}

bool topology_max_set_version(const struct topology *t, int64_t *out)
{
    *out = t->max_set_version;
    return t->has_max_set_version;
}

static void append(char *text, size_t size, size_t *used, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void append(char *text, size_t size, size_t *used, const char *format, ...)
{
    if (*used >= size) {
        return;
    }
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text + *used, size - *used, format, args);
    va_end(args);
    *used += length > 0 ? (size_t)length : 0;
}

void topology_print(const struct topology *t, char *text, size_t size)
{
    size_t used = 0;
    append(text, size, &used, "%s%s%s:", topology_kind_name(t->kind), t->set_name ? " " : "",
           t->set_name ? t->set_name : "");
    for (size_t i = 0; i < t->count; i++) {
        const struct server *s = &t->members[i]->server;
        append(text, size, &used, "%s %s %s", i == 0 ? "" : ",", s->address,
               server_type_name(s->description.type));
        if (s->rtt.samples > 0) {
            append(text, size, &used, " %.0f ms", s->rtt.average_ms);
        }
        if (s->description.error != NULL) {
            append(text, size, &used, " (%s)", s->description.error);
        }
    }
    if (t->count == 0) {
        append(text, size, &used, " no servers");
    }
}
