/* SDAM: the transition table. The new description of a server is stored already; the topology's
 * kind and the server's type choose the cell, and a cell names one of the moves below. */
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "core/topology/topology_parts.h"

enum move {
    STAY,
    SINGLE_OR_LEAVE, /* a standalone is the whole deployment, or no part of it */
    LEAVE,
    LEAVE_RECHECK,
    SHARDED,
    FIRST_PRIMARY,
    PRIMARY, /* updateRSFromPrimary */
    FIRST_MEMBER,
    MEMBER,              /* updateRSWithoutPrimary */
    MEMBER_WITH_PRIMARY, /* updateRSWithPrimaryFromMember */
    RECHECK              /* checkIfHasPrimary */
};

/* clang-format off */
static const enum move table[][4] = {
    /*                       Unknown          Sharded  RSNoPrimary  RSWithPrimary */
    [SERVER_UNKNOWN]      = {STAY,            STAY,    STAY,        RECHECK},
    [SERVER_STANDALONE]   = {SINGLE_OR_LEAVE, LEAVE,   LEAVE,       LEAVE_RECHECK},
    [SERVER_MONGOS]       = {SHARDED,         STAY,    LEAVE,       LEAVE_RECHECK},
    [SERVER_RS_PRIMARY]   = {FIRST_PRIMARY,   LEAVE,   PRIMARY,     PRIMARY},
    [SERVER_RS_SECONDARY] = {FIRST_MEMBER,    LEAVE,   MEMBER,      MEMBER_WITH_PRIMARY},
    [SERVER_RS_ARBITER]   = {FIRST_MEMBER,    LEAVE,   MEMBER,      MEMBER_WITH_PRIMARY},
    [SERVER_RS_OTHER]     = {FIRST_MEMBER,    LEAVE,   MEMBER,      MEMBER_WITH_PRIMARY},
    [SERVER_RS_GHOST]     = {STAY,            LEAVE,   STAY,        RECHECK},
};
/* clang-format on */

static const struct server_description *seen(const struct member *m)
{
    return &m->server.description;
}

static void recheck(struct topology *t)
{
    t->kind = TOPOLOGY_RS_NO_PRIMARY;
    for (size_t i = 0; i < t->count; i++) {
        if (seen(t->members[i])->type == SERVER_RS_PRIMARY) {
            t->kind = TOPOLOGY_RS_WITH_PRIMARY;
        }
    }
}

/* The first member's set name is the topology's; false when `m` is of another set. */
static bool is_of_this_set(struct topology *t, const struct member *m)
{
    if (t->set_name == NULL) {
        t->set_name = xstrdup(seen(m)->set_name);
    }
    return strcmp(t->set_name, seen(m)->set_name) == 0;
}

/* Names itself differently from how we reach it: the name it goes by is in its list of hosts. */
static bool is_misnamed(const struct member *m)
{
    return seen(m)->me != NULL && strcmp(seen(m)->me, m->address) != 0;
}

/* Why a server that answers is no part of this deployment: for a person, to be freed. */
static char *why_foreign(const struct topology *t, const struct member *m)
{
    const struct server_description *d = seen(m);
    if (t->kind == TOPOLOGY_SHARDED) {
        return xformat("it is a %s, while the others are mongos routers",
                       server_type_name(d->type));
    }
    if (t->set_name == NULL) {
        return xstrdup("it is a standalone server, while several servers are named");
    }
    return d->set_name == NULL
               ? xformat("it is in no replica set, while %s is wanted", t->set_name)
               : xformat("it is in replica set %s, while %s is wanted", d->set_name, t->set_name);
}

static void leave_as_foreign(struct topology *t, struct member *m)
{
    topology_remove(t, m, why_foreign(t, m));
}

static void leave_as_misnamed(struct topology *t, struct member *m)
{
    topology_remove(t, m, xformat("it is a member that goes by the name of %s", seen(m)->me));
}

static void add_hosts(struct topology *t, const struct member *m)
{
    for (size_t i = 0; i < seen(m)->host_count; i++) {
        if (topology_find(t, seen(m)->hosts[i]) == NULL) {
            topology_add(t, seen(m)->hosts[i]);
        }
    }
}

static bool lists(const struct server_description *d, const char *address)
{
    for (size_t i = 0; i < d->host_count; i++) {
        if (strcmp(d->hosts[i], address) == 0) {
            return true;
        }
    }
    return false;
}

/* All but `m` itself, whose list is what is compared with. */
static void remove_unlisted_others(struct topology *t, const struct member *m)
{
    for (size_t i = t->count; i-- > 0;) {
        if (t->members[i] != m && !lists(seen(m), t->members[i]->address)) {
            topology_remove(t, t->members[i], NULL);
        }
    }
}

/* A missing value is less than every other. */
static int compare_election_ids(const struct server_description *d, const struct topology *t)
{
    if (!d->has_election_id || !t->has_max_election_id) {
        return (int)d->has_election_id - (int)t->has_max_election_id;
    }
    return memcmp(d->election_id, t->max_election_id, OBJECT_ID_BYTES);
}

static int compare_set_versions(const struct server_description *d, const struct topology *t)
{
    if (!d->has_set_version || !t->has_max_set_version) {
        return (int)d->has_set_version - (int)t->has_max_set_version;
    }
    return (d->set_version > t->max_set_version) - (d->set_version < t->max_set_version);
}

