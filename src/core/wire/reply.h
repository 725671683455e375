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

/* What has happened to an operation. */
enum situation {
    SITUATION_NO_NODE,          /* no suitable node within the time allowed; nothing was sent */
    SITUATION_POOL_TIMED_OUT,   /* a node is known, its pool stayed full; nothing was sent */
    SITUATION_OVERLOADED,       /* the queue or the buffers are full; nothing was sent */
    SITUATION_TIME_EXPIRED,     /* the operation's own maxTimeMS passed here; nothing was sent */
    SITUATION_LOST,             /* the connection broke after sending, before any reply byte */
    SITUATION_NO_REPLY_IN_TIME, /* operationTimeoutMS passed after sending */
    SITUATION_CURSOR_UNKNOWN,   /* no node knows the cursor */
    SITUATION_DRAINING,         /* we are shutting down; nothing was sent */
    SITUATION_LOGIN_FAILED,     /* the server refuses our credentials; nothing was sent */
    SITUATION_READ_PREFERENCE,  /* $readPreference cannot be read */
    SITUATION_COUNT
};

/* What kind of operation it has happened to. */
enum operation {
    OPERATION_READ,            /* in the list of retryable reads */
    OPERATION_OTHER,           /* plain write or anything not known: never repeat */
    OPERATION_RETRYABLE_WRITE, /* txnNumber without autocommit */
    OPERATION_TRANSACTION_START,
    OPERATION_TRANSACTION,     /* a later statement */
    OPERATION_TRANSACTION_END, /* commit, abort */
    OPERATION_GET_MORE,
    OPERATION_COUNT
};

enum operation operation_of(const struct request_facts *facts);

struct error_row {
    int32_t code;
    const char *code_name;
    uint8_t labels; /* enum label */
};

/* Static data, by value. */
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
