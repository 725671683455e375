/* Hello values on their way to the disk and back. */
#include "reply_read.h"

#include "core/wire/hello_keep.h"

static struct hello_values some_values(void)
{
    struct hello_values values;
    hello_values_init(&values);
    values.presentation = PRESENT_REPLICA_SET;
    memset(values.set_name, 's', SET_NAME_BYTES_MOST);
    values.max_wire_version = 27;
    values.max_write_batch_size = 1000;
    values.logical_session_timeout_minutes = -1;
    return values;
}

static void test_there_and_back(void **state)
{
    (void)state;
    uint8_t bytes[HELLO_KEEP_BYTES_MOST];
    struct hello_values kept = some_values();
    struct hello_values read;
    hello_values_init(&read);
    read.service_id[0] = 7;
    kept.service_id[0] = 7;
    size_t size = hello_keep_write(&kept, bytes);
    assert_true(hello_keep_read(span_of(bytes, size), &read));
    assert_memory_equal(&read, &kept, sizeof kept);

    memset(kept.set_name, 0, sizeof kept.set_name);
    size = hello_keep_write(&kept, bytes);
    assert_true(hello_keep_read(span_of(bytes, size), &read));
    assert_memory_equal(&read, &kept, sizeof kept);
}

static void test_damage_is_noticed(void **state)
{
    (void)state;
    uint8_t bytes[HELLO_KEEP_BYTES_MOST];
    struct hello_values kept = some_values();
    size_t size = hello_keep_write(&kept, bytes);
    for (size_t i = 0; i < size; i++) {
        struct hello_values read;
        hello_values_init(&read);
        struct hello_values before = read;
        bytes[i] ^= 0x10;
        assert_false(hello_keep_read(span_of(bytes, size), &read));
        assert_false(hello_keep_read(span_of(bytes, i), &read));
        assert_memory_equal(&read, &before, sizeof read);
        bytes[i] ^= 0x10;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_damage_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
