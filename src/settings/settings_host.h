/* One server as a person writes it, in connection strings and in upstream.seeds. */
#ifndef SETTINGS_SETTINGS_HOST_H
#define SETTINGS_SETTINGS_HOST_H

#include <stddef.h>

#include "base/host_name.h"
#include "base/status.h"

/* "host", "host:port", "[v6]", "[v6]:port", all before `size`, to "host:port" in lower case, port
 * 27017 when none is given; or the path of a Unix socket, which begins with "/" and ends in
 * ".sock". The caller frees; NULL (BAD_INPUT), and `why` says what is expected without repeating
 * the text. */
char *host_normal(const char *text, size_t size, struct error *why);

#endif
