/* A command line as its words, without a shell: nothing is expanded, and there are no pipes,
 * variables or patterns.
 *
 * Words are parted by blanks. What stands between two ' is taken as it is; between two " a
 * backslash takes the meaning from a " or a backslash; outside of both, from any character. */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include "base/status.h"

/* The words, with NULL behind the last; each and the list are to be freed (words_free). NULL when
 * a quote is not closed, a backslash stands at the end, or there is no word at all (BAD_INPUT). */
char **words_split(const char *text, struct error *why);

/* NULL accepted. */
void words_free(char **words);

#endif
