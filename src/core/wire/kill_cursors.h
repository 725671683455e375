/* One killCursors whose cursors live at several servers: which ids each server is to be asked for,
 * what it said of them, and the one reply to all.
 *
 * An id of which nobody knows where it lives is asked for everywhere, until one has killed it.
 * `cursorsAlive` is what a server says of cursors that it could not kill for any other reason than
 * that there are none: so do we, of those whose server cannot be reached, at once. Killed by one
 * outweighs alive at another, and that outweighs not found. Pure. */
#ifndef CORE_WIRE_KILL_CURSORS_H
#define CORE_WIRE_KILL_CURSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum killing_fate { FATE_NOT_FOUND, FATE_ALIVE, FATE_KILLED };

struct killing_id {
    int64_t id;
    uint32_t server; /* where it lives; 0: not known */
    enum killing_fate fate;
};

struct killing {
    size_t count;
    struct killing_id ids[]; /* in the order of the request */
};

/* The elements of the request's array; NULL when it has none, or one that is no int64 (the server
 * judges that). The caller frees it. */
struct killing *killing_new(struct span cursors);

/* Whether an id is known to live at `server`, or might and is not killed yet. */
bool killing_wants(const struct killing *k, uint32_t server);

/* The request (a whole OP_MSG, as for request_with_read_preference) with those ids alone; all else
 * stays. The bytes are the caller's to free; NULL when it is no such message. */
uint8_t *killing_request(const struct killing *k, struct span message, uint32_t server,
                         size_t *size);

/* The body of a server's reply. False: it is an error, and counts as if that server had not been
 * reached. */
bool killing_on_reply(struct killing *k, struct span body, uint32_t server);

/* The server cannot be asked now. */
void killing_on_unreachable(struct killing *k, uint32_t server);

/* {cursorsKilled, cursorsNotFound, cursorsAlive, cursorsUnknown, ok: 1}. The bytes are the caller's
 * to free. */
uint8_t *killing_reply(const struct killing *k, size_t *size);

#endif
