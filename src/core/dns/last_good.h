/* The last good answers about one cluster, in memory and as bytes for the disk and back, so that
 * names that cannot be looked up just now cost nothing: not a dial, and not a start.
 *
 * The bytes are lines of text that a person can read, the first with the version and the last with
 * a checksum (CRC-32C) of all before it. No secret is in them: hosts, addresses, and what the TXT
 * record says. Times inside are the caller's own clock, which may start anywhere; only the bytes
 * hold dates. Pure. */
#ifndef CORE_DNS_LAST_GOOD_H
#define CORE_DNS_LAST_GOOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/span.h"
#include "base/status.h"
#include "base/units.h"

enum {
    LAST_GOOD_HOSTS_MOST = 256,
    LAST_GOOD_NAMES_MOST = 256,
    LAST_GOOD_ADDRESSES_MOST = 16,
    LAST_GOOD_HOST_BYTES_MOST = 255,
    LAST_GOOD_TEXT_BYTES_MOST = 1024, /* of what TXT says, or of a resolver */
    LAST_GOOD_BYTES_MOST = 512 * 1024
};

/* What the SRV and TXT records said. */
struct last_good_seeds {
    msec when;
    msec told_at;      /* the caller's: when its use was told; 0: not since it was confirmed */
    char *source;      /* who said so: the resolver */
    char **hosts;      /* "host:port" */
    size_t count;      /* 0: nothing is known */
    char *auth_source; /* these three from TXT; NULL or false: not said there */
    char *replica_set;
    bool load_balanced;
};

/* What one host's name meant. */
struct last_good_name {
    char *host;
    msec when;
    msec told_at; /* as above */
    char *source;
    struct address addresses[LAST_GOOD_ADDRESSES_MOST]; /* port 0 */
    size_t count;                                       /* 1 or more */
};

struct last_good {
    char *cluster; /* whom all this is about */
    struct last_good_seeds seeds;
    struct last_good_name *names;
    size_t name_count;
};

/* The same moment by the caller's clock and by the wall's (ms since 1970). */
struct last_good_clocks {
    msec now;
    int64_t wall;
};

void last_good_init(struct last_good *l, const char *cluster);
void last_good_clear(struct last_good *l);

/* Told: an answer has come. True when it says something else than the one before (the order of
 * hosts and addresses does not matter). `seeds` is copied; of more than the bounds allow the rest
 * is dropped, and of more names the one that was confirmed longest ago. What could not be
 * read again is not kept: a host that is no word of printable ASCII, a text that is too long. */
bool last_good_put_seeds(struct last_good *l, const struct last_good_seeds *seeds);
bool last_good_put_name(struct last_good *l, const char *host, const struct address *addresses,
                        size_t count, const char *source, msec when);

/* Looked at: whether the seeds are these hosts, in any order. */
bool last_good_has_hosts(const struct last_good *l, const char *const *hosts, size_t count);

/* Looked at; NULL: not known. Case does not matter. Lent until the next call that changes it. */
struct last_good_name *last_good_find(const struct last_good *l, const char *host);

/* What was confirmed before `since` goes. */
void last_good_forget(struct last_good *l, msec since);

/* All of it as bytes, to be freed; `size` is how many. */
char *last_good_write(const struct last_good *l, struct last_good_clocks clocks, size_t *size);

/* Reads bytes into an initialised `l`, whose cluster they must be about (NOT_SUITABLE else).
 * INCOMPATIBLE: of another version; BAD_INPUT: damaged, cut off, or no such file at all; `why` is a
 * clause that follows the file's name ("is cut off"), and `l` is as it was. A date in the future
 * counts as now. */
enum status last_good_read(struct last_good *l, struct span bytes, struct last_good_clocks clocks,
                           struct error *why) __attribute__((warn_unused_result));

#endif
