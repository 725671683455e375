/* Requests of our own to a server: OP_MSG with one body, no flag. */
#ifndef CORE_WIRE_REQUEST_H
#define CORE_WIRE_REQUEST_H

#include <bson/bson.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

/* `command` has its $db. For hello, the login, ping, endSessions and killCursors. */
void request_write_command(struct buf *out, int32_t request_id, const bson_t *command);

/* The body of a whole OP_MSG reply (with its header), lent; false when it is not one: the body
 * alone, a checksum (not verified) perhaps behind it, and well formed on its top level. Documents
 * inside are not walked. */
bool reply_body(struct span message, struct span *body);

#endif
