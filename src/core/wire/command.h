/* The commands that are treated in a way of their own, by name: one row each.
 *
 * The name is the first key of the body, exactly as spelled (a server knows no other casing).
 * COMMAND_OTHER is everything else: forwarded to the primary. */
#ifndef CORE_WIRE_COMMAND_H
#define CORE_WIRE_COMMAND_H

#include <stdbool.h>

#include "base/span.h"

enum command_trait {
    TRAIT_READ = 1 << 0,       /* may use a secondary */
    TRAIT_RETRY_READ = 1 << 1, /* in the list of retryable reads */
    TRAIT_LANE = 1 << 2,       /* goes ahead of new work */
    TRAIT_LOGIN = 1 << 3,      /* would change the identity of a pooled connection */
    TRAIT_FORBIDDEN = 1 << 4,  /* would take a node down */
    TRAIT_REMOVED = 1 << 5,    /* not in any server since 5.1, and meaningless over a pool */
    TRAIT_HELLO = 1 << 6,      /* answered here */
    TRAIT_END = 1 << 7,        /* ends a transaction */
    TRAIT_OVER_QUERY = 1 << 8, /* a server takes it as OP_QUERY too */
    TRAIT_WRITE = 1 << 9       /* only a primary can: a read preference does not count */
};

/*        constant            name                    traits                                      */
#define COMMAND_LIST(X)                                                              \
    X(FIND, "find", TRAIT_READ | TRAIT_RETRY_READ)                                   \
    X(INSERT, "insert", TRAIT_WRITE)                                                 \
    X(UPDATE, "update", TRAIT_WRITE)                                                 \
    X(DELETE, "delete", TRAIT_WRITE)                                                 \
    X(AGGREGATE, "aggregate", TRAIT_READ | TRAIT_RETRY_READ)                         \
    X(GET_MORE, "getMore", TRAIT_LANE)                                               \
    X(KILL_CURSORS, "killCursors", TRAIT_LANE)                                       \
    X(FIND_AND_MODIFY, "findAndModify", TRAIT_WRITE)                                 \
    X(FIND_AND_MODIFY_LOWER, "findandmodify", TRAIT_WRITE)                           \
    X(BULK_WRITE, "bulkWrite", TRAIT_WRITE)                                          \
    X(COMMIT_TRANSACTION, "commitTransaction", TRAIT_LANE | TRAIT_END | TRAIT_WRITE) \
    X(ABORT_TRANSACTION, "abortTransaction", TRAIT_LANE | TRAIT_END | TRAIT_WRITE)   \
    X(HELLO, "hello", TRAIT_HELLO | TRAIT_OVER_QUERY)                                \
    X(IS_MASTER, "isMaster", TRAIT_HELLO | TRAIT_OVER_QUERY)                         \
    X(IS_MASTER_LOWER, "ismaster", TRAIT_HELLO | TRAIT_OVER_QUERY)                   \
    X(PING, "ping", 0)                                                               \
    X(COUNT, "count", TRAIT_READ | TRAIT_RETRY_READ)                                 \
    X(DISTINCT, "distinct", TRAIT_READ | TRAIT_RETRY_READ)                           \
    X(MAP_REDUCE, "mapReduce", TRAIT_READ)                                           \
    X(MAP_REDUCE_LOWER, "mapreduce", TRAIT_READ)                                     \
    X(EXPLAIN, "explain", TRAIT_READ)                                                \
    X(COLL_STATS, "collStats", TRAIT_READ)                                           \
    X(COLL_STATS_LOWER, "collstats", TRAIT_READ)                                     \
    X(DB_STATS, "dbStats", TRAIT_READ)                                               \
    X(DB_STATS_LOWER, "dbstats", TRAIT_READ)                                         \
    X(LIST_DATABASES, "listDatabases", TRAIT_RETRY_READ)                             \
    X(LIST_COLLECTIONS, "listCollections", TRAIT_RETRY_READ)                         \
    X(LIST_INDEXES, "listIndexes", TRAIT_RETRY_READ)                                 \
    X(END_SESSIONS, "endSessions", TRAIT_LANE)                                       \
    X(SASL_START, "saslStart", TRAIT_LOGIN | TRAIT_OVER_QUERY)                       \
    X(SASL_CONTINUE, "saslContinue", TRAIT_LOGIN | TRAIT_OVER_QUERY)                 \
    X(AUTHENTICATE, "authenticate", TRAIT_LOGIN | TRAIT_OVER_QUERY)                  \
    X(GET_NONCE, "getnonce", TRAIT_LOGIN)                                            \
    X(LOGOUT, "logout", TRAIT_LOGIN)                                                 \
    X(SHUTDOWN, "shutdown", TRAIT_FORBIDDEN)                                         \
    X(STEP_DOWN, "replSetStepDown", TRAIT_FORBIDDEN)                                 \
    X(GET_LAST_ERROR, "getLastError", TRAIT_REMOVED)                                 \
    X(GET_LAST_ERROR_LOWER, "getlasterror", TRAIT_REMOVED)                           \
    X(GET_PREV_ERROR, "getPrevError", TRAIT_REMOVED)                                 \
    X(RESET_ERROR, "resetError", TRAIT_REMOVED)

enum command {
    COMMAND_OTHER,
#define COMMAND_ENUM(constant, name, traits) COMMAND_##constant,
    COMMAND_LIST(COMMAND_ENUM)
#undef COMMAND_ENUM
};

enum command command_of(struct span name);

/* "other" for COMMAND_OTHER: a bounded label for metrics. Static. */
const char *command_name(enum command c);

unsigned command_traits(enum command c);

static inline bool command_has(enum command c, enum command_trait trait)
{
    return (command_traits(c) & (unsigned)trait) != 0;
}

static inline bool command_is_hello(enum command c)
{
    return command_has(c, TRAIT_HELLO);
}

/* Not forwarded; reply_refusal says with what it is answered. */
static inline bool command_is_refused(enum command c)
{
    return (command_traits(c) & (TRAIT_LOGIN | TRAIT_FORBIDDEN | TRAIT_REMOVED)) != 0;
}

#endif
