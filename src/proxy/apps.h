/* Applications by the name that their clients give (client.application.name), and
 * limits.maxOperationsPerApp: how many operations of one may be in progress, so that one that runs
 * away cannot starve the others of pooled connections.
 *
 * What exceeds it waits here, in order, before it asks for a server. What goes on with something
 * that has begun (a statement of an open transaction, its end, getMore, killCursors) is not held
 * up: it may be what the others wait for. Clients that give no name count as one application. The
 * proxy owns it; without a limit nothing is kept. */
#ifndef PROXY_APPS_H
#define PROXY_APPS_H

#include <stdbool.h>

#include "base/span.h"

struct app;
struct apps;
struct client;
struct exchange;
struct proxy;

struct apps *apps_new(struct proxy *proxy);
void apps_free(struct apps *apps);

/* A client said its name; again with another one: that counts from now on. */
void apps_on_name(struct apps *apps, struct client *client, struct span name);
void apps_on_client_ended(struct apps *apps, struct client *client);

/* Whether the exchange may go on now; false: it waits, and exchange_on_admitted follows, unless
 * apps_on_exchange_ended comes first. */
bool apps_admit(struct apps *apps, struct exchange *x);

/* It is over, in whatever way: the next one of its application may go on. */
void apps_on_exchange_ended(struct apps *apps, struct exchange *x);

#endif
