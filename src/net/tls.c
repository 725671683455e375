/* The engine itself. OpenSSL reads and writes through a BIO of ours: reads come straight out of the
 * lent bytes (nothing is read ahead, so that whenever OpenSSL wants more, all lent bytes are in
 * it), writes go to the end of `output`. OpenSSL copies each record into its own buffer, decrypts
 * it there and copies it out to the caller's room: those two copies are the only ones, and its
 * buffer is released between records (SSL_MODE_RELEASE_BUFFERS). */
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#include "base/require.h"
#include "net/tls_parts.h"

static int bio_read(BIO *bio, char *out, size_t size, size_t *got)
{
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    struct span from = buf_is_empty(&t->kept) ? t->lent : buf_front(&t->kept);
    if (from.size == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    size = size < from.size ? size : from.size;
    memcpy(out, from.at, size);
    if (buf_is_empty(&t->kept)) {
        t->lent = span_tail(t->lent, size);
    } else {
        buf_consume(&t->kept, size);
    }
    *got = size;
    return 1;
}

/* Always takes all: the caller's high water bounds what is written. */
static int bio_write(BIO *bio, const char *bytes, size_t size, size_t *written)
{
    struct tls *t = BIO_get_data(bio);
    buf_append_always(&t->output, span_of(bytes, size));
    *written = size;
    return 1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO *new_bio(struct tls *t)
{
    static BIO_METHOD *method;
    if (method == NULL) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lent bytes");
        require(method != NULL && BIO_meth_set_read_ex(method, bio_read) == 1 &&
                BIO_meth_set_write_ex(method, bio_write) == 1 &&
                BIO_meth_set_ctrl(method, bio_control) == 1);
    }
    BIO *bio = BIO_new(method);
    require(bio != NULL);
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    return bio;
}

/* "host." and "host" are one name, and certificates hold the second. */
static char *without_final_dot(const char *name)
{
    size_t size = strlen(name);
    return xstrndup(name, size > 0 && name[size - 1] == '.' ? size - 1 : size);
}

/* RFC 6066 allows no address as SNI; a certificate names one in another field. */
static bool set_name(struct tls *t)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(t->host_name);
    bool is_address = address != NULL;
    ASN1_OCTET_STRING_free(address);
    if (is_address) {
        return !t->config->verifies_name || X509_VERIFY_PARAM_set1_ip_asc(param, t->host_name) == 1;
    }
    if (t->host_name[0] == '\0' || SSL_set_tlsext_host_name(t->ssl, t->host_name) != 1) {
        return false;
    }
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return !t->config->verifies_name || SSL_set1_host(t->ssl, t->host_name) == 1;
}

struct tls *tls_new(struct tls_config *config, const char *host_name, struct tls_resume *resume,
                    struct chunk_pool *pool)
{
    struct tls *t = xcalloc(1, sizeof *t);
    t->config = config;
    config->claims++;
    t->host_name = without_final_dot(host_name);
    buf_init(&t->kept, pool);
    buf_init(&t->output, pool);
    ERR_clear_error();
    t->ssl = SSL_new(config->ctx);
    require(t->ssl != NULL);
    SSL_set_app_data(t->ssl, t);
    BIO *bio = new_bio(t);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_connect_state(t->ssl);
    if (!set_name(t)) {
        tls_fail(t, STATUS_BAD_INPUT, "\"%.80s\" cannot be the name of a TLS server", t->host_name);
    }
    if (resume != NULL) {
        t->resume = resume;
        tls_resume_claim(resume);
        tls_resume_offer(t);
    }
    return t;
}

void tls_free(struct tls *t)
{
    if (t == NULL) {
        return;
    }
    /* Else OpenSSL takes a missing close_notify for a sign that what it remembers is bad. */
    SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    buf_clear(&t->kept);
    buf_clear(&t->output);
    tls_resume_free(t->resume);
    tls_config_free(t->config);
    free(t->host_name);
    free(t->why);
    free(t);
}

void tls_want_protocol(struct tls *t, const char *protocol)
{
    uint8_t list[256]; /* each name with its length in front */
    size_t size = strlen(protocol);
    require(size > 0 && size < sizeof list);
    list[0] = (uint8_t)size;
    memcpy(list + 1, protocol, size);
    int refused = SSL_set_alpn_protos(t->ssl, list, (unsigned)(size + 1));
    require(refused == 0);
    t->protocol = protocol;
}

/* A server that knows nothing of ALPN chooses nothing. */
static bool is_protocol_chosen(const struct tls *t)
{
    const uint8_t *chosen;
    unsigned size;
    SSL_get0_alpn_selected(t->ssl, &chosen, &size);
    return t->protocol == NULL || span_is(span_of(chosen, size), t->protocol);
}

void tls_put_cipher(struct tls *t, struct span bytes)
{
    require(t->lent.size == 0);
    t->lent = bytes;
    for (size_t i = 0; i < bytes.size && t->first_size < TLS_HEADER_BYTES; i++) {
        t->first[t->first_size++] = bytes.at[i];
    }
    tls_note_bytes(t);
}

void tls_keep_rest(struct tls *t)
{
    if (t->lent.size > 0 && t->why == NULL) {
        buf_append_always(&t->kept, t->lent);
    }
    t->lent = span_of(NULL, 0);
}

