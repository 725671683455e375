/* What the runners of MongoDB's specification cases share: finding the cases, which a Debian
 * package installs, the list of those excused, and the count of what ran. */
#ifndef TESTS_SPEC_H
#define TESTS_SPEC_H

#include <bson/bson.h>
#include <stdbool.h>

#include "settings/settings_load.h"

/* One case. `check` says nothing when it passes, else what is wrong (to be freed). */
struct spec_case {
    const char *file; /* "uri-options/tls-options.json" */
    const char *name; /* its description, or "" */
    const bson_t *document;
};

/* Runs every case of every JSON file in the folder and below; a file is one case, or a list of them
 * under "tests". */
void spec_run(const char *folder, char *(*check)(const struct spec_case *c));

/* Prints what ran, passed and was excused; the exit status. An excused case that passes, an excuse
 * without its case and a suite without cases are failures too. */
int spec_end(void);

/* A file beside the cases, whole; to be freed. */
char *spec_read(const char *path);

/* The member of that name, if it is there and is not null. */
bool spec_find(const bson_t *document, const char *name, bson_iter_t *at);

/* A text member, or NULL. */
const char *spec_text(const bson_t *document, const char *name);

/* The same for a document or list, which becomes a view of those bytes. */
bool spec_document(const bson_t *document, const char *name, bson_t *out);
bool spec_take(const bson_iter_t *at, bson_t *out);

/* The number member, or `otherwise`. */
int64_t spec_int(const bson_t *document, const char *name, int64_t otherwise);

/* The settings of a connection string alone; the one that was loaded before is cleared. */
struct spec_settings {
    struct settings s;
    struct settings_origins origins;
    struct problems problems;
};
void spec_load(struct spec_settings *l, const char *uri);
void spec_clear(struct spec_settings *l);

/* Mistakes, but for files that cases name and nobody has, and the certificate and TLS that cases of
 * MONGODB-X509 leave out. The first one's text, or NULL. */
const char *spec_first_error(const struct spec_settings *l);

/* The value that the settings have for an option of a connection string, in the JSON's words;
 * NULL: none of ours. To be freed. */
char *spec_option(const struct spec_settings *l, const char *name);

/* The member's value in the same words; to be freed. */
char *spec_value(const bson_iter_t *at);

#endif
