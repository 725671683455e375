/* The walk in place, and the getters. */
#include "wire_make.h"

#include "core/wire/bson_view.h"

static const char EVERY_TYPE[] =
    "{\"double\": 1.5, \"string\": \"text\", \"document\": {\"a\": 1}, \"array\": [1, \"b\"],"
    " \"binary\": {\"$binary\": {\"base64\": \"AAECAw==\", \"subType\": \"04\"}},"
    " \"undefined\": {\"$undefined\": true}, \"oid\": {\"$oid\": \"0123456789abcdef01234567\"},"
    " \"true\": true, \"date\": {\"$date\": {\"$numberLong\": \"1\"}}, \"null\": null,"
    " \"regex\": {\"$regularExpression\": {\"pattern\": \"^a\", \"options\": \"i\"}},"
    " \"pointer\": {\"$dbPointer\": {\"$ref\": \"c\", \"$id\": {\"$oid\":"
    " \"0123456789abcdef01234567\"}}}, \"code\": {\"$code\": \"f()\"},"
    " \"symbol\": {\"$symbol\": \"s\"}, \"scope\": {\"$code\": \"f()\", \"$scope\": {\"x\": 1}},"
    " \"int32\": 32, \"timestamp\": {\"$timestamp\": {\"t\": 1, \"i\": 2}},"
    " \"int64\": {\"$numberLong\": \"64\"},"
    " \"decimal\": {\"$numberDecimal\": \"1.5\"}, \"max\": {\"$maxKey\": 1},"
    " \"min\": {\"$minKey\": 1}}";

static const uint8_t TYPES[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,    10,  11,
                                12, 13, 14, 15, 16, 17, 18, 19, 0x7f, 0xff};

static void test_every_type(void **state)
{
    (void)state;
    struct maker m = {0};
    struct view v;
    struct element e;
    make_json(&m, EVERY_TYPE);
    bson_t reference;
    bson_iter_t iter;
    assert_true(bson_init_static(&reference, m.bytes, m.size));
    assert_true(bson_iter_init(&iter, &reference));
    view_init(&v, span_of(m.bytes, m.size));
    for (size_t i = 0; i < sizeof TYPES; i++) {
        assert_int_equal(view_next(&v, &e), VIEW_ELEMENT);
        assert_true(bson_iter_next(&iter));
        assert_int_equal(e.type, TYPES[i]);
        assert_span(e.key, bson_iter_key(&iter));
    }
    assert_int_equal(view_next(&v, &e), VIEW_END);
    assert_int_equal(view_next(&v, &e), VIEW_END);
    make_free(&m);
}

/* Every front part is well formed so far, and shows the same elements. */
static void test_every_front_part(void **state)
{
    (void)state;
    struct maker m = {0};
    make_json(&m, EVERY_TYPE);
    for (size_t size = 0; size < m.size; size++) {
        uint8_t *part = malloc(size + 1); /* so that reading beyond is seen */
        struct view v;
        struct element e;
        enum view_event event;
        size_t seen = 0;
        memcpy(part, m.bytes, size);
        view_init(&v, span_of(part, size));
        while ((event = view_next(&v, &e)) == VIEW_ELEMENT) {
            assert_int_equal(e.type, TYPES[seen]);
            seen++;
        }
        assert_int_equal(event, VIEW_NEED_MORE);
        assert_int_equal(view_next(&v, &e), VIEW_NEED_MORE);
        free(part);
    }
    make_free(&m);
}

static void test_malformed(void **state)
{
    (void)state;
#define DOC(text)              \
    {                          \
        text, sizeof(text) - 1 \
    }
    static const struct {
        const char *bytes;
        size_t size;
    } CASES[] = {
        DOC("\x04\0\0\0"),       /* shorter than the shortest */
        DOC("\xff\xff\xff\xff"), /* negative */
        DOC("\x05\0\0\0\x01"),   /* no final zero */
        DOC("\x06\0\0\0\0\0"),   /* the zero comes too early */
        DOC("\x07\0\0\0\x0a"
            "a\0"), /* no room for the final zero */
        DOC("\x08\0\0\0\x14"
            "a\0\0"), /* no such type */
        DOC("\x08\0\0\0\x0a"
            "abc"), /* the key does not end */
        DOC("\x0c\0\0\0\x10"
            "a\0\1\0\0\0\1"), /* no final zero after the value */
        DOC("\x0b\0\0\0\x10"
            "a\0\1\0\0\0"), /* the value takes its place */
        DOC("\x0d\0\0\0\x02"
            "a\0\0\0\0\0\0\0"), /* a string without its zero */
        DOC("\x0d\0\0\0\x02"
            "a\0\xff\xff\xff\xff\0\0"), /* negative string */
        DOC("\x0e\0\0\0\x02"
            "a\0\x09\0\0\0\0\0\0"), /* the string is too long */
        DOC("\x0e\0\0\0\x05"
            "a\0\xff\xff\xff\xff\0\0\0"), /* negative binary */
        DOC("\x0d\0\0\0\x03"
            "a\0\x04\0\0\0\0\0"), /* a document of 4 bytes */
        DOC("\x0f\0\0\0\x0f"
            "a\0\x07\0\0\0\0\0\0\0"), /* a code with no scope */
        DOC("\x0b\0\0\0\x0b"
            "a\0ab\0\0"), /* a pattern that takes the final zero */
        DOC("\x08\0\0\0\x02"
            "a\0\0"), /* no room for the length */
    };
#undef DOC
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct view v;
        struct element e;
        enum view_event event;
        uint8_t *bytes = malloc(CASES[i].size);
        memcpy(bytes, CASES[i].bytes, CASES[i].size);
        view_init(&v, span_of(bytes, CASES[i].size));
        while ((event = view_next(&v, &e)) == VIEW_ELEMENT) {
        }
        if (event != VIEW_MALFORMED) {
            fail_msg("case %zu gave %d", i, event);
        }
        assert_int_equal(view_next(&v, &e), VIEW_MALFORMED);
        free(bytes);
    }
}

