/* Modes, tags, staleness, latency and load: which server is taken. */
#include "core/topology/select.h"
#include "topology_world.h"

static const struct topology_options plain = {0};

#define ABC "'hosts':['a:1','b:1','c:1']"

/* One member with its role's fields, tags, date of last write, round-trip time and time of hello.
 */
static void member(struct topology *t, const char *name, const char *role, const char *tags,
                   int64_t last_write, msec rtt, msec now)
{
    char json[500];
    snprintf(json, sizeof json,
             "{'ok':1,'setName':'rs',%s," ABC ",'maxWireVersion':21,'tags':{%s},'lastWrite':{"
             "'lastWriteDate':{'$date':{'$numberLong':'%lld'}}}}",
             role, tags, (long long)last_write);
    struct server_description d = description_of(json);
    topology_on_hello(t, id_of(t, name), &d, rtt, now);
    server_description_clear(&d);
}

#define PRIMARY   "'ismaster':true"
#define SECONDARY "'secondary':true"

static struct topology *usual_set(void)
{
    struct topology *t = topology_of(plain, "a:1,b:1,c:1");
    member(t, "a", PRIMARY, "'dc':'ny','n':'a'", 0, 5, 0);
    member(t, "b", SECONDARY, "'dc':'ny','n':'b'", 0, 5, 0);
    member(t, "c", SECONDARY, "'dc':'sf','n':'c'", 0, 5, 0);
    return t;
}

/* The names of all servers that some random word chooses, in alphabetic order. */
static const char *chosen(const struct topology *t, struct selection want)
{
    static char names[20];
    bool is_chosen[26] = {false};
    for (uint64_t i = 0; i < 200; i++) {
        uint32_t id = 0;
        want.random = i * 0x9e3779b97f4a7c15U;
        enum select_outcome outcome = select_server(t, &want, &id, NULL);
        assert_int_not_equal(outcome, SELECT_INVALID);
        if (outcome == SELECT_FOUND) {
            is_chosen[topology_server(t, id)->address[0] - 'a'] = true;
        }
    }
    size_t count = 0;
    for (int i = 0; i < 26; i++) {
        if (is_chosen[i]) {
            names[count++] = (char)('a' + i);
        }
    }
    names[count] = '\0';
    return names;
}

static const char *chosen_by(const struct topology *t, enum read_mode mode, const char *tags)
{
    struct selection want = {.mode = mode, .max_staleness_seconds = -1};
    bson_t *b = tags == NULL ? NULL : bson_of(tags);
    if (b != NULL) {
        want.tags = span_of(bson_get_data(b), b->len);
    }
    const char *names = chosen(t, want);
    bson_destroy(b);
    return names;
}

/* Of those that suit the first by address, however near and busy they are. */
static void what_is_about_one_node_goes_to_the_same(void **state)
{
    (void)state;
    struct topology *t = topology_of(plain, "c:1,b:1,a:1");
    says(t, "c", "{'ok':1,'msg':'isdbgrid','maxWireVersion':21}");
    says(t, "b", "{'ok':1,'msg':'isdbgrid','maxWireVersion':21}");
    struct selection want = {.is_write = true, .is_fixed = true};
    assert_string_equal(chosen(t, want), "b");
    says(t, "a", "{'ok':1,'msg':'isdbgrid','maxWireVersion':21}");
    assert_string_equal(chosen(t, want), "a");
    want.is_fixed = false;
    assert_string_equal(chosen(t, want), "abc");
    topology_free(t);

    t = usual_set();
    member(t, "b", SECONDARY, "'dc':'ny','n':'b'", 0, 500, 0);
    want =
        (struct selection){.is_fixed = true, .mode = READ_SECONDARY, .max_staleness_seconds = -1};
    assert_string_equal(chosen(t, want), "b");
    topology_free(t);
}

static void writes_go_to_the_primary(void **state)
{
    (void)state;
    struct topology *t = usual_set();
    struct selection want = {.is_write = true, .mode = READ_SECONDARY};
    assert_string_equal(chosen(t, want), "a");
    topology_on_check_failed(t, id_of(t, "a"), STATUS_REFUSED, NULL, 1);
    assert_string_equal(chosen(t, want), "");
    topology_free(t);
}

