/* Names to addresses: the SRV and TXT records of a cluster, and the addresses of a host.
 *
 * Every request ends exactly once: by its on_done, in a later turn, or by names_cancel. Who asks
 * keeps the answer for its time to live. The resolvers of `dns.resolvers` are asked as
 * core/dns/lookup.h says, and those to fall back on, each question within `dns.timeoutMS`; for one
 * host there is one burst of questions at a time, whoever else asks for it meanwhile.
 *
 * Beside that the last good answer to everything is kept (names_remember), and serves where there
 * is no live one: at once when the resolvers fail, after 1.8 s when they are silent (RFC 8767), and
 * up to the age of dns.staleMaxMS. It serves also when they deny the name: that is more often a
 * resolver that lies, or a zone that hides the public one, than a cluster that is gone, and whoever
 * answers at an old address has to prove who it is, by certificate and hello; but then it is told.
 * It does not serve when an answer came that breaks a rule. */
#ifndef NAMES_NAMES_H
#define NAMES_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/status.h"
#include "base/units.h"
#include "core/dns/lookup.h"
#include "net/net.h"
#include "settings/settings.h"

struct names;
struct names_request;

enum { NAMES_DETAIL_SIZE = 100 };

/* Who said what: one row per question and resolver, in the order of the resolvers. */
struct names_row {
    uint16_t type; /* enum dns_type */
    const char *name;
    const char *resolver;
    enum lookup_word word;
    uint32_t ttl_seconds; /* when the word is OK */
    size_t records;       /* when the word is OK */
    msec took;
    char detail[NAMES_DETAIL_SIZE]; /* more about a failure, as the resolver or TLS says it */
};

/* What the SRV and TXT records say. Lent for the call. */
struct names_seeds {
    enum status status;
    struct error why;         /* when status is not OK: what failed, why, and the remedy */
    const char *const *hosts; /* "host:port", lower case, checked against the parent domain */
    size_t count;
    const char *auth_source; /* from TXT, and so are the next two; NULL: not said there */
    const char *replica_set;
    bool load_balanced;
    msec ttl_ms;        /* the least of the SRV answer */
    const char *source; /* the resolver that is believed; NULL when status is not OK */
    bool has_changed;   /* it names other servers than the last good answer before it */
    bool is_stale;      /* it is the last good answer, of that age; `why` says why */
    msec age;           /* 0: it is live */
    size_t
        skipped; /* by names_poll_seeds: targets that break a rule; `why` says how the last does */
    const struct names_row *rows;
    size_t row_count;
};

/* The addresses of a host, IPv6 and IPv4 in turns (RFC 8305). Lent for the call. */
struct names_addresses {
    enum status status;
    struct error why;
    const struct address *addresses;
    size_t count;
    msec ttl_ms;        /* for what needs no DNS: MINUTES(1); 0: is_stale */
    const char *source; /* the resolver that is believed; NULL: nobody was asked */
    bool is_stale;      /* as above, and so is the next one */
    msec age;
};

/* The settings are copied. */
struct names *names_new(struct net *net, const struct dns_settings *settings);

/* Every request has ended (required). NULL is accepted. */
void names_free(struct names *names);

/* What operators should know of how an answer was had. Texts are lent for the call. */
enum names_news_kind {
    NAMES_FALLBACK_USED, /* the resolvers of dns.resolvers had none, another one had */
    NAMES_STALE_USED     /* nobody had one: the last good answer is used */
};

struct names_news {
    enum names_news_kind kind;
    const char *name;   /* that was looked up */
    const char *source; /* who answered ("1.1.1.1:53"), or the file it was kept in */
    const char *cause;  /* why the usual way failed; NULL: not said */
    msec age;           /* of a stale answer */
    bool is_repeated;   /* it is to be counted, but has been said not long ago */
};

/* `on_news` comes in the turn in which an answer is used, before the request's on_done. NULL: none.
 */
void names_set_listener(struct names *names,
                        void (*on_news)(void *owner, const struct names_news *news), void *owner);

/* Whom names are asked of, and whom when those fail: a line for the log at start. */
void names_describe(const struct names *names, char *text, size_t room);

/* Reads this file in place of /etc/hosts, or none when NULL; the path is copied. */
void names_set_hosts_file(struct names *names, const char *path);

/* From now on the answers about this cluster are kept, for when there are none: in memory, and in
 * settings->last_good_file when there is one, which is read now, and written from time to time
 * where `is_written`. A file that cannot be read is told and costs nothing else. Once at most. */
void names_remember(struct names *names, const struct upstream_settings *upstream,
                    const struct dns_settings *settings, bool is_written);

/* Nothing is asked any more: what is known is written. True when that is so already, or cannot be;
 * else on_settled follows. */
bool names_settle(struct names *names, void (*on_settled)(void *owner), void *owner);

enum { NAMES_AGE_SIZE = 32 };

/* "3 days", "50 min": for messages. */
const char *names_print_age(char out[NAMES_AGE_SIZE], msec age);

/* SRV and TXT of `upstream->srv_host` together; on_done when both are known. A TXT question that
 * nobody answers is logged and then counts as what it said last, else as "no TXT record". Statuses:
 * BAD_INPUT (an answer came and breaks a rule of the seed list: it will not pass by itself),
 * NAME_NOT_FOUND, NAME_NO_ANSWER, NAME_LOOKUP_FAILED. */
struct names_request *
names_resolve_seeds(struct names *names, const struct upstream_settings *upstream,
                    void (*on_done)(void *owner, const struct names_seeds *found), void *owner);

/* The same without the last good answer: for who has that already, and wants the live one. */
struct names_request *
names_refresh_seeds(struct names *names, const struct upstream_settings *upstream,
                    void (*on_done)(void *owner, const struct names_seeds *found), void *owner);

/* SRV alone, and never an old answer, of a cluster that is known: targets that break a rule are
 * passed over, and all others are given, whatever srvMaxHosts says. Statuses as above; BAD_INPUT:
 * no target is left. */
struct names_request *
names_poll_seeds(struct names *names, const struct upstream_settings *upstream,
                 void (*on_done)(void *owner, const struct names_seeds *found), void *owner);

/* `host`: a name, an address (with or without brackets), or the path of a Unix socket. Names of
 * /etc/hosts and "localhost" need no DNS. Else A and AAAA are asked together; when one of them has
 * brought addresses, the other is given a moment more (RFC 8305 section 3). OK means at least one
 * address. Statuses: NAME_NOT_FOUND, NAME_NO_ANSWER, NAME_LOOKUP_FAILED. */
struct names_request *
names_resolve_host(struct names *names, const char *host, uint16_t port,
                   void (*on_done)(void *owner, const struct names_addresses *found), void *owner);

/* The same without the last good answer. */
struct names_request *
names_refresh_host(struct names *names, const char *host, uint16_t port,
                   void (*on_done)(void *owner, const struct names_addresses *found), void *owner);

/* on_done will not come; the pointer is dead. Not allowed once on_done has begun. */
void names_cancel(struct names_request *request);

#endif
