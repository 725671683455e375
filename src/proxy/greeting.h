/* The hello that we say to servers, and what its reply must say at least. */
#ifndef PROXY_GREETING_H
#define PROXY_GREETING_H

#include <bson/bson.h>
#include <stdbool.h>

#include "base/status.h"
#include "settings/settings.h"

/* Appends hello, helloOk and, when it is the first on a connection, who we are (at most 512 bytes:
 * MongoDB handshake). The caller appends $db. */
void greeting_write_hello(bson_t *hello, const struct settings *settings, bool is_first);

/* True when the reply has ok: 1; else `why` is HELLO_FAILED with the server's code and message. */
bool greeting_is_ok(const bson_t *reply, struct error *why);

#endif
