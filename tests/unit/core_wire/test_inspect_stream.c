/* A request that comes in pieces gives the facts that the whole gives, however it is cut. */
#include "facts_same.h"
#include "samples.h"

struct outcome {
    enum inspect_result result;
    enum wire_fault fault;
};

static struct outcome feed(struct inspect_stream *s, struct span piece)
{
    struct outcome o = {.fault = WIRE_FAULT_NONE};
    uint8_t *copy = malloc(piece.size + 1); /* gone afterwards: the facts must not point there */
    if (piece.size > 0) {
        memcpy(copy, piece.at, piece.size);
    }
    o.result = inspect_feed(s, span_of(copy, piece.size), &o.fault);
    memset(copy, 0xee, piece.size + 1);
    free(copy);
    return o;
}

static void assert_agrees(struct inspect_stream *s, struct outcome streamed, struct span message)
{
    struct request_facts facts;
    struct outcome whole = {.fault = WIRE_FAULT_NONE};
    whole.result = inspect_request(message, &facts, &whole.fault);
    assert_int_not_equal(whole.result, INSPECT_PREFIX);
    assert_int_equal(streamed.result, whole.result);
    assert_int_equal(streamed.fault, whole.fault);
    const char *difference = facts_difference(&s->facts, &facts);
    if (difference != NULL) {
        fail_msg("%s differs", difference);
    }
}

static void test_every_cut_in_two(void **state)
{
    (void)state;
    struct maker m = {0};
    struct inspect_stream s;
    int complete = 0;
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        struct span message = make_sample(&m, i);
        for (size_t cut = HEADER_BYTES; cut <= message.size; cut++) {
            inspect_begin(&s, header_read(message.at));
            struct outcome o = feed(&s, span_of(message.at + HEADER_BYTES, cut - HEADER_BYTES));
            if (o.result == INSPECT_PREFIX) {
                o = feed(&s, span_tail(message, cut));
            }
            assert_agrees(&s, o, message);
            complete += o.result == INSPECT_COMPLETE;
        }
    }
    assert_true(complete > 1000);
    make_free(&m);
}

static void test_random_cuts(void **state)
{
    (void)state;
    struct maker m = {0};
    struct inspect_stream s;
    for (uint64_t seed = 1; seed < 60; seed++) {
        uint64_t random = seed;
        for (int i = 0; i < SAMPLE_COUNT; i++) {
            struct span message = make_sample(&m, i);
            struct span left = span_tail(message, HEADER_BYTES);
            struct outcome o = {.result = INSPECT_PREFIX};
            inspect_begin(&s, header_read(message.at));
            while (o.result == INSPECT_PREFIX) {
                size_t part = 1 + make_random(&random) % (seed % 7 + 1);
                part = part < left.size ? part : left.size;
                o = feed(&s, span_head(left, part));
                left = span_tail(left, part);
            }
            assert_agrees(&s, o, message);
        }
    }
    make_free(&m);
}

/* One byte wrong, anywhere: never a crash, and the two ways agree. */
static void test_every_wrong_byte(void **state)
{
    (void)state;
    static const uint8_t WRONG[] = {0x00, 0x01, 0x04, 0x7f, 0xff};
    struct maker m = {0};
    struct inspect_stream s;
    int bad_ones = 0;
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        struct span message = make_sample(&m, i);
        for (size_t at = HEADER_BYTES; at < message.size; at++) {
            for (size_t w = 0; w < sizeof WRONG; w++) {
                uint8_t right = m.bytes[at];
                struct outcome o = {.result = INSPECT_PREFIX};
                m.bytes[at] = WRONG[w];
                inspect_begin(&s, header_read(message.at));
                for (size_t b = HEADER_BYTES; b < message.size && o.result == INSPECT_PREFIX; b++) {
                    o = feed(&s, span_of(message.at + b, 1));
                }
                assert_agrees(&s, o, message);
                bad_ones += o.result == INSPECT_BAD;
                m.bytes[at] = right;
            }
        }
    }
    assert_true(bad_ones > 1000);
    make_free(&m);
}

/* The front of a message that is held: what is there is said, and nothing that is not. */
static void test_every_front_part(void **state)
{
    (void)state;
    struct maker m = {0};
    struct span message = make_msg(&m, 0, SAMPLE_BODIES[1]);
    size_t with_command = 0;
    size_t with_lsid = 0;
    for (size_t size = HEADER_BYTES; size < message.size; size++) {
        uint8_t *part = malloc(size);
        struct request_facts facts;
        enum wire_fault fault = WIRE_FAULT_NONE;
        memcpy(part, message.at, size);
        assert_int_equal(inspect_request(span_of(part, size), &facts, &fault), INSPECT_PREFIX);
        assert_false(facts.is_complete);
        assert_int_equal(facts.request_id, 7);
        with_command += facts.command == COMMAND_FIND;
        with_lsid += facts.has_lsid;
        /* The last field: there when only the document's final zero is missing. */
        assert_int_equal(facts.database.size, size == message.size - 1 ? 4 : 0);
        free(part);
    }
    assert_true(with_command > with_lsid && with_lsid > 20);
    make_free(&m);
}

