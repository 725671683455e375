/* The five modes of a read preference, shared by what reads a request and what selects a server. */
#ifndef CORE_WIRE_READ_MODE_H
#define CORE_WIRE_READ_MODE_H

enum read_mode {
    READ_PRIMARY,
    READ_PRIMARY_PREFERRED,
    READ_SECONDARY,
    READ_SECONDARY_PREFERRED,
    READ_NEAREST
};

#endif
