/* The answer to hello, and which hellos are refused. */
#include "reply_read.h"

#include "core/wire/hello_reply.h"

static struct hello_values values_of(enum presentation presentation)
{
    struct hello_values values;
    hello_values_init(&values);
    values.presentation = presentation;
    values.max_wire_version = 25;
    memset(values.service_id, 0xab, sizeof values.service_id);
    strcpy(values.set_name, "rs0");
    return values;
}

static const struct hello_asker asker = {.connection_id = 5,
                                         .address = {(const uint8_t *)"127.0.0.1:4", 11}};

static void expect(struct span message, enum presentation presentation, const char *expected)
{
    struct built b;
    struct request_facts facts;
    enum wire_fault fault;
    struct hello_values values = values_of(presentation);
    assert_int_equal(inspect_request(message, &facts, &fault), INSPECT_COMPLETE);
    built_begin(&b);
    assert_true(reply_hello(&b.out, &facts, 12, &values, &asker, 1000));
    built_read(&b);
    assert_int_equal(b.head.opcode, facts.opcode == OP_QUERY ? OP_REPLY : OP_MSG);
    assert_int_equal(b.head.response_to, 7);
    assert_json(&b, expected);
    built_end(&b);
}

#define LIMITS                                                                                   \
    "\"maxBsonObjectSize\" : 16777216, \"maxMessageSizeBytes\" : 48000000,"                      \
    " \"maxWriteBatchSize\" : 100000, \"localTime\" : { \"$date\" : \"1970-01-01T00:00:01Z\" }," \
    " \"logicalSessionTimeoutMinutes\" : 30, \"connectionId\" : 5, \"minWireVersion\" : 0,"      \
    " \"maxWireVersion\" : 25"

static void test_as_mongos(void **state)
{
    (void)state;
    struct maker m = {0};
    expect(make_msg(&m, 0, "{\"hello\": 1, \"$db\": \"admin\"}"), PRESENT_MONGOS,
           "{ \"isWritablePrimary\" : true, \"msg\" : \"isdbgrid\", " LIMITS ", \"ok\" : 1.0 }");
    expect(make_msg(&m, 0, "{\"isMaster\": 1, \"helloOk\": true, \"$db\": \"admin\"}"),
           PRESENT_MONGOS,
           "{ \"ismaster\" : true, \"msg\" : \"isdbgrid\", \"helloOk\" : true, " LIMITS
           ", \"ok\" : 1.0 }");
    expect(make_query(&m, "admin.$cmd", "{\"ismaster\": 1}"), PRESENT_MONGOS,
           "{ \"ismaster\" : true, \"msg\" : \"isdbgrid\", " LIMITS ", \"ok\" : 1.0 }");
    /* Credentials: answered without the fields, the login that follows is told what is wrong. */
    expect(make_msg(&m, 0,
                    "{\"hello\": 1, \"saslSupportedMechs\": \"admin.u\","
                    " \"speculativeAuthenticate\": {\"saslStart\": 1}, \"apiVersion\": \"1\","
                    " \"backpressure\": true, \"compression\": [\"zstd\"], \"$db\": \"admin\"}"),
           PRESENT_MONGOS,
           "{ \"isWritablePrimary\" : true, \"msg\" : \"isdbgrid\", " LIMITS ", \"ok\" : 1.0 }");
    expect(make_msg(&m, 0, "{\"hello\": 1, \"loadBalanced\": true, \"$db\": \"admin\"}"),
           PRESENT_MONGOS,
           "{ \"isWritablePrimary\" : true, \"msg\" : \"isdbgrid\", " LIMITS
           ", \"serviceId\" : { \"$oid\" : \"abababababababababababab\" }, \"ok\" : 1.0 }");
    make_free(&m);
}

static void test_as_standalone(void **state)
{
    (void)state;
    struct maker m = {0};
    expect(make_query(&m, "admin.$cmd", "{\"isMaster\": 1}"), PRESENT_STANDALONE,
           "{ \"ismaster\" : true, \"readOnly\" : false, " LIMITS ", \"ok\" : 1.0 }");
    make_free(&m);
}

