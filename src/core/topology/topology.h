/* What we believe about the deployment (SDAM: server discovery and monitoring).
 *
 * Told by hello replies and failures, asked for what follows from them, looked at by server
 * selection and reports. Pure. Ids of servers are never used twice; what is told about a server
 * that left is ignored. */
#ifndef CORE_TOPOLOGY_TOPOLOGY_H
#define CORE_TOPOLOGY_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/units.h"
#include "core/topology/server.h"

/* What seeds or members name beyond it is passed over; a replica set has at most 50 members. */
enum { TOPOLOGY_SERVERS_MOST = 256 };

enum topology_kind {
    TOPOLOGY_UNKNOWN,
    TOPOLOGY_SINGLE,
    TOPOLOGY_RS_NO_PRIMARY,
    TOPOLOGY_RS_WITH_PRIMARY,
    TOPOLOGY_SHARDED,
    TOPOLOGY_LOAD_BALANCED
};

struct topology_options {
    bool is_direct;        /* directConnection=true */
    bool is_load_balanced; /* loadBalanced=true */
    const char *set_name;  /* NULL: not given; copied */
    msec heartbeat_frequency;
    msec local_threshold; /* 0: only the nearest */
};

struct server {
    uint32_t id;         /* from 1 */
    const char *address; /* "host:port" in lower case, "[::1]:port" for IPv6 */
    struct server_description description;
    struct server_rtt rtt;
    msec updated_at; /* last hello or failure; 0: none yet */
};

enum topology_action_kind {
    TOPOLOGY_ADD,        /* `id` at `address` joined: start a monitor, make a pool */
    TOPOLOGY_REMOVE,     /* `id` left: end both */
    TOPOLOGY_CLEAR_POOL, /* connections to `id` are of an older generation */
    TOPOLOGY_CHECK_NOW,  /* check `id` as soon as the 500 ms since its last check allow */
    TOPOLOGY_CHANGED     /* something that waiting operations may care for */
};

struct topology_action {
    enum topology_action_kind kind;
    uint32_t id;
    const char *address; /* ADD; valid until the next fact is told */
    const char *why; /* REMOVE; for a person, "it is …"; NULL: a list no longer names it. Valid
                        until the next action is asked for */
    bool at_once;    /* CHECK_NOW: without those 500 ms (a known server's check just broke) */
    bool anew;       /* CHECK_NOW: a check under way is given up, and its connection with it */
};

/* An error reply to a command, as far as SDAM cares. */
struct topology_error {
    int32_t code; /* top level of an `ok: 0` reply, or of writeConcernError; not of writeErrors */
    struct topology_version version;
    bool is_current; /* the connection is of the pool's present generation */
};

struct topology;

struct topology *topology_new(const struct topology_options *options);
void topology_free(struct topology *t);

/* --- told --- */

/* The seed list: addresses "host:port". The first list starts everything, and so does one after the
 * last server has left: what was learnt before is forgotten then. Later ones (names were
 * resolved again) replace the servers of an unknown or sharded topology (SRV polling), and add
 * servers to a replica set of which no member is known at present; else the members' own word
 * counts more and nothing happens. An empty list changes nothing. */
void topology_on_seeds(struct topology *t, const char *const *addresses, size_t count);

/* A hello was answered after `rtt` (negative: not measured). The description is copied. A reply
 * with `ok: 0` counts as a failed check. */
void topology_on_hello(struct topology *t, uint32_t id, const struct server_description *d,
                       msec rtt, msec now);

/* A check failed; `why` is copied and shown by topology_print and reports. */
void topology_on_check_failed(struct topology *t, uint32_t id, enum status status, const char *why,
                              msec now);

/* Tells an error reply; true when it is a state change that was not stale: the server is now
 * unknown and will be checked (91 and 11600 also clear its pool). */
bool topology_on_command_error(struct topology *t, uint32_t id, const struct topology_error *error,
                               msec now);

/* A pooled connection that had served died (not: its reply timed out). `is_current` as above; an
 * old one says nothing. The server becomes unknown, its pool is cleared, and it is checked
 * on a new connection. */
void topology_on_network_error(struct topology *t, uint32_t id, bool is_current, enum status status,
                               msec now);

/* --- asked --- */

/* The next thing to perform; false when there is none. */
bool topology_next_action(struct topology *t, struct topology_action *out);

/* --- looked at --- */

enum topology_kind topology_kind(const struct topology *t);
const char *topology_kind_name(enum topology_kind kind);
const char *topology_set_name(const struct topology *t); /* NULL: not known */
const struct topology_options *topology_options(const struct topology *t);

/* NULL when the server is not (or no longer) part of the topology. */
const struct server *topology_server(const struct topology *t, uint32_t id);

/* For loops: `for (size_t i = 0; i < topology_count(t); i++) topology_at(t, i)`. */
size_t topology_count(const struct topology *t);
const struct server *topology_at(const struct topology *t, size_t index);

/* 0 when there is no primary. */
uint32_t topology_primary(const struct topology *t);

/* Whether operations may go there at all: data-bearing, and of this topology's kind. */
bool topology_is_usable(const struct topology *t, uint32_t id);

/* What all known data-bearing servers can take. */
struct topology_limits {
    int32_t min_wire, max_wire; /* greatest minimum, least maximum */
    int32_t max_document_bytes, max_message_bytes, max_batch_count; /* the least each */
    bool has_lsid_timeout; /* false when any server states none */
    int32_t lsid_timeout_minutes;
};

/* False when no data-bearing server is known. */
bool topology_limits(const struct topology *t, struct topology_limits *out);

/* The versions of the wire protocol that we speak: OP_MSG came with 6 (MongoDB 3.6), and 29 is the
 * newest that is known. Servers name their least and greatest, and have named 0 for the least. */
enum { WIRE_LEAST = 6, WIRE_MOST = 29 };

/* SDAM: false when one of the servers that are known speaks no version that we speak too. No
 * operation may then be sent to any of them, and `why` (NULL accepted) names the server and the
 * remedy. */
bool topology_is_compatible(const struct topology *t, struct error *why);

/* What the primaries of this set have shown: the OBJECT_ID_BYTES of maxElectionId, or NULL; false
 * while no maxSetVersion is known. */
const uint8_t *topology_max_election_id(const struct topology *t);
bool topology_max_set_version(const struct topology *t, int64_t *out);

/* One line: "ReplicaSetWithPrimary rs0: a:27017 RSPrimary 12 ms, b:27017 Unknown (why)". */
void topology_print(const struct topology *t, char *text, size_t size);

#endif
