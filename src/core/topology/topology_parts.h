/* The inside of the topology, shared by topology.c (facts, actions) and transitions.c (the table),
 * and by nobody else. */
#ifndef CORE_TOPOLOGY_TOPOLOGY_PARTS_H
#define CORE_TOPOLOGY_TOPOLOGY_PARTS_H

#include "core/topology/topology.h"

/* A server and what is still to be said about it. */
struct member {
    struct server server;
    char *address;
    bool must_add;
    bool must_clear;
    bool must_check;
    bool check_at_once;
    bool check_anew;
};

/* REMOVE is still to be said. */
struct leaver {
    uint32_t id;
    char *why; /* owned; may be NULL */
};

struct topology {
    struct topology_options options;
    enum topology_kind kind;
    char *set_name;
    struct member **members;
    size_t count;
    size_t room;
    size_t seed_count;
    uint32_t last_id;
    struct leaver *removed;
    size_t removed_count;
    size_t removed_room;
    char *last_why; /* of the REMOVE said last */
    bool is_changed;

    /* SDAM: the greatest a primary of this set has shown. */
    bool has_max_election_id;
    uint8_t max_election_id[OBJECT_ID_BYTES];
    bool has_max_set_version;
    int64_t max_set_version;
};

/* NULL when it is not part of the topology. */
struct member *topology_find(const struct topology *t, const char *address);

/* Adds a server that is not there yet, while there is room. */
void topology_add(struct topology *t, const char *address);

/* Takes `why`, which may be NULL. */
void topology_remove(struct topology *t, struct member *m, char *why);

/* Forgets what is known of the server; `error` says why, for a person. */
void member_become_unknown(struct topology *t, struct member *m, const char *error);

/* SDAM: what follows for the topology from `m`'s new description. May remove `m` and others. */
void topology_transit(struct topology *t, struct member *m);

#endif
