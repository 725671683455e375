/* What counts as a server's reply to a request of our own. */
#include "wire_make.h"

#include "core/wire/frame.h"
#include "core/wire/request.h"

/* {"": {"": … {} …}}, `levels` deep. */
static void make_nested(struct maker *m, uint32_t levels)
{
    make_header(m, 7, OP_MSG);
    make_int32(m, 0);
    make_byte(m, 0);
    for (uint32_t i = 0; i <= levels; i++) {
        make_int32(m, (int32_t)(5 + 7 * (levels - i)));
        if (i < levels) {
            make_byte(m, 3);
            make_byte(m, 0);
        }
    }
    for (uint32_t i = 0; i <= levels; i++) {
        make_byte(m, 0);
    }
}

static void test_nesting_costs_no_stack(void **state)
{
    (void)state;
    struct maker m = {0};
    struct span body;
    make_nested(&m, 500000);
    assert_true(reply_body(make_end(&m), &body));
    assert_int_equal(body.size, 5 + 7 * 500000);
    make_free(&m);
}

/* {"s": "text"} with one byte changed. */
static void test_the_document_must_be_whole(void **state)
{
    (void)state;
    enum { BODY = HEADER_BYTES + 5, TYPE = BODY + 4, LENGTH = TYPE + 3, TEXT_END = LENGTH + 8 };
    static const size_t PLACES[] = {BODY, TYPE, LENGTH, TEXT_END + 1};
    struct maker m = {0};
    struct span body;
    struct span message = make_msg(&m, 0, "{\"s\": \"text\"}");
    assert_true(reply_body(message, &body));
    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
        m.bytes[PLACES[i]] ^= 0x60;
        assert_false(reply_body(message, &body));
        m.bytes[PLACES[i]] ^= 0x60;
    }
    make_free(&m);
}

static void test_nothing_but_a_checksum_follows(void **state)
{
    (void)state;
    struct maker m = {0};
    struct span body;
    make_msg(&m, MSG_CHECKSUM_PRESENT, "{\"ok\": 1}");
    assert_false(reply_body(make_end(&m), &body));
    make_int32(&m, 0);
    assert_true(reply_body(make_end(&m), &body));
    make_msg(&m, 0, "{\"ok\": 1}");
    make_sequence(&m, "x", "{}", 1);
    assert_false(reply_body(make_end(&m), &body));
    make_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nesting_costs_no_stack),
        cmocka_unit_test(test_the_document_must_be_whole),
        cmocka_unit_test(test_nothing_but_a_checksum_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
