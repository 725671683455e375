/* Facts about requests that are looked at in place. */
#include "wire_make.h"

#include "core/wire/inspect.h"

#define LSID                                                                      \
    "\"lsid\": {\"id\": {\"$binary\": {\"base64\": \"AAECAwQFBgcICQoLDA0ODw==\"," \
    " \"subType\": \"04\"}}}"

struct request {
    struct maker maker;
    struct span message;
    struct request_facts facts;
};

static void inspect(struct request *r)
{
    enum wire_fault fault = WIRE_FAULT_NONE;
    enum inspect_result result = inspect_request(r->message, &r->facts, &fault);
    if (result != INSPECT_COMPLETE) {
        fail_msg("result %d, %s", result, wire_fault_row(fault)->text);
    }
    assert_true(r->facts.is_complete);
    assert_false(r->facts.is_cut);
}

static const struct request_facts *inspect_json(struct request *r, const char *json)
{
    r->message = make_msg(&r->maker, 0, json);
    inspect(r);
    return &r->facts;
}

static void test_find(void **state)
{
    (void)state;
    struct request r = {0};
    const struct request_facts *f =
        inspect_json(&r, "{\"find\": \"things\", \"filter\": {\"a\": 1}, \"maxTimeMS\": 500, " LSID
                         ", \"$db\": \"shop\"}");
    assert_int_equal(f->command, COMMAND_FIND);
    assert_int_equal(f->request_id, 7);
    assert_int_equal(f->opcode, OP_MSG);
    assert_int_equal(f->message_bytes, r.message.size);
    assert_span(f->command_name, "find");
    assert_span(f->collection, "things");
    assert_span(f->database, "shop");
    assert_true(f->expects_reply);
    assert_true(f->has_lsid);
    assert_int_equal(f->lsid[0], 0);
    assert_int_equal(f->lsid[15], 15);
    assert_false(f->has_txn_number);
    assert_false(f->has_autocommit);
    assert_int_equal(f->max_time_ms, 500);
    assert_false(f->preference.is_present);
    assert_false(f->is_tailable);
    assert_true(facts_may_use_secondary(f, 0));
    assert_true(facts_is_retryable_read(f));
    assert_false(facts_is_priority(f));

    f = inspect_json(&r,
                     "{\"find\": \"log\", \"tailable\": true, \"awaitData\": 1, \"$db\": \"d\"}");
    assert_true(f->is_tailable);
    assert_true(f->is_await);
    assert_int_equal(f->max_time_ms, -1);
    make_free(&r.maker);
}

static void test_sections_in_any_order(void **state)
{
    (void)state;
    struct request r = {0};
    for (int order = 0; order < 2; order++) {
        make_header(&r.maker, 9, OP_MSG);
        make_int32(&r.maker, 0);
        if (order == 1) {
            make_sequence(&r.maker, "ops", "{\"insert\": 0, \"document\": {\"x\": 1}}", 3);
        }
        make_body(&r.maker, "{\"bulkWrite\": 1, " LSID ", \"txnNumber\": {\"$numberLong\": \"12\"},"
                            " \"$db\": \"admin\"}");
        if (order == 0) {
            make_sequence(&r.maker, "ops", "{\"insert\": 0, \"document\": {\"x\": 1}}", 3);
        }
        make_sequence(&r.maker, "nsInfo", "{\"ns\": \"a.b\"}", 1);
        r.message = make_end(&r.maker);
        inspect(&r);
        assert_int_equal(r.facts.command, COMMAND_BULK_WRITE);
        assert_int_equal(r.facts.txn_number, 12);
        assert_true(facts_is_retryable_write(&r.facts));
        assert_false(facts_may_use_secondary(&r.facts, 25));
        assert_int_equal(r.facts.collection.size, 0);
    }
    make_free(&r.maker);
}

