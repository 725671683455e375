#include "core/auth/login_refusal.h"

#include <stdio.h>
#include <string.h>

enum { REMEDY_BYTES = 320 };

/* Server error codes that a login meets. ATLAS is what the front end of Atlas says for all of its
 * own refusals, so its message decides. */
enum {
    CODE_BAD_VALUE = 2,
    CODE_USER_NOT_FOUND = 11,
    CODE_UNAUTHORIZED = 13,
    CODE_AUTHENTICATION_FAILED = 18,
    CODE_COMMAND_NOT_FOUND = 59,
    CODE_AUTHENTICATION_RESTRICTION = 214,
    CODE_MECHANISM_UNAVAILABLE = 334,
    CODE_ATLAS = 8000
};

bool login_refusal_is_permanent(int32_t code)
{
    switch (code) {
    case CODE_BAD_VALUE:
    case CODE_USER_NOT_FOUND:
    case CODE_UNAUTHORIZED:
    case CODE_AUTHENTICATION_FAILED:
    case CODE_COMMAND_NOT_FOUND:
    case CODE_AUTHENTICATION_RESTRICTION:
    case CODE_MECHANISM_UNAVAILABLE:
    case CODE_ATLAS:
        return true;
    default:
        return false;
    }
}

static void remedy_for_credentials(const struct login_refusal *r, char out[REMEDY_BYTES])
{
    if (r->user == NULL || strcmp(r->mechanism, "MONGODB-X509") == 0) {
        snprintf(out, REMEDY_BYTES,
                 "; create the subject of the client certificate as a user in $external, and check "
                 "that tls.certificateKeyFile is the right certificate");
        return;
    }
    bool in_admin = strcmp(r->source, "admin") == 0;
    snprintf(out, REMEDY_BYTES,
             "; check user name and password (special characters in a connection string are "
             "percent-encoded), %s",
             in_admin ? "and that the user belongs to the database admin (else set authSource)"
                      : "and the database that the user was created in: authSource=admin for Atlas "
                        "and most others");
}

static void remedy_for(const struct login_refusal *r, int32_t code, const char *message,
                       char out[REMEDY_BYTES])
{
    out[0] = '\0';
    switch (code) {
    case CODE_ATLAS:
        if (strcasestr(message, "auth") == NULL) {
            break;
        }
        remedy_for_credentials(r, out);
        break;
    case CODE_AUTHENTICATION_FAILED:
    case CODE_USER_NOT_FOUND:
        remedy_for_credentials(r, out);
        break;
    case CODE_AUTHENTICATION_RESTRICTION:
        snprintf(out, REMEDY_BYTES,
                 "; the user may log in from certain addresses only: add this machine's to the "
                 "user's authenticationRestrictions");
        break;
    case CODE_BAD_VALUE:
    case CODE_COMMAND_NOT_FOUND:
    case CODE_MECHANISM_UNAVAILABLE:
        snprintf(out, REMEDY_BYTES,
                 "; the server does not offer %s for this user: remove authMechanism, so that the "
                 "mechanism is negotiated",
                 r->mechanism);
        break;
    default:
        break;
    }
}

/* Copies a text of unknown origin, cut to `size`, as valid UTF-8 without control characters. */
static void copy_tidy(const char *text, char *out, size_t size)
{
    snprintf(out, size, "%s", text);
    size_t length = strlen(out);
    for (int cut = 0; cut < 3 && length > 0 && !bson_utf8_validate(out, length, false); cut++) {
        out[--length] = '\0'; /* a character that the copy has cut in two */
    }
    bool valid = bson_utf8_validate(out, length, false);
    for (char *c = out; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte < 0x20 || byte == 0x7f) {
            *c = ' ';
        } else if (byte >= 0x80 && !valid) {
            *c = '?';
        }
    }
}

/* "Authentication failed." without its final stop. */
static void read_message(const bson_t *reply, char *out, size_t size)
{
    bson_iter_t it;
    const char *text = "no reason given";
    if (bson_iter_init_find(&it, reply, "errmsg") && BSON_ITER_HOLDS_UTF8(&it)) {
        text = bson_iter_utf8(&it, NULL);
    }
    copy_tidy(text, out, size);
    size_t length = strlen(out);
    if (length > 0 && out[length - 1] == '.') {
        out[length - 1] = '\0';
    }
}

int32_t login_refusal_read(const struct login_refusal *r, const bson_t *reply, struct error *why)
{
    char message[120];
    char user[64] = "the client certificate";
    char source[64];
    char remedy[REMEDY_BYTES];
    bson_iter_t it;
    int64_t code = 0;
    if (bson_iter_init_find(&it, reply, "code") && BSON_ITER_HOLDS_NUMBER(&it)) {
        code = bson_iter_as_int64(&it);
    }
    if (code < INT32_MIN || code > INT32_MAX) {
        code = 0;
    }
    read_message(reply, message, sizeof message);
    remedy_for(r, (int32_t)code, message, remedy);
    enum status status =
        code == CODE_MECHANISM_UNAVAILABLE ? STATUS_AUTH_UNSUPPORTED : STATUS_AUTH_FAILED;
    copy_tidy(r->source, source, sizeof source);
    if (r->user != NULL) {
        copy_tidy(r->user, user, sizeof user);
    }
    error_set(why, status,
              "the server refused the login of %s by %s in database %s: %s (code %d)%s", user,
              r->mechanism, source, message, (int)code, remedy);
    return (int32_t)code;
}
