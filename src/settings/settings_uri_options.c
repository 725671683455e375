/* Options of a connection string: those of the table by the name in its column, and those that only
 * a connection string has. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/require.h"
#include "base/scope.h"
#include "settings/settings_host.h"
#include "settings/settings_nearest.h"
#include "settings/settings_table.h"
#include "settings/settings_uri.h"

enum { SERVICE_MOST = 62, OPTIONS_MOST = 128 };

/* Meaningless between us and the cluster: the application's own driver acts on them. */
static const char *const for_application[] = {
    "retryReads",
    "retryWrites",
    "readPreference",
    "readPreferenceTags",
    "maxStalenessSeconds",
    "readConcernLevel",
    "w",
    "journal",
    "wTimeoutMS",
    "timeoutMS",
    "uuidRepresentation",
    "serverSelectionTryOnce",
    "maxAdaptiveRetries",
    "enableOverloadRetargeting",
};

static const char *const not_built[] = {"compressors", "zlibCompressionLevel"};

/* Known, and without effect here. */
static const char *const silent[] = {
    "tlsDisableOCSPEndpointCheck",
    "tlsDisableCertificateRevocationCheck",
    "gssapiServiceName",
    "authMechanismProperties",
};

static const char *const proxy_parts[] = {
    [PROXY_HOST] = "proxyHost",
    [PROXY_PORT] = "proxyPort",
    [PROXY_USERNAME] = "proxyUsername",
    [PROXY_PASSWORD] = "proxyPassword",
};

/* Those of put_own. */
static const char *const own[] = {
    "tls",          "ssl",        "tlsInsecure",   "replicaSet",     "directConnection",
    "loadBalanced", "authSource", "authMechanism", "srvServiceName", "srvMaxHosts",
};

#define COUNT(list)     (sizeof(list) / sizeof *(list))
#define HAS(list, name) (find(list, COUNT(list), name) < COUNT(list))

/* Its place in the list; `count` when it is not there. */
static size_t find(const char *const *list, size_t count, const char *name)
{
    size_t i = 0;
    while (i < count && strcasecmp(list[i], name) != 0) {
        i++;
    }
    return i;
}

static const struct option *find_row(const char *name)
{
    for (size_t i = 0; i < option_count; i++) {
        const char *uri_name = option_table[i].uri_option;
        if (uri_name != NULL && strcasecmp(uri_name, name) == 0) {
            return &option_table[i];
        }
    }
    return NULL;
}

bool uri_option_is_known(const char *name)
{
    return HAS(own, name) || HAS(proxy_parts, name) || HAS(for_application, name) ||
           HAS(not_built, name) || HAS(silent, name) || find_row(name) != NULL;
}

static const char *nearest(const char *name)
{
    const char *known[COUNT(own) + COUNT(proxy_parts) + COUNT(for_application) + COUNT(not_built) +
                      COUNT(silent) + OPTIONS_MOST];
    size_t count = 0;
#define ADD(list)                              \
    for (size_t i = 0; i < COUNT(list); i++) { \
        known[count++] = (list)[i];            \
    }
    ADD(own)
    ADD(proxy_parts)
    ADD(for_application)
    ADD(not_built)
    ADD(silent)
#undef ADD
    for (size_t i = 0; i < option_count && i < OPTIONS_MOST; i++) {
        if (option_table[i].uri_option != NULL) {
            known[count++] = option_table[i].uri_option;
        }
    }
    return name_nearest(name, known, count);
}

static void replace_text(char **at, const char *text)
{
    free(*at);
    *at = xstrdup(text);
}

static bool read_bool(struct settings_target *t, const char *name, const char *value,
                      const char *place, bool *out)
{
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
        problems_add(t->problems, true, place, "%s is ignored: true or false is expected", name);
        return false;
    }
    *out = value[0] == 't';
    return true;
}

static void put_mechanism(struct settings_target *t, const char *value, const char *place)
{
    static const struct {
        const char *name;
        enum auth_mechanism mechanism;
    } built[] = {{"SCRAM-SHA-1", AUTH_SCRAM_SHA_1},
                 {"SCRAM-SHA-256", AUTH_SCRAM_SHA_256},
                 {"MONGODB-X509", AUTH_X509}};
    for (size_t i = 0; i < sizeof built / sizeof *built; i++) {
        if (strcmp(built[i].name, value) == 0) {
            t->settings->upstream.auth_mechanism = built[i].mechanism;
            return;
        }
    }
    if (strcmp(value, "MONGODB-CR") == 0) {
        problems_add(t->problems, false, place,
                     "authMechanism MONGODB-CR is gone since MongoDB 4.0: leave authMechanism out");
        return;
    }
    bool is_known = strcmp(value, "MONGODB-AWS") == 0 || strcmp(value, "MONGODB-OIDC") == 0 ||
                    strcmp(value, "GSSAPI") == 0 || strcmp(value, "PLAIN") == 0;
    problems_add(t->problems, false, place,
                 "authMechanism %s: use a database user with SCRAM-SHA-256, or MONGODB-X509",
                 is_known ? "is not implemented in this build" : "is not known");
}

