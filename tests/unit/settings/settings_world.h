/* Settings loaded from what a test says, and what was found wrong with it. */
#ifndef TESTS_SETTINGS_WORLD_H
#define TESTS_SETTINGS_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/require.h"
#include "base/scope.h"
#include "settings/settings_load.h"
#include "settings/settings_table.h"

#define GOOD_URI "mongodb://app:secret@db.example.test/"

struct world {
    struct settings s;
    struct settings_origins origins;
    struct problems problems;
};

static struct world w;

static inline int clear_world(void **state)
{
    (void)state;
    settings_clear(&w.s);
    settings_origins_clear(&w.origins);
    problems_clear(&w.problems);
    return 0;
}

/* Loads anew; `flags` is NULL-terminated, or NULL. */
static inline void load(const char *uri, const char *file, char **environment, char **flags)
{
    struct settings_source source = {
        .uri = uri, .file = file, .environment = environment, .flags = flags};
    while (flags != NULL && flags[source.flag_count] != NULL) {
        source.flag_count++;
    }
    clear_world(NULL);
    settings_load(&source, &w.s, &w.origins, &w.problems);
}

static inline void load_uri(const char *uri)
{
    load(uri, NULL, NULL, NULL);
}

static inline void load_flag(const char *flag)
{
    char *flags[] = {(char *)(uintptr_t)flag, NULL};
    load(GOOD_URI, NULL, NULL, flags);
}

/* A file of that text, named in a static buffer; the next one replaces it. */
static inline const char *write_file(const char *text, mode_t mode)
{
    static char path[] = "/tmp/mooring-settings-XXXXXX";
    static bool is_made;
    int descriptor;
    if (is_made) {
        unlink(path);
        memcpy(path + strlen(path) - 6, "XXXXXX", 6);
    }
    descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    is_made = true;
    assert_int_equal(write(descriptor, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(descriptor, mode), 0);
    close(descriptor);
    return path;
}

static inline void load_yaml(const char *yaml)
{
    const char *path = write_file(yaml, 0600);
    load(GOOD_URI, path, NULL, NULL);
    unlink(path);
}

/* All that was found, a line each, as a person reads it. */
static inline const char *all_problems(void)
{
    static char text[8192];
    FILE *file = fmemopen(text, sizeof text, "w");
    problems_print(&w.problems, file);
    fclose(file);
    return text;
}

/* Some line has all the parts, in order. */
static inline bool is_told(bool is_warning, const char *place, const char *text)
{
    for (size_t i = 0; i < w.problems.count; i++) {
        const struct problem *p = &w.problems.items[i];
        if (p->is_warning == is_warning && strstr(p->place, place) != NULL &&
            strstr(p->text, text) != NULL) {
            return true;
        }
    }
    return false;
}

#define assert_error(place, text)                                                 \
    do {                                                                          \
        if (!is_told(false, place, text)) {                                       \
            fail_msg("no error \"%s: %s\" in:\n%s", place, text, all_problems()); \
        }                                                                         \
    } while (0)

#define assert_warning(place, text)                                                         \
    do {                                                                                    \
        if (!is_told(true, place, text) || w.problems.errors != 0) {                        \
            fail_msg("not only a warning \"%s: %s\" in:\n%s", place, text, all_problems()); \
        }                                                                                   \
    } while (0)

#define assert_clean()                                  \
    do {                                                \
        if (w.problems.count != 0) {                    \
            fail_msg("unexpected: %s", all_problems()); \
        }                                               \
    } while (0)

/* The only error stands at that column of the connection string. */
#define assert_column(column, text)                                                            \
    do {                                                                                       \
        assert_error("connection string, column " #column, text);                              \
        if (w.problems.errors != 1 || strstr(all_problems(), "column " #column ":") == NULL) { \
            fail_msg("not only column %d in:\n%s", column, all_problems());                    \
        }                                                                                      \
    } while (0)

static inline const char *origin_of(const char *path)
{
    return w.origins.texts[option_find(path) - option_table];
}

static inline void assert_list(char *const *list, const char *expected)
{
    char text[1024] = "";
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i == 0 ? "" : " ",
                 list[i]);
    }
    assert_string_equal(text, expected);
}

#define in_world(test) cmocka_unit_test_teardown(test, clear_world)

#endif
