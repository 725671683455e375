/* The way of a login:
 *
 *     START ── command ──> FIRST ── r,s,i ──> KEYS ──> FINAL ── p ──> PROOF ── v ──> DONE
 *       └── X.509 ──> CERTIFICATE ──> DONE      │       ^               └─> EMPTY ──> LAST ──> DONE
 *                                            DERIVING ──┘
 *
 * With speculation the first command travels inside hello: GREETING, then FIRST's reply, or
 * CERTIFICATE's, is read out of the hello reply. A hello reply without one begins at START, as does
 * one whose list of mechanisms lacks the one we speculated with. KEYS asks the shared memory of
 * derived keys and goes to FINAL at once when they are there. EMPTY is the extra round of servers
 * that do not know skipEmptyExchange. Every refusal ends in FAILED. */
#include "core/auth/login.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/sm.h"
#include "core/auth/login_refusal.h"
#include "core/auth/login_reply.h"
#include "core/auth/login_work.h"

enum login_state {
    START,
    GREETING,
    FIRST,
    CERTIFICATE,
    KEYS,
    DERIVING,
    FINAL,
    PROOF,
    EMPTY,
    LAST,
    DONE,
    FAILED
};

static const struct sm_state states[] = {
    [START] = {"START", SM_TO(GREETING) | SM_TO(FIRST) | SM_TO(CERTIFICATE) | SM_TO(FAILED)},
    [GREETING] = {"GREETING", SM_TO(START) | SM_TO(FIRST) | SM_TO(CERTIFICATE) | SM_TO(FAILED)},
    [FIRST] = {"FIRST", SM_TO(KEYS) | SM_TO(FAILED)},
    [CERTIFICATE] = {"CERTIFICATE", SM_TO(DONE) | SM_TO(FAILED)},
    [KEYS] = {"KEYS", SM_TO(DERIVING) | SM_TO(FINAL) | SM_TO(FAILED)},
    [DERIVING] = {"DERIVING", SM_TO(FINAL)},
    [FINAL] = {"FINAL", SM_TO(PROOF)},
    [PROOF] = {"PROOF", SM_TO(EMPTY) | SM_TO(DONE) | SM_TO(FAILED)},
    [EMPTY] = {"EMPTY", SM_TO(LAST)},
    [LAST] = {"LAST", SM_TO(DONE) | SM_TO(FAILED)},
    [DONE] = {"DONE", SM_TO(START)},
    [FAILED] = {"FAILED", 0},
};

struct login {
    struct sm state;
    enum login_mechanism wanted;
    enum login_mechanism chosen; /* DEFAULT: not yet */
    char *user;
    char *password;
    char *source;
    uint8_t random[LOGIN_NONCE_BYTES];
    uint8_t conversations; /* begun with these random bytes */
    struct login_keys *memory;
    struct scram scram;
    struct scram_salt salt;
    struct scram_keys keys;
    bson_value_t conversation; /* the server's conversationId, whatever its type */
    int32_t server_code;
    struct error why;
};

static void reset_conversation(struct login *l);
static void begin_scram(struct login *l);
static void read_first(struct login *l, const bson_t *reply);

static enum login_state state_of(const struct login *l)
{
    return (enum login_state)l->state.now_in;
}

/* A login knows no clock: its history has moves without times. */
static void move(struct login *l, enum login_state to)
{
    sm_move(&l->state, (int)to, 0);
}

static void fail(struct login *l, enum status status, const char *text)
{
    error_set(&l->why, status, "%s", text);
    move(l, FAILED);
}

static char *copy_or_null(const char *text)
{
    return text == NULL ? NULL : xstrdup(text);
}

struct login *login_new(const struct login_credentials *credentials,
                        const uint8_t nonce[LOGIN_NONCE_BYTES], struct login_keys *keys)
{
    struct login *l = xcalloc(1, sizeof *l);
    bool by_certificate = credentials->mechanism == LOGIN_X509;
    const char *source = credentials->source == NULL ? "admin" : credentials->source;
    sm_init(&l->state, states, START);
    l->wanted = credentials->mechanism;
    l->chosen = credentials->mechanism;
    l->user = copy_or_null(credentials->user);
    l->password = by_certificate ? NULL : copy_or_null(credentials->password);
    l->source = xstrdup(by_certificate ? "$external" : source);
    l->memory = keys;
    memcpy(l->random, nonce, sizeof l->random);
    if (!by_certificate && (l->user == NULL || l->password == NULL)) {
        fail(l, STATUS_BAD_INPUT, "a login by SCRAM needs a user name and a password");
    }
    return l;
}

void login_free(struct login *l)
{
    if (l == NULL) {
        return;
    }
    reset_conversation(l);
    login_wipe_text(l->password);
    free(l->user);
    free(l->source);
    OPENSSL_cleanse(l, sizeof *l);
    free(l);
}

