#include "core/dns/hosts_file.h"

#include <stdbool.h>
#include <stdio.h>
#include <strings.h>

/* No address and no name that means something is longer. */
enum { WORD_BYTES = 256 };

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the next word of the line into `word` (cut at its size); false at the end or a comment. */
static bool next_word(struct span *line, char word[WORD_BYTES])
{
    size_t size = 0;
    while (line->size > 0 && is_blank(*line->at)) {
        *line = span_tail(*line, 1);
    }
    while (size < line->size && !is_blank(line->at[size]) && line->at[size] != '#') {
        size++;
    }
    snprintf(word, WORD_BYTES, "%.*s", (int)(size < WORD_BYTES ? size : WORD_BYTES - 1),
             (const char *)line->at);
    *line = span_tail(*line, size);
    return size > 0;
}

static bool line_has(struct span line, const char *name)
{
    char word[WORD_BYTES];
    while (next_word(&line, word)) {
        if (strcasecmp(word, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool has(const struct address *list, size_t count, const struct address *a)
{
    for (size_t i = 0; i < count; i++) {
        if (address_equals(&list[i], a)) {
            return true;
        }
    }
    return false;
}

size_t hosts_file_find(struct span text, const char *name, uint16_t port, struct address *out,
                       size_t room)
{
    size_t count = 0;
    while (text.size > 0 && count < room) {
        struct span line = span_take_line(&text);
        char word[WORD_BYTES];
        struct address a;
        if (next_word(&line, word) && word[0] != '/' && address_parse(word, port, &a) &&
            line_has(line, name) && !has(out, count, &a)) {
            a.port = port;
            out[count++] = a;
        }
    }
    return count;
}
