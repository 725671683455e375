/* The streaming walk says the same as the walk in place, however the document is cut. */
#include "wire_make.h"

#include "core/wire/doc_skim.h"

/* What a walk saw, as text; documents and arrays are entered, short values are shown. */
struct script {
    char text[16384];
    size_t size;
};

static void say(struct script *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct script *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(s->text + s->size, sizeof s->text - s->size, format, args);
    va_end(args);
    s->size += (size_t)size;
    assert_true(s->size < sizeof s->text);
}

static void say_value(struct script *s, struct span value)
{
    for (size_t i = 0; i < value.size && i < 40; i++) {
        say(s, "%02x", value.at[i]);
    }
    say(s, ";");
}

static bool is_container(uint8_t type)
{
    return type == ELEMENT_DOCUMENT || type == ELEMENT_ARRAY;
}

static void view_script(struct script *s, struct span document, int depth, bool *is_bad)
{
    struct view v;
    struct element e;
    enum view_event event = VIEW_END;
    view_init(&v, document);
    while (!*is_bad && (event = view_next(&v, &e)) == VIEW_ELEMENT) {
        say(s, "%02x %.*s ", e.type, (int)(e.key.size < 90 ? e.key.size : 90),
            (const char *)e.key.at);
        if (is_container(e.type) && depth < SKIM_DEPTH) {
            view_script(s, e.value, depth + 1, is_bad);
            say(s, *is_bad ? "" : "left ");
        } else if (e.type == ELEMENT_REGEX) {
            say(s, "regex;");
        } else {
            say_value(s, e.value);
        }
    }
    *is_bad = *is_bad || event != VIEW_END;
}

static void on_element(struct doc_skim *skim, struct script *s, const struct skim_element *e)
{
    say(s, "%02x %.*s ", e->element.type,
        (int)(e->element.key.size < 90 ? e->element.key.size : 90),
        (const char *)e->element.key.at);
    if (is_container(e->element.type) && skim_enter(skim)) {
        return;
    }
    if (e->element.type == ELEMENT_REGEX) {
        say(s, "regex;");
    } else if (e->has_value) {
        say_value(s, e->element.value);
    } else {
        skim_take(skim, 40);
    }
}

/* Returns the last event. */
static enum skim_event skim_feed(struct doc_skim *skim, struct script *s, struct span in)
{
    struct skim_element e;
    enum skim_event event;
    while ((event = skim_next(skim, &in, &e)) != SKIM_NEED_MORE) {
        if (event == SKIM_ELEMENT) {
            on_element(skim, s, &e);
        } else if (event == SKIM_VALUE) {
            say_value(s, e.element.value);
        } else if (event == SKIM_LEFT) {
            say(s, "left ");
        } else {
            return event;
        }
    }
    assert_int_equal(in.size, 0);
    return event;
}

static const char DOCUMENT[] =
    "{\"double\": 1.5, \"string\": \"text\", \"document\": {\"a\": 1, \"b\": {\"c\": []}},"
    " \"array\": [1, \"b\", {}],"
    " \"binary\": {\"$binary\": {\"base64\": \"AAECAw==\", \"subType\": \"04\"}},"
    " \"true\": true, \"null\": null, \"\": {\"$maxKey\": 1},"
    " \"regex\": {\"$regularExpression\": {\"pattern\": \"^a\", \"options\": \"i\"}},"
    " \"scope\": {\"$code\": \"f()\", \"$scope\": {\"x\": 1}},"
    " \"pointer\": {\"$dbPointer\": {\"$ref\": \"c\", \"$id\": {\"$oid\":"
    " \"0123456789abcdef01234567\"}}}, \"empty\": \"\","
    " \"deep\": {\"a\": {\"b\": {\"c\": {\"d\": 1}}}},"
    " \"long\": \"0123456789012345678901234567890123456789012345678901234567890123456789\","
    " \"int64\": {\"$numberLong\": \"64\"}}";

static void test_every_cut(void **state)
{
    (void)state;
    struct maker m = {0};
    struct script expected = {0};
    uint8_t room[SKIM_ROOM_LEAST];
    bool is_bad = false;
    make_json(&m, DOCUMENT);
    struct span all = span_of(m.bytes, m.size);
    view_script(&expected, all, 1, &is_bad);
    assert_false(is_bad);
    for (size_t first = 0; first <= all.size; first++) {
        for (size_t second = first; second <= all.size; second += 3) {
            struct script s = {0};
            struct doc_skim skim;
            skim_init(&skim, (uint32_t)all.size, room, sizeof room);
            skim_feed(&skim, &s, span_head(all, first));
            skim_feed(&skim, &s, span_of(all.at + first, second - first));
            enum skim_event event = skim_feed(&skim, &s, span_tail(all, second));
            assert_int_equal(event, SKIM_END);
            assert_string_equal(s.text, expected.text);
        }
    }
    make_free(&m);
}

