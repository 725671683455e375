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
    TRAIT_WRITE = 1 << 9,      /* only a primary can: a read preference does not count */
    TRAIT_NODE = 1 << 10,      /* about one node: always the same mongos */
    TRAIT_ANY = 1 << 11        /* a secondary can without being told so */
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
    X(CREATE, "create", TRAIT_WRITE)                                                 \
    X(CREATE_INDEXES, "createIndexes", TRAIT_WRITE)                                  \
    X(CREATE_ROLE, "createRole", TRAIT_WRITE)                                        \
    X(CREATE_SEARCH_INDEXES, "createSearchIndexes", TRAIT_WRITE)                     \
    X(CREATE_USER, "createUser", TRAIT_WRITE)                                        \
    X(DROP, "drop", TRAIT_WRITE)                                                     \
    X(DROP_ALL_ROLES_FROM_DATABASE, "dropAllRolesFromDatabase", TRAIT_WRITE)         \
    X(DROP_ALL_USERS_FROM_DATABASE, "dropAllUsersFromDatabase", TRAIT_WRITE)         \
    X(DROP_DATABASE, "dropDatabase", TRAIT_WRITE)                                    \
    X(DROP_INDEXES, "dropIndexes", TRAIT_WRITE)                                      \
    X(DELETE_INDEXES, "deleteIndexes", TRAIT_WRITE)                                  \
    X(DROP_ROLE, "dropRole", TRAIT_WRITE)                                            \
    X(DROP_SEARCH_INDEX, "dropSearchIndex", TRAIT_WRITE)                             \
    X(DROP_USER, "dropUser", TRAIT_WRITE)                                            \
    X(COLL_MOD, "collMod", TRAIT_WRITE)                                              \
    X(RENAME_COLLECTION, "renameCollection", TRAIT_WRITE)                            \
    X(CONVERT_TO_CAPPED, "convertToCapped", TRAIT_WRITE)                             \
    X(CLONE_COLLECTION_AS_CAPPED, "cloneCollectionAsCapped", TRAIT_WRITE)            \
    X(GRANT_PRIVILEGES_TO_ROLE, "grantPrivilegesToRole", TRAIT_WRITE)                \
    X(GRANT_ROLES_TO_ROLE, "grantRolesToRole", TRAIT_WRITE)                          \
    X(GRANT_ROLES_TO_USER, "grantRolesToUser", TRAIT_WRITE)                          \
    X(REVOKE_PRIVILEGES_FROM_ROLE, "revokePrivilegesFromRole", TRAIT_WRITE)          \
    X(REVOKE_ROLES_FROM_ROLE, "revokeRolesFromRole", TRAIT_WRITE)                    \
    X(REVOKE_ROLES_FROM_USER, "revokeRolesFromUser", TRAIT_WRITE)                    \
    X(UPDATE_ROLE, "updateRole", TRAIT_WRITE)                                        \
    X(UPDATE_SEARCH_INDEX, "updateSearchIndex", TRAIT_WRITE)                         \
    X(UPDATE_USER, "updateUser", TRAIT_WRITE)                                        \
    X(APPLY_OPS, "applyOps", TRAIT_WRITE)                                            \
    X(SET_DEFAULT_RW_CONCERN, "setDefaultRWConcern", TRAIT_WRITE)                    \
    X(SET_FCV, "setFeatureCompatibilityVersion", TRAIT_WRITE)                        \
    X(SET_USER_WRITE_BLOCK_MODE, "setUserWriteBlockMode", TRAIT_WRITE)               \
    X(CONFIGURE_FAIL_POINT, "configureFailPoint", TRAIT_NODE)                        \
    X(CONN_POOL_STATS, "connPoolStats", TRAIT_NODE)                                  \
    X(CURRENT_OP, "currentOp", TRAIT_NODE)                                           \
    X(FSYNC, "fsync", TRAIT_NODE)                                                    \
    X(FSYNC_UNLOCK, "fsyncUnlock", TRAIT_NODE)                                       \
    X(GET_CMD_LINE_OPTS, "getCmdLineOpts", TRAIT_NODE)                               \
    X(GET_LOG, "getLog", TRAIT_NODE)                                                 \
    X(GET_PARAMETER, "getParameter", TRAIT_NODE)                                     \
    X(HOST_INFO, "hostInfo", TRAIT_NODE)                                             \
    X(KILL_ALL_SESSIONS, "killAllSessions", TRAIT_NODE)                              \
    X(KILL_ALL_SESSIONS_BY_PATTERN, "killAllSessionsByPattern", TRAIT_NODE)          \
    X(KILL_OP, "killOp", TRAIT_NODE)                                                 \
    X(KILL_SESSIONS, "killSessions", TRAIT_NODE)                                     \
    X(LOCK_INFO, "lockInfo", TRAIT_NODE)                                             \
    X(LOG_ROTATE, "logRotate", TRAIT_NODE)                                           \
    X(PROFILE, "profile", TRAIT_NODE)                                                \
    X(SERVER_STATUS, "serverStatus", TRAIT_NODE)                                     \
    X(SET_PARAMETER, "setParameter", TRAIT_NODE)                                     \
    X(TOP, "top", TRAIT_NODE)                                                        \
    X(REFRESH_SESSIONS, "refreshSessions", TRAIT_ANY)                                \
    X(START_SESSION, "startSession", TRAIT_ANY)                                      \
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
