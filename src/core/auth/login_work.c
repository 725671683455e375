#include "core/auth/login_work.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/require.h"
#include "core/auth/login.h"

struct login_work *login_work_new(enum scram_hash hash, char *prepared_password,
                                  const struct scram_salt *salt, struct login_keys *memory)
{
    struct login_work *work = xcalloc(1, sizeof *work);
    work->hash = hash;
    work->password = prepared_password;
    work->salt = *salt;
    work->memory = login_keys_share(memory);
    return work;
}

void login_work_run(struct login_work *work)
{
    scram_derive(work->hash, work->password, &work->salt, &work->keys);
    work->is_done = true;
}

void login_work_free(struct login_work *work)
{
    if (work != NULL) {
        if (work->is_done) {
            login_keys_add(work->memory, work->hash, work->password, &work->salt, &work->keys);
        }
        login_keys_free(work->memory);
        login_wipe_text(work->password);
        OPENSSL_cleanse(work, sizeof *work);
        free(work);
    }
}

void login_wipe_text(char *text)
{
    if (text != NULL) {
        OPENSSL_cleanse(text, strlen(text));
        free(text);
    }
}
