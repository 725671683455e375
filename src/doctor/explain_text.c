/* An error text made plain, for matching: see explain_parts.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/scope.h"
#include "doctor/explain_parts.h"

/* --- secrets --- */

static bool ends_uri(char c)
{
    return isspace((unsigned char)c) || c == '"' || c == '\'' || c == '`' || c == '\0';
}

/* From "://" to the last '@' of the same word, or, when there is none, of the same line: a password
 * may hold blanks and quotes. Nothing of it can then be taken for a host. */
static void mask_logins(char *text, size_t size)
{
    for (char *at = text; (at = memmem(at, size - (size_t)(at - text), "://", 3)) != NULL;) {
        char *begin = at + 3;
        char *end = begin;
        while (end < text + size && !ends_uri(*end)) {
            end++;
        }
        char *sign = memrchr(begin, '@', (size_t)(end - begin));
        char *line = memchr(begin, '\n', size - (size_t)(begin - text));
        char *stop = line == NULL ? text + size : line;
        if (sign == NULL) {
            sign = memrchr(begin, '@', (size_t)(stop - begin));
        }
        if (sign != NULL) {
            memset(begin, '*', (size_t)(sign - begin));
        }
        at = sign != NULL ? sign : stop;
    }
}

/* --- one byte after the other --- */

/* How many bytes a colour or another escape of terminals has; 0: it is none. */
static size_t escape_size(const char *at, size_t size)
{
    size_t i = 2;
    if (size < 2 || at[0] != '\x1b' || at[1] != '[') {
        return 0;
    }
    while (i < size && !isalpha((unsigned char)at[i])) {
        i++;
    }
    return i < size ? i + 1 : size;
}

/* "\n", "\t" and "\r" as JSON and shells write them, and a line that a '\' continues. */
static bool is_written_blank(const char *at, size_t size)
{
    return size >= 2 && at[0] == '\\' && (at[1] == 'n' || at[1] == 't' || at[1] == 'r');
}

/* What word processors and programs make of quotes; 3 bytes. */
static bool is_curly_quote(const char *at, size_t size)
{
    return size >= 3 && memcmp(at, "\xe2\x80", 2) == 0 && (unsigned char)at[2] >= 0x98 &&
           (unsigned char)at[2] <= 0x9f;
}

static void put(struct plain_text *out, char c)
{
    bool is_blank = isspace((unsigned char)c) || iscntrl((unsigned char)c);
    if (is_blank && (out->size == 0 || out->plain[out->size - 1] == ' ')) {
        return;
    }
    char letter = (char)(is_blank ? ' ' : c == '"' || c == '`' ? '\'' : tolower((unsigned char)c));
    out->plain[out->size] = letter;
    out->words[out->size] = (char)(letter == '_' || letter == '-' ? ' ' : letter);
    out->size++;
}

void plain_text_make(const char *text, size_t size, struct plain_text *out)
{
    size_t used = size > EXPLAIN_TEXT_MOST ? EXPLAIN_TEXT_MOST : size;
    auto_free char *copy = xmalloc(used + 1);
    memcpy(copy, text, used);
    copy[used] = '\0';
    mask_logins(copy, used);
    *out = (struct plain_text){.plain = xmalloc(used + 1), .words = xmalloc(used + 1)};
    for (size_t i = 0; i < used;) {
        size_t left = used - i;
        size_t escape = escape_size(copy + i, left);
        if (escape > 0) {
            i += escape;
        } else if (is_written_blank(copy + i, left)) {
            put(out, ' ');
            i += 2;
        } else if (is_curly_quote(copy + i, left)) {
            put(out, '\'');
            i += 3;
        } else {
            if (copy[i] != '\\') {
                put(out, copy[i]);
            }
            i++;
        }
    }
    out->plain[out->size] = out->words[out->size] = '\0';
}

void plain_text_clear(struct plain_text *t)
{
    free(t->plain);
    free(t->words);
    *t = (struct plain_text){0};
}