/* What decides stands behind megabytes of payload, in the body or in a sequence before it. */
static void test_fields_behind_a_large_payload(void **state)
{
    (void)state;
    for (int shape = 0; shape < 2; shape++) {
        struct maker m = {0};
        struct inspect_stream s;
        char *payload = malloc(3000001);
        memset(payload, 'p', 3000000);
        payload[3000000] = 0;
        bson_t body = BSON_INITIALIZER;
        bson_t fields = BSON_INITIALIZER;
        BSON_APPEND_UTF8(&body, "insert", "files");
        if (shape == 0) {
            BSON_APPEND_UTF8(&fields, "0", payload);
            BSON_APPEND_ARRAY(&body, "documents", &fields);
        }
        BSON_APPEND_INT64(&body, "txnNumber", 77);
        BSON_APPEND_UTF8(&body, "$db", "shop");
        make_header(&m, 7, OP_MSG);
        make_int32(&m, 0);
        if (shape == 1) {
            make_byte(&m, 1);
            make_int32(&m, 4 + 10 + 3000000);
            make_bytes(&m, "documents", 10);
            make_bytes(&m, payload, 3000000);
        }
        make_byte(&m, 0);
        make_bytes(&m, bson_get_data(&body), body.len);
        struct span message = make_end(&m);
        struct outcome o = {.result = INSPECT_PREFIX};
        inspect_begin(&s, header_read(message.at));
        for (size_t at = HEADER_BYTES; at < message.size; at += 16384) {
            size_t part = message.size - at < 16384 ? message.size - at : 16384;
            assert_int_equal(o.result, INSPECT_PREFIX);
            o = feed(&s, span_of(message.at + at, part));
        }
        assert_int_equal(o.result, INSPECT_COMPLETE);
        assert_span(s.facts.database, "shop");
        assert_int_equal(s.facts.txn_number, 77);
        assert_span(s.facts.collection, "files");
        assert_agrees(&s, o, message);
        bson_destroy(&body);
        bson_destroy(&fields);
        free(payload);
        make_free(&m);
    }
}

/* More cursor ids than a stream keeps: said, not half shown. */
static void test_values_too_large_for_a_stream(void **state)
{
    (void)state;
    struct maker m = {0};
    struct inspect_stream s;
    bson_t body = BSON_INITIALIZER;
    bson_t ids = BSON_INITIALIZER;
    for (int i = 0; i < 500; i++) {
        char key[12];
        snprintf(key, sizeof key, "%d", i);
        BSON_APPEND_INT64(&ids, key, i);
    }
    BSON_APPEND_UTF8(&body, "killCursors", "c");
    BSON_APPEND_ARRAY(&body, "cursors", &ids);
    BSON_APPEND_UTF8(&body, "$db", "d");
    make_header(&m, 7, OP_MSG);
    make_int32(&m, 0);
    make_byte(&m, 0);
    make_bytes(&m, bson_get_data(&body), body.len);
    struct span message = make_end(&m);
    struct outcome o = {.result = INSPECT_PREFIX};
    for (size_t step = 100; step <= 10000; step += 9900) {
        inspect_begin(&s, header_read(message.at));
        for (size_t at = HEADER_BYTES; at < message.size; at += step) {
            size_t part = message.size - at < step ? message.size - at : step;
            o = feed(&s, span_of(message.at + at, part));
        }
        assert_int_equal(o.result, INSPECT_COMPLETE);
        assert_true(s.facts.is_cut);
        assert_int_equal(s.facts.cursors.size, 0);
        assert_span(s.facts.database, "d");
    }
    struct request_facts facts;
    assert_int_equal(inspect_request(message, &facts, &o.fault), INSPECT_COMPLETE);
    assert_int_equal(facts.cursors.size, ids.len);
    bson_destroy(&ids);
    bson_destroy(&body);
    make_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut_in_two),
        cmocka_unit_test(test_random_cuts),
        cmocka_unit_test(test_every_wrong_byte),
        cmocka_unit_test(test_every_front_part),
        cmocka_unit_test(test_fields_behind_a_large_payload),
        cmocka_unit_test(test_values_too_large_for_a_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
