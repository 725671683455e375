/* Requests of our own that end what a client has left behind on a server: its cursors and its open
 * transactions. Each has its $db and is sent by request_write_command. */
#ifndef CORE_WIRE_FAREWELL_H
#define CORE_WIRE_FAREWELL_H

#include <bson/bson.h>

#include "core/wire/inspect.h"

enum { FAREWELL_TERMS_BYTES_MOST = 160 };

/* What an end of the transaction must repeat of its statements beside the lsid's UUID and the
 * number: the lsid's uid, and the fields of the Stable API, which must be the same within a
 * transaction (347). A BSON document for farewell_abort_transaction; returns its size, 0 when there
 * is nothing to repeat. */
size_t farewell_terms(const struct request_facts *facts, uint8_t out[FAREWELL_TERMS_BYTES_MOST]);

/* `command` is an empty document. */
void farewell_abort_transaction(const uint8_t lsid[LSID_UUID_BYTES], int64_t number,
                                struct span terms, bson_t *command);

/* All of them of one namespace. False, and nothing is to be sent, when `ns` is no
 * "database.collection" of a size that servers take. */
bool farewell_kill_cursors(struct span ns, const int64_t *cursors, size_t count, bson_t *command);

#endif
