/* Reading and printing of one option, by its row. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "settings/settings_nearest.h"
#include "settings/settings_table.h"

/* Names that the documentation has and this build has not: refused, never ignored. */
static const char *const not_built[] = {
    "upstream.compressors", "listen.tls",     "listen.users",  "admin.socket", "admin.http",
    "admin.probes",         "admin.database", "admin.actions", "log.slowMS",
};

bool option_is_not_built(const char *path)
{
    for (size_t i = 0; i < sizeof not_built / sizeof *not_built; i++) {
        size_t length = strlen(not_built[i]);
        if (strncmp(path, not_built[i], length) == 0 &&
            (path[length] == '\0' || path[length] == '.')) {
            return true;
        }
    }
    return false;
}

const struct option *option_find(const char *path)
{
    for (size_t i = 0; i < option_count; i++) {
        if (strcmp(option_table[i].path, path) == 0) {
            return &option_table[i];
        }
    }
    return NULL;
}

/* maxTimeMS -> MAX_TIME_MS: an underscore before a capital that follows a small letter. */
static const char *environment_name(const char *path, char text[128])
{
    size_t used = (size_t)snprintf(text, 128, "MOORING_");
    for (const char *c = path; *c != '\0' && used < 126; c++) {
        if (*c == '.') {
            text[used++] = '_';
            continue;
        }
        if (isupper((unsigned char)*c) && islower((unsigned char)c[-1])) {
            text[used++] = '_';
        }
        text[used++] = (char)toupper((unsigned char)*c);
    }
    text[used] = '\0';
    return text;
}

const char *option_environment_name(const struct option *o, char text[128])
{
    return environment_name(o->path, text);
}

const struct option *option_find_environment(const char *name)
{
    char text[128];
    for (size_t i = 0; i < option_count; i++) {
        if (strcmp(option_environment_name(&option_table[i], text), name) == 0) {
            return &option_table[i];
        }
    }
    return NULL;
}

/* Whole names only: a Service that is called mooring-admin makes names that begin alike. */
bool option_is_not_built_environment(const char *name)
{
    char text[128];
    for (size_t i = 0; i < sizeof not_built / sizeof *not_built; i++) {
        if (strcmp(environment_name(not_built[i], text), name) == 0) {
            return true;
        }
    }
    return false;
}

bool option_is_section(const char *path)
{
    size_t length = strlen(path);
    for (size_t i = 0; i < option_count; i++) {
        if (strncmp(option_table[i].path, path, length) == 0 &&
            option_table[i].path[length] == '.') {
            return true;
        }
    }
    return false;
}

bool option_nearest_environment(const char *name, char text[128])
{
    size_t best = strlen(name) / 4;
    const struct option *found = NULL;
    for (size_t i = 0; i < option_count; i++) {
        size_t d = name_distance(name, option_environment_name(&option_table[i], text));
        if (d < best) {
            best = d;
            found = &option_table[i];
        }
    }
    snprintf(text, 128, "%s", "");
    if (found != NULL) {
        option_environment_name(found, text);
    }
    return found != NULL;
}

const char *option_nearest(const char *path)
{
    size_t best = strlen(path) / 3 + 1;
    const struct option *found = NULL;
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        size_t d = name_distance(path, o->path);
        const char *last = strrchr(o->path, '.');
        const char *own = strrchr(path, '.');
        if (own == NULL || name_distance(own + 1, last + 1) == 0) {
            size_t tail = name_distance(own == NULL ? path : own + 1, last + 1);
            d = tail < d ? tail : d; /* the right name in the wrong section */
        }
        /* of two alike the one that connection strings have too, which people know */
        bool is_known = found != NULL && found->uri_option == NULL && o->uri_option != NULL;
        if (d < best || (d == best && is_known)) {
            best = d;
            found = o;
        }
    }
    return found == NULL ? NULL : found->path;
}

static void *field(const struct option *o, struct settings *s)
{
    return (char *)s + o->offset;
}

static void free_list(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        free(list[i]);
    }
    free(list);
}

static char **read_list(const char *text)
{
    size_t count = 0;
    char **list = xcalloc(1, sizeof *list);
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        const char *begin = text;
        text += length + (text[length] == ',');
        while (length > 0 && isspace((unsigned char)*begin)) {
            begin++;
            length--;
        }
        while (length > 0 && isspace((unsigned char)begin[length - 1])) {
            length--;
        }
        if (length > 0) {
            list = xrealloc(list, (count + 2) * sizeof *list);
            list[count++] = xstrndup(begin, length);
            list[count] = NULL;
        }
    }
    return list;
}

static enum status read_bool(const char *text, bool *out, struct error *why)
{
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        *out = text[0] == 't';
        return STATUS_OK;
    }
    return error_set(why, STATUS_BAD_INPUT, "true or false is expected");
}

static int64_t unit_of(const char *suffix)
{
    static const struct {
        const char *name;
        int64_t factor;
    } units[] = {{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(suffix, units[i].name) == 0) {
            return units[i].factor;
        }
    }
    return 0;
}

