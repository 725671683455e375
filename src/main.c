/* The command line: which command, where the settings are; then that command. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/scope.h"
#include "commands.h"
#include "settings/settings_nearest.h"
#include "settings/settings_table.h"

extern char **environ;

static const struct {
    const char *name;
    int (*run)(const struct command_line *line);
    const char *arguments;
    const char *help;
} commands[] = {
    {"run", command_run, "[URI]", "serve the cluster on listen.addresses (also: mooring URI)"},
    {"check", command_check, "[URI] [--connect] [--tier M10 [--replicas N]]",
     "report every mistake in the settings; also reach the cluster, or hold the settings against "
     "what "
     "a tier of Atlas admits"},
    {"settings", command_settings, "[URI] [--markdown | --yaml]",
     "every setting, its value and where it came from"},
    {"resolve", command_resolve, "URI [--no-credentials | --table | --json]",
     "the standard mongodb:// string, SRV and TXT looked up"},
    {"doctor", command_doctor, "[URI] [--json | --gate] [--no-auth]",
     "walk from the connection string to a ping and say what is wrong"},
    {"explain", command_explain, "[TEXT | ID | --list] [--json]",
     "what an error text of any driver means, from standard input without one"},
    {"encode", command_encode, "", "percent-encode a password read from standard input"},
    {"version", command_version, "", "versions and limits"},
};

/* Commands that the product is to have. */
static const char *const not_built[] = {
    "status", "pools",  "clients", "servers", "dns",    "cursors",   "health",
    "wait",   "reload", "drain",   "pause",   "resume", "reconnect", "metrics",
};

enum { COMMANDS = sizeof commands / sizeof *commands };

/* Flags that are no settings, and the command that knows them. */
static const struct {
    const char *flag;
    const char *command;
    size_t offset;
} switches[] = {
    {"--markdown", "settings", offsetof(struct command_line, wants_markdown)},
    {"--yaml", "settings", offsetof(struct command_line, wants_yaml)},
    {"--connect", "check", offsetof(struct command_line, wants_connect)},
    {"--no-credentials", "resolve", offsetof(struct command_line, hides_credentials)},
    {"--table", "resolve", offsetof(struct command_line, wants_table)},
    {"--json", "explain", offsetof(struct command_line, wants_json)},
    {"--list", "explain", offsetof(struct command_line, wants_list)},
    {"--markdown", "explain", offsetof(struct command_line, wants_markdown)},
    {"--json", "resolve", offsetof(struct command_line, wants_json)},
    {"--json", "doctor", offsetof(struct command_line, wants_json)},
    {"--gate", "doctor", offsetof(struct command_line, wants_gate)},
    {"--no-auth", "doctor", offsetof(struct command_line, skips_login)},
    {"--portquiz", "doctor", offsetof(struct command_line, wants_port_probe)},
    {"--public-ip", "doctor", offsetof(struct command_line, wants_public_address)},
    {"--running", "doctor", offsetof(struct command_line, expects_running)},
};

/* Those that have a value, behind "=" or as the next word. */
static const struct {
    const char *flag;
    const char *command;
    size_t offset;
} words[] = {
    {"--bundle", "doctor", offsetof(struct command_line, bundle)},
    {"--tier", "doctor", offsetof(struct command_line, tier)},
    {"--replicas", "doctor", offsetof(struct command_line, replicas)},
    {"--tier", "check", offsetof(struct command_line, tier)},
    {"--replicas", "check", offsetof(struct command_line, replicas)},
};

static int usage(FILE *to)
{
    fputs("usage: mooring COMMAND [URI] [--config FILE] [--section.name=value …]\n\n", to);
    for (size_t i = 0; i < COMMANDS; i++) {
        fprintf(to, "  mooring %-8s %-32s %s\n", commands[i].name, commands[i].arguments,
                commands[i].help);
    }
    fputs(
        "\nURI is the connection string of the cluster, mongodb+srv:// or mongodb://; it may "
        "stand in\nMOORING_UPSTREAM_URI or in a file instead. Every setting can be given as a "
        "flag, in the\nenvironment (MOORING_POOL_MAX_POOL_SIZE) and in the file; mooring settings "
        "lists them.\n",
        to);
    return to == stdout ? EXIT_GOOD : EXIT_FATAL;
}

static bool is_uri(const char *text)
{
    return strncmp(text, "mongodb://", 10) == 0 || strncmp(text, "mongodb+srv://", 14) == 0;
}

/* A copy; the process list must not show what comes behind `public` bytes. */
static char *take_secret(char *argument, size_t public)
{
    char *copy = xstrdup(argument);
    memset(argument + public, '*', strlen(argument + public));
    return copy;
}

static bool take_switch(struct command_line *line, const char *command, const char *argument)
{
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        if (strcmp(switches[i].flag, argument) == 0 && strcmp(switches[i].command, command) == 0) {
            *(bool *)((char *)line + switches[i].offset) = true;
            return true;
        }
    }
    return false;
}

/* How many arguments it took: 0, 1 or 2. */
static size_t take_word(struct command_line *line, const char *command, char **argv)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t size = strlen(words[i].flag);
        bool is_it =
            strcmp(words[i].command, command) == 0 && strncmp(words[i].flag, argv[0], size) == 0;
        const char **place = (const char **)(void *)((char *)line + words[i].offset);
        if (is_it && argv[0][size] == '=') {
            *place = argv[0] + size + 1;
            return 1;
        }
        if (is_it && argv[0][size] == '\0' && argv[1] != NULL) {
            *place = argv[1];
            return 2;
        }
    }
    return 0;
}

