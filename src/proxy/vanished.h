/* What vanished clients leave behind is ended: their open transactions, which hold locks, and their
 * cursors. The proxy owns it.
 *
 * Only when nobody can go on with it: core/pool/peers says who is gone. What is ended is what the
 * affinity knows to be theirs, by requests of our own, few at once; one that fails is not repeated,
 * since the server ends these things by itself, later. Commands that still run for a vanished
 * client are left alone. */
#ifndef PROXY_VANISHED_H
#define PROXY_VANISHED_H

#include <stdbool.h>
#include <stdint.h>

#include "core/wire/inspect.h"

struct client;
struct exchange;
struct proxy;
struct vanished;

struct vanished *vanished_new(struct proxy *proxy);

/* Nothing is begun any more. */
void vanished_close(struct vanished *v);
void vanished_free(struct vanished *v);

/* A hello of the client was accepted: it says who that is. */
void vanished_on_hello(struct vanished *v, struct client *client,
                       const struct request_facts *facts);

/* A client's connection is gone. `by_itself`: not closed by us. */
void vanished_on_client_gone(struct vanished *v, uint64_t identity, bool by_itself);

/* An exchange of a client that had left before has ended. */
void vanished_on_left_behind(struct vanished *v, uint64_t identity);

/* One of our own requests has ended, in whatever way. */
void vanished_on_own_ended(struct vanished *v, const struct exchange *x);

#endif
