#include "core/wire/read_mode.h"

static const char *const NAMES[] = {
    [READ_PRIMARY] = "primary",     [READ_PRIMARY_PREFERRED] = "primaryPreferred",
    [READ_SECONDARY] = "secondary", [READ_SECONDARY_PREFERRED] = "secondaryPreferred",
    [READ_NEAREST] = "nearest",
};

const char *read_mode_name(enum read_mode mode)
{
    return NAMES[mode];
}

bool read_mode_of(struct span name, enum read_mode *mode)
{
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (span_is(name, NAMES[i])) {
            *mode = (enum read_mode)i;
            return true;
        }
    }
    return false;
}
