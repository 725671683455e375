/* The last good answers as lines of text, and back:
 *
 *   mooring names, version 1
 *   cluster <whom it is about>
 *   seeds <date> <resolver>       then host, auth-source, replica-set, load-balanced
 *   name <date> <host> <resolver> then address
 *   end <checksum>
 *
 * What stands last on a line may hold any text: bytes that are no print are escaped as %XX. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/crc32c.h"
#include "base/require.h"
#include "base/scope.h"
#include "core/dns/last_good.h"

#define FIRST   "mooring names, version "
#define VERSION "1\n"
#define LAST    "end "

enum { DATE_SIZE = 40, SUM_DIGITS = 8 };

#define DATE_FORMAT "%Y-%m-%dT%H:%M:%SZ"
#define YEAR_9999   INT64_C(253402300799)

/* --- writing --- */

static void put_text(FILE *out, const char *key, const char *text)
{
    fprintf(out, "%s", key);
    for (const char *c = text; *c != '\0'; c++) {
        bool is_plain = *c >= ' ' && *c != '%' && *c != 0x7f;
        fprintf(out, is_plain ? "%c" : "%%%02X", (unsigned char)*c);
    }
    fputc('\n', out);
}

static const char *print_date(char out[DATE_SIZE], msec when, struct last_good_clocks clocks)
{
    int64_t seconds = (clocks.wall - (clocks.now - when)) / 1000;
    struct tm parts;
    time_t time = (time_t)(seconds < 0 ? 0 : seconds > YEAR_9999 ? YEAR_9999 : seconds);
    gmtime_r(&time, &parts);
    strftime(out, DATE_SIZE, DATE_FORMAT, &parts);
    return out;
}

static void write_seeds(FILE *out, const struct last_good_seeds *s, struct last_good_clocks clocks)
{
    char date[DATE_SIZE];
    fprintf(out, "seeds %s ", print_date(date, s->when, clocks));
    put_text(out, "", s->source == NULL ? "" : s->source);
    for (size_t i = 0; i < s->count; i++) {
        put_text(out, "host ", s->hosts[i]);
    }
    if (s->auth_source != NULL) {
        put_text(out, "auth-source ", s->auth_source);
    }
    if (s->replica_set != NULL) {
        put_text(out, "replica-set ", s->replica_set);
    }
    fprintf(out, "%s", s->load_balanced ? "load-balanced\n" : "");
}

/* "10.0.0.1", "::1" */
static void write_address(FILE *out, const struct address *a)
{
    char text[ADDRESS_TEXT_SIZE];
    int is_v6 = a->family == ADDRESS_IPV6;
    int size = (int)(strrchr(address_print(a, text), ':') - text);
    fprintf(out, "address %.*s\n", size - 2 * is_v6, text + is_v6);
}

static void write_name(FILE *out, const struct last_good_name *n, struct last_good_clocks clocks)
{
    char date[DATE_SIZE];
    fprintf(out, "name %s %s ", print_date(date, n->when, clocks), n->host);
    put_text(out, "", n->source);
    for (size_t i = 0; i < n->count; i++) {
        write_address(out, &n->addresses[i]);
    }
}

char *last_good_write(const struct last_good *l, struct last_good_clocks clocks, size_t *size)
{
    char *bytes = NULL;
    FILE *out = open_memstream(&bytes, size);
    require(out != NULL);
    fputs(FIRST VERSION, out);
    put_text(out, "cluster ", l->cluster);
    if (l->seeds.count > 0) {
        write_seeds(out, &l->seeds, clocks);
    }
    for (size_t i = 0; i < l->name_count; i++) {
        write_name(out, &l->names[i], clocks);
    }
    fflush(out);
    fprintf(out, LAST "%08x\n", crc32c(0, span_of(bytes, *size)));
    require(fclose(out) == 0);
    return bytes;
}

/* --- reading --- */

struct reading {
    struct last_good *to;
    struct last_good_clocks clocks;
    struct last_good_seeds seeds;
    struct last_good_name name; /* the one whose addresses come; no host: none */
};