static void test_transactions(void **state)
{
    (void)state;
    struct request r = {0};
    const struct request_facts *f =
        inspect_json(&r, "{\"insert\": \"c\", " LSID ", \"txnNumber\": {\"$numberLong\": \"3\"},"
                         " \"startTransaction\": true, \"autocommit\": false, \"$db\": \"d\"}");
    assert_true(f->has_autocommit);
    assert_true(f->starts_transaction);
    assert_false(facts_is_retryable_write(f));
    assert_false(facts_is_priority(f));

    f = inspect_json(&r, "{\"find\": \"c\", " LSID ", \"txnNumber\": {\"$numberLong\": \"3\"},"
                         " \"autocommit\": false, \"$db\": \"d\","
                         " \"$readPreference\": {\"mode\": \"secondary\"}}");
    assert_true(facts_is_priority(f));
    assert_false(facts_may_use_secondary(f, 25));
    assert_false(facts_is_retryable_read(f));

    f = inspect_json(&r, "{\"commitTransaction\": 1, " LSID ", \"txnNumber\":"
                         " {\"$numberLong\": \"3\"}, \"autocommit\": false, \"$db\": \"admin\"}");
    assert_int_equal(f->command, COMMAND_COMMIT_TRANSACTION);
    assert_true(facts_is_priority(f));
    make_free(&r.maker);
}

static void test_cursors(void **state)
{
    (void)state;
    struct request r = {0};
    struct view v;
    struct element e;
    int64_t id = 0;
    const struct request_facts *f =
        inspect_json(&r, "{\"getMore\": {\"$numberLong\": \"1234567890123\"}, \"collection\":"
                         " \"things\", \"maxTimeMS\": 1000, \"$db\": \"shop\"}");
    assert_int_equal(f->command, COMMAND_GET_MORE);
    assert_true(f->cursor_id == 1234567890123);
    assert_span(f->collection, "things");
    assert_true(facts_is_priority(f));
    assert_false(facts_is_retryable_read(f));

    f = inspect_json(&r, "{\"killCursors\": \"things\", \"cursors\": [{\"$numberLong\": \"5\"},"
                         " {\"$numberLong\": \"6\"}], \"$db\": \"shop\"}");
    assert_span(f->collection, "things");
    view_init(&v, f->cursors);
    for (int64_t i = 5; i < 7; i++) {
        assert_int_equal(view_next(&v, &e), VIEW_ELEMENT);
        assert_true(element_int64(&e, &id));
        assert_int_equal(id, i);
    }
    assert_int_equal(view_next(&v, &e), VIEW_END);

    f = inspect_json(&r, "{\"endSessions\": [{\"id\": 1}], \"$db\": \"admin\"}");
    assert_true(f->lsids.size > DOCUMENT_BYTES_LEAST);
    assert_true(facts_is_priority(f));
    make_free(&r.maker);
}

static void test_aggregates(void **state)
{
    (void)state;
    static const struct {
        const char *pipeline;
        bool writes;
        bool streams;
    } CASES[] = {
        {"[]", false, false},
        {"[{\"$match\": {}}]", false, false},
        {"[{\"$match\": {}}, {\"$out\": \"x\"}]", true, false},
        {"[{\"$match\": {}}, {\"$merge\": {\"into\": \"x\"}}]", true, false},
        {"[{\"$out\": \"x\"}, {\"$match\": {}}]", false, false},
        {"[{\"$changeStream\": {}}, {\"$match\": {}}]", false, true},
        {"[{\"$match\": {}}, {\"$changeStream\": {}}]", false, false},
        {"[{\"$match\": {\"$out\": 1}}]", false, false},
        {"[{}, 5]", false, false},
    };
    struct request r = {0};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char json[300];
        snprintf(json, sizeof json,
                 "{\"aggregate\": \"c\", \"pipeline\": %s, \"cursor\": {}, \"$db\": \"d\"}",
                 CASES[i].pipeline);
        const struct request_facts *f = inspect_json(&r, json);
        assert_int_equal(f->has_write_stage, CASES[i].writes);
        assert_int_equal(f->is_change_stream, CASES[i].streams);
        assert_int_equal(facts_may_use_secondary(f, 12), !CASES[i].writes);
        assert_true(facts_may_use_secondary(f, 13));
        assert_int_equal(facts_is_retryable_read(f), !CASES[i].writes);
    }
    const struct request_facts *f = inspect_json(&r, "{\"aggregate\": 1, \"$db\": \"d\"}");
    assert_true(f->has_write_stage); /* no pipeline was seen: nothing is assumed */
    make_free(&r.maker);
}