static void reset_conversation(struct login *l)
{
    scram_clear(&l->scram);
    bson_value_destroy(&l->conversation);
    l->conversation = (bson_value_t){.value_type = BSON_TYPE_EOD};
    OPENSSL_cleanse(&l->keys, sizeof l->keys);
}

static const char *mechanism_name(enum login_mechanism mechanism)
{
    switch (mechanism) {
    case LOGIN_SCRAM_SHA_1:
        return "SCRAM-SHA-1";
    case LOGIN_SCRAM_SHA_256:
        return "SCRAM-SHA-256";
    case LOGIN_X509:
        return "MONGODB-X509";
    case LOGIN_DEFAULT:
    default:
        return "";
    }
}

const char *login_mechanism_name(const struct login *l)
{
    return mechanism_name(l->chosen);
}

/* The command that opens the conversation, in hello as well as alone. */
static void append_first(struct login *l, bson_t *command)
{
    if (l->chosen == LOGIN_X509) {
        BSON_APPEND_INT32(command, "authenticate", 1);
        BSON_APPEND_UTF8(command, "mechanism", login_mechanism_name(l));
        if (l->user != NULL) {
            BSON_APPEND_UTF8(command, "user", l->user);
        }
        return;
    }
    begin_scram(l);
    char *message = scram_first(&l->scram);
    bson_t options;
    BSON_APPEND_INT32(command, "saslStart", 1);
    BSON_APPEND_UTF8(command, "mechanism", login_mechanism_name(l));
    BSON_APPEND_BINARY(command, "payload", BSON_SUBTYPE_BINARY, (uint8_t *)message,
                       (uint32_t)strlen(message));
    BSON_APPEND_DOCUMENT_BEGIN(command, "options", &options);
    BSON_APPEND_BOOL(&options, "skipEmptyExchange", true);
    bson_append_document_end(command, &options);
    free(message);
}

/* One login may hold two conversations (a speculative one that is discarded, then another): each
 * has a nonce of its own, made of the random bytes and the count of conversations. */
static void begin_scram(struct login *l)
{
    uint8_t seed[LOGIN_NONCE_BYTES + 1];
    uint8_t digest[EVP_MAX_MD_SIZE];
    char nonce[4 * LOGIN_NONCE_BYTES / 3 + 1];
    memcpy(seed, l->random, LOGIN_NONCE_BYTES);
    seed[LOGIN_NONCE_BYTES] = l->conversations++;
    require(EVP_Digest(seed, sizeof seed, digest, NULL, EVP_sha256(), NULL) == 1);
    EVP_EncodeBlock((uint8_t *)nonce, digest, LOGIN_NONCE_BYTES);
    reset_conversation(l);
    scram_init(&l->scram, l->chosen == LOGIN_SCRAM_SHA_1 ? SCRAM_SHA_1 : SCRAM_SHA_256, l->user,
               nonce);
}

void login_add_to_hello(struct login *l, bson_t *hello)
{
    if (state_of(l) != START) {
        return;
    }
    if (l->wanted == LOGIN_DEFAULT) {
        char *who = xformat("%s.%s", l->source, l->user);
        BSON_APPEND_UTF8(hello, "saslSupportedMechs", who);
        free(who);
        l->chosen = LOGIN_SCRAM_SHA_256;
    }
    bson_t first;
    BSON_APPEND_DOCUMENT_BEGIN(hello, "speculativeAuthenticate", &first);
    append_first(l, &first);
    BSON_APPEND_UTF8(&first, "db", l->source);
    bson_append_document_end(hello, &first);
    move(l, GREETING);
}

/* Fails the login when the server refused the command. */
static bool is_refused(struct login *l, const bson_t *reply)
{
    if (login_reply_is_ok(reply)) {
        return false;
    }
    struct login_refusal refusal = {login_mechanism_name(l), l->user, l->source};
    l->server_code = login_refusal_read(&refusal, reply, &l->why);
    move(l, FAILED);
    return true;
}

void login_on_hello(struct login *l, const bson_t *reply)
{
    bool speculated = state_of(l) == GREETING;
    if (state_of(l) == FAILED || is_refused(l, reply)) {
        return;
    }
    enum login_mechanism tried = l->chosen;
    if (l->wanted == LOGIN_DEFAULT) {
        l->chosen = login_reply_offers_sha_256(reply) ? LOGIN_SCRAM_SHA_256 : LOGIN_SCRAM_SHA_1;
    }
    bson_t first;
    if (!speculated) {
        return;
    }
    if (tried != l->chosen || !login_reply_speculative(reply, &first)) {
        move(l, START);
    } else if (l->chosen == LOGIN_X509) {
        move(l, CERTIFICATE);
        move(l, DONE);
    } else {
        move(l, FIRST);
        read_first(l, &first);
    }
}

