/* What a server's reply teaches, read while it passes by in pieces with bounded memory.
 *
 * Large values are skipped by their declared lengths. The facts are final at REPLY_COMPLETE; each
 * one is valid as soon as it was seen. */
#ifndef CORE_WIRE_REPLY_SKIM_H
#define CORE_WIRE_REPLY_SKIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "core/wire/frame.h"
#include "core/wire/msg_skim.h"

/* Error labels as bits, with their names on the wire. */
#define LABEL_LIST(X)                                        \
    X(RETRYABLE_WRITE, "RetryableWriteError")                \
    X(TRANSIENT_TRANSACTION, "TransientTransactionError")    \
    X(NO_WRITES_PERFORMED, "NoWritesPerformed")              \
    X(RESUMABLE_CHANGE_STREAM, "ResumableChangeStreamError") \
    X(SYSTEM_OVERLOADED, "SystemOverloadedError")            \
    X(RETRYABLE, "RetryableError")                           \
    X(UNKNOWN_COMMIT_RESULT, "UnknownTransactionCommitResult")

enum label_index {
#define LABEL_ENUM(name, text) LABEL_INDEX_##name,
    LABEL_LIST(LABEL_ENUM)
#undef LABEL_ENUM
        LABEL_COUNT
};

enum label {
#define LABEL_BIT(name, text) LABEL_##name = 1 << LABEL_INDEX_##name,
    LABEL_LIST(LABEL_BIT)
#undef LABEL_BIT
};

struct reply_facts {
    uint32_t flags; /* of OP_MSG; MSG_MORE_TO_COME: another reply follows */
    bool has_ok;
    bool is_ok;            /* ok: 1 in any number type */
    bool has_cursor;       /* a top-level document `cursor` with an id */
    bool has_resume_token; /* in it a postBatchResumeToken: of a change stream */
    bool has_write_errors; /* a top-level array `writeErrors` */
    bool has_write_concern_error;
    bool has_topology_version;
    bool has_recovery_token;
    uint8_t labels;             /* enum label, of top-level errorLabels */
    int32_t code;               /* top level; 0: none */
    int32_t write_concern_code; /* of writeConcernError; 0: none */
    int64_t cursor_id;          /* 0: exhausted */
    uint8_t process_id[12];     /* of topologyVersion */
    int64_t topology_counter;
    uint8_t ns_size; /* of the cursor; 0: not seen, or longer than fits */
    char ns[255];
};

struct reply_skim {
    struct msg_skim msg;
    struct reply_facts facts;
    uint8_t within;  /* which entered document the elements are of */
    uint8_t pending; /* the field whose value comes in the next event */
    uint8_t result;  /* enum reply_result */
    uint8_t room[512];
};

enum reply_result {
    REPLY_MORE,
    REPLY_COMPLETE,
    REPLY_MALFORMED /* the server broke the protocol: close that connection */
};

/* Must not move once begun (it holds addresses of its own room). */
void reply_skim_begin(struct reply_skim *s, struct message_head head);

/* The next bytes after the header, in order. COMPLETE with the last one; then the same again. */
enum reply_result reply_skim_feed(struct reply_skim *s, struct span piece);

/* --- codes (server discovery and monitoring) --- */

/* The node is not a writable primary, or is recovering. */
bool code_is_state_change(int32_t code);

/* Of those: it is shutting down, so its pool is to be cleared. */
bool code_is_shutdown(int32_t code);

/* The reply to a getMore says that there is no such cursor (any more). */
bool reply_ends_cursor(const struct reply_facts *facts);

/* The list of retryable reads. */
bool code_is_retryable_read(int32_t code);

/* The code that SDAM is to be told, before any rewriting: the top-level code of an ok: 0 reply, or
 * that of writeConcernError; 0 when neither is a state change. */
int32_t reply_state_change(const struct reply_facts *facts);

#endif