/* What stands behind "key "; NULL: another line. */
static char *after(char *line, const char *key)
{
    size_t size = strlen(key);
    return strncmp(line, key, size) == 0 ? line + size : NULL;
}

/* Takes one word and the space behind it; NULL when there is none of a sensible length. */
static char *take_word(char **rest)
{
    char *word = *rest;
    size_t size = strcspn(word, " ");
    if (size == 0 || size > LAST_GOOD_HOST_BYTES_MOST || word[size] != ' ') {
        return NULL;
    }
    word[size] = '\0';
    *rest = word + size + 1;
    return word;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place; false when it is not as put_text writes. */
static bool unescape(char *text)
{
    char *begin = text;
    char *to = text;
    while (*text != '\0') {
        if (*text == '%') {
            int high = hex_digit(text[1]);
            int low = high < 0 ? -1 : hex_digit(text[2]);
            if (low < 0 || high * 16 + low == 0) {
                return false;
            }
            *to++ = (char)(high * 16 + low);
            text += 3;
        } else {
            *to++ = *text++;
        }
    }
    *to = '\0';
    return to - begin <= LAST_GOOD_TEXT_BYTES_MOST;
}

static bool read_date(const char *text, struct last_good_clocks clocks, msec *when)
{
    struct tm parts = {0};
    char again[DATE_SIZE];
    const char *end = strptime(text, DATE_FORMAT, &parts);
    if (end == NULL || *end != '\0') {
        return false;
    }
    int64_t age = clocks.wall - (int64_t)timegm(&parts) * 1000;
    strftime(again, sizeof again, DATE_FORMAT, &parts);
    *when = clocks.now - (age < 0 ? 0 : age);
    return strcmp(text, again) == 0;
}

/* As the servers of a topology are named. */
static bool is_host_and_port(const char *text)
{
    const char *colon = strrchr(text, ':');
    char *end;
    if (colon == NULL || colon == text || colon - text > LAST_GOOD_HOST_BYTES_MOST ||
        text[0] == '/' || colon[1] < '1' || colon[1] > '9' || strlen(colon) > sizeof ":65535" - 1) {
        return false;
    }
    return strtoul(colon + 1, &end, 10) <= UINT16_MAX && *end == '\0';
}

static bool begin_seeds(struct reading *r, char *rest)
{
    const char *date = take_word(&rest);
    if (r->seeds.source != NULL || date == NULL || !unescape(rest) ||
        !read_date(date, r->clocks, &r->seeds.when)) {
        return false;
    }
    r->seeds.source = rest;
    return true;
}

static bool take_seeds(struct reading *r, char *line)
{
    char *host = after(line, "host ");
    char *source = after(line, "auth-source ");
    char *set = after(line, "replica-set ");
    char *text = host != NULL ? host : source != NULL ? source : set;
    if (text == NULL) {
        r->seeds.load_balanced = true;
        return strcmp(line, "load-balanced") == 0;
    } else if (!unescape(text)) {
        return false;
    } else if (host != NULL) {
        if (r->seeds.count == LAST_GOOD_HOSTS_MOST || !is_host_and_port(host)) {
            return false;
        }
        r->seeds.hosts[r->seeds.count++] = host;
    } else {
        *(source != NULL ? &r->seeds.auth_source : &r->seeds.replica_set) = text;
    }
    return true;
}

/* The name's addresses are all there. */
static bool end_name(struct reading *r)
{
    if (r->name.host == NULL) {
        return true;
    } else if (r->name.count == 0 || r->to->name_count == LAST_GOOD_NAMES_MOST) {
        return false;
    }
    last_good_put_name(r->to, r->name.host, r->name.addresses, r->name.count, r->name.source,
                       r->name.when);
    r->name = (struct last_good_name){0};
    return true;
}

static bool begin_name(struct reading *r, char *rest)
{
    const char *date = take_word(&rest);
    char *host = date == NULL ? NULL : take_word(&rest);
    if (!end_name(r) || host == NULL || !unescape(rest) ||
        !read_date(date, r->clocks, &r->name.when)) {
        return false;
    }
    r->name.host = host;
    r->name.source = rest;
    return true;
}

static bool take_address(struct reading *r, const char *text)
{
    struct last_good_name *n = &r->name;
    return n->count < LAST_GOOD_ADDRESSES_MOST &&
           address_parse(text, 0, &n->addresses[n->count++]) &&
           n->addresses[n->count - 1].family != ADDRESS_UNIX;
}

static bool take_line(struct reading *r, char *line)
{
    char *seeds = after(line, "seeds ");
    char *name = after(line, "name ");
    if (seeds != NULL) {
        return begin_seeds(r, seeds);
    } else if (name != NULL) {
        return begin_name(r, name);
    } else if (r->name.host != NULL) {
        const char *address = after(line, "address ");
        return address != NULL && take_address(r, address);
    }
    return r->seeds.source != NULL && take_seeds(r, line);
}

/* Begins with the first line behind the cluster's; changes the text. */
static bool take_lines(struct reading *r, char *text)
{
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (!take_line(r, line)) {
            return false;
        }
    }
    if (r->seeds.source != NULL && r->seeds.count > 0) {
        last_good_put_seeds(r->to, &r->seeds);
    }
    return end_name(r) && (r->seeds.source == NULL || r->seeds.count > 0);
}

