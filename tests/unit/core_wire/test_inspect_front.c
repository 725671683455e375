/* The front part of a message gives what it holds whole, wherever it ends. */
#include "wire_make.h"

#include "core/wire/inspect.h"

static bool lies_in(struct span s, struct span message)
{
    return s.size == 0 || (s.at >= message.at && s.at + s.size <= message.at + message.size);
}

static void check_every_front(const char *json)
{
    struct maker m = {0};
    struct request_facts whole;
    enum wire_fault fault;
    struct span message = make_msg(&m, 0, json);
    assert_int_equal(inspect_request(message, &whole, &fault), INSPECT_COMPLETE);
    for (size_t size = HEADER_BYTES; size < message.size; size++) {
        struct request_facts f;
        assert_int_equal(inspect_request(span_head(message, size), &f, &fault), INSPECT_PREFIX);
        const struct span spans[] = {
            f.command_name, f.database, f.collection,           f.api_version, f.preference.tags,
            f.cursors,      f.lsids,    f.hello.sasl_mechs_for, f.hello.client};
        for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
            assert_true(lies_in(spans[i], span_head(message, size)));
        }
        assert_false(f.preference.is_malformed);
        assert_true(f.cursors.size == 0 || f.cursors.size == whole.cursors.size);
        assert_true(f.lsids.size == 0 || f.lsids.size == whole.lsids.size);
        assert_true(f.hello.client.size == 0 || f.hello.client.size == whole.hello.client.size);
    }
    make_free(&m);
}

/* {"begin": …, "end"} with `count` copies of `item` in between, parted by commas. */
static char *list_of(const char *begin, const char *item, int count, const char *end)
{
    size_t room = strlen(begin) + (strlen(item) + 1) * (size_t)count + strlen(end) + 1;
    char *text = calloc(1, room);
    assert_non_null(text);
    strcat(text, begin);
    for (int i = 0; i < count; i++) {
        strcat(text, item);
        strcat(text, i + 1 < count ? "," : "");
    }
    strcat(text, end);
    return text;
}

static void check_list(const char *begin, const char *item, int count, const char *end)
{
    char *json = list_of(begin, item, count, end);
    check_every_front(json);
    free(json);
}

static void test_values_longer_than_the_room(void **state)
{
    (void)state;
    check_list("{\"killCursors\": \"c\", \"cursors\": [", "{\"$numberLong\": \"77\"}", 60,
               "], \"$db\": \"d\"}");
    check_list("{\"endSessions\": [", "{\"id\": 1}", 60, "], \"$db\": \"admin\"}");
    check_list("{\"find\": \"c\", \"$readPreference\": {\"mode\": \"nearest\", \"tags\": [",
               "{\"dc\": \"ny\"}", 40, "]}, \"$db\": \"d\"}");
    check_list("{\"hello\": 1, \"client\": {\"driver\": {\"name\": \"", "abcdefghij", 30,
               "\"}}, \"$db\": \"admin\"}");
    check_list("{\"getMore\": 1, \"collection\": \"", "abcdefghij", 30, "\", \"$db\": \"d\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_longer_than_the_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
