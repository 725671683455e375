/* The facts, and what is still to be said about them. What follows from a new description is in
 * transitions.c. */
#include "core/topology/topology.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/require.h"
#include "core/topology/topology_parts.h"
#include "core/wire/reply_skim.h"

/* What is known before anybody has said anything. */
static void begin(struct topology *t)
{
    const struct topology_options *options = &t->options;
    free(t->set_name);
    t->set_name = options->set_name == NULL ? NULL : xstrdup(options->set_name);
    t->kind = options->is_load_balanced ? TOPOLOGY_LOAD_BALANCED
              : options->is_direct      ? TOPOLOGY_SINGLE
              : t->set_name != NULL     ? TOPOLOGY_RS_NO_PRIMARY
                                        : TOPOLOGY_UNKNOWN;
    t->has_max_election_id = false;
    t->has_max_set_version = false;
}

struct topology *topology_new(const struct topology_options *options)
{
    struct topology *t = xcalloc(1, sizeof *t);
    t->options = *options;
    t->options.set_name = options->set_name == NULL ? NULL : xstrdup(options->set_name);
    begin(t);
    return t;
}

static void member_free(struct member *m)
{
    server_description_clear(&m->server.description);
    free(m->address);
    free(m);
}

void topology_free(struct topology *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->count; i++) {
        member_free(t->members[i]);
    }
    for (size_t i = 0; i < t->removed_count; i++) {
        free(t->removed[i].why);
    }
    free(t->members);
    free(t->removed);
    free(t->last_why);
    free(t->set_name);
    free((char *)(uintptr_t)t->options.set_name);
    free(t);
}

struct member *topology_find(const struct topology *t, const char *address)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcasecmp(t->members[i]->address, address) == 0) {
            return t->members[i];
        }
    }
    return NULL;
}

static struct member *find_id(const struct topology *t, uint32_t id)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->members[i]->server.id == id) {
            return t->members[i];
        }
    }
    return NULL;
}

void topology_add(struct topology *t, const char *address)
{
    if (t->count == TOPOLOGY_SERVERS_MOST) {
        return;
    }
    if (t->count == t->room) {
        t->room = t->room == 0 ? 8 : 2 * t->room;
        t->members = xrealloc(t->members, t->room * sizeof(struct member *));
    }
    struct member *m = xcalloc(1, sizeof *m);
    m->address = xstrdup(address);
    for (char *c = m->address; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    m->server.id = ++t->last_id;
    m->server.address = m->address;
    m->must_add = true;
    server_description_init(&m->server.description, NULL);
    if (t->kind == TOPOLOGY_LOAD_BALANCED) { /* never checked, hence known from the start */
        m->server.description.type = SERVER_LOAD_BALANCER;
    }
    t->members[t->count++] = m;
    t->is_changed = true;
}

void topology_remove(struct topology *t, struct member *m, char *why)
{
    size_t at = 0;
    while (t->members[at] != m) {
        at++;
        require(at < t->count);
    }
    memmove(&t->members[at], &t->members[at + 1], (t->count - at - 1) * sizeof(struct member *));
    t->count--;
    if (!m->must_add) {
        if (t->removed_count == t->removed_room) {
            t->removed_room = t->removed_room == 0 ? 8 : 2 * t->removed_room;
            t->removed = xrealloc(t->removed, t->removed_room * sizeof *t->removed);
        }
        t->removed[t->removed_count++] = (struct leaver){.id = m->server.id, .why = why};
    } else {
        free(why);
    }
    t->is_changed = true;
    member_free(m);
}

static bool is_listed(const char *const *addresses, size_t count, const char *address)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(addresses[i], address) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_any_known(const struct topology *t)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->members[i]->server.description.type != SERVER_UNKNOWN) {
            return true;
        }
    }
    return false;
}

void topology_on_seeds(struct topology *t, const char *const *addresses, size_t count)
{
    bool is_first = t->count == 0;
    bool follows = t->kind == TOPOLOGY_UNKNOWN || t->kind == TOPOLOGY_SHARDED;
    bool is_lost = t->kind == TOPOLOGY_RS_NO_PRIMARY && !is_any_known(t);
    if (count == 0 || (!is_first && !follows && !is_lost)) {
        return;
    }
    if (is_first) {
        begin(t);
    }
    t->seed_count = count;
    for (size_t i = 0; i < count; i++) {
        if (topology_find(t, addresses[i]) == NULL) {
            topology_add(t, addresses[i]);
        }
    }
    for (size_t i = t->count; follows && i-- > 0;) {
        if (!is_listed(addresses, count, t->members[i]->address)) {
            topology_remove(t, t->members[i], NULL);
        }
    }
}

/* Puts `d`, which it takes, in the place of the old description. */
static void describe(struct topology *t, struct member *m, struct server_description d)
{
    struct server_description *old = &m->server.description;
    if (!server_description_equals(old, &d) || old->last_write_ms != d.last_write_ms) {
        t->is_changed = true;
    }
    server_description_clear(old);
    *old = d;
}

