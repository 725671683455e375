/* Rewrites what a mongod says about its own state the way a mongos does, so that the driver in
 * front does not take us for the node that stepped down: on the root of an ok: 0 reply, on each
 * element of writeErrors and on writeConcernError, state-change codes become 6 HostUnreachable and
 * the tell-tale words of errmsg are replaced; topologyVersion is dropped. Labels stay. */
#ifndef CORE_WIRE_REPLY_REWRITE_H
#define CORE_WIRE_REPLY_REWRITE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/span.h"
#include "core/wire/reply_skim.h"

/* Cheap: whether reply_rewrite could find anything to change. */
bool reply_may_need_rewrite(const struct reply_facts *facts);

/* `message` is a whole OP_MSG reply with its header. When something has to
 * change, appends the new message (ids of `head`, flags kept but for a checksum) to `out` and
 * returns true; false, and nothing appended, when the reply is fine as it is or cannot be read. */
bool reply_rewrite(struct span message, struct message_head head, struct buf *out);

#endif