static void put_tls(struct settings_target *t, const char *name, const char *value,
                    const char *place)
{
    struct upstream_settings *up = &t->settings->upstream;
    bool wanted;
    if (!read_bool(t, name, value, place, &wanted)) {
        return;
    }
    if (up->tls_set && up->tls != wanted) {
        problems_add(t->problems, false, place, "tls and ssl are one option and must agree");
    }
    up->tls = wanted;
    up->tls_set = true;
}

/* A row of the table, unless a stronger place has said it. */
static void put_row(struct settings_target *t, const struct option *o, const char *name,
                    const char *value, const char *place)
{
    struct error why;
    if (settings_put_row(t, o, value, place, &why) != STATUS_OK) {
        problems_add(t->problems, true, place, "%s is ignored: %s", name, why.text);
    }
}

static void put_insecure(struct settings_target *t, const char *value, const char *place)
{
    bool wanted;
    if (read_bool(t, "tlsInsecure", value, place, &wanted)) {
        put_row(t, option_find("tls.allowInvalidCertificates"), "tlsInsecure", value, place);
        put_row(t, option_find("tls.allowInvalidHostnames"), "tlsInsecure", value, place);
    }
}

static void put_srv_max_hosts(struct settings_target *t, const char *value, const char *place)
{
    char *end;
    long number = strtol(value, &end, 10);
    if (*value == '\0' || *end != '\0' || number < 0 || number > INT32_MAX) {
        problems_add(t->problems, true, place, "srvMaxHosts is ignored: a number is expected");
        return;
    }
    t->settings->upstream.srv_max_hosts = number;
}

static void put_srv_service(struct settings_target *t, const char *value, const char *place)
{
    if (!host_is_name(value, strlen(value)) || strchr(value, '.') != NULL ||
        strlen(value) > SERVICE_MOST) {
        problems_add(t->problems, false, place,
                     "srvServiceName: at most %d letters, digits and hyphens are expected",
                     SERVICE_MOST);
        return;
    }
    replace_text(&t->settings->upstream.srv_service_name, value);
}

static void put_auth_source(struct settings_target *t, const char *value, const char *place)
{
    if (value[0] == '\0') {
        problems_add(t->problems, false, place,
                     "authSource is empty: name a database, or leave "
                     "it out");
        return;
    }
    replace_text(&t->settings->upstream.auth_source, value);
}

/* Options that only a connection string has; false when `name` is none of them. */
static bool put_own(struct settings_target *t, const char *name, const char *value,
                    const char *place)
{
    struct upstream_settings *up = &t->settings->upstream;
    if (strcasecmp(name, "tls") == 0 || strcasecmp(name, "ssl") == 0) {
        put_tls(t, name, value, place);
    } else if (strcasecmp(name, "tlsInsecure") == 0) {
        put_insecure(t, value, place);
    } else if (strcasecmp(name, "replicaSet") == 0) {
        replace_text(&up->replica_set, value);
    } else if (strcasecmp(name, "directConnection") == 0) {
        read_bool(t, name, value, place, &up->direct_connection);
    } else if (strcasecmp(name, "loadBalanced") == 0) {
        read_bool(t, name, value, place, &up->load_balanced);
    } else if (strcasecmp(name, "authSource") == 0) {
        put_auth_source(t, value, place);
    } else if (strcasecmp(name, "authMechanism") == 0) {
        put_mechanism(t, value, place);
    } else if (strcasecmp(name, "srvServiceName") == 0) {
        put_srv_service(t, value, place);
    } else if (strcasecmp(name, "srvMaxHosts") == 0) {
        put_srv_max_hosts(t, value, place);
    } else {
        return false;
    }
    return true;
}

static void refuse_unknown(struct settings_target *t, const char *name, const char *place)
{
    const char *near = nearest(name);
    problems_add(t->problems, true, place, "%s is not an option of MongoDB's%s%s%s", name,
                 near == NULL ? "" : "; did you mean ", near == NULL ? "" : near,
                 near == NULL ? "" : "?");
}