static void test_who_may_use_a_secondary(void **state)
{
    (void)state;
#define SECONDARY ", \"$readPreference\": {\"mode\": \"secondary\"}"
    static const struct {
        const char *json;
        bool may;
    } CASES[] = {
        {"{\"count\": \"c\", \"$db\": \"d\"}", true},
        {"{\"distinct\": \"c\", \"$db\": \"d\"}", true},
        {"{\"collStats\": \"c\", \"$db\": \"d\"}", true},
        {"{\"dbstats\": 1, \"$db\": \"d\"}", true},
        {"{\"explain\": {\"find\": \"c\"}, \"$db\": \"d\"}", true},
        {"{\"explain\": {\"update\": \"c\"}, \"$db\": \"d\"}", false},
        {"{\"explain\": {\"update\": \"c\"}, \"$db\": \"d\"" SECONDARY "}", false},
        {"{\"mapReduce\": \"c\", \"out\": {\"inline\": 1}, \"$db\": \"d\"}", true},
        {"{\"mapReduce\": \"c\", \"out\": {\"replace\": \"x\"}, \"$db\": \"d\"}", false},
        {"{\"mapReduce\": \"c\", \"out\": \"x\", \"$db\": \"d\"}", false},
        {"{\"insert\": \"c\", \"$db\": \"d\"" SECONDARY "}", false},
        {"{\"findAndModify\": \"c\", \"$db\": \"d\"" SECONDARY "}", false},
        {"{\"serverStatus\": 1, \"$db\": \"d\"}", false},
        {"{\"serverStatus\": 1, \"$db\": \"d\"" SECONDARY "}", true},
        {"{\"serverStatus\": 1, \"$db\": \"d\", \"$readPreference\": {\"mode\": \"primary\"}}",
         false},
    };
#undef SECONDARY
    struct request r = {0};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        if (facts_may_use_secondary(inspect_json(&r, CASES[i].json), 25) != CASES[i].may) {
            fail_msg("%s", CASES[i].json);
        }
    }
    make_free(&r.maker);
}

static void test_read_preferences(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int mode; /* -1: malformed */
        int64_t staleness;
        bool tags;
        bool hedge;
    } CASES[] = {
        {"{\"mode\": \"primary\"}", READ_PRIMARY, -1, false, false},
        {"{\"mode\": \"primaryPreferred\"}", READ_PRIMARY_PREFERRED, -1, false, false},
        {"{\"mode\": \"secondary\", \"tags\": [{\"dc\": \"ny\"}, {}]}", READ_SECONDARY, -1, true,
         false},
        {"{\"mode\": \"secondaryPreferred\", \"maxStalenessSeconds\": 120}",
         READ_SECONDARY_PREFERRED, 120, false, false},
        {"{\"mode\": \"nearest\", \"hedge\": {\"enabled\": true}, \"other\": 1}", READ_NEAREST, -1,
         false, true},
        {"{\"mode\": \"nearest\", \"maxStalenessSeconds\": 90.0}", READ_NEAREST, 90, false, false},
        {"{\"mode\": \"nearest\", \"maxStalenessSeconds\": -1}", READ_NEAREST, -1, false, false},
        {"{\"mode\": \"Nearest\"}", -1, 0, false, false},
        {"{\"mode\": 1}", -1, 0, false, false},
        {"{\"mode\": \"nearest\", \"maxStalenessSeconds\": 1.5}", -1, 0, false, false},
        {"{\"mode\": \"nearest\", \"maxStalenessSeconds\": -2}", -1, 0, false, false},
        {"{\"mode\": \"nearest\", \"tags\": {}}", -1, 0, false, false},
        {"{\"mode\": \"nearest\", \"tags\": [\"dc\"]}", -1, 0, false, false},
        {"{\"mode\": \"nearest\", \"tags\": [{}, {\"dc\": 1}]}", -1, 0, false, false},
        {"\"secondary\"", -1, 0, false, false},
    };
    struct request r = {0};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char json[300];
        snprintf(json, sizeof json, "{\"find\": \"c\", \"$readPreference\": %s, \"$db\": \"d\"}",
                 CASES[i].json);
        const struct read_preference *p = &inspect_json(&r, json)->preference;
        assert_true(p->is_present);
        assert_int_equal(p->is_malformed, CASES[i].mode < 0);
        if (CASES[i].mode >= 0) {
            assert_int_equal(p->mode, CASES[i].mode);
            assert_int_equal(p->max_staleness_seconds, CASES[i].staleness);
            assert_int_equal(p->tags.size > 0, CASES[i].tags);
            assert_int_equal(p->has_hedge, CASES[i].hedge);
        }
    }
    make_free(&r.maker);
}

