/* The connection string, strictly: mongodb:// and mongodb+srv://, with a column for every mistake.
 *
 * Strict because a part of a password must never be taken for a host (it would go out in DNS
 * queries): what stands before the last '@' is user and password, and an unescaped '@', ':', '/' or
 * '?' in it is an error that says how to write it. A '?' ends the part where that '@' is looked
 * for, so an '@' behind it is taken as a value's only with a name that MongoDB has. No message
 * repeats what may be a part of a password: hosts, values, names of options with an '@'. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/scope.h"
#include "settings/settings_host.h"
#include "settings/settings_load.h"
#include "settings/settings_uri.h"

enum { HOSTS_MOST = 50 };

struct reader {
    struct settings_target *target;
    const char *uri;
    bool is_srv;
    bool failed;
};

/* A column is where the mistake begins, from 1. */
static void complain(struct reader *r, const char *at, bool is_warning, const char *text,
                     const char *what)
{
    auto_free char *place = xformat("connection string, column %zu", (size_t)(at - r->uri) + 1);
    problems_add(r->target->problems, is_warning, place, "%s%s%s", text,
                 what[0] == '\0' ? "" : ": ", what);
    r->failed |= !is_warning;
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

/* A decoded copy; NULL, and a complaint, when a '%' is not followed by two hex digits. */
static char *decode(struct reader *r, const char *begin, const char *end)
{
    char *out = xmalloc((size_t)(end - begin) + 1);
    size_t used = 0;
    for (const char *c = begin; c < end; c++) {
        if (*c != '%') {
            out[used++] = *c;
            continue;
        }
        int high = end - c > 2 ? hex_digit(c[1]) : -1;
        int low = high < 0 ? -1 : hex_digit(c[2]);
        if (low < 0 || (high == 0 && low == 0)) {
            complain(r, c, false,
                     "'%' must be followed by two hex digits (a '%' itself is written %25)", "");
            free(out);
            return NULL;
        }
        out[used++] = (char)(high * 16 + low);
        c += 2;
    }
    out[used] = '\0';
    return out;
}

static void replace_text(char **at, char *text)
{
    free(*at);
    *at = text;
}

/* --- user and password --- */

static void read_login(struct reader *r, const char *begin, const char *end)
{
    struct upstream_settings *up = &r->target->settings->upstream;
    static const struct {
        char character;
        const char *text;
    } bad[] = {{'@', "an '@' in user name or password is written %40"},
               {'/', "a '/' in user name or password is written %2F"}};
    const char *colon = memchr(begin, ':', (size_t)(end - begin));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *found = memchr(begin, bad[i].character, (size_t)(end - begin));
        if (found != NULL) {
            complain(r, found, false, bad[i].text, "");
        }
    }
    if (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL) {
        complain(r, memchr(colon + 1, ':', (size_t)(end - colon - 1)), false,
                 "a ':' in user name or password is written %3A", "");
    }
    if (begin == end || begin == colon) {
        complain(r, begin, false, "there is an '@', but no user name before it", "");
    }
    if (r->failed) {
        return;
    }
    replace_text(&up->user, decode(r, begin, colon == NULL ? end : colon));
    if (colon != NULL) {
        replace_text(&up->password, decode(r, colon + 1, end));
    }
    up->auth_mechanism = r->failed ? AUTH_NONE : AUTH_DEFAULT;
}

/* --- hosts --- */

/* Before its percent-encoding is undone only a Unix socket has any: elsewhere a '%' belongs to a
 * password that lost its '@'. */
static char *read_host(struct reader *r, const char *begin, const char *end)
{
    struct error why;
    auto_free char *decoded = decode(r, begin, end);
    if (decoded == NULL) {
        return NULL;
    }
    size_t size = strlen(decoded);
    bool is_socket = size > 5 && strcmp(decoded + size - 5, ".sock") == 0;
    char *host = is_socket ? host_normal(decoded, size, &why)
                           : host_normal(begin, (size_t)(end - begin), &why);
    if (host == NULL) {
        complain(r, begin, false, why.text, "");
    }
    return host;
}

static void read_hosts(struct reader *r, const char *begin, const char *end)
{
    struct upstream_settings *up = &r->target->settings->upstream;
    size_t count = 0;
    up->hosts = xcalloc(HOSTS_MOST + 1, sizeof *up->hosts);
    for (;;) {
        const char *comma = memchr(begin, ',', (size_t)(end - begin));
        const char *stop = comma == NULL ? end : comma;
        if (count == HOSTS_MOST) {
            complain(r, begin, false, "too many hosts", "");
            return;
        }
        char *host = read_host(r, begin, stop);
        if (host == NULL) {
            return;
        }
        up->hosts[count++] = host;
        if (comma == NULL) {
            return;
        }
        begin = comma + 1;
    }
}

static void read_srv_host(struct reader *r, const char *begin, const char *end)
{
    struct upstream_settings *up = &r->target->settings->upstream;
    const char *comma = memchr(begin, ',', (size_t)(end - begin));
    const char *colon = memchr(begin, ':', (size_t)(end - begin));
    if (comma != NULL) {
        complain(r, comma, false, "mongodb+srv:// takes exactly one host", "");
    } else if (colon != NULL) {
        complain(r, colon, false, "mongodb+srv:// takes no port: the SRV record has it", "");
    } else if (!host_is_name(begin, (size_t)(end - begin))) {
        complain(r, begin, false, begin == end ? "a host is missing" : "this is no host name", "");
    } else {
        replace_text(&up->srv_host, xstrndup(begin, (size_t)(end - begin)));
        for (char *c = up->srv_host; *c != '\0'; c++) {
            *c = (char)tolower((unsigned char)*c);
        }
        up->tls = true;
    }
}

