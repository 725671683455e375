/* One killCursors for several servers, and their answers as one. */
#include "wire_make.h"

#include "core/wire/inspect.h"
#include "core/wire/kill_cursors.h"

#define ID(n) "{\"$numberLong\": \"" #n "\"}"

/* What the ids in a list of the document are, as "1 2 ". */
static const char *ids_of(struct span document, const char *list)
{
    static char text[100];
    struct element e;
    struct view v;
    int64_t id;
    size_t used = 0;
    text[0] = '\0';
    assert_true(view_find(document, list, &e));
    view_init(&v, e.value);
    while (view_next(&v, &e) == VIEW_ELEMENT) {
        assert_true(element_int64(&e, &id));
        used += (size_t)snprintf(text + used, sizeof text - used, "%lld ", (long long)id);
    }
    return text;
}

struct asked {
    struct maker maker;
    struct span message;
    struct killing *killing;
};

static void ask(struct asked *a, const char *cursors)
{
    char json[400];
    struct request_facts facts;
    enum wire_fault fault;
    snprintf(json, sizeof json,
             "{\"killCursors\": \"things\", \"cursors\": [%s], \"lsid\": {\"id\": 1}, \"$db\": "
             "\"shop\"}",
             cursors);
    a->message = make_msg(&a->maker, 0, json);
    assert_int_equal(inspect_request(a->message, &facts, &fault), INSPECT_COMPLETE);
    a->killing = killing_new(facts.cursors);
}

static void end(struct asked *a)
{
    free(a->killing);
    make_free(&a->maker);
}

static void said(struct killing *k, uint32_t server, const char *json, bool is_ok)
{
    struct maker m = {0};
    make_json(&m, json);
    assert_int_equal(killing_on_reply(k, span_of(m.bytes, m.size), server), is_ok);
    make_free(&m);
}

static void assert_merged(const struct killing *k, const char *killed, const char *not_found,
                          const char *alive)
{
    size_t size;
    uint8_t *bytes = killing_reply(k, &size);
    struct span document = span_of(bytes, size);
    struct element ok;
    assert_string_equal(ids_of(document, "cursorsKilled"), killed);
    assert_string_equal(ids_of(document, "cursorsNotFound"), not_found);
    assert_string_equal(ids_of(document, "cursorsAlive"), alive);
    assert_string_equal(ids_of(document, "cursorsUnknown"), "");
    assert_true(view_find(document, "ok", &ok));
    free(bytes);
}

/* The ids that a server is asked for; everything else of the request stays. */
static const char *part_of(const struct asked *a, uint32_t server)
{
    struct request_facts facts;
    enum wire_fault fault;
    struct element e;
    size_t size;
    uint8_t *bytes = killing_request(a->killing, a->message, server, &size);
    assert_int_equal(inspect_request(span_of(bytes, size), &facts, &fault), INSPECT_COMPLETE);
    assert_int_equal(facts.command, COMMAND_KILL_CURSORS);
    assert_span(facts.collection, "things");
    assert_span(facts.database, "shop");
    struct span body = span_of(bytes + 21, size - 21);
    assert_true(view_find(body, "lsid", &e));
    const char *ids = ids_of(body, "cursors");
    free(bytes);
    return ids;
}

static void test_it_is_split_and_merged(void **state)
{
    struct asked a = {0};
    (void)state;
    ask(&a, ID(1) "," ID(2) "," ID(3) "," ID(4) "," ID(5));
    a.killing->ids[0].server = 1;
    a.killing->ids[1].server = 2;
    a.killing->ids[2].server = 1;
    a.killing->ids[4].server = 3;
    assert_true(killing_wants(a.killing, 1));
    assert_string_equal(part_of(&a, 1), "1 3 4 ");
    said(a.killing, 1,
         "{\"cursorsKilled\": [" ID(1) "], \"cursorsNotFound\": [" ID(4) "],"
                                                                         " \"cursorsAlive\": [" ID(
                                                                             3) "], \"ok\": 1}",
         true);
    assert_string_equal(part_of(&a, 2), "2 4 ");
    said(a.killing, 2, "{\"cursorsKilled\": [" ID(4) "," ID(2) "," ID(1) "], \"ok\": 1.0}", true);
    assert_string_equal(part_of(&a, 3), "5 "); /* 4 is killed by now */
    said(a.killing, 3, "{\"cursorsKilled\": [], \"cursorsNotFound\": [" ID(5) "], \"ok\": 1}",
         true);
    assert_false(killing_wants(a.killing, 4));
    assert_merged(a.killing, "1 2 4 ", "5 ", "3 ");
    end(&a);
}

static void test_what_cannot_be_asked_is_alive(void **state)
{
    struct asked a = {0};
    (void)state;
    ask(&a, ID(1) "," ID(2) "," ID(3));
    a.killing->ids[0].server = 1;
    killing_on_unreachable(a.killing, 1);
    said(a.killing, 2, "{\"ok\": 0, \"code\": 13}", false);
    said(a.killing, 3,
         "{\"cursorsKilled\": [" ID(3) "], \"cursorsNotFound\": [" ID(2) "],"
                                                                         " \"ok\": 1}",
         true);
    assert_merged(a.killing, "3 ", "", "1 2 ");
    end(&a);
}

static void test_what_is_the_servers_to_judge(void **state)
{
    struct asked a = {0};
    (void)state;
    ask(&a, "");
    assert_null(a.killing);
    ask(&a, ID(1) ", \"x\"");
    assert_null(a.killing);
    ask(&a, "1, 2"); /* an int32 is no cursor id */
    assert_null(a.killing);
    end(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_split_and_merged),
        cmocka_unit_test(test_what_cannot_be_asked_is_alive),
        cmocka_unit_test(test_what_is_the_servers_to_judge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
