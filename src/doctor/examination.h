/* What a walk of the doctor has seen: facts, and nothing but facts. Probes write them, judges
 * (judge.h) read them, reports print them; a unit test makes them up.
 *
 * Times are milliseconds of the loop's clock unless the name says otherwise. Texts are owned. A
 * step that was never taken is all zeros (`is_tried` false). */
#ifndef DOCTOR_EXAMINATION_H
#define DOCTOR_EXAMINATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/status.h"
#include "base/units.h"
#include "core/dns/lookup.h"
#include "core/dns/resolver.h"
#include "core/topology/server.h"
#include "doctor/budget.h"
#include "net/tls.h"
#include "settings/settings_load.h"

enum {
    EXAMINED_NODES_MOST = 64,
    EXAMINED_ADDRESSES_MOST = 8, /* of one node */
    EXAMINED_LISTENERS_MOST = 16,
    EXAMINED_SIDES_MOST = 8,
    EXAMINED_RESOLVERS_MOST = 24,
    EXAMINED_QUESTIONS_MOST = 512,
};

/* --- one step of something --- */

struct step_fact {
    bool is_tried;
    enum status status; /* CLOSED_BY_US: given up, since nobody needs it any more */
    msec took;
    char *why; /* a sentence; NULL when the status says it all */
};

static inline bool step_is_good(const struct step_fact *s)
{
    return s->is_tried && s->status == STATUS_OK;
}

/* Tried, and failed for a reason that is not ours. */
static inline bool step_has_failed(const struct step_fact *s)
{
    return s->is_tried && s->status != STATUS_OK && s->status != STATUS_CLOSED_BY_US;
}

/* A command's reply: `step` is about getting one, the rest about what it says. */
struct reply_fact {
    struct step_fact step;
    bool is_ok;
    int32_t code; /* of ok: 0 */
    char *code_name;
    char *text;
};

static inline bool reply_is_good(const struct reply_fact *r)
{
    return step_is_good(&r->step) && r->is_ok;
}

/* --- this machine --- */

struct machine_fact {
    char *container; /* "docker", "podman", "kubernetes", …; NULL: none seen */
    bool is_musl;    /* the machine's C library, also when ours is linked in */
    bool is_wsl;
    char *search;  /* domains that resolv.conf tries names with; NULL: none, or it is not used */
    int64_t ndots; /* names with fewer dots are tried with those first */
    char *vpn;     /* names of tunnel interfaces, "wg0, tun0"; NULL: none */
    char *proxy_variables; /* names of those that are set: "HTTPS_PROXY"; NULL: none */
    bool has_ipv4_route;   /* one beyond the next router, likewise of IPv6 */
    bool has_ipv6_route;
    uint64_t open_files;      /* the soft limit, and */
    uint64_t open_files_most; /* the hard one; 0: not known */
    int64_t wall_clock;       /* seconds since 1970 */
    int64_t built;            /* when this program was made, likewise; 0: not known */
};

enum listener_state {
    LISTENER_UNKNOWN,
    LISTENER_FREE,        /* nothing listens, and it can be taken */
    LISTENER_MOORING,     /* a Mooring listens there */
    LISTENER_TAKEN,       /* something else does */
    LISTENER_UNAVAILABLE, /* it cannot be taken: `step` says why */
};

/* An address that applications use, or would. */
struct listener_fact {
    struct address address;
    bool is_configured; /* in listen.addresses; else the other loopback family of such a port */
    enum listener_state state;
    struct step_fact step;
    char *holder; /* name of the program that listens; NULL: not known */
    int64_t holder_pid;
    struct reply_fact ping; /* through it, when it is a Mooring */
};

/* --- names --- */

struct resolver_fact {
    char *text; /* as core/dns/resolver.h spells it */
    enum resolver_kind kind;
    enum resolver_origin origin; /* FALLBACK: asked for comparison only */
    struct address address;
};

/* What a question is about. */
enum question_about {
    ABOUT_SRV,     /* _mongodb._tcp.HOST */
    ABOUT_TXT,     /* HOST */
    ABOUT_HOST,    /* an address of HOST: does it answer for ordinary names? */
    ABOUT_NOTHING, /* an address of a name that cannot exist */
    ABOUT_NODE,    /* an address of a node */
    ABOUT_CLUSTER, /* of mongodb://: whether a host has an SRV record, hence is no machine */
};

/* How it was asked: as the proxy would, or by one way alone. */
enum question_way { WAY_USUAL, WAY_UDP, WAY_UDP_PLAIN, WAY_TCP };

