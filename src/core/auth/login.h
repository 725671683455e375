/* One login on one connection: message in, message out (SCRAM-SHA-256, SCRAM-SHA-1, MONGODB-X509).
 *
 * The owner adds the login to its hello, tells the replies, and does what login_next_action says
 * until DONE or FAILED. Key derivation takes milliseconds and is therefore a separate piece of work
 * that may run on another thread. Derived keys are remembered for all logins in a login_keys.
 * Knows no clock; time limits are the owner's. Secrets are wiped when freed and are in no error. */
#ifndef CORE_AUTH_LOGIN_H
#define CORE_AUTH_LOGIN_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "core/auth/login_keys.h"

enum login_mechanism { LOGIN_DEFAULT, LOGIN_SCRAM_SHA_1, LOGIN_SCRAM_SHA_256, LOGIN_X509 };

enum { LOGIN_NONCE_BYTES = 24 };

struct login_credentials {
    enum login_mechanism mechanism; /* DEFAULT: what the server offers, SHA-256 preferred */
    const char *user;               /* raw UTF-8; NULL allowed for X509 */
    const char *password;           /* NULL for X509 */
    const char *source;             /* database; NULL: "admin". X509 uses "$external" always */
};

enum login_action {
    LOGIN_WAIT,   /* for a reply, or for work under way */
    LOGIN_SEND,   /* send the command; its reply goes to login_on_reply */
    LOGIN_WORK,   /* login_take_work, login_work_run elsewhere, login_on_worked */
    LOGIN_DONE,   /* logged in */
    LOGIN_FAILED, /* see login_why */
};

struct login;

/* Copies the credentials. `nonce` is unpredictable and new for each login. `keys` is shared and
 * outlives the login. Unusable credentials show as LOGIN_FAILED. */
struct login *login_new(const struct login_credentials *credentials,
                        const uint8_t nonce[LOGIN_NONCE_BYTES], struct login_keys *keys);
void login_free(struct login *l);

/* Appends saslSupportedMechs (when the mechanism is to be negotiated) and speculativeAuthenticate.
 * Optional: without it the login starts at login_on_hello all the same. */
void login_add_to_hello(struct login *l, bson_t *hello);

/* The server's reply to that hello. A refusal (ok: 0) fails the login; a caller that sees a hello
 * fail for other reasons need not tell it. */
void login_on_hello(struct login *l, const bson_t *reply);

/* What to do now. SEND appends the command to the empty document `command`, $db included; each
 * command is given once, then WAIT until its reply. */
enum login_action login_next_action(struct login *l, bson_t *command);

/* The server's reply to the last command. */
void login_on_reply(struct login *l, const bson_t *reply);

/* Key derivation. Own copies of everything, so that it may outlive the login: an owner that has
 * closed frees it by login_work_free once the other thread is done. Either way the keys that were
 * derived are remembered. */
struct login_work;

/* Hands out the work, once per LOGIN_WORK. */
struct login_work *login_take_work(struct login *l);

/* Some 4,096 to 2,000,000 hashes (usually 5 to 15 ms, at most some seconds). Safe on any thread. */
void login_work_run(struct login_work *work);

/* Takes the finished work back and frees it. */
void login_on_worked(struct login *l, struct login_work *work);
void login_work_free(struct login_work *work);

/* Logs in once more on the same connection (391 ReauthenticationRequired): no hello, the mechanism
 * found before, a new nonce. Only when DONE. */
void login_restart(struct login *l, const uint8_t nonce[LOGIN_NONCE_BYTES]);

/* Why it failed: AUTH_FAILED, AUTH_UNSUPPORTED, PROTOCOL_ERROR or BAD_INPUT, with the server's code
 * and message and the remedy; never the password. The status is OK while nothing has failed. */
const struct error *login_why(const struct login *l);

/* The code of the server's refusal, 0 when the failure was not one. */
int32_t login_server_code(const struct login *l);

/* True when trying again soon cannot help: wrong credentials, an unknown user, a mechanism that is
 * not offered, a server that broke the conversation. False for a server that is busy, shutting down
 * or not primary. */
bool login_error_is_permanent(const struct login *l);

/* "SCRAM-SHA-256", the mechanism in use; "" before one is chosen. */
const char *login_mechanism_name(const struct login *l);

#endif
