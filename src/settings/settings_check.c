/* The rules between options, and what can be known about files before anything starts. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/address.h"
#include "base/log.h"
#include "base/require.h"
#include "base/scope.h"
#include "base/words.h"
#include "core/dns/resolver.h"
#include "settings/settings_host.h"
#include "settings/settings_load.h"

#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static void check_file(struct problems *p, const char *path, const char *option)
{
    struct stat stat_of;
    if (path == NULL) {
        return;
    }
    if (access(path, R_OK) != 0 || stat(path, &stat_of) != 0) {
        problems_add(p, false, option, "cannot read %s: %s", path, strerror(errno));
    } else if (S_ISDIR(stat_of.st_mode)) {
        problems_add(p, false, option, "%s is a folder: name a file", path);
    }
}

static void check_listen(const struct settings *s, struct problems *p)
{
    const struct listen_settings *l = &s->listen;
    for (size_t i = 0; l->addresses != NULL && l->addresses[i] != NULL; i++) {
        struct address at;
        if (!address_parse(l->addresses[i], 27017, &at)) {
            problems_add(p, false, "listen.addresses",
                         "%s is no address: write 127.0.0.1:27017 or [::1]:27017", l->addresses[i]);
        } else if (!address_is_loopback(&at) && !l->allow_unauthenticated) {
            problems_add(p, false, "listen.addresses",
                         "%s is not loopback: anyone who reaches it would have the cluster; set "
                         "listen.allowUnauthenticated if that is wanted",
                         l->addresses[i]);
        }
    }
}

static void check_unix_socket(const struct settings *s, struct problems *p)
{
    const struct listen_settings *l = &s->listen;
    struct address at;
    if (l->unix_socket != NULL &&
        (l->unix_socket[0] != '/' || !address_parse(l->unix_socket, 0, &at))) {
        problems_add(p, false, "listen.unixSocket",
                     "a whole path, from the first '/', of at most %zu bytes is expected",
                     sizeof at.path - 1);
    }
    if (l->unix_socket == NULL && (l->addresses == NULL || l->addresses[0] == NULL)) {
        problems_add(p, false, "listen.addresses",
                     "is empty, and there is no listen.unixSocket: nobody could connect");
    }
}

static void check_presentation(const struct settings *s, struct problems *p)
{
    const struct listen_settings *l = &s->listen;
    struct error why;
    const char *host = l->advertised_host;
    bool is_set = l->presentation == SHOW_REPLICA_SET;
    auto_free char *normal = host == NULL ? NULL : host_normal(host, strlen(host), &why);
    if (host != NULL && (normal == NULL || normal[0] == '/')) {
        problems_add(p, false, "listen.advertisedHost", "%s: host or host:port is expected", host);
    } else if (host != NULL && strpbrk(host, CAPITALS) != NULL) {
        problems_add(p, false, "listen.advertisedHost",
                     "%s: drivers compare it in lower case: write it so", host);
    }
    if (!is_set && (host != NULL || l->replica_set != NULL)) {
        problems_add(p, true, host != NULL ? "listen.advertisedHost" : "listen.replicaSet",
                     "has no effect: listen.presentation is mongos, which names no host");
    }
    if (is_set && l->unix_socket != NULL && strpbrk(l->unix_socket, CAPITALS) != NULL) {
        problems_add(p, true, "listen.unixSocket",
                     "%s: drivers turn the path that a replica set tells into lower case, and do "
                     "not find it then",
                     l->unix_socket);
    }
    for (size_t i = 0; is_set && host == NULL && l->addresses != NULL && l->addresses[i]; i++) {
        struct address at;
        if (address_parse(l->addresses[i], 27017, &at) && !address_is_loopback(&at)) {
            problems_add(p, true, "listen.advertisedHost",
                         "is not set: applications are told the address on which they reached us, "
                         "which behind a port mapping is not theirs");
            break;
        }
    }
}

static void check_awaiting(const struct pool_settings *pool, struct problems *p)
{
    int64_t awaiting = share_of(pool->max_awaiting, pool->max_pool_size);
    if (!pool->max_awaiting.is_percentage && pool->max_awaiting.amount > pool->max_pool_size) {
        problems_add(p, true, "pool.maxAwaiting", "is larger than pool.maxPoolSize (%lld)",
                     (long long)pool->max_pool_size);
    } else if (awaiting > 1 && awaiting > pool->max_pool_size - 2) {
        problems_add(p, true, "pool.maxAwaiting",
                     "waits for events may hold all that other work could have of the %lld "
                     "connections (one is kept for open transactions), which then waits for their "
                     "turns to end: set at most %lld",
                     (long long)pool->max_pool_size, (long long)pool->max_pool_size - 2);
    }
}

static void check_pool(const struct settings *s, struct problems *p)
{
    const struct pool_settings *pool = &s->pool;
    if (pool->min_pool_size > pool->max_pool_size) {
        problems_add(p, false, "pool.minPoolSize", "is larger than pool.maxPoolSize (%lld)",
                     (long long)pool->max_pool_size);
    }
    if (pool->max_pool_size == 1) {
        problems_add(
            p, true, "pool.maxPoolSize",
            "with one connection none can be kept back for open transactions: a write that "
            "waits for a lock keeps the commit from getting through");
    }
    if (s->limits.max_operations_per_app >= pool->max_pool_size) {
        problems_add(p, true, "limits.maxOperationsPerApp",
                     "is not below pool.maxPoolSize (%lld): one application can take every "
                     "connection to a server",
                     (long long)pool->max_pool_size);
    }
    check_awaiting(pool, p);
    if (s->limits.hold_bytes > s->limits.buffer_bytes) {
        problems_add(p, false, "limits.holdBytes", "is larger than limits.bufferBytes");
    }
}

/* "[user:password@]host:port" */
static void check_proxy(struct problems *p, const char *text, const char *option)
{
    struct error why;
    const char *at = text == NULL ? NULL : strrchr(text, '@');
    const char *host = at == NULL ? text : at + 1;
    const char *colon = host == NULL ? NULL : strrchr(host, ':');
    if (text == NULL) {
        return;
    }
    auto_free char *normal =
        colon == NULL || colon[1] == '\0' ? NULL : host_normal(host, strlen(host), &why);
    if (normal == NULL || normal[0] == '/') {
        problems_add(p, false, option, "[user:password@]host:port is expected");
    }
}

