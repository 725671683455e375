#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/require.h"
#include "net/tls_parts.h"

/* What OpenSSL asks the password through; it must never ask the terminal. */
struct key_password {
    const char *text;
    bool asked;
};

static int give_password(char *out, int size, int for_writing, void *owner)
{
    (void)for_writing;
    struct key_password *password = owner;
    password->asked = true;
    if (password->text == NULL || strlen(password->text) > (size_t)size) {
        return -1;
    }
    memcpy(out, password->text, strlen(password->text));
    return (int)strlen(password->text);
}

static enum status check_readable(const char *setting, const char *path, struct error *why)
{
    if (access(path, R_OK) == 0) {
        return STATUS_OK;
    }
    return error_set(why, STATUS_FILE_FAILED, "%s: %s: %s", setting, path, strerror(errno));
}

static bool has_entries(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry = NULL;
    if (folder == NULL) {
        return false;
    }
    do {
        entry = readdir(folder);
    } while (entry != NULL && entry->d_name[0] == '.');
    closedir(folder);
    return entry != NULL;
}

/* A machine without any root (a bare container) is better told now than by each handshake. */
static enum status load_system_roots(SSL_CTX *ctx, const char *setting, struct error *why)
{
    bool moved = getenv(X509_get_default_cert_dir_env()) != NULL ||
                 getenv(X509_get_default_cert_file_env()) != NULL;
    bool there = moved || access(X509_get_default_cert_file(), R_OK) == 0 ||
                 has_entries(X509_get_default_cert_dir());
    if (!there || SSL_CTX_set_default_verify_paths(ctx) != 1) {
        return error_set(why, STATUS_FILE_FAILED,
                         "this machine has no CA certificates (%s is empty): install its package "
                         "ca-certificates, or set %s",
                         X509_get_default_cert_dir(), setting);
    }
    return STATUS_OK;
}

static enum status load_roots(SSL_CTX *ctx, const struct tls_config_options *options,
                              struct error *why)
{
    const char *path = options->ca_file;
    const char *setting = options->is_for_resolvers ? "dns.caFile" : "tls.caFile";
    if (path == NULL) {
        return load_system_roots(ctx, setting, why);
    }
    enum status status = check_readable(setting, path, why);
    if (status == STATUS_OK && SSL_CTX_load_verify_file(ctx, path) != 1) {
        status =
            error_set(why, STATUS_BAD_INPUT,
                      "%s: %s holds no certificate in PEM form (BEGIN CERTIFICATE)", setting, path);
    }
    return status;
}

static enum status load_own_certificate(SSL_CTX *ctx, const char *path, const char *password_text,
                                        struct error *why)
{
    struct key_password password = {.text = password_text};
    enum status status = check_readable("tls.certificateKeyFile", path, why);
    if (status != STATUS_OK) {
        return status;
    }
    SSL_CTX_set_default_passwd_cb(ctx, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, &password);
    if (SSL_CTX_use_certificate_chain_file(ctx, path) != 1) {
        status = error_set(why, STATUS_BAD_INPUT,
                           "tls.certificateKeyFile: %s holds no certificate in PEM form; it must "
                           "hold the client certificate and its key",
                           path);
    } else if (SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1) {
        bool mismatch = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;
        status = error_set(
            why, STATUS_BAD_INPUT, "tls.certificateKeyFile: %s%s", path,
            password.asked
                ? ": the key is encrypted, and tls.certificateKeyFilePassword is missing or wrong"
            : mismatch ? ": the key does not belong to the certificate"
                       : " holds no private key in PEM form beside the certificate");
    }
    SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
    SSL_CTX_set_default_passwd_cb(ctx, NULL);
    return status;
}

/* OpenSSL's callback for each state that a later handshake may start from: at the end of a TLS 1.2
 * handshake, or whenever TLS 1.3 brings a ticket. Returning 1 keeps it. */
static int on_resumable(SSL *ssl, SSL_SESSION *resumable)
{
    struct tls *t = SSL_get_app_data(ssl);
    if (t->resume == NULL || SSL_SESSION_is_resumable(resumable) != 1) {
        return 0;
    }
    tls_resume_forget(t->resume);
    t->resume->newest = resumable;
    t->resume->serial = t->config->serial;
    t->resume->host_name = xstrdup(t->host_name);
    return 1;
}

static SSL_CTX *new_ctx(const struct tls_config_options *options)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    require(ctx != NULL);
    SSL_CTX_set_min_proto_version(ctx, options->require_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_resumable);
    if (options->allow_invalid_certificates) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    } else {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, tls_judge_certificate);
    }
    return ctx;
}

struct tls_config *tls_config_new(const struct tls_config_options *options, struct error *why)
{
    static uint64_t serials;
    enum status status = STATUS_OK;
    ERR_clear_error();
    SSL_CTX *ctx = new_ctx(options);
    if (!options->allow_invalid_certificates) {
        status = load_roots(ctx, options, why);
    }
    if (status == STATUS_OK && options->certificate_key_file != NULL) {
        status = load_own_certificate(ctx, options->certificate_key_file,
                                      options->certificate_key_password, why);
    }
    ERR_clear_error();
    if (status != STATUS_OK) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    struct tls_config *config = xcalloc(1, sizeof *config);
    config->ctx = ctx;
    config->serial = ++serials;
    config->claims = 1;
    config->is_for_resolvers = options->is_for_resolvers;
    config->verifies_name =
        !options->allow_invalid_certificates && !options->allow_invalid_host_names;
    return config;
}

void tls_config_free(struct tls_config *config)
{
    if (config != NULL && --config->claims == 0) {
        SSL_CTX_free(config->ctx);
        free(config);
    }
}

struct tls_resume *tls_resume_new(void)
{
    struct tls_resume *resume = xcalloc(1, sizeof *resume);
    tls_resume_claim(resume);
    return resume;
}

void tls_resume_claim(struct tls_resume *resume)
{
    resume->claims++;
}

void tls_resume_free(struct tls_resume *resume)
{
    if (resume != NULL && --resume->claims == 0) {
        tls_resume_forget(resume);
        free(resume);
    }
}

void tls_resume_forget(struct tls_resume *resume)
{
    SSL_SESSION_free(resume->newest);
    free(resume->host_name);
    resume->newest = NULL;
    resume->host_name = NULL;
}

void tls_resume_offer(const struct tls *t)
{
    const struct tls_resume *r = t->resume;
    if (r->newest != NULL && r->serial == t->config->serial &&
        strcmp(r->host_name, t->host_name) == 0 && SSL_SESSION_is_resumable(r->newest) == 1) {
        SSL_set_session(t->ssl, r->newest);
    }
}
