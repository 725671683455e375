/* Our connection string against libmongoc's, over strings that are put together at random from good
 * and bad parts. Where both accept one, both must have read the same; where only one of them does,
 * the reason must be among those listed below. */
#include "spec.h"

#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/scope.h"
#include "core/dns/seeds.h"

enum { STRINGS = 10000, OPTIONS_MOST = 4 };

static const char *const good_logins[] = {
    "",         "app:pw@",  "a%40b:%3A%2f%3F%23%5B%25@", "app:@",
    "app:p w@", "app:p+w@", "%C3%BC:%e2%82%ac@"};
static const char *const bad_logins[] = {"app@",      ":pw@",     "@",         "app:p:w@",
                                         "app:p@w@",  "app:p/w@", "app:p%@",   "app:p%4@",
                                         "app:p%zz@", "app:p?w@", "app:p?w=1@"};
static const char *const good_hosts[] = {"h",
                                         "db.example.test",
                                         "DB.Example.test:27018",
                                         "a,b:1,c:65535",
                                         "[::1]",
                                         "[::1]:5",
                                         "127.0.0.1:27017",
                                         "a_b",
                                         "%2Ftmp%2Fmongodb-1.sock",
                                         "a,%2Ftmp%2Fmongodb-1.sock"};
static const char *const bad_hosts[] = {"h:0", "h:65536", "h:",   "h:x",  "",    "a,,b",
                                        "a,",  "[::1",    "a..b", "h::1", "::1", "a b"};
static const char *const good_paths[] = {"/", "/db", "/a%2Db"};
static const char *const bad_paths[] = {"", "/a.b", "/a%20b", "/a/b", "/a$b", "/%", "/a%2Fb"};
static const char *const good_options[] = {"replicaSet=rs0",
                                           "replicaSet=r%20s",
                                           "appName=me",
                                           "appname=you%26me",
                                           "authSource=users",
                                           "authMechanism=SCRAM-SHA-1",
                                           "authMechanism=SCRAM-SHA-256",
                                           "tls=true",
                                           "ssl=true",
                                           "directConnection=true",
                                           "directConnection=false",
                                           "maxPoolSize=5",
                                           "MaxPoolSize=7",
                                           "connectTimeoutMS=100",
                                           "serverSelectionTimeoutMS=200",
                                           "heartbeatFrequencyMS=1000",
                                           "localThresholdMS=20",
                                           "socketTimeoutMS=300",
                                           "waitQueueTimeoutMS=400",
                                           "retryWrites=true",
                                           "w=majority",
                                           "unknown=1",
                                           "readPreference=secondary",
                                           "appName=a@b"};
static const char *const bad_options[] = {"authSource=",
                                          "tls=false",
                                          "tls=maybe",
                                          "maxPoolSize=x",
                                          "connectTimeoutMS=",
                                          "noequals",
                                          "=novalue",
                                          "tlsInsecure=true",
                                          "tlsAllowInvalidCertificates=true",
                                          "tlsAllowInvalidHostnames=true",
                                          "tlsCAFile=%2Fnowhere%2Fca.pem",
                                          "a%40b=c@d",
                                          "appName=%",
                                          "srvMaxHosts=1",
                                          "srvServiceName=my"};

static uint32_t seed = 1;
static struct spec_settings loaded;