#define MEMBER                                                                       \
    "\"secondary\" : false, \"hosts\" : [ \"127.0.0.1:4\" ], \"setName\" : \"rs0\"," \
    " \"setVersion\" : 1, \"primary\" : \"127.0.0.1:4\", \"me\" : \"127.0.0.1:4\","  \
    " \"electionId\" : { \"$oid\" : \"7fffffff0000000000000001\" }, \"lastWrite\" :" \
    " { \"lastWriteDate\" : { \"$date\" : \"1970-01-01T00:00:01Z\" } }, \"readOnly\" : false"

/* The one member of a set, at the address on which the client came: never with "msg". */
static void test_as_replica_set(void **state)
{
    (void)state;
    struct maker m = {0};
    expect(make_msg(&m, 0, "{\"hello\": 1, \"$db\": \"admin\"}"), PRESENT_REPLICA_SET,
           "{ \"isWritablePrimary\" : true, " MEMBER ", " LIMITS ", \"ok\" : 1.0 }");
    expect(make_query(&m, "admin.$cmd", "{\"isMaster\": 1, \"helloOk\": true}"),
           PRESENT_REPLICA_SET,
           "{ \"ismaster\" : true, " MEMBER ", \"helloOk\" : true, " LIMITS ", \"ok\" : 1.0 }");
    /* Behind a load balancer are mongoses: some drivers look at setName before serviceId. */
    expect(make_msg(&m, 0, "{\"hello\": 1, \"loadBalanced\": true, \"$db\": \"admin\"}"),
           PRESENT_REPLICA_SET,
           "{ \"isWritablePrimary\" : true, \"msg\" : \"isdbgrid\", " LIMITS
           ", \"serviceId\" : { \"$oid\" : \"abababababababababababab\" }, \"ok\" : 1.0 }");
    expect(make_msg(&m, 0, "{\"hello\": 1, \"loadBalanced\": false, \"$db\": \"admin\"}"),
           PRESENT_REPLICA_SET,
           "{ \"isWritablePrimary\" : true, " MEMBER ", " LIMITS ", \"ok\" : 1.0 }");
    make_free(&m);
}

/* Not a primary without a name: one that drivers keep and ask again. */
static void test_as_replica_set_without_a_name(void **state)
{
    (void)state;
    struct built b;
    struct request_facts facts = {
        .opcode = OP_MSG, .command = COMMAND_HELLO, .expects_reply = true};
    struct hello_values values = values_of(PRESENT_REPLICA_SET);
    memset(values.set_name, 0, sizeof values.set_name);
    built_begin(&b);
    reply_hello(&b.out, &facts, 1, &values, &asker, 1000);
    built_read(&b);
    assert_json(&b,
                "{ \"isWritablePrimary\" : false, \"secondary\" : false, \"isreplicaset\" : true,"
                " \"readOnly\" : false, " LIMITS ", \"ok\" : 1.0 }");
    built_end(&b);
}

/* What is longest fits. */
static void test_room(void **state)
{
    (void)state;
    struct built b;
    char address[HELLO_ADDRESS_BYTES_MOST];
    struct request_facts facts = {.opcode = OP_QUERY,
                                  .command = COMMAND_HELLO,
                                  .expects_reply = true,
                                  .hello.wants_hello_ok = true};
    struct hello_values values = values_of(PRESENT_REPLICA_SET);
    memset(values.set_name, 's', SET_NAME_BYTES_MOST);
    memset(address, 'a', sizeof address);
    struct hello_asker longest = {.connection_id = 5, .address = span_of(address, sizeof address)};
    built_begin(&b);
    reply_hello(&b.out, &facts, 1, &values, &longest, 1000);
    built_read(&b);
    built_end(&b);
}

