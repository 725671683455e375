/* Requests that get another read preference. */
#include "wire_make.h"

#include "core/wire/inspect.h"
#include "core/wire/request_edit.h"

static struct request_facts inspected(struct span message)
{
    struct request_facts facts;
    enum wire_fault fault = WIRE_FAULT_NONE;
    if (inspect_request(message, &facts, &fault) != INSPECT_COMPLETE) {
        fail_msg("%s", wire_fault_row(fault)->text);
    }
    return facts;
}

/* The body, which stands first, as JSON. */
static void assert_body(struct span message, const char *json)
{
    bson_t body;
    bson_error_t error;
    bson_t *want = bson_new_from_json((const uint8_t *)json, -1, &error);
    assert_non_null(want);
    assert_true(bson_init_static(&body, message.at + 21, want->len));
    assert_true(bson_equal(&body, want));
    bson_destroy(want);
}

static void test_a_read_preference_is_added(void **state)
{
    (void)state;
    struct maker m = {0};
    size_t size;
    struct span before =
        make_msg(&m, 0, "{\"find\": \"c\", \"filter\": {\"x\": 1}, \"$db\": \"d\"}");
    uint8_t *bytes = request_with_read_preference(before, READ_SECONDARY_PREFERRED, &size);
    struct span after = span_of(bytes, size);
    struct request_facts facts = inspected(after);
    assert_int_equal(facts.message_bytes, size);
    assert_int_equal(facts.request_id, 7);
    assert_int_equal(facts.command, COMMAND_FIND);
    assert_true(facts.preference.is_present);
    assert_int_equal(facts.preference.mode, READ_SECONDARY_PREFERRED);
    assert_body(after, "{\"find\": \"c\", \"filter\": {\"x\": 1}, \"$db\": \"d\","
                       " \"$readPreference\": {\"mode\": \"secondaryPreferred\"}}");
    free(bytes);
    make_free(&m);
}

static void test_the_old_one_goes(void **state)
{
    (void)state;
    struct maker m = {0};
    size_t size;
    struct span before =
        make_msg(&m, 0,
                 "{\"find\": \"c\", \"$readPreference\": {\"mode\": \"primary\", \"tags\":"
                 " [{\"a\": \"b\"}], \"maxStalenessSeconds\": 120}, \"$db\": \"d\"}");
    uint8_t *bytes = request_with_read_preference(before, READ_NEAREST, &size);
    struct span after = span_of(bytes, size);
    struct request_facts facts = inspected(after);
    assert_int_equal(facts.preference.mode, READ_NEAREST);
    assert_int_equal(facts.preference.tags.size, 0);
    assert_true(facts.preference.max_staleness_seconds < 0);
    assert_body(after, "{\"find\": \"c\", \"$db\": \"d\","
                       " \"$readPreference\": {\"mode\": \"nearest\"}}");
    free(bytes);
    make_free(&m);
}

/* Sequences before and behind the body stay as they are; a checksum would be wrong. */
static void test_sequences_and_checksum(void **state)
{
    (void)state;
    struct maker m = {0};
    size_t size;
    make_header(&m, 7, OP_MSG);
    make_int32(&m, MSG_CHECKSUM_PRESENT | MSG_EXHAUST_ALLOWED);
    make_sequence(&m, "ops", "{\"insert\": 0}", 2);
    make_body(&m, "{\"count\": \"c\", \"$db\": \"d\"}");
    make_sequence(&m, "nsInfo", "{\"ns\": \"a.b\"}", 1);
    size_t sections = m.size - 20;
    make_int32(&m, 0x12345678);
    struct span before = make_end(&m);
    uint8_t *bytes = request_with_read_preference(before, READ_SECONDARY, &size);
    struct span after = span_of(bytes, size);
    struct request_facts facts = inspected(after);
    assert_int_equal(facts.flags, MSG_EXHAUST_ALLOWED);
    assert_int_equal(facts.preference.mode, READ_SECONDARY);
    size_t added =
        1 + sizeof "$readPreference" + 4 + 1 + sizeof "mode" + 4 + sizeof "secondary" + 1;
    assert_int_equal(size, 20 + sections + added);
    size_t tail = sizeof "nsInfo" + 1 + 4 + 4 + 1 + sizeof "ns" + 4 + sizeof "a.b" + 1;
    assert_memory_equal(bytes + size - tail, m.bytes + m.size - 4 - tail, tail);
    free(bytes);
    make_free(&m);
}

static void test_what_is_no_such_message(void **state)
{
    (void)state;
    struct maker m = {0};
    size_t size;
    assert_null(request_with_read_preference(make_query(&m, "admin.$cmd", "{\"hello\": 1}"),
                                             READ_NEAREST, &size));
    struct span whole = make_msg(&m, 0, "{\"find\": \"c\", \"$db\": \"d\"}");
    for (size_t cut = 0; cut < whole.size; cut++) {
        assert_null(request_with_read_preference(span_head(whole, cut), READ_NEAREST, &size));
    }
    make_header(&m, 7, OP_MSG);
    make_int32(&m, 0);
    make_sequence(&m, "documents", "{}", 1);
    assert_null(request_with_read_preference(make_end(&m), READ_NEAREST, &size)); /* no body */
    make_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_read_preference_is_added),
        cmocka_unit_test(test_the_old_one_goes),
        cmocka_unit_test(test_sequences_and_checksum),
        cmocka_unit_test(test_what_is_no_such_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
