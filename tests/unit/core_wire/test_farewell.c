/* Requests that end what a client has left behind. */
#include "wire_make.h"

#include "core/wire/farewell.h"

static void assert_command(const bson_t *command, const char *expected)
{
    char *json = bson_as_relaxed_extended_json(command, NULL);
    assert_string_equal(json, expected);
    bson_free(json);
}

static struct request_facts facts_of(struct maker *m, const char *json)
{
    struct request_facts facts;
    enum wire_fault fault;
    assert_int_equal(inspect_request(make_msg(m, 0, json), &facts, &fault), INSPECT_COMPLETE);
    return facts;
}

#define LSID "{\"$binary\": {\"base64\": \"AAECAwQFBgcICQoLDA0ODw==\", \"subType\": \"04\"}}"
#define UID                                                                        \
    "{\"$binary\": {\"base64\": \"MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=\"," \
    " \"subType\": \"00\"}}"
#define TXN "\"txnNumber\": {\"$numberLong\": \"3\"}, \"autocommit\": false"

static void abort_of(const char *json, const char *expected)
{
    struct maker m = {0};
    uint8_t terms[FAREWELL_TERMS_BYTES_MOST];
    struct request_facts facts = facts_of(&m, json);
    size_t size = farewell_terms(&facts, terms);
    bson_t command = BSON_INITIALIZER;
    farewell_abort_transaction(facts.lsid, facts.txn_number, span_of(terms, size), &command);
    assert_command(&command, expected);
    bson_destroy(&command);
    make_free(&m);
}

/* lsid, number, autocommit and the API fields as its statements had them, and nothing else. */
static void test_abort(void **state)
{
    (void)state;
    abort_of("{\"insert\": \"c\", \"lsid\": {\"id\": " LSID "}, " TXN
             ", \"startTransaction\": true, \"$db\": \"shop\"}",
             "{ \"abortTransaction\" : 1, \"lsid\" : { \"id\" : { \"$binary\" : { \"base64\" : "
             "\"AAECAwQFBgcICQoLDA0ODw==\", \"subType\" : \"04\" } } }, \"txnNumber\" : 3, "
             "\"autocommit\" : false, \"$db\" : \"admin\" }");
    abort_of("{\"insert\": \"c\", \"lsid\": {\"id\": " LSID ", \"uid\": " UID "}, " TXN
             ", \"apiVersion\": \"1\", \"apiStrict\": true, \"apiDeprecationErrors\": false,"
             " \"readConcern\": {}, \"$db\": \"shop\"}",
             "{ \"abortTransaction\" : 1, \"lsid\" : { \"id\" : { \"$binary\" : { \"base64\" : "
             "\"AAECAwQFBgcICQoLDA0ODw==\", \"subType\" : \"04\" } }, \"uid\" : { \"$binary\" : { "
             "\"base64\" : \"MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=\", \"subType\" : \"00\" "
             "} } }, "
             "\"txnNumber\" : 3, \"autocommit\" : false, \"apiVersion\" : \"1\", \"apiStrict\" : "
             "true, \"apiDeprecationErrors\" : false, \"$db\" : \"admin\" }");
}

static void test_most_transactions_have_no_terms(void **state)
{
    (void)state;
    struct maker m = {0};
    uint8_t terms[FAREWELL_TERMS_BYTES_MOST];
    struct request_facts facts =
        facts_of(&m, "{\"insert\": \"c\", \"lsid\": {\"id\": " LSID "}, " TXN ", \"$db\": \"d\"}");
    assert_int_equal(farewell_terms(&facts, terms), 0);
    make_free(&m);
}

static void test_kill(void **state)
{
    (void)state;
    static const int64_t ids[] = {5, INT64_MIN};
    bson_t command = BSON_INITIALIZER;
    assert_true(farewell_kill_cursors(span_text("shop.a.b"), ids, 2, &command));
    assert_command(&command,
                   "{ \"killCursors\" : \"a.b\", \"cursors\" : [ 5, -9223372036854775808 ], "
                   "\"$db\" : \"shop\" }");
    bson_destroy(&command);
}

static void test_a_namespace_that_is_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "shop", ".c", "shop."};
    int64_t id = 1;
    bson_t command = BSON_INITIALIZER;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(farewell_kill_cursors(span_text(wrong[i]), &id, 1, &command));
    }
    assert_true(bson_empty(&command));
    bson_destroy(&command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_most_transactions_have_no_terms),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_a_namespace_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