static void modes_choose_by_role(void **state)
{
    (void)state;
    struct topology *t = usual_set();
    static const char *const with_primary[] = {"a", "a", "bc", "bc", "abc"};
    static const char *const without_primary[] = {"", "bc", "bc", "bc", "bc"};
    static const char *const without_secondary[] = {"a", "a", "", "a", "a"};
    for (int mode = READ_PRIMARY; mode <= READ_NEAREST; mode++) {
        assert_string_equal(chosen_by(t, mode, NULL), with_primary[mode]);
    }
    topology_on_check_failed(t, id_of(t, "a"), STATUS_REFUSED, NULL, 1);
    for (int mode = READ_PRIMARY; mode <= READ_NEAREST; mode++) {
        assert_string_equal(chosen_by(t, mode, NULL), without_primary[mode]);
    }
    member(t, "a", PRIMARY, "", 0, 5, 0);
    topology_on_check_failed(t, id_of(t, "b"), STATUS_REFUSED, NULL, 1);
    topology_on_check_failed(t, id_of(t, "c"), STATUS_REFUSED, NULL, 1);
    for (int mode = READ_PRIMARY; mode <= READ_NEAREST; mode++) {
        assert_string_equal(chosen_by(t, mode, NULL), without_secondary[mode]);
    }
    topology_free(t);
}

static void the_first_tag_set_that_matches_decides(void **state)
{
    (void)state;
    struct topology *t = usual_set();
    assert_string_equal(chosen_by(t, READ_SECONDARY, "[{'dc':'ny'}]"), "b");
    assert_string_equal(chosen_by(t, READ_NEAREST, "[{'dc':'ny'}]"), "ab");
    assert_string_equal(chosen_by(t, READ_SECONDARY, "[{'dc':'x'},{'dc':'sf'},{}]"), "c");
    assert_string_equal(chosen_by(t, READ_SECONDARY, "[{'dc':'x'},{}]"), "bc");
    assert_string_equal(chosen_by(t, READ_SECONDARY, "[{'dc':'ny','n':'c'}]"), "");
    assert_string_equal(chosen_by(t, READ_SECONDARY, "[{'dc':1}]"), "");
    assert_string_equal(chosen_by(t, READ_SECONDARY, "['dc']"), "");
    assert_string_equal(chosen_by(t, READ_SECONDARY, "[]"), "bc");
    assert_string_equal(chosen_by(t, READ_SECONDARY_PREFERRED, "[{'dc':'x'}]"), "a");
    assert_string_equal(chosen_by(t, READ_PRIMARY_PREFERRED, "[{'dc':'sf'}]"), "a");
    topology_free(t);
}

static void bytes_that_are_no_tag_list_are_survived(void **state)
{
    (void)state;
    struct topology *t = usual_set();
    static const uint8_t junk[] = {200, 0, 0, 0, 3, 'x', 9, 9, 9};
    struct selection want = {.mode = READ_SECONDARY, .tags = span_of(junk, sizeof junk)};
    uint32_t id;
    select_server(t, &want, &id, NULL);
    bson_t *b = bson_of("[{'dc':'ny'},{'n':'c'}]");
    uint8_t *broken = xmalloc(b->len);
    for (size_t at = 0; at < b->len; at++) {
        for (int value = 0; value < 256; value++) {
            memcpy(broken, bson_get_data(b), b->len);
            broken[at] = (uint8_t)value;
            want.tags = span_of(broken, b->len);
            select_server(t, &want, &id, NULL);
        }
    }
    free(broken);
    bson_destroy(b);
    topology_free(t);
}

static const char *chosen_within(const struct topology *t, enum read_mode mode, int64_t seconds)
{
    return chosen(t, (struct selection){.mode = mode, .max_staleness_seconds = seconds});
}

static void staleness_is_estimated_against_the_primary(void **state)
{
    (void)state;
    struct topology *t = topology_of(plain, "a:1,b:1,c:1");
    /* heartbeats every 10 s, so b is taken for 90 s behind, c for one ms more */
    member(t, "a", PRIMARY, "", 200000, 5, 3000);
    member(t, "b", SECONDARY, "", 122000, 5, 5000); /* seen 2 s later than the primary */
    member(t, "c", SECONDARY, "", 121999, 5, 5000);
    assert_string_equal(chosen_within(t, READ_SECONDARY, 90), "b");
    assert_string_equal(chosen_within(t, READ_NEAREST, 90), "ab");
    assert_string_equal(chosen_within(t, READ_SECONDARY, 91), "bc");
    assert_string_equal(chosen_within(t, READ_SECONDARY, 0), "bc");
    assert_string_equal(chosen_within(t, READ_SECONDARY, -1), "bc");
    topology_free(t);
}

