#include "settings/settings_load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/* The first byte behind so many characters. */
static const char *skip_characters(const char *text, size_t count)
{
    while (*text != '\0' && count > 0) {
        text++;
        count -= ((unsigned char)*text & 0xc0) != 0x80;
    }
    return text;
}

void problem_mark(const struct problems *all, const struct problem *p, FILE *to)
{
    enum { BEFORE_MOST = 60, SHOWN_MOST = 100 };
    const char *shown = all->uri_shown;
    if (p->column == 0 || shown == NULL) {
        return;
    }
    size_t before = p->column - 1;
    size_t left_out = before > BEFORE_MOST ? before - BEFORE_MOST : 0;
    const char *from = skip_characters(shown, left_out);
    const char *until = skip_characters(from, SHOWN_MOST);
    size_t width = p->column - left_out + p->width > SHOWN_MOST
                       ? SHOWN_MOST - (p->column - left_out) + 1
                       : p->width;
    fprintf(to, "    %s%.*s%s\n", left_out > 0 ? "…" : "", (int)(until - from), from,
            *until == '\0' ? "" : "…");
    fprintf(to, "    %*s^", (int)(before - left_out) + (left_out > 0), "");
    for (size_t i = 1; i < width; i++) {
        fputc('~', to);
    }
    fputc('\n', to);
}

void problems_print(const struct problems *p, FILE *to)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct problem *one = &p->items[i];
        const char *id = one->finding;
        fprintf(to, "%s: %s: %s%s%s%s\n", one->is_warning ? "warning" : "error", one->place,
                one->text, id == NULL ? "" : " (", id == NULL ? "" : id, id == NULL ? "" : ")");
        problem_mark(p, one, to);
    }
}

void problems_clear(struct problems *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->items[i].place);
        free(p->items[i].text);
        free(p->items[i].value);
    }
    free(p->items);
    free(p->uri_shown);
    *p = (struct problems){0};
}

/* --- one option --- */

static void note_origin(struct settings_target *t, const struct option *o, const char *place)
{
    char **origin = &t->origins->texts[o - option_table];
    free(*origin);
    *origin = xstrdup(place);
}

static void refuse_path(struct settings_target *t, const char *path, const char *place)
{
    const char *near = option_nearest(path);
    if (option_is_not_built(path)) {
        problems_add(t->problems, false, place, "%s is not implemented in this build: leave it out",
                     path);
    } else if (option_is_section(path)) {
        problems_add(t->problems, false, place,
                     "%s is a section: settings stand in it, not a value", path);
    } else {
        problems_add(t->problems, false, place, "there is no setting %s%s%s%s", path,
                     near == NULL ? "" : "; did you mean ", near == NULL ? "" : near,
                     near == NULL ? "" : "?");
    }
}

enum status settings_put_row(struct settings_target *t, const struct option *o, const char *text,
                             const char *place, struct error *why)
{
    enum settings_rank *rank = &t->origins->ranks[o - option_table];
    if (t->rank < *rank) {
        return STATUS_OK;
    }
    enum status status = option_set(o, t->settings, text, why);
    if (status == STATUS_OK) {
        *rank = t->rank;
        note_origin(t, o, place);
    }
    return status;
}

void settings_put(struct settings_target *t, const char *path, const char *text, const char *place)
{
    const struct option *o = option_find(path);
    struct error why;
    if (o == NULL) {
        refuse_path(t, path, place);
    } else if (settings_put_row(t, o, text, place, &why) != STATUS_OK) {
        bool is_flag = t->rank == RANK_FLAG; /* whose place is the path */
        problems_add(t->problems, false, place, "%s%s%s", is_flag ? "" : path, is_flag ? "" : ": ",
                     why.text);
    }
}

