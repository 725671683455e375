/* A topology, hello replies written as JSON with ' for ", and the sentences of its tests. */
#ifndef UNIT_CORE_TOPOLOGY_TOPOLOGY_WORLD_H
#define UNIT_CORE_TOPOLOGY_TOPOLOGY_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <bson/bson.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "core/topology/topology.h"

/* The caller destroys it. */
static inline bson_t *bson_of(const char *json)
{
    char *text = xstrdup(json);
    bson_error_t error;
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    bson_t *b = bson_new_from_json((const uint8_t *)text, -1, &error);
    if (b == NULL) {
        fail_msg("%s: %s", text, error.message);
    }
    free(text);
    return b;
}

/* The caller clears it. */
static inline struct server_description description_of(const char *json)
{
    struct server_description d;
    struct error why;
    bson_t *b = bson_of(json);
    assert_int_equal(server_description_read(span_of(bson_get_data(b), b->len), &d, &why),
                     STATUS_OK);
    bson_destroy(b);
    return d;
}

static inline struct topology *topology_of(struct topology_options options, const char *seeds)
{
    options.heartbeat_frequency = SECONDS(10);
    options.local_threshold = 15;
    struct topology *t = topology_new(&options);
    char *list = xstrdup(seeds);
    const char *addresses[20];
    char *rest = list;
    size_t count = 0;
    for (char *one; (one = strsep(&rest, ",")) != NULL;) {
        addresses[count++] = one;
    }
    topology_on_seeds(t, addresses, count);
    free(list);
    return t;
}

/* Server "x" is at "x:1". */
static inline const struct server *server_named(const struct topology *t, const char *name)
{
    for (size_t i = 0; i < topology_count(t); i++) {
        const struct server *s = topology_at(t, i);
        if (strncmp(s->address, name, strlen(name)) == 0 && s->address[strlen(name)] == ':') {
            return s;
        }
    }
    return NULL;
}

static inline uint32_t id_of(const struct topology *t, const char *name)
{
    const struct server *s = server_named(t, name);
    assert_non_null(s);
    return s->id;
}

static inline void says(struct topology *t, const char *name, const char *json)
{
    struct server_description d = description_of(json);
    topology_on_hello(t, id_of(t, name), &d, 5, 1000);
    server_description_clear(&d);
}

static inline void expect(const struct topology *t, const char *printed)
{
    char text[600];
    topology_print(t, text, sizeof text);
    assert_string_equal(text, printed);
}

/* Performs all actions; returns how many of that kind concerned server `id` (0: any). */
static inline size_t count_actions(struct topology *t, enum topology_action_kind kind, uint32_t id)
{
    struct topology_action a;
    size_t count = 0;
    while (topology_next_action(t, &a)) {
        count += a.kind == kind && (id == 0 || a.id == id);
    }
    return count;
}

static inline void settle(struct topology *t)
{
    count_actions(t, TOPOLOGY_CHANGED, 0);
}

/* A primary and a secondary that know each other. */
#define HOSTS_AB "'hosts':['a:1','b:1']"
#define PRIMARY_AB                                                                    \
    "{'ok':1,'setName':'rs','ismaster':true,'maxWireVersion':21," HOSTS_AB            \
    ",'topologyVersion':{'processId':{'$oid':'000000000000000000000001'},'counter':{" \
    "'$numberLong':'5'}}}"
#define SECONDARY_AB "{'ok':1,'setName':'rs','secondary':true,'maxWireVersion':21," HOSTS_AB "}"

#endif
