#include "core/auth/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <stringprep.h>

#include "base/require.h"

/* The GS2 header "n,," says: no channel binding, no other identity. "biws" is its base64. */
#define GS2_HEADER  "n,,"
#define GS2_BINDING "c=biws"

static size_t hash_size(enum scram_hash hash)
{
    return hash == SCRAM_SHA_1 ? 20 : 32;
}

static const EVP_MD *hash_algorithm(enum scram_hash hash)
{
    return hash == SCRAM_SHA_1 ? EVP_sha1() : EVP_sha256();
}

static void hmac(enum scram_hash hash, const uint8_t *key, const char *text,
                 uint8_t out[SCRAM_KEY_BYTES])
{
    unsigned int size = 0;
    require(HMAC(hash_algorithm(hash), key, (int)hash_size(hash), (const uint8_t *)text,
                 strlen(text), out, &size) != NULL);
}

/* RFC 5802: "," and "=" in names are written "=2C" and "=3D". */
static char *escape_name(const char *name)
{
    char *escaped = xmalloc(3 * strlen(name) + 1);
    char *to = escaped;
    for (const char *from = name; *from != '\0'; from++) {
        if (*from == ',' || *from == '=') {
            memcpy(to, *from == ',' ? "=2C" : "=3D", 3);
            to += 3;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return escaped;
}

void scram_init(struct scram *s, enum scram_hash hash, const char *user, const char *nonce)
{
    char *name = escape_name(user);
    *s = (struct scram){.hash = hash};
    s->nonce = xstrdup(nonce);
    s->first = xformat("n=%s,r=%s", name, nonce);
    free(name);
}

void scram_clear(struct scram *s)
{
    free(s->nonce);
    free(s->first);
    free(s->server_first);
    free(s->server_nonce);
    OPENSSL_cleanse(s, sizeof *s);
}

char *scram_first(const struct scram *s)
{
    return xformat(GS2_HEADER "%s", s->first);
}

/* The value of the attribute `name` at the front of `rest`, which moves behind it. */
static bool take_attribute(struct span *rest, char name, struct span *out)
{
    if (rest->size < 2 || rest->at[0] != name || rest->at[1] != '=') {
        return false;
    }
    struct span value = span_tail(*rest, 2);
    const uint8_t *comma = memchr(value.at, ',', value.size);
    if (comma == NULL) {
        *rest = span_tail(value, value.size);
    } else {
        value.size = (size_t)(comma - value.at);
        *rest = span_tail(*rest, 2 + value.size + 1);
    }
    *out = value;
    return true;
}

static bool is_base64(struct span text)
{
    size_t size = text.size;
    if (size == 0 || size % 4 != 0) {
        return false;
    }
    for (size_t padding = 0; padding < 2 && text.at[size - 1] == '='; padding++) {
        size--;
    }
    for (size_t i = 0; i < size; i++) {
        uint8_t c = text.at[i];
        bool known = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                     c == '+' || c == '/';
        if (!known) {
            return false;
        }
    }
    return true;
}

/* Decodes at most `most` bytes. OpenSSL's decoder is lenient, hence the check before it. */
static bool decode_base64(struct span text, uint8_t *out, size_t most, size_t *size)
{
    uint8_t decoded[SCRAM_MESSAGE_BYTES];
    if (!is_base64(text) || text.size > sizeof decoded) {
        return false;
    }
    int got = EVP_DecodeBlock(decoded, text.at, (int)text.size);
    if (got < 0) {
        return false;
    }
    size_t length = (size_t)got;
    length -= (size_t)(text.at[text.size - 1] == '=') + (size_t)(text.at[text.size - 2] == '=');
    if (length > most) {
        return false;
    }
    memcpy(out, decoded, length);
    *size = length;
    return true;
}

static char *encode_base64(const uint8_t *bytes, size_t size)
{
    char *text = xmalloc(4 * ((size + 2) / 3) + 1);
    EVP_EncodeBlock((uint8_t *)text, bytes, (int)size);
    return text;
}

static bool is_printable(struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] < 0x20 || text.at[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

/* What is true of both messages of the server: bounded, printable, and not an error. */
static enum status check_message(struct span message, struct error *why)
{
    if (message.size == 0 || message.size > SCRAM_MESSAGE_BYTES || !is_printable(message)) {
        return error_set(why, STATUS_PROTOCOL_ERROR,
                         "the server's SCRAM message is empty, too long or not text");
    }
    struct span rest = message;
    struct span reason;
    if (take_attribute(&rest, 'e', &reason)) {
        return error_set(why, STATUS_AUTH_FAILED, "the server ended the login: %.*s",
                         (int)(reason.size < 100 ? reason.size : 100), (const char *)reason.at);
    }
    return STATUS_OK;
}

/* Decimal digits alone, up to nine of them. */
static bool read_count(struct span text, uint32_t *out)
{
    uint32_t value = 0;
    if (text.size == 0 || text.size > 9) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return false;
        }
        value = value * 10 + (uint32_t)(text.at[i] - '0');
    }
    *out = value;
    return true;
}

static enum status check_iterations(uint32_t iterations, struct error *why)
{
    if (iterations < SCRAM_ITERATIONS_LEAST) {
        return error_set(why, STATUS_PROTOCOL_ERROR,
                         "the server asks for %u SCRAM iterations; fewer than %d would expose the "
                         "password, so the login was not continued (raise the server's iteration "
                         "count and set the password anew)",
                         iterations, SCRAM_ITERATIONS_LEAST);
    }
    if (iterations > SCRAM_ITERATIONS_MOST) {
        return error_set(why, STATUS_PROTOCOL_ERROR,
                         "the server asks for %u SCRAM iterations, more than the %d that are "
                         "accepted",
                         iterations, SCRAM_ITERATIONS_MOST);
    }
    return STATUS_OK;
}

enum status scram_on_first(struct scram *s, struct span message, struct scram_salt *out,
                           struct error *why)
{
    enum status status = check_message(message, why);
    if (status != STATUS_OK) {
        return status;
    }
    /* An "m=" at the front (a mandatory extension, RFC 5802) fails here too, as it must. */
    struct span rest = message;
    struct span nonce, salt, count;
    if (!take_attribute(&rest, 'r', &nonce) || !take_attribute(&rest, 's', &salt) ||
        !take_attribute(&rest, 'i', &count)) {
        return error_set(why, STATUS_PROTOCOL_ERROR,
                         "the server's first SCRAM message is not r=, s=, i=");
    }
    size_t ours = strlen(s->nonce);
    if (nonce.size <= ours || memcmp(nonce.at, s->nonce, ours) != 0) {
        return error_set(why, STATUS_PROTOCOL_ERROR,
                         "the server's SCRAM nonce does not continue ours");
    }
    struct scram_salt found = {0};
    if (!decode_base64(salt, found.bytes, sizeof found.bytes, &found.size) || found.size == 0 ||
        !read_count(count, &found.iterations)) {
        return error_set(why, STATUS_PROTOCOL_ERROR,
                         "the server's SCRAM salt or iteration count cannot be read");
    }
    status = check_iterations(found.iterations, why);
    if (status != STATUS_OK) {
        return status;
    }
    free(s->server_first);
    free(s->server_nonce);
    s->server_first = xstrndup((const char *)message.at, message.size);
    s->server_nonce = xstrndup((const char *)nonce.at, nonce.size);
    *out = found;
    return STATUS_OK;
}

char *scram_final(struct scram *s, const struct scram_keys *keys)
{
    require(s->server_first != NULL);
    size_t size = hash_size(s->hash);
    char *bare = xformat(GS2_BINDING ",r=%s", s->server_nonce);
    char *signed_text = xformat("%s,%s,%s", s->first, s->server_first, bare);
    uint8_t stored[SCRAM_KEY_BYTES];
    uint8_t proof[SCRAM_KEY_BYTES];
    require(EVP_Digest(keys->client, size, stored, NULL, hash_algorithm(s->hash), NULL) == 1);
    hmac(s->hash, stored, signed_text, proof);
    for (size_t i = 0; i < size; i++) {
        proof[i] ^= keys->client[i];
    }
    hmac(s->hash, keys->server, signed_text, s->signature);
    char *encoded = encode_base64(proof, size);
    char *message = xformat("%s,p=%s", bare, encoded);
    free(encoded);
    free(signed_text);
    free(bare);
    OPENSSL_cleanse(stored, sizeof stored);
    return message;
}

enum status scram_on_final(struct scram *s, struct span message, struct error *why)
{
    enum status status = check_message(message, why);
    if (status != STATUS_OK) {
        return status;
    }
    size_t size = hash_size(s->hash);
    uint8_t signature[SCRAM_KEY_BYTES];
    size_t got = 0;
    struct span rest = message;
    struct span verifier;
    if (!take_attribute(&rest, 'v', &verifier) ||
        !decode_base64(verifier, signature, sizeof signature, &got) || got != size) {
        return error_set(why, STATUS_PROTOCOL_ERROR,
                         "the server's last SCRAM message holds no signature");
    }
    if (CRYPTO_memcmp(signature, s->signature, size) != 0) {
        return error_set(why, STATUS_AUTH_FAILED,
                         "the server could not prove that it knows this user: it is not the "
                         "server it should be, or something between changes what is sent");
    }
    s->verified = true;
    return STATUS_OK;
}

static char *digest_md5(const char *user, const char *password)
{
    char *text = xformat("%s:mongo:%s", user, password);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    require(EVP_Digest(text, strlen(text), digest, &size, EVP_md5(), NULL) == 1);
    OPENSSL_cleanse(text, strlen(text));
    free(text);
    char *hex = xmalloc(2 * size + 1);
    for (unsigned int i = 0; i < size; i++) {
        static const char digits[] = "0123456789abcdef";
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[2 * size] = '\0';
    OPENSSL_cleanse(digest, sizeof digest);
    return hex;
}

enum status scram_password(enum scram_hash hash, const char *user, const char *password, char **out,
                           struct error *why)
{
    if (hash == SCRAM_SHA_1) {
        *out = digest_md5(user, password);
        return STATUS_OK;
    }
    /* RFC 5802 calls the password a stored string: unassigned code points are refused, as servers
     * and drivers do. */
    char *prepared = NULL;
    int code = stringprep_profile(password, &prepared, "SASLprep", STRINGPREP_NO_UNASSIGNED);
    if (code != STRINGPREP_OK) {
        return error_set(why, STATUS_BAD_INPUT,
                         "the password cannot be used with SCRAM-SHA-256 (SASLprep: %s); choose "
                         "one of letters, digits and signs, or set authMechanism=SCRAM-SHA-1",
                         stringprep_strerror((Stringprep_rc)code));
    }
    *out = prepared;
    return STATUS_OK;
}

void scram_derive(enum scram_hash hash, const char *prepared_password,
                  const struct scram_salt *salt, struct scram_keys *out)
{
    uint8_t salted[SCRAM_KEY_BYTES] = {0};
    require(PKCS5_PBKDF2_HMAC(prepared_password, (int)strlen(prepared_password), salt->bytes,
                              (int)salt->size, (int)salt->iterations, hash_algorithm(hash),
                              (int)hash_size(hash), salted) == 1);
    *out = (struct scram_keys){0};
    hmac(hash, salted, "Client Key", out->client);
    hmac(hash, salted, "Server Key", out->server);
    OPENSSL_cleanse(salted, sizeof salted);
}