static enum skim_event skim_bytewise(struct span all, struct script *s)
{
    uint8_t room[SKIM_ROOM_LEAST];
    struct doc_skim skim;
    enum skim_event event = SKIM_NEED_MORE;
    skim_init(&skim, (uint32_t)all.size, room, sizeof room);
    for (size_t i = 0; i < all.size && event == SKIM_NEED_MORE; i++) {
        event = skim_feed(&skim, s, span_of(all.at + i, 1));
    }
    return event;
}

static enum skim_event skim_whole(struct span all, struct script *s)
{
    uint8_t room[SKIM_ROOM_LEAST];
    struct doc_skim skim;
    skim_init(&skim, (uint32_t)all.size, room, sizeof room);
    return skim_feed(&skim, s, all);
}

/* One byte wrong, anywhere: both walks and both ways of feeding come to the same verdict. */
static void test_every_wrong_byte(void **state)
{
    (void)state;
    static const uint8_t WRONG[] = {0x00, 0x01, 0x03, 0x0b, 0x10, 0x7f, 0x80, 0xff};
    struct maker m = {0};
    size_t bad_ones = 0;
    make_json(&m, DOCUMENT);
    for (size_t i = 0; i < m.size * sizeof WRONG; i++) {
        struct script expected = {0};
        struct script whole = {0};
        struct script pieces = {0};
        bool is_bad = false;
        uint8_t right = m.bytes[i / sizeof WRONG];
        m.bytes[i / sizeof WRONG] = WRONG[i % sizeof WRONG];
        struct span all = span_of(m.bytes, m.size);
        view_script(&expected, all, 1, &is_bad);
        enum skim_event event = skim_whole(all, &whole);
        assert_int_equal(skim_bytewise(all, &pieces), event);
        assert_int_equal(event != SKIM_END, is_bad);
        if (!is_bad) {
            assert_string_equal(whole.text, expected.text);
            assert_string_equal(pieces.text, expected.text);
        }
        bad_ones += is_bad;
        m.bytes[i / sizeof WRONG] = right;
    }
    assert_true(bad_ones > 100);
    make_free(&m);
}

static void test_long_key(void **state)
{
    (void)state;
    struct maker m = {0};
    char json[700];
    int size = 0;
    size += snprintf(json, sizeof json, "{\"");
    for (int i = 0; i < 600; i++) {
        json[size++] = 'k';
    }
    snprintf(json + size, sizeof json - (size_t)size, "\": \"value\", \"next\": 5}");
    make_json(&m, json);
    struct script whole = {0};
    struct script pieces = {0};
    assert_int_equal(skim_whole(span_of(m.bytes, m.size), &whole), SKIM_END);
    assert_int_equal(skim_bytewise(span_of(m.bytes, m.size), &pieces), SKIM_END);
    assert_string_equal(whole.text, pieces.text); /* which shows 90 bytes of the key */
    assert_non_null(strstr(whole.text, "10 next 05000000;"));
    make_free(&m);
}

static void test_takes_less_than_all(void **state)
{
    (void)state;
    struct maker m = {0};
    struct doc_skim skim;
    struct skim_element e;
    uint8_t room[SKIM_ROOM_LEAST];
    make_json(&m, "{\"a\": {\"inner\": \"0123456789\"}, \"b\": 7}");
    struct span all = span_of(m.bytes, m.size);
    struct span in = span_head(all, 9); /* up to within the length of the inner document */
    skim_init(&skim, (uint32_t)all.size, room, sizeof room);
    assert_int_equal(skim_next(&skim, &in, &e), SKIM_NEED_MORE);
    in = span_tail(all, 9);
    struct span shown = span_head(in, 4);
    assert_int_equal(skim_next(&skim, &shown, &e), SKIM_ELEMENT);
    assert_false(e.has_value);
    assert_int_equal(e.value_offset, 7);
    skim_take(&skim, 6);
    in = span_tail(all, all.size - (in.size - 4 + shown.size));
    assert_int_equal(skim_next(&skim, &in, &e), SKIM_VALUE);
    assert_false(e.has_value);
    assert_int_equal(e.value_offset, 7);
    assert_int_equal(e.element.value.size, 6);
    assert_memory_equal(e.element.value.at, all.at + 7, 6);
    assert_int_equal(skim_next(&skim, &in, &e), SKIM_ELEMENT);
    assert_span(e.element.key, "b");
    assert_int_equal(skim_next(&skim, &in, &e), SKIM_END);
    make_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_every_wrong_byte),
        cmocka_unit_test(test_long_key),
        cmocka_unit_test(test_takes_less_than_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