/* One question to one resolver. */
struct question_fact {
    size_t resolver; /* in `resolvers` */
    enum question_about about;
    enum question_way way;
    uint16_t type; /* enum dns_type */
    char *name;
    enum lookup_word word; /* WAITING: given up, since nobody needs it any more */
    int rcode;             /* -1: nothing came back */
    msec took;
    bool used_tcp;
    bool has_compressed_target;
    char *alias; /* where a CNAME led; NULL: there was none */
    uint32_t ttl_seconds;
    size_t records;
    char *said;   /* the records, a few of them; NULL: none */
    char *reason; /* why the resolver says it failed (RFC 8914); NULL: it did not say */
};

/* --- the network at large --- */

enum side_kind { SIDE_CONTROL, SIDE_PORT, SIDE_PUBLIC_ADDRESS };

struct side_fact {
    enum side_kind kind;
    char *target; /* as the setting says */
    struct step_fact step;
    char *said; /* SIDE_PUBLIC_ADDRESS: the address */
};

/* --- a node --- */

enum node_source { NODE_OF_URI = 1, NODE_OF_SRV = 2, NODE_OF_HELLO = 4 };

struct dial_fact {
    struct address to;
    struct step_fact step;
};

struct node_fact {
    char *name; /* "host:port" */
    char *host;
    uint16_t port;
    unsigned sources;                                /* of enum node_source */
    struct step_fact lookup;                         /* its addresses */
    struct dial_fact dials[EXAMINED_ADDRESSES_MOST]; /* through an outbound proxy: to that */
    size_t dial_count;
    struct step_fact tunnel; /* the outbound proxy's greeting, when there is one */
    struct step_fact tls;
    struct tls_facts tls_facts;
    size_t tls_tries, tls_breaks; /* of the tries, those that ended before a ServerHello came */
    struct reply_fact hello;
    struct server_description description; /* when hello's reply could be read */
    bool is_described;
    int64_t clock_ms; /* localTime of hello, since 1970; 0: not said */
    struct reply_fact login;
    bool is_refused_for_good; /* the login */
    char *mechanism;          /* that was used */
    char *mechanisms;         /* that were offered: "SCRAM-SHA-1, SCRAM-SHA-256"; NULL: not said */
    struct reply_fact ping;
    struct reply_fact who; /* connectionStatus */
    int64_t user_count;    /* of it */
    int64_t role_count;
    struct reply_fact load; /* serverStatus; not permitted to most users, which is no fault */
    bool has_load;
    int64_t connections, connections_left;
};

/* --- all of it --- */

struct examination {
    const struct settings *settings; /* lent */
    const struct problems *problems; /* of the settings, lent; NULL: none */
    bool is_unread;  /* the string could not be read: nothing was asked or dialled */
    bool has_budget; /* a tier was named, and the settings were held against it */
    struct budget_plan plan;
    struct budget budget;
    bool skips_login;
    bool expects_running; /* a Mooring should be listening */

    struct machine_fact machine;
    struct listener_fact listeners[EXAMINED_LISTENERS_MOST];
    size_t listener_count;

    struct step_fact trust; /* the authorities and the client's certificate, as the settings say */

    struct step_fact seeds; /* of mongodb+srv://: SRV and TXT, as the proxy would ask */
    struct resolver_fact resolvers[EXAMINED_RESOLVERS_MOST];
    size_t resolver_count;
    bool needs_resolvers; /* the string holds a name that only DNS knows */
    struct question_fact *questions[EXAMINED_QUESTIONS_MOST];
    size_t question_count;
    char *txt_auth_source; /* of TXT; NULL: not said there */
    char *txt_replica_set;
    bool txt_load_balanced;

    struct side_fact sides[EXAMINED_SIDES_MOST];
    size_t side_count;

    char *auth_source; /* in effect */
    char *auth_user;   /* NULL: none, or the certificate's */
    struct node_fact *nodes[EXAMINED_NODES_MOST];
    size_t node_count;

    msec took;
};

struct examination *examination_new(const struct settings *settings,
                                    const struct problems *problems);
void examination_free(struct examination *e);

/* The node of that name ("host:port"), made when it is new; NULL when there are too many. */
struct node_fact *examination_node(struct examination *e, const char *name,
                                   enum node_source source);

/* A new one, not answered yet; NULL when there are too many. `name` is copied. */
struct question_fact *examination_question(struct examination *e, size_t resolver,
                                           enum question_about about, enum question_way way,
                                           const char *name);

/* Its end: `why` may be NULL or empty and is copied. */
void step_end(struct step_fact *s, enum status status, msec took, const char *why);

/* As address_print does, without port and brackets; returns `text`. */
const char *address_print_bare(const struct address *a, char text[ADDRESS_TEXT_SIZE]);

/* True of names that Atlas gives out: under mongodb.net (and its government twins). */
bool host_is_atlas(const char *host);

/* True when the cluster is one of Atlas: by the SRV name, else by the nodes. */
bool examination_is_atlas(const struct examination *e);

/* True when a node opened on at least one address. */
bool node_is_open(const struct node_fact *n);

#endif