static void check_seeds(struct problems *p, char *const *seeds)
{
    for (size_t i = 0; seeds != NULL && seeds[i] != NULL; i++) {
        struct error why;
        auto_free char *normal = host_normal(seeds[i], strlen(seeds[i]), &why);
        if (normal == NULL) {
            problems_add(p, false, "upstream.seeds", "%s: %s", seeds[i], why.text);
        }
    }
}

static void check_login(const struct settings *s, struct problems *p)
{
    const struct upstream_settings *up = &s->upstream;
    bool is_scram = up->auth_mechanism != AUTH_NONE && up->auth_mechanism != AUTH_X509;
    if (is_scram && up->user == NULL) {
        problems_add(p, false, "connection string",
                     "authMechanism asks for a login, and there is no user: add user:password@, or "
                     "set upstream.username");
    } else if (is_scram && up->password == NULL) {
        problems_add(p, false, "connection string",
                     "a user without a password: add it, or set upstream.passwordFile");
    }
    if (up->auth_mechanism == AUTH_NONE && up->password_file != NULL) {
        problems_add(p, false, "upstream.passwordFile", "there is no user that it belongs to");
    }
    if (up->auth_mechanism != AUTH_X509) {
        return;
    }
    if (s->tls.certificate_key_file == NULL) {
        problems_add(p, false, "tls.certificateKeyFile",
                     "MONGODB-X509 logs in by a client certificate: name its file");
    }
    if (up->password != NULL) {
        problems_add(p, false, "connection string", "MONGODB-X509 takes no password: leave it out");
    }
    if (up->auth_source != NULL && strcmp(up->auth_source, "$external") != 0) {
        problems_add(p, false, "connection string",
                     "MONGODB-X509 takes no authSource but $external: leave it out");
    }
    if (!up->tls) {
        problems_add(p, false, "connection string",
                     "MONGODB-X509 logs in by TLS: add tls=true to the connection string");
    }
}

static void check_upstream(const struct settings *s, struct problems *p)
{
    const struct upstream_settings *up = &s->upstream;
    if (up->socks_proxy != NULL && up->http_proxy != NULL) {
        problems_add(p, false, "upstream.httpProxy",
                     "upstream.socksProxy is set as well: only one outbound proxy is used");
    }
    check_proxy(p, up->socks_proxy, "upstream.socksProxy");
    check_proxy(p, up->http_proxy, "upstream.httpProxy");
    check_seeds(p, up->seeds);
    check_login(s, p);
}

static void check_tls(const struct settings *s, struct problems *p)
{
    const struct tls_settings *tls = &s->tls;
    bool is_set = tls->ca_file != NULL || tls->certificate_key_file != NULL ||
                  tls->allow_invalid_certificates || tls->allow_invalid_hostnames;
    if (is_set && !s->upstream.tls && s->upstream.auth_mechanism != AUTH_X509) {
        problems_add(p, true, "tls",
                     "these settings have no effect, for the connection string does not ask for "
                     "TLS: add tls=true to it");
    }
    check_file(p, tls->ca_file, "tls.caFile");
    check_file(p, tls->certificate_key_file, "tls.certificateKeyFile");
    if (tls->allow_invalid_certificates) {
        problems_add(p, true, "tls.allowInvalidCertificates",
                     "anyone on the way can read and change everything");
    } else if (tls->allow_invalid_hostnames) {
        problems_add(p, true, "tls.allowInvalidHostnames",
                     "whoever has any certificate of a trusted authority can read and change "
                     "everything");
    }
}

