/* Which requests may go out a second time, and after what (retryable reads, retryable writes).
 * Pure.
 *
 * Nothing is repeated that may have been executed and that the server cannot tell from a new
 * request. Not the end of a transaction either, though the server would know it again: drivers
 * repeat it themselves, whatever their settings, and add a majority write concern to that second
 * attempt (transactions: "retryable commit"), which ours, unchanged, would take away. */
#ifndef CORE_WIRE_REPEAT_H
#define CORE_WIRE_REPEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/wire/inspect.h"
#include "core/wire/reply_skim.h"

enum repeat {
    REPEAT_NEVER,
    REPEAT_READ, /* of the list, outside a transaction, without a write stage */
    REPEAT_WRITE /* txnNumber without autocommit: the server deduplicates */
};

/* May be repeated, unchanged, when its connection is lost before a reply. */
enum repeat repeat_kind(const struct request_facts *facts);

/* Who answered. */
struct repeat_server {
    int32_t max_wire;
    bool is_mongod; /* not a mongos */
};

/* May be repeated, unchanged, after this reply: by the code of an `ok: 0` reply for reads, by the
 * label RetryableWriteError for writes (before MongoDB 4.4: by code). What a server refuses because
 * it has too much to do never is. */
bool repeat_after_reply(const struct request_facts *facts, const struct reply_facts *reply,
                        struct repeat_server server);

#endif
