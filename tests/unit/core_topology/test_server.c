/* Hello replies, read; descriptions compared; round-trip times. */
#include "topology_world.h"

static void expect_type(const char *json, enum server_type type)
{
    struct server_description d = description_of(json);
    if (d.type != type) {
        fail_msg("%s is %s", json, server_type_name(d.type));
    }
    server_description_clear(&d);
}

static void the_type_follows_the_specification_s_order(void **state)
{
    (void)state;
    expect_type("{'ok':0}", SERVER_UNKNOWN);
    expect_type("{'ismaster':true}", SERVER_UNKNOWN);
    expect_type("{'ok':1,'ismaster':true}", SERVER_STANDALONE);
    expect_type("{'ok':1.0,'isWritablePrimary':true}", SERVER_STANDALONE);
    expect_type("{'ok':1,'msg':'isdbgrid','setName':'x','isreplicaset':true}", SERVER_MONGOS);
    expect_type("{'ok':1,'msg':'other'}", SERVER_STANDALONE);
    expect_type("{'ok':1,'isreplicaset':true}", SERVER_RS_GHOST);
    expect_type("{'ok':1,'setName':'x','ismaster':true,'secondary':true}", SERVER_RS_PRIMARY);
    expect_type("{'ok':1,'setName':'x','isWritablePrimary':true,'ismaster':false}",
                SERVER_RS_PRIMARY);
    expect_type("{'ok':1,'setName':'x','secondary':true}", SERVER_RS_SECONDARY);
    expect_type("{'ok':1,'setName':'x','arbiterOnly':true}", SERVER_RS_ARBITER);
    expect_type("{'ok':1,'setName':'x','secondary':true,'hidden':true}", SERVER_RS_OTHER);
    expect_type("{'ok':1,'setName':'x'}", SERVER_RS_OTHER);
    expect_type("{'ok':1,'setName':5,'secondary':true}", SERVER_STANDALONE);
}

static void all_fields_are_read(void **state)
{
    (void)state;
    struct server_description d = description_of(
        "{'ok':1,'setName':'Rs','ismaster':true,'me':'A:1','primary':'B.Example','hosts':['A:1','b'"
        "],'arbiters':['d:4'],'passives':['C:3','[::1]','[::1]:5'],'tags':{'dc':'ny','rack':'1'},"
        "'electionId':{'$oid':'0102030405060708090a0b0c'},'setVersion':7,'minWireVersion':6,"
        "'maxWireVersion':21,'maxBsonObjectSize':16777216,'maxMessageSizeBytes':48000000,"
        "'maxWriteBatchSize':100000,'logicalSessionTimeoutMinutes':30,'lastWrite':{'opTime':1,"
        "'lastWriteDate':{'$date':{'$numberLong':'1234'}}},'readOnly':false,'helloOk':true,"
        "'topologyVersion':{'processId':{'$oid':'000000000000000000000001'},'counter':{"
        "'$numberLong':'6'}},'serviceId':{'$oid':'00000000000000000000000f'}}");
    assert_string_equal(d.set_name, "Rs");
    assert_string_equal(d.me, "a:1");
    assert_string_equal(d.primary, "b.example:27017");
    static const char *const hosts[] = {"a:1", "b:27017", "c:3", "[::1]:27017", "[::1]:5", "d:4"};
    assert_int_equal(d.host_count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(d.hosts[i], hosts[i]);
    }
    assert_int_equal(d.tag_count, 2);
    assert_string_equal(d.tags[1].name, "rack");
    assert_string_equal(d.tags[1].value, "1");
    assert_true(d.has_election_id && d.election_id[0] == 1 && d.election_id[11] == 12);
    assert_true(d.has_set_version && d.set_version == 7);
    assert_int_equal(d.min_wire, 6);
    assert_int_equal(d.max_wire, 21);
    assert_int_equal(d.max_batch_count, 100000);
    assert_true(d.has_lsid_timeout && d.lsid_timeout_minutes == 30);
    assert_true(d.has_last_write && d.last_write_ms == 1234);
    assert_true(d.version.is_set && d.version.counter == 6 && d.version.process_id[11] == 1);
    assert_true(d.has_service_id && d.service_id[11] == 15);
    assert_true(d.hello_ok && !d.is_read_only);
    assert_null(d.error);
    server_description_clear(&d);
}

