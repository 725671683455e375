/* What a connection string may say, but was probably not meant to: each a warning, with the id that
 * the doctor's catalogue has for it. Looks at the text only; what DNS and the cluster say of it is
 * the doctor's. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/require.h"
#include "base/scope.h"
#include "settings/settings_uri.h"

struct lint {
    struct settings_target *target;
    const char *uri;
    const struct uri_parts *parts;
    bool is_srv; /* by the scheme, whatever came of the host */
};

#define WARN(l, at, width, finding, ...) \
    uri_complain((l)->target, (l)->uri, (struct uri_spot){at, width, finding}, true, __VA_ARGS__)

#define EVIDENCE(l, key, at, size) uri_complain_evidence((l)->target, key, at, size)

/* --- user and password --- */

/* Words of templates that may be shown: in angle brackets there might also be a real password. */
static bool is_template_word(const char *word, size_t size)
{
    static const char *const words[] = {
        "password", "db_password", "username",      "db_username",   "user",        "cluster",
        "database", "dbname",      "your_password", "your-password", "yourpassword"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i]) == size && strncasecmp(words[i], word, size) == 0) {
            return true;
        }
    }
    return false;
}

/* "<password>", a word of templates between ':' and '@', or "xxxxx". */
static void lint_template(const struct lint *l, const char *begin, const char *end)
{
    const char *open = memchr(begin, '<', (size_t)(end - begin));
    const char *close = open == NULL ? NULL : memchr(open, '>', (size_t)(end - open));
    const char *x = memmem(begin, (size_t)(end - begin), "xxxxx", 5);
    if (close != NULL) {
        bool is_known = is_template_word(open + 1, (size_t)(close - open - 1));
        WARN(l, open, (size_t)(close - open) + 1, "URI-04",
             "the template's text is still there: put the real value, without < and >");
        EVIDENCE(l, "name", is_known ? open : "<…>",
                 is_known ? (size_t)(close - open) + 1 : strlen("<…>"));
    } else if (is_template_word(begin, (size_t)(end - begin)) && (end - begin) > 8) {
        WARN(l, begin, (size_t)(end - begin), "URI-04", "the template's text is still there");
        EVIDENCE(l, "name", begin, (size_t)(end - begin));
    } else if (x != NULL) {
        WARN(l, x, strspn(x, "x"), "URI-04", "the template's text is still there");
        EVIDENCE(l, "name", "xxxxx", 5);
    }
}

/* Characters that the strict reader takes, and some driver does not. */
static const char *fault_of_character(const char *c)
{
    static const char brackets[] = "[]#\"\\^`{|}";
    if (*c == '+') {
        return "a '+' is a blank to some drivers and a plus to others: write %2B, or %20";
    }
    if (isspace((unsigned char)*c)) {
        return "a blank in user name or password is written %20";
    }
    if (strchr(brackets, *c) != NULL) {
        return "some drivers refuse this character in user name or password: percent-encode it";
    }
    if (strncmp(c, "\xe2\x80\x98", 2) == 0 && (unsigned char)c[2] >= 0x98 &&
        (unsigned char)c[2] <= 0x9d) {
        return "this is a typographic quote, as word processors put it: is it meant?";
    }
    return NULL;
}

static bool is_encoded_twice(const char *c, const char *end)
{
    return end - c >= 5 && strncmp(c, "%25", 3) == 0 && isxdigit((unsigned char)c[3]) &&
           isxdigit((unsigned char)c[4]);
}

/* Each kind once, where it stands first. */
static void lint_login(const struct lint *l)
{
    const char *begin = l->parts->begin, *end = l->parts->at;
    const char *told[8] = {NULL};
    size_t count = 0;
    for (const char *c = begin; c < end; c++) {
        bool is_double = is_encoded_twice(c, end);
        const char *fault = is_double
                                ? "this looks percent-encoded twice: encode the plain password once"
                                : fault_of_character(c);
        bool is_new = fault != NULL && count < sizeof told / sizeof *told;
        for (size_t i = 0; i < count; i++) {
            is_new &= told[i] != fault;
        }
        if (is_new) {
            told[count++] = fault;
            WARN(l, c,
                 is_double                   ? 5
                 : (unsigned char)*c >= 0x80 ? 3
                                             : 1,
                 is_double   ? "URI-03"
                 : *c == '+' ? "URI-03b"
                             : "URI-02",
                 "%s", fault);
        }
    }
    const char *colon = memchr(begin, ':', (size_t)(end - begin));
    lint_template(l, begin, colon == NULL ? end : colon);
    if (colon != NULL) {
        lint_template(l, colon + 1, end);
    }
}

