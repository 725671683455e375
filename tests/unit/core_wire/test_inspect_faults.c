/* Every malformed message gets the fault of its table row. */
#include "samples.h"

#include "core/wire/inspect.h"

static enum wire_fault fault_of(struct span message)
{
    struct request_facts facts;
    enum wire_fault fault = WIRE_FAULT_NONE;
    enum inspect_result result = inspect_request(message, &facts, &fault);
    assert_int_equal(facts.request_id, 7);
    assert_int_equal(result, fault == WIRE_FAULT_NONE ? INSPECT_COMPLETE : INSPECT_BAD);
    return fault;
}

static void test_samples(void **state)
{
    (void)state;
    static const struct {
        int which;
        enum wire_fault fault;
    } CASES[] = {
        {SAMPLE_BODY_COUNT - 4, WIRE_FAULT_NONE},
        {SAMPLE_BODY_COUNT - 3, WIRE_FAULT_NO_DATABASE},
        {SAMPLE_BODY_COUNT - 2, WIRE_FAULT_NO_DATABASE},
        {SAMPLE_BODY_COUNT - 1, WIRE_FAULT_NO_DATABASE},
        {SAMPLE_BODY_COUNT + 0, WIRE_FAULT_NONE},
        {SAMPLE_BODY_COUNT + 1, WIRE_FAULT_CHECKSUM},
        {SAMPLE_BODY_COUNT + 2, WIRE_FAULT_NONE},
        {SAMPLE_BODY_COUNT + 3, WIRE_FAULT_NONE},
        {SAMPLE_BODY_COUNT + 4, WIRE_FAULT_TWO_BODIES},
        {SAMPLE_BODY_COUNT + 5, WIRE_FAULT_TWO_SEQUENCES},
        {SAMPLE_BODY_COUNT + 6, WIRE_FAULT_SEQUENCE_AND_FIELD},
        {SAMPLE_BODY_COUNT + 7, WIRE_FAULT_SEQUENCE_AND_FIELD},
        {SAMPLE_BODY_COUNT + 8, WIRE_FAULT_SEQUENCES},
        {SAMPLE_BODY_COUNT + 9, WIRE_FAULT_NO_BODY},
        {SAMPLE_BODY_COUNT + 10, WIRE_FAULT_NONE},
        {SAMPLE_BODY_COUNT + 11, WIRE_FAULT_QUERY_COMMAND},
    };
    struct maker m = {0};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(fault_of(make_sample(&m, CASES[i].which)), CASES[i].fault);
    }
    make_free(&m);
}

static void test_flags(void **state)
{
    (void)state;
    struct maker m = {0};
    for (int bit = 0; bit < 32; bit++) {
        if (bit == 0) {
            continue; /* wants a checksum: in the samples */
        }
        struct span message = make_msg(&m, 1U << bit, "{\"ping\": 1, \"$db\": \"d\"}");
        enum wire_fault expected = bit >= 2 && bit <= 15 ? WIRE_FAULT_FLAG : WIRE_FAULT_NONE;
        assert_int_equal(fault_of(message), expected);
    }
    make_free(&m);
}

static void test_opcodes(void **state)
{
    (void)state;
    static const struct {
        int32_t opcode;
        enum wire_fault fault;
    } CASES[] = {
        {OP_COMPRESSED, WIRE_FAULT_COMPRESSED},      {OP_REPLY, WIRE_FAULT_UNEXPECTED_REPLY},
        {OP_INSERT, WIRE_FAULT_LEGACY_OPCODE},       {OP_UPDATE, WIRE_FAULT_LEGACY_OPCODE},
        {OP_GET_MORE, WIRE_FAULT_LEGACY_OPCODE},     {OP_DELETE, WIRE_FAULT_LEGACY_OPCODE},
        {OP_KILL_CURSORS, WIRE_FAULT_LEGACY_OPCODE}, {OP_COMMAND, WIRE_FAULT_LEGACY_OPCODE},
    };
    struct maker m = {0};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        make_header(&m, 7, CASES[i].opcode);
        make_int32(&m, 0);
        assert_int_equal(fault_of(make_end(&m)), CASES[i].fault);
        assert_true(wire_fault_row(CASES[i].fault)->closes);
    }
    make_free(&m);
}

