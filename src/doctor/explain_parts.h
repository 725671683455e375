/* What the files of explain share. */
#ifndef DOCTOR_EXPLAIN_PARTS_H
#define DOCTOR_EXPLAIN_PARTS_H

#include <netinet/in.h>

#include "doctor/explain.h"

enum { CANDIDATES_MOST = 4, NAME_MOST = 256, REACH = 400 };

/* Words that need a look at names and addresses beside them. */
enum twist {
    TWIST_NONE,
    TWIST_SRV_REFUSED, /* the DNS server refused the connection */
    TWIST_SRV_SILENT,
    TWIST_SRV_UNKNOWN,     /* NXDOMAIN */
    TWIST_SRV_EMPTY,       /* the name exists, without that record */
    TWIST_HOST_UNKNOWN,    /* no such name, of an address */
    TWIST_HOST_FAILED,     /* no usable answer, of an address */
    TWIST_CONNECT_REFUSED, /* TCP */
    TWIST_CONNECT_SILENT,
    TWIST_NO_ROUTE,
    TWIST_CUT,      /* in the handshake */
    TWIST_NOT_TLS,  /* what answered is no TLS */
    TWIST_BAD_AUTH, /* the login was refused */
};

struct candidate {
    enum finding_id id;
    enum finding_confidence confidence;
    bool is_set;
};

#define CERTAIN(id)                            \
    {                                          \
        FINDING_##id, CONFIDENCE_CERTAIN, true \
    }
#define LIKELY(id)                            \
    {                                         \
        FINDING_##id, CONFIDENCE_LIKELY, true \
    }
#define POSSIBLE(id)                            \
    {                                           \
        FINDING_##id, CONFIDENCE_POSSIBLE, true \
    }

/* Words in the order in which they stand, a '*' for what may stand between, within REACH bytes; in
 * small letters, with ' for every quote, and blanks for _ and -. */
struct pattern {
    const char *words;
    struct candidate to[CANDIDATES_MOST];
    enum twist twist;
    /* Only says that something failed: counts when nothing else says what. */
    bool is_wrapper;
    const char *code; /* evidence "code"; NULL: none */
};

/* Rows: words that mean these findings; words whose meaning hangs on names and addresses beside
 * them; words that only say that something failed. */
#define ROW(words, ...)                               \
    {                                                 \
        words, {__VA_ARGS__}, TWIST_NONE, false, NULL \
    }
#define TWISTED(words, twist, code)              \
    {                                            \
        words, {{0}}, TWIST_##twist, false, code \
    }
#define WRAPPER(words, ...)                          \
    {                                                \
        words, {__VA_ARGS__}, TWIST_NONE, true, NULL \
    }

/* Each ends with a row without words. A row that stands earlier takes its words from later ones, so
 * that the more special stand first. */
extern const struct pattern explain_names[];
extern const struct pattern explain_strings[];
extern const struct pattern explain_tls[];
extern const struct pattern explain_servers[];
extern const struct pattern explain_network[];
extern const struct pattern explain_wrappers[];

/* --- the text made plain --- */

/* Two copies of the same length, byte for byte: `plain` for names, `words` for patterns. Both have
 * small letters, single blanks, ' for quotes, no escapes, and '*' for logins of connection
 * strings. */
struct plain_text {
    char *plain;
    char *words;
    size_t size;
};

void plain_text_make(const char *text, size_t size, struct plain_text *out);
void plain_text_clear(struct plain_text *t);

/* --- facts --- */

enum place {
    PLACE_NONE,
    PLACE_LOOPBACK,  /* 127.0.0.0/8, 0.0.0.0 */
    PLACE_LOOPBACK6, /* ::1 */
    PLACE_PRIVATE,   /* of a private network, and link-local */
    PLACE_PUBLIC,
};

/* Empty texts and 0: not said. */
struct explain_facts {
    char host[NAME_MOST];
    char address[INET6_ADDRSTRLEN];
    enum place place;
    bool is_v6;
    unsigned port;
    char resolver[INET6_ADDRSTRLEN];
};

/* Around [at, end), within REACH: of each kind the nearest. */
void explain_facts_read(const char *plain, size_t at, size_t end, struct explain_facts *out);

bool host_is_of_atlas(const char *host);
bool host_is_node(const char *host);     /* "…-shard-00-01…", "pl-0-…" */
bool host_is_internal(const char *host); /* of a cluster's inside: ".local", ".internal", … */

/* --- judging --- */

/* One place in the text, and what it stands for. */
struct match {
    const struct pattern *pattern;
    size_t at;
    size_t end;
    struct candidate to[CANDIDATES_MOST];
    struct explain_facts facts;
};

/* Fills m->to by the pattern, its twist and the facts. */
void explain_judge(const struct plain_text *text, struct match *m);

/* Whether the text has these words, as whole words. */
bool plain_text_has(const struct plain_text *t, const char *words);

#endif
