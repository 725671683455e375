/* Byte queues and the pool they draw from. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/buf.h"
#include "base/require.h"

enum { MODEL_MOST = 300000, STEPS = 1500 };

static uint8_t pattern[MODEL_MOST];

static struct span some(size_t offset, size_t size)
{
    return span_of(pattern + offset % 997, size);
}

static void assert_holds(const struct buf *b, struct span expected)
{
    void *owned;
    assert_int_equal(b->size, expected.size);
    struct span all = buf_flatten(b, &owned);
    assert_true(span_equals(all, expected));
    free(owned);
}

static void test_append_and_consume(void **state)
{
    struct chunk_pool pool;
    struct buf b;
    (void)state;
    chunk_pool_init(&pool, MIB);
    buf_init(&b, &pool);
    assert_true(buf_is_empty(&b));
    assert_int_equal(buf_front(&b).size, 0);
    assert_true(buf_append(&b, span_of(pattern, 50000)));
    assert_holds(&b, span_of(pattern, 50000));
    buf_consume(&b, 20000);
    assert_holds(&b, span_of(pattern + 20000, 30000));
    buf_consume(&b, 30000);
    assert_int_equal(pool.used, 0); /* an empty buf owns no chunk */
    chunk_pool_clear(&pool);
}

static void test_small_bytes_take_small_blocks(void **state)
{
    static const struct {
        size_t bytes;
        byte_count block;
    } rows[] = {{1, KIB}, {900, KIB}, {1024, 4 * KIB}, {4000, 4 * KIB}, {4096, 16 * KIB}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct chunk_pool pool;
        struct buf b;
        chunk_pool_init(&pool, MIB);
        buf_init(&b, &pool);
        assert_true(buf_append(&b, some(0, rows[i].bytes)));
        assert_int_equal(pool.used, rows[i].block);
        buf_clear(&b);
        chunk_pool_clear(&pool);
    }
}

static void test_limit_takes_all_or_none(void **state)
{
    struct chunk_pool pool;
    struct buf b;
    byte_count room;
    (void)state;
    chunk_pool_init(&pool, 32 * KIB);
    buf_init(&b, &pool);
    assert_true(buf_append(&b, some(0, 20000)));
    assert_false(buf_append(&b, some(0, 30000)));
    assert_holds(&b, some(0, 20000));
    buf_append_always(&b, some(0, 30000));
    assert_int_equal(b.size, 50000);
    assert_true(pool.used > pool.limit && pool.highest == pool.used);
    struct buf other;
    buf_init(&other, &pool);
    assert_null(buf_reserve(&other, &room));
    assert_false(buf_prepare(&other, 10));
    buf_clear(&b);
    assert_true(buf_prepare(&other, 10));
    buf_clear(&other);
    chunk_pool_clear(&pool);
}

static void test_reserve_and_commit(void **state)
{
    struct chunk_pool pool;
    struct buf b;
    byte_count room = 0;
    (void)state;
    chunk_pool_init(&pool, MIB);
    buf_init(&b, &pool);
    uint8_t *to = buf_reserve(&b, &room);
    assert_true(room > 16000 && room <= CHUNK_BYTES);
    buf_commit(&b, 0); /* nothing came: the chunk goes back */
    assert_int_equal(pool.used, 0);
    to = buf_reserve(&b, &room);
    memcpy(to, pattern, 100);
    buf_commit(&b, 100);
    to = buf_reserve(&b, &room);
    memcpy(to, pattern + 100, 50);
    buf_commit(&b, 50);
    assert_holds(&b, span_of(pattern, 150));
    buf_clear(&b);
    chunk_pool_clear(&pool);
}

static void test_prepare_gives_one_piece(void **state)
{
    struct chunk_pool pool;
    struct buf b;
    (void)state;
    chunk_pool_init(&pool, MIB);
    buf_init(&b, &pool);
    assert_true(buf_prepare(&b, 3000));
    for (size_t i = 0; i < 3000; i += 10) {
        assert_true(buf_append(&b, span_of(pattern + i, 10)));
    }
    assert_true(span_equals(buf_front(&b), span_of(pattern, 3000)));
    buf_clear(&b);
    chunk_pool_clear(&pool);
}

