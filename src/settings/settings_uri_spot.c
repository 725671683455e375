/* Where in a connection string a mistake stands, and how the string is shown without its secrets.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/require.h"
#include "base/scope.h"
#include "settings/settings_uri.h"

static const char *const secret_options[] = {
    "proxyUsername", "proxyPassword", "tlsCertificateKeyFilePassword", "authMechanismProperties"};

void uri_split(const char *begin, struct uri_parts *out)
{
    const char *end = begin + strlen(begin);
    const char *question = strchr(begin, '?');
    out->begin = begin;
    out->end = end;
    out->before_options = question == NULL ? end : question;
    out->at = memrchr(begin, '@', (size_t)(out->before_options - begin));
    out->hosts = out->at == NULL ? begin : out->at + 1;
    const char *slash = memchr(out->hosts, '/', (size_t)(out->before_options - out->hosts));
    out->hosts_end = slash == NULL ? out->before_options : slash;
}

/* --- columns --- */

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

static size_t characters(const char *at, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        count += begins_character(at[i]);
    }
    return count;
}

size_t uri_column(const char *uri, const char *at)
{
    return characters(uri, (size_t)(at - uri)) + 1;
}

void uri_complain(struct settings_target *t, const char *uri, struct uri_spot spot, bool is_warning,
                  const char *format, ...)
{
    va_list args;
    char *text = NULL;
    size_t column = uri_column(uri, spot.at);
    auto_free char *place = xformat("connection string, column %zu", column);
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) {
        text = xstrdup("out of memory");
    }
    va_end(args);
    problems_add(t->problems, is_warning, place, "%s", text);
    free(text);
    struct problem *p = &t->problems->items[t->problems->count - 1];
    p->finding = spot.finding;
    p->column = spot.width == 0 ? 0 : column;
    p->width = characters(spot.at, spot.width);
}

void uri_complain_evidence(struct settings_target *t, const char *key, const char *value,
                           size_t size)
{
    struct problem *p = &t->problems->items[t->problems->count - 1];
    p->key = key;
    free(p->value);
    p->value = xstrndup(value, size);
}

/* --- the string without its secrets --- */

/* Hides from `from` to `to`: 1 for every byte of which a '*' is shown. */
static void hide(char *hidden, const char *uri, const char *from, const char *to)
{
    for (const char *c = from; c < to; c++) {
        hidden[c - uri] = 1;
    }
}

static const char *option_begin(const char *options, const char *at)
{
    while (at > options && at[-1] != '&' && at[-1] != ';') {
        at--;
    }
    return at;
}

/* The last '@', unless it stands in the value of an option that MongoDB has: what is before it may
 * be a password with characters that were not encoded. */
static const char *end_of_login(const struct uri_parts *p)
{
    for (const char *at = memrchr(p->begin, '@', (size_t)(p->end - p->begin));
         at != NULL && at > p->before_options;
         at = memrchr(p->begin, '@', (size_t)(at - p->begin))) {
        const char *begin = option_begin(p->before_options + 1, at);
        auto_free char *name = xstrndup(begin, strcspn(begin, "=@"));
        if (!uri_option_is_known(name)) {
            return at;
        }
    }
    return p->at;
}

static bool option_is_public(const char *name)
{
    for (size_t i = 0; i < sizeof secret_options / sizeof *secret_options; i++) {
        if (strcasecmp(secret_options[i], name) == 0) {
            return false;
        }
    }
    return uri_option_is_known(name);
}

static void hide_options(char *hidden, const char *uri, const char *begin, const char *end)
{
    while (begin < end) {
        size_t size = strcspn(begin, "&;");
        const char *equals = memchr(begin, '=', size);
        auto_free char *name = xstrndup(begin, equals == NULL ? 0 : (size_t)(equals - begin));
        if (!option_is_public(name)) {
            hide(hidden, uri, equals == NULL ? begin : equals + 1, begin + size);
        }
        begin += size + (begin[size] != '\0');
    }
}

/* Where a login without its '@' begins: a port that is no number, or a '%' in a host, which only a
 * Unix socket may have. NULL: there is none. */
static const char *lost_login(const struct uri_parts *p)
{
    size_t size = (size_t)(p->hosts_end - p->hosts);
    auto_free char *hosts = xstrndup(p->hosts, size);
    if (strchr(hosts, '%') != NULL && strcasestr(hosts, ".sock") == NULL) {
        return p->hosts;
    }
    for (char *c = hosts; (c = strchr(c, ':')) != NULL; c++) {
        bool is_v6 = memchr(hosts, '[', (size_t)(c - hosts)) != NULL;
        size_t digits = strspn(c + 1, "0123456789");
        if (!is_v6 && c[1 + digits] != '\0' && c[1 + digits] != ',') {
            return p->hosts + (c + 1 - hosts);
        }
    }
    return NULL;
}

static char *write_masked(const char *uri, const char *hidden)
{
    char *out = xmalloc(strlen(uri) + 1);
    size_t used = 0;
    for (size_t i = 0; uri[i] != '\0'; i++) {
        if (!hidden[i]) {
            out[used++] = (char)(iscntrl((unsigned char)uri[i]) ? ' ' : uri[i]);
        } else if (begins_character(uri[i])) {
            out[used++] = '*';
        }
    }
    out[used] = '\0';
    return out;
}

char *uri_masked(const char *uri)
{
    const char *scheme = strcasestr(uri, "mongodb");
    const char *slashes = scheme == NULL ? NULL : strstr(scheme, "://");
    struct uri_parts p;
    if (slashes == NULL || scheme - uri > 4 || slashes - scheme > 11) {
        return NULL;
    }
    uri_split(slashes + 3, &p);
    auto_free char *hidden = xcalloc(strlen(uri) + 1, 1);
    const char *login = end_of_login(&p);
    const char *lost = login == NULL ? lost_login(&p) : NULL;
    if (login != NULL) {
        hide(hidden, uri, p.begin, login);
    } else if (lost != NULL) {
        hide(hidden, uri, lost, p.end);
    }
    const char *after = login == NULL ? p.begin : login;
    const char *question = strchr(after, '?');
    if (question != NULL) {
        hide_options(hidden, uri, question + 1, p.end);
    }
    return write_masked(uri, hidden);
}
