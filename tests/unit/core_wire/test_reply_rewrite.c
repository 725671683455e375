/* State-change errors become what a mongos says; everything else stays, byte for byte. */
#include "reply_read.h"

#include "core/wire/reply_rewrite.h"

static struct reply_facts skim(struct span message)
{
    struct reply_skim s;
    reply_skim_begin(&s, header_read(message.at));
    assert_int_equal(reply_skim_feed(&s, span_tail(message, HEADER_BYTES)), REPLY_COMPLETE);
    return s.facts;
}

/* NULL: left as it is. */
static void expect(const char *json, const char *expected)
{
    struct maker m = {0};
    struct built b;
    struct span message = make_msg(&m, MSG_MORE_TO_COME, json);
    struct reply_facts facts = skim(message);
    struct message_head head = {.request_id = 12, .response_to = 34, .opcode = OP_MSG};
    built_begin(&b);
    bool is_changed = reply_rewrite(message, head, &b.out);
    if (is_changed != (expected != NULL)) {
        fail_msg("%s", json);
    }
    assert_true(!is_changed || reply_may_need_rewrite(&facts));
    if (is_changed) {
        built_read(&b);
        assert_json(&b, expected);
        assert_int_equal(b.head.request_id, 12);
        assert_int_equal(b.head.response_to, 34);
        assert_int_equal(b.message.at[HEADER_BYTES], MSG_MORE_TO_COME);
    } else {
        assert_true(buf_is_empty(&b.out));
    }
    built_end(&b);
    make_free(&m);
}

static void test_root(void **state)
{
    (void)state;
    static const int32_t CODES[] = {189, 10107, 11602, 13435, 13436, 91, 11600, 10058};
    for (size_t i = 0; i < 8; i++) {
        char json[200];
        snprintf(
            json, sizeof json,
            "{ \"ok\" : 0.0, \"errmsg\" : \"not primary\", \"code\" : %d, \"codeName\" : \"X\","
            " \"errorLabels\" : [ \"RetryableWriteError\" ] }",
            CODES[i]);
        expect(json, "{ \"ok\" : 0.0, \"errmsg\" : \"not primary\", \"code\" : 6, \"codeName\" :"
                     " \"HostUnreachable\", \"errorLabels\" : [ \"RetryableWriteError\" ] }");
    }
    expect("{ \"code\" : 10107, \"ok\" : 0 }", "{ \"code\" : 6, \"ok\" : 0 }");
    expect("{ \"ok\" : 0, \"code\" : 11000, \"errmsg\" : \"duplicate\" }", NULL);
    expect("{ \"ok\" : 0, \"code\" : 43, \"topologyVersion\" : { \"counter\" : 1 } }",
           "{ \"ok\" : 0, \"code\" : 43 }");
    /* A user's field of that name in a good reply is not an error. */
    expect("{ \"ok\" : 1, \"code\" : 10107, \"errmsg\" : \"not master\" }", NULL);
}

static void test_words(void **state)
{
    (void)state;
    expect("{ \"ok\" : 0, \"errmsg\" : \"not master; node is recovering, not master\" }",
           "{ \"ok\" : 0, \"errmsg\" : \"(NOT_PRIMARY); (NODE_IS_RECOVERING), (NOT_PRIMARY)\" }");
    expect("{ \"ok\" : 0, \"errmsg\" : \"not maste\" }", NULL);
    expect("{ \"ok\" : 0, \"errmsg\" : 5 }", NULL);
}