/* --- hosts --- */

static bool ends_in(const char *host, const char *end)
{
    size_t size = strlen(host), tail = strlen(end);
    return size > tail && strcmp(host + size - tail, end) == 0;
}

static bool is_of_atlas(const char *host)
{
    return ends_in(host, ".mongodb.net") || ends_in(host, ".mongodbgov.net");
}

/* "-shard-00-01" or "pl-0-": one machine's name, not the cluster's. */
static bool is_node(const char *host)
{
    const char *shard = strstr(host, "-shard-");
    return (shard != NULL && isdigit((unsigned char)shard[7]) &&
            isdigit((unsigned char)shard[8])) ||
           (strncmp(host, "pl-", 3) == 0 && isdigit((unsigned char)host[3]));
}

/* cluster0-ab123.mongodb.net, cluster0-ab123.gcp.mongodb.net: before March 2020. */
static bool is_legacy(const char *host)
{
    size_t first = strcspn(host, ".");
    const char *rest = host + first;
    bool is_old = strcmp(rest, ".mongodb.net") == 0 || strcmp(rest, ".gcp.mongodb.net") == 0 ||
                  strcmp(rest, ".azure.mongodb.net") == 0;
    return is_old && first > 6 && host[first - 6] == '-';
}

static bool is_address(const char *host)
{
    struct address at;
    auto_free char *bare = host[0] == '[' && host[strlen(host) - 1] == ']'
                               ? xstrndup(host + 1, strlen(host) - 2)
                               : xstrdup(host);
    return address_parse(bare, 1, &at) && at.family != ADDRESS_UNIX;
}

