/* The derivation of keys as a piece of work with own copies of everything, so that it may run on
 * another thread and outlive the login that wanted it. */
#ifndef CORE_AUTH_LOGIN_WORK_H
#define CORE_AUTH_LOGIN_WORK_H

#include "core/auth/login_keys.h"

struct login_work {
    enum scram_hash hash;
    char *password; /* prepared; owned */
    struct scram_salt salt;
    struct scram_keys keys; /* the result */
    bool is_done;
    struct login_keys *memory; /* shared; keeps the result, also when nobody wants it any more */
};

/* Takes `prepared_password`; shares `memory`. */
struct login_work *login_work_new(enum scram_hash hash, char *prepared_password,
                                  const struct scram_salt *salt, struct login_keys *memory);

/* Wipes and frees a text that holds a secret. NULL accepted. */
void login_wipe_text(char *text);

#endif