/* The part of the bytes that the last line sums up; empty when that line is missing or wrong. */
static struct span check_sum(struct span bytes)
{
    char line[sizeof LAST + SUM_DIGITS + 1];
    size_t size = sizeof line - 1;
    if (bytes.size < size) {
        return span_of(NULL, 0);
    }
    struct span body = span_head(bytes, bytes.size - size);
    snprintf(line, sizeof line, LAST "%08x\n", crc32c(0, body));
    return span_is(span_tail(bytes, body.size), line) ? body : span_of(NULL, 0);
}

static enum status read_body(struct last_good *l, char *text, struct last_good_clocks clocks,
                             struct error *why)
{
    char *hosts[LAST_GOOD_HOSTS_MOST];
    struct last_good read = {0};
    char *cluster = after(text, "cluster ");
    char *end = cluster == NULL ? NULL : strchr(cluster, '\n');
    if (end == NULL) {
        return error_set(why, STATUS_BAD_INPUT, "names no cluster");
    }
    *end = '\0';
    if (!unescape(cluster) || strcmp(cluster, l->cluster) != 0) {
        return error_set(why, STATUS_NOT_SUITABLE, "is about %s, not %s", cluster, l->cluster);
    }
    struct reading r = {.to = &read, .clocks = clocks, .seeds.hosts = hosts};
    last_good_init(&read, cluster);
    if (!take_lines(&r, end + 1)) {
        last_good_clear(&read);
        return error_set(why, STATUS_BAD_INPUT, "has lines that mean nothing");
    }
    last_good_clear(l);
    *l = read;
    return STATUS_OK;
}

enum status last_good_read(struct last_good *l, struct span bytes, struct last_good_clocks clocks,
                           struct error *why)
{
    struct span first = span_text(FIRST);
    struct span version = span_text(VERSION);
    if (bytes.size > LAST_GOOD_BYTES_MOST) {
        return error_set(why, STATUS_BAD_INPUT, "is larger than such a file can be");
    } else if (bytes.size < first.size || !span_equals(span_head(bytes, first.size), first)) {
        return error_set(why, STATUS_BAD_INPUT, "is not a file of names that Mooring wrote");
    }
    struct span rest = span_tail(bytes, first.size);
    if (rest.size < version.size) {
        return error_set(why, STATUS_BAD_INPUT, "is cut off");
    } else if (!span_equals(span_head(rest, version.size), version)) {
        return error_set(why, STATUS_INCOMPATIBLE, "is of another version, or damaged");
    }
    struct span body = check_sum(bytes);
    if (body.size < first.size + version.size || memchr(body.at, '\0', body.size) != NULL) {
        return error_set(why, STATUS_BAD_INPUT, "is damaged or cut off");
    }
    body = span_tail(body, first.size + version.size);
    auto_free char *text = xstrndup((const char *)body.at, body.size);
    return read_body(l, text, clocks, why);
}
