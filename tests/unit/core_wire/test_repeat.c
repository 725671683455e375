/* Which requests are sent a second time, and after which replies. */
#include "core/wire/repeat.h"
#include "wire_make.h"

static const struct repeat_server NEW_MONGOD = {.max_wire = 9, .is_mongod = true};
static const struct repeat_server OLD_MONGOD = {.max_wire = 8, .is_mongod = true};
static const struct repeat_server OLD_MONGOS = {.max_wire = 8, .is_mongod = false};

/* What the product's own reading makes of the command. */
static enum repeat kind_of(const char *json)
{
    struct maker m = {0};
    struct request_facts facts;
    enum wire_fault fault;
    make_header(&m, 7, OP_MSG);
    make_int32(&m, 0);
    make_byte(&m, 0);
    make_json(&m, json);
    make_end(&m);
    assert_int_equal(inspect_request(span_of(m.bytes, m.size), &facts, &fault), INSPECT_COMPLETE);
    make_free(&m);
    return repeat_kind(&facts);
}

#define LSID                                                                                    \
    "\"lsid\": {\"id\": {\"$binary\": {\"base64\": \"AAAAAAAAAAAAAAAAAAAAAA==\", \"subType\": " \
    "\"04\"}}}"
#define NUMBER LSID ", \"txnNumber\": {\"$numberLong\": \"3\"}, \"$db\": \"d\"}"
#define LATER  "\"autocommit\": false, " NUMBER
#define FIRST  "\"startTransaction\": true, " LATER

static void test_kinds(void **state)
{
    static const struct {
        enum repeat kind;
        const char *json;
    } cases[] = {
        {REPEAT_READ, "{\"find\": \"c\", \"$db\": \"d\"}"},
        {REPEAT_READ, "{\"aggregate\": \"c\", \"pipeline\": [{\"$match\": {}}], \"$db\": \"d\"}"},
        {REPEAT_READ, "{\"distinct\": \"c\", \"$db\": \"d\"}"},
        {REPEAT_READ, "{\"count\": \"c\", \"$db\": \"d\"}"},
        {REPEAT_READ, "{\"listDatabases\": 1, \"$db\": \"admin\"}"},
        {REPEAT_READ, "{\"listCollections\": 1, \"$db\": \"d\"}"},
        {REPEAT_READ, "{\"listIndexes\": \"c\", \"$db\": \"d\"}"},
        {REPEAT_NEVER, "{\"aggregate\": \"c\", \"pipeline\": [{\"$out\": \"o\"}], \"$db\": \"d\"}"},
        {REPEAT_NEVER, "{\"aggregate\": \"c\", \"pipeline\": [{\"$match\": {}}, {\"$merge\": {"
                       "\"into\": \"o\"}}], \"$db\": \"d\"}"},
        {REPEAT_NEVER, "{\"getMore\": {\"$numberLong\": \"5\"}, \"$db\": \"d\"}"},
        {REPEAT_NEVER, "{\"mapReduce\": \"c\", \"out\": {\"inline\": 1}, \"$db\": \"d\"}"},
        {REPEAT_NEVER, "{\"collStats\": \"c\", \"$db\": \"d\"}"},
        {REPEAT_NEVER, "{\"ping\": 1, \"$db\": \"d\"}"},
        {REPEAT_NEVER, "{\"nobodyKnows\": 1, " NUMBER},
        {REPEAT_NEVER, "{\"create\": \"c\", \"$db\": \"d\"}"},
        {REPEAT_NEVER, "{\"explain\": {\"find\": \"c\"}, \"$db\": \"d\"}"},
        {REPEAT_NEVER, "{\"find\": \"c\", " FIRST},
        {REPEAT_NEVER, "{\"find\": \"c\", " LATER},
        {REPEAT_NEVER, "{\"insert\": \"c\", \"$db\": \"d\"}"},
        {REPEAT_NEVER,
         "{\"insert\": \"c\", \"txnNumber\": {\"$numberLong\": \"3\"}, \"$db\": \"d\"}"},
        {REPEAT_NEVER, "{\"insert\": \"c\", \"writeConcern\": {\"w\": 0}, " NUMBER},
        {REPEAT_WRITE, "{\"insert\": \"c\", " NUMBER},
        {REPEAT_WRITE, "{\"update\": \"c\", " NUMBER},
        {REPEAT_WRITE, "{\"delete\": \"c\", " NUMBER},
        {REPEAT_WRITE, "{\"findAndModify\": \"c\", " NUMBER},
        {REPEAT_WRITE, "{\"bulkWrite\": 1, " NUMBER},
        {REPEAT_NEVER, "{\"insert\": \"c\", " FIRST},
        {REPEAT_NEVER, "{\"insert\": \"c\", " LATER},
        {REPEAT_NEVER, "{\"commitTransaction\": 1, " LATER},
        {REPEAT_NEVER, "{\"abortTransaction\": 1, " LATER},
        {REPEAT_NEVER, "{\"commitTransaction\": 1, " NUMBER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (kind_of(cases[i].json) != cases[i].kind) {
            fail_msg("%s", cases[i].json);
        }
    }
}

static const struct request_facts READ = {.command = COMMAND_FIND, .expects_reply = true};
static const struct request_facts WRITE = {
    .command = COMMAND_INSERT, .expects_reply = true, .has_lsid = true, .has_txn_number = true};
static const struct request_facts PLAIN = {.command = COMMAND_INSERT, .expects_reply = true};

static struct reply_facts error_reply(int32_t code, uint8_t labels)
{
    return (struct reply_facts){.has_ok = true, .code = code, .labels = labels};
}

static bool repeats(const struct request_facts *facts, struct repeat_server server, int32_t code,
                    uint8_t labels)
{
    struct reply_facts reply = error_reply(code, labels);
    return repeat_after_reply(facts, &reply, server);
}

static void test_reads_go_by_code(void **state)
{
    static const int32_t yes[] = {6,    7,     89,    91,    134,   189,  262,
                                  9001, 10107, 11600, 11602, 13435, 13436};
    static const int32_t no[] = {0, 1, 11, 13, 43, 50, 63, 112, 133, 251, 391, 407, 10058, 11000};
    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        assert_true(repeats(&READ, NEW_MONGOD, yes[i], 0));
        assert_false(repeats(&READ, NEW_MONGOD, yes[i], LABEL_SYSTEM_OVERLOADED | LABEL_RETRYABLE));
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        assert_false(repeats(&READ, NEW_MONGOD, no[i], 0));
        assert_false(repeats(&READ, NEW_MONGOD, no[i], LABEL_RETRYABLE_WRITE));
    }
    struct reply_facts good = {.has_ok = true, .is_ok = true, .code = 6};
    assert_false(repeat_after_reply(&READ, &good, NEW_MONGOD));
}