static enum status read_number(const struct option *o, const char *text, int64_t *out,
                               struct error *why)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, o->type == OPTION_OCTAL ? 8 : 10);
    int64_t unit = o->type == OPTION_BYTES ? unit_of(end) : *end == '\0';
    bool is_number = end != text && (isdigit((unsigned char)text[0]) || text[0] == '-');
    if (!is_number || unit == 0) {
        return error_set(why, STATUS_BAD_INPUT, "a whole number is expected%s",
                         o->type == OPTION_BYTES ? ", with KiB, MiB or GiB if wanted" : "");
    }
    bool overflows = errno != 0 || __builtin_mul_overflow((int64_t)number, unit, out);
    if (overflows || *out < o->low || *out > o->high) {
        bool is_octal = o->type == OPTION_OCTAL;
        return error_set(why, STATUS_BAD_INPUT,
                         is_octal ? "a number from %#llo to %#llo is expected"
                                  : "a number from %lld to %lld is expected",
                         (long long)o->low, (long long)o->high);
    }
    return STATUS_OK;
}

/* "50%" (a space may stand before the sign) or a number. */
static enum status read_share(const struct option *o, const char *text, struct share *out,
                              struct error *why)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    bool is_number = end != text && errno == 0 && isdigit((unsigned char)text[0]);
    const char *rest = *end == ' ' ? end + 1 : end;
    bool is_percentage = strcmp(rest, "%") == 0;
    int64_t most = is_percentage ? 100 : o->high;
    if (!is_number || (!is_percentage && *end != '\0') || number < o->low || number > most) {
        return error_set(why, STATUS_BAD_INPUT,
                         "a number from %lld to %lld or a percentage like 50%% is expected",
                         (long long)o->low, (long long)o->high);
    }
    *out = (struct share){.amount = number, .is_percentage = is_percentage};
    return STATUS_OK;
}

static enum status read_choice(const struct option *o, const char *text, int *out,
                               struct error *why)
{
    char all[128] = "";
    for (int i = 0; o->choices[i] != NULL; i++) {
        if (strcmp(o->choices[i], text) == 0) {
            *out = i;
            return STATUS_OK;
        }
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i == 0 ? "" : ", ",
                 o->choices[i]);
    }
    return error_set(why, STATUS_BAD_INPUT, "one of %s is expected", all);
}

static enum status read_factor(const char *text, double *out, struct error *why)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !(number >= 1 && number <= 100)) {
        return error_set(why, STATUS_BAD_INPUT, "a number from 1 to 100 is expected");
    }
    *out = number;
    return STATUS_OK;
}

static enum status read_text(const struct option *o, const char *text, char **out,
                             struct error *why)
{
    if (o->high > 0 && strlen(text) > (size_t)o->high) {
        return error_set(why, STATUS_BAD_INPUT, "at most %lld bytes are expected",
                         (long long)o->high);
    }
    free(*out);
    *out = text[0] == '\0' ? NULL : xstrdup(text);
    return STATUS_OK;
}

enum status option_set(const struct option *o, struct settings *s, const char *text,
                       struct error *why)
{
    void *at = field(o, s);
    int64_t number = 0;
    enum status status;
    switch (o->type) {
    case OPTION_TEXT:
        return read_text(o, text, at, why);
    case OPTION_LIST:
        free_list(*(char ***)at);
        *(char ***)at = read_list(text);
        return STATUS_OK;
    case OPTION_BOOL:
        return read_bool(text, at, why);
    case OPTION_FACTOR:
        return read_factor(text, at, why);
    case OPTION_SHARE:
        return read_share(o, text, at, why);
    case OPTION_CHOICE:
        return read_choice(o, text, at, why);
    case OPTION_BYTES:
    case OPTION_COUNT:
    case OPTION_DURATION:
    case OPTION_OCTAL:
        break;
    }
    status = read_number(o, text, &number, why);
    if (status == STATUS_OK) {
        memcpy(at, &number, sizeof number);
    }
    return status;
}

static char *print_list(char *const *list)
{
    char *text = xstrdup("");
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        char *longer = xformat("%s%s%s", text, i == 0 ? "" : ",", list[i]);
        free(text);
        text = longer;
    }
    return text;
}

char *option_print(const struct option *o, const struct settings *s)
{
    const char *at = (const char *)s + o->offset;
    const char *text;
    const struct share *share;
    int64_t number;
    int choice;
    switch (o->type) {
    case OPTION_TEXT:
        text = *(char *const *)(const void *)at;
        return xstrdup(text == NULL ? "" : (o->flags & OPTION_SECRET) != 0 ? "***" : text);
    case OPTION_LIST:
        return print_list(*(char **const *)(const void *)at);
    case OPTION_BOOL:
        return xstrdup(*(const bool *)(const void *)at ? "true" : "false");
    case OPTION_FACTOR:
        return xformat("%g", *(const double *)(const void *)at);
    case OPTION_SHARE:
        share = (const struct share *)(const void *)at;
        return xformat("%lld%s", (long long)share->amount, share->is_percentage ? "%" : "");
    case OPTION_CHOICE:
        memcpy(&choice, at, sizeof choice);
        return xstrdup(o->choices[choice]);
    case OPTION_BYTES:
    case OPTION_COUNT:
    case OPTION_DURATION:
    case OPTION_OCTAL:
        break;
    }
    memcpy(&number, at, sizeof number);
    return xformat(o->type == OPTION_OCTAL ? "0%llo" : "%lld", (long long)number);
}

void option_clear(const struct option *o, struct settings *s)
{
    if (o->type == OPTION_TEXT) {
        free(*(char **)field(o, s));
        *(char **)field(o, s) = NULL;
    } else if (o->type == OPTION_LIST) {
        free_list(*(char ***)field(o, s));
        *(char ***)field(o, s) = NULL;
    }
}
