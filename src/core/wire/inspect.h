/* Facts about one request, from one pass over the top-level fields of its command document.
 *
 * Two ways to the same facts. `inspect_request` looks at a message in place, the whole of it or
 * the front part that is held. `struct inspect_stream` is fed the message in pieces that are not
 * kept, for requests larger than limits.holdBytes: a 40 MB sequence may stand before the fields
 * that matter. Both are one walker.
 *
 * Spans in the facts are lent: from the message when it was inspected in place (valid as long as
 * its bytes stay where they are; `facts_keep` copies them), from the stream otherwise.
 * Odd types of a field count as if it were absent: the server judges them. */
#ifndef CORE_WIRE_INSPECT_H
#define CORE_WIRE_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "core/wire/command.h"
#include "core/wire/fault.h"
#include "core/wire/frame.h"
#include "core/wire/msg_skim.h"
#include "core/wire/read_mode.h"

enum {
    LSID_UUID_BYTES = 16,
    LSID_UID_BYTES = 32,
    READ_PREFERENCE_BYTES_MOST = 1024,
    CLIENT_BYTES_MOST = 512
};

struct read_preference {
    bool is_present;
    bool is_malformed; /* no document, or a mode nobody knows: 9 FailedToParse */
    bool has_hedge;
    enum read_mode mode;
    struct span tags;              /* BSON array; size 0: none */
    int64_t max_staleness_seconds; /* negative: none */
};

/* Of hello, isMaster, ismaster only. */
struct hello_facts {
    struct span client;         /* metadata document; size 0: none, or too large */
    uint32_t client_bytes;      /* its size, also when it is too large */
    struct span sasl_mechs_for; /* "db.user" of saslSupportedMechs */
    bool wants_hello_ok;        /* a field helloOk is there */
    bool is_load_balanced;      /* loadBalanced: true */
    bool has_speculative_login; /* speculativeAuthenticate */
    bool has_topology_version;  /* with a counter */
    bool has_max_await;         /* maxAwaitTimeMS */
    int64_t topology_counter;
    int64_t max_await_ms;
};

/* A flag that may be absent. */
enum said { NOT_SAID, SAID_FALSE, SAID_TRUE };

struct request_facts {
    int32_t request_id;
    int32_t opcode;         /* OP_MSG or OP_QUERY */
    uint32_t message_bytes; /* as the header says */
    uint32_t flags;         /* flagBits of OP_MSG; flags of OP_QUERY */

    enum command command;
    enum command explained; /* the command inside explain */
    bool is_complete;       /* every top-level field was seen, the message is well formed */
    bool is_cut;            /* a value was too large to be kept: its span is empty */
    bool expects_reply;     /* no moreToCome */

    struct span command_name;
    struct span database;    /* $db; of OP_QUERY the part before ".$cmd" */
    struct span collection;  /* the command's own value when it is a string; of getMore and
                                killCursors the collection */
    struct span api_version; /* apiVersion as text; size 0: none */
    struct span lsid_uid;    /* what else the lsid holds of a user: 32 bytes; size 0: nothing */

    bool has_lsid;
    bool has_txn_number;
    bool has_autocommit; /* part of a transaction */
    bool starts_transaction;
    bool has_write_stage;  /* aggregate that ends in $out or $merge; mapReduce not inline; of a
                              pipeline that was not seen whole: true */
    bool is_change_stream; /* aggregate that begins with $changeStream */
    bool is_of_node;       /* aggregate that begins with $currentOp or its like */
    bool is_tailable;      /* find */
    bool is_await;         /* find with awaitData */
    bool is_w0;            /* writeConcern {w: 0} */
    uint8_t api_strict;    /* enum said */
    uint8_t api_deprecation_errors; /* enum said */
    bool is_linearizable;           /* readConcern {level: "linearizable"}: a primary alone can */
    uint8_t lsid[LSID_UUID_BYTES];
    int64_t txn_number;

    int64_t cursor_id;   /* getMore's own value */
    struct span cursors; /* killCursors: BSON array of ids */
    struct span lsids;   /* endSessions: BSON array of lsid documents */

    int64_t max_time_ms;      /* negative: none */
    uint32_t max_time_offset; /* of the value's bytes from the start of the message */
    uint8_t max_time_type;    /* enum element_type: int32, int64 or double */

    struct read_preference preference;
    struct hello_facts hello;
};

/* Room for copies of the spans, for a request that waits while its bytes move. */
struct facts_store {
    uint32_t used;
    uint8_t bytes[2560];
};

