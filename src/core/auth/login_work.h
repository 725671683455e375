/* The derivation of keys as a piece of work with own copies of everything, so that it may run on
 * another thread and outlive the login that wanted it. */
#ifndef CORE_AUTH_LOGIN_WORK_H
#define CORE_AUTH_LOGIN_WORK_H

#include "core/auth/scram.h"

struct login_work {
    enum scram_hash hash;
    char *password; /* prepared; owned */
    struct scram_salt salt;
    struct scram_keys keys; /* the result */
};

/* Takes `prepared_password`. */
struct login_work *login_work_new(enum scram_hash hash, char *prepared_password,
                                  const struct scram_salt *salt);

/* Wipes and frees a text that holds a secret. NULL accepted. */
void login_wipe_text(char *text);

#endif
