#include "settings/settings_nearest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

/* Levenshtein's, with one row of the matrix. */
size_t name_distance(const char *a, const char *b)
{
    enum { MOST = 64 };
    size_t row[MOST];
    size_t length = strlen(b);
    if (length >= MOST) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t same =
                diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            size_t other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = same < other ? same : other;
        }
    }
    return row[length];
}

const char *name_nearest(const char *name, const char *const *known, size_t count)
{
    size_t best = strlen(name) / 3 + 1;
    const char *found = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t d = name_distance(name, known[i]);
        if (d < best) {
            best = d;
            found = known[i];
        }
    }
    return found;
}
