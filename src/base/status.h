/* Outcomes of operations that can fail in the world, and the text that goes with one.
 *
 * One list drives the enum, the names (for logs, metrics and tests) and the sentences. Functions
 * that fail for a reason an operator will read also fill a `struct error`, always their last
 * parameter. A function logs or returns, never both. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <stdbool.h>
#include <stddef.h>

/*        name                text                                                              */
#define STATUS_LIST(X)                                                     \
    X(OK, "ok")                                                            \
    X(CLOSED_BY_US, "closed by us")                                        \
    X(PEER_CLOSED, "the peer closed the connection")                       \
    X(PEER_RESET, "the peer reset the connection")                         \
    X(REFUSED, "the connection was refused")                               \
    X(UNREACHABLE, "the network or host is unreachable")                   \
    X(TIMED_OUT, "the deadline passed")                                    \
    X(NAME_NOT_FOUND, "the name does not exist")                           \
    X(NAME_NO_ANSWER, "the name has no record of that kind")               \
    X(NAME_LOOKUP_FAILED, "the name could not be resolved")                \
    X(TLS_FAILED, "the TLS handshake failed")                              \
    X(TLS_CERTIFICATE, "the server's certificate was not accepted")        \
    X(PROXY_REFUSED, "the outbound proxy refused")                         \
    X(HTTP_REFUSED, "the HTTP server answered with a failure")             \
    X(PROTOCOL_ERROR, "the peer broke the protocol")                       \
    X(AUTH_FAILED, "the login was refused")                                \
    X(AUTH_UNSUPPORTED, "the login mechanism is not supported")            \
    X(HELLO_FAILED, "the server refused the greeting")                     \
    X(INCOMPATIBLE, "the versions of the wire protocol do not meet")       \
    X(NOT_SUITABLE, "no suitable server is known")                         \
    X(QUEUE_TIMED_OUT, "the wait for a pooled connection ended")           \
    X(QUEUE_FULL, "too many operations wait already")                      \
    X(BUFFERS_FULL, "the memory for buffers is used up")                   \
    X(TOO_LARGE, "larger than the limit")                                  \
    X(BAD_INPUT, "the input is not valid")                                 \
    X(DRAINING, "the proxy is shutting down")                              \
    X(IDLE_TOO_LONG, "idle for too long")                                  \
    X(TOO_OLD, "the connection reached its lifetime")                      \
    X(STALE_GENERATION, "the pool was cleared")                            \
    X(ADDRESS_IN_USE, "the address is in use")                             \
    X(ADDRESS_UNAVAILABLE, "the address is not available on this machine") \
    X(PERMISSION_DENIED, "permission denied")                              \
    X(FILE_FAILED, "the file could not be read or written")                \
    X(OUT_OF_DESCRIPTORS, "the limit of open files is reached")            \
    X(IO_FAILED, "input or output failed")

enum status {
#define STATUS_ENUM(name, text) STATUS_##name,
    STATUS_LIST(STATUS_ENUM)
#undef STATUS_ENUM
};

/* "PEER_RESET": for logs, metric labels and tests. Static text. */
const char *status_name(enum status s);

/* A clause for a message: "the peer reset the connection". Static text. */
const char *status_text(enum status s);

#define ERROR_TEXT_SIZE 512

/* What went wrong, in one sentence for a person. Lives on the caller's stack or in its owner. */
struct error {
    enum status status;
    char text[ERROR_TEXT_SIZE];
};

/* Sets status and text (cut at ERROR_TEXT_SIZE) and returns `status`, so that a function can end
 * with `return error_set(why, STATUS_X, …)`. A NULL `why` keeps only the status. */
enum status error_set(struct error *why, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts the outer view in front: "loading /etc/x: " + what was there. */
void error_wrap(struct error *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
