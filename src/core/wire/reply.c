#include "core/wire/reply.h"

#include <bson/bson.h>

#include "core/wire/codes.h"
#include "core/wire/reply_write.h"

/* From what happened, and to what kind of operation, to what a driver can make best use of.
 *
 * Nothing that may have executed without a txnNumber gets a label that lets it be repeated. A
 * driver takes the retryability of writes from labels alone, that of reads from codes: 6, 89 and 91
 * are in its list, 133 and 407 are not, so that a wait that was long already is not doubled. 6 and
 * 89 from a mongos leave the driver's own picture of us untouched; 91 makes it look elsewhere,
 * which is right while we shut down. The end of a transaction invites the driver's one retry
 * wherever that can help; then it says UnknownTransactionCommitResult by itself. */
enum {
    RETRY = LABEL_RETRYABLE_WRITE,
    AGAIN = LABEL_TRANSIENT_TRANSACTION,
    NOTHING = LABEL_NO_WRITES_PERFORMED,
    RESUME = LABEL_RESUMABLE_CHANGE_STREAM,
    SHED = LABEL_SYSTEM_OVERLOADED | LABEL_RETRYABLE
};

struct cell {
    uint16_t code; /* enum code; 0: nothing is said */
    uint8_t labels;
    bool closes;
};

enum {
    NOT_FOUND = CODE_CURSOR_NOT_FOUND,
    UNREACHABLE = CODE_HOST_UNREACHABLE,
    NO_NODE = CODE_NO_SUITABLE_NODE,
    NO_TRANSACTION = CODE_NO_SUCH_TRANSACTION,
    FULL = CODE_POOL_TIMED_OUT,
    EXPIRED = CODE_MAX_TIME_EXPIRED,
    LEAVING = CODE_SHUTDOWN_IN_PROGRESS,
    LOGIN = CODE_AUTHENTICATION_FAILED,
    PARSE = CODE_FAILED_TO_PARSE,
    SILENCE = CODE_NETWORK_TIMEOUT
};

#define CLOSED         \
    {                  \
        .closes = true \
    }
#define SAME(code)                                                      \
    {                                                                   \
        {code}, {code}, {code}, {code}, {code}, {code}, {code}, {code}, \
        {                                                               \
            0                                                           \
        }                                                               \
    }

/* clang-format off */
static const struct cell TABLE[SITUATION_COUNT][OPERATION_COUNT] = {
    /*  read, other,
     *  retryable write,
     *  first statement of a transaction, later one, its end,
     *  getMore of a change stream, other getMore, w: 0 */
    [SITUATION_NO_NODE] = {
        {NO_NODE}, {NO_NODE},
        {NO_NODE},
        {NO_NODE, AGAIN}, {NO_NODE, AGAIN}, {UNREACHABLE, RETRY},
        {NO_NODE, RESUME}, {NO_NODE}, {0}},
    [SITUATION_POOL_TIMED_OUT] = {
        {FULL}, {FULL},
        {FULL},
        {FULL}, {FULL}, {UNREACHABLE, RETRY},
        {FULL, RESUME}, {FULL}, {0}},
    [SITUATION_OVERLOADED] = {
        {UNREACHABLE, SHED}, {UNREACHABLE, SHED},
        {UNREACHABLE, SHED | RETRY | NOTHING},
        {UNREACHABLE, SHED | AGAIN}, {UNREACHABLE, SHED}, {UNREACHABLE, SHED | RETRY},
        {UNREACHABLE, SHED | RESUME}, {UNREACHABLE, SHED}, {0}},
    [SITUATION_TIME_EXPIRED] = SAME(EXPIRED),
    [SITUATION_DRAINING] = {
        {LEAVING}, {LEAVING},
        {LEAVING, RETRY},
        {LEAVING, AGAIN}, {LEAVING, AGAIN}, {LEAVING, RETRY},
        {LEAVING, RESUME}, {LEAVING}, {0}},
    [SITUATION_LOGIN_FAILED] = SAME(LOGIN),
    [SITUATION_READ_PREFERENCE] = SAME(PARSE),
    [SITUATION_LOST] = {
        {UNREACHABLE}, {UNREACHABLE},
        {UNREACHABLE, RETRY},
        {UNREACHABLE, AGAIN}, {UNREACHABLE, AGAIN}, {UNREACHABLE, RETRY},
        {UNREACHABLE, RESUME}, {UNREACHABLE}, {0}},
    [SITUATION_NODE_GONE] = {
        {UNREACHABLE}, {UNREACHABLE},
        {UNREACHABLE, RETRY},
        {UNREACHABLE, AGAIN}, {UNREACHABLE, AGAIN}, {UNREACHABLE, RETRY},
        {NOT_FOUND, RESUME}, {NOT_FOUND}, {0}},
    [SITUATION_NO_REPLY_IN_TIME] = {
        {SILENCE}, {SILENCE},
        {SILENCE, RETRY},
        {SILENCE, AGAIN}, {SILENCE, AGAIN}, {SILENCE, RETRY},
        {SILENCE, RESUME}, {SILENCE}, {0}},
    [SITUATION_BROKEN] = {
        CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, {0}},
    [SITUATION_TRANSACTION_LOST] = {
        {NO_TRANSACTION}, {NO_TRANSACTION},
        {NO_TRANSACTION},
        {NO_TRANSACTION, AGAIN}, {NO_TRANSACTION, AGAIN}, {NO_TRANSACTION},
        {NO_TRANSACTION}, {NO_TRANSACTION}, {0}},
    [SITUATION_CURSOR_UNKNOWN] = SAME(NOT_FOUND),
};
/* clang-format on */