static void test_hello(void **state)
{
    (void)state;
    struct request r = {0};
    const struct request_facts *f = inspect_json(
        &r, "{\"hello\": 1, \"helloOk\": true, \"client\": {\"driver\": {\"name\": \"n\"}},"
            " \"saslSupportedMechs\": \"admin.u\", \"speculativeAuthenticate\": {\"saslStart\": 1},"
            " \"loadBalanced\": true, \"topologyVersion\": {\"processId\":"
            " {\"$oid\": \"0123456789abcdef01234567\"}, \"counter\": {\"$numberLong\": \"4\"}},"
            " \"maxAwaitTimeMS\": {\"$numberLong\": \"10000\"}, \"apiVersion\": \"1\","
            " \"backpressure\": \"2\", \"$db\": \"admin\"}");
    assert_true(command_is_hello(f->command));
    assert_true(f->hello.wants_hello_ok);
    assert_true(f->hello.client.size > 0);
    assert_int_equal(f->hello.client.size, f->hello.client_bytes);
    assert_span(f->hello.sasl_mechs_for, "admin.u");
    assert_true(f->hello.has_speculative_login);
    assert_true(f->hello.is_load_balanced);
    assert_true(f->hello.has_topology_version);
    assert_int_equal(f->hello.topology_counter, 4);
    assert_true(f->hello.has_max_await);
    assert_int_equal(f->hello.max_await_ms, 10000);
    assert_span(f->api_version, "1");

    f = inspect_json(&r, "{\"find\": \"c\", \"client\": {}, \"helloOk\": true, \"$db\": \"d\"}");
    assert_int_equal(f->hello.client_bytes, 0);
    assert_false(f->hello.wants_hello_ok);
    make_free(&r.maker);
}

static void test_query(void **state)
{
    (void)state;
    struct request r = {0};
    r.message = make_query(&r.maker, "admin.$cmd", "{\"isMaster\": 1, \"helloOk\": true}");
    inspect(&r);
    assert_int_equal(r.facts.opcode, OP_QUERY);
    assert_int_equal(r.facts.command, COMMAND_IS_MASTER);
    assert_span(r.facts.database, "admin");
    assert_true(r.facts.hello.wants_hello_ok);
    assert_true(r.facts.expects_reply);

    r.message = make_query(&r.maker, "admin.$cmd",
                           "{\"$query\": {\"ismaster\": 1, \"client\": {\"a\": 1}},"
                           " \"helloOk\": true, \"$readPreference\": {\"mode\": \"nearest\"}}");
    inspect(&r);
    assert_int_equal(r.facts.command, COMMAND_IS_MASTER_LOWER);
    assert_true(r.facts.hello.client_bytes > 0);
    assert_false(r.facts.hello.wants_hello_ok); /* stands beside the command, not in it */
    assert_false(r.facts.preference.is_present);

    /* The namespace says the database; what the body says of it has no meaning there. */
    r.message = make_query(&r.maker, "admin.$cmd", "{\"hello\": 1, \"$db\": \"elsewhere\"}");
    inspect(&r);
    assert_span(r.facts.database, "admin");
    r.message = make_query(&r.maker, "admin.$cmd", "{\"hello\": 1, \"$db\": 1}");
    inspect(&r);
    r.message = make_query(&r.maker, "admin.$cmd", "{\"query\": {\"hello\": 1}}");
    inspect(&r);
    assert_int_equal(r.facts.command, COMMAND_HELLO);
    make_free(&r.maker);
}