static bool get_int64(const char *json, int64_t *out)
{
    struct maker m = {0};
    struct element e;
    make_json(&m, json);
    assert_true(view_find(span_of(m.bytes, m.size), "v", &e));
    bool is = element_int64(&e, out);
    make_free(&m);
    return is;
}

static void test_int64(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool is;
        int64_t value;
    } CASES[] = {
        {"{\"v\": -7}", true, -7},
        {"{\"v\": {\"$numberLong\": \"-9223372036854775808\"}}", true, INT64_MIN},
        {"{\"v\": 8.0}", true, 8},
        {"{\"v\": -9223372036854775808.0}", true, INT64_MIN},
        {"{\"v\": 8.5}", false, 0},
        {"{\"v\": 9223372036854775808.0}", false, 0},
        {"{\"v\": {\"$numberDouble\": \"NaN\"}}", false, 0},
        {"{\"v\": {\"$numberDouble\": \"Infinity\"}}", false, 0},
        {"{\"v\": \"8\"}", false, 0},
        {"{\"v\": true}", false, 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int64_t value = 0;
        assert_int_equal(get_int64(CASES[i].json, &value), CASES[i].is);
        assert_true(value == CASES[i].value);
    }
}

static void test_bool(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int truth; /* -1: has none */
    } CASES[] = {
        {"{\"v\": true}", 1},
        {"{\"v\": false}", 0},
        {"{\"v\": 2}", 1},
        {"{\"v\": 0}", 0},
        {"{\"v\": {\"$numberLong\": \"4294967296\"}}", 1},
        {"{\"v\": 0.5}", 1},
        {"{\"v\": 0.0}", 0},
        {"{\"v\": -0.0}", 0},
        {"{\"v\": {\"$numberDouble\": \"NaN\"}}", 1},
        {"{\"v\": null}", 0},
        {"{\"v\": \"true\"}", -1},
        {"{\"v\": {}}", -1},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct maker m = {0};
        struct element e;
        bool truth = false;
        make_json(&m, CASES[i].json);
        assert_true(view_find(span_of(m.bytes, m.size), "v", &e));
        bool is = element_bool(&e, &truth);
        assert_int_equal(is ? truth : -1, CASES[i].truth);
        make_free(&m);
    }
}

static void test_other_getters(void **state)
{
    (void)state;
    struct maker m = {0};
    struct element e;
    struct span s = {0};
    make_json(&m, EVERY_TYPE);
    struct span document = span_of(m.bytes, m.size);
    assert_true(view_find(document, "string", &e));
    assert_true(element_text(&e, &s));
    assert_span(s, "text");
    assert_false(element_document(&e, &s));
    assert_true(view_find(document, "symbol", &e));
    assert_false(element_text(&e, &s));
    assert_true(view_find(document, "binary", &e));
    assert_false(element_binary(&e, 0, &s));
    assert_true(element_binary(&e, 4, &s));
    assert_int_equal(s.size, 4);
    assert_int_equal(s.at[3], 3);
    assert_true(view_find(document, "array", &e));
    assert_true(element_document(&e, &s));
    assert_true(view_find(s, "1", &e));
    assert_false(view_find(document, "strin", &e));
    assert_false(view_find(span_head(document, 20), "int64", &e));
    make_free(&m);
}

static void test_text_without_its_zero(void **state)
{
    (void)state;
    static const uint8_t BYTES[] = {15, 0, 0, 0, 2, 'v', 0, 2, 0, 0, 0, 'a', 'b', 0, 0};
    struct element e = {.type = ELEMENT_STRING, .value = span_of(BYTES + 7, 6)};
    struct span s;
    assert_false(element_text(&e, &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_every_front_part),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_int64),
        cmocka_unit_test(test_bool),
        cmocka_unit_test(test_other_getters),
        cmocka_unit_test(test_text_without_its_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
