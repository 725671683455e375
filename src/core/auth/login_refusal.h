/* What a server's refusal of a login means, for the person who has to mend it. Texts only. */
#ifndef CORE_AUTH_LOGIN_REFUSAL_H
#define CORE_AUTH_LOGIN_REFUSAL_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct login_refusal {
    const char *mechanism; /* "SCRAM-SHA-256", … */
    const char *user;      /* NULL: the certificate's subject */
    const char *source;
};

/* Reads code and errmsg of a reply with ok: 0 and writes the sentence. Returns the code. */
int32_t login_refusal_read(const struct login_refusal *r, const bson_t *reply, struct error *why);

/* True for codes that mean: the same attempt will fail again until somebody changes something. */
bool login_refusal_is_permanent(int32_t code);

#endif
