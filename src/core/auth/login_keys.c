#include "core/auth/login_keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/require.h"

/* One user has one salt per mechanism, the same on every node; a handful is plenty, and a server
 * that invents salts cannot make us grow. */
enum { KEYS_MOST = 16, DIGEST_BYTES = 32 };

struct entry {
    uint8_t digest[DIGEST_BYTES]; /* of what the keys were derived from */
    struct scram_keys keys;
    uint64_t used; /* 0: free */
};

struct login_keys {
    struct entry entries[KEYS_MOST];
    uint64_t uses;
    size_t owners;
};

struct login_keys *login_keys_new(void)
{
    struct login_keys *keys = xcalloc(1, sizeof *keys);
    keys->owners = 1;
    return keys;
}

struct login_keys *login_keys_share(struct login_keys *keys)
{
    keys->owners++;
    return keys;
}

void login_keys_free(struct login_keys *keys)
{
    if (keys != NULL && --keys->owners == 0) {
        OPENSSL_cleanse(keys, sizeof *keys);
        free(keys);
    }
}

/* Every part has a fixed size or its size in front, so that no two inputs read alike. */
static void digest_of(enum scram_hash hash, const char *prepared_password,
                      const struct scram_salt *salt, uint8_t out[DIGEST_BYTES])
{
    uint64_t sizes[] = {(uint64_t)hash, salt->iterations, salt->size, strlen(prepared_password)};
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    require(digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
            EVP_DigestUpdate(digest, sizes, sizeof sizes) == 1 &&
            EVP_DigestUpdate(digest, salt->bytes, salt->size) == 1 &&
            EVP_DigestUpdate(digest, prepared_password, strlen(prepared_password)) == 1 &&
            EVP_DigestFinal_ex(digest, out, NULL) == 1);
    EVP_MD_CTX_free(digest);
}

static struct entry *entry_of(struct login_keys *keys, const uint8_t digest[DIGEST_BYTES])
{
    for (size_t i = 0; i < KEYS_MOST; i++) {
        struct entry *e = &keys->entries[i];
        if (e->used != 0 && CRYPTO_memcmp(e->digest, digest, DIGEST_BYTES) == 0) {
            return e;
        }
    }
    return NULL;
}

bool login_keys_find(struct login_keys *keys, enum scram_hash hash, const char *prepared_password,
                     const struct scram_salt *salt, struct scram_keys *out)
{
    uint8_t digest[DIGEST_BYTES];
    digest_of(hash, prepared_password, salt, digest);
    struct entry *e = entry_of(keys, digest);
    if (e == NULL) {
        return false;
    }
    e->used = ++keys->uses;
    *out = e->keys;
    return true;
}

void login_keys_add(struct login_keys *keys, enum scram_hash hash, const char *prepared_password,
                    const struct scram_salt *salt, const struct scram_keys *found)
{
    uint8_t digest[DIGEST_BYTES];
    digest_of(hash, prepared_password, salt, digest);
    struct entry *e = entry_of(keys, digest);
    if (e == NULL) {
        e = &keys->entries[0];
        for (size_t i = 1; i < KEYS_MOST; i++) {
            e = keys->entries[i].used < e->used ? &keys->entries[i] : e;
        }
    }
    memcpy(e->digest, digest, DIGEST_BYTES);
    e->keys = *found;
    e->used = ++keys->uses;
}
