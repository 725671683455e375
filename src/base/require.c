#include "base/require.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void (*witness_print)(void *);
static void *witness_owner;

void require_set_witness(void (*print)(void *owner), void *owner)
{
    witness_print = print;
    witness_owner = owner;
}

_Noreturn void require_failed(const char *condition, const char *file, int line,
                              const char *function)
{
    fprintf(stderr, "mooring: internal error at %s:%d in %s: %s does not hold\n", file, line,
            function, condition);
    if (witness_print != NULL) {
        void (*print)(void *) = witness_print;
        witness_print = NULL;
        print(witness_owner);
    }
    abort();
}

static void *checked(void *got, size_t size)
{
    if (got == NULL) {
        fprintf(stderr, "mooring: out of memory asking for %zu bytes\n", size);
        abort();
    }
    return got;
}

void *xmalloc(size_t size)
{
    return checked(malloc(size == 0 ? 1 : size), size);
}

void *xcalloc(size_t count, size_t size)
{
    return checked(calloc(count == 0 ? 1 : count, size == 0 ? 1 : size), count * size);
}

void *xrealloc(void *old, size_t size)
{
    return checked(realloc(old, size == 0 ? 1 : size), size);
}

char *xstrndup(const char *text, size_t size)
{
    char *copy = xmalloc(size + 1);
    if (size > 0) { /* the span of nothing has no text */
        memcpy(copy, text, size);
    }
    copy[size] = '\0';
    return copy;
}

char *xstrdup(const char *text)
{
    return xstrndup(text, strlen(text));
}

char *xformat(const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return checked(length < 0 ? NULL : text, 0);
}
