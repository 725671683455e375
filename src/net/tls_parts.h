/* What the files of the TLS engine share: tls.c (the engine), tls_config.c (options and what is
 * remembered for short handshakes), tls_why.c (failures as sentences). For them alone. */
#ifndef NET_TLS_PARTS_H
#define NET_TLS_PARTS_H

#include <openssl/ssl.h>

#include "net/tls.h"

enum { TLS_HEADER_BYTES = 5 }; /* of a record: type, version, length */

struct tls_config {
    SSL_CTX *ctx;
    uint64_t serial; /* tells configs apart for what is remembered, also after one is gone */
    size_t claims;
    bool verifies_name;
    bool is_for_resolvers;
};

struct tls_resume {
    SSL_SESSION *newest;
    uint64_t serial; /* of the config it was made under */
    char *host_name; /* that was verified then */
    size_t claims;
};

struct tls {
    SSL *ssl; /* owns the BIO */
    struct tls_config *config;
    struct tls_resume *resume; /* may be NULL */
    char *host_name;
    const char *protocol; /* wanted by ALPN; NULL: none */
    struct span lent;     /* the network's bytes not yet read */
    struct buf kept;      /* what was not read when earlier loans ended; comes before `lent` */
    struct buf output;
    struct tls_facts *facts;         /* NULL: nobody asks */
    struct error *why;               /* NULL while nothing has failed */
    uint8_t first[TLS_HEADER_BYTES]; /* the first bytes of the peer, to recognise what is not TLS */
    uint8_t first_size;
    bool ready;
    bool peer_finished;
};

void tls_resume_claim(struct tls_resume *resume);

/* Offers what is remembered to the server, when it was made under the same config and name. */
void tls_resume_offer(const struct tls *t);

/* A handshake failed: the next one is a full one. */
void tls_resume_forget(struct tls_resume *resume);

/* Sets t->why, unless something failed before. Returns TLS_FAILED. */
enum tls_result tls_fail(struct tls *t, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For who watches: the first bytes, the chain that came (at its end, or at what is wrong with it),
 * the version. Do nothing while nobody does. */
void tls_note_bytes(struct tls *t);
void tls_note_chain(struct tls *t, X509_STORE_CTX *store, int code);
void tls_note_ready(struct tls *t);
void tls_note_version(struct tls *t); /* too old */

/* The names that a certificate is for, its subject when it has no list of them, as far as there is
 * room (TLS_FACT_BYTES). */
void tls_print_names(const X509 *certificate, char *list);

/* A record begins with a type of 20 to 23 and the major version 3; also true of no bytes. */
bool tls_looks_like_tls(const struct tls *t);

/* Fails with what OpenSSL's error queue says, as a sentence. */
enum tls_result tls_fail_by_library(struct tls *t);

/* Fails because the server does not speak the protocol that is wanted. */
enum tls_result tls_fail_by_protocol(struct tls *t);

/* OpenSSL's callback for each certificate that does not pass: fails the engine with a sentence. */
int tls_judge_certificate(int passed, X509_STORE_CTX *store);

#endif