static void test_first_of_duplicates_counts(void **state)
{
    (void)state;
    struct maker m = {0};
    bson_t body;
    bson_init(&body);
    BSON_APPEND_UTF8(&body, "find", "a");
    BSON_APPEND_INT64(&body, "txnNumber", 1);
    BSON_APPEND_INT64(&body, "txnNumber", 2);
    BSON_APPEND_UTF8(&body, "$db", "first");
    BSON_APPEND_UTF8(&body, "$db", "second");
    make_header(&m, 1, OP_MSG);
    make_int32(&m, 0);
    make_byte(&m, 0);
    make_bytes(&m, bson_get_data(&body), body.len);
    struct request r = {.maker = m, .message = make_end(&m)};
    inspect(&r);
    assert_span(r.facts.database, "first");
    assert_int_equal(r.facts.txn_number, 1);
    bson_destroy(&body);
    make_free(&m);
}

static void test_odd_types_count_as_absent(void **state)
{
    (void)state;
    struct request r = {0};
    const struct request_facts *f = inspect_json(
        &r, "{\"find\": 5, \"lsid\": {\"id\": \"text\"}, \"txnNumber\": \"1\", \"autocommit\":"
            " \"false\", \"maxTimeMS\": \"5\", \"writeConcern\": 1, \"apiVersion\": 1,"
            " \"$db\": \"d\"}");
    assert_int_equal(f->collection.size, 0);
    assert_false(f->has_lsid);
    assert_false(f->has_txn_number);
    assert_false(f->has_autocommit);
    assert_int_equal(f->max_time_ms, -1);
    assert_false(f->is_w0);
    assert_int_equal(f->api_version.size, 0);
    f = inspect_json(&r, "{\"find\": \"c\", \"maxTimeMS\": -5, \"$db\": \"d\"}");
    assert_int_equal(f->max_time_ms, -1);
    f = inspect_json(&r, "{\"find\": \"c\", \"lsid\": {\"id\": {\"$binary\": {\"base64\": \"AAEC\","
                         " \"subType\": \"04\"}}}, \"$db\": \"d\"}");
    assert_false(f->has_lsid);
    f = inspect_json(&r, "{\"update\": \"c\", \"writeConcern\": {\"w\": 0}, \"$db\": \"d\"}");
    assert_true(f->is_w0);
    f = inspect_json(
        &r, "{\"update\": \"c\", \"writeConcern\": {\"w\": \"majority\"}, \"$db\": \"d\"}");
    assert_false(f->is_w0);
    make_free(&r.maker);
}

static void test_may_fall_back(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        bool may;
    } CASES[] = {
        {"\"find\": \"c\"", true},
        {"\"find\": \"c\", \"$readPreference\": {\"mode\": \"primary\"}", true},
        {"\"find\": \"c\", \"$readPreference\": {\"mode\": \"secondary\"}", false},
        {"\"find\": \"c\", \"readConcern\": {\"level\": \"majority\"}", true},
        {"\"find\": \"c\", \"readConcern\": {\"level\": \"linearizable\"}", false},
        {"\"listCollections\": 1", true},
        {"\"aggregate\": \"c\", \"pipeline\": [{\"$out\": \"o\"}]", false},
        {"\"find\": \"c\", \"autocommit\": false", false},
        {"\"ping\": 1", false},
        {"\"insert\": \"c\"", false},
        {"\"getMore\": {\"$numberLong\": \"4\"}", false},
    };
    struct request r = {0};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char json[200];
        snprintf(json, sizeof json, "{%s, \"$db\": \"d\"}", CASES[i].fields);
        assert_int_equal(facts_may_fall_back(inspect_json(&r, json)), CASES[i].may);
    }
    make_free(&r.maker);
}

