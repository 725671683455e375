/* Replies of our own: errors, {ok: 1}, and the table from what happened to what MongoDB calls it.
 *
 * A reply has the opcode of its request (OP_REPLY to OP_QUERY). Texts begin "mooring: ", added
 * here. Nothing is built for a request that expects no reply. Appending never fails: each reply
 * is bounded (ERROR_REPLY_BYTES_MOST). */
#ifndef CORE_WIRE_REPLY_H
#define CORE_WIRE_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/wire/inspect.h"
#include "core/wire/reply_skim.h"

enum { ERROR_TEXT_MOST = 1024, ERROR_REPLY_BYTES_MOST = 2048 };

/* What has happened to an operation. Of those that were sent, Mooring has repeated what it may
 * (repeat.h) before it comes to this. */
#define SITUATION_LIST(X)                                                                        \
    X(NO_NODE, "not sent: no suitable server in time")                                           \
    X(POOL_TIMED_OUT, "not sent: the server's pool stayed full")                                 \
    X(OVERLOADED, "not sent: a queue or the buffers are full")                                   \
    X(TIME_EXPIRED, "not sent: its own maxTimeMS has passed")                                    \
    X(DRAINING, "not sent: Mooring is shutting down")                                            \
    X(LOGIN_FAILED, "not sent: the server refuses the login")                                    \
    X(READ_PREFERENCE, "not sent: $readPreference cannot be read")                               \
    X(LOST, "sent: the connection broke before the reply")                                       \
    X(NODE_GONE, "sent: the same, and the server has left the cluster")                          \
    X(NO_REPLY_IN_TIME, "sent: no reply within upstream.operationTimeoutMS")                     \
    X(BROKEN, "sent: the connection broke, or stopped, in the middle of a reply of over 64 KiB") \
    X(TRANSACTION_LOST, "not sent: the mongos that has the transaction is gone")                 \
    X(CURSOR_UNKNOWN, "no server knows the cursor")

enum situation {
#define SITUATION_ENUM(name, text) SITUATION_##name,
    SITUATION_LIST(SITUATION_ENUM)
#undef SITUATION_ENUM
        SITUATION_COUNT
};

/* What kind of operation it has happened to. */
#define OPERATION_LIST(X)                                 \
    X(READ, "retryable read")                             \
    X(OTHER, "plain write, any other")                    \
    X(RETRYABLE_WRITE, "retryable write")                 \
    X(TRANSACTION_START, "transaction's first statement") \
    X(TRANSACTION, "later statement")                     \
    X(TRANSACTION_END, "commit, abort")                   \
    X(CHANGE_STREAM, "`getMore` of a change stream")      \
    X(GET_MORE, "other `getMore`")                        \
    X(UNACKNOWLEDGED, "`w: 0`")

enum operation {
#define OPERATION_ENUM(name, text) OPERATION_##name,
    OPERATION_LIST(OPERATION_ENUM)
#undef OPERATION_ENUM
        OPERATION_COUNT
};

/* A command does not say whether its cursor is a change stream's: GET_MORE for every getMore. */
enum operation operation_of(const struct request_facts *facts);

struct error_row {
    int32_t code; /* 0: nothing is said */
    const char *code_name;
    uint8_t labels; /* enum label */
    bool closes;    /* the client's connection, since nothing else is possible */
};

/* Static data, by value. README.md shows the whole table, and a test keeps it so. */
struct error_row error_row_for(enum situation situation, enum operation operation);

/* What a refused command is answered with; `*text` (static) says the remedy. */
struct error_row error_row_refused(enum command command, const char **text);

/* Code and name of a fault in the request's bytes. */
struct error_row error_row_fault(enum wire_fault fault);

/* `reply_id` is our own request id for this reply. `text` is cut at ERROR_TEXT_MOST, and what is
 * not UTF-8 in it is replaced. False: the request expects no reply, nothing was appended. */
bool reply_error(struct buf *out, const struct request_facts *to, int32_t reply_id,
                 struct error_row row, const char *text);

/* {ok: 1.0} */
bool reply_ok(struct buf *out, const struct request_facts *to, int32_t reply_id);

/* The document (with its length) as the reply: for local commands. */
bool reply_document(struct buf *out, const struct request_facts *to, int32_t reply_id,
                    struct span document);

#endif