/* Counts in `secured` those that are asked over TLS or HTTPS. */
static void check_resolvers(struct problems *p, char *const *list, const char *option,
                            bool takes_system, size_t *secured)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        struct resolver resolver;
        struct error why;
        bool is_system = strcmp(list[i], "system") == 0;
        if (is_system && !takes_system) {
            problems_add(p, false, option,
                         "the system's resolvers are no fallback: name them in dns.resolvers");
        } else if (!is_system &&
                   resolver_parse(list[i], RESOLVER_LISTED, &resolver, &why) != STATUS_OK) {
            problems_add(p, false, option, "%s", why.text);
        } else if (!is_system) {
            *secured += resolver.kind != RESOLVER_PLAIN;
            resolver_clear(&resolver);
        }
    }
}

static void check_dns(const struct dns_settings *dns, struct problems *p)
{
    static const char fallback[] = "dns.fallbackResolvers";
    bool is_named = dns->fallback_resolvers != NULL && dns->fallback_resolvers[0] != NULL;
    bool asks_public = dns->fallback == DNS_FALLBACK_AUTO && !is_named;
    size_t secured = 0;
    check_resolvers(p, dns->resolvers, "dns.resolvers", true, &secured);
    check_resolvers(p, dns->fallback_resolvers, fallback, false, &secured);
    if (dns->fallback == DNS_FALLBACK_LISTED && !is_named) {
        problems_add(p, false, fallback,
                     "dns.fallback is listed, and none are named: name some, or set dns.fallback "
                     "to auto (public resolvers) or off");
    }
    if (dns->fallback == DNS_FALLBACK_OFF && is_named) {
        problems_add(p, true, fallback, "has no effect: dns.fallback is off");
    }
    check_file(p, dns->ca_file, "dns.caFile");
    if (dns->ca_file != NULL && secured == 0 && !asks_public) {
        problems_add(p, true, "dns.caFile",
                     "has no effect: no resolver is named by tls:// or https://");
    }
}

static void check_pauses(const struct settings *s, struct problems *p)
{
    if (s->reconnect.fault_ms < s->reconnect.max_ms) {
        problems_add(p, true, "reconnect.faultMS",
                     "is less than reconnect.maxMS (%lld), which is the least pause after a fault",
                     (long long)s->reconnect.max_ms);
    }
    if (s->reconnect.initial_ms > s->reconnect.max_ms) {
        problems_add(p, false, "reconnect.initialMS", "is larger than reconnect.maxMS (%lld)",
                     (long long)s->reconnect.max_ms);
    }
}

static void check_events(const struct events_settings *events, struct problems *p)
{
    struct error why;
    char **words = events->hook == NULL ? NULL : words_split(events->hook, &why);
    if (events->hook != NULL && words == NULL) {
        problems_add(p, false, "events.hook", "%s", why.text);
    } else if (words != NULL && words[0][0] == '\0') {
        problems_add(p, false, "events.hook", "the program has no name");
    } else if (words != NULL && strchr(words[0], '/') != NULL && access(words[0], X_OK) != 0) {
        problems_add(p, false, "events.hook", "cannot run %s: %s", words[0], strerror(errno));
    }
    words_free(words);
}

static void check_log(const struct log_settings *log, struct problems *p)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    for (size_t i = 0; log->groups != NULL && log->groups[i] != NULL; i++) {
        enum log_group group;
        size_t size = strcspn(log->groups[i], "=");
        auto_free char *name = xstrndup(log->groups[i], size);
        const char *level = log->groups[i] + size + (log->groups[i][size] == '=');
        bool is_level = false;
        for (size_t j = 0; j < sizeof levels / sizeof *levels; j++) {
            is_level |= strcmp(level, levels[j]) == 0;
        }
        if (!is_level || !log_find_group(name, &group)) {
            problems_add(p, false, "log.groups",
                         "%s: GROUP=LEVEL is expected, a group of %s and a level of error, warn, "
                         "info, debug",
                         log->groups[i], log_group_names());
        }
    }
}

void settings_check(const struct settings *s, struct problems *problems)
{
    check_listen(s, problems);
    check_unix_socket(s, problems);
    check_presentation(s, problems);
    check_pool(s, problems);
    check_upstream(s, problems);
    check_tls(s, problems);
    check_dns(&s->dns, problems);
    check_pauses(s, problems);
    check_events(&s->events, problems);
    check_log(&s->log, problems);
}
