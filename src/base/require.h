/* The always-on assertion: our own mistakes end the process, with the place in the message.
 * Never used for what a peer, a user or the machine can cause. */
#ifndef BASE_REQUIRE_H
#define BASE_REQUIRE_H

#include <stddef.h>

#define require(condition) \
    ((condition) ? (void)0 : require_failed(#condition, __FILE__, __LINE__, __func__))

_Noreturn void require_failed(const char *condition, const char *file, int line,
                              const char *function);

/* Sets a function that prints what is known about the object at work (its last moves) to standard
 * error before the abort; NULL for none. */
void require_set_witness(void (*print)(void *owner), void *owner);

/* Small allocations that abort with a message on exhaustion: for what we size ourselves.
 * What a peer can make grow goes through base/buf. The caller frees with free(). */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *old, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *text, size_t size) __attribute__((malloc, returns_nonnull));
char *xformat(const char *format, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

#endif
