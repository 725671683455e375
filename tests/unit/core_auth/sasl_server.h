/* The server's side of SCRAM, as small as it can be, written from the RFC and apart from ours: it
 * keeps StoredKey and ServerKey, and checks the proof as a server does. */
#ifndef UNIT_CORE_AUTH_SASL_SERVER_H
#define UNIT_CORE_AUTH_SASL_SERVER_H

#include <bson/bson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"

struct sasl_server {
    const char *mechanism; /* that the stored keys are for */
    const char *name;      /* the user, as it is written in n= */
    const char *password;  /* as the server has prepared it */
    bool old;              /* knows no skipEmptyExchange */

    /* Mistakes to make. */
    bool done_too_early;
    bool wrong_signature;
    bool never_done;
    bool no_conversation;

    /* The conversation. */
    char first_bare[512];
    char first_reply[512];
    char nonce[512];
    int starts;
    int rounds;
};

static const uint8_t server_salt[16] = "sixteen bytes ..";

static inline const EVP_MD *sasl_hash(const struct sasl_server *v)
{
    return strcmp(v->mechanism, "SCRAM-SHA-1") == 0 ? EVP_sha1() : EVP_sha256();
}

static inline void sasl_hmac(const struct sasl_server *v, const uint8_t *key, const char *text,
                             uint8_t out[32])
{
    HMAC(sasl_hash(v), key, EVP_MD_get_size(sasl_hash(v)), (const uint8_t *)text, strlen(text), out,
         NULL);
}

static inline void sasl_payload(const bson_t *command, char *out, size_t size)
{
    bson_iter_t it;
    uint32_t length = 0;
    const uint8_t *bytes = NULL;
    bson_subtype_t subtype;
    require(bson_iter_init_find(&it, command, "payload") && BSON_ITER_HOLDS_BINARY(&it));
    bson_iter_binary(&it, &subtype, &length, &bytes);
    require(length < size);
    memcpy(out, bytes, length);
    out[length] = '\0';
}

static inline void sasl_answer(struct sasl_server *v, const char *payload, bool done, bson_t *reply)
{
    if (!v->no_conversation) {
        BSON_APPEND_UTF8(reply, "conversationId", "seven");
    }
    BSON_APPEND_BOOL(reply, "done", done && !v->never_done);
    BSON_APPEND_BINARY(reply, "payload", BSON_SUBTYPE_BINARY, (const uint8_t *)payload,
                       (uint32_t)strlen(payload));
    BSON_APPEND_DOUBLE(reply, "ok", 1);
}

static inline void sasl_refuse(bson_t *reply, int code, const char *message)
{
    BSON_APPEND_DOUBLE(reply, "ok", 0);
    BSON_APPEND_UTF8(reply, "errmsg", message);
    BSON_APPEND_INT32(reply, "code", code);
}

static inline void sasl_start(struct sasl_server *v, const bson_t *command, bson_t *reply)
{
    char payload[512], expected[128], salt[32];
    bson_iter_t it, option;
    sasl_payload(command, payload, sizeof payload);
    snprintf(expected, sizeof expected, "n,,n=%s,r=", v->name);
    require(strncmp(payload, expected, strlen(expected)) == 0);
    require(bson_iter_init(&it, command) &&
            bson_iter_find_descendant(&it, "options.skipEmptyExchange", &option) &&
            bson_iter_bool(&option));
    require(bson_iter_init_find(&it, command, "mechanism"));
    v->starts++;
    if (strcmp(bson_iter_utf8(&it, NULL), v->mechanism) != 0) {
        sasl_refuse(reply, 334, "Unsupported mechanism");
        return;
    }
    snprintf(v->first_bare, sizeof v->first_bare, "%s", payload + 3);
    snprintf(v->nonce, sizeof v->nonce, "%sSERVER", payload + strlen(expected));
    EVP_EncodeBlock((uint8_t *)salt, server_salt, sizeof server_salt);
    require(snprintf(v->first_reply, sizeof v->first_reply, "r=%.300s,s=%s,i=4096", v->nonce,
                     salt) < 512);
    sasl_answer(v, v->first_reply, v->done_too_early, reply);
}

static inline bool sasl_proof_is_right(const struct sasl_server *v, const uint8_t *salted,
                                       const char *signed_text, const char *proof_text)
{
    uint8_t client[32], stored[32], signature[32], proof[48], again[32];
    int size = EVP_MD_get_size(sasl_hash(v));
    sasl_hmac(v, salted, "Client Key", client);
    EVP_Digest(client, (size_t)size, stored, NULL, sasl_hash(v), NULL);
    sasl_hmac(v, stored, signed_text, signature);
    require(strlen(proof_text) == 4 * (((size_t)size + 2) / 3));
    EVP_DecodeBlock(proof, (const uint8_t *)proof_text, (int)strlen(proof_text));
    for (int i = 0; i < size; i++) {
        proof[i] ^= signature[i];
    }
    EVP_Digest(proof, (size_t)size, again, NULL, sasl_hash(v), NULL);
    return memcmp(again, stored, (size_t)size) == 0;
}

static inline void sasl_prove(struct sasl_server *v, const bson_t *command, bson_t *reply)
{
    char payload[512], expected[400], signed_text[1600], encoded[64], answer[80];
    uint8_t salted[32], key[32], signature[32];
    int size = EVP_MD_get_size(sasl_hash(v));
    sasl_payload(command, payload, sizeof payload);
    snprintf(expected, sizeof expected, "c=biws,r=%.300s,p=", v->nonce);
    require(strncmp(payload, expected, strlen(expected)) == 0);
    PKCS5_PBKDF2_HMAC(v->password, -1, server_salt, sizeof server_salt, 4096, sasl_hash(v), size,
                      salted);
    snprintf(signed_text, sizeof signed_text, "%s,%s,%.*s", v->first_bare, v->first_reply,
             (int)strlen(expected) - 3, payload);
    if (!sasl_proof_is_right(v, salted, signed_text, payload + strlen(expected))) {
        sasl_refuse(reply, 18, "Authentication failed.");
        return;
    }
    sasl_hmac(v, salted, "Server Key", key);
    sasl_hmac(v, key, signed_text, signature);
    signature[0] ^= v->wrong_signature ? 1 : 0;
    EVP_EncodeBlock((uint8_t *)encoded, signature, size);
    snprintf(answer, sizeof answer, "v=%s", encoded);
    sasl_answer(v, answer, !v->old, reply);
}

/* Answers one command of the conversation. */
static inline void sasl_reply(struct sasl_server *v, const bson_t *command, bson_t *reply)
{
    bson_iter_t it;
    if (bson_iter_init_find(&it, command, "saslStart")) {
        v->rounds = 0;
        sasl_start(v, command, reply);
        return;
    }
    require(bson_iter_init_find(&it, command, "saslContinue"));
    require(bson_iter_init_find(&it, command, "conversationId") && BSON_ITER_HOLDS_UTF8(&it) &&
            strcmp(bson_iter_utf8(&it, NULL), "seven") == 0);
    if (v->rounds++ == 0) {
        sasl_prove(v, command, reply);
    } else {
        char payload[8];
        sasl_payload(command, payload, sizeof payload);
        require(payload[0] == '\0' && v->old);
        sasl_answer(v, "", true, reply);
    }
}

#endif
