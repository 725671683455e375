/* What a reply teaches, however it is cut. */
#include "wire_make.h"

#include "base/crc32c.h"
#include "core/wire/reply_skim.h"

static const char *const REPLIES[] = {
    "{\"ok\": 1}",
    "{\"n\": 1, \"opTime\": {\"ts\": {\"$timestamp\": {\"t\": 1, \"i\": 2}}}, \"electionId\":"
    " {\"$oid\": \"0123456789abcdef01234567\"}, \"ok\": 1.0}",
    "{\"cursor\": {\"firstBatch\": [{\"a\": 1}, {\"ok\": 0, \"code\": 9}], \"id\":"
    " {\"$numberLong\": \"123456789012\"}, \"ns\": \"shop.things\"}, \"ok\": 1.0}",
    "{\"cursor\": {\"nextBatch\": [], \"id\": {\"$numberLong\": \"0\"}, \"ns\": \"a.b\"}, \"ok\": "
    "1}",
    "{\"ok\": 0.0, \"errmsg\": \"not primary\", \"code\": 10107, \"codeName\":"
    " \"NotWritablePrimary\", \"errorLabels\": [\"RetryableWriteError\", \"Other\","
    " \"NoWritesPerformed\"], \"topologyVersion\": {\"processId\": {\"$oid\":"
    " \"0123456789abcdef01234567\"}, \"counter\": {\"$numberLong\": \"6\"}}}",
    "{\"n\": 0, \"writeErrors\": [{\"index\": 0, \"code\": 10107, \"errmsg\": \"x\"}], \"ok\": 1}",
    "{\"n\": 1, \"writeConcernError\": {\"errInfo\": {\"code\": 5}, \"code\": 91, \"errmsg\": "
    "\"x\"},"
    " \"recoveryToken\": {}, \"ok\": {\"$numberLong\": \"1\"}}",
    "{\"cursor\": 5, \"errorLabels\": \"x\", \"code\": \"x\", \"writeErrors\": {}, \"ok\": true}",
    "{}",
    "{\"ok\": 1, \"code\": 3, \"ok\": {\"$regularExpression\": {\"pattern\": \"a\", \"options\": "
    "\"\"}}}",
};

static struct reply_facts facts_of(const char *json, size_t step)
{
    struct maker m = {0};
    struct reply_skim s;
    enum reply_result result = REPLY_MORE;
    struct span message = make_msg(&m, 0, json);
    reply_skim_begin(&s, header_read(message.at));
    for (size_t at = HEADER_BYTES; at < message.size; at += step) {
        size_t part = message.size - at < step ? message.size - at : step;
        uint8_t *copy = malloc(part);
        memcpy(copy, message.at + at, part);
        assert_int_equal(result, REPLY_MORE);
        result = reply_skim_feed(&s, span_of(copy, part));
        free(copy);
    }
    assert_int_equal(result, REPLY_COMPLETE);
    assert_int_equal(reply_skim_feed(&s, span_of(NULL, 0)), REPLY_COMPLETE);
    make_free(&m);
    return s.facts;
}

static void test_same_for_every_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof REPLIES / sizeof REPLIES[0]; i++) {
        struct reply_facts whole = facts_of(REPLIES[i], 1000);
        for (size_t step = 1; step < 100; step++) {
            struct reply_facts pieces = facts_of(REPLIES[i], step);
            assert_memory_equal(&pieces, &whole, sizeof whole);
        }
    }
}

static void test_facts(void **state)
{
    (void)state;
    struct reply_facts f = facts_of(REPLIES[0], 1000);
    assert_true(f.has_ok && f.is_ok && !f.has_cursor);
    f = facts_of(REPLIES[1], 1000);
    assert_true(f.has_ok && f.is_ok);
    f = facts_of(REPLIES[2], 1000);
    assert_true(f.is_ok && f.has_cursor);
    assert_true(f.cursor_id == 123456789012);
    assert_span(span_of(f.ns, f.ns_size), "shop.things");
    assert_int_equal(f.code, 0);
    f = facts_of(REPLIES[3], 1000);
    assert_true(f.has_cursor);
    assert_int_equal(f.cursor_id, 0);
    f = facts_of(REPLIES[4], 1000);
    assert_true(f.has_ok && !f.is_ok);
    assert_int_equal(f.code, 10107);
    assert_int_equal(f.labels, LABEL_RETRYABLE_WRITE | LABEL_NO_WRITES_PERFORMED);
    assert_true(f.has_topology_version);
    assert_int_equal(f.topology_counter, 6);
    assert_int_equal(f.process_id[1], 0x23);
    assert_int_equal(reply_state_change(&f), 10107);
    f = facts_of(REPLIES[5], 1000);
    assert_true(f.is_ok && f.has_write_errors);
    assert_int_equal(reply_state_change(&f), 0); /* SDAM: not from writeErrors */
    f = facts_of(REPLIES[6], 1000);
    assert_true(f.is_ok && f.has_write_concern_error && f.has_recovery_token);
    assert_int_equal(f.write_concern_code, 91);
    assert_int_equal(reply_state_change(&f), 91);
    f = facts_of(REPLIES[7], 1000);
    assert_true(f.is_ok && !f.has_cursor && !f.has_write_errors);
    assert_int_equal(f.labels, 0);
    assert_int_equal(f.code, 0);
    f = facts_of("{\"code\": 10107, \"ok\": 1}", 1000);
    assert_int_equal(reply_state_change(&f), 0);
    f = facts_of(REPLIES[8], 1000);
    assert_false(f.has_ok);
}

