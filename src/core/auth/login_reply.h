/* What a login reads out of a server's reply. The documents are the server's: any field may be
 * missing or of another type. Spans are lent from the reply. */
#ifndef CORE_AUTH_LOGIN_REPLY_H
#define CORE_AUTH_LOGIN_REPLY_H

#include <bson/bson.h>
#include <stdbool.h>

#include "base/span.h"

bool login_reply_is_ok(const bson_t *reply);

/* The field `done` of a SASL reply. */
bool login_reply_is_done(const bson_t *reply);

/* A hello reply carries a list saslSupportedMechs with SCRAM-SHA-256 on it. */
bool login_reply_offers_sha_256(const bson_t *reply);

/* The binary field `payload`; false when there is none. */
bool login_reply_payload(const bson_t *reply, struct span *out);

/* The document speculativeAuthenticate of a hello reply; false when there is none. */
bool login_reply_speculative(const bson_t *reply, bson_t *out);

#endif