static void read_first(struct login *l, const bson_t *reply)
{
    bson_iter_t it;
    struct span payload;
    if (login_reply_is_done(reply)) {
        fail(l, STATUS_PROTOCOL_ERROR,
             "the server called the login done without proving that it knows the user");
        return;
    }
    if (!login_reply_payload(reply, &payload) ||
        !bson_iter_init_find(&it, reply, "conversationId")) {
        fail(l, STATUS_PROTOCOL_ERROR,
             "the server's reply to saslStart has no payload or no "
             "conversationId");
        return;
    }
    bson_value_copy(bson_iter_value(&it), &l->conversation);
    move(l, scram_on_first(&l->scram, payload, &l->salt, &l->why) == STATUS_OK ? KEYS : FAILED);
}

static void append_continue(struct login *l, const char *message, bson_t *command)
{
    BSON_APPEND_INT32(command, "saslContinue", 1);
    BSON_APPEND_VALUE(command, "conversationId", &l->conversation);
    BSON_APPEND_BINARY(command, "payload", BSON_SUBTYPE_BINARY, (const uint8_t *)message,
                       (uint32_t)strlen(message));
}

static enum login_action send_command(struct login *l, bson_t *command, enum login_state then)
{
    BSON_APPEND_UTF8(command, "$db", l->source);
    move(l, then);
    return LOGIN_SEND;
}

static enum login_action send_final(struct login *l, bson_t *command)
{
    char *message = scram_final(&l->scram, &l->keys);
    append_continue(l, message, command);
    free(message);
    return send_command(l, command, PROOF);
}

static enum login_action next_for_keys(struct login *l, bson_t *command)
{
    char *prepared = NULL;
    if (scram_password(l->scram.hash, l->user, l->password, &prepared, &l->why) != STATUS_OK) {
        move(l, FAILED);
        return LOGIN_FAILED;
    }
    bool known = login_keys_find(l->memory, l->scram.hash, prepared, &l->salt, &l->keys);
    login_wipe_text(prepared);
    if (!known) {
        return LOGIN_WORK;
    }
    move(l, FINAL);
    return send_final(l, command);
}

enum login_action login_next_action(struct login *l, bson_t *command)
{
    switch (state_of(l)) {
    case START:
        if (l->chosen == LOGIN_DEFAULT) {
            return LOGIN_WAIT; /* for the hello reply, which chooses */
        }
        append_first(l, command);
        return send_command(l, command, l->chosen == LOGIN_X509 ? CERTIFICATE : FIRST);
    case KEYS:
        return next_for_keys(l, command);
    case FINAL:
        return send_final(l, command);
    case EMPTY:
        append_continue(l, "", command);
        return send_command(l, command, LAST);
    case DONE:
        return LOGIN_DONE;
    case FAILED:
        return LOGIN_FAILED;
    case GREETING:
    case FIRST:
    case CERTIFICATE:
    case DERIVING:
    case PROOF:
    case LAST:
    default:
        return LOGIN_WAIT;
    }
}

static void read_proof(struct login *l, const bson_t *reply)
{
    struct span payload;
    if (!login_reply_payload(reply, &payload)) {
        fail(l, STATUS_PROTOCOL_ERROR, "the server's reply to saslContinue has no payload");
        return;
    }
    if (scram_on_final(&l->scram, payload, &l->why) != STATUS_OK) {
        move(l, FAILED);
        return;
    }
    move(l, login_reply_is_done(reply) ? DONE : EMPTY);
}

void login_on_reply(struct login *l, const bson_t *reply)
{
    if (is_refused(l, reply)) {
        return;
    }
    switch (state_of(l)) {
    case FIRST:
        read_first(l, reply);
        break;
    case CERTIFICATE:
        move(l, DONE);
        break;
    case PROOF:
        read_proof(l, reply);
        break;
    case LAST:
        if (login_reply_is_done(reply)) {
            move(l, DONE);
        } else {
            fail(l, STATUS_PROTOCOL_ERROR, "the server does not end the login");
        }
        break;
    case START:
    case GREETING:
    case KEYS:
    case DERIVING:
    case FINAL:
    case EMPTY:
    case DONE:
    case FAILED:
    default:
        require(!"a reply to a command that was not sent");
    }
}

struct login_work *login_take_work(struct login *l)
{
    char *prepared = NULL; /* login_next_action has found that it can be prepared */
    require(scram_password(l->scram.hash, l->user, l->password, &prepared, NULL) == STATUS_OK);
    move(l, DERIVING);
    return login_work_new(l->scram.hash, prepared, &l->salt, l->memory);
}

void login_on_worked(struct login *l, struct login_work *work)
{
    l->keys = work->keys;
    move(l, FINAL);
    login_work_free(work);
}

void login_restart(struct login *l, const uint8_t nonce[LOGIN_NONCE_BYTES])
{
    memcpy(l->random, nonce, sizeof l->random);
    l->conversations = 0;
    move(l, START);
}

const struct error *login_why(const struct login *l)
{
    return &l->why;
}

int32_t login_server_code(const struct login *l)
{
    return l->server_code;
}

bool login_error_is_permanent(const struct login *l)
{
    return state_of(l) == FAILED &&
           (l->server_code == 0 || login_refusal_is_permanent(l->server_code));
}
