/* Keeps a node's addresses fresh, dials or not: its name is asked for again when the answer's time
 * to live has passed, at the earliest after 30 s; after a failure in 5 s and up to a minute.
 *
 * What stands to an address that the name no longer means (places_is_gone) is replaced bit by bit,
 * at each look as many connections as may be dialled at once (pool.connectBurst): one that serves
 * ends when it comes back, and the monitors dial anew. */
#ifndef PROXY_NODE_PLACES_H
#define PROXY_NODE_PLACES_H

struct node;

/* Not for a node whose host is an address, nor behind an outbound proxy, which asks itself. */
void node_places_begin(struct node *node);
void node_places_end(struct node *node);

#endif
