#include "base/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_port(const char *text, uint16_t *out)
{
    char *end;
    if (*text < '0' || *text > '9') {
        return false;
    }
    unsigned long port = strtoul(text, &end, 10);
    if (*end != '\0' || port > UINT16_MAX) {
        return false;
    }
    *out = (uint16_t)port;
    return true;
}

static bool parse_ip(const char *text, struct address *a)
{
    if (inet_pton(AF_INET, text, a->ip) == 1) {
        a->family = ADDRESS_IPV4;
        return true;
    }
    if (inet_pton(AF_INET6, text, a->ip) == 1) {
        a->family = ADDRESS_IPV6;
        return true;
    }
    return false;
}

static bool parse_unix(const char *text, struct address *out)
{
    struct address a = {.family = ADDRESS_UNIX};
    if (strlen(text) >= sizeof a.path) {
        return false;
    }
    snprintf(a.path, sizeof a.path, "%s", text);
    *out = a;
    return true;
}

bool address_parse(const char *text, uint16_t default_port, struct address *out)
{
    struct address a = {.port = default_port};
    char host[64];
    if (text[0] == '/') {
        return parse_unix(text, out);
    }
    if (parse_ip(text, &a)) {
        *out = a;
        return true;
    }
    const char *colon = strrchr(text, ':');
    bool bracketed = text[0] == '[';
    const char *end = bracketed ? strchr(text, ']') : colon;
    const char *begin = text + (bracketed ? 1 : 0);
    if (end == NULL || end < begin || (size_t)(end - begin) >= sizeof host) {
        return false;
    }
    snprintf(host, sizeof host, "%.*s", (int)(end - begin), begin);
    if (!parse_ip(host, &a) || bracketed != (a.family == ADDRESS_IPV6)) {
        return false;
    }
    const char *after = end + (bracketed ? 1 : 0);
    if (*after != '\0' && (*after != ':' || !parse_port(after + 1, &a.port))) {
        return false;
    }
    *out = a;
    return true;
}

const char *address_print(const struct address *a, char text[ADDRESS_TEXT_SIZE])
{
    char ip[INET6_ADDRSTRLEN] = "";
    switch (a->family) {
    case ADDRESS_IPV4:
        inet_ntop(AF_INET, a->ip, ip, sizeof ip);
        snprintf(text, ADDRESS_TEXT_SIZE, "%s:%u", ip, a->port);
        break;
    case ADDRESS_IPV6:
        inet_ntop(AF_INET6, a->ip, ip, sizeof ip);
        snprintf(text, ADDRESS_TEXT_SIZE, "[%s]:%u", ip, a->port);
        break;
    case ADDRESS_UNIX:
        snprintf(text, ADDRESS_TEXT_SIZE, "%s", a->path);
        break;
    case ADDRESS_NONE:
        snprintf(text, ADDRESS_TEXT_SIZE, "none");
        break;
    }
    return text;
}

bool address_equals(const struct address *a, const struct address *b)
{
    if (a->family != b->family || a->port != b->port || a->scope != b->scope) {
        return false;
    }
    if (a->family == ADDRESS_UNIX) {
        return strcmp(a->path, b->path) == 0;
    }
    return memcmp(a->ip, b->ip, a->family == ADDRESS_IPV4 ? 4 : 16) == 0;
}

bool address_is_loopback(const struct address *a)
{
    static const uint8_t v6_loopback[16] = {[15] = 1};
    switch (a->family) {
    case ADDRESS_IPV4:
        return a->ip[0] == 127;
    case ADDRESS_IPV6:
        return memcmp(a->ip, v6_loopback, sizeof v6_loopback) == 0;
    case ADDRESS_UNIX:
        return true;
    case ADDRESS_NONE:
        break;
    }
    return false;
}
