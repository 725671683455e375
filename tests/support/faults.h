/* The points at which the simulated world can go wrong, one row each.
 *
 * A fault is "skip N, fail M": the point is passed N times as usual, goes wrong M times, and is
 * well again. A sweep runs one scenario for each point with N = 0, 1, 2 … until the fault no longer
 * fires. */
#ifndef SUPPORT_FAULTS_H
#define SUPPORT_FAULTS_H

/*        name           what is counted, and what goes wrong                                    */
#define FAULT_LIST(X)                                                            \
    X(DIAL_REFUSED, "a dial is refused")                                         \
    X(DIAL_HANGS, "a dial gets no answer")                                       \
    X(RESET_AT_BYTE, "counted in delivered bytes: the conn is reset after them") \
    X(SHORT_READ, "a delivery is cut at random")                                 \
    X(ONE_BYTE, "a delivery is one byte")                                        \
    X(DNS_EMPTY, "an answer has no records")                                     \
    X(DNS_LATE, "an answer comes 4 s later")                                     \
    X(DNS_REFUSED, "the resolver's port is closed")                              \
    X(DNS_HANGS, "the resolver does not answer")                                 \
    X(CHUNKS_EMPTY, "counted in steps: the pool for buffers gives nothing")      \
    X(CLOCK_JUMP, "counted in steps: the clock jumps ten minutes ahead")         \
    X(WORK_SLOW, "work takes 30 s")

enum fault {
#define FAULT_ENUM(name, text) FAULT_##name,
    FAULT_LIST(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_COUNT
};

/* "RESET_AT_BYTE" */
const char *fault_name(enum fault f);

/* The second column of the row. */
const char *fault_text(enum fault f);

#endif