static void staleness_is_estimated_against_the_freshest_secondary(void **state)
{
    (void)state;
    struct topology *t = topology_of(plain, "a:1,b:1,c:1");
    member(t, "a", SECONDARY, "", 200000, 5, 3000);
    member(t, "b", SECONDARY, "", 120000, 5, 5000);
    member(t, "c", SECONDARY, "", 119999, 5, 5000);
    assert_string_equal(chosen_within(t, READ_NEAREST, 90), "ab");
    assert_string_equal(chosen_within(t, READ_SECONDARY_PREFERRED, 91), "abc");
    member(t, "c", SECONDARY, "", INT64_MIN, 5, 5000); /* dates may be anything */
    member(t, "b", SECONDARY, "", INT64_MAX, 5, 5000);
    assert_string_equal(chosen_within(t, READ_NEAREST, 90), "b");
    topology_free(t);
}

static void staleness_comes_before_tags(void **state)
{
    (void)state;
    struct topology *t = topology_of(plain, "a:1,b:1,c:1");
    member(t, "a", PRIMARY, "", 200000, 5, 0);
    member(t, "b", SECONDARY, "'dc':'ny'", 1, 5, 0);
    member(t, "c", SECONDARY, "'dc':'sf'", 200000, 5, 0);
    bson_t *b = bson_of("[{'dc':'ny'},{}]");
    struct selection want = {.mode = READ_SECONDARY,
                             .max_staleness_seconds = 90,
                             .tags = span_of(bson_get_data(b), b->len)};
    assert_string_equal(chosen(t, want), "c");
    bson_destroy(b);
    topology_free(t);
}

static void expect_refusal(struct selection want, int32_t code, const char *text)
{
    struct topology *t = usual_set();
    struct select_refusal refusal;
    uint32_t id;
    assert_int_equal(select_server(t, &want, &id, &refusal), SELECT_INVALID);
    assert_int_equal(refusal.code, code);
    assert_string_equal(refusal.text, text);
    want.is_write = true; /* then nothing of it is looked at */
    assert_int_equal(select_server(t, &want, &id, &refusal), SELECT_FOUND);
    topology_free(t);
}

static void wrong_preferences_are_refused_as_by_a_mongos(void **state)
{
    (void)state;
    expect_refusal((struct selection){.mode = READ_NEAREST, .max_staleness_seconds = 89}, 160,
                   "maxStalenessSeconds must be at least 90 seconds");
    expect_refusal((struct selection){.mode = READ_PRIMARY, .max_staleness_seconds = 120}, 2,
                   "maxStalenessSeconds can not be set for the primary mode");
    bson_t *b = bson_of("[{'dc':'ny'}]");
    expect_refusal((struct selection){.tags = span_of(bson_get_data(b), b->len)}, 2,
                   "Only empty tags are allowed with primary read preference");
    bson_destroy(b);
    struct topology *t = usual_set();
    assert_string_equal(chosen_by(t, READ_PRIMARY, "[{}]"), "a");
    assert_string_equal(chosen_by(t, READ_PRIMARY, "[]"), "a");
    topology_free(t);
    struct topology_options options = {.set_name = "rs", .heartbeat_frequency = SECONDS(85)};
    t = topology_new(&options);
    struct selection want = {.mode = READ_NEAREST, .max_staleness_seconds = 94};
    struct select_refusal refusal;
    uint32_t id;
    assert_int_equal(select_server(t, &want, &id, &refusal), SELECT_INVALID);
    want.max_staleness_seconds = 95;
    assert_int_equal(select_server(t, &want, &id, &refusal), SELECT_NONE);
    topology_free(t);
    t = topology_of((struct topology_options){.is_direct = true},
                    "a:1"); /* no set: not looked at */
    says(t, "a", "{'ok':1}");
    want.max_staleness_seconds = 1;
    assert_int_equal(select_server(t, &want, &id, &refusal), SELECT_FOUND);
    topology_free(t);
}