static uint32_t next(void)
{
    seed = seed * 1664525U + 1013904223U;
    return seed >> 8;
}

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* One in ten is a bad one. */
#define PICK(kind)                                             \
    (next() % 10 == 0 ? bad_##kind[next() % COUNT(bad_##kind)] \
                      : good_##kind[next() % COUNT(good_##kind)])

static char *make_uri(void)
{
    char *uri = xformat("%s%s%s%s", next() % 4 == 0 ? "mongodb+srv://" : "mongodb://", PICK(logins),
                        PICK(hosts), PICK(paths));
    size_t count = next() % (OPTIONS_MOST + 1);
    for (size_t i = 0; i < count; i++) {
        char *longer = xformat("%s%c%s", uri, i == 0 ? '?' : '&', PICK(options));
        free(uri);
        uri = longer;
    }
    return uri;
}

/* --- both accept --- */

static bool differs(const char *uri, const char *what, const char *ours, const char *theirs)
{
    ours = ours == NULL ? "" : ours;
    theirs = theirs == NULL ? "" : theirs;
    if (strcmp(ours, theirs) == 0) {
        return false;
    }
    printf("FAILED %s: %s is \"%s\", for libmongoc \"%s\"\n", uri, what, ours, theirs);
    return true;
}

static bool hosts_differ(const char *uri, const mongoc_uri_t *theirs)
{
    const struct upstream_settings *up = &loaded.s.upstream;
    const mongoc_host_list_t *host = mongoc_uri_get_hosts(theirs);
    if (up->srv_host != NULL) {
        auto_free char *lower = xstrdup(mongoc_uri_get_srv_hostname(theirs));
        for (char *c = lower; *c != '\0'; c++) {
            *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
        }
        return differs(uri, "the name", up->srv_host, lower);
    }
    for (size_t i = 0; up->hosts[i] != NULL || host != NULL; i++) {
        const char *text = host == NULL              ? NULL
                           : host->family == AF_UNIX ? host->host
                                                     : host->host_and_port;
        if (differs(uri, "a host", up->hosts[i], text)) {
            return true;
        }
        host = host->next;
    }
    return false;
}

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static bool numbers_differ(const char *uri, const mongoc_uri_t *theirs)
{
    const struct {
        const char *name;
        int64_t ours;
    } rows[] = {
        {MONGOC_URI_MAXPOOLSIZE, loaded.s.pool.max_pool_size},
        {MONGOC_URI_CONNECTTIMEOUTMS, loaded.s.upstream.connect_timeout_ms},
        {MONGOC_URI_SERVERSELECTIONTIMEOUTMS, loaded.s.outage.queue_timeout_ms},
        {MONGOC_URI_HEARTBEATFREQUENCYMS, loaded.s.upstream.heartbeat_frequency_ms},
        {MONGOC_URI_LOCALTHRESHOLDMS, loaded.s.upstream.local_threshold_ms},
        {MONGOC_URI_SOCKETTIMEOUTMS, loaded.s.upstream.operation_timeout_ms},
        {MONGOC_URI_WAITQUEUETIMEOUTMS, loaded.s.pool.wait_queue_timeout_ms},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int32_t number = mongoc_uri_get_option_as_int32(theirs, rows[i].name, -1);
        auto_free char *ours = xformat("%lld", (long long)rows[i].ours);
        auto_free char *text = xformat("%d", number);
        if (number != -1 && differs(uri, rows[i].name, ours, text)) {
            return true;
        }
    }
    return false;
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* libmongoc switches TLS on when any option speaks of it; other drivers and we want the word. */
static bool speaks_of_tls(const char *uri)
{
    return has(uri, "tlsInsecure") || has(uri, "tlsAllow") || has(uri, "tlsCAFile");
}

static bool all_differs(const char *uri, const mongoc_uri_t *theirs)
{
    const struct upstream_settings *up = &loaded.s.upstream;
    auto_free char *mechanism = spec_option(&loaded, "authMechanism");
    bool is_default = up->auth_mechanism == AUTH_DEFAULT;
    const char *source = seeds_auth_source(NULL, up->auth_source, NULL, up->database);
    const char *direct = truth(mongoc_uri_get_option_as_bool(theirs, "directconnection", false));
    return hosts_differ(uri, theirs) || numbers_differ(uri, theirs) ||
           differs(uri, "the user", up->user, mongoc_uri_get_username(theirs)) ||
           differs(uri, "the password", up->password, mongoc_uri_get_password(theirs)) ||
           differs(uri, "the database", up->database, mongoc_uri_get_database(theirs)) ||
           differs(uri, "replicaSet", up->replica_set, mongoc_uri_get_replica_set(theirs)) ||
           differs(uri, "authSource", source, mongoc_uri_get_auth_source(theirs)) ||
           differs(uri, "authMechanism", is_default ? NULL : mechanism,
                   mongoc_uri_get_auth_mechanism(theirs)) ||
           differs(uri, "directConnection", truth(up->direct_connection), direct) ||
           (!speaks_of_tls(uri) &&
            differs(uri, "tls", truth(up->tls), truth(mongoc_uri_get_tls(theirs))));
}

/* --- the known differences --- */

/* "mongodb://HOST?OPTIONS", which is allowed since 2023 and which libmongoc takes for a host. */
static bool is_without_slash(const char *uri)
{
    const char *question = strchr(uri, '?');
    const char *begin = strstr(uri, "://") + 3;
    return question != NULL && memchr(begin, '/', (size_t)(question - begin)) == NULL;
}

/* We accept what libmongoc refuses. */
static bool may_only_we(const char *uri, const char *their_error)
{
    bool is_short_srv = has(their_error, "Invalid service name"); /* 1 or 2 labels: since 2024 */
    bool is_bad_value = has(uri, "=x") || has(uri, "=maybe") || has(uri, "TimeoutMS=&") ||
                        has(their_error, "connecttimeoutms"); /* drivers ignore it and warn */
    bool is_dotted = has(uri, "/a.b"); /* the specification has such a case */
    return is_without_slash(uri) || is_short_srv || is_bad_value || is_dotted;
}

/* We refuse what libmongoc accepts. */
static bool may_only_they(const char *uri, const char *our_error)
{
    static const char *const errors[] = {
        "a user without a password",   /* refused at the login only */
        "there is no user",            /* the same */
        "an option is written",        /* libmongoc passes over it */
        "authSource is empty",         /* an error by the specification */
        "this is no host name",        /* would be asked in DNS */
        "must agree",                  /* tls twice */
        "go with mongodb+srv:// only", /* an error by the specification */
        "does not go with replicaSet", /* the same */
        "is written %3F, an '@' %40",  /* an '@' behind '?' */
    };
    for (size_t i = 0; i < COUNT(errors); i++) {
        if (has(our_error, errors[i])) {
            return true;
        }
    }
    /* An unescaped '@' or '?' of a password: we must not guess what is a host. */
    return has(uri, "p@w") || has(uri, "p?w") || has(uri, "@d") || has(uri, "a@b");
}

/* 1 when it failed. */
static unsigned judge(const char *uri, const char *our_error, const mongoc_uri_t *theirs,
                      const char *their_error)
{
    if (our_error == NULL && theirs != NULL) {
        return is_without_slash(uri) ? 0 : all_differs(uri, theirs);
    }
    bool is_known = our_error == NULL ? may_only_we(uri, their_error)
                    : theirs == NULL  ? true
                                      : may_only_they(uri, our_error);
    if (!is_known) {
        printf("FAILED %s: only %s refuses it: %s\n", uri,
               our_error == NULL ? "libmongoc" : "Mooring",
               our_error == NULL ? their_error : our_error);
    }
    return !is_known;
}

int main(void)
{
    unsigned both = 0, neither = 0, failed = 0;
    mongoc_init();
    mongoc_log_set_handler(NULL, NULL);
    for (int i = 0; i < STRINGS; i++) {
        auto_free char *uri = make_uri();
        bson_error_t why;
        mongoc_uri_t *theirs = mongoc_uri_new_with_error(uri, &why);
        spec_load(&loaded, uri);
        const char *error = spec_first_error(&loaded);
        both += error == NULL && theirs != NULL;
        neither += error != NULL && theirs == NULL;
        failed += judge(uri, error, theirs, why.message);
        mongoc_uri_destroy(theirs);
    }
    printf(
        "strings beside libmongoc: %d; both accept %u, both refuse %u, one accepts %u; %u failed\n",
        STRINGS, both, neither, STRINGS - both - neither, failed);
    spec_clear(&loaded);
    mongoc_cleanup();
    return failed == 0 && both > STRINGS / 4 ? 0 : 1;
}