static void what_is_odd_is_as_if_absent(void **state)
{
    (void)state;
    struct server_description d = description_of(
        "{'ok':1,'me':'a b','primary':'','hosts':[1,'x\\ny:1','ok:1',null],'passives':'no',"
        "'tags':{'a':1,'b':'c'},'electionId':'x','setVersion':'y','maxWireVersion':-1,"
        "'maxBsonObjectSize':0,'maxMessageSizeBytes':1e300,'maxWriteBatchSize':{'$numberLong':"
        "'99999999999'},'logicalSessionTimeoutMinutes':null,'lastWrite':{'lastWriteDate':1},"
        "'topologyVersion':{'counter':1}}");
    assert_null(d.me);
    assert_null(d.primary);
    assert_int_equal(d.host_count, 1);
    assert_string_equal(d.hosts[0], "ok:1");
    assert_int_equal(d.tag_count, 1);
    assert_false(d.has_election_id || d.has_set_version || d.has_lsid_timeout || d.has_last_write);
    assert_false(d.version.is_set);
    assert_int_equal(d.max_wire, 0);
    assert_int_equal(d.max_document_bytes, 16777216);
    assert_int_equal(d.max_message_bytes, 48000000);
    assert_int_equal(d.max_batch_count, 1000);
    server_description_clear(&d);
}

/* Whoever dials takes "host:port" apart and relies on its form. */
static void a_host_without_the_form_of_one_is_left_out(void **state)
{
    (void)state;
    static const char *const odd[] = {"[:1",  "[",     "]",      "[]",     "[]:1",     ":1",
                                      "a:",   "a:0",   "a:x",    "a:1x",   "a:65536",  "a:000001",
                                      "::1",  "a:1:2", "[::1]1", "[::1]:", "[::1]x:1", "a]:1",
                                      "a[:1", "a:-1",  "a:+1"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        char json[100];
        snprintf(json, sizeof json, "{'ok':1,'me':'%s','hosts':['%s','good:65535']}", odd[i],
                 odd[i]);
        struct server_description d = description_of(json);
        if (d.me != NULL || d.host_count != 1) {
            fail_msg("%s was taken", odd[i]);
        }
        assert_string_equal(d.hosts[0], "good:65535");
        server_description_clear(&d);
    }
}

static void a_refused_hello_says_why(void **state)
{
    (void)state;
    struct server_description d = description_of("{'ok':0,'errmsg':'not yet','code':211}");
    assert_int_equal(d.type, SERVER_UNKNOWN);
    assert_int_equal(d.code, 211);
    assert_string_equal(d.error, "not yet (code 211)");
    server_description_clear(&d);
    d = description_of("{'ok':0}");
    assert_string_equal(d.error, "the reply to hello was not ok");
    server_description_clear(&d);
}

static void what_is_not_bson_is_refused(void **state)
{
    (void)state;
    struct server_description d = {.code = 77};
    struct error why;
    bson_t *b = bson_of("{'ok':1,'setName':'rs','hosts':['a:1']}");
    const uint8_t *bytes = bson_get_data(b);
    assert_int_equal(server_description_read(span_of(NULL, 0), &d, &why), STATUS_PROTOCOL_ERROR);
    assert_int_equal(server_description_read(span_of(bytes, b->len - 1), &d, &why),
                     STATUS_PROTOCOL_ERROR);
    uint8_t *broken = xmalloc(b->len);
    memcpy(broken, bytes, b->len);
    broken[4] = 0x7e; /* no such type */
    assert_int_equal(server_description_read(span_of(broken, b->len), &d, &why),
                     STATUS_PROTOCOL_ERROR);
    assert_int_equal(d.code, 77); /* untouched */
    for (size_t at = 0; at < b->len; at++) {
        for (int value = 0; value < 256; value += 5) {
            memcpy(broken, bytes, b->len);
            broken[at] = (uint8_t)value;
            if (server_description_read(span_of(broken, b->len), &d, &why) == STATUS_OK) {
                server_description_clear(&d);
            }
        }
    }
    free(broken);
    bson_destroy(b);
}

static void lists_are_bounded(void **state)
{
    (void)state;
    bson_t b = BSON_INITIALIZER;
    bson_t list;
    struct server_description d;
    char name[400];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    BSON_APPEND_INT32(&b, "ok", 1);
    BSON_APPEND_UTF8(&b, "me", name);
    BSON_APPEND_ARRAY_BEGIN(&b, "hosts", &list);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "h%d:1", i);
        BSON_APPEND_UTF8(&list, "0", name);
    }
    bson_append_array_end(&b, &list);
    BSON_APPEND_DOCUMENT_BEGIN(&b, "tags", &list);
    for (int i = 0; i < 1000; i++) {
        BSON_APPEND_UTF8(&list, "tag", "value");
    }
    bson_append_document_end(&b, &list);
    assert_int_equal(server_description_read(span_of(bson_get_data(&b), b.len), &d, NULL),
                     STATUS_OK);
    assert_int_equal(d.host_count, MAX_HELLO_HOSTS);
    assert_int_equal(d.tag_count, MAX_HELLO_TAGS);
    assert_null(d.me);
    server_description_clear(&d);
    bson_destroy(&b);
}

