/* TLS towards a server as an engine: bytes of the network in, plain bytes out, and the reverse.
 *
 * It knows no socket, calls nobody, and never blocks. One turn of its owner (net/stream) is:
 *
 *     tls_put_cipher(t, bytes);                  lends what the network brought
 *     r = tls_handshake(t);                      until tls_is_ready
 *     r = tls_take_plain(t, room, size, &got);   again while TLS_OK
 *     tls_keep_rest(t);                          the lent bytes go; copies what was not read
 *     tls_take_cipher(t, &out);                  after EVERY call: reading produces output too
 *
 * Chain and host name are verified unless the options say otherwise. A failure is final; the alert
 * that tells the peer is then still among the output. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "base/status.h"

/* What one call takes of plain bytes to make one record of them. */
#define TLS_RECORD_BYTES (16 * KIB)

enum tls_result {
    TLS_OK,            /* done; from tls_take_plain: the room is full, call again */
    TLS_WANT_MORE,     /* nothing more until the next bytes of the network */
    TLS_PEER_FINISHED, /* the peer said close_notify: no plain byte comes any more */
    TLS_FAILED,        /* see tls_why; every later call fails as well */
};

struct tls_config_options {
    const char *ca_file;                  /* PEM; NULL: the system's roots */
    const char *certificate_key_file;     /* PEM, certificate chain and key; NULL: none */
    const char *certificate_key_password; /* NULL: the key is not encrypted */
    bool require_1_3;                     /* else TLS 1.2 is the lowest */
    bool allow_invalid_certificates;      /* verifies nothing, host name included */
    bool allow_invalid_host_names;
    bool is_for_resolvers; /* sentences then speak of dns.caFile, and not of the cluster */
};

/* What all engines of one set of options share. Counted: engines keep it alive. */
struct tls_config;

/* Reads the files. NULL on failure (FILE_FAILED, BAD_INPUT); `why` names the file and the remedy.
 * The texts are not needed afterwards. */
struct tls_config *tls_config_new(const struct tls_config_options *options, struct error *why);

/* Gives up the maker's claim; engines made of it go on. NULL accepted. */
void tls_config_free(struct tls_config *config);

/* Remembers the newest resumable TLS state of one node, so that the next handshake with it is
 * short. Used again only for the same config and host name. Counted as a config is. */
struct tls_resume;

struct tls_resume *tls_resume_new(void);
void tls_resume_free(struct tls_resume *resume);

struct tls;

/* A client engine. `host_name` is verified and sent as SNI; an IP address is verified as such and
 * not sent. `resume` may be NULL. Output is kept in chunks of `pool`, beyond its limit too, since
 * what is put in is bounded by the caller. Never NULL; an unusable host name shows as a failed
 * handshake. */
struct tls *tls_new(struct tls_config *config, const char *host_name, struct tls_resume *resume,
                    struct chunk_pool *pool);
void tls_free(struct tls *t);

/* Before the handshake: wants this protocol by ALPN (RFC 7301; "h2"), and fails when the server
 * does not choose it. Static text. */
void tls_want_protocol(struct tls *t, const char *protocol);

/* Lends bytes of the network until tls_keep_rest; only one span at a time. They are decrypted from
 * where they are: nothing is copied when the engine reads them all before that. */
void tls_put_cipher(struct tls *t, struct span bytes);

/* The lent bytes go. What has not been read (the caller stopped early) is copied and read first. */
void tls_keep_rest(struct tls *t);

/* Goes on with the handshake: OK when it is done. The first call makes the first output. */
enum tls_result tls_handshake(struct tls *t);

bool tls_is_ready(const struct tls *t);

/* True when the handshake was a short one, from what `resume` remembered. */
bool tls_was_resumed(const struct tls *t);

/* When the certificate that the server showed ends, in seconds since 1970; 0: none is known (the
 * handshake is not done). Of a short handshake it is that of the one it resumes. */
int64_t tls_certificate_ends(const struct tls *t);

/* Decrypts into `room` as many records as fit and writes their size to `*got`, which may be more
 * than 0 with every result. Only when ready. Room of some 64 KiB, shared by all engines, is best:
 * one call then takes all that a read brought, and OpenSSL copies out of its own record once. */
enum tls_result tls_take_plain(struct tls *t, uint8_t *room, size_t size, size_t *got);

/* Encrypts the parts, in order, as one record where they fit into one (TLS_RECORD_BYTES), else as
 * several. Only when ready. Takes all of it or fails. */
enum tls_result tls_put_plain(struct tls *t, const struct span *parts, size_t count);

/* Moves all output to the end of `out`, which has the engine's pool. */
void tls_take_cipher(struct tls *t, struct buf *out);

/* Adds close_notify to the output, once; nothing before the handshake is done or after a failure.
 */
void tls_shutdown(struct tls *t);

/* The network said end-of-file. PEER_FINISHED after a close_notify, else FAILED with PEER_CLOSED
 * and where it happened: bytes may be missing. */
enum tls_result tls_on_end(struct tls *t);

enum { TLS_FACT_BYTES = 256 };

/* What is wrong with a certificate, as far as remedies differ. */
enum tls_flaw {
    TLS_FLAW_NONE,
    TLS_FLAW_ISSUER,      /* of an authority that is not trusted here */
    TLS_FLAW_SELF_SIGNED, /* by itself, or by a root of its own */
    TLS_FLAW_NOT_YET,
    TLS_FLAW_EXPIRED,
    TLS_FLAW_NAME, /* of another host */
    TLS_FLAW_OTHER,
};

/* What a handshake showed, for who asks why it failed. Texts are printable ASCII, cut where they do
 * not fit; what the peer wrote in a certificate is the peer's. */
struct tls_facts {
    bool saw_server_hello;
    int alert;            /* of the peer, fatal; -1: none came */
    enum tls_flaw flaw;   /* the first that was found */
    int verify_code;      /* the same as OpenSSL's X509_V_ERR_…; 0: none */
    bool has_certificate; /* the server's, and so are the next ones */
    int64_t not_before;   /* seconds since 1970 */
    int64_t not_after;
    char issuer[TLS_FACT_BYTES]; /* of the topmost certificate that came: organisation, else name */
    char names[TLS_FACT_BYTES];  /* that it is for: "a.example, *.b.example" */
    bool has_old_version;        /* the peer's is below the lowest allowed */
    char version[16];            /* "TLSv1.3"; empty before it is agreed */
    uint8_t first[5];            /* of the peer */
    size_t first_size;
    bool looks_like_tls; /* those bytes; true when none came */
};

/* Notes what comes from now on; to be called before the first byte of the peer. `facts` outlives
 * the engine. */
void tls_watch(struct tls *t, struct tls_facts *facts);

/* Why it failed: TLS_CERTIFICATE, TLS_FAILED, PEER_CLOSED or BAD_INPUT, and a sentence with the
 * remedy. The status is OK while nothing has failed. */
const struct error *tls_why(const struct tls *t);

#endif
