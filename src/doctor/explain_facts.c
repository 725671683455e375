/* Hosts, addresses, ports and resolvers in an error text: of each kind the one that stands nearest
 * to the words that were recognised. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/scope.h"
#include "doctor/explain_parts.h"

/* --- names --- */

static bool ends_in(const char *host, const char *end)
{
    size_t size = strlen(host), tail = strlen(end);
    return size > tail && strcmp(host + size - tail, end) == 0;
}

bool host_is_of_atlas(const char *host)
{
    return ends_in(host, ".mongodb.net") || ends_in(host, ".mongodbgov.net");
}

bool host_is_node(const char *host)
{
    const char *shard = strstr(host, "-shard-");
    return (shard != NULL && isdigit((unsigned char)shard[7])) ||
           (strncmp(host, "pl-", 3) == 0 && isdigit((unsigned char)host[3]));
}

bool host_is_internal(const char *host)
{
    static const char *const inside[] = {".local",       ".internal", ".lan",  ".svc",
                                         ".localdomain", ".cluster",  ".home", ".corp"};
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        if (ends_in(host, inside[i])) {
            return true;
        }
    }
    return false;
}

/* Words with a colon and a number behind them that are no hosts: files of programs, and labels. */
static bool is_no_host(const char *name)
{
    static const char *const files[] = {
        ".js", ".mjs", ".cjs", ".ts",  ".py",  ".go",  ".java", ".rb",  ".rs",   ".php", ".c",
        ".cc", ".cs",  ".cpp", ".jsx", ".tsx", ".jar", ".kt",   ".exs", ".json", ".h",   ".log"};
    static const char *const labels[] = {"pid",   "port",  "code",   "errno", "line",  "thread",
                                         "uid",   "tcp",   "error",  "node",  "id",    "backend",
                                         "after", "limit", "number", "conn",  "client"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (ends_in(name, files[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        if (strcmp(name, labels[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_name(const char *text)
{
    bool has_letter = false;
    for (const char *c = text; *c != '\0'; c++) {
        has_letter |= isalpha((unsigned char)*c) != 0;
        if (!isalnum((unsigned char)*c) && strchr(".-_", *c) == NULL) {
            return false;
        }
    }
    return has_letter && isalnum((unsigned char)text[0]);
}

/* --- addresses --- */

static enum place place_of_v4(const char *address)
{
    struct in_addr in;
    if (inet_pton(AF_INET, address, &in) != 1) {
        return PLACE_NONE;
    }
    uint32_t ip = ntohl(in.s_addr);
    bool is_private = ip >> 24 == 10 || ip >> 20 == (172 << 4 | 1) ||
                      ip >> 16 == (192 << 8 | 168) || ip >> 22 == (100 << 2 | 1) ||
                      ip >> 16 == (169 << 8 | 254);
    return ip >> 24 == 127 || ip == 0 ? PLACE_LOOPBACK : is_private ? PLACE_PRIVATE : PLACE_PUBLIC;
}

static enum place place_of_v6(const char *address)
{
    struct in6_addr in;
    if (inet_pton(AF_INET6, address, &in) != 1) {
        return PLACE_NONE;
    }
    if (IN6_IS_ADDR_V4MAPPED(&in)) {
        return place_of_v4(strrchr(address, ':') + 1);
    }
    if (IN6_IS_ADDR_LOOPBACK(&in) || IN6_IS_ADDR_UNSPECIFIED(&in)) {
        return PLACE_LOOPBACK6;
    }
    bool is_private = (in.s6_addr[0] & 0xfe) == 0xfc || IN6_IS_ADDR_LINKLOCAL(&in);
    return is_private ? PLACE_PRIVATE : PLACE_PUBLIC;
}

/* One word of the text, cut into host or address and port. */
struct word {
    char text[NAME_MOST];
    unsigned port; /* 0: none */
    enum place place;
    bool is_v6;
};

/* Cuts ":27017" off; false when there is none. */
static bool cut_port(struct word *w)
{
    char *colon = strrchr(w->text, ':');
    size_t digits = colon == NULL ? 0 : strspn(colon + 1, "0123456789");
    if (digits == 0 || digits > 5 || colon[1 + digits] != '\0' || colon == w->text) {
        return false;
    }
    w->port = (unsigned)strtoul(colon + 1, NULL, 10);
    *colon = '\0';
    return true;
}

/* "::1:3000" is an address in itself, but Node writes address and port like this. */
static bool is_loopback6_and_port(const char *text)
{
    return strncmp(text, "::1:", 4) == 0 && strspn(text + 4, "0123456789") == strlen(text + 4);
}

static void read_address(struct word *w)
{
    char *bracket = strchr(w->text, ']');
    if (w->text[0] == '[' && bracket != NULL) {
        bool has_port = bracket[1] == ':' && cut_port(w);
        if (!has_port && bracket[1] != '\0') {
            return;
        }
        *strchr(w->text, ']') = '\0';
        memmove(w->text, w->text + 1, strlen(w->text));
        w->place = place_of_v6(w->text);
        w->is_v6 = true;
        return;
    }
    bool is_v6 = strchr(w->text, ':') != strrchr(w->text, ':');
    if (is_v6 && !is_loopback6_and_port(w->text)) {
        w->place = place_of_v6(w->text);
    }
    if (w->place == PLACE_NONE) {
        (void)cut_port(w);
        w->place = is_v6 ? place_of_v6(w->text) : place_of_v4(w->text);
    }
    w->is_v6 = is_v6;
}

/* --- the nearest --- */

struct search {
    const char *plain;
    size_t at; /* the words recognised */
    size_t end;
    struct explain_facts *out;
    size_t host_distance;
    size_t address_distance;
    size_t resolver_distance;
};

static size_t distance(const struct search *s, size_t from, size_t to)
{
    return from >= s->end ? from - s->end : to <= s->at ? s->at - to : 0;
}

static bool is_before(const struct search *s, size_t at, const char *words)
{
    size_t size = strlen(words);
    return at >= size && memcmp(s->plain + at - size, words, size) == 0;
}

static bool is_behind(const struct search *s, size_t at, const char *words)
{
    return strncmp(s->plain + at, words, strlen(words)) == 0;
}

/* A name of whatever form that stands where errors put the name of a host. */
static bool is_at_hosts_place(const struct search *s, size_t at)
{
    static const char *const before[] = {
        "enotfound ", "eai_again ", "lookup ", "resolve '", "unknownhostexception: ",
        "enodata ",   "etimeout "};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        if (is_before(s, at, before[i])) {
            return true;
        }
    }
    return false;
}

static void take_name(struct search *s, const struct word *w, size_t from, size_t to)
{
    static const char service[] = "_mongodb._tcp.";
    bool is_service = strncmp(w->text, service, sizeof service - 1) == 0;
    const char *name = is_service ? w->text + sizeof service - 1 : w->text;
    bool has_port = w->port >= 1000;
    bool is_wanted = is_service || host_is_of_atlas(name) || is_at_hosts_place(s, from) ||
                     (has_port && !is_no_host(name)) || strcmp(name, "localhost") == 0;
    size_t far = distance(s, from, to);
    if (is_wanted && (is_service || is_name(name)) && far < s->host_distance) {
        s->host_distance = far;
        snprintf(s->out->host, sizeof s->out->host, "%s", name);
        s->out->port = w->port != 0 ? w->port : s->out->port;
    }
}

static void take_address(struct search *s, const struct word *w, size_t from, size_t to)
{
    size_t far = distance(s, from, to);
    bool is_resolver = w->port == 53 || is_before(s, from, "do53:") ||
                       is_behind(s, to, " udp port 53") || is_behind(s, to, " tcp port 53");
    if (is_resolver && far < s->resolver_distance) {
        s->resolver_distance = far;
        snprintf(s->out->resolver, sizeof s->out->resolver, "%.45s", w->text);
    } else if (!is_resolver && far < s->address_distance) {
        s->address_distance = far;
        snprintf(s->out->address, sizeof s->out->address, "%.45s", w->text);
        s->out->place = w->place;
        s->out->is_v6 = w->is_v6;
        s->out->port = w->port != 0 ? w->port : s->out->port;
    }
}

static bool is_of_word(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("._-:[]", c) != NULL);
}

static void take_word(struct search *s, size_t from, size_t to)
{
    struct word w = {0};
    if (strncmp(s->plain + from, "do53:", 5) == 0) {
        from += 5;
    }
    bool has_bracket = memchr(s->plain + from, '[', to - from) != NULL &&
                       memchr(s->plain + from, ']', to - from) != NULL;
    while (to > from && strchr(has_bracket ? ".:-_" : ".:-_]", s->plain[to - 1]) != NULL) {
        to--;
    }
    from += !has_bracket && from < to && s->plain[from] == '[';
    if (to - from < 3 || to - from >= sizeof w.text) {
        return;
    }
    memcpy(w.text, s->plain + from, to - from);
    read_address(&w);
    (w.place == PLACE_NONE ? take_name : take_address)(s, &w, from, to);
}

void explain_facts_read(const char *plain, size_t at, size_t end, struct explain_facts *out)
{
    size_t size = strlen(plain);
    size_t i = at > REACH ? at - REACH : 0;
    size_t stop = size - end > REACH ? end + REACH : size;
    struct search s = {.plain = plain, .at = at, .end = end, .out = out};
    s.host_distance = s.address_distance = s.resolver_distance = SIZE_MAX;
    *out = (struct explain_facts){0};
    while (i > 0 && is_of_word(plain[i - 1])) {
        i--;
    }
    while (i < stop) {
        size_t from = i;
        while (is_of_word(plain[i])) {
            i++;
        }
        if (i > from) {
            take_word(&s, from, i);
        }
        i += !is_of_word(plain[i]) && plain[i] != '\0';
    }
}