enum operation operation_of(const struct request_facts *facts)
{
    if (!facts->expects_reply) {
        return OPERATION_UNACKNOWLEDGED;
    }
    if (command_has(facts->command, TRAIT_END)) {
        return OPERATION_TRANSACTION_END;
    }
    if (facts->has_autocommit) {
        return facts->starts_transaction ? OPERATION_TRANSACTION_START : OPERATION_TRANSACTION;
    }
    if (facts_is_retryable_write(facts)) {
        return OPERATION_RETRYABLE_WRITE;
    }
    if (facts->command == COMMAND_GET_MORE) {
        return OPERATION_GET_MORE;
    }
    return facts_is_retryable_read(facts) ? OPERATION_READ : OPERATION_OTHER;
}

static struct error_row row_of(enum code code)
{
    return (struct error_row){.code = (int32_t)code, .code_name = code_name(code)};
}

struct error_row error_row_for(enum situation situation, enum operation operation)
{
    require((unsigned)situation < SITUATION_COUNT && (unsigned)operation < OPERATION_COUNT);
    const struct cell *cell = &TABLE[situation][operation];
    struct error_row row = {.labels = cell->labels, .closes = cell->closes};
    if (cell->code != 0) {
        row.code = cell->code;
        row.code_name = code_name((enum code)cell->code);
    }
    return row;
}

struct error_row error_row_refused(enum command command, const char **text)
{
    if (command_has(command, TRAIT_FORBIDDEN)) {
        *text = "this command takes a node down for every application and is not forwarded; run "
                "it on the node itself";
        return row_of(CODE_COMMAND_NOT_SUPPORTED);
    }
    if (command_has(command, TRAIT_REMOVED)) {
        *text = "no such command: it was removed in MongoDB 5.1; use a write concern";
        return row_of(CODE_COMMAND_NOT_FOUND);
    }
    if (command == COMMAND_LOGOUT || command == COMMAND_GET_NONCE) {
        *text = "the login belongs to the sidecar and is shared; there is none to change here";
        return row_of(CODE_COMMAND_NOT_SUPPORTED);
    }
    *text = "the sidecar logs in to the cluster by itself and has no users of its own; remove the "
            "user name, the password and authMechanism from the application's connection string "
            "[LOC-08]";
    return row_of(CODE_AUTHENTICATION_FAILED);
}

struct error_row error_row_fault(enum wire_fault fault)
{
    const struct wire_fault_row *row = wire_fault_row(fault);
    return (struct error_row){.code = row->code, .code_name = row->code_name};
}

/* Longer than a text by the bytes that show whether its cut falls between two characters. */
enum { TEXT_ROOM = ERROR_TEXT_MOST + 2 };

/* The text as UTF-8 behind "mooring: ". Returns its size. */
static size_t clean_text(char to[TEXT_ROOM], const char *text)
{
    int printed = snprintf(to, TEXT_ROOM, "mooring: %s", text);
    size_t size = printed > ERROR_TEXT_MOST ? ERROR_TEXT_MOST : (size_t)printed;
    while (size > 0 && ((uint8_t)to[size] & 0xc0) == 0x80) {
        size--;
    }
    if (!bson_utf8_validate(to, size, false)) {
        for (size_t i = 0; i < size; i++) {
            to[i] = (uint8_t)to[i] < 0x80 ? to[i] : '?';
        }
    }
    return size;
}

static void put_labels(struct doc_writer *w, uint8_t labels)
{
    static const char *const NAMES[] = {
#define LABEL_NAME(name, text) text,
        LABEL_LIST(LABEL_NAME)
#undef LABEL_NAME
    };
    if (labels == 0) {
        return;
    }
    char index[2] = "0";
    write_head(w, ELEMENT_ARRAY, span_text("errorLabels"));
    size_t array = write_open(w);
    for (int i = 0; i < LABEL_COUNT; i++) {
        if ((labels & 1U << i) != 0) {
            put_text(w, index, span_text(NAMES[i]));
            index[0]++;
        }
    }
    write_close(w, array);
}

bool reply_error(struct buf *out, const struct request_facts *to, int32_t reply_id,
                 struct error_row row, const char *text)
{
    uint8_t bytes[ERROR_REPLY_BYTES_MOST];
    char clean[TEXT_ROOM];
    struct doc_writer w;
    if (!to->expects_reply) {
        return false;
    }
    write_begin(&w, bytes, sizeof bytes);
    reply_open(&w, to, reply_id);
    size_t document = write_open(&w);
    put_double(&w, "ok", 0);
    put_text(&w, "errmsg", span_of(clean, clean_text(clean, text)));
    put_int32(&w, "code", row.code);
    put_text(&w, "codeName", span_text(row.code_name));
    put_labels(&w, row.labels);
    write_close(&w, document);
    reply_close(&w, out);
    return true;
}

bool reply_ok(struct buf *out, const struct request_facts *to, int32_t reply_id)
{
    uint8_t bytes[REPLY_HEAD_BYTES_MOST + 32];
    struct doc_writer w;
    if (!to->expects_reply) {
        return false;
    }
    write_begin(&w, bytes, sizeof bytes);
    reply_open(&w, to, reply_id);
    size_t document = write_open(&w);
    put_double(&w, "ok", 1);
    write_close(&w, document);
    reply_close(&w, out);
    return true;
}

bool reply_document(struct buf *out, const struct request_facts *to, int32_t reply_id,
                    struct span document)
{
    uint8_t bytes[REPLY_HEAD_BYTES_MOST];
    struct doc_writer w;
    if (!to->expects_reply) {
        return false;
    }
    write_begin(&w, bytes, sizeof bytes);
    reply_open(&w, to, reply_id);
    write_int32(w.start, (int32_t)(written(&w).size + document.size));
    buf_append_always(out, written(&w));
    buf_append_always(out, document);
    return true;
}
