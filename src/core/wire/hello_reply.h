/* The answer to hello, isMaster and ismaster: one mongos, the primary of a replica set that has no
 * other member, or a standalone. */
#ifndef CORE_WIRE_HELLO_REPLY_H
#define CORE_WIRE_HELLO_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/wire/inspect.h"
#include "core/wire/reply.h"

enum presentation { PRESENT_MONGOS, PRESENT_STANDALONE, PRESENT_REPLICA_SET };

enum { SET_NAME_BYTES_MOST = 127, HELLO_ADDRESS_BYTES_MOST = 280 };

/* Mirrored from upstream: the weakest reachable data-bearing node. Compared as bytes: what follows
 * the set name's end is zero. */
struct hello_values {
    enum presentation presentation;
    int32_t max_wire_version;
    int32_t max_bson_object_bytes;
    int32_t max_message_bytes;
    int32_t max_write_batch_size;
    int32_t logical_session_timeout_minutes; /* negative: left out, disables sessions */
    uint8_t service_id[12];                  /* constant per process */
    char set_name[SET_NAME_BYTES_MOST + 1];  /* of PRESENT_REPLICA_SET; empty: not known yet */
};

/* The client that is answered. */
struct hello_asker {
    int32_t connection_id; /* shown by drivers */
    struct span address;   /* "host:port" or a path: where it reached us, or is to reach us. Of
                              PRESENT_REPLICA_SET only; at most HELLO_ADDRESS_BYTES_MOST */
};

/* What MongoDB's own limits are: for before the first contact, with wire version 17. */
void hello_values_init(struct hello_values *values);

struct client_names {
    struct span application;
    struct span driver;
    struct span driver_version;
};

/* Whether a real mongos would answer this hello with an error: metadata sent twice on one client
 * connection (186), incomplete (183), too large (184, 185), a wrong pair of topologyVersion and
 * maxAwaitTimeMS (51758 to 51763), an API version other than "1" (322). True: answer with `*row`
 * and `*text` (static). */
bool hello_is_refused(const struct request_facts *facts, bool had_metadata, struct error_row *row,
                      const char **text);

/* For logs and reports; spans are empty when absent. */
void hello_read_client(struct span client, struct client_names *out);

/* As what this client sees us: one that says loadBalanced: true always sees a mongos (or the
 * standalone), since a load balancer has mongoses behind it. */
enum presentation hello_presentation(const struct request_facts *to,
                                     const struct hello_values *values);

/* `now_ms` is wall-clock time since 1970. A replica set whose name is not known yet is answered as
 * by a member that is not initialised (RSGhost): drivers keep it and ask again. False: the request
 * expects no reply. */
bool reply_hello(struct buf *out, const struct request_facts *to, int32_t reply_id,
                 const struct hello_values *values, const struct hello_asker *asker,
                 int64_t now_ms);

#endif
