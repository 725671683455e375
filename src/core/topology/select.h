/* Read preference, tags, staleness and latency to one server (server selection). Pure. */
#ifndef CORE_TOPOLOGY_SELECT_H
#define CORE_TOPOLOGY_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "core/topology/topology.h"
#include "core/wire/read_mode.h"

struct selection {
    bool is_write; /* mode, tags and staleness are then not looked at */
    bool is_fixed; /* of those that suit always the same, by its address, whatever its distance */
    enum read_mode mode;
    struct span tags;              /* BSON array of documents as bytes; size 0: none */
    int64_t max_staleness_seconds; /* negative: none; 0 counts as none, as in mongos */
    const uint32_t *excluded;      /* servers to take only when no other suits */
    size_t excluded_count;
    size_t (*operations)(void *owner,
                         uint32_t id); /* in progress at a server; NULL: not looked at */
    void *owner;
    uint64_t random; /* picks the two that are compared */
};

enum select_outcome {
    SELECT_FOUND,
    SELECT_NONE,   /* none suits now: wait for TOPOLOGY_CHANGED */
    SELECT_INVALID /* the read preference is wrong: answer `refusal` */
};

/* What a mongos answers to a wrong read preference. */
struct select_refusal {
    int32_t code;
    char text[200];
};

/* FOUND: the id of the server to take is in `*out`. INVALID: `*refusal` (NULL accepted) is set. */
enum select_outcome select_server(const struct topology *t, const struct selection *want,
                                  uint32_t *out, struct select_refusal *refusal);

#endif