static void only_near_servers_are_taken(void **state)
{
    (void)state;
    struct topology *t = topology_of(plain, "a:1,b:1,c:1");
    member(t, "a", PRIMARY, "", 0, 40, 0);
    member(t, "b", SECONDARY, "", 0, 25, 0);
    member(t, "c", SECONDARY, "", 0, 41, 0);
    assert_string_equal(chosen_by(t, READ_NEAREST, NULL), "ab"); /* within 15 ms of the nearest */
    assert_string_equal(chosen_by(t, READ_SECONDARY, NULL), "b");
    topology_free(t);
    t = topology_of(plain, "a:1,b:1,c:1");
    member(t, "a", SECONDARY, "", 0, -1, 0); /* never measured: far */
    member(t, "b", SECONDARY, "", 0, 500, 0);
    assert_string_equal(chosen_by(t, READ_NEAREST, NULL), "b");
    topology_free(t);
}

static size_t operations_of(void *owner, uint32_t id)
{
    return ((const size_t *)owner)[id];
}

static void of_two_the_less_busy_is_taken(void **state)
{
    (void)state;
    struct topology *t = usual_set();
    size_t busy[4] = {0, 9, 3, 9}; /* by id: a, b, c */
    struct selection want = {.mode = READ_NEAREST, .operations = operations_of, .owner = busy};
    size_t times[4] = {0};
    for (uint64_t i = 0; i < 3000; i++) {
        uint32_t id;
        want.random = i * 0x9e3779b97f4a7c15U;
        assert_int_equal(select_server(t, &want, &id, NULL), SELECT_FOUND);
        times[id]++;
    }
    /* b is one of the two in two of three draws, and then wins */
    assert_in_range(times[2], 1850, 2150);
    assert_in_range(times[1], 350, 650);
    assert_in_range(times[3], 350, 650);
    topology_free(t);
}

static void excluded_servers_are_the_last_resort(void **state)
{
    (void)state;
    struct topology *t = usual_set();
    uint32_t ids[3] = {id_of(t, "b"), id_of(t, "c"), id_of(t, "a")};
    struct selection want = {.mode = READ_SECONDARY, .excluded = ids, .excluded_count = 1};
    assert_string_equal(chosen(t, want), "c");
    want.excluded_count = 2;
    assert_string_equal(chosen(t, want), "bc");
    want.mode = READ_SECONDARY_PREFERRED;
    assert_string_equal(chosen(t, want), "a");
    topology_free(t);
}

static void other_kinds_ignore_the_mode(void **state)
{
    (void)state;
    static const char mongos[] = "{'ok':1,'msg':'isdbgrid'}";
    struct topology *t = topology_of(plain, "a:1,b:1,c:1");
    assert_string_equal(chosen_by(t, READ_NEAREST, NULL), "");
    says(t, "a", mongos);
    says(t, "b", mongos);
    assert_string_equal(chosen_by(t, READ_PRIMARY, NULL), "ab");
    assert_string_equal(chosen_by(t, READ_SECONDARY, "[{'dc':'x'}]"), "ab");
    uint32_t first = id_of(t, "a");
    struct selection retry = {.is_write = true, .excluded = &first, .excluded_count = 1};
    assert_string_equal(chosen(t, retry), "b");
    topology_free(t);
    t = topology_of(plain, "a:1");
    says(t, "a", "{'ok':1,'ismaster':true}");
    assert_string_equal(chosen_by(t, READ_SECONDARY, NULL), "a");
    topology_free(t);
    struct topology_options balanced = {.is_load_balanced = true};
    t = topology_of(balanced, "a:1");
    assert_string_equal(chosen_by(t, READ_SECONDARY, NULL), "a");
    topology_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_about_one_node_goes_to_the_same),
        cmocka_unit_test(writes_go_to_the_primary),
        cmocka_unit_test(modes_choose_by_role),
        cmocka_unit_test(the_first_tag_set_that_matches_decides),
        cmocka_unit_test(bytes_that_are_no_tag_list_are_survived),
        cmocka_unit_test(staleness_is_estimated_against_the_primary),
        cmocka_unit_test(staleness_is_estimated_against_the_freshest_secondary),
        cmocka_unit_test(staleness_comes_before_tags),
        cmocka_unit_test(wrong_preferences_are_refused_as_by_a_mongos),
        cmocka_unit_test(only_near_servers_are_taken),
        cmocka_unit_test(of_two_the_less_busy_is_taken),
        cmocka_unit_test(excluded_servers_are_the_last_resort),
        cmocka_unit_test(other_kinds_ignore_the_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
