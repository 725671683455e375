/* Settings from their four places: defaults, connection string, file, environment, flags; each goes
 * before the ones named earlier. All mistakes are collected, not only the first. */
#ifndef SETTINGS_SETTINGS_LOAD_H
#define SETTINGS_SETTINGS_LOAD_H

#include <stdbool.h>
#include <stdio.h>

#include "base/status.h"
#include "settings/settings.h"

/* One mistake (or warning) and its place: "mooring.yaml:12", "--pool.maxPoolSize", "connection
 * string, column 9". */
struct problem {
    bool is_warning;
    char *place;
    char *text;
    /* Of the connection string only, else 0 and NULL. */
    size_t column;       /* its first character's, from 1; 0: the whole string is meant */
    size_t width;        /* in characters */
    const char *finding; /* its id in the doctor's catalogue, "URI-02"; NULL: it has none */
    const char *key;     /* what was measured, for the catalogue's sentence ("host"), or NULL */
    char *value;
};

struct problems {
    struct problem *items;
    size_t count;
    size_t errors;
    char *uri_shown; /* the connection string that columns are of, secrets by '*'; or NULL */
};

void problems_add(struct problems *p, bool is_warning, const char *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A line each; under those of the connection string it, with a mark where the mistake is. */
void problems_print(const struct problems *p, FILE *to);
/* The part of the connection string around one mistake, and "^~~~" under it; nothing when it is not
 * about one. */
void problem_mark(const struct problems *all, const struct problem *p, FILE *to);
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

/* The places, the later the stronger. */
enum settings_rank { RANK_DEFAULT, RANK_URI, RANK_FILE, RANK_ENVIRONMENT, RANK_FLAG };

/* Where each option's value came from, by the option's place in the table; the caller clears. */
struct settings_origins {
    char **texts;
    enum settings_rank *ranks;
};

/* Fills `*s` in any case (defaults where a text was wrong); the caller clears it. Loaded without
 * error when problems->errors is 0 afterwards. */
void settings_load(const struct settings_source *source, struct settings *s,
                   struct settings_origins *origins, struct problems *problems);
void settings_clear(struct settings *s);
void settings_origins_clear(struct settings_origins *origins);

/* For the readers of files, environment, flags and connection strings: what they fill, and how
 * strong the place is that they read now. */
struct settings_target {
    struct settings *settings;
    struct settings_origins *origins;
    struct problems *problems;
    enum settings_rank rank;
};

/* Sets one option by path, unless a stronger place has said it, and notes where it came from. An
 * unknown path and a wrong value are added as mistakes of the place. */
void settings_put(struct settings_target *t, const char *path, const char *text, const char *place);

/* The same for a row of the table; BAD_INPUT, and what is expected, when the value is wrong. */
struct option;
enum status settings_put_row(struct settings_target *t, const struct option *o, const char *text,
                             const char *place, struct error *why)
    __attribute__((warn_unused_result));

/* Reads a YAML file into the target, or one that is open already, whose name is for messages
 * (settings_yaml.c). */
void settings_read_yaml_file(struct settings_target *t, FILE *file, const char *name);
void settings_read_yaml(struct settings_target *t, const char *file);

/* Reads a connection string into the target (settings_uri.c). */
void settings_read_uri(struct settings_target *t, const char *uri);

/* The whole file without the line ends behind it; NULL, and a mistake of `place` added, when it
 * cannot be read or holds nothing. That other users may read it is a warning. The caller frees. */
char *settings_read_secret(struct problems *problems, const char *path, const char *place);

/* The rules between options, and what can be known about files and addresses before anything
 * starts (settings_check.c). */
void settings_check(const struct settings *s, struct problems *problems);

#endif