static void put_defaults(struct settings_target *t)
{
    t->rank = RANK_DEFAULT;
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        enum status status = STATUS_OK;
        struct error why;
        if (o->fallback != NULL) {
            status = settings_put_row(t, o, o->fallback, "default", &why);
        }
        require(status == STATUS_OK);
        note_origin(t, o, "default");
    }
}

/* A flag without a value is told by its name; one with a value never by its value. */
static void put_flags(struct settings_target *t, char *const *flags, size_t count)
{
    t->rank = RANK_FLAG;
    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(flags[i], '=');
        size_t size = equals == NULL ? strlen(flags[i]) : (size_t)(equals - flags[i]);
        auto_free char *place = xstrndup(flags[i], size);
        const char *path = place + (strncmp(place, "--", 2) == 0 ? 2 : 0);
        if (equals == NULL && option_find(path) != NULL) {
            problems_add(t->problems, false, place, "it wants a value: --%s=VALUE", path);
        } else if (equals == NULL) {
            refuse_path(t, path, place);
        } else {
            settings_put(t, path, equals + 1, place);
        }
    }
}

/* What Kubernetes sets for a Service called mooring: MOORING_PORT, MOORING_SERVICE_HOST, … */
static bool is_service_link(const char *name)
{
    const char *rest = name + strlen("MOORING_");
    return strcmp(rest, "PORT") == 0 || strncmp(rest, "PORT_", 5) == 0 ||
           strncmp(rest, "SERVICE_", 8) == 0;
}

static void refuse_environment(struct settings_target *t, const char *name)
{
    char near[128] = "";
    if (option_is_not_built_environment(name)) {
        problems_add(t->problems, false, name,
                     "this setting is not implemented in this build: unset it");
    } else if (!is_service_link(name)) {
        bool is_near = option_nearest_environment(name, near);
        problems_add(t->problems, true, name, "no setting has this name in the environment%s%s%s",
                     is_near ? "; did you mean " : "", near, is_near ? "?" : "");
    }
}

static void put_environment(struct settings_target *t, char *const *environment)
{
    t->rank = RANK_ENVIRONMENT;
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        const char *equals = strchr(environment[i], '=');
        if (strncmp(environment[i], "MOORING_", 8) != 0 || equals == NULL) {
            continue;
        }
        auto_free char *name = xstrndup(environment[i], (size_t)(equals - environment[i]));
        const struct option *o = option_find_environment(name);
        if (o != NULL) {
            settings_put(t, o->path, equals + 1, name);
        } else {
            refuse_environment(t, name);
        }
    }
}

static void put_file(struct settings_target *t, const char *file)
{
    t->rank = RANK_FILE;
    if (file != NULL) {
        settings_read_yaml(t, file);
    }
}

/* --- secrets in files --- */

static void warn_of_readers(struct problems *p, FILE *file, const char *path, const char *place)
{
    struct stat stat;
    if (fstat(fileno(file), &stat) == 0 && S_ISREG(stat.st_mode) && (stat.st_mode & S_IROTH) != 0) {
        problems_add(p, true, place,
                     "every user of this machine can read %s: take that right away (chmod o-r)",
                     path);
    }
}

