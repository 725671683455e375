#include "core/wire/command.h"

#include <string.h>

#include "base/require.h"

static const struct command_row {
    const char *name;
    unsigned size;
    unsigned traits;
} ROWS[] = {[COMMAND_OTHER] = {"other", 0, 0},
#define COMMAND_ROW(constant, name, traits) \
    [COMMAND_##constant] = {name, sizeof(name) - 1, (unsigned)(traits)},
            COMMAND_LIST(COMMAND_ROW)
#undef COMMAND_ROW
};

enum { ROW_COUNT = sizeof ROWS / sizeof ROWS[0] };

enum command command_of(struct span name)
{
    for (int i = COMMAND_OTHER + 1; i < ROW_COUNT; i++) {
        if (ROWS[i].size == name.size && memcmp(ROWS[i].name, name.at, name.size) == 0) {
            return (enum command)i;
        }
    }
    return COMMAND_OTHER;
}

const char *command_name(enum command c)
{
    require((unsigned)c < ROW_COUNT);
    return ROWS[c].name;
}

unsigned command_traits(enum command c)
{
    require((unsigned)c < ROW_COUNT);
    return ROWS[c].traits;
}
