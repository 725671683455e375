/* libyaml's events, walked once: a stack of names makes the path, a scalar ends it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/require.h"
#include "base/scope.h"
#include "settings/settings_load.h"
#include "settings/settings_table.h"

enum { DEPTH_MOST = 8, PATH_SIZE = 256 };

struct walk {
    struct settings_target *target;
    const char *file;
    yaml_parser_t parser;
    char path[PATH_SIZE];
    size_t lengths[DEPTH_MOST]; /* of the path, outside each mapping */
    size_t depth;
    size_t skipped; /* how deep we are in a value that has been refused; 0: not in one */
    bool has_key;   /* the path ends in a key that waits for its value */
    char *list;     /* the items of a sequence so far, comma-separated; NULL: not in one */
    char **seen;    /* paths that were set, to refuse a second time */
    size_t seen_count;
};

static void complain(struct walk *w, size_t line, const char *text, const char *what)
{
    auto_free char *place = xformat("%s:%zu", w->file, line);
    problems_add(w->target->problems, false, place, "%s%s%s", text, what[0] == '\0' ? "" : ": ",
                 what);
}

static bool was_seen(struct walk *w, const char *path)
{
    for (size_t i = 0; i < w->seen_count; i++) {
        if (strcmp(w->seen[i], path) == 0) {
            return true;
        }
    }
    w->seen = xrealloc(w->seen, (w->seen_count + 1) * sizeof *w->seen);
    w->seen[w->seen_count++] = xstrdup(path);
    return false;
}

static void put(struct walk *w, const char *text, size_t line)
{
    auto_free char *place = xformat("%s:%zu", w->file, line);
    if (was_seen(w, w->path)) {
        complain(w, line, "given twice", w->path);
    } else {
        settings_put(w->target, w->path, text, place);
    }
}

static void end_value(struct walk *w)
{
    w->path[w->depth == 0 ? 0 : w->lengths[w->depth - 1]] = '\0';
    w->has_key = false;
}

static void begin_key(struct walk *w, const char *key)
{
    size_t used = strlen(w->path);
    snprintf(w->path + used, sizeof w->path - used, "%s%s", used == 0 ? "" : ".", key);
    w->has_key = true;
}

static bool on_scalar(struct walk *w, const yaml_event_t *e)
{
    const char *text = (const char *)e->data.scalar.value;
    size_t line = e->start_mark.line + 1;
    bool is_empty = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                    (text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
    if (w->list != NULL) {
        char *longer = xformat("%s%s%s", w->list, w->list[0] == '\0' ? "" : ",", text);
        free(w->list);
        w->list = longer;
    } else if (w->depth == 0 && is_empty) {
        return true; /* a document with nothing in it */
    } else if (w->depth == 0) {
        complain(w, line, "the file must be a mapping of sections", "");
        return false;
    } else if (!w->has_key) {
        begin_key(w, text);
    } else {
        if (!is_empty) {
            put(w, text, line);
        }
        end_value(w);
    }
    return true;
}

/* A setting that is not built may hold anything: it is refused once, and what is in it is passed
 * over. */
static bool refuses_whole(struct walk *w, const yaml_event_t *e)
{
    if (!w->has_key || w->list != NULL || !option_is_not_built(w->path)) {
        return false;
    }
    put(w, "", e->start_mark.line + 1);
    w->skipped = 1;
    return true;
}

static bool on_mapping(struct walk *w, const yaml_event_t *e)
{
    if (refuses_whole(w, e)) {
        return true;
    }
    if (w->list != NULL || w->depth == DEPTH_MOST || (w->depth > 0 && !w->has_key)) {
        complain(w, e->start_mark.line + 1, "a mapping is not expected here", w->path);
        return false;
    }
    w->lengths[w->depth++] = strlen(w->path);
    w->has_key = false;
    return true;
}

static bool on_sequence(struct walk *w, const yaml_event_t *e)
{
    if (refuses_whole(w, e)) {
        return true;
    }
    if (w->list != NULL || !w->has_key) {
        complain(w, e->start_mark.line + 1, "a list is not expected here", w->path);
        return false;
    }
    w->list = xstrdup("");
    return true;
}

static void on_sequence_end(struct walk *w, const yaml_event_t *e)
{
    put(w, w->list, e->start_mark.line + 1);
    free(w->list);
    w->list = NULL;
    end_value(w);
}

static bool skip(struct walk *w, const yaml_event_t *e)
{
    if (e->type == YAML_MAPPING_START_EVENT || e->type == YAML_SEQUENCE_START_EVENT) {
        w->skipped++;
    } else if (e->type == YAML_MAPPING_END_EVENT || e->type == YAML_SEQUENCE_END_EVENT) {
        w->skipped--;
    }
    if (w->skipped == 0) {
        end_value(w);
    }
    return true;
}

static bool on_event(struct walk *w, const yaml_event_t *e)
{
    if (w->skipped > 0) {
        return skip(w, e);
    }
    switch ((int)e->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(w, e);
    case YAML_MAPPING_START_EVENT:
        return on_mapping(w, e);
    case YAML_MAPPING_END_EVENT:
        w->depth--;
        end_value(w);
        return true;
    case YAML_SEQUENCE_START_EVENT:
        return on_sequence(w, e);
    case YAML_SEQUENCE_END_EVENT:
        on_sequence_end(w, e);
        return true;
    case YAML_ALIAS_EVENT:
        complain(w, e->start_mark.line + 1, "aliases are not supported", "");
        return false;
    case YAML_STREAM_END_EVENT:
        return false;
    default:
        return true;
    }
}

static void walk(struct walk *w)
{
    bool goes_on = true;
    while (goes_on) {
        yaml_event_t event;
        if (!yaml_parser_parse(&w->parser, &event)) {
            complain(w, w->parser.problem_mark.line + 1, "not valid YAML",
                     w->parser.problem == NULL ? "" : w->parser.problem);
            return;
        }
        goes_on = on_event(w, &event);
        yaml_event_delete(&event);
    }
}

void settings_read_yaml_file(struct settings_target *t, FILE *file, const char *name)
{
    struct walk w = {.target = t, .file = name};
    yaml_parser_initialize(&w.parser);
    yaml_parser_set_input_file(&w.parser, file);
    walk(&w);
    yaml_parser_delete(&w.parser);
    for (size_t i = 0; i < w.seen_count; i++) {
        free(w.seen[i]);
    }
    free(w.seen);
    free(w.list);
}

void settings_read_yaml(struct settings_target *t, const char *path)
{
    auto_file FILE *file = fopen(path, "re");
    int first = file == NULL ? EOF : getc(file); /* tells what opening does not: a folder */
    if (file == NULL || ferror(file)) {
        problems_add(t->problems, false, path, "cannot be read: %s", strerror(errno));
        return;
    }
    ungetc(first, file);
    settings_read_yaml_file(t, file, path);
}
