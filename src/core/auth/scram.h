/* The client's side of one SCRAM conversation (RFC 5802, RFC 7677) as MongoDB speaks it: no channel
 * binding, the user name raw, SHA-1 with MongoDB's digest of the password. Texts in, texts out. */
#ifndef CORE_AUTH_SCRAM_H
#define CORE_AUTH_SCRAM_H

#include <stdbool.h>

#include "base/span.h"
#include "base/status.h"

enum scram_hash { SCRAM_SHA_1, SCRAM_SHA_256 };

enum {
    SCRAM_KEY_BYTES = 32,       /* the larger of the two hashes */
    SCRAM_SALT_BYTES = 256,     /* most that we accept; servers send 16 or 28 */
    SCRAM_MESSAGE_BYTES = 2048, /* most that we accept of the server */
    SCRAM_ITERATIONS_LEAST = 4096,
    SCRAM_ITERATIONS_MOST = 2000000, /* some 2 s: within every sensible limit of a login */
};

/* 20 or 32 bytes are used. */
struct scram_keys {
    uint8_t client[SCRAM_KEY_BYTES];
    uint8_t server[SCRAM_KEY_BYTES];
};

/* What the keys are derived from, besides the password. */
struct scram_salt {
    uint32_t iterations;
    size_t size;
    uint8_t bytes[SCRAM_SALT_BYTES];
};

struct scram {
    enum scram_hash hash;
    char *nonce;                        /* ours */
    char *first;                        /* our first message without the GS2 header */
    char *server_first;                 /* theirs, once it came */
    char *server_nonce;                 /* ours with theirs behind it */
    uint8_t signature[SCRAM_KEY_BYTES]; /* what the server must prove */
    bool verified;
};

/* `nonce` is printable ASCII without a comma. */
void scram_init(struct scram *s, enum scram_hash hash, const char *user, const char *nonce);
void scram_clear(struct scram *s);

/* The first message, "n,,n=…,r=…". The caller frees it. */
char *scram_first(const struct scram *s);

/* Reads the server's "r=…,s=…,i=…". Refuses (PROTOCOL_ERROR) a nonce that does not continue ours,
 * an iteration count below SCRAM_ITERATIONS_LEAST or beyond SCRAM_ITERATIONS_MOST, and extensions
 * that we must not ignore; "e=…" is AUTH_FAILED. */
enum status scram_on_first(struct scram *s, struct span message, struct scram_salt *out,
                           struct error *why) __attribute__((warn_unused_result));

/* The second message, "c=biws,r=…,p=…", and the signature to expect. The caller frees it. */
char *scram_final(struct scram *s, const struct scram_keys *keys);

/* Reads the server's "v=…" and compares it in constant time. */
enum status scram_on_final(struct scram *s, struct span message, struct error *why)
    __attribute__((warn_unused_result));

/* The password as the hash wants it: SASLprep, or MongoDB's MD5 digest. The caller wipes and frees
 * it. BAD_INPUT when SASLprep forbids a character. */
enum status scram_password(enum scram_hash hash, const char *user, const char *password, char **out,
                           struct error *why) __attribute__((warn_unused_result));

/* PBKDF2 and the two keys. Slow on purpose; touches nothing but its arguments. */
void scram_derive(enum scram_hash hash, const char *prepared_password,
                  const struct scram_salt *salt, struct scram_keys *out);

#endif
