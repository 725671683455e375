/* Failures of TLS as sentences that name the remedy. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/require.h"
#include "net/tls_parts.h"

enum { NAMES_BYTES = TLS_FACT_BYTES, TIME_BYTES = 32 };

static const struct error nothing = {.status = STATUS_OK};

const struct error *tls_why(const struct tls *t)
{
    return t->why == NULL ? &nothing : t->why;
}

enum tls_result tls_fail(struct tls *t, enum status status, const char *format, ...)
{
    if (t->why != NULL) {
        return TLS_FAILED;
    }
    char text[ERROR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    t->why = xcalloc(1, sizeof *t->why);
    error_set(t->why, status, "%s", text);
    if (!t->ready && t->resume != NULL) {
        tls_resume_forget(t->resume); /* should it be the cause: next time in full */
    }
    return TLS_FAILED;
}

/* Alerts of the peer that have a likely cause, if it is a database server. */
static const struct {
    int alert;
    const char *remedy;
} alerts[] = {
    {SSL_AD_HANDSHAKE_FAILURE, "no cipher or version in common, or a client certificate is wanted: "
                               "set tls.certificateKeyFile"},
    {SSL_AD_BAD_CERTIFICATE, "it does not accept the certificate of tls.certificateKeyFile"},
    {SSL_AD_UNSUPPORTED_CERTIFICATE, "it does not accept the certificate of "
                                     "tls.certificateKeyFile"},
    {SSL_AD_CERTIFICATE_REVOKED, "the certificate of tls.certificateKeyFile is revoked: renew it"},
    {SSL_AD_CERTIFICATE_EXPIRED, "the certificate of tls.certificateKeyFile has expired: renew it"},
    {SSL_AD_CERTIFICATE_UNKNOWN, "it does not accept the certificate of tls.certificateKeyFile"},
    {SSL_AD_UNKNOWN_CA, "it does not know the authority that signed tls.certificateKeyFile"},
    {SSL_AD_PROTOCOL_VERSION, "it speaks no TLS version from tls.minVersion up"},
    {SSL_AD_INTERNAL_ERROR, "Atlas answers so when this machine's address is not on the project's "
                            "IP access list: add it under Network Access"},
    {SSL_AD_UNRECOGNIZED_NAME, "it does not know the host name: check the connection string"},
    {TLS13_AD_CERTIFICATE_REQUIRED, "it wants a client certificate: set tls.certificateKeyFile"},
};

/* A resolver is never given a certificate of ours. */
static const char *remedy_of(const struct tls *t, int alert)
{
    const char *remedy = "";
    if (alert == SSL_AD_NO_APPLICATION_PROTOCOL) {
        return "it does not speak HTTP/2";
    }
    for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++) {
        remedy = alerts[i].alert == alert ? alerts[i].remedy : remedy;
    }
    return t->config->is_for_resolvers ? "" : remedy;
}

static enum tls_result fail_by_alert(struct tls *t, int alert)
{
    const char *remedy = remedy_of(t, alert);
    return tls_fail(t, STATUS_TLS_FAILED, "the server ended TLS with alert %d (%s)%s%s", alert,
                    SSL_alert_desc_string_long(alert), remedy[0] == '\0' ? "" : "; ", remedy);
}

enum tls_result tls_fail_by_protocol(struct tls *t)
{
    return tls_fail(t, STATUS_TLS_FAILED, "the server does not speak %s",
                    strcmp(t->protocol, "h2") == 0 ? "HTTP/2" : t->protocol);
}

bool tls_looks_like_tls(const struct tls *t)
{
    return (t->first_size < 1 || (t->first[0] >= 20 && t->first[0] <= 23)) &&
           (t->first_size < 2 || t->first[1] == 3);
}

enum tls_result tls_fail_by_library(struct tls *t)
{
    unsigned long code = ERR_peek_error();
    int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
    const char *text = ERR_reason_error_string(code);
    ERR_clear_error();
    if (!t->ready && !tls_looks_like_tls(t)) {
        return tls_fail(t, STATUS_TLS_FAILED,
                        "the server does not speak TLS on this port; check %s",
                        t->config->is_for_resolvers
                            ? "address and port"
                            : "host and port, or turn TLS off by tls=false in the connection "
                              "string");
    }
    if (reason >= SSL_AD_REASON_OFFSET) {
        return fail_by_alert(t, reason - SSL_AD_REASON_OFFSET);
    }
    if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_VERSION_TOO_LOW) {
        tls_note_version(t);
        return tls_fail(t, STATUS_TLS_FAILED,
                        "the server speaks only TLS versions below %s; update it",
                        t->config->is_for_resolvers ? "1.2" : "tls.minVersion");
    }
    return tls_fail(t, STATUS_TLS_FAILED, "%s: %s",
                    t->ready ? "the TLS stream is broken" : "the TLS handshake failed",
                    text == NULL ? "no reason given" : text);
}

static void print_time(const struct tm *at, char out[TIME_BYTES])
{
    if (strftime(out, TIME_BYTES, "%Y-%m-%d %H:%M UTC", at) == 0) {
        out[0] = '\0';
    }
}

static void print_asn1_time(const ASN1_TIME *at, char out[TIME_BYTES])
{
    struct tm fields;
    snprintf(out, TIME_BYTES, "an unreadable date");
    if (at != NULL && ASN1_TIME_to_tm(at, &fields) == 1) {
        print_time(&fields, out);
    }
}

