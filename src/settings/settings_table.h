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
    OPTION_SHARE,    /* struct share, takes "10" or "50%" */
    OPTION_OCTAL,    /* int64_t, file mode */
    OPTION_CHOICE,   /* enum */
    OPTION_LIST,     /* char **, NULL-terminated */
};

enum option_flag { OPTION_SECRET = 1 };

struct option {
    const char *path; /* "pool.maxPoolSize" */
    enum option_type type;
    size_t offset;
    const char *fallback;       /* the default as text; NULL: none */
    int64_t low, high;          /* of numbers; of a text, `high` is its most bytes, 0: no limit */
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

/* True for options that the product is to have and this build has not, by path or by the name in
 * the environment. */
bool option_is_not_built(const char *path);
bool option_is_not_built_environment(const char *name);

/* True for "pool", "tls", …: what options stand in. */
bool option_is_section(const char *path);

/* The known path nearest to `path`, or NULL when none is near. */
const char *option_nearest(const char *path);

/* The known name in the environment nearest to `name`; false when none is near. */
bool option_nearest_environment(const char *name, char text[128]);

/* Reads `text` as the option's type and stores it; what was there is freed. An empty text is no
 * text. The error says what is expected, without naming the place or repeating the value. */
enum status option_set(const struct option *o, struct settings *s, const char *text,
                       struct error *why) __attribute__((warn_unused_result));

/* The value as text that option_set reads (secrets as "***"); the caller frees. */
char *option_print(const struct option *o, const struct settings *s);

/* Frees what the option holds. */
void option_clear(const struct option *o, struct settings *s);

#endif
