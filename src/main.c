/* The command line: which command, where the settings are; then that command. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "commands.h"

extern char **environ;

static const struct {
    const char *name;
    int (*run)(const struct command_line *line);
    const char *help;
} commands[] = {
    {"run", command_run, "[URI]              serve (also: mooring URI)"},
    {"check", command_check, "[URI]            report every mistake in the settings"},
    {"settings", command_settings, "[--markdown]  every setting, its value and where it came from"},
    {"version", command_version, "               versions and limits"},
};

static int usage(FILE *to)
{
    fputs("usage: mooring COMMAND [URI] [--config FILE] [--section.name=value …]\n\n", to);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        fprintf(to, "  mooring %s %s\n", commands[i].name, commands[i].help);
    }
    return to == stdout ? EXIT_GOOD : EXIT_FATAL;
}

static bool is_uri(const char *text)
{
    return strncmp(text, "mongodb://", 10) == 0 || strncmp(text, "mongodb+srv://", 14) == 0;
}

/* The process list must not show a password. */
static char *take_uri(char *argument)
{
    char *copy = xstrdup(argument);
    memset(strstr(argument, "://") + 3, '*', strlen(strstr(argument, "://") + 3));
    return copy;
}

static bool read_arguments(int argc, char **argv, struct command_line *line, char **flags)
{
    for (int i = 0; i < argc; i++) {
        if (is_uri(argv[i]) && line->source.uri == NULL) {
            line->source.uri = take_uri(argv[i]);
        } else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            line->source.file = argv[++i];
        } else if (strncmp(argv[i], "--config=", 9) == 0) {
            line->source.file = argv[i] + 9;
        } else if (strcmp(argv[i], "--markdown") == 0) {
            line->wants_markdown = true;
        } else if (strcmp(argv[i], "--yaml") == 0) {
            line->wants_yaml = true;
        } else if (strncmp(argv[i], "--", 2) == 0) {
            flags[line->source.flag_count++] = argv[i];
        } else {
            fprintf(stderr, "mooring: argument %d is neither a connection string nor a flag\n",
                    i + 1);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct command_line line = {.source.environment = environ};
    char **flags = xcalloc((size_t)argc + 1, sizeof *flags);
    int result = EXIT_FATAL;
    bool is_short = argc > 1 && is_uri(argv[1]);
    const char *name = is_short ? "run" : argc > 1 ? argv[1] : "help";
    line.source.flags = flags;
    signal(SIGPIPE, SIG_IGN);
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0) {
        result = usage(argc > 1 ? stdout : stderr);
    } else if (read_arguments(argc - (is_short ? 1 : 2), argv + (is_short ? 1 : 2), &line, flags)) {
        size_t i = 0;
        while (i < sizeof commands / sizeof *commands && strcmp(commands[i].name, name) != 0) {
            i++;
        }
        result = i == sizeof commands / sizeof *commands ? usage(stderr) : commands[i].run(&line);
    }
    free((char *)(uintptr_t)line.source.uri);
    free(flags);
    return result;
}