static void test_flags(void **state)
{
    (void)state;
    struct request r = {0};
    r.message = make_msg(&r.maker, MSG_MORE_TO_COME | MSG_EXHAUST_ALLOWED | 1U << 31,
                         "{\"insert\": \"c\", \"$db\": \"d\"}");
    inspect(&r);
    assert_false(r.facts.expects_reply);
    assert_int_equal(r.facts.flags & MSG_EXHAUST_ALLOWED, MSG_EXHAUST_ALLOWED);
    make_free(&r.maker);
}

/* What goes upstream in the place of the first bytes: our id, no flag, no checksum counted. */
static void test_upstream_head(void **state)
{
    (void)state;
    struct request_facts f = {.opcode = OP_MSG, .message_bytes = 100, .request_id = 7};
    uint8_t head[UPSTREAM_HEAD_BYTES];
    f.flags = MSG_MORE_TO_COME | MSG_EXHAUST_ALLOWED | 1U << 20;
    facts_write_upstream_head(&f, 4711, head);
    static const uint8_t EXPECTED[] = {100, 0, 0,    0, 0x67, 0x12, 0, 0, 0, 0,
                                       0,   0, 0xdd, 7, 0,    0,    0, 0, 0, 0};
    assert_memory_equal(head, EXPECTED, sizeof head);
    f.flags |= MSG_CHECKSUM_PRESENT;
    facts_write_upstream_head(&f, 4711, head);
    assert_int_equal(head[0], 96);
}

static void test_max_time_in_place(void **state)
{
    (void)state;
    static const char *const VALUES[] = {"500", "{\"$numberLong\": \"500\"}", "500.0"};
    struct request r = {0};
    for (size_t i = 0; i < 3; i++) {
        char json[100];
        uint8_t bytes[8];
        snprintf(json, sizeof json, "{\"find\": \"c\", \"maxTimeMS\": %s, \"$db\": \"d\"}",
                 VALUES[i]);
        const struct request_facts *f = inspect_json(&r, json);
        assert_int_equal(f->max_time_ms, 500);
        size_t size = facts_write_max_time(f, 321, bytes);
        assert_int_equal(size, i == 0 ? 4 : 8);
        memcpy(r.maker.bytes + f->max_time_offset, bytes, size);
        inspect(&r);
        assert_int_equal(r.facts.max_time_ms, 321);
    }
    make_free(&r.maker);
}

static void test_keep(void **state)
{
    (void)state;
    struct request r = {0};
    struct facts_store store;
    inspect_json(&r, "{\"find\": \"things\", \"$readPreference\": {\"mode\": \"nearest\", \"tags\":"
                     " [{\"a\": \"b\"}]}, \"apiVersion\": \"1\", \"$db\": \"shop\"}");
    assert_true(facts_keep(&r.facts, &store));
    memset(r.maker.bytes, 0xee, r.maker.size);
    assert_span(r.facts.command_name, "find");
    assert_span(r.facts.collection, "things");
    assert_span(r.facts.database, "shop");
    assert_span(r.facts.api_version, "1");
    assert_int_equal(r.facts.preference.tags.at[0], r.facts.preference.tags.size);

    uint8_t large[sizeof store.bytes];
    memset(large, 1, sizeof large);
    inspect_json(&r, "{\"find\": \"c\", \"$db\": \"d\"}");
    r.facts.cursors = span_of(large, sizeof large);
    assert_false(facts_keep(&r.facts, &store));
    assert_true(r.facts.is_cut);
    assert_int_equal(r.facts.cursors.size, 0);
    assert_span(r.facts.database, "d");
    make_free(&r.maker);
}

