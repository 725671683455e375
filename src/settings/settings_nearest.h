/* The known name that a misspelt one was probably meant to be. */
#ifndef SETTINGS_SETTINGS_NEAREST_H
#define SETTINGS_SETTINGS_NEAREST_H

#include <stddef.h>

/* How many characters must be changed, put in or left out, capitals or not. SIZE_MAX for a `b` of
 * 64 bytes or more, which no name of ours has. */
size_t name_distance(const char *a, const char *b);

/* The nearest of the names, or NULL when none is near: more than a third of the characters differ.
 * Returns one of the pointers given. */
const char *name_nearest(const char *name, const char *const *known, size_t count);

#endif