/* Drivers in C and Java take nothing but int32 for these, and bool for those. */
static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        bson_type_t type;
    } FIELDS[] = {
        {"ismaster", BSON_TYPE_BOOL},           {"helloOk", BSON_TYPE_BOOL},
        {"maxBsonObjectSize", BSON_TYPE_INT32}, {"maxMessageSizeBytes", BSON_TYPE_INT32},
        {"maxWriteBatchSize", BSON_TYPE_INT32}, {"minWireVersion", BSON_TYPE_INT32},
        {"maxWireVersion", BSON_TYPE_INT32},    {"logicalSessionTimeoutMinutes", BSON_TYPE_INT32},
        {"localTime", BSON_TYPE_DATE_TIME},     {"ok", BSON_TYPE_DOUBLE},
    };
    struct built b;
    struct request_facts facts = {.opcode = OP_MSG,
                                  .command = COMMAND_IS_MASTER,
                                  .expects_reply = true,
                                  .hello.wants_hello_ok = true};
    struct hello_values values = values_of(PRESENT_MONGOS);
    values.logical_session_timeout_minutes = 30;
    built_begin(&b);
    reply_hello(&b.out, &facts, 1, &values, &asker, 1);
    built_read(&b);
    for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
        bson_iter_t iter;
        assert_true(bson_iter_init_find(&iter, &b.document, FIELDS[i].key));
        assert_int_equal(bson_iter_type(&iter), FIELDS[i].type);
    }
    assert_false(bson_has_field(&b.document, "serviceId"));
    assert_false(bson_has_field(&b.document, "topologyVersion"));
    assert_false(bson_has_field(&b.document, "setName"));
    built_end(&b);

    values.logical_session_timeout_minutes = -1;
    built_begin(&b);
    reply_hello(&b.out, &facts, 1, &values, &asker, 1);
    built_read(&b);
    assert_false(bson_has_field(&b.document, "logicalSessionTimeoutMinutes"));
    built_end(&b);
}

static void test_set_types(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        bson_type_t type;
    } FIELDS[] = {
        {"hosts", BSON_TYPE_ARRAY},          {"setName", BSON_TYPE_UTF8},
        {"setVersion", BSON_TYPE_INT32},     {"electionId", BSON_TYPE_OID},
        {"secondary", BSON_TYPE_BOOL},       {"isWritablePrimary", BSON_TYPE_BOOL},
        {"lastWrite", BSON_TYPE_DOCUMENT},   {"maxWireVersion", BSON_TYPE_INT32},
        {"minWireVersion", BSON_TYPE_INT32}, {"readOnly", BSON_TYPE_BOOL},
    };
    struct built b;
    struct request_facts facts = {
        .opcode = OP_MSG, .command = COMMAND_HELLO, .expects_reply = true};
    struct hello_values values = values_of(PRESENT_REPLICA_SET);
    built_begin(&b);
    reply_hello(&b.out, &facts, 1, &values, &asker, 1);
    built_read(&b);
    for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
        bson_iter_t iter;
        assert_true(bson_iter_init_find(&iter, &b.document, FIELDS[i].key));
        assert_int_equal(bson_iter_type(&iter), FIELDS[i].type);
    }
    built_end(&b);
}

#define DRIVER "\"driver\": {\"name\": \"n\", \"version\": \"1\"}"
#define OS     "\"os\": {\"type\": \"Linux\"}"
#define VERSION                                                                      \
    "\"topologyVersion\": {\"processId\": {\"$oid\": \"0123456789abcdef01234567\"}," \
    " \"counter\": {\"$numberLong\": \"%d\"}}"

static int32_t refusal_of(uint32_t flags, const char *fields, bool had_metadata)
{
    struct maker m = {0};
    struct request_facts facts;
    struct error_row row = {0};
    enum wire_fault fault;
    const char *text = NULL;
    char json[2000];
    snprintf(json, sizeof json, "{\"hello\": 1%s%s, \"$db\": \"admin\"}", fields[0] ? ", " : "",
             fields);
    struct span message = make_msg(&m, flags, json);
    assert_int_equal(inspect_request(message, &facts, &fault), INSPECT_COMPLETE);
    if (hello_is_refused(&facts, had_metadata, &row, &text)) {
        assert_non_null(text);
        assert_non_null(row.code_name);
    }
    make_free(&m);
    return row.code;
}