static void test_spans_and_split(void **state)
{
    struct chunk_pool pool;
    struct buf from;
    struct buf to;
    struct span spans[3];
    (void)state;
    chunk_pool_init(&pool, MIB);
    buf_init(&from, &pool);
    buf_init(&to, &pool);
    assert_true(buf_append(&from, span_of(pattern, 60000)));
    assert_int_equal(buf_spans(&from, spans, 3), 3);
    size_t two = spans[0].size + spans[1].size;
    buf_split(&from, &to, two);
    assert_holds(&to, span_of(pattern, two));
    assert_holds(&from, span_of(pattern + two, 60000 - two));
    buf_split(&from, &to, from.size);
    assert_true(buf_append(&from, span_of(pattern, 5))); /* usable again */
    assert_holds(&to, span_of(pattern, 60000));
    buf_clear(&from);
    buf_clear(&to);
    chunk_pool_clear(&pool);
}

/* --- against a plain array --- */

struct model {
    struct buf b;
    uint8_t bytes[MODEL_MOST];
    size_t size;
};

static void model_append(struct model *m, size_t size)
{
    struct span bytes = some((size_t)rand(), size);
    if (m->size + size <= MODEL_MOST && buf_append(&m->b, bytes)) {
        memcpy(m->bytes + m->size, bytes.at, size);
        m->size += size;
    }
}

static void model_consume(struct model *m, size_t size)
{
    buf_consume(&m->b, size);
    m->size -= size;
    memmove(m->bytes, m->bytes + size, m->size);
}

static void model_patch(struct model *m)
{
    size_t size = (size_t)rand() % (m->size + 1);
    size_t offset = (size_t)rand() % (m->size - size + 1);
    struct span bytes = some((size_t)rand(), size);
    buf_patch(&m->b, offset, bytes);
    memcpy(m->bytes + offset, bytes.at, size);
}

static void model_move(struct model *to, struct model *from)
{
    if (to->size + from->size <= MODEL_MOST) {
        memcpy(to->bytes + to->size, from->bytes, from->size);
        to->size += from->size;
        from->size = 0;
        buf_move(&to->b, &from->b);
    }
}

static void model_step(struct model *m, struct model *other)
{
    static const size_t sizes[] = {1, 20, 1000, 4000, 16384, 40000};
    size_t size = (size_t)rand() % (sizes[rand() % 6] + 1);
    switch (rand() % 8) {
    case 0:
        model_patch(m);
        break;
    case 1:
        model_move(m, other);
        break;
    case 2:
    case 3:
    case 4:
        model_consume(m, size < m->size ? size : m->size);
        break;
    default:
        model_append(m, size);
        break;
    }
}

static void test_as_an_array(void **state)
{
    struct chunk_pool pool;
    struct model *m = xcalloc(2, sizeof *m);
    (void)state;
    srand(1);
    chunk_pool_init(&pool, 300 * KIB);
    buf_init(&m[0].b, &pool);
    buf_init(&m[1].b, &pool);
    for (int i = 0; i < STEPS; i++) {
        struct model *chosen = &m[rand() % 2];
        model_step(chosen, &m[chosen == m]);
        assert_holds(&chosen->b, span_of(chosen->bytes, chosen->size));
        assert_true(pool.used <= pool.limit);
        assert_true(m[0].b.size + m[1].b.size <= pool.used);
    }
    buf_clear(&m[0].b);
    buf_clear(&m[1].b);
    assert_int_equal(pool.used, 0);
    chunk_pool_clear(&pool);
    free(m);
}

int main(void)
{
    for (size_t i = 0; i < sizeof pattern; i++) {
        pattern[i] = (uint8_t)(i * 131 + i / 256 * 7);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_and_consume),
        cmocka_unit_test(test_small_bytes_take_small_blocks),
        cmocka_unit_test(test_limit_takes_all_or_none),
        cmocka_unit_test(test_reserve_and_commit),
        cmocka_unit_test(test_prepare_gives_one_piece),
        cmocka_unit_test(test_spans_and_split),
        cmocka_unit_test(test_as_an_array),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
