/* The suite server-discovery-and-monitoring: what a topology is after hello replies, failed checks
 * and errors of applications. Its `monitoring` part is in test_sdam_events.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/scope.h"
#include "sdam.h"

static struct sdam world;

static char *differs(const char *of, const char *what, const char *ours, const char *theirs)
{
    ours = ours == NULL ? "null" : ours;
    theirs = theirs == NULL ? "null" : theirs;
    return strcmp(ours, theirs) == 0 ? NULL
                                     : xformat("%s of %s is %s, not %s", what, of, ours, theirs);
}

/* A number, or NULL for null. To be freed. */
static char *number_text(bool is_set, int64_t number)
{
    return is_set ? xformat("%lld", (long long)number) : NULL;
}

static char *id_text(bool is_set, const uint8_t *bytes)
{
    bson_oid_t oid;
    char text[25];
    if (!is_set) {
        return NULL;
    }
    bson_oid_init_from_data(&oid, bytes);
    bson_oid_to_string(&oid, text);
    return xstrdup(text);
}

static char *version_text(const struct topology_version *v)
{
    auto_free char *process = id_text(v->is_set, v->process_id);
    return v->is_set ? xformat("%s/%lld", process, (long long)v->counter) : NULL;
}

/* The case's value in the same words; NULL for null. */
static char *value_text(const bson_iter_t *at)
{
    bson_t document;
    bson_iter_t process;
    if (BSON_ITER_HOLDS_NULL(at)) {
        return NULL;
    }
    if (BSON_ITER_HOLDS_OID(at)) {
        return id_text(true, bson_iter_oid(at)->bytes);
    }
    if (spec_take(at, &document)) {
        struct topology_version v = {.is_set = true, .counter = spec_int(&document, "counter", 0)};
        require(spec_find(&document, "processId", &process));
        memcpy(v.process_id, bson_iter_oid(&process)->bytes, OBJECT_ID_BYTES);
        return version_text(&v);
    }
    return spec_value(at);
}

/* Our value of a field of a server of the case; false: the field is none that we know. */
static bool server_field(const struct server *s, const char *key, char **out)
{
    const struct server_description *d = &s->description;
    bool has_told = d->type != SERVER_UNKNOWN && d->type != SERVER_LOAD_BALANCER;
    *out = NULL;
    if (strcmp(key, "type") == 0) {
        *out = xstrdup(server_type_name(d->type));
    } else if (strcmp(key, "setName") == 0) {
        *out = d->set_name == NULL ? NULL : xstrdup(d->set_name);
    } else if (strcmp(key, "setVersion") == 0) {
        *out = number_text(d->has_set_version, d->set_version);
    } else if (strcmp(key, "electionId") == 0) {
        *out = id_text(d->has_election_id, d->election_id);
    } else if (strcmp(key, "logicalSessionTimeoutMinutes") == 0) {
        *out = number_text(d->has_lsid_timeout, d->lsid_timeout_minutes);
    } else if (strcmp(key, "minWireVersion") == 0) {
        *out = number_text(has_told, d->min_wire);
    } else if (strcmp(key, "maxWireVersion") == 0) {
        *out = number_text(has_told, d->max_wire);
    } else if (strcmp(key, "topologyVersion") == 0) {
        *out = version_text(&d->version);
    } else {
        return false;
    }
    return true;
}

static char *check_generation(const struct server *s, const bson_iter_t *at)
{
    bson_t pool;
    require(spec_take(at, &pool));
    int64_t wanted = spec_int(&pool, "generation", -1);
    unsigned ours = world.generation[s->id];
    return wanted == (int64_t)ours
               ? NULL
               : xformat("generation of %s is %u, not %lld", s->address, ours, (long long)wanted);
}

static char *check_field(const struct server *s, const bson_iter_t *at)
{
    auto_free char *ours = NULL;
    const char *key = bson_iter_key(at);
    if (strcmp(key, "pool") == 0) {
        return check_generation(s, at);
    }
    if (!server_field(s, key, &ours)) {
        return xformat("the case speaks of %s", key);
    }
    auto_free char *theirs = value_text(at);
    /* A guess of clients with one thread alone; "Unknown" for all others. */
    bool is_guess = theirs != NULL && strcmp(theirs, "PossiblePrimary") == 0;
    return differs(s->address, key, ours, is_guess ? "Unknown" : theirs);
}

