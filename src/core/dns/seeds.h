/* From SRV and TXT records to the first list of servers, and to later ones: the rules of the
 * seed-list and the SRV polling specification.
 *
 * At first strict, as drivers are: one wrong target or TXT option fails the whole answer, since
 * what it names is where credentials would go. Later a wrong target is passed over. Pure; random
 * words come from outside. */
#ifndef CORE_DNS_SEEDS_H
#define CORE_DNS_SEEDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "core/dns/message.h"

/* What the connection string says. */
struct seeds_wanted {
    const char *host;        /* of mongodb+srv://HOST/ */
    const char *service;     /* srvServiceName; NULL: "mongodb" */
    size_t max_hosts;        /* srvMaxHosts; 0: all */
    const char *replica_set; /* NULL: not said */
    bool load_balanced;
};

struct seeds {
    char **hosts; /* "host:port", lower case */
    size_t count;
    char *auth_source; /* these three from TXT; NULL or false: not said there */
    char *replica_set;
    bool load_balanced;
};

/* "_mongodb._tcp.HOST", to be freed; NULL (BAD_INPUT) when no DNS name can be made of it. */
char *seeds_srv_name(const struct seeds_wanted *wanted, struct error *why);

/* Seed list: with 3 labels and more, a target must end with everything after the host's first
 * label; with 1 or 2, with the whole host and have a label more. Case and a last dot do not matter.
 * BAD_INPUT: `why` names target and domain. */
enum status seeds_check_target(const char *host, const char *target, struct error *why)
    __attribute__((warn_unused_result));

/* Seed list: all rules together. `txt` is NULL when the question had no answer that could be used.
 * Of more targets than max_hosts a random choice is taken (Fisher-Yates), decided by `words`, of
 * which DNS_RECORDS_MOST are given. BAD_INPUT: a rule is broken, and `why` says which, and by what.
 * The caller clears `out`, on OK only. */
enum status seeds_build(const struct seeds_wanted *wanted, const struct dns_answer *srv,
                        const struct dns_answer *txt, const uint32_t *words, struct seeds *out,
                        struct error *why) __attribute__((warn_unused_result));

/* SRV polling: the targets of a later answer. Those that break a rule are passed over: `skipped`
 * counts them, and `why` says what was wrong with the last. BAD_INPUT: none is left. The caller
 * clears `out`, on OK only. */
enum status seeds_follow(const struct seeds_wanted *wanted, const struct dns_answer *srv,
                         struct seeds *out, size_t *skipped, struct error *why)
    __attribute__((warn_unused_result));

/* SRV polling: of more hosts than `most` (0: all) those that are there already stay, and what is
 * missing is filled up with a random choice of the others. Reorders `hosts` and returns how many of
 * them count. `words`: as above. */
size_t seeds_fill(const char **hosts, size_t count, bool (*is_there)(void *owner, const char *host),
                  void *owner, size_t most, const uint32_t *words);

/* Auth: the database that knows the user: the one that the connection string says (`said`), else
 * TXT's, else the one in the string's path, else "admin". On Atlas (hosts of mongodb.net) every
 * user is in "admin", whatever the path. Each may be NULL; returns one of them, or static text. */
const char *seeds_auth_source(const char *host, const char *said, const char *txt,
                              const char *database);

/* Frees what it holds; a zeroed one is accepted. */
void seeds_clear(struct seeds *seeds);

#endif
