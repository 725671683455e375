/* Scope-bound resources for synchronous code (settings, main, tests). Asynchronous objects never
 * use these: their end is an event, not the end of a function. */
#ifndef BASE_SCOPE_H
#define BASE_SCOPE_H

#include <stdio.h>
#include <stdlib.h>

static inline void scope_free(void *variable)
{
    free(*(void **)variable);
}

static inline void scope_close_file(FILE **file)
{
    if (*file != NULL) {
        fclose(*file);
    }
}

#define auto_free __attribute__((cleanup(scope_free)))
#define auto_file __attribute__((cleanup(scope_close_file)))

#endif
