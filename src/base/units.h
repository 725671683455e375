/* Units that the compiler cannot mix up by accident: a time is never a bare int.
 *
 * `msec` counts milliseconds, of a duration or of the monotonic clock that `net_now()` gives.
 * `byte_count` counts bytes. Wall-clock time appears only where a person or the protocol reads it.
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

typedef int64_t msec;
typedef size_t byte_count;

#define KIB ((byte_count)1024)
#define MIB (1024 * KIB)

/* "No deadline": later than every other time. */
#define MSEC_NEVER INT64_MAX

#define SECONDS(n) ((msec)(n)*1000)
#define MINUTES(n) (SECONDS(60) * (n))

static inline msec msec_earlier(msec a, msec b)
{
    return a < b ? a : b;
}

/* `now + wait`, where a wait of 0 or less means "no limit" as in every setting of ours. */
static inline msec msec_after(msec now, msec wait)
{
    return wait <= 0 || now > MSEC_NEVER - wait ? MSEC_NEVER : now + wait;
}

#endif
