/* The getMore of an awaitData cursor: with another maxTimeMS, and answered by ourselves. */
#include "reply_read.h"

#include "core/wire/bson_view.h"
#include "base/crc32c.h"
#include "core/wire/get_more.h"

struct sliced {
    struct maker maker;
    struct request_facts facts;
    struct get_more_slice slice;
    struct built built;
};

static bool slice_message(struct sliced *s, int64_t max_time_ms)
{
    enum wire_fault fault;
    struct span message = span_of(s->maker.bytes, s->maker.size);
    assert_int_equal(inspect_request(message, &s->facts, &fault), INSPECT_COMPLETE);
    return get_more_slice(&s->slice, message, &s->facts, 99, max_time_ms);
}

static void assert_sliced(const char *request, uint32_t flags, const char *expected)
{
    struct sliced s = {0};
    make_msg(&s.maker, flags, request);
    assert_true(slice_message(&s, 50));
    built_begin(&s.built);
    for (size_t i = 0; i < s.slice.count; i++) {
        buf_append_always(&s.built.out, s.slice.parts[i]);
    }
    built_read(&s.built);
    assert_int_equal(s.built.head.request_id, 99);
    assert_memory_equal(s.built.message.at + HEADER_BYTES, "\0\0\0\0", 4);
    assert_json(&s.built, expected);
    built_end(&s.built);
    make_free(&s.maker);
}

static void the_field_is_added_at_the_end(void **state)
{
    (void)state;
    assert_sliced("{\"getMore\": {\"$numberLong\": \"77\"}, \"collection\": \"c\", \"$db\": \"d\"}",
                  0,
                  "{ \"getMore\" : 77, \"collection\" : \"c\", \"$db\" : \"d\", \"maxTimeMS\" : 50 "
                  "}");
}

static void the_field_is_overwritten_in_its_width(void **state)
{
    static const char *const values[] = {"1000", "{\"$numberLong\": \"1000\"}",
                                         "{\"$numberDouble\": \"1000\"}"};
    static const char *const expected[] = {"50", "50", "50.0"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char request[200];
        char reply[200];
        snprintf(request, sizeof request,
                 "{\"getMore\": {\"$numberLong\": \"77\"}, \"maxTimeMS\": %s, "
                 "\"collection\": \"c\", \"$db\": \"d\"}",
                 values[i]);
        snprintf(reply, sizeof reply,
                 "{ \"getMore\" : 77, \"maxTimeMS\" : %s, \"collection\" : \"c\", \"$db\" : \"d\" "
                 "}",
                 expected[i]);
        assert_sliced(request, 0, reply);
        assert_sliced(request, MSG_EXHAUST_ALLOWED, reply);
    }
}

static void a_checksum_is_left_out(void **state)
{
    (void)state;
    struct sliced s = {0};
    make_header(&s.maker, 9, OP_MSG);
    make_int32(&s.maker, MSG_CHECKSUM_PRESENT);
    make_body(&s.maker,
              "{\"getMore\": {\"$numberLong\": \"77\"}, \"collection\": \"c\", \"$db\": \"d\"}");
    make_int32(&s.maker, 0);
    make_end(&s.maker);
    uint32_t sum = crc32c(0, span_of(s.maker.bytes, s.maker.size - CHECKSUM_BYTES));
    write_int32(s.maker.bytes + s.maker.size - CHECKSUM_BYTES, (int32_t)sum);
    size_t size = 0;
    assert_true(slice_message(&s, 50));
    for (size_t i = 0; i < s.slice.count; i++) {
        size += s.slice.parts[i].size;
    }
    assert_int_equal(size, s.maker.size - CHECKSUM_BYTES + 15);
    assert_int_equal(header_read(s.slice.head).length, size);
    make_free(&s.maker);
}

static void a_body_behind_other_sections_is_left_alone(void **state)
{
    (void)state;
    struct sliced s = {0};
    make_header(&s.maker, 9, OP_MSG);
    make_int32(&s.maker, 0);
    make_sequence(&s.maker, "ops", "{\"x\": 1}", 1);
    make_body(&s.maker, "{\"getMore\": {\"$numberLong\": \"77\"}, \"collection\": \"c\", \"$db\": "
                        "\"d\"}");
    make_end(&s.maker);
    assert_false(slice_message(&s, 50));
    make_free(&s.maker);
}

static bool is_empty(const char *json)
{
    struct maker m = {0};
    make_msg(&m, 0, json);
    bool empty = get_more_reply_is_empty(span_of(m.bytes + HEADER_BYTES, m.size - HEADER_BYTES));
    for (size_t cut = 0; cut + HEADER_BYTES < m.size; cut++) { /* never read beyond the end */
        uint8_t *part = malloc(cut + 1);
        memcpy(part, m.bytes + HEADER_BYTES, cut);
        get_more_reply_is_empty(span_of(part, cut));
        free(part);
    }
    make_free(&m);
    return empty;
}

static void an_empty_batch_is_known(void **state)
{
    (void)state;
    assert_true(is_empty("{\"cursor\": {\"nextBatch\": [], \"id\": 5, \"ns\": \"d.c\"}}"));
    assert_true(is_empty("{\"ok\": 1, \"cursor\": {\"id\": 5, \"nextBatch\": []}}"));
    assert_false(is_empty("{\"cursor\": {\"nextBatch\": [{}], \"id\": 5}}"));
    assert_false(is_empty("{\"cursor\": {\"firstBatch\": [], \"id\": 5}}"));
    assert_false(is_empty("{\"cursor\": {\"nextBatch\": {}, \"id\": 5}}"));
    assert_false(is_empty("{\"cursor\": []}"));
    assert_false(is_empty("{\"ok\": 1}"));
}

/* No resume token, and the cursor stays open. */
static void an_empty_batch_of_our_own(void **state)
{
    (void)state;
    struct sliced s = {0};
    make_msg(&s.maker, 0,
             "{\"getMore\": {\"$numberLong\": \"7000000000000000001\"}, \"collection\": \"c.x\", "
             "\"$db\": \"d\"}");
    slice_message(&s, 50);
    built_begin(&s.built);
    reply_empty_batch(&s.built.out, &s.facts, 12);
    built_read(&s.built);
    assert_int_equal(s.built.head.response_to, s.facts.request_id);
    assert_json(&s.built, "{ \"cursor\" : { \"nextBatch\" : [  ], \"id\" : 7000000000000000001, "
                          "\"ns\" : \"d.c.x\" }, \"ok\" : 1.0 }");
    built_end(&s.built);
    make_free(&s.maker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_field_is_added_at_the_end),
        cmocka_unit_test(the_field_is_overwritten_in_its_width),
        cmocka_unit_test(a_checksum_is_left_out),
        cmocka_unit_test(a_body_behind_other_sections_is_left_alone),
        cmocka_unit_test(an_empty_batch_is_known),
        cmocka_unit_test(an_empty_batch_of_our_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
