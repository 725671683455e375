#include "base/log.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

enum { LINE_SIZE = 2048, COLLAPSE_SECONDS = 10 };

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const group_names[] = {"net",  "tls",    "dns",      "topology",
                                          "pool", "client", "settings", "main"};

static struct {
    FILE *file;
    bool opened;
    enum log_format format;
    enum log_level levels[LOG_GROUP_COUNT];
    bool levels_set;
    char last[LINE_SIZE]; /* group, who and message of the last line, to collapse repeats */
    time_t last_at;
    unsigned repeats;
} state;

static void set_defaults(void)
{
    if (!state.levels_set) {
        log_set_level(LOG_INFO);
    }
    if (!state.opened) {
        log_open(stderr, LOG_TEXT);
    }
}

void log_open(FILE *file, enum log_format format)
{
    state.file = file;
    state.format = format;
    state.opened = true;
}

void log_set_level(enum log_level level)
{
    for (int i = 0; i < LOG_GROUP_COUNT; i++) {
        state.levels[i] = level;
    }
    state.levels_set = true;
}

void log_set_group_level(enum log_group group, enum log_level level)
{
    set_defaults();
    state.levels[group] = level;
}

bool log_wants(enum log_level level, enum log_group group)
{
    set_defaults();
    return state.file != NULL && level <= state.levels[group];
}

bool log_find_group(const char *name, enum log_group *out)
{
    for (int i = 0; i < LOG_GROUP_COUNT; i++) {
        if (strcmp(name, group_names[i]) == 0) {
            *out = (enum log_group)i;
            return true;
        }
    }
    return false;
}

const char *log_group_names(void)
{
    static char text[128];
    text[0] = '\0';
    for (int i = 0; i < LOG_GROUP_COUNT; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? "" : ", ", group_names[i]);
    }
    return text;
}

void log_time_text(msec ago, char *text, size_t size)
{
    struct timespec wall;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &wall);
    msec at = SECONDS(wall.tv_sec) + wall.tv_nsec / 1000000 - ago;
    time_t second = (time_t)(at / 1000);
    gmtime_r(&second, &parts);
    size_t used = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + used, size - used, ".%03dZ", (int)(at % 1000));
}

/* What a peer has said may hold anything: it stays on its line, and moves no terminal. */
static void put_plain_text(FILE *file, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        fputc(*c < 0x20 || *c == 0x7f ? '?' : *c, file);
    }
}

static void put_json_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            fprintf(file, "\\%c", *c);
        } else if (*c < 0x20) {
            fprintf(file, "\\u%04x", *c);
        } else {
            fputc(*c, file);
        }
    }
    fputc('"', file);
}

static void put_line(enum log_level level, enum log_group group, const char *who,
                     const char *message)
{
    char when[40];
    log_time_text(0, when, sizeof when);
    if (state.format == LOG_TEXT) {
        fprintf(state.file, "%s %-5s %s ", when, level_names[level], group_names[group]);
        if (who != NULL) {
            put_plain_text(state.file, who);
            fputs(": ", state.file);
        }
        put_plain_text(state.file, message);
        fputc('\n', state.file);
        return;
    }
    fprintf(state.file, "{\"time\":\"%s\",\"level\":\"%s\",\"group\":\"%s\"", when,
            level_names[level], group_names[group]);
    if (who != NULL) {
        fputs(",\"who\":", state.file);
        put_json_text(state.file, who);
    }
    fputs(",\"message\":", state.file);
    put_json_text(state.file, message);
    fputs("}\n", state.file);
}

static bool is_repeat(const char *key)
{
    time_t now = time(NULL);
    if (strcmp(key, state.last) == 0 && now - state.last_at < COLLAPSE_SECONDS) {
        state.repeats++;
        return true;
    }
    if (state.repeats > 0) {
        char text[80];
        snprintf(text, sizeof text, "the line before was repeated %u times", state.repeats);
        put_line(LOG_INFO, LOG_MAIN, NULL, text);
        state.repeats = 0;
    }
    snprintf(state.last, sizeof state.last, "%s", key);
    state.last_at = now;
    return false;
}

void log_line(enum log_level level, enum log_group group, const char *who, const char *format, ...)
{
    if (!log_wants(level, group)) {
        return;
    }
    char message[LINE_SIZE];
    char key[LINE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    snprintf(key, sizeof key, "%d %s %.1900s", group, who == NULL ? "" : who, message);
    if (level != LOG_DEBUG && is_repeat(key)) {
        return;
    }
    put_line(level, group, who, message);
    fflush(state.file);
}