void member_become_unknown(struct topology *t, struct member *m, const char *error)
{
    struct server_description d;
    server_description_init(&d, error);
    describe(t, m, d);
}

void topology_on_hello(struct topology *t, uint32_t id, const struct server_description *d,
                       msec rtt, msec now)
{
    struct member *m = find_id(t, id);
    if (m == NULL || t->kind == TOPOLOGY_LOAD_BALANCED) {
        return;
    }
    if (d->type == SERVER_UNKNOWN) {
        topology_on_check_failed(t, id, STATUS_HELLO_FAILED, d->error, now);
        return;
    }
    server_rtt_on_sample(&m->server.rtt, (double)rtt);
    if (topology_version_is_older(&d->version, &m->server.description.version)) {
        return;
    }
    struct server_description copy;
    server_description_copy(&copy, d);
    m->server.updated_at = now;
    describe(t, m, copy);
    topology_transit(t, m);
}

void topology_on_check_failed(struct topology *t, uint32_t id, enum status status, const char *why,
                              msec now)
{
    struct member *m = find_id(t, id);
    if (m == NULL || t->kind == TOPOLOGY_LOAD_BALANCED) {
        return;
    }
    bool was_known = m->server.description.type != SERVER_UNKNOWN;
    m->server.updated_at = now;
    m->server.rtt = (struct server_rtt){0};
    member_become_unknown(t, m, why == NULL ? status_text(status) : why);
    m->must_clear = true;
    if (was_known && status != STATUS_HELLO_FAILED) {
        m->must_check = true;
        m->check_at_once = true;
    }
    topology_transit(t, m);
}

bool topology_on_command_error(struct topology *t, uint32_t id, const struct topology_error *error,
                               msec now)
{
    struct member *m = find_id(t, id);
    if (m == NULL || t->kind == TOPOLOGY_LOAD_BALANCED || !error->is_current ||
        !code_is_state_change(error->code)) {
        return false;
    }
    const struct topology_version *known = &m->server.description.version;
    bool is_same = error->version.is_set && known->is_set &&
                   memcmp(error->version.process_id, known->process_id, OBJECT_ID_BYTES) == 0;
    if (is_same && error->version.counter <= known->counter) {
        return false; /* it happened before the state that we know */
    }
    char text[80];
    snprintf(text, sizeof text, "it answered a command with error %d", (int)error->code);
    /* SDAM: before MongoDB 4.2 a primary that stepped down closed all connections. Of a server that
     * an earlier error has made unknown the version is not known either. */
    const struct server_description *d = &m->server.description;
    bool closes_all = d->type != SERVER_UNKNOWN && d->max_wire < 8;
    m->server.updated_at = now;
    member_become_unknown(t, m, text);
    m->server.description.version = error->version;
    m->must_check = true;
    m->must_clear = m->must_clear || closes_all || code_is_shutdown(error->code);
    topology_transit(t, m);
    return true;
}

void topology_on_network_error(struct topology *t, uint32_t id, bool is_current, enum status status,
                               msec now)
{
    struct member *m = find_id(t, id);
    if (m == NULL || t->kind == TOPOLOGY_LOAD_BALANCED || !is_current) {
        return;
    }
    m->server.updated_at = now;
    member_become_unknown(t, m, status_text(status));
    m->must_clear = true;
    m->must_check = m->check_anew = true; /* SDAM: cancels the check under way */
    topology_transit(t, m);
}

static bool next_of_member(struct member *m, struct topology_action *out)
{
    *out = (struct topology_action){.id = m->server.id};
    if (m->must_add) {
        m->must_add = false;
        out->kind = TOPOLOGY_ADD;
        out->address = m->address;
        return true;
    }
    if (m->must_clear) {
        m->must_clear = false;
        out->kind = TOPOLOGY_CLEAR_POOL;
        return true;
    }
    if (m->must_check) {
        out->kind = TOPOLOGY_CHECK_NOW;
        out->at_once = m->check_at_once;
        out->anew = m->check_anew;
        m->must_check = m->check_at_once = m->check_anew = false;
        return true;
    }
    return false;
}

bool topology_next_action(struct topology *t, struct topology_action *out)
{
    if (t->removed_count > 0) {
        free(t->last_why);
        t->last_why = t->removed[0].why;
        *out = (struct topology_action){
            .kind = TOPOLOGY_REMOVE, .id = t->removed[0].id, .why = t->last_why};
        t->removed_count--;
        memmove(t->removed, t->removed + 1, t->removed_count * sizeof *t->removed);
        return true;
    }
    for (size_t i = 0; i < t->count; i++) {
        if (next_of_member(t->members[i], out)) {
            return true;
        }
    }
    if (t->is_changed) {
        t->is_changed = false;
        *out = (struct topology_action){.kind = TOPOLOGY_CHANGED};
        return true;
    }
    return false;
}