static void test_too_large_to_look_at(void **state)
{
    (void)state;
    struct request r = {0};
    enum wire_fault fault;
    char json[1500];
    snprintf(json, sizeof json, "{\"hello\": 1, \"client\": {\"a\": \"%0600d\"}, \"$db\": \"d\"}",
             1);
    r.message = make_msg(&r.maker, 0, json);
    assert_int_equal(inspect_request(r.message, &r.facts, &fault), INSPECT_COMPLETE);
    assert_true(r.facts.is_cut);
    assert_int_equal(r.facts.hello.client.size, 0);
    assert_int_equal(r.facts.hello.client_bytes, 613);
    make_free(&r.maker);
}

/* Of a document whose first key matters, the size does not. */
static void test_first_keys_of_large_documents(void **state)
{
    (void)state;
    struct request r = {0};
    char json[1500];
    snprintf(json, sizeof json,
             "{\"aggregate\": \"c\", \"pipeline\": [{\"$changeStream\": {\"a\": \"%0500d\"}},"
             " {\"$merge\": {\"a\": \"%0500d\"}}], \"$db\": \"d\"}",
             1, 1);
    const struct request_facts *f = inspect_json(&r, json);
    assert_true(f->is_change_stream);
    assert_true(f->has_write_stage);
    snprintf(json, sizeof json,
             "{\"explain\": {\"find\": \"c\", \"filter\": {\"a\": \"%0500d\"}}, \"$db\": \"d\"}",
             1);
    assert_int_equal(inspect_json(&r, json)->explained, COMMAND_FIND);
    snprintf(json, sizeof json,
             "{\"mapReduce\": \"c\", \"out\": {\"inline\": \"%0500d\"}, \"$db\": \"d\"}", 1);
    assert_false(inspect_json(&r, json)->has_write_stage);
    make_free(&r.maker);
}

static void test_read_preference_that_is_not_bson(void **state)
{
    (void)state;
    struct request r = {0};
    inspect_json(&r, "{\"find\": \"c\", \"$readPreference\": {\"mode\": \"nearest\"}, \"$db\":"
                     " \"d\"}");
    uint8_t *mode = memmem(r.maker.bytes, r.maker.size, "nearest", 8);
    mode[8] = 5; /* the final zero of that document */
    inspect(&r);
    assert_true(r.facts.preference.is_malformed);
    make_free(&r.maker);
}

static void test_command_table(void **state)
{
    (void)state;
#define ROW(constant, name, traits)                                    \
    assert_int_equal(command_of(span_text(name)), COMMAND_##constant); \
    assert_string_equal(command_name(COMMAND_##constant), name);
    COMMAND_LIST(ROW)
#undef ROW
    assert_int_equal(command_of(span_text("Find")), COMMAND_OTHER);
    assert_int_equal(command_of(span_text("IsMaster")), COMMAND_OTHER);
    assert_int_equal(command_of(span_text("")), COMMAND_OTHER);
    assert_int_equal(command_of(span_text("other")), COMMAND_OTHER);
    assert_true(command_is_refused(COMMAND_SASL_START));
    assert_true(command_is_refused(COMMAND_SHUTDOWN));
    assert_true(command_is_refused(COMMAND_GET_LAST_ERROR));
    assert_false(command_is_refused(COMMAND_FIND));
    assert_false(command_is_refused(COMMAND_OTHER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_sections_in_any_order),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_cursors),
        cmocka_unit_test(test_aggregates),
        cmocka_unit_test(test_who_may_use_a_secondary),
        cmocka_unit_test(test_read_preferences),
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_first_of_duplicates_counts),
        cmocka_unit_test(test_odd_types_count_as_absent),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_upstream_head),
        cmocka_unit_test(test_may_fall_back),
        cmocka_unit_test(test_max_time_in_place),
        cmocka_unit_test(test_keep),
        cmocka_unit_test(test_too_large_to_look_at),
        cmocka_unit_test(test_first_keys_of_large_documents),
        cmocka_unit_test(test_read_preference_that_is_not_bson),
        cmocka_unit_test(test_command_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
