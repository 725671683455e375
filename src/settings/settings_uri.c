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
#include <strings.h>

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

static void complain(struct reader *r, const char *at, size_t width, const char *finding,
                     const char *text)
{
    uri_complain(r->target, r->uri, (struct uri_spot){at, width, finding}, false, "%s", text);
    r->failed = true;
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

/* A decoded copy; NULL, and a complaint, when a '%' is not followed by two hex digits. */
static char *decode(struct reader *r, const char *begin, const char *end, const char *finding)
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
            complain(r, c, 1, finding,
                     "'%' must be followed by two hex digits (a '%' itself is written %25)");
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
            complain(r, found, 1, "URI-02", bad[i].text);
        }
    }
    if (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL) {
        complain(r, memchr(colon + 1, ':', (size_t)(end - colon - 1)), 1, "URI-02",
                 "a ':' in user name or password is written %3A");
    }
    if (begin == end || begin == colon) {
        complain(r, begin, (size_t)(end - begin) + 1, NULL,
                 "there is an '@', but no user name before it");
    }
    if (r->failed) {
        return;
    }
    replace_text(&up->user, decode(r, begin, colon == NULL ? end : colon, "URI-02"));
    if (colon != NULL) {
        replace_text(&up->password, decode(r, colon + 1, end, "URI-02"));
    }
    up->auth_mechanism = r->failed ? AUTH_NONE : AUTH_DEFAULT;
}

/* --- hosts --- */

/* Before its percent-encoding is undone only a Unix socket has any: elsewhere a '%' belongs to a
 * password that lost its '@'. */
