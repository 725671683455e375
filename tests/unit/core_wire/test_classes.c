/* Which requests may go to a secondary, by what they are: a table. */
#include "wire_make.h"

#include "core/wire/inspect.h"

#define TXN                                                                       \
    "\"lsid\": {\"id\": {\"$binary\": {\"base64\": \"AAECAwQFBgcICQoLDA0ODw==\"," \
    " \"subType\": \"04\"}}}, \"txnNumber\": {\"$numberLong\": \"3\"}, \"autocommit\": false"
#define SECONDARY "\"$readPreference\": {\"mode\": \"secondary\"}"

static struct request_facts facts_of(const char *json)
{
    struct maker m = {0};
    struct request_facts facts;
    enum wire_fault fault = WIRE_FAULT_NONE;
    char text[1024];
    snprintf(text, sizeof text, "{%s, \"$db\": \"d\"}", json);
    if (inspect_request(make_msg(&m, 0, text), &facts, &fault) != INSPECT_COMPLETE) {
        fail_msg("%s: %s", json, wire_fault_row(fault)->text);
    }
    make_free(&m);
    return facts;
}

/* Those that take listen.defaultReadPreference, and those that do not. */
static void test_the_default_read_preference(void **state)
{
    static const struct {
        const char *json;
        bool takes;
    } rows[] = {
        {"\"find\": \"c\"", true},
        {"\"count\": \"c\"", true},
        {"\"distinct\": \"c\"", true},
        {"\"dbStats\": 1", true},
        {"\"collStats\": \"c\"", true},
        {"\"aggregate\": \"c\", \"pipeline\": [{\"$match\": {}}]", true},
        {"\"aggregate\": \"c\", \"pipeline\": [{\"$match\": {}}, {\"$out\": \"d\"}]", false},
        {"\"aggregate\": \"c\", \"pipeline\": [{\"$merge\": \"d\"}]", false},
        {"\"mapReduce\": \"c\", \"out\": {\"inline\": 1}", true},
        {"\"mapReduce\": \"c\", \"out\": \"d\"", false},
        {"\"explain\": {\"find\": \"c\"}", true},
        {"\"explain\": {\"update\": \"c\"}", false},
        {"\"find\": \"c\", " SECONDARY, false}, /* it says one */
        {"\"find\": \"c\", \"$readPreference\": {\"mode\": \"primary\"}", false},
        {"\"find\": \"c\", " TXN, false},
        {"\"insert\": \"c\"", false},
        {"\"getMore\": {\"$numberLong\": \"1\"}, \"collection\": \"c\"", false},
        {"\"listCollections\": 1", false}, /* drivers expect the primary's */
        {"\"ping\": 1", false},
        {"\"serverStatus\": 1", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct request_facts facts = facts_of(rows[i].json);
        if (facts_takes_default_preference(&facts) != rows[i].takes) {
            fail_msg("%s", rows[i].json);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_default_read_preference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