/* A batch of 16 MB passes by; what stands behind it is still seen. */
static void test_large_batch(void **state)
{
    (void)state;
    struct maker m = {0};
    struct reply_skim s;
    bson_t cursor = BSON_INITIALIZER;
    bson_t body = BSON_INITIALIZER;
    char *text = malloc(2000001);
    memset(text, 't', 2000000);
    text[2000000] = 0;
    BSON_APPEND_UTF8(&cursor, "firstBatch", text); /* odd, and skipped all the same */
    BSON_APPEND_INT64(&cursor, "id", 99);
    BSON_APPEND_DOCUMENT(&body, "cursor", &cursor);
    BSON_APPEND_UTF8(&body, "errmsg", text);
    BSON_APPEND_DOUBLE(&body, "ok", 1);
    make_header(&m, 7, OP_MSG);
    make_int32(&m, MSG_MORE_TO_COME);
    make_byte(&m, 0);
    make_bytes(&m, bson_get_data(&body), body.len);
    struct span message = make_end(&m);
    reply_skim_begin(&s, header_read(message.at));
    for (size_t at = HEADER_BYTES; at < message.size; at += 65536) {
        size_t part = message.size - at < 65536 ? message.size - at : 65536;
        reply_skim_feed(&s, span_of(message.at + at, part));
    }
    assert_int_equal(s.result, REPLY_COMPLETE);
    assert_int_equal(s.facts.cursor_id, 99);
    assert_true(s.facts.is_ok);
    assert_int_equal(s.facts.flags, MSG_MORE_TO_COME);
    bson_destroy(&cursor);
    bson_destroy(&body);
    free(text);
    make_free(&m);
}

static enum reply_result result_of(struct span message)
{
    struct reply_skim s;
    reply_skim_begin(&s, header_read(message.at));
    return reply_skim_feed(&s, span_tail(message, HEADER_BYTES));
}

static void test_malformed(void **state)
{
    (void)state;
    struct maker m = {0};
    assert_int_equal(result_of(make_query(&m, "admin.$cmd", "{}")), REPLY_MALFORMED);
    make_header(&m, 7, OP_MSG);
    assert_int_equal(result_of(make_end(&m)), REPLY_MALFORMED);
    make_msg(&m, 0, "{\"ok\": 1}");
    m.bytes[m.size - 1] = 1;
    assert_int_equal(result_of(make_end(&m)), REPLY_MALFORMED);
    assert_int_equal(result_of(make_msg(&m, 4, "{\"ok\": 1}")), REPLY_MALFORMED);
    make_msg(&m, MSG_CHECKSUM_PRESENT, "{\"ok\": 1}");
    make_int32(&m, 0);
    make_end(&m);
    m.size -= 4;
    make_int32(&m, (int32_t)crc32c(0, span_of(m.bytes, m.size)));
    assert_int_equal(result_of(make_end(&m)), REPLY_COMPLETE);
    m.bytes[m.size - 1] ^= 1;
    assert_int_equal(result_of(make_end(&m)), REPLY_MALFORMED);
    make_free(&m);
}

/* Any number of labels, of any length. */
static void test_many_labels(void **state)
{
    (void)state;
    struct maker m = {0};
    bson_t body = BSON_INITIALIZER;
    bson_t labels = BSON_INITIALIZER;
    char text[2001];
    memset(text, 'l', 2000);
    text[2000] = 0;
    for (int i = 0; i < 100; i++) {
        BSON_APPEND_UTF8(&labels, "0", text);
    }
    BSON_APPEND_UTF8(&labels, "1", "TransientTransactionError");
    BSON_APPEND_ARRAY(&body, "errorLabels", &labels);
    BSON_APPEND_INT32(&body, "ok", 0);
    make_header(&m, 7, OP_MSG);
    make_int32(&m, 0);
    make_byte(&m, 0);
    make_bytes(&m, bson_get_data(&body), body.len);
    struct span message = make_end(&m);
    struct reply_skim s;
    reply_skim_begin(&s, header_read(message.at));
    for (size_t at = HEADER_BYTES; at < message.size; at++) {
        reply_skim_feed(&s, span_of(message.at + at, 1));
    }
    assert_int_equal(s.result, REPLY_COMPLETE);
    assert_int_equal(s.facts.labels, LABEL_TRANSIENT_TRANSACTION);
    bson_destroy(&labels);
    bson_destroy(&body);
    make_free(&m);
}

static void test_codes(void **state)
{
    (void)state;
    static const int32_t STATE[] = {10107, 13435, 10058, 11602, 13436, 189, 11600, 91};
    static const int32_t READS[] = {6,    7,     89,    91,    134,   189,  262,
                                    9001, 10107, 11600, 11602, 13435, 13436};
    int state_changes = 0;
    int reads = 0;
    for (size_t i = 0; i < 8; i++) {
        assert_true(code_is_state_change(STATE[i]));
        assert_int_equal(code_is_shutdown(STATE[i]), i >= 6);
    }
    for (size_t i = 0; i < 13; i++) {
        assert_true(code_is_retryable_read(READS[i]));
    }
    for (int32_t code = -10; code < 20000; code++) {
        state_changes += code_is_state_change(code);
        reads += code_is_retryable_read(code);
    }
    assert_int_equal(state_changes, 8);
    assert_int_equal(reads, 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_for_every_step), cmocka_unit_test(test_facts),
        cmocka_unit_test(test_large_batch),         cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_many_labels),         cmocka_unit_test(test_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
