/* The greeting that an outbound proxy wants before it passes bytes through: SOCKS5 or HTTP CONNECT.
 *
 * A pure engine: bytes of the proxy in, bytes for the proxy out. The name of the target is sent as
 * it is, so that the proxy resolves it (SOCKS5: RFC 1928 and 1929; CONNECT: RFC 9110 9.3.6).
 * Embedded in whoever dials; it owns no memory beyond itself. */
#ifndef NET_TUNNEL_H
#define NET_TUNNEL_H

#include <stdbool.h>

#include "base/span.h"
#include "base/status.h"

enum tunnel_kind { TUNNEL_SOCKS5, TUNNEL_HTTP };

enum tunnel_step { TUNNEL_WAIT, TUNNEL_DONE, TUNNEL_FAILED };

enum { TUNNEL_BYTES = 1024 };

/* Whom to greet, as settings name it. */
struct tunnel_proxy {
    bool is_used;
    enum tunnel_kind kind;
    char *host;
    uint16_t port;
    char *user; /* NULL: none */
    char *password;
};

/* Reads upstream.socksProxy or httpProxy, "[user:password@]host:port", checked before; both NULL:
 * none is used. The texts are owned by `out`. */
void tunnel_proxy_read(const char *socks, const char *http, struct tunnel_proxy *out);
void tunnel_proxy_clear(struct tunnel_proxy *proxy);

struct tunnel_target {
    const char *host; /* at most 255 bytes */
    uint16_t port;
    const char *user; /* at most 255 bytes; NULL: no login at the proxy */
    const char *password;
};

struct tunnel {
    enum tunnel_kind kind;
    struct tunnel_target target; /* texts are lent for the life of the tunnel */
    int stage;
    uint8_t got[TUNNEL_BYTES]; /* the reply so far */
    size_t got_size;
    uint8_t out[TUNNEL_BYTES];
    size_t out_size;
};

/* Prepares the first bytes for the proxy. BAD_INPUT when a text is too long. */
enum status tunnel_init(struct tunnel *t, enum tunnel_kind kind, const struct tunnel_target *target,
                        struct error *why);

/* What to send now; empty when nothing. Taken once. */
struct span tunnel_take_output(struct tunnel *t);

/* Reads bytes of the proxy. DONE: the tunnel stands; bytes behind the greeting would be the
 * server's, and a server that speaks first is none of ours, so they are refused. FAILED: `why`
 * names the proxy's reason (PROXY_REFUSED or PROTOCOL_ERROR). */
enum tunnel_step tunnel_on_bytes(struct tunnel *t, struct span bytes, struct error *why);

#endif
