/* The table of errors as README.md shows it: printed from the code, and compared. */
#include <stdio.h>

#include "core/wire/reply.h"
#include "wire_make.h"

#define BEGIN "<!-- errors:begin -->\n"
#define END   "<!-- errors:end -->\n"

static const char *const SITUATIONS[] = {
#define SITUATION_TEXT(name, text) text,
    SITUATION_LIST(SITUATION_TEXT)
#undef SITUATION_TEXT
};

static const char *const OPERATIONS[] = {
#define OPERATION_TEXT(name, text) text,
    OPERATION_LIST(OPERATION_TEXT)
#undef OPERATION_TEXT
};

/* One letter a label; the two of an overload always come together. */
static const struct {
    unsigned labels;
    char letter;
    const char *text;
} LETTERS[] = {
    {LABEL_RETRYABLE_WRITE, 'W', "RetryableWriteError"},
    {LABEL_NO_WRITES_PERFORMED, 'N', "NoWritesPerformed"},
    {LABEL_TRANSIENT_TRANSACTION, 'T', "TransientTransactionError"},
    {LABEL_RESUMABLE_CHANGE_STREAM, 'C', "ResumableChangeStreamError"},
    {LABEL_SYSTEM_OVERLOADED | LABEL_RETRYABLE, 'O', "SystemOverloadedError and RetryableError"},
};
enum { LETTER_COUNT = sizeof LETTERS / sizeof LETTERS[0] };

static void print_cell(FILE *to, struct error_row row)
{
    unsigned labels = row.labels;
    if (row.closes || row.code == 0) {
        fprintf(to, " %s |", row.closes ? "closed" : "–");
        assert_int_equal(labels, 0);
        return;
    }
    fprintf(to, " %d", row.code);
    for (int i = 0; i < LETTER_COUNT; i++) {
        if ((labels & LETTERS[i].labels) == LETTERS[i].labels) {
            fprintf(to, " %c", LETTERS[i].letter);
            labels &= ~LETTERS[i].labels;
        }
    }
    fprintf(to, " |");
    assert_int_equal(labels, 0);
}

static void print_codes(FILE *to)
{
    int32_t last = 0;
    for (;;) { /* in the order of numbers */
        struct error_row next = {.code = INT32_MAX};
        for (int cell = 0; cell < SITUATION_COUNT * OPERATION_COUNT; cell++) {
            struct error_row row = error_row_for((enum situation)(cell / OPERATION_COUNT),
                                                 (enum operation)(cell % OPERATION_COUNT));
            next = row.code > last && row.code < next.code ? row : next;
        }
        if (next.code == INT32_MAX) {
            return;
        }
        fprintf(to, "%s%d %s", last == 0 ? "Codes: " : ", ", next.code, next.code_name);
        last = next.code;
    }
}

static char *print_table(void)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    fprintf(to, "| |");
    for (int operation = 0; operation < OPERATION_COUNT; operation++) {
        fprintf(to, " %s |", OPERATIONS[operation]);
    }
    fprintf(to, "\n|");
    for (int column = 0; column <= OPERATION_COUNT; column++) {
        fprintf(to, " --- |");
    }
    for (int situation = 0; situation < SITUATION_COUNT; situation++) {
        fprintf(to, "\n| %s |", SITUATIONS[situation]);
        for (int operation = 0; operation < OPERATION_COUNT; operation++) {
            print_cell(to, error_row_for((enum situation)situation, (enum operation)operation));
        }
    }
    fprintf(to, "\n\n");
    print_codes(to);
    fprintf(to, ". Labels:");
    for (int i = 0; i < LETTER_COUNT; i++) {
        fprintf(to, "%s %c %s", i == 0 ? "" : ",", LETTERS[i].letter, LETTERS[i].text);
    }
    fprintf(to, ".\n");
    assert_int_equal(fclose(to), 0);
    return text;
}

static char *read_readme(void)
{
    FILE *file = fopen(SOURCE_DIR "/README.md", "r");
    assert_non_null(file);
    char *text = calloc(1, 1 << 20);
    assert_in_range(fread(text, 1, (1 << 20) - 1, file), 1, (1 << 20) - 2);
    fclose(file);
    return text;
}

static void test_readme_shows_the_table(void **state)
{
    char *wanted = print_table();
    char *text = read_readme();
    (void)state;
    char *begin = strstr(text, BEGIN);
    char *end = strstr(text, END);
    assert_true(begin != NULL && end != NULL && begin < end);
    *end = '\0';
    bool is_same = strcmp(begin + strlen(BEGIN), wanted) == 0;
    if (!is_same) {
        fprintf(stderr, "README.md must have, between its marks of errors:\n%s", wanted);
    }
    free(text);
    free(wanted);
    assert_true(is_same);
}

/* Every cell says something, but to who expects no reply. */
static void test_table_is_complete(void **state)
{
    (void)state;
    for (int situation = 0; situation < SITUATION_COUNT; situation++) {
        for (int operation = 0; operation < OPERATION_COUNT; operation++) {
            struct error_row row =
                error_row_for((enum situation)situation, (enum operation)operation);
            bool is_told = row.code != 0 || row.closes;
            assert_int_equal(is_told, operation != OPERATION_UNACKNOWLEDGED);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readme_shows_the_table),
        cmocka_unit_test(test_table_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
