/* Command lines without a shell. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/words.h"

static void test_words(void **state)
{
    static const struct {
        const char *text;
        const char *words[5];
    } rows[] = {
        {"logger", {"logger"}},
        {"  a\tb \n c ", {"a", "b", "c"}},
        {"curl -H 'X-Key: 1 2' --data @-", {"curl", "-H", "X-Key: 1 2", "--data", "@-"}},
        {"a \"b \\\"c\\\\ \\n\" ''", {"a", "b \"c\\ \\n", ""}},
        {"a\\ b c\\\\ \\'d", {"a b", "c\\", "'d"}},
        {"'it'\"'s\" x\"\"y", {"it's", "xy"}},
        {"echo $HOME | cat *", {"echo", "$HOME", "|", "cat", "*"}},
        {"'\\'", {"\\"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error why;
        char **words = words_split(rows[i].text, &why);
        size_t count = 0;
        assert_non_null(words);
        for (; count < 5 && rows[i].words[count] != NULL; count++) {
            assert_non_null(words[count]);
            assert_string_equal(words[count], rows[i].words[count]);
        }
        assert_null(words[count]);
        words_free(words);
    }
}

static void test_mistakes(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } rows[] = {
        {"", "no word"},
        {" \t ", "no word"},
        {"a 'b", "' is not closed"},
        {"a \"b\\\"", "\" is not closed"},
        {"a \\", "backslash"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error why;
        assert_null(words_split(rows[i].text, &why));
        assert_int_equal(why.status, STATUS_BAD_INPUT);
        assert_non_null(strstr(why.text, rows[i].why));
    }
    words_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
