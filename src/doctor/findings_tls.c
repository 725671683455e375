/* TLS-01 to TLS-12: the handshake, from its first byte to the certificate. */
#include "doctor/findings_parts.h"

#define LAYER  "TLS"
#define AT(id) [FINDING_##id - FINDING_TLS_01]

#define NOT_LIST "The port is open, so that it is not the network; the password was not sent yet."

const struct finding_row finding_rows_tls[] = {
    AT(TLS_01) =
        {STAGE_TLS, SEVERITY_FATAL, LAYER,
         "The certificate is signed by {issuer|an authority} that this machine does not know: its "
         "list of authorities is too old or missing.",
         NOT_LIST,
         "Update ca-certificates (ISRG Root X1 and GTS Root R1 to R4 are needed), or Java to "
         "7u391, 8u381 or later.\n"
         "In a container install ca-certificates.\n"
         "For a CA of your own name its file in tls.caFile.",
         PAGE_SECURITY},
    AT(TLS_02) = {STAGE_TLS, SEVERITY_FATAL, LAYER,
                  "Something on the way opens the encrypted connection: the certificate comes from "
                  "{issuer|an authority of this network}, not from Atlas.",
                  NOT_LIST,
                  "Have *.mongodb.net exempted from inspection.\n"
                  "Or trust that authority on purpose: tls.caFile.\n"
                  "Do not turn the check off.",
                  PAGE_SECURITY},
    AT(TLS_03) =
        {STAGE_TLS, SEVERITY_FATAL, LAYER,
         "The certificate is good, but this machine's clock is off by {days|some} days.", NOT_LIST,
         "Set the clock, and have it kept (timedatectl set-ntp true; virtual machines lose it in "
         "their sleep).",
         PAGE_SECURITY},
    AT(TLS_04) = {STAGE_TLS, SEVERITY_FATAL, LAYER,
                  "The certificate has expired, or an old OpenSSL follows a chain that has.",
                  NOT_LIST,
                  "Look at the clock first.\n"
                  "With OpenSSL 1.0 upgrade it: it takes the path that ended in September 2021.\n"
                  "With a server of your own renew its certificate.",
                  PAGE_SECURITY},
    AT(TLS_05) =
        {STAGE_TLS, SEVERITY_FATAL, LAYER,
         "The server at {host|that name} shows the certificate of {name|another}: an alias, a "
         "hosts file, an address or a captive portal led astray.",
         NOT_LIST,
         "Use the names that Atlas gives, without aliases.\n"
         "Look that name up elsewhere and compare the addresses.",
         PAGE_SECURITY},
    AT(TLS_06) =
        {STAGE_HELLO, SEVERITY_FATAL, LAYER,
         "The client did not say which host it wants (no SNI), so that a shared cluster cannot "
         "tell whom to answer for.",
         "The access list let it pass, and the password was not sent yet.",
         "Use host names, not addresses.\n"
         "Upgrade the driver or the JDK; Mooring always says it.",
         PAGE_TROUBLE},
    AT(TLS_07) =
        {STAGE_TLS, SEVERITY_FATAL, LAYER,
         "Client and server have no version of TLS in common ({alert|protocol version}); Atlas "
         "wants 1.2 or later.",
         NOT_LIST,
         "Upgrade what is older than TLS 1.2 (OpenSSL 1.0, Java 7).\n"
         "Look whether the cluster is set to TLS 1.3 only.",
         PAGE_SECURITY},
    AT(TLS_08) =
        {STAGE_TLS, SEVERITY_FATAL, LAYER,
         "Client and server have no cipher in common ({alert|handshake failure}).", NOT_LIST,
         "Take away lists of ciphers and FIPS modes that are too narrow, here or in Atlas.",
         PAGE_SECURITY},
    AT(TLS_09) = {STAGE_TLS, SEVERITY_FATAL, LAYER,
                  "This Java has a fault in its TLS 1.3 that breaks the handshake (JDK-8236039).",
                  "Cluster and network are not to blame.",
                  "Upgrade to JDK 8u261, 11.0.7, 13.0.3, 14.0.2 or later.", NULL},
    AT(TLS_10) =
        {STAGE_TLS, SEVERITY_DEGRADED, LAYER,
         "Connections are cut before the handshake's first answer, on {nodes|some nodes} or now "
         "and then.",
         "It is not DNS, not a certificate and not the password.",
         "When it never works: the access list (ACL-02).\n"
         "When it works at times: connection limits (LIM-01, LIM-02).\n"
         "When it is one node: it restarts, wait.",
         PAGE_TROUBLE},
    AT(TLS_11) =
        {STAGE_TLS, SEVERITY_FATAL, LAYER,
         "What answers at {host|that host} does not speak TLS: another program, a proxy, or a "
         "database without encryption.",
         "It is not the certificate and not the password.",
         "Look at host and port.\n"
         "For a local database without encryption leave tls=true out.",
         PAGE_TROUBLE},
    AT(TLS_12) = {STAGE_TLS, SEVERITY_DEGRADED, LAYER,
                  "The check whether the certificate was revoked cannot reach its authority.",
                  "It is not the access list and not the password.",
                  "Let port 80 out to the authority.\n"
                  "Or set tlsDisableOCSPEndpointCheck=true in the driver.",
                  PAGE_SECURITY},
};
