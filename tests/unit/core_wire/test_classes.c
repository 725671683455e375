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
        {"\"find\": \"c\", \"readConcern\": {\"level\": \"linearizable\"}", false},
        {"\"find\": \"c\", \"readConcern\": {\"level\": \"snapshot\"}", true},
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

/* With and without a read preference of "secondary", by the oldest server: who may answer. */
static void test_who_may_answer(void **state)
{
    enum { PRIMARY, EITHER, BY_PREFERENCE };
    static const struct {
        const char *json;
        int wire;
        int who;
    } rows[] = {
        {"\"find\": \"c\"", 21, BY_PREFERENCE},
        {"\"aggregate\": \"c\", \"pipeline\": [{\"$match\": {}}]", 21, BY_PREFERENCE},
        {"\"aggregate\": \"c\", \"pipeline\": [{\"$out\": \"d\"}]", 13, BY_PREFERENCE},
        {"\"aggregate\": \"c\", \"pipeline\": [{\"$out\": \"d\"}]", 12, PRIMARY},
        {"\"aggregate\": \"c\", \"pipeline\": [{\"$match\": {}}, {\"$merge\": {}}]", 12, PRIMARY},
        {"\"aggregate\": 1, \"pipeline\": [{\"$currentOp\": {}}]", 21, BY_PREFERENCE},
        {"\"mapReduce\": \"c\", \"out\": {\"inline\": 1}", 21, BY_PREFERENCE},
        {"\"mapReduce\": \"c\", \"out\": \"d\"", 21, PRIMARY},
        {"\"count\": \"c\"", 21, BY_PREFERENCE},
        {"\"distinct\": \"c\"", 21, BY_PREFERENCE},
        {"\"dbStats\": 1", 21, BY_PREFERENCE},
        {"\"collStats\": \"c\"", 21, BY_PREFERENCE},
        {"\"listCollections\": 1", 21, BY_PREFERENCE},
        {"\"listIndexes\": \"c\"", 21, BY_PREFERENCE},
        {"\"listDatabases\": 1", 21, BY_PREFERENCE},
        {"\"explain\": {\"find\": \"c\"}", 21, BY_PREFERENCE},
        {"\"explain\": {\"update\": \"c\"}", 21, PRIMARY},
        {"\"find\": \"c\", \"readConcern\": {\"level\": \"snapshot\"}", 21, BY_PREFERENCE},
        {"\"find\": \"c\", \"readConcern\": {\"level\": \"linearizable\"}", 21, PRIMARY},
        {"\"find\": \"c\", " TXN, 21, PRIMARY},
        {"\"insert\": \"c\"", 21, PRIMARY},
        {"\"bulkWrite\": 1", 21, PRIMARY},
        {"\"findAndModify\": \"c\"", 21, PRIMARY},
        {"\"create\": \"c\"", 21, PRIMARY},
        {"\"createIndexes\": \"c\"", 21, PRIMARY},
        {"\"drop\": \"c\"", 21, PRIMARY},
        {"\"dropDatabase\": 1", 21, PRIMARY},
        {"\"renameCollection\": \"d.c\"", 21, PRIMARY},
        {"\"createUser\": \"u\"", 21, PRIMARY},
        {"\"serverStatus\": 1", 21, BY_PREFERENCE},
        {"\"currentOp\": 1", 21, BY_PREFERENCE},
        {"\"ping\": 1", 21, BY_PREFERENCE},
        {"\"somethingNew\": 1", 21, BY_PREFERENCE},
        {"\"startSession\": 1", 21, EITHER},
        {"\"refreshSessions\": []", 21, EITHER},
        {"\"endSessions\": []", 21, BY_PREFERENCE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char with[700];
        snprintf(with, sizeof with, "%s, " SECONDARY, rows[i].json);
        struct request_facts plain = facts_of(rows[i].json);
        struct request_facts preferring = facts_of(with);
        bool is_for_any = facts_may_use_secondary(&preferring, rows[i].wire);
        bool is_plain = facts_may_use_secondary(&plain, rows[i].wire) &&
                        facts_read_mode(&plain) != READ_PRIMARY;
        assert_int_equal(facts_read_mode(&preferring), READ_SECONDARY);
        if (is_for_any != (rows[i].who != PRIMARY) || is_plain != (rows[i].who == EITHER)) {
            fail_msg("%s: %d %d", rows[i].json, is_plain, is_for_any);
        }
    }
}

static void test_what_is_about_one_node(void **state)
{
    static const char *const nodes[] = {
        "\"currentOp\": 1",
        "\"killOp\": 1",
        "\"serverStatus\": 1",
        "\"hostInfo\": 1",
        "\"getLog\": \"global\"",
        "\"top\": 1",
        "\"connPoolStats\": 1",
        "\"configureFailPoint\": \"x\"",
        "\"setParameter\": 1",
        "\"getParameter\": 1",
        "\"profile\": 0",
        "\"fsync\": 1",
        "\"fsyncUnlock\": 1",
        "\"killSessions\": []",
        "\"killAllSessions\": []",
        "\"aggregate\": 1, \"pipeline\": [{\"$currentOp\": {}}, {\"$match\": {}}]"};
    static const char *const others[] = {
        "\"find\": \"c\"", "\"ping\": 1", "\"insert\": \"c\"", "\"create\": \"c\"",
        "\"aggregate\": 1, \"pipeline\": [{\"$match\": {}}, {\"$currentOp\": {}}]"};
    (void)state;
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        struct request_facts facts = facts_of(nodes[i]);
        if (!facts_is_of_node(&facts)) {
            fail_msg("%s", nodes[i]);
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct request_facts facts = facts_of(others[i]);
        assert_false(facts_is_of_node(&facts));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_may_answer),
        cmocka_unit_test(test_what_is_about_one_node),
        cmocka_unit_test(test_the_default_read_preference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