/* What a call that did not return success means. The error queue was empty before the call. */
static enum tls_result judge(struct tls *t, int returned)
{
    if (t->why != NULL) {
        ERR_clear_error();
        return TLS_FAILED; /* a certificate did not pass */
    }
    switch (SSL_get_error(t->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_MORE;
    case SSL_ERROR_ZERO_RETURN:
        t->peer_finished = true;
        return t->ready ? TLS_PEER_FINISHED : tls_on_end(t);
    default:
        return tls_fail_by_library(t);
    }
}

enum tls_result tls_handshake(struct tls *t)
{
    if (t->why != NULL) {
        return TLS_FAILED;
    }
    ERR_clear_error();
    int returned = SSL_do_handshake(t->ssl);
    if (returned == 1 && is_protocol_chosen(t)) {
        t->ready = true;
        tls_note_ready(t);
        return TLS_OK;
    }
    return returned == 1 ? tls_fail_by_protocol(t) : judge(t, returned);
}

bool tls_is_ready(const struct tls *t)
{
    return t->ready;
}

bool tls_was_resumed(const struct tls *t)
{
    return t->ready && SSL_session_reused(t->ssl) == 1;
}

int64_t tls_certificate_ends(const struct tls *t)
{
    X509 *certificate = t->ready ? SSL_get0_peer_certificate(t->ssl) : NULL;
    struct tm parts;
    if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) {
        return 0;
    }
    return timegm(&parts);
}

/* Without read-ahead there is nothing behind the record under way but what we still hold. */
static bool has_input(const struct tls *t)
{
    return t->lent.size > 0 || !buf_is_empty(&t->kept) || SSL_pending(t->ssl) > 0;
}

enum tls_result tls_take_plain(struct tls *t, uint8_t *room, size_t size, size_t *got)
{
    require(t->ready);
    *got = 0;
    if (t->why != NULL) {
        return TLS_FAILED;
    }
    while (*got < size) {
        if (t->peer_finished) {
            return TLS_PEER_FINISHED;
        }
        if (!has_input(t)) {
            return TLS_WANT_MORE;
        }
        size_t read = 0;
        ERR_clear_error();
        int returned = SSL_read_ex(t->ssl, room + *got, size - *got, &read);
        if (returned != 1) {
            return judge(t, returned);
        }
        *got += read;
    }
    return TLS_OK;
}

static enum tls_result write_record(struct tls *t, struct span plain)
{
    size_t written = 0;
    ERR_clear_error();
    int returned = SSL_write_ex(t->ssl, plain.at, plain.size, &written);
    if (returned == 1) {
        return TLS_OK;
    }
    /* A write may not wait for the peer: renegotiation is off. */
    return judge(t, returned) == TLS_FAILED
               ? TLS_FAILED
               : tls_fail(t, STATUS_TLS_FAILED, "the TLS stream cannot be written to");
}

/* A record's worth of small parts, gathered; shared by all engines of a thread. */
struct gathered {
    size_t size;
    uint8_t bytes[TLS_RECORD_BYTES];
};

static enum tls_result flush(struct tls *t, struct gathered *g)
{
    size_t size = g->size;
    g->size = 0;
    return size == 0 ? TLS_OK : write_record(t, span_of(g->bytes, size));
}

/* The first bytes of `rest`, at most a record: straight from where they are when nothing waits
 * before them and nothing would share their record. */
static enum tls_result put_some(struct tls *t, struct gathered *g, struct span *rest, bool last)
{
    size_t room = TLS_RECORD_BYTES - g->size;
    struct span part = span_head(*rest, rest->size < room ? rest->size : room);
    *rest = span_tail(*rest, part.size);
    if (g->size == 0 && (last || part.size == TLS_RECORD_BYTES)) {
        return write_record(t, part);
    }
    memcpy(g->bytes + g->size, part.at, part.size);
    g->size += part.size;
    return g->size == TLS_RECORD_BYTES ? flush(t, g) : TLS_OK;
}

enum tls_result tls_put_plain(struct tls *t, const struct span *parts, size_t count)
{
    static _Thread_local struct gathered gathered;
    enum tls_result result = TLS_OK;
    require(t->ready);
    if (t->why != NULL) {
        return TLS_FAILED;
    }
    gathered.size = 0;
    for (size_t i = 0; i < count && result == TLS_OK; i++) {
        struct span rest = parts[i];
        while (rest.size > 0 && result == TLS_OK) {
            result = put_some(t, &gathered, &rest, i + 1 == count);
        }
    }
    return result == TLS_OK ? flush(t, &gathered) : result;
}

void tls_take_cipher(struct tls *t, struct buf *out)
{
    buf_move(out, &t->output);
}

void tls_shutdown(struct tls *t)
{
    if (t->ready && t->why == NULL && (SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN) == 0) {
        ERR_clear_error();
        SSL_shutdown(t->ssl);
        ERR_clear_error();
    }
}

enum tls_result tls_on_end(struct tls *t)
{
    if (t->why == NULL && t->ready && t->peer_finished) {
        return TLS_PEER_FINISHED;
    }
    if (t->ready) {
        return tls_fail(t, STATUS_PEER_CLOSED,
                        "the server closed the connection without the end that TLS demands "
                        "(close_notify); what it sent last may be missing");
    }
    return tls_fail(t, STATUS_PEER_CLOSED,
                    "the server closed the connection during the TLS handshake; perhaps it does "
                    "not speak TLS on this port%s",
                    t->config->is_for_resolvers
                        ? ""
                        : ", or does not admit this machine's address (Atlas: the project's IP "
                          "access list)");
}
