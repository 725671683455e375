#include "core/dns/resolv_conf.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/dns/message.h"

enum { WORD_BYTES = 128 };

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* Takes the next word of the line; false at its end, and when the word is too long to mean
 * anything. */
static bool next_word(struct span *line, char word[WORD_BYTES])
{
    size_t size = 0;
    while (line->size > 0 && is_blank(*line->at)) {
        *line = span_tail(*line, 1);
    }
    while (size < line->size && !is_blank(line->at[size])) {
        size++;
    }
    bool is_word = size > 0 && size < WORD_BYTES && memchr(line->at, '\0', size) == NULL;
    if (is_word) {
        snprintf(word, WORD_BYTES, "%.*s", (int)size, (const char *)line->at);
    }
    *line = span_tail(*line, size);
    return is_word;
}

/* Takes "%eth0" out of "fe80::1%eth0" and "[fe80::1%eth0]:53". */
static bool take_zone(char *word, char zone[RESOLV_CONF_ZONE_SIZE])
{
    char *percent = strchr(word, '%');
    zone[0] = '\0';
    if (percent == NULL) {
        return true;
    }
    size_t size = strcspn(percent + 1, "]");
    if (size == 0 || size >= RESOLV_CONF_ZONE_SIZE) {
        return false;
    }
    snprintf(zone, RESOLV_CONF_ZONE_SIZE, "%.*s", (int)size, percent + 1);
    memmove(percent, percent + 1 + size, strlen(percent + 1 + size) + 1);
    return true;
}

/* "[192.0.2.1]:54", as some systems write ports, into "192.0.2.1:54". */
static void take_brackets(char *word)
{
    char *end = strchr(word, ']');
    if (word[0] == '[' && end != NULL && memchr(word, ':', (size_t)(end - word)) == NULL) {
        memmove(end, end + 1, strlen(end + 1) + 1);
        memmove(word, word + 1, strlen(word + 1) + 1);
    }
}

static bool read_server(char *word, struct name_server *out)
{
    if (word[0] == '/' || !take_zone(word, out->zone)) {
        return false;
    }
    take_brackets(word);
    return address_parse(word, DNS_PORT, &out->address) && out->address.port != 0;
}

static bool has(const struct name_server *list, size_t count, const struct name_server *s)
{
    for (size_t i = 0; i < count; i++) {
        if (address_equals(&list[i].address, &s->address) && strcmp(list[i].zone, s->zone) == 0) {
            return true;
        }
    }
    return false;
}

size_t resolv_conf_read(struct span text, struct name_server *out, size_t room)
{
    size_t count = 0;
    while (text.size > 0 && count < room) {
        struct span line = span_take_line(&text);
        char word[WORD_BYTES];
        struct name_server s = {0};
        if (next_word(&line, word) && strcmp(word, "nameserver") == 0 && next_word(&line, word) &&
            read_server(word, &s) && !has(out, count, &s)) {
            out[count++] = s;
        }
    }
    return count;
}