static void equality_looks_at_what_matters(void **state)
{
    (void)state;
    static const char base[] = "{'ok':1,'setName':'rs','ismaster':true,'maxWireVersion':21,"
                               "'hosts':['a:1'],'tags':{'x':'y'},'lastWrite':{'lastWriteDate':{"
                               "'$date':{'$numberLong':'1'}}}}";
    static const char *const other[] = {
        "{'ok':1,'setName':'rs','secondary':true,'maxWireVersion':21,'hosts':['a:1'],'tags':{'x':"
        "'y'}}",
        "{'ok':1,'setName':'r2','ismaster':true,'maxWireVersion':21,'hosts':['a:1'],'tags':{'x':"
        "'y'}}",
        "{'ok':1,'setName':'rs','ismaster':true,'maxWireVersion':20,'hosts':['a:1'],'tags':{'x':"
        "'y'}}",
        "{'ok':1,'setName':'rs','ismaster':true,'maxWireVersion':21,'hosts':['a:2'],'tags':{'x':"
        "'y'}}",
        "{'ok':1,'setName':'rs','ismaster':true,'maxWireVersion':21,'hosts':[],'tags':{'x':'y'}}",
        "{'ok':1,'setName':'rs','ismaster':true,'maxWireVersion':21,'hosts':['a:1'],'tags':{'x':"
        "'z'}}",
        "{'ok':1,'setName':'rs','ismaster':true,'maxWireVersion':21,'hosts':['a:1'],'tags':{}}",
        "{'ok':1,'setName':'rs','ismaster':true,'maxWireVersion':21,'hosts':['a:1'],'tags':{'x':"
        "'y'},'me':'a:1'}",
        "{'ok':1,'setName':'rs','ismaster':true,'maxWireVersion':21,'hosts':['a:1'],'tags':{'x':"
        "'y'},'primary':'a:1'}",
        "{'ok':1,'setName':'rs','ismaster':true,'maxWireVersion':21,'hosts':['a:1'],'tags':{'x':"
        "'y'},'setVersion':0}",
        "{'ok':1,'setName':'rs','ismaster':true,'maxWireVersion':21,'hosts':['a:1'],'tags':{'x':"
        "'y'},'logicalSessionTimeoutMinutes':0}",
        "{'ok':1,'setName':'rs','ismaster':true,'maxWireVersion':21,'hosts':['a:1'],'tags':{'x':"
        "'y'},'electionId':{'$oid':'000000000000000000000000'}}",
    };
    struct server_description a = description_of(base);
    struct server_description same = description_of(
        "{'ok':1,'setName':'rs','ismaster':true,'maxWireVersion':21,'hosts':['a:1'],'tags':{'x':"
        "'y'},'localTime':5}");
    struct server_description copy;
    server_description_copy(&copy, &a);
    assert_true(server_description_equals(&a, &copy));
    assert_true(server_description_equals(&a, &same));
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        struct server_description b = description_of(other[i]);
        if (server_description_equals(&a, &b)) {
            fail_msg("%s equals", other[i]);
        }
        server_description_clear(&b);
    }
    server_description_clear(&a);
    server_description_clear(&same);
    server_description_clear(&copy);
}

static void topology_versions_compare_within_a_process_only(void **state)
{
    (void)state;
    struct topology_version none = {0};
    struct topology_version one = {.is_set = true, .counter = 1};
    struct topology_version two = {.is_set = true, .counter = 2};
    struct topology_version foreign = {.is_set = true, .process_id = {1}, .counter = 1};
    assert_true(topology_version_is_older(&one, &two));
    assert_false(topology_version_is_older(&two, &one));
    assert_false(topology_version_is_older(&one, &one));
    assert_false(topology_version_is_older(&foreign, &two));
    assert_false(topology_version_is_older(&none, &two));
    assert_false(topology_version_is_older(&one, &none));
}

static void round_trip_times_are_averaged(void **state)
{
    (void)state;
    struct server_rtt r = {0};
    assert_true(server_rtt_min(&r) == 0);
    server_rtt_on_sample(&r, 100);
    assert_true(r.average_ms == 100);
    assert_true(server_rtt_min(&r) == 0); /* one sample is none */
    server_rtt_on_sample(&r, 200);
    assert_true(r.average_ms == 120);
    server_rtt_on_sample(&r, -1);
    assert_int_equal(r.samples, 2);
    assert_true(server_rtt_min(&r) == 100);
    for (int i = 0; i < 9; i++) {
        server_rtt_on_sample(&r, 300);
    }
    assert_true(server_rtt_min(&r) == 200); /* the first is forgotten */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_type_follows_the_specification_s_order),
        cmocka_unit_test(all_fields_are_read),
        cmocka_unit_test(what_is_odd_is_as_if_absent),
        cmocka_unit_test(a_host_without_the_form_of_one_is_left_out),
        cmocka_unit_test(a_refused_hello_says_why),
        cmocka_unit_test(what_is_not_bson_is_refused),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(equality_looks_at_what_matters),
        cmocka_unit_test(topology_versions_compare_within_a_process_only),
        cmocka_unit_test(round_trip_times_are_averaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