enum inspect_result {
    INSPECT_COMPLETE,
    INSPECT_PREFIX, /* facts hold what was seen; the message goes on */
    INSPECT_BAD     /* *fault says why; facts hold what is needed to answer (ids, opcode) */
};

/* `message` begins with the header and is whole or the front of a message (at least the header,
 * with a length that frame_next has accepted). A checksum is verified when the message is whole. */
enum inspect_result inspect_request(struct span message, struct request_facts *facts,
                                    enum wire_fault *fault);

/* Copies every span of the facts into the store and points them there. False when one did not fit:
 * it is empty then and is_cut set. The facts must not move away from a store that lives with them
 * (the spans hold addresses). */
bool facts_keep(struct request_facts *facts, struct facts_store *store);

struct inspect_walk {
    struct msg_skim msg;
    struct facts_store *store; /* NULL: spans are lent from the message */
    uint64_t seen;             /* fields met, a bit each: the first of duplicates counts */
    uint8_t pending;           /* the field whose value comes in the next event */
    uint8_t level;             /* depth of the command: 2 inside {$query: …} */
    uint8_t stages;            /* of the pipeline, counted to 1 */
    uint8_t fault;             /* enum wire_fault */
    bool ends_in_write;        /* the last stage so far writes */
};

/* Must not move once begun. About 4 KiB: made for large requests only. */
struct inspect_stream {
    struct inspect_walk walk;
    struct request_facts facts;
    struct facts_store store;
    uint8_t room[READ_PREFERENCE_BYTES_MOST];
};

void inspect_begin(struct inspect_stream *s, struct message_head head);

/* The next bytes after the header, in order. PREFIX until the last one is in. After COMPLETE or
 * BAD the same again. Facts are in s->facts at any time. */
enum inspect_result inspect_feed(struct inspect_stream *s, struct span piece,
                                 enum wire_fault *fault);

/* --- what follows from the facts --- */

/* A read that may go to a secondary when its read preference says so: the commands of the list,
 * explain of one, and anything not known that carries a read preference other than primary.
 * Never in a transaction. An aggregate with $out or $merge is one from wire version 13 on. */
bool facts_may_use_secondary(const struct request_facts *facts, int32_t max_wire_version);

/* The cursor of a getMore, the first one of a killCursors; 0: none can be read. */
int64_t facts_first_cursor(const struct request_facts *facts);

/* Goes ahead of new work: ends and later statements of open transactions, getMore, killCursors,
 * endSessions. */
bool facts_is_priority(const struct request_facts *facts);

/* May be repeated by us after it was sent: a read of the list, outside a transaction, without a
 * write stage (retryable reads). */
bool facts_is_retryable_read(const struct request_facts *facts);

/* Speaks of one node (its operations, its counters, its parameters): what belongs together must
 * come to the same mongos. */
bool facts_is_of_node(const struct request_facts *facts);

/* The read preference that counts: that of the request; without one primary, or primaryPreferred
 * for what any node takes. */
enum read_mode facts_read_mode(const struct request_facts *facts);

/* A read of the list that says no read preference and may have any: outside a transaction, and
 * without a write stage. */
bool facts_takes_default_preference(const struct request_facts *facts);

/* A read of that list that asks for the primary, and that a secondary can answer too. */
bool facts_may_fall_back(const struct request_facts *facts);

/* txnNumber without autocommit: the server deduplicates. */
static inline bool facts_is_retryable_write(const struct request_facts *facts)
{
    return facts->has_lsid && facts->has_txn_number && !facts->has_autocommit;
}

/* --- editing on the way upstream --- */

/* Header and flagBits of an OP_MSG as they go upstream: our id, no flag (checksum stripped,
 * moreToCome and exhaustAllowed cleared, unknown optional bits cleared as the rule for proxies
 * says). They replace the first UPSTREAM_HEAD_BYTES of the message; with a checksum, its last
 * CHECKSUM_BYTES are not sent (the length says so already). */
enum { UPSTREAM_HEAD_BYTES = 20, CHECKSUM_BYTES = 4 };

void facts_write_upstream_head(const struct request_facts *facts, int32_t upstream_id,
                               uint8_t out[UPSTREAM_HEAD_BYTES]);

static inline bool facts_has_checksum(const struct request_facts *facts)
{
    return facts->opcode == OP_MSG && (facts->flags & MSG_CHECKSUM_PRESENT) != 0;
}

/* The bytes of a new maxTimeMS, in the width of the old: returns how many stand in `out`, to be
 * put at max_time_offset. Only when max_time_ms is not negative. */
size_t facts_write_max_time(const struct request_facts *facts, int64_t max_time_ms, uint8_t out[8]);

#endif
