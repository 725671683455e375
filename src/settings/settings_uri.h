/* Parts of the reader of connection strings, for settings_uri.c: the options
 * (settings_uri_options.c), where a mistake stands (settings_uri_spot.c), and what is allowed but
 * probably not meant (settings_uri_lint.c). */
#ifndef SETTINGS_SETTINGS_URI_H
#define SETTINGS_SETTINGS_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "settings/settings_load.h"

/* --- options --- */

/* The parts of the outbound proxy, each an option of its own. */
enum uri_proxy_part { PROXY_HOST, PROXY_PORT, PROXY_USERNAME, PROXY_PASSWORD, PROXY_PARTS };

/* What came so far, for the rules between options. Zeroed to begin with. */
struct uri_seen {
    char **names;
    size_t count;
    char *proxy[PROXY_PARTS];
};

/* Whether MongoDB has an option of that name, in any case of letters. */
bool uri_option_is_known(const char *name);

/* Takes over one option, its value decoded; a mistake is added with the place. As drivers do it, a
 * value that cannot be read is a warning and has no effect, and so is an option that belongs into
 * the application or that nobody knows. */
void uri_option_put(struct settings_target *t, struct uri_seen *seen, const char *name,
                    const char *value, const char *place);

/* After the last option: those that exclude each other, and the outbound proxy. Clears `seen`. */
void uri_options_end(struct settings_target *t, struct uri_seen *seen);

/* --- places --- */

/* Pointers into one string: [scheme]://[begin…at]@[hosts…hosts_end]/[path…before_options]?[…end] */
struct uri_parts {
    const char *begin;
    const char *at; /* the '@'; NULL: no login */
    const char *hosts;
    const char *hosts_end;      /* the '/', or before_options */
    const char *before_options; /* the '?', or end */
    const char *end;
};

/* `begin` is behind the "://". */
void uri_split(const char *begin, struct uri_parts *out);

/* Where in the string, and under which id the doctor's catalogue has it (static text; NULL:
 * nowhere). Width 0: the whole string is meant. */
struct uri_spot {
    const char *at;
    size_t width;
    const char *finding;
};

/* Adds a mistake, or a warning, of the string `uri` with its column. */
void uri_complain(struct settings_target *t, const char *uri, struct uri_spot spot, bool is_warning,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Gives the mistake added last its measured value, for the row's sentence. Copied. */
void uri_complain_evidence(struct settings_target *t, const char *key, const char *value,
                           size_t size);

/* From 1, in characters. */
size_t uri_column(const char *uri, const char *at);

/* A copy fit to be shown, as many characters long: login, and values that are or may be secret, by
 * '*'. NULL when it is no connection string, so that nothing of it is known to be harmless. */
char *uri_masked(const char *uri);

/* --- advice --- */

/* What has been read without error as to its login, but is probably not meant so: warnings. */
void uri_lint(struct settings_target *t, const char *uri, const struct uri_parts *parts);

#endif
