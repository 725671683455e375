/* Changes to a request before it goes upstream. */
#ifndef CORE_WIRE_REQUEST_EDIT_H
#define CORE_WIRE_REQUEST_EDIT_H

#include "base/span.h"
#include "core/wire/read_mode.h"

/* The message with that element (type, key and value as they stand in a document) at the end of its
 * body, instead of the one with the same key. `message` is a
 * whole OP_MSG that inspect_request found complete; a checksum is left out. The bytes are the
 * caller's to free. NULL when it is no such message. */
uint8_t *request_with_element(struct span message, const char *key, struct span element,
                              size_t *size);

/* The same with `$readPreference: {mode: …}`: a secondary answers reads that do not carry one with
 * 13435, and a mongos sends them to a primary. */
uint8_t *request_with_read_preference(struct span message, enum read_mode mode, size_t *size);

#endif
