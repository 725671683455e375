/* One row per option: the table alone drives parsing, defaults, checks, printing and documentation.
 */
#ifndef SETTINGS_SETTINGS_TABLE_H
#define SETTINGS_SETTINGS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "settings/settings.h"

enum option_type {
    OPTION_TEXT,
    OPTION_BOOL,
    OPTION_COUNT,    /* int64_t */
    OPTION_BYTES,    /* byte_count, takes "16MiB" */
    OPTION_DURATION, /* msec */
    OPTION_FACTOR,   /* double */
    OPTION_OCTAL,    /* int64_t, file mode */
    OPTION_CHOICE,   /* enum */
    OPTION_LIST,     /* char **, NULL-terminated */
};

enum option_flag { OPTION_SECRET = 1 };

struct option {
    const char *path; /* "pool.maxPoolSize" */
    enum option_type type;
    size_t offset;
    const char *fallback; /* the default as text; NULL: none */
    int64_t low, high;
    const char *const *choices; /* NULL-terminated, in the order of the enum */
    const char *uri_option;     /* MongoDB's name in connection strings; NULL: none */
    unsigned flags;
    const char *help;
};

extern const struct option option_table[];
extern const size_t option_count;

/* The row of that path, exactly spelled; NULL when there is none. */
const struct option *option_find(const char *path);

/* The row whose environment variable has that name ("MOORING_POOL_MAX_POOL_SIZE"); NULL: none. */
const struct option *option_find_environment(const char *name);
const char *option_environment_name(const struct option *o, char text[128]);

/* True for options that product documentation names but this build does not have. */
bool option_is_not_built(const char *path);

/* The known path nearest to `path`, or NULL when none is near. */
const char *option_nearest(const char *path);

/* Reads `text` as the option's type and stores it; what was there is freed. The error says what is
 * expected, without naming the place; the text of a secret is not repeated. */
enum status option_set(const struct option *o, struct settings *s, const char *text,
                       struct error *why) __attribute__((warn_unused_result));

/* The value as text that option_set reads (secrets as "***"); the caller frees. */
char *option_print(const struct option *o, const struct settings *s);

/* Frees what the option holds. */
void option_clear(const struct option *o, struct settings *s);

#endif
