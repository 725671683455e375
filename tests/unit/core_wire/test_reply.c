/* Errors of our own: the table, both opcodes, texts; and requests of our own. */
#include "reply_read.h"

#include "core/wire/reply.h"
#include "core/wire/request.h"

static const struct request_facts MSG_REQUEST = {
    .opcode = OP_MSG, .request_id = 34, .expects_reply = true};
static const struct request_facts QUERY_REQUEST = {
    .opcode = OP_QUERY, .request_id = 34, .expects_reply = true};

static void test_both_opcodes(void **state)
{
    (void)state;
    const struct request_facts *requests[] = {&MSG_REQUEST, &QUERY_REQUEST};
    for (int i = 0; i < 2; i++) {
        struct built b;
        built_begin(&b);
        struct error_row row = error_row_for(SITUATION_LOST, OPERATION_RETRYABLE_WRITE);
        assert_true(reply_error(&b.out, requests[i], 12, row, "it broke"));
        built_read(&b);
        assert_int_equal(b.head.opcode, i == 0 ? OP_MSG : OP_REPLY);
        assert_int_equal(b.head.request_id, 12);
        assert_int_equal(b.head.response_to, 34);
        assert_json(&b, "{ \"ok\" : 0.0, \"errmsg\" : \"mooring: it broke\", \"code\" : 6,"
                        " \"codeName\" : \"HostUnreachable\", \"errorLabels\" :"
                        " [ \"RetryableWriteError\" ] }");
        built_end(&b);

        built_begin(&b);
        assert_true(reply_ok(&b.out, requests[i], 12));
        built_read(&b);
        assert_json(&b, "{ \"ok\" : 1.0 }");
        built_end(&b);

        struct maker m = {0};
        make_json(&m, "{\"pools\": [], \"ok\": 1}");
        built_begin(&b);
        assert_true(reply_document(&b.out, requests[i], 12, span_of(m.bytes, m.size)));
        built_read(&b);
        assert_json(&b, "{ \"pools\" : [  ], \"ok\" : 1 }");
        built_end(&b);
        make_free(&m);
    }
}

static void test_no_reply_wanted(void **state)
{
    (void)state;
    struct request_facts facts = MSG_REQUEST;
    struct built b;
    facts.expects_reply = false;
    built_begin(&b);
    assert_false(
        reply_error(&b.out, &facts, 1, error_row_for(SITUATION_LOST, OPERATION_OTHER), ""));
    assert_false(reply_ok(&b.out, &facts, 1));
    assert_false(reply_document(&b.out, &facts, 1, span_text("")));
    assert_true(buf_is_empty(&b.out));
    built_end(&b);
}

enum {
    RW = LABEL_RETRYABLE_WRITE,
    TT = LABEL_TRANSIENT_TRANSACTION,
    NW = LABEL_NO_WRITES_PERFORMED,
    CS = LABEL_RESUMABLE_CHANGE_STREAM,
    OL = LABEL_SYSTEM_OVERLOADED | LABEL_RETRYABLE
};

/* Promise: what may have executed without a txnNumber is never labelled for repetition. */
static void test_no_unsafe_label(void **state)
{
    (void)state;
    static const enum situation SENT[] = {SITUATION_LOST, SITUATION_NODE_GONE,
                                          SITUATION_NO_REPLY_IN_TIME, SITUATION_BROKEN};
    for (size_t i = 0; i < sizeof SENT / sizeof SENT[0]; i++) {
        assert_int_equal(error_row_for(SENT[i], OPERATION_OTHER).labels, 0);
        for (int operation = 0; operation < OPERATION_COUNT; operation++) {
            uint8_t labels = error_row_for(SENT[i], (enum operation)operation).labels;
            assert_int_equal(labels & (NW | OL), 0);
        }
    }
    /* Never "start over" for a commit: it may have committed. */
    for (int situation = 0; situation < SITUATION_COUNT; situation++) {
        uint8_t labels = error_row_for((enum situation)situation, OPERATION_TRANSACTION_END).labels;
        assert_int_equal(labels & TT, 0);
    }
}

static void test_operations(void **state)
{
    (void)state;
    static const struct {
        struct request_facts facts;
        enum operation operation;
    } CASES[] = {
        {{.command = COMMAND_FIND}, OPERATION_READ},
        {{.command = COMMAND_AGGREGATE, .has_write_stage = true}, OPERATION_OTHER},
        {{.command = COMMAND_INSERT}, OPERATION_OTHER},
        {{.command = COMMAND_OTHER}, OPERATION_OTHER},
        {{.command = COMMAND_INSERT, .has_lsid = true}, OPERATION_OTHER},
        {{.command = COMMAND_INSERT, .has_lsid = true, .has_txn_number = true},
         OPERATION_RETRYABLE_WRITE},
        {{.command = COMMAND_INSERT, .has_txn_number = true}, OPERATION_OTHER},
        {{.command = COMMAND_FIND,
          .has_lsid = true,
          .has_txn_number = true,
          .has_autocommit = true,
          .starts_transaction = true},
         OPERATION_TRANSACTION_START},
        {{.command = COMMAND_FIND,
          .has_lsid = true,
          .has_txn_number = true,
          .has_autocommit = true},
         OPERATION_TRANSACTION},
        {{.command = COMMAND_COMMIT_TRANSACTION, .has_autocommit = true},
         OPERATION_TRANSACTION_END},
        {{.command = COMMAND_ABORT_TRANSACTION}, OPERATION_TRANSACTION_END},
        {{.command = COMMAND_GET_MORE}, OPERATION_GET_MORE},
        {{.command = COMMAND_GET_MORE, .has_autocommit = true}, OPERATION_TRANSACTION},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct request_facts facts = CASES[i].facts;
        assert_int_equal(operation_of(&facts), OPERATION_UNACKNOWLEDGED);
        facts.expects_reply = true;
        assert_int_equal(operation_of(&facts), CASES[i].operation);
    }
}