char *settings_read_secret(struct problems *p, const char *path, const char *place)
{
    auto_free char *text = xcalloc(1, SECRET_FILE_MOST + 1);
    auto_file FILE *file = fopen(path, "re");
    size_t size = file == NULL ? 0 : fread(text, 1, SECRET_FILE_MOST + 1, file);
    if (file == NULL || ferror(file)) {
        problems_add(p, false, place, "cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    while (size > 0 && size <= SECRET_FILE_MOST &&
           (text[size - 1] == '\n' || text[size - 1] == '\r')) {
        text[--size] = '\0';
    }
    if (size == 0 || size > SECRET_FILE_MOST || memchr(text, '\0', size) != NULL) {
        problems_add(p, false, place, "%s %s", path,
                     size == 0                 ? "is empty"
                     : size > SECRET_FILE_MOST ? "is larger than 64 KiB"
                                               : "holds a zero byte");
        explicit_bzero(text, SECRET_FILE_MOST + 1);
        return NULL;
    }
    warn_of_readers(p, file, path, place);
    char *secret = xstrdup(text);
    explicit_bzero(text, SECRET_FILE_MOST + 1);
    return secret;
}

/* --- all --- */

static enum settings_rank rank_of(const struct settings_target *t, const char *path)
{
    return t->origins->ranks[option_find(path) - option_table];
}

static const char *origin_of(const struct settings_target *t, const char *path)
{
    return t->origins->texts[option_find(path) - option_table];
}

/* The connection string, from upstream.uri or upstream.uriFile, whichever was said at the stronger
 * place; the caller frees. NULL: there is none, which has been told. */
static char *find_uri(struct settings_target *t)
{
    const struct upstream_settings *up = &t->settings->upstream;
    enum settings_rank text = up->uri == NULL ? RANK_DEFAULT : rank_of(t, "upstream.uri");
    enum settings_rank file = up->uri_file == NULL ? RANK_DEFAULT : rank_of(t, "upstream.uriFile");
    if (text == RANK_DEFAULT && file == RANK_DEFAULT) {
        problems_add(t->problems, false, "upstream.uri",
                     "no cluster is named: give a connection string as the first argument, in "
                     "upstream.uri, in upstream.uriFile or in MOORING_UPSTREAM_URI");
        t->problems->items[t->problems->count - 1].finding = "URI-01";
        return NULL;
    }
    if (text == file) {
        problems_add(t->problems, false, origin_of(t, "upstream.uriFile"),
                     "upstream.uri is given as well (%s): one of the two is enough",
                     origin_of(t, "upstream.uri"));
        return NULL;
    }
    return text > file ? xstrdup(up->uri)
                       : settings_read_secret(t->problems, up->uri_file, "upstream.uriFile");
}

static void replace_text(char **at, char *text)
{
    free(*at);
    *at = text;
}

static void put_login(struct settings_target *t)
{
    struct upstream_settings *up = &t->settings->upstream;
    if (up->username != NULL) {
        replace_text(&up->user, xstrdup(up->username));
        up->auth_mechanism = up->auth_mechanism == AUTH_NONE ? AUTH_DEFAULT : up->auth_mechanism;
    }
    if (up->password_file != NULL) {
        char *password =
            settings_read_secret(t->problems, up->password_file, "upstream.passwordFile");
        if (password != NULL) {
            replace_text(&up->password, password);
        }
    }
}

/* The connection string is read last, since any other place may say which one it is; what it says
 * goes in where none of them has spoken. */
void settings_load(const struct settings_source *source, struct settings *s,
                   struct settings_origins *origins, struct problems *problems)
{
    struct settings_target t = {.settings = s, .origins = origins, .problems = problems};
    *s = (struct settings){0};
    origins->texts = xcalloc(option_count, sizeof *origins->texts);
    origins->ranks = xcalloc(option_count, sizeof *origins->ranks);
    put_defaults(&t);
    put_file(&t, source->file);
    put_environment(&t, source->environment);
    put_flags(&t, source->flags, source->flag_count);
    if (source->uri != NULL) {
        settings_put(&t, "upstream.uri", source->uri, "command line");
    }
    auto_free char *uri = find_uri(&t);
    if (uri != NULL) {
        settings_read_uri(&t, uri);
    }
    put_login(&t);
    s->listen.addresses_are_default = rank_of(&t, "listen.addresses") == RANK_DEFAULT;
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
    free(up->uri_options);
    *s = (struct settings){0};
}

void settings_origins_clear(struct settings_origins *origins)
{
    for (size_t i = 0; origins->texts != NULL && i < option_count; i++) {
        free(origins->texts[i]);
    }
    free(origins->texts);
    free(origins->ranks);
    *origins = (struct settings_origins){0};
}