/* Where certificates of one's own may well hold an address. */
static bool is_inside(const char *host)
{
    static const char *const inside[] = {"127.", "10.", "192.168.", "172.", "[::1", "[fe80", "[fd"};
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        if (strncmp(host, inside[i], strlen(inside[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void lint_host(const struct lint *l, const char *begin, size_t size, bool is_alone)
{
    auto_free char *host = xstrndup(begin, size);
    size_t named = host[0] == '[' ? size : strcspn(host, ":");
    host[named] = '\0';
    for (char *c = host; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    if (is_address(host) && l->target->settings->upstream.tls && (l->is_srv || !is_inside(host))) {
        WARN(l, begin, size, "URI-14",
             l->is_srv ? "mongodb+srv:// wants a name: an address has no SRV record"
                       : "certificates, and Atlas, want a name, not an address");
        EVIDENCE(l, "address", host, named);
    } else if (l->is_srv && is_node(host)) {
        WARN(l, begin, size, "URI-07",
             "this is the name of one machine: mongodb+srv:// wants the cluster's");
        EVIDENCE(l, "host", host, named);
    } else if (!l->is_srv && is_alone && is_of_atlas(host) && !is_node(host)) {
        WARN(l, begin, size, "URI-06",
             "this is a cluster's name, which has no address: begin with mongodb+srv://");
        EVIDENCE(l, "host", host, named);
    } else if (is_legacy(host)) {
        WARN(l, begin, size, "URI-13",
             "this is a name of the style before March 2020: copy the current one from Atlas");
        EVIDENCE(l, "host", host, named);
    }
}

static void lint_hosts(const struct lint *l)
{
    const char *begin = l->parts->hosts, *end = l->parts->hosts_end;
    bool is_alone = memchr(begin, ',', (size_t)(end - begin)) == NULL;
    lint_template(l, begin, end);
    while (begin < end) {
        const char *comma = memchr(begin, ',', (size_t)(end - begin));
        const char *stop = comma == NULL ? end : comma;
        lint_host(l, begin, (size_t)(stop - begin), is_alone);
        begin = comma == NULL ? end : comma + 1;
    }
}

/* --- path and options --- */

static void lint_path(const struct lint *l)
{
    const struct uri_parts *p = l->parts;
    const char *begin = p->hosts_end < p->before_options ? p->hosts_end + 1 : p->before_options;
    const char *equals = memchr(begin, '=', (size_t)(p->before_options - begin));
    bool has_options = p->before_options < p->end;
    if (equals != NULL) {
        WARN(l, begin, (size_t)(p->before_options - begin), "URI-08",
             "options begin with a '?': this was read as the name of a database");
    }
    if (has_options && p->hosts_end == p->before_options) {
        WARN(l, p->before_options, 1, "URI-08", "some drivers want a '/' before the '?'");
    }
    const char *second = has_options ? strchr(p->before_options + 1, '?') : NULL;
    if (second != NULL) {
        WARN(l, second, 1, "URI-08", "options are set apart by '&', not by another '?'");
    }
    const char *html = has_options ? strstr(p->before_options, "&amp;") : NULL;
    if (html != NULL) {
        WARN(l, html, 5, "URI-08", "&amp; is how HTML writes '&': write '&'");
    }
}

static const char *option_at(const struct uri_parts *p, const char *name, size_t *size)
{
    const char *begin = p->before_options;
    while (begin < p->end) {
        begin++;
        *size = strcspn(begin, "&;");
        if (strncasecmp(begin, name, strlen(name)) == 0 && begin[strlen(name)] == '=') {
            return begin;
        }
        begin += *size;
    }
    return NULL;
}

static void lint_tls(const struct lint *l)
{
    size_t size = 0;
    const char *tls = option_at(l->parts, "tls", &size);
    const char *option = tls != NULL ? tls : option_at(l->parts, "ssl", &size);
    if (option != NULL) {
        WARN(l, option, size, "URI-11", "Atlas takes encrypted connections only: leave it out");
        EVIDENCE(l, "option", option, size);
    } else {
        WARN(l, l->uri, strlen("mongodb"), "URI-11",
             "Atlas takes encrypted connections only: add tls=true, or begin with mongodb+srv://");
        EVIDENCE(l, "option", "a missing tls=true", strlen("a missing tls=true"));
    }
}

static bool names_atlas(const struct upstream_settings *up)
{
    if (up->srv_host != NULL || up->hosts == NULL || up->hosts[0] == NULL) {
        return up->srv_host != NULL && is_of_atlas(up->srv_host);
    }
    auto_free char *first = xstrndup(up->hosts[0], strcspn(up->hosts[0], ":"));
    return is_of_atlas(first);
}

static void lint_options(const struct lint *l)
{
    const struct upstream_settings *up = &l->target->settings->upstream;
    size_t size = 0;
    const char *direct = option_at(l->parts, "directConnection", &size);
    if (!names_atlas(up)) {
        return;
    }
    if (!up->tls) {
        lint_tls(l);
    }
    if (direct != NULL && up->direct_connection && up->srv_host == NULL) {
        WARN(l, direct, size, "URI-12",
             "it holds on to one machine, which refuses writes after an election: leave it out");
    }
    /* Behind mongodb+srv:// the TXT record says authSource. */
    if (up->user != NULL && up->srv_host == NULL && up->auth_source == NULL &&
        up->database != NULL && strcmp(up->database, "admin") != 0 &&
        up->auth_mechanism != AUTH_X509) {
        const char *path = l->parts->hosts_end + 1;
        WARN(l, path, (size_t)(l->parts->before_options - path), "URI-09",
             "this is where the user is looked up; those of Atlas are in admin: add "
             "authSource=admin");
        EVIDENCE(l, "database", up->database, strlen(up->database));
    }
}

void uri_lint(struct settings_target *t, const char *uri, const struct uri_parts *parts)
{
    struct lint l = {.target = t, .uri = uri, .parts = parts};
    l.is_srv = memcmp(parts->begin - strlen("srv://"), "srv://", strlen("srv://")) == 0;
    if (parts->at != NULL) {
        lint_login(&l);
    }
    lint_hosts(&l);
    lint_path(&l);
    lint_options(&l);
}
