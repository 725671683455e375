/* Settings from their four places: defaults, connection string, file, environment, flags; each goes
 * before the ones named earlier. All mistakes are collected, not only the first. */
#ifndef SETTINGS_SETTINGS_LOAD_H
#define SETTINGS_SETTINGS_LOAD_H

#include <stdbool.h>
#include <stdio.h>

#include "settings/settings.h"

/* One mistake (or warning) and its place: "mooring.yaml:12", "--pool.maxPoolSize", "connection
 * string, column 9". */
struct problem {
    bool is_warning;
    char *place;
    char *text;
};

struct problems {
    struct problem *items;
    size_t count;
    size_t errors;
};

void problems_add(struct problems *p, bool is_warning, const char *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void problems_print(const struct problems *p, FILE *to);
void problems_clear(struct problems *p);

/* What the command line gives: the connection string (NULL: none), the file (NULL: none), and flags
 * as they stand ("--pool.maxPoolSize=20"). */
struct settings_source {
    const char *uri;
    const char *file;
    char *const *flags;
    size_t flag_count;
    char *const *environment; /* "NAME=value", NULL-terminated; NULL: none */
};

/* Where each option's value came from, by the option's place in the table; the caller clears. */
struct settings_origins {
    char **texts;
};

/* Fills `*s` in any case (defaults where a text was wrong); the caller clears it. Loaded without
 * error when problems->errors is 0 afterwards. */
void settings_load(const struct settings_source *source, struct settings *s,
                   struct settings_origins *origins, struct problems *problems);
void settings_clear(struct settings *s);
void settings_origins_clear(struct settings_origins *origins);

/* Sets one option by path, and notes where it came from; a mistake is added with its place. Returns
 * whether the path is an option. For the readers of files, environment and flags. */
struct settings_target {
    struct settings *settings;
    struct settings_origins *origins;
    struct problems *problems;
};
bool settings_put(struct settings_target *t, const char *path, const char *text, const char *place);

/* Reads a YAML file into the target (settings_yaml.c). */
void settings_read_yaml(struct settings_target *t, const char *file);

/* Reads a connection string into the target (settings_uri.c). */
void settings_read_uri(struct settings_target *t, const char *uri);

/* The rules between options (settings_check.c). */
void settings_check(const struct settings *s, struct problems *problems);

#endif
