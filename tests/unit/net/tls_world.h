/* A throwaway certificate authority, a server of plain OpenSSL, and a wire between it and an
 * engine, all in memory: what the tests of TLS are written in. */
#ifndef UNIT_NET_TLS_WORLD_H
#define UNIT_NET_TLS_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/require.h"
#include "net/tls.h"

enum { DAY = 24 * 3600, ROOM = 64 * 1024, PATH_BYTES = 256 };

/* A key and a certificate; for an authority also the file that holds its certificate. */
struct identity {
    EVP_PKEY *key;
    X509 *certificate;
    char path[PATH_BYTES];
};

static inline void add_extension(X509 *certificate, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX with;
    X509V3_set_ctx(&with, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &with, kind, value);
    require(extension != NULL);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/* Valid from `from` to `to` seconds from now. `names` as in "DNS:a.test,IP:127.0.0.1", NULL for an
 * authority; `issuer` NULL for one that signs itself. */
static inline struct identity identity_new(const struct identity *issuer, const char *common_name,
                                           const char *names, long from, long to)
{
    static long serial = 1;
    struct identity made = {.key = EVP_EC_gen("P-256"), .certificate = X509_new()};
    const struct identity *by = issuer == NULL ? &made : issuer;
    X509_set_version(made.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), from);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), to);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.certificate), "CN", MBSTRING_ASC,
                               (const uint8_t *)common_name, -1, -1, 0);
    X509_set_issuer_name(made.certificate, X509_get_subject_name(by->certificate));
    X509_set_pubkey(made.certificate, made.key);
    add_extension(made.certificate, by->certificate, NID_basic_constraints,
                  names == NULL ? "critical,CA:TRUE" : "CA:FALSE");
    if (names != NULL && names[0] != '\0') {
        add_extension(made.certificate, by->certificate, NID_subject_alt_name, names);
    }
    require(X509_sign(made.certificate, by->key, EVP_sha256()) > 0);
    return made;
}

static inline void write_pem(char path[PATH_BYTES], X509 *certificate, EVP_PKEY *key,
                             const char *password)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, PATH_BYTES, "%s/mooring-test-XXXXXX", folder == NULL ? P_tmpdir : folder);
    int descriptor = mkstemp(path);
    FILE *file = fdopen(descriptor, "w");
    require(file != NULL);
    if (certificate != NULL) {
        PEM_write_X509(file, certificate);
    }
    if (key != NULL) {
        PEM_write_PrivateKey(file, key, password == NULL ? NULL : EVP_aes_128_cbc(), NULL, 0, NULL,
                             (void *)(uintptr_t)password);
    }
    fclose(file);
}

static inline struct identity authority_new(const char *name)
{
    struct identity made = identity_new(NULL, name, NULL, -DAY, 30 * DAY);
    write_pem(made.path, made.certificate, NULL, NULL);
    return made;
}

static inline void identity_free(struct identity *made)
{
    if (made->path[0] != '\0') {
        unlink(made->path);
    }
    EVP_PKEY_free(made->key);
    X509_free(made->certificate);
}

static inline SSL_CTX *server_ctx(const struct identity *who, int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(ctx, version);
    SSL_CTX_set_max_proto_version(ctx, version);
    require(SSL_CTX_use_certificate(ctx, who->certificate) == 1);
    require(SSL_CTX_use_PrivateKey(ctx, who->key) == 1);
    return ctx;
}

/* One engine and one server. */
struct pair {
    struct chunk_pool pool;
    struct buf wire; /* from the engine to the server */
    struct tls *client;
    SSL *server;
    size_t step; /* most bytes that the wire delivers at once */
    enum tls_result result;
    size_t received; /* plain bytes that came to the client */
    uint32_t digest; /* of them, in order */
    size_t served;   /* plain bytes that came to the server */
};

static inline void pair_init_server(struct pair *p, SSL_CTX *ctx)
{
    p->server = SSL_new(ctx);
    SSL_set_bio(p->server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(p->server);
}

static inline void pair_init_client(struct pair *p, struct tls_config *config,
                                    const char *host_name, struct tls_resume *resume)
{
    *p = (struct pair){.step = 16 * 1024, .result = TLS_WANT_MORE};
    chunk_pool_init(&p->pool, 64 * MIB);
    buf_init(&p->wire, &p->pool);
    p->client = tls_new(config, host_name, resume, &p->pool);
}

static inline void pair_init(struct pair *p, struct tls_config *config, SSL_CTX *ctx,
                             const char *host_name, struct tls_resume *resume)
{
    pair_init_client(p, config, host_name, resume);
    pair_init_server(p, ctx);
}

static inline void pair_clear(struct pair *p)
{
    tls_free(p->client);
    SSL_free(p->server);
    buf_clear(&p->wire);
    chunk_pool_clear(&p->pool); /* requires that no chunk is left anywhere */
    ERR_clear_error();
}

static inline uint32_t digest_add(uint32_t digest, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        digest = digest * 31 + bytes[i];
    }
    return digest;
}

static inline void pair_read_plain(struct pair *p)
{
    static uint8_t room[ROOM];
    do {
        size_t got = 0;
        p->result = tls_take_plain(p->client, room, sizeof room, &got);
        p->digest = digest_add(p->digest, room, got);
        p->received += got;
    } while (p->result == TLS_OK);
}

/* Lends the client exactly these bytes (of their own block, so that a step beyond is noticed). */
static inline void pair_deliver(struct pair *p, const void *bytes, size_t size)
{
    uint8_t *lent = xmalloc(size);
    memcpy(lent, bytes, size);
    tls_put_cipher(p->client, span_of(lent, size));
    if (!tls_is_ready(p->client)) {
        p->result = tls_handshake(p->client);
    }
    if (tls_is_ready(p->client)) {
        pair_read_plain(p);
    }
    tls_keep_rest(p->client);
    free(lent);
}

static inline size_t pair_to_client(struct pair *p)
{
    static uint8_t bytes[ROOM];
    size_t moved = 0;
    size_t most = p->step < sizeof bytes ? p->step : sizeof bytes;
    int size = BIO_read(SSL_get_wbio(p->server), bytes, (int)most);
    for (; size > 0; size = BIO_read(SSL_get_wbio(p->server), bytes, (int)most)) {
        pair_deliver(p, bytes, (size_t)size);
        moved += (size_t)size;
    }
    return moved;
}

static inline size_t pair_to_server(struct pair *p)
{
    static uint8_t plain[ROOM];
    size_t moved = 0;
    tls_take_cipher(p->client, &p->wire);
    while (!buf_is_empty(&p->wire)) {
        struct span front = buf_front(&p->wire);
        size_t size = front.size < p->step ? front.size : p->step;
        BIO_write(SSL_get_rbio(p->server), front.at, (int)size);
        buf_consume(&p->wire, size);
        moved += size;
        ERR_clear_error();
        int got = SSL_read(p->server, plain, sizeof plain);
        for (; got > 0; got = SSL_read(p->server, plain, sizeof plain)) {
            p->served += (size_t)got;
        }
    }
    return moved;
}

/* Until neither side has anything to say. */
static inline void pair_run(struct pair *p)
{
    if (!tls_is_ready(p->client) && p->result != TLS_FAILED) {
        p->result = tls_handshake(p->client);
    }
    while (pair_to_server(p) + pair_to_client(p) > 0) {
    }
}

static inline struct tls_config *config_for(const struct identity *authority)
{
    struct error why = {0};
    struct tls_config_options options = {.ca_file = authority->path};
    struct tls_config *config = tls_config_new(&options, &why);
    require(config != NULL);
    return config;
}

#endif
