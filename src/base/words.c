#include "base/words.h"

#include <stdlib.h>
#include <string.h>

#include "base/require.h"

struct splitting {
    const char *next;
    char **words;
    size_t count;
    char *word; /* room for the longest */
    size_t size;
    bool is_begun; /* a word, perhaps still empty ("") */
};

static void end_word(struct splitting *s)
{
    if (!s->is_begun) {
        return;
    }
    s->words = xrealloc(s->words, (s->count + 2) * sizeof *s->words);
    s->words[s->count++] = xstrndup(s->word, s->size);
    s->words[s->count] = NULL;
    s->size = 0;
    s->is_begun = false;
}

static void put(struct splitting *s, char c)
{
    s->word[s->size++] = c;
}

/* From behind the quote; false when it is not closed. */
static bool take_quoted(struct splitting *s, char quote)
{
    for (; *s->next != '\0' && *s->next != quote; s->next++) {
        bool is_escape =
            quote == '"' && *s->next == '\\' && (s->next[1] == '"' || s->next[1] == '\\');
        s->next += is_escape;
        put(s, *s->next);
    }
    if (*s->next == '\0') {
        return false;
    }
    s->next++;
    return true;
}

static bool take_one(struct splitting *s, struct error *why)
{
    char c = *s->next++;
    if (c == ' ' || c == '\t' || c == '\n') {
        end_word(s);
        return true;
    }
    s->is_begun = true;
    if (c == '\'' || c == '"') {
        if (!take_quoted(s, c)) {
            error_set(why, STATUS_BAD_INPUT, "a %c is not closed", c);
            return false;
        }
        return true;
    }
    if (c == '\\') {
        if (*s->next == '\0') {
            error_set(why, STATUS_BAD_INPUT, "a backslash stands at the end");
            return false;
        }
        c = *s->next++;
    }
    put(s, c);
    return true;
}

char **words_split(const char *text, struct error *why)
{
    struct splitting s = {.next = text, .word = xmalloc(strlen(text) + 1)};
    bool is_good = true;
    while (is_good && *s.next != '\0') {
        is_good = take_one(&s, why);
    }
    if (is_good) {
        end_word(&s);
        is_good = s.count > 0;
        if (!is_good) {
            error_set(why, STATUS_BAD_INPUT, "there is no word in it");
        }
    }
    free(s.word);
    if (!is_good) {
        words_free(s.words);
        return NULL;
    }
    return s.words;
}

void words_free(char **words)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        free(words[i]);
    }
    free(words);
}
