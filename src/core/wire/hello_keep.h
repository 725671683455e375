/* The hello values as bytes for the disk, so that a process that starts while the cluster cannot be
 * reached tells applications what it told them last. One BSON document and its CRC-32C; no secret
 * is in it, and no name but the replica set's. */
#ifndef CORE_WIRE_HELLO_KEEP_H
#define CORE_WIRE_HELLO_KEEP_H

#include "core/wire/hello_reply.h"

enum { HELLO_KEEP_BYTES_MOST = 512 };

/* Returns how many bytes of `out` it wrote. */
size_t hello_keep_write(const struct hello_values *values, uint8_t out[HELLO_KEEP_BYTES_MOST]);

/* False when the bytes are not whole, of another version, or out of bounds; `values` is then
 * untouched. The service id is left as it is. */
bool hello_keep_read(struct span bytes, struct hello_values *values);

#endif
