/* Options of a connection string: those of the table by the name in its column, and those that only
 * a connection string has. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/require.h"
#include "settings/settings_table.h"
#include "settings/settings_uri.h"

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
    "uuidRepresentation",
    "serverSelectionTryOnce",
};

static const char *const not_built[] = {
    "compressors", "zlibCompressionLevel", "loadBalanced",  "proxyHost",
    "proxyPort",   "proxyUsername",        "proxyPassword",
};

/* Known, and without effect here. */
static const char *const silent[] = {
    "tlsDisableOCSPEndpointCheck",
    "tlsDisableCertificateRevocationCheck",
    "serverMonitoringMode",
    "timeoutMS",
    "gssapiServiceName",
    "authMechanismProperties",
    "srvServiceName",
};

#define HAS(list, name) is_among(list, sizeof list / sizeof *list, name)

static bool is_among(const char *const *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(list[i], name) == 0) {
            return true;
        }
    }
    return false;
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

static void put_insecure(struct settings_target *t, const char *value, const char *place)
{
    bool wanted;
    if (read_bool(t, "tlsInsecure", value, place, &wanted)) {
        t->settings->tls.allow_invalid_certificates = wanted;
        t->settings->tls.allow_invalid_hostnames = wanted;
    }
}

static void put_srv_max_hosts(struct settings_target *t, const char *value, const char *place)
{
    char *end;
    long number = strtol(value, &end, 10);
    if (*value == '\0' || *end != '\0' || number < 0 || number > 1000) {
        problems_add(t->problems, true, place, "srvMaxHosts is ignored: a number is expected");
        return;
    }
    t->settings->upstream.srv_max_hosts = number;
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
    } else if (strcasecmp(name, "authSource") == 0) {
        if (value[0] == '\0') {
            problems_add(t->problems, false, place, "authSource is empty");
        }
        replace_text(&up->auth_source, value);
    } else if (strcasecmp(name, "authMechanism") == 0) {
        put_mechanism(t, value, place);
    } else if (strcasecmp(name, "srvServiceName") == 0) {
        replace_text(&up->srv_service_name, value);
    } else if (strcasecmp(name, "srvMaxHosts") == 0) {
        put_srv_max_hosts(t, value, place);
    } else {
        return false;
    }
    return true;
}

static bool put_table(struct settings_target *t, const char *name, const char *value,
                      const char *place)
{
    for (size_t i = 0; i < option_count; i++) {
        const char *own = option_table[i].uri_option;
        if (own != NULL && strcasecmp(own, name) == 0) {
            settings_put(t, option_table[i].path, value, place);
            return true;
        }
    }
    return false;
}

void uri_option_put(struct settings_target *t, const char *name, const char *value,
                    const char *place)
{
    if (put_own(t, name, value, place) || put_table(t, name, value, place)) {
        return;
    }
    if (HAS(for_application, name)) {
        problems_add(t->problems, true, place,
                     "%s has no effect here: set it in the application's own URI", name);
    } else if (HAS(not_built, name)) {
        problems_add(t->problems, false, place, "%s is not implemented in this build", name);
    } else if (!HAS(silent, name)) {
        problems_add(t->problems, true, place, "%s is not an option of MongoDB's", name);
    }
}
