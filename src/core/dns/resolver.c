/* Scheme, then what comes behind "#" (the name), then behind "/" (the path); what is left is the
 * address. Each part is refused where its kind has none, before the address is looked at: who mixes
 * two kinds is told so. */
#include "core/dns/resolver.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/host_name.h"
#include "base/require.h"
#include "base/scope.h"

enum { SHOWN_MOST = 200 };

static const struct {
    const char *scheme;
    uint16_t port;
} kinds[] = {[RESOLVER_PLAIN] = {"", 53},
             [RESOLVER_TLS] = {"tls://", 853},
             [RESOLVER_HTTPS] = {"https://", 443}};

static const char path_default[] = "/dns-query";

static enum status refuse(const char *text, const char *fault, struct error *why)
{
    return error_set(why, STATUS_BAD_INPUT, "%.*s: %s", SHOWN_MOST, text, fault);
}

/* Cuts the scheme off `rest`; NULL, or what is wrong. */
static const char *read_kind(const char **rest, enum resolver_kind *kind)
{
    for (size_t i = RESOLVER_TLS; i <= RESOLVER_HTTPS; i++) {
        size_t size = strlen(kinds[i].scheme);
        if (strncasecmp(*rest, kinds[i].scheme, size) == 0) {
            *rest += size;
            *kind = (enum resolver_kind)i;
            return NULL;
        }
    }
    *kind = RESOLVER_PLAIN;
    return strstr(*rest, "://") == NULL
               ? NULL
               : "this scheme is not known: tls://ADDRESS#NAME, https://ADDRESS/dns-query#NAME, or "
                 "for plain DNS the address alone is expected";
}

static const char *fault_of_name(const char *name, enum resolver_kind kind)
{
    struct address address;
    if (kind == RESOLVER_PLAIN) {
        return name == NULL ? NULL
                            : "plain DNS verifies no name: leave out what follows \"#\", or write "
                              "tls:// in front";
    }
    if (name == NULL || *name == '\0') {
        return "the name in the resolver's certificate is missing: add it at the end, as in "
               "#dns.example";
    }
    return host_is_name(name, strlen(name)) || address_parse(name, 0, &address)
               ? NULL
               : "what follows \"#\" is no host name: the name in the resolver's certificate is "
                 "expected";
}

static const char *fault_of_path(const char *path, enum resolver_kind kind)
{
    if (path == NULL) {
        return NULL;
    }
    if (kind != RESOLVER_HTTPS) {
        return "only https:// has a path: leave it out";
    }
    for (const char *c = path; *c != '\0'; c++) {
        if (!isgraph((unsigned char)*c) || *c == '{' || *c == '}') {
            return "the path is sent as it stands, questions by POST: leave out \"{?dns}\", spaces "
                   "and letters beyond ASCII";
        }
    }
    return NULL;
}

/* `text` is what stands where the address should. */
static const char *fault_of_address(const char *text)
{
    size_t size = strcspn(text, ":");
    bool is_name = host_is_name(text, size) && strspn(text, "0123456789.") < size &&
                   strchr(text, ':') == strrchr(text, ':');
    return is_name ? "a resolver is named by its address, since a name would have to be looked up "
                     "first"
                   : "an address is expected, like 10.0.0.2, 10.0.0.2:53 or [fd00::2]:53";
}

static char *show(const struct resolver *r)
{
    char address[ADDRESS_TEXT_SIZE];
    bool has_name = r->host_name != NULL;
    return xformat("%s%s%s%s%s", kinds[r->kind].scheme, address_print(&r->address, address),
                   r->path == NULL ? "" : r->path, has_name ? "#" : "",
                   has_name ? r->host_name : "");
}

static char *lower(const char *text)
{
    char *copy = xstrdup(text);
    for (char *c = copy; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    return copy;
}

enum status resolver_parse(const char *text, enum resolver_origin origin, struct resolver *out,
                           struct error *why)
{
    struct resolver r = {.origin = origin};
    const char *rest = text;
    const char *fault = read_kind(&rest, &r.kind);
    size_t authority_size = strcspn(rest, "/#");
    size_t path_size = strcspn(rest + authority_size, "#");
    const char *mark = rest + authority_size + path_size;
    const char *name = *mark == '#' ? mark + 1 : NULL;
    auto_free char *authority = xstrndup(rest, authority_size);
    auto_free char *path = path_size == 0 ? NULL : xstrndup(rest + authority_size, path_size);
    if (fault == NULL && authority_size > 0) {
        fault = fault_of_path(path, r.kind);
    }
    if (fault == NULL && !address_parse(authority, kinds[r.kind].port, &r.address)) {
        fault = fault_of_address(authority);
    }
    if (fault == NULL && r.address.port == 0) {
        fault = "port 0 cannot be asked: a port from 1 to 65535 is expected";
    }
    if (fault == NULL) {
        fault = fault_of_name(name, r.kind);
    }
    if (fault != NULL) {
        return refuse(text, fault, why);
    }
    r.host_name = name == NULL ? NULL : lower(name);
    if (r.kind == RESOLVER_HTTPS) {
        r.path = xstrdup(path == NULL ? path_default : path);
    }
    r.text = show(&r);
    *out = r;
    return STATUS_OK;
}

void resolver_clear(struct resolver *resolver)
{
    free(resolver->text);
    free(resolver->host_name);
    free(resolver->path);
    *resolver = (struct resolver){0};
}