static void keep_election_id(struct topology *t, const struct server_description *d)
{
    t->has_max_election_id = d->has_election_id;
    memcpy(t->max_election_id, d->election_id, OBJECT_ID_BYTES);
}

static void keep_set_version(struct topology *t, const struct server_description *d)
{
    t->has_max_set_version = d->has_set_version;
    t->max_set_version = d->set_version;
}

/* SDAM: election ids decide since MongoDB 6.0 (wire version 17), set versions before. */
static bool is_stale_primary(struct topology *t, const struct server_description *d)
{
    int election = compare_election_ids(d, t);
    int version = compare_set_versions(d, t);
    if (d->max_wire >= 17) {
        if (election < 0 || (election == 0 && version < 0)) {
            return true;
        }
        keep_election_id(t, d);
        keep_set_version(t, d);
        return false;
    }
    if (d->has_election_id && d->has_set_version) {
        bool is_known = t->has_max_election_id && t->has_max_set_version;
        if (is_known && (version < 0 || (version == 0 && election < 0))) {
            return true;
        }
        keep_election_id(t, d);
    }
    if (version > 0) {
        keep_set_version(t, d);
    }
    return false;
}

static void from_primary(struct topology *t, struct member *m)
{
    if (!is_of_this_set(t, m)) {
        leave_as_foreign(t, m);
        recheck(t);
        return;
    }
    if (is_stale_primary(t, seen(m))) {
        member_become_unknown(t, m, "primary marked stale due to electionId/setVersion mismatch");
        recheck(t);
        return;
    }
    for (size_t i = 0; i < t->count; i++) {
        struct member *other = t->members[i];
        if (other != m && seen(other)->type == SERVER_RS_PRIMARY) {
            member_become_unknown(t, other,
                                  "primary marked stale due to discovery of newer primary");
            other->must_check = true;
        }
    }
    remove_unlisted_others(t, m); /* before the others, so that there is room for those */
    add_hosts(t, m);
    if (!lists(seen(m), m->address) && is_misnamed(m)) {
        leave_as_misnamed(t, m);
    } else if (!lists(seen(m), m->address)) {
        topology_remove(t, m, xstrdup("it does not list itself among its members"));
    }
    recheck(t);
}

static void without_primary(struct topology *t, struct member *m)
{
    if (!is_of_this_set(t, m)) {
        leave_as_foreign(t, m);
        return;
    }
    add_hosts(t, m);
    if (is_misnamed(m)) {
        leave_as_misnamed(t, m);
    }
}

static void with_primary_from_member(struct topology *t, struct member *m)
{
    if (!is_of_this_set(t, m)) {
        leave_as_foreign(t, m);
    } else if (is_misnamed(m)) {
        leave_as_misnamed(t, m);
    }
    recheck(t);
}

static void single_or_leave(struct topology *t, struct member *m)
{
    if (t->seed_count == 1) {
        t->kind = TOPOLOGY_SINGLE;
    } else {
        leave_as_foreign(t, m);
    }
}

static void make_move(struct topology *t, struct member *m, enum move move)
{
    switch (move) {
    case STAY:
        break;
    case SINGLE_OR_LEAVE:
        single_or_leave(t, m);
        break;
    case LEAVE:
        leave_as_foreign(t, m);
        break;
    case LEAVE_RECHECK:
        leave_as_foreign(t, m);
        recheck(t);
        break;
    case SHARDED:
        t->kind = TOPOLOGY_SHARDED;
        break;
    case FIRST_PRIMARY:
    case PRIMARY:
        from_primary(t, m);
        break;
    case FIRST_MEMBER:
        t->kind = TOPOLOGY_RS_NO_PRIMARY;
        without_primary(t, m);
        break;
    case MEMBER:
        without_primary(t, m);
        break;
    case MEMBER_WITH_PRIMARY:
        with_primary_from_member(t, m);
        break;
    case RECHECK:
        recheck(t);
        break;
    }
}

/* A single server of another set than the one asked for is not used. */
static void require_set_name(struct topology *t, struct member *m)
{
    const struct server_description *d = seen(m);
    if (t->set_name == NULL || d->type == SERVER_UNKNOWN ||
        (d->set_name != NULL && strcmp(d->set_name, t->set_name) == 0)) {
        return;
    }
    char *text =
        d->set_name == NULL
            ? xformat("it is in no replica set, while %s was asked for", t->set_name)
            : xformat("it is in replica set %s, while %s was asked for", d->set_name, t->set_name);
    member_become_unknown(t, m, text);
    free(text);
}

void topology_transit(struct topology *t, struct member *m)
{
    enum topology_kind before = t->kind;
    enum server_type type = seen(m)->type;
    require(type != SERVER_LOAD_BALANCER);
    switch (t->kind) {
    case TOPOLOGY_UNKNOWN:
        make_move(t, m, table[type][0]);
        break;
    case TOPOLOGY_SHARDED:
        make_move(t, m, table[type][1]);
        break;
    case TOPOLOGY_RS_NO_PRIMARY:
        make_move(t, m, table[type][2]);
        break;
    case TOPOLOGY_RS_WITH_PRIMARY:
        make_move(t, m, table[type][3]);
        break;
    case TOPOLOGY_SINGLE:
        require_set_name(t, m);
        break;
    case TOPOLOGY_LOAD_BALANCED:
        break;
    }
    if (t->kind != before) {
        t->is_changed = true;
    }
}