static char *check_servers(const bson_t *servers)
{
    bson_iter_t one, field;
    bson_t fields;
    size_t count = 0;
    char *fault = NULL;
    require(bson_iter_init(&one, servers));
    for (; fault == NULL && bson_iter_next(&one); count++) {
        const struct server *s = sdam_find(&world, bson_iter_key(&one));
        if (s == NULL) {
            return xformat("%s is no part of it", bson_iter_key(&one));
        }
        require(spec_take(&one, &fields) && bson_iter_init(&field, &fields));
        while (fault == NULL && bson_iter_next(&field)) {
            fault = check_field(s, &field);
        }
    }
    size_t ours = topology_count(world.t);
    return fault != NULL || count == ours ? fault : xformat("%zu servers, not %zu", ours, count);
}

static char *lsid_timeout_text(void)
{
    struct topology_limits limits;
    bool is_any = topology_limits(world.t, &limits);
    return number_text(is_any && limits.has_lsid_timeout, is_any ? limits.lsid_timeout_minutes : 0);
}

/* Our value of a field of the outcome. */
static bool outcome_field(const char *key, char **out)
{
    int64_t version;
    *out = NULL;
    if (strcmp(key, "topologyType") == 0) {
        *out = xstrdup(topology_kind_name(topology_kind(world.t)));
    } else if (strcmp(key, "setName") == 0) {
        const char *name = topology_set_name(world.t);
        *out = name == NULL ? NULL : xstrdup(name);
    } else if (strcmp(key, "logicalSessionTimeoutMinutes") == 0) {
        *out = lsid_timeout_text();
    } else if (strcmp(key, "maxElectionId") == 0) {
        const uint8_t *id = topology_max_election_id(world.t);
        *out = id_text(id != NULL, id);
    } else if (strcmp(key, "maxSetVersion") == 0) {
        bool is_set = topology_max_set_version(world.t, &version);
        *out = number_text(is_set, version);
    } else if (strcmp(key, "compatible") == 0) {
        *out = xstrdup(topology_is_compatible(world.t, NULL) ? "true" : "false");
    } else {
        return false;
    }
    return true;
}

static char *check_outcome(const bson_t *outcome)
{
    bson_iter_t at;
    bson_t servers;
    char *fault = NULL;
    require(bson_iter_init(&at, outcome));
    while (fault == NULL && bson_iter_next(&at)) {
        const char *key = bson_iter_key(&at);
        auto_free char *ours = NULL;
        if (strcmp(key, "servers") == 0) {
            require(spec_take(&at, &servers));
            fault = check_servers(&servers);
        } else if (!outcome_field(key, &ours)) {
            fault = xformat("the case speaks of %s", key);
        } else {
            auto_free char *theirs = value_text(&at);
            fault = differs("the topology", key, ours, theirs);
        }
    }
    return fault;
}

static void tell_all(const bson_t *phase, const char *list,
                     void (*tell)(struct sdam *s, const bson_t *one))
{
    bson_t facts, fact;
    bson_iter_t at;
    if (!spec_document(phase, list, &facts)) {
        return;
    }
    require(bson_iter_init(&at, &facts));
    while (bson_iter_next(&at)) {
        require(spec_take(&at, &fact));
        tell(&world, &fact);
    }
}

static char *check_phase(const bson_t *phase)
{
    bson_t outcome;
    tell_all(phase, "responses", sdam_hear);
    tell_all(phase, "applicationErrors", sdam_fail);
    require(spec_document(phase, "outcome", &outcome));
    return check_outcome(&outcome);
}

static char *check(const struct spec_case *c)
{
    bson_t phases, phase;
    bson_iter_t at;
    char *fault = NULL;
    unsigned number = 1;
    sdam_begin(&world, spec_text(c->document, "uri"));
    require(spec_document(c->document, "phases", &phases) && bson_iter_init(&at, &phases));
    for (; fault == NULL && bson_iter_next(&at); number++) {
        require(spec_take(&at, &phase));
        auto_free char *found = check_phase(&phase);
        fault = found == NULL ? NULL : xformat("phase %u: %s", number, found);
    }
    sdam_end(&world);
    return fault;
}

int main(void)
{
    static const char *const folders[] = {"rs", "sharded", "single", "load-balanced", "errors"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        auto_free char *folder = xformat("server-discovery-and-monitoring/%s", folders[i]);
        spec_run(folder, check);
    }
    return spec_end();
}