static void print_clock(char out[TIME_BYTES])
{
    struct tm fields;
    time_t now = time(NULL);
    gmtime_r(&now, &fields);
    print_time(&fields, out);
}

static void fail_by_date(struct tls *t, const X509 *certificate, const char *whose, bool expired)
{
    char date[TIME_BYTES], clock[TIME_BYTES];
    print_asn1_time(expired ? X509_get0_notAfter(certificate) : X509_get0_notBefore(certificate),
                    date);
    print_clock(clock);
    tls_fail(t, STATUS_TLS_CERTIFICATE,
             expired ? "%s expired on %s; renew it, or set this machine's clock, which says %s"
                     : "%s is not valid before %s; set this machine's clock, which says %s",
             whose, date, clock);
}

/* Adds one name to the list, as far as it has room. Names are the peer's: printable ASCII only. */
static void add_name(char list[NAMES_BYTES], const char *name, size_t size)
{
    size_t used = strlen(list);
    if (used + size + 3 > NAMES_BYTES) {
        if (used + 6 < NAMES_BYTES && (used < 5 || strcmp(list + used - 5, ", ...") != 0)) {
            memcpy(list + used, ", ...", 6);
        }
        return;
    }
    if (used > 0) {
        memcpy(list + used, ", ", 2);
        used += 2;
    }
    for (size_t i = 0; i < size; i++) {
        list[used + i] = name[i] > 0x20 && name[i] < 0x7f ? name[i] : '?';
    }
    list[used + size] = '\0';
}

static void add_address(char list[NAMES_BYTES], const ASN1_OCTET_STRING *address)
{
    char text[48];
    const uint8_t *b = ASN1_STRING_get0_data(address);
    int size = ASN1_STRING_length(address);
    int used = 0;
    if (size == 4) {
        used = snprintf(text, sizeof text, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
    }
    for (int i = 0; size == 16 && i < 16; i += 2) {
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%x", i == 0 ? "" : ":",
                         (unsigned)(b[i] << 8 | b[i + 1]));
    }
    add_name(list, text, (size_t)used);
}

void tls_print_names(const X509 *certificate, char *list)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    list[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS) {
            add_name(list, (const char *)ASN1_STRING_get0_data(name->d.dNSName),
                     (size_t)ASN1_STRING_length(name->d.dNSName));
        } else if (name->type == GEN_IPADD) {
            add_address(list, name->d.iPAddress);
        }
    }
    GENERAL_NAMES_free(names);
    if (list[0] == '\0') {
        char common[80] = "no name at all";
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, common,
                                  sizeof common);
        add_name(list, common, strlen(common));
    }
}

/* "CN=x,O=y" with everything escaped that is not printable ASCII. */
static void print_issuer(const X509 *certificate, char out[NAMES_BYTES])
{
    BIO *text = BIO_new(BIO_s_mem());
    require(text != NULL);
    X509_NAME_print_ex(text, X509_get_issuer_name(certificate), 0, XN_FLAG_RFC2253);
    int size = BIO_read(text, out, NAMES_BYTES - 1);
    out[size > 0 ? size : 0] = '\0';
    BIO_free(text);
}

static void fail_by_name(struct tls *t, const X509 *certificate)
{
    char names[NAMES_BYTES];
    tls_print_names(certificate, names);
    tls_fail(
        t, STATUS_TLS_CERTIFICATE, "the server's certificate is for %s, not for %.80s; %s", names,
        t->host_name,
        t->config->is_for_resolvers
            ? "write a name that it holds behind \"#\", or check that the address is the right "
              "server's"
            : "connect by a name that it holds, or check that the name leads to the right "
              "server");
}

static void fail_by_issuer(struct tls *t, const X509 *certificate, bool self_signed)
{
    char issuer[NAMES_BYTES];
    print_issuer(certificate, issuer);
    tls_fail(t, STATUS_TLS_CERTIFICATE,
             "the server's certificate is %s %s, which this machine does not trust; set %s to the "
             "CA certificate (an issuer of your network's own means that TLS is opened on the way)",
             self_signed ? "signed by itself or its own root," : "issued by", issuer,
             t->config->is_for_resolvers ? "dns.caFile" : "tls.caFile");
}

int tls_judge_certificate(int passed, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *t = SSL_get_app_data(ssl);
    tls_note_chain(t, store, passed == 1 ? X509_V_OK : X509_STORE_CTX_get_error(store));
    if (passed == 1) {
        return 1;
    }
    const X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    int code = X509_STORE_CTX_get_error(store);
    const char *whose = X509_STORE_CTX_get_error_depth(store) == 0
                            ? "the server's certificate"
                            : "a CA certificate above the server's certificate";
    switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        fail_by_date(t, certificate, whose, code == X509_V_ERR_CERT_HAS_EXPIRED);
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        fail_by_name(t, certificate);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        fail_by_issuer(t, certificate, false);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        fail_by_issuer(t, certificate, true);
        break;
    default:
        tls_fail(t, STATUS_TLS_CERTIFICATE, "%s was not accepted: %s", whose,
                 X509_verify_cert_error_string(code));
    }
    return 0;
}
