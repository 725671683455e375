/* Derived SCRAM keys, remembered for all logins of the process: without them every reconnect would
 * cost thousands of hashes. Found by a digest of mechanism, password, salt and iteration count, so
 * that no password is kept. Bounded; the entry unused for longest gives way. */
#ifndef CORE_AUTH_LOGIN_KEYS_H
#define CORE_AUTH_LOGIN_KEYS_H

#include <stdbool.h>

#include "core/auth/scram.h"

struct login_keys;

struct login_keys *login_keys_new(void);

/* One owner more: a derivation under way may end after everything else. */
struct login_keys *login_keys_share(struct login_keys *keys);

/* The last owner wipes and frees. NULL accepted. */
void login_keys_free(struct login_keys *keys);

bool login_keys_find(struct login_keys *keys, enum scram_hash hash, const char *prepared_password,
                     const struct scram_salt *salt, struct scram_keys *out);

void login_keys_add(struct login_keys *keys, enum scram_hash hash, const char *prepared_password,
                    const struct scram_salt *salt, const struct scram_keys *found);

#endif
