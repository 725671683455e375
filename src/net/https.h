/* One request over HTTPS and its reply: HTTP/2 (RFC 9113) on a stream of ours.
 *
 * Made for DNS over HTTPS: one POST whose reply has the request's media type and a bounded size,
 * after which the connection ends. Redirections are not followed. It sets no time limit: its caller
 * cancels. */
#ifndef NET_HTTPS_H
#define NET_HTTPS_H

#include "net/net.h"
#include "net/tls.h"

/* Most bytes of a reply's body, and of all its header fields together. */
enum { HTTPS_BODY_BYTES_MOST = 65536, HTTPS_HEADER_BYTES_MOST = 65536 };

struct https;

/* Texts and body are copied. */
struct https_request {
    const struct address *to;
    struct tls_config *config;
    const char *host_name;  /* verified, sent as SNI and in :authority */
    const char *path;       /* with the query, if any */
    const char *media_type; /* of the body, and the only one that the reply may have */
    struct span body;
};

/* on_done comes once, in a later turn, with OK and the body (lent for the call) of a reply whose
 * status is 200, or a failure with its sentence: those of streams (REFUSED, TLS_CERTIFICATE, …),
 * HTTP_REFUSED (another status), PROTOCOL_ERROR (no HTTP/2, another media type, given up by the
 * server), PEER_CLOSED, TOO_LARGE. */
struct https *https_start(struct net *net, const struct https_request *request,
                          void (*on_done)(void *owner, struct span body, const struct error *why),
                          void *owner);

/* on_done will not come; the pointer is dead. Not allowed once on_done has begun. */
void https_cancel(struct https *h);

#endif
