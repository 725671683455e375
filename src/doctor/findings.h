/* The catalogue of what can be wrong: one row per cause, used by the doctor, `explain`, the lint of
 * connection strings, and printed as text and JSON from the same row.
 *
 * A row's sentences may hold {key} or {key|words without it}: evidence of that key is put in its
 * place. Ids never change their meaning; they stand in logs, errors and other people's notes. */
#ifndef DOCTOR_FINDINGS_H
#define DOCTOR_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

/* In the order of the catalogue; `finding_id_text` gives "URI-03b", "DNS-01", … */
/* clang-format off */
#define FINDING_ID_LIST(X)                                                                     \
    X(URI_01) X(URI_02) X(URI_03) X(URI_03B) X(URI_04) X(URI_05) X(URI_06) X(URI_07) X(URI_08) \
    X(URI_09) X(URI_10) X(URI_11) X(URI_12) X(URI_13) X(URI_14) X(URI_15) X(URI_16) X(URI_17)  \
    X(DNS_01) X(DNS_02) X(DNS_03) X(DNS_04) X(DNS_05) X(DNS_06) X(DNS_07) X(DNS_08) X(DNS_09)  \
    X(DNS_10) X(DNS_11) X(DNS_12) X(DNS_13) X(DNS_14) X(DNS_15) X(DNS_16) X(DNS_17) X(DNS_18)  \
    X(DNS_19) X(DNS_20) X(DNS_21) X(DNS_22) X(DNS_23) X(DNS_24)                                \
    X(TCP_01) X(TCP_02) X(TCP_03) X(TCP_04) X(TCP_05) X(TCP_06) X(TCP_07) X(TCP_08) X(TCP_09)  \
    X(TCP_10)                                                                                  \
    X(ACL_01) X(ACL_02) X(ACL_03) X(ACL_04)                                                    \
    X(TLS_01) X(TLS_02) X(TLS_03) X(TLS_04) X(TLS_05) X(TLS_06) X(TLS_07) X(TLS_08) X(TLS_09)  \
    X(TLS_10) X(TLS_11) X(TLS_12)                                                              \
    X(AUTH_01) X(AUTH_02) X(AUTH_03) X(AUTH_04) X(AUTH_05) X(AUTH_06) X(AUTH_07) X(AUTH_08)    \
    X(AUTH_09)                                                                                 \
    X(LIM_01) X(LIM_02) X(LIM_03) X(LIM_04) X(LIM_05) X(LIM_06) X(LIM_07) X(LIM_08) X(LIM_09)  \
    X(TOPO_01) X(TOPO_02) X(TOPO_03) X(TOPO_04) X(TOPO_05) X(TOPO_06) X(TOPO_07) X(TOPO_08)    \
    X(TOPO_09)                                                                                 \
    X(LOC_01) X(LOC_02) X(LOC_03) X(LOC_04) X(LOC_05) X(LOC_06) X(LOC_07) X(LOC_08) X(LOC_09)
/* clang-format on */

enum finding_id {
#define FINDING_ID_ENUM(id) FINDING_##id,
    FINDING_ID_LIST(FINDING_ID_ENUM)
#undef FINDING_ID_ENUM
        FINDING_COUNT
};

/* Stages of the walk from the connection string to a ping, in order. */
#define FINDING_STAGE_LIST(X)      \
    X(LOCAL, "this machine")       \
    X(URI, "connection string")    \
    X(RESOLVER, "DNS servers")     \
    X(SRV, "SRV record")           \
    X(TXT, "TXT record")           \
    X(ADDRESS, "addresses")        \
    X(CONTROL, "network at large") \
    X(TCP, "TCP")                  \
    X(TLS, "TLS")                  \
    X(HELLO, "hello")              \
    X(AUTH, "login")               \
    X(PING, "commands")            \
    X(LIMITS, "limits")            \
    X(TOPOLOGY, "topology")        \
    X(THROUGH, "through Mooring")

enum finding_stage {
#define FINDING_STAGE_ENUM(name, text) STAGE_##name,
    FINDING_STAGE_LIST(FINDING_STAGE_ENUM)
#undef FINDING_STAGE_ENUM
        STAGE_COUNT
};

enum finding_severity { SEVERITY_INFO, SEVERITY_DEGRADED, SEVERITY_FATAL };
enum finding_confidence { CONFIDENCE_POSSIBLE, CONFIDENCE_LIKELY, CONFIDENCE_CERTAIN };

struct finding_row {
    enum finding_stage stage; /* where it is found */
    enum finding_severity severity;
    const char *layer; /* for the verdict's first words: "DNS", "login", … */
    const char *say;   /* one plain sentence, to the user: what is wrong */
    const char *isnt;  /* where there is no need to look, then; NULL: nothing is ruled out */
    const char *fix;   /* ordered steps, one a line */
    const char *learn; /* a public page; NULL: none */
};

/* What was measured, by name. The keys that rows ask for:
 *   what is meant   host (a cluster's or a node's name), port, address, nodes ("all 3", "1 of 3"),
 *                   database, user, mechanism, option, near (the name it was meant to be), scheme
 *   what came back  code ("ECONNREFUSED", "18"), name (a record, a key, an alias), resolver, other
 *                   (a second resolver), public (this machine's address, as seen from outside),
 * bound (what is listened on), old and new (addresses, before and now), issuer, alert, set (as the
 * string says) and actual (as the cluster says), version measures        days, seconds, count,
 * limit, rate, tier this machine    pid, program A value is never a secret: of a connection string
 * only what stands behind the login. */
struct evidence {
    const char *key;
    const char *value;
};

const struct finding_row *finding_row(enum finding_id id);

/* "DNS-01". Static text. */
const char *finding_id_text(enum finding_id id);

/* By its text, in any case; false when there is no such id. */
bool finding_find(const char *text, enum finding_id *out);

/* `sentence` of a row with the evidence put in, where it is not empty; to be freed. */
char *finding_fill(const char *sentence, const struct evidence *evidence, size_t count);

const char *finding_stage_text(enum finding_stage stage);
const char *finding_severity_text(enum finding_severity severity);
const char *finding_confidence_text(enum finding_confidence confidence);

#endif
