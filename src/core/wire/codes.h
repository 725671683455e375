/* MongoDB's error codes that we recognise or send. */
#ifndef CORE_WIRE_CODES_H
#define CORE_WIRE_CODES_H

/*        constant                    code   codeName                                             */
#define CODE_LIST(X)                                                            \
    X(OK, 0, "OK")                                                              \
    X(BAD_VALUE, 2, "BadValue")                                                 \
    X(HOST_UNREACHABLE, 6, "HostUnreachable")                                   \
    X(HOST_NOT_FOUND, 7, "HostNotFound")                                        \
    X(FAILED_TO_PARSE, 9, "FailedToParse")                                      \
    X(AUTHENTICATION_FAILED, 18, "AuthenticationFailed")                        \
    X(CURSOR_NOT_FOUND, 43, "CursorNotFound")                                   \
    X(MAX_TIME_EXPIRED, 50, "MaxTimeMSExpired")                                 \
    X(COMMAND_NOT_FOUND, 59, "CommandNotFound")                                 \
    X(NETWORK_TIMEOUT, 89, "NetworkTimeout")                                    \
    X(SHUTDOWN_IN_PROGRESS, 91, "ShutdownInProgress")                           \
    X(COMMAND_NOT_SUPPORTED, 115, "CommandNotSupported")                        \
    X(NO_SUITABLE_NODE, 133, "FailedToSatisfyReadPreference")                   \
    X(READ_CONCERN_MAJORITY_NOT_YET, 134, "ReadConcernMajorityNotAvailableYet") \
    X(MAX_STALENESS_OUT_OF_RANGE, 160, "MaxStalenessOutOfRange")                \
    X(CLIENT_METADATA_MISSING_FIELD, 183, "ClientMetadataMissingField")         \
    X(CLIENT_METADATA_APP_NAME_TOO_LARGE, 184, "ClientMetadataAppNameTooLarge") \
    X(CLIENT_METADATA_TOO_LARGE, 185, "ClientMetadataDocumentTooLarge")         \
    X(CLIENT_METADATA_REPEATED, 186, "ClientMetadataCannotBeMutated")           \
    X(PRIMARY_STEPPED_DOWN, 189, "PrimarySteppedDown")                          \
    X(NO_SUCH_TRANSACTION, 251, "NoSuchTransaction")                            \
    X(CURSOR_KILLED, 237, "CursorKilled")                                       \
    X(EXCEEDED_TIME_LIMIT, 262, "ExceededTimeLimit")                            \
    X(API_VERSION, 322, "APIVersionError")                                      \
    X(REAUTHENTICATION_REQUIRED, 391, "ReauthenticationRequired")               \
    X(POOL_TIMED_OUT, 407, "PooledConnectionAcquisitionExceededTimeLimit")      \
    X(SOCKET_EXCEPTION, 9001, "SocketException")                                \
    X(LEGACY_NOT_PRIMARY, 10058, "LegacyNotPrimary")                            \
    X(NOT_WRITABLE_PRIMARY, 10107, "NotWritablePrimary")                        \
    X(INTERRUPTED_AT_SHUTDOWN, 11600, "InterruptedAtShutdown")                  \
    X(INTERRUPTED_BY_STATE_CHANGE, 11602, "InterruptedDueToReplStateChange")    \
    X(NOT_PRIMARY_NO_SECONDARY_OK, 13435, "NotPrimaryNoSecondaryOk")            \
    X(NOT_PRIMARY_OR_SECONDARY, 13436, "NotPrimaryOrSecondary")                 \
    X(TOPOLOGY_COUNTER_NEGATIVE, 51758, "Location51758")                        \
    X(MAX_AWAIT_NEGATIVE, 51759, "Location51759")                               \
    X(MAX_AWAIT_UNPAIRED, 51760, "Location51760")                               \
    X(EXHAUST_WITHOUT_MAX_AWAIT, 51763, "Location51763")

enum code {
#define CODE_ENUM(constant, code, name) CODE_##constant = code,
    CODE_LIST(CODE_ENUM)
#undef CODE_ENUM
};

/* The codeName of one of the list. Static. */
const char *code_name(enum code code);

#endif
