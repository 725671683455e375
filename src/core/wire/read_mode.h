/* The five modes of a read preference, shared by what reads a request and what selects a server. */
#ifndef CORE_WIRE_READ_MODE_H
#define CORE_WIRE_READ_MODE_H

#include <stdbool.h>

#include "base/span.h"

enum read_mode {
    READ_PRIMARY,
    READ_PRIMARY_PREFERRED,
    READ_SECONDARY,
    READ_SECONDARY_PREFERRED,
    READ_NEAREST
};

/* As on the wire: "secondaryPreferred". Static. */
const char *read_mode_name(enum read_mode mode);

/* False: nobody knows such a mode. */
bool read_mode_of(struct span name, enum read_mode *mode);

#endif
