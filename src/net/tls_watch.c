/* What a handshake showed, noted for who asks why it failed. */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "net/tls_parts.h"

/* OpenSSL's callback for each message of the protocol. */
static void on_message(int is_sent, int version, int type, const void *bytes, size_t size, SSL *ssl,
                       void *argument)
{
    struct tls_facts *facts = ((struct tls *)argument)->facts;
    const uint8_t *at = bytes;
    (void)version;
    (void)ssl;
    if (is_sent == 1 || size < 1) {
        return;
    }
    if (type == SSL3_RT_HANDSHAKE && at[0] == SSL3_MT_SERVER_HELLO) {
        facts->saw_server_hello = true;
    } else if (type == SSL3_RT_ALERT && size == 2 && at[0] == SSL3_AL_FATAL) {
        facts->alert = at[1];
    }
}

void tls_watch(struct tls *t, struct tls_facts *facts)
{
    *facts = (struct tls_facts){.alert = -1, .looks_like_tls = true};
    t->facts = facts;
    SSL_set_msg_callback(t->ssl, on_message);
    SSL_set_msg_callback_arg(t->ssl, t);
}

void tls_note_bytes(struct tls *t)
{
    if (t->facts != NULL && t->facts->first_size < t->first_size) {
        memcpy(t->facts->first, t->first, t->first_size);
        t->facts->first_size = t->first_size;
        t->facts->looks_like_tls = tls_looks_like_tls(t);
    }
}

static int64_t seconds_of(const ASN1_TIME *at)
{
    struct tm fields;
    return at != NULL && ASN1_TIME_to_tm(at, &fields) == 1 ? (int64_t)timegm(&fields) : 0;
}

/* The organisation that signed, else the name it goes by. */
static void print_issuer(const X509 *certificate, char out[TLS_FACT_BYTES])
{
    const X509_NAME *issuer = X509_get_issuer_name(certificate);
    int size = X509_NAME_get_text_by_NID((X509_NAME *)(uintptr_t)issuer, NID_organizationName, out,
                                         TLS_FACT_BYTES);
    if (size <= 0) {
        size = X509_NAME_get_text_by_NID((X509_NAME *)(uintptr_t)issuer, NID_commonName, out,
                                         TLS_FACT_BYTES);
    }
    for (int i = 0; i < size; i++) {
        out[i] = out[i] >= 0x20 && out[i] < 0x7f ? out[i] : '?';
    }
    out[size < 0 ? 0 : size] = '\0';
}

static void note_certificates(struct tls_facts *facts, const X509 *leaf, STACK_OF(X509) * sent)
{
    int count = sk_X509_num(sent);
    if (leaf == NULL || facts->has_certificate) {
        return;
    }
    facts->has_certificate = true;
    facts->not_before = seconds_of(X509_get0_notBefore(leaf));
    facts->not_after = seconds_of(X509_get0_notAfter(leaf));
    tls_print_names(leaf, facts->names);
    print_issuer(count > 0 ? sk_X509_value(sent, count - 1) : leaf, facts->issuer);
}

static enum tls_flaw flaw_of(int code)
{
    switch (code) {
    case X509_V_OK:
        return TLS_FLAW_NONE;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return TLS_FLAW_ISSUER;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return TLS_FLAW_SELF_SIGNED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TLS_FLAW_NOT_YET;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return TLS_FLAW_EXPIRED;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return TLS_FLAW_NAME;
    default:
        return TLS_FLAW_OTHER;
    }
}

void tls_note_chain(struct tls *t, X509_STORE_CTX *store, int code)
{
    if (t->facts == NULL) {
        return;
    }
    note_certificates(t->facts, X509_STORE_CTX_get0_cert(store),
                      X509_STORE_CTX_get0_untrusted(store));
    if (t->facts->verify_code == X509_V_OK) {
        t->facts->verify_code = code;
        t->facts->flaw = flaw_of(code);
    }
}

void tls_note_ready(struct tls *t)
{
    if (t->facts != NULL) {
        note_certificates(t->facts, SSL_get0_peer_certificate(t->ssl),
                          SSL_get_peer_cert_chain(t->ssl));
        snprintf(t->facts->version, sizeof t->facts->version, "%s", SSL_get_version(t->ssl));
    }
}

void tls_note_version(struct tls *t)
{
    if (t->facts != NULL) {
        t->facts->has_old_version = true;
    }
}