static void test_write_errors(void **state)
{
    (void)state;
    expect("{ \"n\" : 1, \"writeErrors\" : [ { \"index\" : 0, \"code\" : 11000 }, { \"index\" : 1,"
           " \"code\" : 189, \"errmsg\" : \"not master\" }, 7 ], \"ok\" : 1 }",
           "{ \"n\" : 1, \"writeErrors\" : [ { \"index\" : 0, \"code\" : 11000 }, { \"index\" : 1,"
           " \"code\" : 6, \"errmsg\" : \"(NOT_PRIMARY)\" }, 7 ], \"ok\" : 1 }");
    expect("{ \"writeErrors\" : [ { \"code\" : 11000, \"errmsg\" : \"dup\" } ], \"ok\" : 1 }",
           NULL);
    expect("{ \"writeConcernError\" : { \"code\" : 91, \"codeName\" : \"ShutdownInProgress\","
           " \"errInfo\" : { \"code\" : 91 } }, \"ok\" : 1 }",
           "{ \"writeConcernError\" : { \"code\" : 6, \"codeName\" : \"HostUnreachable\","
           " \"errInfo\" : { \"code\" : 91 } }, \"ok\" : 1 }");
    expect("{ \"writeConcernError\" : { \"code\" : 64 }, \"ok\" : 1 }", NULL);
}

/* What is not changed is copied as it is, also values that libbson would write otherwise. */
static void test_copies_bytes(void **state)
{
    (void)state;
    expect("{ \"ok\" : 0, \"code\" : 91, \"a\" : [ { \"b\" : null } ], \"$clusterTime\" : {"
           " \"clusterTime\" : { \"$timestamp\" : { \"t\" : 1, \"i\" : 2 } }, \"signature\" : {"
           " \"hash\" : { \"$binary\" : { \"base64\" : \"AAE=\", \"subType\" : \"00\" } } } } }",
           "{ \"ok\" : 0, \"code\" : 6, \"a\" : [ { \"b\" : null } ], \"$clusterTime\" : {"
           " \"clusterTime\" : { \"$timestamp\" : { \"t\" : 1, \"i\" : 2 } }, \"signature\" : {"
           " \"hash\" : { \"$binary\" : { \"base64\" : \"AAE=\", \"subType\" : \"00\" } } } } }");
}

static void test_growth_is_bounded(void **state)
{
    (void)state;
    bson_t body = BSON_INITIALIZER;
    struct maker m = {0};
    struct built b;
    BSON_APPEND_INT32(&body, "ok", 0);
    BSON_APPEND_INT32(&body, "code", 91);
    for (int i = 0; i < 2000; i++) {
        BSON_APPEND_UTF8(&body, "codeName", "");
        BSON_APPEND_UTF8(&body, "errmsg", "not master");
    }
    for (int i = 0; i < 10000; i++) {
        BSON_APPEND_NULL(&body, "codeName");
    }
    make_header(&m, 7, OP_MSG);
    make_int32(&m, 0);
    make_byte(&m, 0);
    make_bytes(&m, bson_get_data(&body), body.len);
    built_begin(&b);
    assert_true(reply_rewrite(make_end(&m), (struct message_head){.opcode = OP_MSG}, &b.out));
    built_read(&b);
    assert_int_equal(bson_count_keys(&b.document), bson_count_keys(&body));
    built_end(&b);
    bson_destroy(&body);
    make_free(&m);
}

static void test_left_alone_when_not_bson(void **state)
{
    (void)state;
    struct maker m = {0};
    struct built b;
    struct message_head head = {.opcode = OP_MSG};
    built_begin(&b);
    struct span message = make_msg(&m, 0, "{\"ok\": 0, \"code\": 91, \"e\": {\"a\": 1}}");
    m.bytes[m.size - 1] = 9;
    assert_false(reply_rewrite(message, head, &b.out));
    for (size_t size = HEADER_BYTES; size < message.size; size++) {
        m.size = size;
        assert_false(reply_rewrite(make_end(&m), head, &b.out));
    }
    assert_false(reply_rewrite(make_query(&m, "a.$cmd", "{\"ok\": 0}"), head, &b.out));
    assert_true(buf_is_empty(&b.out));
    built_end(&b);
    make_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_write_errors),
        cmocka_unit_test(test_copies_bytes),
        cmocka_unit_test(test_growth_is_bounded),
        cmocka_unit_test(test_left_alone_when_not_bson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