static void test_metadata(void **state)
{
    (void)state;
    char json[1000];
    assert_int_equal(refusal_of(0, "", true), 0);
    assert_int_equal(refusal_of(0, "\"client\": {" DRIVER ", " OS "}", false), 0);
    assert_int_equal(refusal_of(0, "\"client\": {" DRIVER ", " OS "}", true), 186);
    assert_int_equal(refusal_of(0, "\"client\": {}", false), 183);
    assert_int_equal(refusal_of(0, "\"client\": {" DRIVER "}", false), 183);
    assert_int_equal(refusal_of(0, "\"client\": {" OS "}", false), 183);
    assert_int_equal(refusal_of(0, "\"client\": {\"driver\": {\"name\": 1}, " OS "}", false), 183);
    for (int size = 128; size < 130; size++) {
        snprintf(json, sizeof json,
                 "\"client\": {" DRIVER ", " OS ", \"application\": {\"name\": \"%0*d\"}}", size,
                 1);
        assert_int_equal(refusal_of(0, json, false), size == 128 ? 0 : 184);
    }
    for (int size = 400; size < 440; size++) {
        snprintf(json, sizeof json, "\"client\": {" DRIVER ", " OS ", \"platform\": \"%0*d\"}",
                 size, 1);
        struct maker m = {0};
        char document[1100];
        snprintf(document, sizeof document, "{%s}", json);
        make_json(&m, document);
        bool is_large = m.size - 4 - 1 - 7 - 1 > CLIENT_BYTES_MOST;
        assert_int_equal(refusal_of(0, json, false), is_large ? 185 : 0);
        make_free(&m);
    }
}

static void test_await(void **state)
{
    (void)state;
    char json[300];
    snprintf(json, sizeof json, VERSION, 1);
    assert_int_equal(refusal_of(0, json, false), 51760);
    assert_int_equal(refusal_of(0, "\"maxAwaitTimeMS\": 1", false), 51760);
    assert_int_equal(refusal_of(MSG_EXHAUST_ALLOWED, "", false), 51763);
    snprintf(json, sizeof json, VERSION ", \"maxAwaitTimeMS\": 1", 1);
    assert_int_equal(refusal_of(0, json, false), 0);
    assert_int_equal(refusal_of(MSG_EXHAUST_ALLOWED, json, false), 0);
    snprintf(json, sizeof json, VERSION ", \"maxAwaitTimeMS\": 1", -1);
    assert_int_equal(refusal_of(0, json, false), 51758);
    snprintf(json, sizeof json, VERSION ", \"maxAwaitTimeMS\": -1", 1);
    assert_int_equal(refusal_of(0, json, false), 51759);
}

static void test_api_version(void **state)
{
    (void)state;
    assert_int_equal(refusal_of(0, "\"apiVersion\": \"1\", \"apiStrict\": true", false), 0);
    assert_int_equal(refusal_of(0, "\"apiVersion\": \"2\"", false), 322);
}

static void test_client_names(void **state)
{
    (void)state;
    struct maker m = {0};
    struct client_names names;
    make_json(&m, "{\"application\": {\"name\": \"shop\"}, \"driver\": {\"name\": \"PyMongo\","
                  " \"version\": \"4.1\"}, \"os\": {}}");
    hello_read_client(span_of(m.bytes, m.size), &names);
    assert_span(names.application, "shop");
    assert_span(names.driver, "PyMongo");
    assert_span(names.driver_version, "4.1");
    hello_read_client(span_of(NULL, 0), &names);
    assert_int_equal(names.driver.size, 0);
    make_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_mongos),      cmocka_unit_test(test_as_standalone),
        cmocka_unit_test(test_as_replica_set), cmocka_unit_test(test_as_replica_set_without_a_name),
        cmocka_unit_test(test_room),           cmocka_unit_test(test_set_types),
        cmocka_unit_test(test_types),          cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_await),          cmocka_unit_test(test_api_version),
        cmocka_unit_test(test_client_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