static void test_refused(void **state)
{
    (void)state;
    const char *text = NULL;
    assert_int_equal(error_row_refused(COMMAND_SASL_START, &text).code, 18);
    assert_non_null(strstr(text, "remove the user name"));
    assert_int_equal(error_row_refused(COMMAND_AUTHENTICATE, &text).code, 18);
    assert_int_equal(error_row_refused(COMMAND_LOGOUT, &text).code, 115);
    assert_int_equal(error_row_refused(COMMAND_SHUTDOWN, &text).code, 115);
    assert_int_equal(error_row_refused(COMMAND_GET_LAST_ERROR, &text).code, 59);
    assert_int_equal(error_row_fault(WIRE_FAULT_CHECKSUM).code, 288);
    assert_string_equal(error_row_fault(WIRE_FAULT_CHECKSUM).code_name, "ChecksumMismatch");
}

static void expect_text(const char *text, const char *expected)
{
    struct built b;
    bson_iter_t iter;
    built_begin(&b);
    reply_error(&b.out, &MSG_REQUEST, 1, error_row_for(SITUATION_LOST, OPERATION_OTHER), text);
    built_read(&b);
    assert_true(bson_iter_init_find(&iter, &b.document, "errmsg"));
    assert_string_equal(bson_iter_utf8(&iter, NULL), expected);
    built_end(&b);
}

static void test_texts(void **state)
{
    (void)state;
    char text[3000];
    char expected[3000];
    expect_text("f\xc3\xbcr", "mooring: f\xc3\xbcr");
    expect_text("bad \xff\xc3.", "mooring: bad ??.");
    memset(text, 'x', sizeof text);
    text[2999] = 0;
    snprintf(expected, sizeof expected, "mooring: %.*s", ERROR_TEXT_MOST - 9, text);
    expect_text(text, expected);
    /* A cut within a character takes all of it away; one before it leaves it out as well. */
    for (int shift = 0; shift < 5; shift++) {
        int fit = ERROR_TEXT_MOST - 9 - shift;
        memset(text, 'x', sizeof text);
        memcpy(text + fit, "\xe2\x82\xac", 3);
        text[2999] = 0;
        bool is_whole = shift >= 3;
        int size = is_whole ? ERROR_TEXT_MOST - 9 : fit;
        snprintf(expected, sizeof expected, "mooring: %.*s", size, text);
        expect_text(text, expected);
    }
}

/* The largest of all still fits: every label and the longest text. */
static void test_largest(void **state)
{
    (void)state;
    char text[3000];
    struct built b;
    memset(text, 'x', sizeof text);
    text[2999] = 0;
    built_begin(&b);
    struct error_row row = {
        .code = 407, .code_name = "PooledConnectionAcquisition", .labels = 0x7f};
    assert_true(reply_error(&b.out, &QUERY_REQUEST, 1, row, text));
    built_read(&b);
    built_end(&b);
}

static void test_own_request(void **state)
{
    (void)state;
    struct built b;
    struct span body;
    bson_t command = BSON_INITIALIZER;
    BSON_APPEND_INT32(&command, "ping", 1);
    BSON_APPEND_UTF8(&command, "$db", "admin");
    built_begin(&b);
    request_write_command(&b.out, 99, &command);
    built_read(&b);
    assert_int_equal(b.head.request_id, 99);
    assert_int_equal(b.head.response_to, 0);
    assert_json(&b, "{ \"ping\" : 1, \"$db\" : \"admin\" }");
    assert_true(reply_body(b.message, &body));
    assert_int_equal(body.size, command.len);
    assert_memory_equal(body.at, bson_get_data(&command), command.len);
    assert_false(reply_body(span_head(b.message, b.message.size - 1), &body));
    buf_append_always(&b.out, span_text("x"));
    free(b.owned);
    b.message = buf_flatten(&b.out, &b.owned);
    assert_false(reply_body(b.message, &body));
    bson_destroy(&command);
    built_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_opcodes),    cmocka_unit_test(test_no_reply_wanted),
        cmocka_unit_test(test_no_unsafe_label), cmocka_unit_test(test_operations),
        cmocka_unit_test(test_refused),         cmocka_unit_test(test_texts),
        cmocka_unit_test(test_largest),         cmocka_unit_test(test_own_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
