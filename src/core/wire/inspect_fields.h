/* The top-level fields of a command that inspection knows, and what each one says. Inside. */
#ifndef CORE_WIRE_INSPECT_FIELDS_H
#define CORE_WIRE_INSPECT_FIELDS_H

#include "core/wire/inspect.h"

/* Of a document of which only the first key matters, this much is looked at. */
enum { FIRST_KEY_BYTES = 4 + 1 + 64 };

enum field_scope {
    SCOPE_ANY,
    SCOPE_HELLO,
    SCOPE_FIND,
    SCOPE_AGGREGATE,
    SCOPE_MAP_REDUCE,
    SCOPE_CURSORS /* getMore, killCursors */
};

/* In the order of their sizes. `most` bounds the value that is looked at; what is larger counts as
 * cut. 0: to be there is all that matters.
 *        constant          name                       scope             most */
#define FIELD_LIST(X)                                                            \
    X(DATABASE, "$db", SCOPE_ANY, 261)                                           \
    X(OPS, "ops", SCOPE_ANY, 0)                                                  \
    X(OUT, "out", SCOPE_MAP_REDUCE, FIRST_KEY_BYTES)                             \
    X(LSID, "lsid", SCOPE_ANY, 256)                                              \
    X(NS_INFO, "nsInfo", SCOPE_ANY, 0)                                           \
    X(CLIENT, "client", SCOPE_HELLO, CLIENT_BYTES_MOST)                          \
    X(DELETES, "deletes", SCOPE_ANY, 0)                                          \
    X(UPDATES, "updates", SCOPE_ANY, 0)                                          \
    X(CURSORS, "cursors", SCOPE_CURSORS, UINT32_MAX - 1)                         \
    X(HELLO_OK, "helloOk", SCOPE_HELLO, 0)                                       \
    X(PIPELINE, "pipeline", SCOPE_AGGREGATE, 0)                                  \
    X(TAILABLE, "tailable", SCOPE_FIND, 16)                                      \
    X(MAX_TIME, "maxTimeMS", SCOPE_ANY, 16)                                      \
    X(DOCUMENTS, "documents", SCOPE_ANY, 0)                                      \
    X(AWAIT_DATA, "awaitData", SCOPE_FIND, 16)                                   \
    X(TXN_NUMBER, "txnNumber", SCOPE_ANY, 16)                                    \
    X(API_STRICT, "apiStrict", SCOPE_ANY, 16)                                    \
    X(AUTOCOMMIT, "autocommit", SCOPE_ANY, 16)                                   \
    X(API_VERSION, "apiVersion", SCOPE_ANY, 64)                                  \
    X(COLLECTION, "collection", SCOPE_CURSORS, 512)                              \
    X(READ_CONCERN, "readConcern", SCOPE_ANY, 256)                               \
    X(WRITE_CONCERN, "writeConcern", SCOPE_ANY, 256)                             \
    X(LOAD_BALANCED, "loadBalanced", SCOPE_HELLO, 16)                            \
    X(MAX_AWAIT, "maxAwaitTimeMS", SCOPE_HELLO, 16)                              \
    X(TOPOLOGY_VERSION, "topologyVersion", SCOPE_HELLO, 128)                     \
    X(READ_PREFERENCE, "$readPreference", SCOPE_ANY, READ_PREFERENCE_BYTES_MOST) \
    X(START_TRANSACTION, "startTransaction", SCOPE_ANY, 16)                      \
    X(SASL_MECHS, "saslSupportedMechs", SCOPE_HELLO, 256)                        \
    X(API_DEPRECATION, "apiDeprecationErrors", SCOPE_ANY, 16)                    \
    X(SPECULATIVE, "speculativeAuthenticate", SCOPE_HELLO, 0)

enum field {
    FIELD_NONE,
#define FIELD_ENUM(constant, name, scope, most) FIELD_##constant,
    FIELD_LIST(FIELD_ENUM)
#undef FIELD_ENUM
        FIELD_COMMAND, /* the first element: its key is the command's name */
    FIELD_STAGE,       /* one stage of a pipeline */
    FIELD_COUNT
};

/* FIELD_NONE: not known, or of no interest for that command. */
enum field field_of(struct span key, enum command command);

/* How many of the value's first bytes field_apply wants; 0: none. */
uint32_t field_bytes_wanted(enum field field, const struct request_facts *facts,
                            const struct skim_element *e);

/* True for fields of which a larger value cannot be looked at in part. */
bool field_wants_whole(enum field field, const struct request_facts *facts);

/* Notes what the element says. `offset` is its value's, from the start of the message. */
void field_apply(struct inspect_walk *w, struct request_facts *facts, enum field field,
                 const struct element *e, uint32_t offset);

/* The span itself, or its copy in the walk's store; empty, and the facts cut, when it does not
 * fit. */
struct span walk_lend(struct inspect_walk *w, struct request_facts *facts, struct span s);

/* Copies to the store: false, and nothing copied, when it does not fit. */
bool store_copy(struct facts_store *store, struct span *s);

#endif
