/* The hello that we say to servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxy/greeting.h"

static const char *command_of(const bson_t *hello)
{
    bson_iter_t it;
    assert_true(bson_iter_init(&it, hello) && bson_iter_next(&it));
    return bson_iter_key(&it);
}

/* MongoDB 4.2.0 and 4.4.0 know no `hello`; those that do, say helloOk. */
static void test_the_first_is_understood_by_every_server(void **state)
{
    (void)state;
    struct settings settings = {0};
    bson_t first = BSON_INITIALIZER;
    bson_t later = BSON_INITIALIZER;
    bson_t old = BSON_INITIALIZER;
    greeting_write_hello(&first, &settings, GREETING_FIRST);
    greeting_write_hello(&later, &settings, GREETING_HELLO);
    greeting_write_hello(&old, &settings, GREETING_LEGACY);
    assert_string_equal(command_of(&first), "isMaster");
    assert_string_equal(command_of(&later), "hello");
    assert_string_equal(command_of(&old), "isMaster");
    assert_true(bson_has_field(&first, "helloOk") && bson_has_field(&old, "helloOk"));
    assert_true(bson_has_field(&first, "client"));
    assert_false(bson_has_field(&later, "client") || bson_has_field(&old, "client"));
    bson_destroy(&first);
    bson_destroy(&later);
    bson_destroy(&old);
}

/* Load balancing: hello, and not the legacy one, with loadBalanced: true. */
static void test_the_first_through_a_load_balancer(void **state)
{
    (void)state;
    struct settings settings = {0};
    bson_t hello = BSON_INITIALIZER;
    bson_iter_t it;
    greeting_write_hello(&hello, &settings, GREETING_BALANCED);
    assert_string_equal(command_of(&hello), "hello");
    assert_true(bson_has_field(&hello, "client"));
    assert_true(bson_iter_init_find(&it, &hello, "loadBalanced") && bson_iter_as_bool(&it));
    bson_destroy(&hello);
}

static void test_who_we_are_fits_the_limit(void **state)
{
    (void)state;
    char name[129];
    struct settings settings = {.upstream.app_name = name};
    bson_t hello = BSON_INITIALIZER;
    bson_iter_t it;
    const uint8_t *bytes;
    uint32_t size;
    memset(name, 'a', 128);
    name[128] = 0;
    greeting_write_hello(&hello, &settings, GREETING_FIRST);
    assert_true(bson_iter_init_find(&it, &hello, "client"));
    bson_iter_document(&it, &size, &bytes);
    assert_true(size <= 512);
    bson_destroy(&hello);
}

/* What a server refuses otherwise: both fields, an ObjectId, a 64-bit counter. */
static void test_an_awaitable_one_names_the_state_that_is_known(void **state)
{
    (void)state;
    struct topology_version version = {
        .is_set = true, .process_id = {1, 2, 3}, .counter = INT64_C(1) << 40};
    struct settings settings = {0};
    bson_t hello = BSON_INITIALIZER;
    bson_iter_t it, found;
    greeting_write_hello(&hello, &settings, GREETING_HELLO);
    greeting_write_await(&hello, &version, 10000);
    assert_true(bson_iter_init_find(&it, &hello, "maxAwaitTimeMS"));
    assert_int_equal(bson_iter_as_int64(&it), 10000);
    assert_true(bson_iter_init(&it, &hello));
    assert_true(bson_iter_find_descendant(&it, "topologyVersion.processId", &found));
    assert_memory_equal(bson_iter_oid(&found)->bytes, version.process_id, OBJECT_ID_BYTES);
    assert_true(bson_iter_init(&it, &hello));
    assert_true(bson_iter_find_descendant(&it, "topologyVersion.counter", &found));
    assert_true(BSON_ITER_HOLDS_INT64(&found) && bson_iter_int64(&found) == version.counter);
    assert_false(bson_has_field(&hello, "exhaustAllowed"));
    bson_destroy(&hello);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_is_understood_by_every_server),
        cmocka_unit_test(test_the_first_through_a_load_balancer),
        cmocka_unit_test(test_who_we_are_fits_the_limit),
        cmocka_unit_test(test_an_awaitable_one_names_the_state_that_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
