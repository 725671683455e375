/* The hello that we say to servers, and what its reply must say at least. */
#ifndef PROXY_GREETING_H
#define PROXY_GREETING_H

#include <bson/bson.h>
#include <stdbool.h>

#include "base/status.h"
#include "core/topology/server.h"
#include "settings/settings.h"

enum greeting {
    GREETING_FIRST, /* on a connection: isMaster, which every server knows, and who we are (at most
                       512 bytes: MongoDB handshake) */
    GREETING_BALANCED, /* the first through a load balancer: hello, with loadBalanced: true */
    GREETING_HELLO,    /* later, to a server that has said helloOk */
    GREETING_LEGACY    /* later, to one that has not (before 4.2.10 and 4.4.2) */
};

/* Appends the command and helloOk. The caller appends $db. */
void greeting_write_hello(bson_t *hello, const struct settings *settings, enum greeting greeting);

/* SDAM: makes it awaitable: the server replies when its state is another than `version`, or after
 * `most` ms. The caller knows that the server has a topologyVersion. */
void greeting_write_await(bson_t *hello, const struct topology_version *version, msec most);

/* True when the reply has ok: 1; else `why` is HELLO_FAILED with the server's code and message. */
bool greeting_is_ok(const bson_t *reply, struct error *why);

#endif
