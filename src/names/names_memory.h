/* What the resolvers said last, in memory and, where a file is given, on the disk: for the files of
 * src/names alone.
 *
 * The file is written when an answer says something new, but not twice within a minute, and once an
 * hour for the dates alone; at the end (names_settle) it is made to say all that is known. */
#ifndef NAMES_NAMES_MEMORY_H
#define NAMES_NAMES_MEMORY_H

#include "core/dns/last_good.h"
#include "names/names.h"

/* RFC 8767 section 5: a resolver that has said nothing by then is not waited for while an old
 * answer is there; and while the last question went unanswered, hardly at all. */
enum {
    NAMES_PATIENCE_MS = 1800,
    NAMES_LITTLE_PATIENCE_MS = 200,
    NAMES_SILENCE_MS = 30000,
    NAMES_STORE_LEAST_MS = 60000,
    NAMES_DATES_MS = 3600000
};

struct names_memory;

/* NULL: nothing is kept, and nothing is found. All functions accept that. */
void names_memory_free(struct names_memory *m);

/* Told: a live answer has come. The first is true when others than these hosts were known. */
bool names_memory_put_seeds(struct names_memory *m, const struct names_seeds *found);
void names_memory_put_host(struct names_memory *m, const char *host,
                           const struct names_addresses *found);

/* Told: the resolvers said nothing that serves. */
void names_memory_on_silence(struct names_memory *m);

/* Looked at: how long a question may stay unanswered when there is an old answer. */
msec names_memory_patience(const struct names_memory *m);

/* Looked at; NULL: not known, or too old. Lent until an answer is put. */
struct last_good_seeds *names_memory_seeds(struct names_memory *m);
struct last_good_name *names_memory_host(const struct names_memory *m, const char *host);

/* These are used instead of a live answer, which could not be had for the reason `why`. That is
 * told as NAMES_STALE_USED, once a day for each name; with a warning, once a day, when they are
 * older than dns.staleWarnMS or when the resolvers deny the name. Return their age. */
msec names_memory_use_seeds(struct names_memory *m, struct last_good_seeds *seeds,
                            const struct error *why);
msec names_memory_use_host(struct names_memory *m, struct last_good_name *name,
                           const struct error *why);

#endif
