/* The subcommands. Each returns the exit status. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "settings/settings_load.h"

/* What stood behind the command's name. */
struct command_line {
    struct settings_source source;
    bool wants_markdown;
    bool wants_yaml;
};

enum { EXIT_GOOD = 0, EXIT_DEGRADED = 1, EXIT_FATAL = 2, EXIT_NOT_RUN = 3 };

int command_run(const struct command_line *line);
int command_check(const struct command_line *line);
int command_settings(const struct command_line *line);
int command_version(const struct command_line *line);

#endif
