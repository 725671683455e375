/* A node that is a load balancer: nothing monitors it, each backend reaches one of the services
 * behind it and says which, and cursors and transactions live on one backend (core/pool/pins.h).
 *
 * The node owns it; NULL for every other node. */
#ifndef PROXY_NODE_PINS_H
#define PROXY_NODE_PINS_H

#include <bson/bson.h>

#include "base/deadline.h"
#include "base/list.h"
#include "core/pool/pins.h"

struct backend;
struct exchange;
struct node;

struct node_pins {
    struct node *node;
    struct pins *pins;
    struct list waiting; /* exchanges that may pin, until there is room */
    size_t waiting_count;
    struct deadline deadline; /* the next pin expires */
};

struct node_pins *node_pins_new(struct node *node);
void node_pins_free(struct node_pins *n);

/* The node closes: who waits here is refused, backends that serve nobody are given back to be
 * closed. */
void node_pins_close(struct node_pins *n);

/* The backend that a pin names while it can serve; NULL when it is on its way out. */
struct backend *node_pins_backend(const struct node_pins *n, struct backend_id id);

/* The backend's connection is gone: who waited for it looks for another. */
void node_pins_on_backend_gone(struct node_pins *n, struct backend *backend);

/* A pin came, went or was used: the deadline is set anew, and those go on for whom there is room.
 */
void node_pins_settle(struct node_pins *n);

/* Gives a backend back to the pool when nothing lives on it any more and it serves nobody. */
void node_pins_release(struct node_pins *n, struct backend_id id);

/* The reply to a backend's hello (load balancing: it must have a serviceId). False: `why` says what
 * is missing, and no other attempt will do better. */
bool node_pins_accept(struct node_pins *n, struct backend *backend, const bson_t *reply,
                      struct error *why);

/* Load balancing: what happened to `backend` is told of its service alone. Other backends of that
 * service are closed, those that serve when they come back. */
void node_pins_clear_service(struct node_pins *n, const struct backend *backend);

/* "in use by 3 cursors, 2 transactions and 5 others; pool.maxPinned admits 10" for messages. */
void node_pins_print(const struct node_pins *n, char *text, size_t size);

#endif
