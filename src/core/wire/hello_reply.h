/* The answer to hello, isMaster and ismaster: one mongos, or a standalone. */
#ifndef CORE_WIRE_HELLO_REPLY_H
#define CORE_WIRE_HELLO_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/wire/inspect.h"
#include "core/wire/reply.h"

enum presentation { PRESENT_MONGOS, PRESENT_STANDALONE };

/* Mirrored from upstream: the weakest reachable data-bearing node. */
struct hello_values {
    enum presentation presentation;
    int32_t max_wire_version;
    int32_t max_bson_object_bytes;
    int32_t max_message_bytes;
    int32_t max_write_batch_size;
    int32_t logical_session_timeout_minutes; /* negative: left out, disables sessions */
    uint8_t service_id[12];                  /* constant per process */
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

/* `now_ms` is wall-clock time since 1970. `connection_id` is shown by drivers. False: the request
 * expects no reply. */
bool reply_hello(struct buf *out, const struct request_facts *to, int32_t reply_id,
                 const struct hello_values *values, int32_t connection_id, int64_t now_ms);

#endif
