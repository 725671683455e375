/* A byte stream to a server: a conn, and TLS where it is wanted.
 *
 * The owner gets the same four events as for a conn: on_open when the TLS handshake is done as
 * well, on_bytes with plain bytes. Without TLS the conn's events go straight to the owner, so that
 * a plain stream costs nothing. The stream is embedded in its owner, which frees itself in
 * on_closed. Promises 1 to 7 of net.h hold for it too. It sets no time limits: its owner does. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "net/net.h"
#include "net/tls.h"

struct stream {
    struct conn *conn;
    struct tls *tls; /* NULL: plain */
    const struct conn_events *events;
    void *owner;
    bool opened;
    bool closing;
    bool paused;
    struct deadline resumed; /* what waited inside is delivered in the turn after a resume */
    struct error why;        /* what on_closed's status means, when TLS has more to say */
};

/* What a dial through TLS needs; `config` NULL means plain. */
struct stream_security {
    struct tls_config *config;
    const char *host_name;     /* verified, and sent as SNI */
    const char *protocol;      /* wanted by ALPN, static text; NULL: none */
    struct tls_resume *resume; /* sessions of that node, owned by the caller; may be NULL */
};

/* Starts the connection; on_open or on_closed follows in a later turn. */
void stream_dial(struct stream *s, struct net *net, const struct address *to,
                 const struct dial_options *options, const struct stream_security *security,
                 const struct conn_events *events, void *owner);

/* Wraps TLS around a conn that is open already (behind an outbound proxy); events as for a dial. */
void stream_secure(struct stream *s, struct conn *conn, const struct stream_security *security,
                   const struct conn_events *events, void *owner);

/* True when above high water. The parts become one TLS record where they fit into one. */
bool stream_send(struct stream *s, const struct span *parts, size_t count);

void stream_pause(struct stream *s);
void stream_resume(struct stream *s);
void stream_close(struct stream *s, enum close_how how);

/* When the server's certificate ends, in seconds since 1970; 0: plain, or not known. */
int64_t stream_certificate_ends(const struct stream *s);

/* The sentence behind on_closed's status, empty when the status says it all. */
const char *stream_why(const struct stream *s);

#endif
