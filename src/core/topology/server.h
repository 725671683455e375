/* What one hello reply told us about a server, and its round-trip time.
 *
 * A description owns its texts. Reading takes any bytes: what is not BSON is refused, what is odd
 * in a field is as if the field were absent, and everything is bounded (MAX_HELLO_HOSTS names). */
#ifndef CORE_TOPOLOGY_SERVER_H
#define CORE_TOPOLOGY_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "base/status.h"
#include "base/units.h"

enum {
    MAX_HELLO_HOSTS = 128, /* hosts, passives and arbiters together */
    MAX_HOST_TEXT = 262,   /* a name of 255, ':', a port, and the 0 at the end */
    MAX_HELLO_TAGS = 64,
    MAX_TAG_TEXT = 256,
    OBJECT_ID_BYTES = 12
};

/* SDAM: the types a hello reply can show. */
enum server_type {
    SERVER_UNKNOWN,
    SERVER_STANDALONE,
    SERVER_MONGOS,
    SERVER_RS_PRIMARY,
    SERVER_RS_SECONDARY,
    SERVER_RS_ARBITER,
    SERVER_RS_OTHER,
    SERVER_RS_GHOST,
    SERVER_LOAD_BALANCER
};

struct server_tag {
    char *name;
    char *value;
};

/* SDAM: orders the states of one server process; compared only within the same process. */
struct topology_version {
    bool is_set;
    uint8_t process_id[OBJECT_ID_BYTES];
    int64_t counter;
};

struct server_description {
    enum server_type type;
    char *set_name; /* NULL when absent, as all texts here */
    char *me;       /* "host:port" in lower case, as hosts and primary */
    char *primary;
    char **hosts; /* hosts, passives and arbiters, in that order */
    size_t host_count;
    struct server_tag *tags;
    size_t tag_count;

    bool has_election_id;
    uint8_t election_id[OBJECT_ID_BYTES];
    bool has_set_version;
    int64_t set_version;
    struct topology_version version;
    bool has_service_id; /* behind a load balancer */
    uint8_t service_id[OBJECT_ID_BYTES];

    int32_t min_wire, max_wire; /* 0 when absent */
    int32_t max_document_bytes; /* maxBsonObjectSize; the documented default when absent */
    int32_t max_message_bytes;
    int32_t max_batch_count; /* maxWriteBatchSize */
    bool has_lsid_timeout;
    int32_t lsid_timeout_minutes; /* logicalSessionTimeoutMinutes */
    bool has_last_write;
    int64_t last_write_ms; /* lastWrite.lastWriteDate: the server's wall clock */
    bool is_read_only;
    bool is_passive; /* of priority 0: it is never elected */
    bool hello_ok;   /* it knows the command `hello` */

    int32_t code; /* when `ok` was not 1: type is SERVER_UNKNOWN */
    char *error;  /* why the type is SERVER_UNKNOWN, for a person; NULL when nobody knows */
};

/* Reads a hello or isMaster reply, one whole BSON document. OK: `out` is filled (its former
 * contents are not looked at) and the caller clears it; a reply with `ok: 0` is OK and gives type
 * SERVER_UNKNOWN with code and error. PROTOCOL_ERROR: not BSON; `out` is untouched. */
enum status server_description_read(struct span hello, struct server_description *out,
                                    struct error *why) __attribute__((warn_unused_result));

/* An SERVER_UNKNOWN description; `error` may be NULL and is copied. */
void server_description_init(struct server_description *d, const char *error);
void server_description_copy(struct server_description *to, const struct server_description *from);
void server_description_clear(struct server_description *d);

/* SDAM: equality of descriptions, which decides whether waiters are told. RTT, last write and sizes
 * are not part of it. */
bool server_description_equals(const struct server_description *a,
                               const struct server_description *b);

/* SDAM: Mongos, RSPrimary, RSSecondary, Standalone, LoadBalancer. */
bool server_type_is_data_bearing(enum server_type type);

/* "RSPrimary", as the specifications and drivers' logs write it. Static text. */
const char *server_type_name(enum server_type type);

/* SDAM: whether `news` is older than `known` (same process, smaller counter). Equal is not older.
 */
bool topology_version_is_older(const struct topology_version *news,
                               const struct topology_version *known);

/* Round-trip times of the monitor's checks. */
struct server_rtt {
    double average_ms; /* moving average, weight 0.2 for the newest; valid when samples > 0 */
    size_t samples;
    double recent[10];
};

/* RTT: a first sample, in milliseconds, counts as is. A negative one (a streamed reply) changes
 * nothing. */
void server_rtt_on_sample(struct server_rtt *r, double ms);

/* The least of the last ten samples; 0 until there are two. */
double server_rtt_min(const struct server_rtt *r);

#endif