static void test_sections_that_do_not_fit(void **state)
{
    (void)state;
#define CASE(fault, text)             \
    {                                 \
        text, sizeof(text) - 1, fault \
    }
    static const struct {
        const char *bytes; /* behind the flags */
        size_t size;
        enum wire_fault fault;
    } CASES[] = {
        CASE(WIRE_FAULT_NO_BODY, ""),
        CASE(WIRE_FAULT_TRUNCATED, "\0"),
        CASE(WIRE_FAULT_TRUNCATED, "\0\5\0\0"),
        CASE(WIRE_FAULT_BSON, "\0\5\0\0\0\1"),
        CASE(WIRE_FAULT_BSON, "\0\6\0\0\0\0"),
        CASE(WIRE_FAULT_BSON, "\0\xff\xff\xff\xff\0"),
        CASE(WIRE_FAULT_SECTION, "\2\5\0\0\0\0"),
        CASE(WIRE_FAULT_SECTION, "\xff"),
        CASE(WIRE_FAULT_TRUNCATED, "\1"),
        CASE(WIRE_FAULT_TRUNCATED, "\1\5\0\0"),
        CASE(WIRE_FAULT_TRUNCATED, "\1\4\0\0\0\0"),      /* smaller than a name needs */
        CASE(WIRE_FAULT_TRUNCATED, "\1\x09\0\0\0abc\0"), /* one more than there is */
        CASE(WIRE_FAULT_TRUNCATED, "\1\x07\0\0\0abc"),   /* the name does not end */
        CASE(WIRE_FAULT_TRUNCATED, "\1\x07\0\0\0abc\0"), /* it ends behind its section */
        CASE(WIRE_FAULT_TRUNCATED, "\1\xff\xff\xff\xffz\0"),
        CASE(WIRE_FAULT_NO_BODY, "\1\x08\0\0\0abc\0"),
    };
#undef CASE
    struct maker m = {0};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        make_header(&m, 7, OP_MSG);
        make_int32(&m, 0);
        make_bytes(&m, CASES[i].bytes, CASES[i].size);
        enum wire_fault fault = fault_of(make_end(&m));
        if (fault != CASES[i].fault) {
            fail_msg("case %zu gave %s", i, wire_fault_row(fault)->text);
        }
    }
    make_header(&m, 7, OP_MSG);
    assert_int_equal(fault_of(make_end(&m)), WIRE_FAULT_TRUNCATED); /* no flags */
    make_int32(&m, MSG_CHECKSUM_PRESENT);
    assert_int_equal(fault_of(make_end(&m)), WIRE_FAULT_TRUNCATED); /* no checksum */
    make_free(&m);
}

static void test_queries(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *json;
        enum wire_fault fault;
    } CASES[] = {
        {"admin.$cmd", "{\"isMaster\": 1}", WIRE_FAULT_NONE},
        {"admin.$cmd", "{\"saslStart\": 1}", WIRE_FAULT_NONE},
        {"admin.$cmd", "{\"find\": \"c\"}", WIRE_FAULT_QUERY_COMMAND},
        {"admin.$cmd", "{\"ISMASTER\": 1}", WIRE_FAULT_QUERY_COMMAND},
        {"admin.$cmd", "{}", WIRE_FAULT_QUERY_COMMAND},
        {"admin.$cmd", "{\"$query\": {}}", WIRE_FAULT_QUERY_COMMAND},
        {"admin.$cmd", "{\"$query\": {\"find\": 1}}", WIRE_FAULT_QUERY_COMMAND},
        {".$cmd", "{\"isMaster\": 1}", WIRE_FAULT_QUERY_COMMAND},
        {"admin.$cmdx", "{\"isMaster\": 1}", WIRE_FAULT_QUERY_COMMAND},
        {"admin.things", "{\"isMaster\": 1}", WIRE_FAULT_QUERY_COMMAND},
    };
    struct maker m = {0};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct span message = make_query(&m, CASES[i].name, CASES[i].json);
        assert_int_equal(fault_of(message), CASES[i].fault);
    }
    make_free(&m);
}

static void test_query_that_does_not_fit(void **state)
{
    (void)state;
    struct maker m = {0};
    char name[200];
    struct span message = make_query(&m, "admin.$cmd", "{\"isMaster\": 1}");
    size_t whole = message.size;
    for (size_t size = HEADER_BYTES; size < whole; size++) {
        m.size = size;
        assert_int_not_equal(fault_of(make_end(&m)), WIRE_FAULT_NONE);
    }
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = 0;
    assert_int_equal(fault_of(make_query(&m, name, "{}")), WIRE_FAULT_TRUNCATED);
    make_free(&m);
}

static void test_no_answer_to_a_bad_unacknowledged_write(void **state)
{
    (void)state;
    struct maker m = {0};
    struct request_facts facts;
    enum wire_fault fault;
    struct span message = make_msg(&m, MSG_MORE_TO_COME, "{\"insert\": \"c\"}");
    assert_int_equal(inspect_request(message, &facts, &fault), INSPECT_BAD);
    assert_int_equal(fault, WIRE_FAULT_NO_DATABASE);
    assert_false(facts.expects_reply);
    make_free(&m);
}

/* RFC 3720, appendix B.4, and the usual check value. */
static void test_crc32c(void **state)
{
    (void)state;
    uint8_t bytes[32];
    assert_int_equal(crc32c(0, span_text("123456789")), 0xe3069283);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(crc32c(0, span_of(bytes, sizeof bytes)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(crc32c(0, span_of(bytes, sizeof bytes)), 0x62a8ab43);
    assert_int_equal(crc32c(crc32c(0, span_text("1234")), span_text("56789")), 0xe3069283);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_opcodes),
        cmocka_unit_test(test_sections_that_do_not_fit),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_query_that_does_not_fit),
        cmocka_unit_test(test_no_answer_to_a_bad_unacknowledged_write),
        cmocka_unit_test(test_crc32c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
