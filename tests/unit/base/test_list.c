/* Intrusive lists. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/list.h"

struct item {
    struct list link;
    char name;
};

static void assert_order(const struct list *l, const char *names)
{
    const char *backwards = names;
    list_for_each (link, l) {
        assert_int_equal(container_of(link, struct item, link)->name, *names++);
    }
    assert_int_equal(*names, '\0');
    for (const struct list *link = l->prev; link != l; link = link->prev) {
        names--;
        assert_int_equal(container_of(link, struct item, link)->name, *names);
    }
    assert_ptr_equal(names, backwards);
}

struct four {
    struct list l;
    struct item items[4];
};

static void four_init(struct four *f)
{
    list_init(&f->l);
    for (int i = 0; i < 4; i++) {
        f->items[i].name = (char)('a' + i);
        list_init(&f->items[i].link);
    }
}

static void test_push_and_remove(void **state)
{
    struct four f;
    (void)state;
    four_init(&f);
    assert_true(list_is_empty(&f.l) && list_first(&f.l) == NULL && list_last(&f.l) == NULL);
    list_push_back(&f.l, &f.items[0].link);
    list_push_back(&f.l, &f.items[1].link);
    list_push_front(&f.l, &f.items[2].link);
    assert_order(&f.l, "cab");
    assert_ptr_equal(list_first(&f.l), &f.items[2].link);
    assert_ptr_equal(list_last(&f.l), &f.items[1].link);
    list_remove(&f.items[0].link);
    list_remove(&f.items[0].link); /* is in no list now: does nothing */
    assert_order(&f.l, "cb");
    list_insert_between(&f.items[3].link, f.l.next, f.l.next->next);
    assert_order(&f.l, "cdb");
}

static void test_move_all(void **state)
{
    struct four f;
    struct list other;
    (void)state;
    four_init(&f);
    list_init(&other);
    list_move_all(&other, &f.l); /* nothing */
    assert_order(&other, "");
    list_push_back(&f.l, &f.items[0].link);
    list_push_back(&f.l, &f.items[1].link);
    list_push_back(&other, &f.items[2].link);
    list_move_all(&other, &f.l);
    assert_order(&other, "cab");
    assert_order(&f.l, "");
}

static void test_remove_while_walking(void **state)
{
    struct four f;
    (void)state;
    four_init(&f);
    for (int i = 0; i < 4; i++) {
        list_push_back(&f.l, &f.items[i].link);
    }
    list_for_each_safe (link, &f.l) {
        if (container_of(link, struct item, link)->name != 'b') {
            list_remove(link);
        }
    }
    assert_order(&f.l, "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push_and_remove),
        cmocka_unit_test(test_move_all),
        cmocka_unit_test(test_remove_while_walking),
    };
    return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
