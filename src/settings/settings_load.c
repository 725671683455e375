#include "settings/settings_load.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/scope.h"
#include "settings/settings_table.h"

enum { SECRET_FILE_MOST = 64 * 1024 };

/* --- problems --- */

void problems_add(struct problems *p, bool is_warning, const char *place, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) {
        text = xstrdup("out of memory");
    }
    va_end(args);
    p->items = xrealloc(p->items, (p->count + 1) * sizeof *p->items);
    p->items[p->count++] =
        (struct problem){.is_warning = is_warning, .place = xstrdup(place), .text = text};
    p->errors += !is_warning;
}

void problems_print(const struct problems *p, FILE *to)
{
    for (size_t i = 0; i < p->count; i++) {
        fprintf(to, "%s: %s: %s\n", p->items[i].is_warning ? "warning" : "error", p->items[i].place,
                p->items[i].text);
    }
}

void problems_clear(struct problems *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->items[i].place);
        free(p->items[i].text);
    }
    free(p->items);
    *p = (struct problems){0};
}

/* --- one option --- */

static void note_origin(struct settings_target *t, const struct option *o, const char *place)
{
    char **origin = &t->origins->texts[o - option_table];
    free(*origin);
    *origin = xstrdup(place);
}

bool settings_put(struct settings_target *t, const char *path, const char *text, const char *place)
{
    const struct option *o = option_find(path);
    struct error why;
    if (o == NULL) {
        const char *near = option_nearest(path);
        if (option_is_not_built(path)) {
            problems_add(t->problems, false, place, "%s is not implemented in this build", path);
        } else {
            problems_add(t->problems, false, place, "there is no setting %s%s%s%s", path,
                         near == NULL ? "" : "; did you mean ", near == NULL ? "" : near,
                         near == NULL ? "" : "?");
        }
        return false;
    }
    if (option_set(o, t->settings, text, &why) != STATUS_OK) {
        problems_add(t->problems, false, place, "%s: %s", path, why.text);
    }
    note_origin(t, o, place);
    return true;
}

static void put_defaults(struct settings_target *t)
{
    for (size_t i = 0; i < option_count; i++) {
        struct error why;
        if (option_table[i].fallback != NULL &&
            option_set(&option_table[i], t->settings, option_table[i].fallback, &why) !=
                STATUS_OK) {
            require(!"every default is valid");
        }
        note_origin(t, &option_table[i], "default");
    }
}

static void put_flags(struct settings_target *t, char *const *flags, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(flags[i], '=');
        if (strncmp(flags[i], "--", 2) != 0 || equals == NULL) {
            problems_add(t->problems, false, "command line",
                         "flag %zu is not of the form --section.name=value", i + 1);
            continue;
        }
        auto_free char *path = xstrndup(flags[i] + 2, (size_t)(equals - flags[i]) - 2);
        auto_free char *place = xformat("--%s", path);
        settings_put(t, path, equals + 1, place);
    }
}

static void put_environment(struct settings_target *t, char *const *environment)
{
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        const char *equals = strchr(environment[i], '=');
        if (strncmp(environment[i], "MOORING_", 8) != 0 || equals == NULL) {
            continue;
        }
        auto_free char *name = xstrndup(environment[i], (size_t)(equals - environment[i]));
        const struct option *o = option_find_environment(name);
        if (o != NULL) {
            settings_put(t, o->path, equals + 1, name);
        } else if (strcmp(name, "MOORING_BIN") != 0) {
            problems_add(t->problems, true, name, "no setting has this name in the environment");
        }
    }
}

/* The whole file without a trailing newline; NULL, and a problem added, when it cannot be read. */
static char *read_secret(struct settings_target *t, const char *path, const char *option)
{
    auto_file FILE *file = fopen(path, "re");
    char *text = xcalloc(1, SECRET_FILE_MOST + 1);
    if (file == NULL) {
        problems_add(t->problems, false, option, "cannot read %s: %s", path, strerror(errno));
        free(text);
        return NULL;
    }
    size_t size = fread(text, 1, SECRET_FILE_MOST, file);
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) {
        text[--size] = '\0';
    }
    return text;
}

static void replace_text(char **at, char *text)
{
    free(*at);
    *at = text;
}

/* --- all --- */

/* The connection string itself can come from every place; what it says counts less than any of
 * them. So the places are read twice: once to find it, once over it. */
static void put_places(struct settings_target *t, const struct settings_source *source)
{
    if (source->file != NULL) {
        settings_read_yaml(t, source->file);
    }
    put_environment(t, source->environment);
    put_flags(t, source->flags, source->flag_count);
    if (source->uri != NULL) {
        settings_put(t, "upstream.uri", source->uri, "command line");
    }
}

static char *find_uri(struct settings_target *t)
{
    const struct upstream_settings *up = &t->settings->upstream;
    if (up->uri != NULL && up->uri_file != NULL) {
        problems_add(t->problems, false, "upstream.uriFile",
                     "upstream.uri is given as well: one of the two is enough");
    }
    if (up->uri != NULL) {
        return xstrdup(up->uri);
    }
    return up->uri_file == NULL ? NULL : read_secret(t, up->uri_file, "upstream.uriFile");
}

static void put_login(struct settings_target *t)
{
    struct upstream_settings *up = &t->settings->upstream;
    if (up->username != NULL) {
        replace_text(&up->user, xstrdup(up->username));
        up->auth_mechanism = up->auth_mechanism == AUTH_NONE ? AUTH_DEFAULT : up->auth_mechanism;
    }
    if (up->password_file != NULL) {
        char *password = read_secret(t, up->password_file, "upstream.passwordFile");
        if (password != NULL) {
            replace_text(&up->password, password);
        }
    }
}

void settings_load(const struct settings_source *source, struct settings *s,
                   struct settings_origins *origins, struct problems *problems)
{
    struct settings_target t = {.settings = s, .origins = origins, .problems = problems};
    struct problems first = {0};
    struct settings_target search = {.settings = s, .origins = origins, .problems = &first};
    *s = (struct settings){0};
    origins->texts = xcalloc(option_count, sizeof *origins->texts);
    put_defaults(&t);
    put_places(&search, source);
    auto_free char *uri = find_uri(&search);
    problems_clear(&first);
    if (uri != NULL) {
        put_defaults(&t);
        settings_read_uri(&t, uri);
        put_places(&t, source);
    } else {
        put_places(&t, source);
        problems_add(problems, false, "upstream.uri",
                     "no cluster is named: give a connection string as the first argument, in "
                     "upstream.uri, in upstream.uriFile or in MOORING_UPSTREAM_URI");
    }
    put_login(&t);
    s->listen.addresses_are_default =
        strcmp(origins->texts[option_find("listen.addresses") - option_table], "default") == 0;
    settings_check(s, problems);
}

static void free_texts(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        free(list[i]);
    }
    free(list);
}

void settings_clear(struct settings *s)
{
    struct upstream_settings *up = &s->upstream;
    for (size_t i = 0; i < option_count; i++) {
        option_clear(&option_table[i], s);
    }
    free(up->srv_host);
    free(up->srv_service_name);
    free_texts(up->hosts);
    free(up->replica_set);
    free(up->auth_source);
    free(up->user);
    if (up->password != NULL) {
        explicit_bzero(up->password, strlen(up->password));
    }
    free(up->password);
    free(up->database);
    *s = (struct settings){0};
}

void settings_origins_clear(struct settings_origins *origins)
{
    for (size_t i = 0; origins->texts != NULL && i < option_count; i++) {
        free(origins->texts[i]);
    }
    free(origins->texts);
    origins->texts = NULL;
}