static void test_writes_go_by_label(void **state)
{
    (void)state;
    assert_true(repeats(&WRITE, NEW_MONGOD, 10107, LABEL_RETRYABLE_WRITE));
    assert_true(
        repeats(&WRITE, NEW_MONGOD, 358, LABEL_RETRYABLE_WRITE | LABEL_NO_WRITES_PERFORMED));
    assert_false(repeats(&WRITE, NEW_MONGOD, 10107, 0));
    assert_false(repeats(&WRITE, NEW_MONGOD, 6, 0));
    assert_false(repeats(&WRITE, NEW_MONGOD, 462, LABEL_RETRYABLE_WRITE | LABEL_SYSTEM_OVERLOADED));
    assert_false(repeats(&PLAIN, NEW_MONGOD, 10107, LABEL_RETRYABLE_WRITE));
    /* On a write concern error the reply is ok. */
    struct reply_facts reply = {.has_ok = true,
                                .is_ok = true,
                                .has_write_concern_error = true,
                                .write_concern_code = 91,
                                .labels = LABEL_RETRYABLE_WRITE};
    assert_true(repeat_after_reply(&WRITE, &reply, NEW_MONGOD));
    assert_false(repeat_after_reply(&PLAIN, &reply, NEW_MONGOD));
    reply.labels = 0;
    assert_false(repeat_after_reply(&WRITE, &reply, NEW_MONGOD));
}

static void test_writes_of_old_servers_go_by_code(void **state)
{
    struct reply_facts reply = {
        .has_ok = true, .is_ok = true, .has_write_concern_error = true, .write_concern_code = 91};
    (void)state;
    assert_true(repeats(&WRITE, OLD_MONGOD, 10107, 0));
    assert_false(repeats(&WRITE, OLD_MONGOD, 134, 0));
    assert_false(repeats(&WRITE, OLD_MONGOD, 11000, 0));
    assert_true(repeats(&WRITE, OLD_MONGOS, 10107, 0));
    assert_true(repeat_after_reply(&WRITE, &reply, OLD_MONGOD));
    assert_false(repeat_after_reply(&WRITE, &reply, OLD_MONGOS));
    reply.write_concern_code = 100;
    assert_false(repeat_after_reply(&WRITE, &reply, OLD_MONGOD));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_reads_go_by_code),
        cmocka_unit_test(test_writes_go_by_label),
        cmocka_unit_test(test_writes_of_old_servers_go_by_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
