/* The heap of deadlines, against a plain search for the earliest. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/deadline.h"
#include "base/list.h"

enum { MANY = 200, STEPS = 20000 };

struct timer {
    struct deadline d;
    struct timer *clears; /* when it passes; NULL: none */
    size_t passed;
};

static struct deadline_heap heap;
static struct timer timers[MANY];

static void on_passed(struct deadline *d, msec now)
{
    struct timer *t = container_of(d, struct timer, d);
    (void)now;
    assert_false(deadline_is_set(d));
    t->passed++;
    if (t->clears != NULL) {
        deadline_heap_remove(&heap, &t->clears->d);
    }
}

static int set_up(void **state)
{
    (void)state;
    deadline_heap_init(&heap);
    for (size_t i = 0; i < MANY; i++) {
        timers[i] = (struct timer){0};
        deadline_init(&timers[i].d, on_passed);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    deadline_heap_clear(&heap);
    return 0;
}

static void test_empty(void **state)
{
    (void)state;
    assert_int_equal(deadline_heap_next(&heap), MSEC_NEVER);
    assert_false(deadline_heap_fire(&heap, MSEC_NEVER - 1));
    deadline_heap_remove(&heap, &timers[0].d);
    deadline_heap_set(&heap, &timers[0].d, MSEC_NEVER);
    assert_false(deadline_is_set(&timers[0].d));
}

static void test_due_one_at_a_time(void **state)
{
    (void)state;
    deadline_heap_set(&heap, &timers[0].d, 20);
    deadline_heap_set(&heap, &timers[1].d, 10);
    assert_int_equal(deadline_heap_next(&heap), 10);
    assert_false(deadline_heap_fire(&heap, 9));
    assert_true(deadline_heap_fire(&heap, 10));
    assert_false(deadline_heap_fire(&heap, 19));
    assert_true(deadline_heap_fire(&heap, 1000));
    assert_true(timers[0].passed == 1 && timers[1].passed == 1);
    assert_false(deadline_heap_fire(&heap, 1000));
}

static void test_one_takes_out_another(void **state)
{
    (void)state;
    timers[0].clears = &timers[1];
    deadline_heap_set(&heap, &timers[0].d, 1);
    deadline_heap_set(&heap, &timers[1].d, 2);
    while (deadline_heap_fire(&heap, 5)) {
        continue;
    }
    assert_true(timers[0].passed == 1 && timers[1].passed == 0);
}

static msec earliest(void)
{
    msec at = MSEC_NEVER;
    for (size_t i = 0; i < MANY; i++) {
        if (deadline_is_set(&timers[i].d)) {
            at = msec_earlier(at, timers[i].d.at);
        }
    }
    return at;
}

/* Set, moved both ways, removed and fired at random: the next is always the earliest. */
static void test_any_order(void **state)
{
    msec now = 0;
    (void)state;
    srand(1);
    for (int i = 0; i < STEPS; i++) {
        struct timer *t = &timers[rand() % MANY];
        int choice = rand() % 10;
        if (choice < 6) {
            deadline_heap_set(&heap, &t->d, now + rand() % 1000);
        } else if (choice < 8) {
            deadline_heap_remove(&heap, &t->d);
        } else {
            now += rand() % 20;
            while (deadline_heap_fire(&heap, now)) {
                assert_true(earliest() == deadline_heap_next(&heap));
            }
            assert_true(earliest() > now);
        }
        assert_int_equal(deadline_heap_next(&heap), earliest());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_due_one_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_takes_out_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_any_order, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("deadline", tests, NULL, NULL);
}