/* --- the path and the options --- */

static void read_database(struct reader *r, const char *begin, const char *end)
{
    char *name = begin == end ? NULL : decode(r, begin, end);
    if (name != NULL && strpbrk(name, "/\\ \"$") != NULL) {
        complain(r, begin, false, "a database name has none of / \\ space \" $", "");
    }
    replace_text(&r->target->settings->upstream.database, name);
}

static void read_option(struct reader *r, const char *begin, const char *stop,
                        struct uri_seen *seen)
{
    const char *equals = memchr(begin, '=', (size_t)(stop - begin));
    const char *name_end = equals == NULL ? stop : equals;
    auto_free char *name = xstrndup(begin, (size_t)(name_end - begin));
    if (memchr(begin, '@', (size_t)(stop - begin)) != NULL && !uri_option_is_known(name)) {
        complain(r, begin, false, "a '?' in user name or password is written %3F, an '@' %40", "");
    } else if (equals == NULL || equals == begin) {
        complain(r, begin, false, "an option is written name=value", "");
    } else {
        auto_free char *value = decode(r, equals + 1, stop);
        auto_free char *place =
            xformat("connection string, column %zu", (size_t)(begin - r->uri) + 1);
        if (value != NULL) {
            uri_option_put(r->target, seen, name, value, place);
        }
    }
}

static void read_options(struct reader *r, const char *begin, const char *end)
{
    struct uri_seen seen = {0};
    replace_text(&r->target->settings->upstream.uri_options,
                 xstrndup(begin, (size_t)(end - begin)));
    while (begin < end) {
        const char *stop = begin;
        while (stop < end && *stop != '&' && *stop != ';') {
            stop++;
        }
        if (stop > begin) {
            read_option(r, begin, stop, &seen);
        }
        begin = stop + (stop < end);
    }
    uri_options_end(r->target, &seen);
}

/* URI options: loadBalanced=true wants one host, and nothing that says more of a deployment. */
static void check_balanced(struct reader *r)
{
    const struct upstream_settings *up = &r->target->settings->upstream;
    if (!up->load_balanced) {
        return;
    }
    if (up->hosts != NULL && up->hosts[0] != NULL && up->hosts[1] != NULL) {
        complain(r, r->uri, false, "loadBalanced=true takes exactly one host", "");
    }
    if (up->replica_set != NULL) {
        complain(r, r->uri, false, "loadBalanced=true does not go with replicaSet", "");
    }
    if (up->direct_connection) {
        complain(r, r->uri, false, "loadBalanced=true does not go with directConnection=true", "");
    }
    if (up->srv_max_hosts > 0) {
        complain(r, r->uri, false, "loadBalanced=true does not go with srvMaxHosts", "");
    }
}

static void check_whole(struct reader *r)
{
    const struct upstream_settings *up = &r->target->settings->upstream;
    if (up->direct_connection && up->srv_host != NULL) {
        complain(r, r->uri, false, "directConnection=true does not go with mongodb+srv://", "");
    }
    if (up->direct_connection && up->hosts != NULL && up->hosts[0] != NULL &&
        up->hosts[1] != NULL) {
        complain(r, r->uri, false, "directConnection=true takes exactly one host", "");
    }
    if (!r->is_srv && (up->srv_service_name != NULL || up->srv_max_hosts > 0)) {
        complain(r, r->uri, false, "srvServiceName and srvMaxHosts go with mongodb+srv:// only",
                 "");
    }
    if (up->srv_max_hosts > 0 && up->replica_set != NULL) {
        complain(r, r->uri, false, "srvMaxHosts does not go with replicaSet", "");
    }
    check_balanced(r);
}

/* The parts, from the last '@' before the options to the end. Nothing is read behind a login that
 * is wrong: where it ends is then not known. */
static void read_parts(struct reader *r, const char *begin)
{
    const char *question = strchr(begin, '?');
    const char *end = begin + strlen(begin);
    const char *before_options = question == NULL ? end : question;
    const char *at = memrchr(begin, '@', (size_t)(before_options - begin));
    const char *hosts = at == NULL ? begin : at + 1;
    const char *slash = memchr(hosts, '/', (size_t)(before_options - hosts));
    const char *hosts_end = slash == NULL ? before_options : slash;
    if (at != NULL) {
        read_login(r, begin, at);
    }
    if (r->failed) {
        return;
    }
    (r->is_srv ? read_srv_host : read_hosts)(r, hosts, hosts_end);
    if (slash != NULL) {
        read_database(r, slash + 1, before_options);
    }
    if (question != NULL) {
        read_options(r, question + 1, end);
    }
}

void settings_read_uri(struct settings_target *t, const char *uri)
{
    static const char plain[] = "mongodb://";
    static const char srv[] = "mongodb+srv://";
    struct reader r = {.target = t, .uri = uri, .is_srv = strncmp(uri, srv, sizeof srv - 1) == 0};
    if (!r.is_srv && strncmp(uri, plain, sizeof plain - 1) != 0) {
        complain(&r, uri, false, "it must begin with mongodb:// or mongodb+srv://", "");
        return;
    }
    t->rank = RANK_URI;
    read_parts(&r, uri + (r.is_srv ? sizeof srv : sizeof plain) - 1);
    check_whole(&r);
    if (r.is_srv && t->settings->upstream.srv_service_name == NULL) {
        t->settings->upstream.srv_service_name = xstrdup("mongodb");
    }
}
