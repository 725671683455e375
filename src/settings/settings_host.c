#include "settings/settings_host.h"

#include <ctype.h>
#include <string.h>

#include "base/address.h"
#include "base/require.h"
#include "base/scope.h"

enum { PORT_DEFAULT = 27017 };

static bool read_port(const char *text, unsigned *port)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0') {
        return false;
    }
    *port = (unsigned)strtoul(text, NULL, 10);
    return *port >= 1 && *port <= 65535;
}

static char *socket_path(const char *text, struct error *why)
{
    struct address at;
    if (text[0] != '/') {
        error_set(why, STATUS_BAD_INPUT,
                  "a Unix socket is named by its whole path, from the first '/'");
        return NULL;
    }
    if (!address_parse(text, 0, &at)) {
        error_set(why, STATUS_BAD_INPUT, "the path of a Unix socket has at most %zu bytes",
                  sizeof at.path - 1);
        return NULL;
    }
    return xstrdup(text);
}

static const char *fault_of_name(const char *name, size_t size)
{
    struct address at;
    auto_free char *copy = xstrndup(name, size);
    if (name[0] == '[') {
        bool is_v6 = size > 2 && name[size - 1] == ']' && address_parse(copy, 1, &at) &&
                     at.family == ADDRESS_IPV6;
        return is_v6 ? NULL : "an IPv6 address is expected between '[' and ']'";
    }
    if (size == 0) {
        return "a host is missing";
    }
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)name[i] >= 0x80) {
            return "write a host name with letters beyond ASCII in its xn-- form";
        }
    }
    return host_is_name(name, size) ? NULL : "this is no host name";
}

char *host_normal(const char *text, size_t size, struct error *why)
{
    auto_free char *copy = xstrndup(text, size);
    unsigned port = PORT_DEFAULT;
    if (size > 5 && strcmp(copy + size - 5, ".sock") == 0) {
        return socket_path(copy, why);
    }
    const char *close = copy[0] == '[' ? strchr(copy, ']') : NULL;
    const char *after = close != NULL ? close + 1 : copy + strcspn(copy, ":");
    size_t name_size = (size_t)(after - copy);
    const char *fault = fault_of_name(copy, name_size);
    if (fault == NULL && *after != '\0' && (*after != ':' || !read_port(after + 1, &port))) {
        fault = "a port is a number from 1 to 65535, behind a ':'";
    }
    if (fault != NULL) {
        error_set(why, STATUS_BAD_INPUT, "%s", fault);
        return NULL;
    }
    char *host = xformat("%.*s:%u", (int)name_size, copy, port);
    for (char *c = host; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    return host;
}
