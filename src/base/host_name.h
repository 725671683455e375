/* What may be the name of a host. */
#ifndef BASE_HOST_NAME_H
#define BASE_HOST_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* A DNS name (RFC 1035): labels of 1 to 63 letters, digits, "-" and "_", at most 253 bytes; one dot
 * may end it. */
bool host_is_name(const char *text, size_t size);

#endif