static char *read_host(struct reader *r, const char *begin, const char *end)
{
    struct error why;
    auto_free char *decoded = decode(r, begin, end, NULL);
    if (decoded == NULL) {
        return NULL;
    }
    size_t size = strlen(decoded);
    bool is_socket = size > 5 && strcmp(decoded + size - 5, ".sock") == 0;
    char *host = is_socket ? host_normal(decoded, size, &why)
                           : host_normal(begin, (size_t)(end - begin), &why);
    if (host == NULL) {
        complain(r, begin, (size_t)(end - begin) + (begin == end), NULL, why.text);
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
            complain(r, begin, 1, NULL, "too many hosts");
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
    size_t size = (size_t)(end - begin);
    if (comma != NULL) {
        complain(r, comma, (size_t)(end - comma), "URI-05",
                 "mongodb+srv:// takes exactly one host");
    } else if (colon != NULL) {
        complain(r, colon, (size_t)(end - colon), "URI-05",
                 "mongodb+srv:// takes no port: the SRV record has it");
    } else if (!host_is_name(begin, size)) {
        complain(r, begin, size + (begin == end), NULL,
                 begin == end ? "a host is missing" : "this is no host name");
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
    char *name = begin == end ? NULL : decode(r, begin, end, NULL);
    if (name != NULL && strpbrk(name, "/\\ \"$") != NULL) {
        complain(r, begin, (size_t)(end - begin), NULL,
                 "a database name has none of / \\ space \" $");
    }
    replace_text(&r->target->settings->upstream.database, name);
}

static void read_option(struct reader *r, const char *begin, const char *stop,
                        struct uri_seen *seen)
{
    struct problems *problems = r->target->problems;
    size_t size = (size_t)(stop - begin);
    const char *equals = memchr(begin, '=', size);
    size_t name_size = equals == NULL ? size : (size_t)(equals - begin);
    auto_free char *name = xstrndup(begin, name_size);
    if (memchr(begin, '@', size) != NULL && !uri_option_is_known(name)) {
        complain(r, begin, size, "URI-02",
                 "a '?' in user name or password is written %3F, an '@' %40");
    } else if (equals == NULL || equals == begin) {
        complain(r, begin, size, NULL, "an option is written name=value");
    } else {
        auto_free char *value = decode(r, equals + 1, stop, NULL);
        size_t column = uri_column(r->uri, begin);
        auto_free char *place = xformat("connection string, column %zu", column);
        size_t before = problems->count;
        if (value != NULL) {
            uri_option_put(r->target, seen, name, value, place);
        }
        for (size_t i = before; i < problems->count; i++) {
            problems->items[i].column = column;
            problems->items[i].width = size;
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
        complain(r, r->uri, 0, "TOPO-07", "loadBalanced=true takes exactly one host");
    }
    if (up->replica_set != NULL) {
        complain(r, r->uri, 0, "TOPO-07", "loadBalanced=true does not go with replicaSet");
    }
    if (up->direct_connection) {
        complain(r, r->uri, 0, "TOPO-07",
                 "loadBalanced=true does not go with directConnection=true");
    }
    if (up->srv_max_hosts > 0) {
        complain(r, r->uri, 0, "TOPO-07", "loadBalanced=true does not go with srvMaxHosts");
    }
}

static void check_whole(struct reader *r)
{
    const struct upstream_settings *up = &r->target->settings->upstream;
    if (up->direct_connection && up->srv_host != NULL) {
        complain(r, r->uri, 0, "URI-12", "directConnection=true does not go with mongodb+srv://");
    }
    if (up->direct_connection && up->hosts != NULL && up->hosts[0] != NULL &&
        up->hosts[1] != NULL) {
        complain(r, r->uri, 0, NULL, "directConnection=true takes exactly one host");
    }
    if (!r->is_srv && (up->srv_service_name != NULL || up->srv_max_hosts > 0)) {
        complain(r, r->uri, 0, NULL, "srvServiceName and srvMaxHosts go with mongodb+srv:// only");
    }
    if (up->srv_max_hosts > 0 && up->replica_set != NULL) {
        complain(r, r->uri, 0, NULL, "srvMaxHosts does not go with replicaSet");
    }
    check_balanced(r);
}

/* The parts, from the last '@' before the options to the end. Nothing is read behind a login that
 * is wrong: where it ends is then not known. */
static void read_parts(struct reader *r, const char *begin)
{
    struct uri_parts p;
    uri_split(begin, &p);
    if (p.at != NULL) {
        read_login(r, p.begin, p.at);
    }
    if (r->failed) {
        return;
    }
    (r->is_srv ? read_srv_host : read_hosts)(r, p.hosts, p.hosts_end);
    if (p.hosts_end < p.before_options) {
        read_database(r, p.hosts_end + 1, p.before_options);
    }
    if (p.before_options < p.end) {
        read_options(r, p.before_options + 1, p.end);
    }
    check_whole(r);
    uri_lint(r->target, r->uri, &p);
}

static void refuse_scheme(struct reader *r, const char *begin)
{
    bool is_near = strncasecmp(begin, "mongo", 5) == 0;
    auto_free char *given = xstrndup(begin, strcspn(begin, ":/@"));
    const char *meant = strcasestr(given, "srv") != NULL ? "mongodb+srv://" : "mongodb://";
    uri_complain(r->target, r->uri, (struct uri_spot){begin, 1, "URI-01"}, false,
                 "it must begin with mongodb:// or mongodb+srv://%s%s%s",
                 is_near ? "; did you mean " : "", is_near ? meant : "", is_near ? "?" : "");
}

/* "", '', `` and what word processors make of them; how many bytes, 0 when it is none. */
static size_t quote_size(const char *at)
{
    static const char *const quotes[] = {
        "\"", "'", "`", "\xe2\x80\x98", "\xe2\x80\x99", "\xe2\x80\x9c", "\xe2\x80\x9d"};
    for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++) {
        if (strncmp(at, quotes[i], strlen(quotes[i])) == 0) {
            return strlen(quotes[i]);
        }
    }
    return 0;
}

/* What a file, a shell or a deployment's description put around it. Line ends and blanks are taken
 * for what they are; false when there are quotes. */
static bool check_ends(struct reader *r, const char *begin, const char *end)
{
    size_t size = strlen(r->uri);
    const char *last = end - (end - begin >= 3 && quote_size(end - 3) == 3 ? 3 : end > begin);
    if (begin > r->uri || end < r->uri + size) {
        const char *at = begin > r->uri ? r->uri : end;
        uri_complain(r->target, r->uri, (struct uri_spot){at, 1, "URI-01"}, true,
                     "blanks or line ends around it are not counted as its part here; drivers do");
    }
    if (quote_size(begin) > 0) {
        complain(r, begin, quote_size(begin), "URI-01", "take away the quote before it");
    }
    if (last > begin && quote_size(last) > 0) {
        complain(r, last, quote_size(last), "URI-01", "take away the quote behind it");
    }
    return !r->failed;
}

static void read_whole(struct reader *r, const char *begin, const char *end)
{
    static const char plain[] = "mongodb://";
    static const char srv[] = "mongodb+srv://";
    r->is_srv = strncmp(begin, srv, sizeof srv - 1) == 0;
    if (!check_ends(r, begin, end)) {
        return;
    }
    if (!r->is_srv && strncmp(begin, plain, sizeof plain - 1) != 0) {
        refuse_scheme(r, begin);
        return;
    }
    r->target->rank = RANK_URI;
    auto_free char *text = xstrndup(r->uri, (size_t)(end - r->uri));
    struct reader inner = {.target = r->target, .uri = text, .is_srv = r->is_srv};
    read_parts(&inner, text + (begin - r->uri) + (r->is_srv ? sizeof srv : sizeof plain) - 1);
    explicit_bzero(text, (size_t)(end - r->uri));
}

void settings_read_uri(struct settings_target *t, const char *uri)
{
    static const char blanks[] = " \t\r\n\f\v";
    struct reader r = {.target = t, .uri = uri};
    const char *begin = uri + strspn(uri, blanks);
    const char *end = begin + strlen(begin);
    while (end > begin && strchr(blanks, end[-1]) != NULL) {
        end--;
    }
    free(t->problems->uri_shown);
    t->problems->uri_shown = uri_masked(uri);
    read_whole(&r, begin, end);
    if (r.is_srv && t->settings->upstream.srv_service_name == NULL) {
        t->settings->upstream.srv_service_name = xstrdup("mongodb");
    }
}