/* A setting; its value is hidden when it is secret. */
static char *take_flag(char *argument)
{
    size_t name = strcspn(argument, "=");
    auto_free char *path = xstrndup(argument + 2, name - 2);
    const struct option *o = option_find(path);
    bool is_secret = o != NULL && (o->flags & OPTION_SECRET) != 0 && argument[name] == '=';
    return is_secret ? take_secret(argument, name + 1) : xstrdup(argument);
}

static bool takes_text(const char *command)
{
    return strcmp(command, "explain") == 0 || strcmp(command, "encode") == 0;
}

/* One more word of the text; it may hold a password, which the process list must not show. */
static void take_text(struct command_line *line, char *argument)
{
    char *before = line->text;
    line->text = before == NULL ? xstrdup(argument) : xformat("%s %s", before, argument);
    free(before);
    memset(argument, '*', strlen(argument));
}

/* Never repeats what may hold a password. */
static bool refuse_argument(const char *argument, bool has_uri)
{
    if (is_uri(argument) && has_uri) {
        fputs("mooring: two connection strings: one process serves one cluster\n", stderr);
    } else if (strpbrk(argument, ":@") != NULL) {
        fputs("mooring: a connection string begins with mongodb:// or mongodb+srv://\n", stderr);
    } else {
        fprintf(stderr,
                "mooring: %s is neither a connection string nor a flag: a setting is "
                "given as --section.name=value\n",
                argument);
    }
    return false;
}

static bool take_file(struct command_line *line, const char *file)
{
    if (file == NULL || file[0] == '\0') {
        fputs("mooring: --config wants the name of a file\n", stderr);
        return false;
    }
    if (line->source.file != NULL) {
        fputs("mooring: --config is given twice: one file is read\n", stderr);
        return false;
    }
    line->source.file = file;
    return true;
}

static bool read_arguments(char **argv, const char *command, struct command_line *line,
                           char **flags)
{
    for (size_t i = 0; argv[i] != NULL; i++) {
        bool is_good = true;
        size_t taken;
        bool is_string = is_uri(argv[i]) || (strcmp(command, "doctor") == 0 && argv[i][0] != '-');
        if (takes_text(command) && strncmp(argv[i], "--", 2) != 0) {
            take_text(line, argv[i]);
        } else if (is_string && line->source.uri == NULL) {
            const char *scheme = is_uri(argv[i]) ? strstr(argv[i], "://") + 3 : argv[i];
            line->source.uri = take_secret(argv[i], (size_t)(scheme - argv[i]));
        } else if (strcmp(argv[i], "--config") == 0) {
            is_good = take_file(line, argv[i + 1]);
            i += is_good;
        } else if (strncmp(argv[i], "--config=", 9) == 0) {
            is_good = take_file(line, argv[i] + 9);
        } else if (take_switch(line, command, argv[i])) {
            continue;
        } else if ((taken = take_word(line, command, argv + i)) > 0) {
            i += taken - 1;
        } else if (strncmp(argv[i], "--", 2) == 0) {
            flags[line->source.flag_count++] = take_flag(argv[i]);
        } else {
            is_good = refuse_argument(argv[i], line->source.uri != NULL);
        }
        if (!is_good) {
            return false;
        }
    }
    return true;
}

static int refuse_command(const char *name)
{
    const char *known[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++) {
        known[i] = commands[i].name;
    }
    const char *near = name_nearest(name, known, COMMANDS);
    for (size_t i = 0; i < sizeof not_built / sizeof *not_built; i++) {
        if (strcmp(not_built[i], name) == 0) {
            fprintf(stderr, "mooring: the command %s is not implemented in this build\n", name);
            return EXIT_FATAL;
        }
    }
    if (strpbrk(name, ":@") != NULL) {
        refuse_argument(name, false);
    } else if (near != NULL) {
        fprintf(stderr, "mooring: there is no command %s; did you mean %s?\n", name, near);
    } else {
        fprintf(stderr, "mooring: there is no command %s; mooring --help lists them\n", name);
    }
    return EXIT_FATAL;
}

static int run(const char *name, char **argv)
{
    struct command_line line = {.source.environment = environ};
    size_t count = 0, i = 0;
    int result = EXIT_FATAL;
    while (i < COMMANDS && strcmp(commands[i].name, name) != 0) {
        i++;
    }
    if (i == COMMANDS) {
        return refuse_command(name);
    }
    while (argv[count] != NULL) {
        count++;
    }
    char **flags = xcalloc(count + 1, sizeof *flags);
    line.source.flags = flags;
    if (read_arguments(argv, name, &line, flags)) {
        result = commands[i].run(&line);
    }
    for (size_t j = 0; j < line.source.flag_count; j++) {
        free(flags[j]);
    }
    free((char *)(uintptr_t)line.source.uri);
    free(line.text);
    free(flags);
    return result;
}

static bool wants_help(char **argv)
{
    for (; *argv != NULL; argv++) {
        if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        return usage(stderr);
    }
    if (strcmp(argv[1], "help") == 0 || wants_help(argv)) {
        return usage(stdout);
    }
    if (strcmp(argv[1], "--version") == 0) {
        return run("version", argv + 2);
    }
    return is_uri(argv[1]) ? run("run", argv + 1) : run(argv[1], argv + 2);
}