/* A second time of an option is undefined in MongoDB's rules; tags are a list, and put_tls looks
 * after its own. */
static void note_seen(struct settings_target *t, struct uri_seen *seen, const char *name,
                      const char *place)
{
    bool may_repeat = strcasecmp(name, "readPreferenceTags") == 0 || strcasecmp(name, "tls") == 0 ||
                      strcasecmp(name, "ssl") == 0;
    if (!may_repeat && find((const char *const *)seen->names, seen->count, name) < seen->count) {
        problems_add(t->problems, true, place, "%s is given twice: the last one counts", name);
    }
    seen->names = xrealloc(seen->names, (seen->count + 1) * sizeof *seen->names);
    seen->names[seen->count++] = xstrdup(name);
}

void uri_option_put(struct settings_target *t, struct uri_seen *seen, const char *name,
                    const char *value, const char *place)
{
    const struct option *row = find_row(name);
    note_seen(t, seen, name, place);
    if (put_own(t, name, value, place)) {
        return;
    }
    if (row != NULL) {
        put_row(t, row, name, value, place);
    } else if (HAS(proxy_parts, name)) {
        replace_text(&seen->proxy[find(proxy_parts, PROXY_PARTS, name)], value);
    } else if (HAS(for_application, name)) {
        problems_add(t->problems, true, place,
                     "%s has no effect here: set it in the application's own URI", name);
    } else if (HAS(not_built, name)) {
        problems_add(t->problems, false, place,
                     "%s: compression is not implemented in this build: leave it out", name);
    } else if (!HAS(silent, name)) {
        refuse_unknown(t, name, place);
    }
}

/* --- between options --- */

static const char place_of_all[] = "connection string";

static bool was_seen(const struct uri_seen *seen, const char *name)
{
    return find((const char *const *)seen->names, seen->count, name) < seen->count;
}

/* URI options: these exclude each other even where both are false. */
static void check_tls_pairs(struct settings_target *t, const struct uri_seen *seen)
{
    static const char *const pairs[][2] = {
        {"tlsInsecure", "tlsAllowInvalidCertificates"},
        {"tlsInsecure", "tlsAllowInvalidHostnames"},
        {"tlsInsecure", "tlsDisableOCSPEndpointCheck"},
        {"tlsInsecure", "tlsDisableCertificateRevocationCheck"},
        {"tlsAllowInvalidCertificates", "tlsDisableOCSPEndpointCheck"},
        {"tlsAllowInvalidCertificates", "tlsDisableCertificateRevocationCheck"},
        {"tlsDisableOCSPEndpointCheck", "tlsDisableCertificateRevocationCheck"},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        if (was_seen(seen, pairs[i][0]) && was_seen(seen, pairs[i][1])) {
            problems_add(t->problems, false, place_of_all,
                         "%s and %s exclude each other: leave "
                         "one out",
                         pairs[i][0], pairs[i][1]);
        }
    }
}

/* The four options of the outbound proxy make one setting of ours. */
static void put_proxy(struct settings_target *t, const struct uri_seen *seen)
{
    const char *host = seen->proxy[PROXY_HOST], *port = seen->proxy[PROXY_PORT];
    const char *user = seen->proxy[PROXY_USERNAME], *password = seen->proxy[PROXY_PASSWORD];
    if (host == NULL && (port != NULL || user != NULL || password != NULL)) {
        problems_add(t->problems, false, place_of_all,
                     "proxyPort, proxyUsername and proxyPassword go with proxyHost only");
    } else if ((user == NULL) != (password == NULL)) {
        problems_add(t->problems, false, place_of_all,
                     "proxyUsername and proxyPassword go together only");
    } else if (host != NULL) {
        bool is_v6 = strchr(host, ':') != NULL && host[0] != '[';
        auto_free char *text =
            xformat("%s%s%s%s%s%s%s:%s", user == NULL ? "" : user, user == NULL ? "" : ":",
                    user == NULL ? "" : password, user == NULL ? "" : "@", is_v6 ? "[" : "", host,
                    is_v6 ? "]" : "", port == NULL ? "1080" : port);
        put_row(t, option_find("upstream.socksProxy"), "proxyHost", text, place_of_all);
    }
}

void uri_options_end(struct settings_target *t, struct uri_seen *seen)
{
    check_tls_pairs(t, seen);
    put_proxy(t, seen);
    for (size_t i = 0; i < seen->count; i++) {
        free(seen->names[i]);
    }
    for (size_t i = 0; i < PROXY_PARTS; i++) {
        free(seen->proxy[i]);
    }
    free(seen->names);
}
