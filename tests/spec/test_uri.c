/* The suites connection-string, uri-options and auth: what is valid, what warns, what is read. */
#include "spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/scope.h"
#include "core/dns/seeds.h"

static struct spec_settings loaded;

static char *differs(const char *what, const char *ours, const char *theirs)
{
    if (ours == theirs || (ours != NULL && theirs != NULL && strcmp(ours, theirs) == 0)) {
        return NULL;
    }
    return xformat("%s is %s, not %s", what, ours == NULL ? "none" : ours,
                   theirs == NULL ? "none" : theirs);
}

/* The normal form of a host of the cases. */
static char *host_of(const bson_t *host)
{
    bson_iter_t at;
    const char *type = spec_text(host, "type"), *name = spec_text(host, "host");
    int64_t port = spec_find(host, "port", &at) ? bson_iter_as_int64(&at) : 27017;
    if (strcmp(type, "unix") == 0) {
        return xstrdup(name);
    }
    bool is_v6 = strcmp(type, "ip_literal") == 0;
    return xformat("%s%s%s:%lld", is_v6 ? "[" : "", name, is_v6 ? "]" : "", (long long)port);
}

static char *check_hosts(const bson_t *document)
{
    bson_iter_t at, inner;
    char *const *ours = loaded.s.upstream.hosts;
    size_t i = 0;
    if (!spec_find(document, "hosts", &at) || !bson_iter_recurse(&at, &inner)) {
        return NULL;
    }
    for (; bson_iter_next(&inner); i++) {
        bson_t host;
        const uint8_t *bytes;
        uint32_t size;
        bson_iter_document(&inner, &size, &bytes);
        require(bson_init_static(&host, bytes, size));
        auto_free char *expected = host_of(&host);
        char *fault = differs("host", ours == NULL ? NULL : ours[i], expected);
        if (fault != NULL || ours == NULL) {
            return fault;
        }
    }
    return differs("host behind the last", ours == NULL ? NULL : ours[i], NULL);
}

static char *check_options(const bson_t *document)
{
    bson_iter_t at, inner;
    if (!spec_find(document, "options", &at) || !bson_iter_recurse(&at, &inner)) {
        return NULL;
    }
    while (bson_iter_next(&inner)) {
        auto_free char *ours = spec_option(&loaded, bson_iter_key(&inner));
        auto_free char *theirs = spec_value(&inner);
        char *fault = ours == NULL ? NULL : differs(bson_iter_key(&inner), ours, theirs);
        if (fault != NULL) {
            return fault;
        }
    }
    return NULL;
}

static char *check_auth(const bson_t *document)
{
    bson_iter_t at, inner;
    const struct upstream_settings *up = &loaded.s.upstream;
    if (!spec_find(document, "auth", &at) || !bson_iter_recurse(&at, &inner)) {
        return NULL;
    }
    while (bson_iter_next(&inner)) {
        const char *theirs = BSON_ITER_HOLDS_UTF8(&inner) ? bson_iter_utf8(&inner, NULL) : NULL;
        const char *key = bson_iter_key(&inner);
        const char *ours = strcmp(key, "username") == 0   ? up->user
                           : strcmp(key, "password") == 0 ? up->password
                                                          : up->database;
        char *fault = differs(key, ours, theirs);
        if (fault != NULL) {
            return fault;
        }
    }
    return NULL;
}

/* The suite auth: user, password, and the database that is really asked. */
static char *check_credential(const bson_t *document)
{
    bson_iter_t at;
    bson_t credential;
    const uint8_t *bytes;
    uint32_t size;
    const struct upstream_settings *up = &loaded.s.upstream;
    bool is_x509 = up->auth_mechanism == AUTH_X509;
    if (!spec_find(document, "credential", &at)) {
        return NULL;
    }
    bson_iter_document(&at, &size, &bytes);
    require(bson_init_static(&credential, bytes, size));
    auto_free char *mechanism = spec_option(&loaded, "authMechanism");
    const char *source =
        is_x509 ? "$external" : seeds_auth_source(NULL, up->auth_source, NULL, up->database);
    char *fault = differs("user", up->user, spec_text(&credential, "username"));
    fault = fault != NULL ? fault
                          : differs("password", up->password, spec_text(&credential, "password"));
    fault = fault != NULL ? fault : differs("source", source, spec_text(&credential, "source"));
    if (fault == NULL && spec_text(&credential, "mechanism") != NULL) {
        fault = differs("mechanism", mechanism, spec_text(&credential, "mechanism"));
    }
    return fault;
}

static char *check(const struct spec_case *c)
{
    bson_iter_t at;
    char *fault = NULL;
    bool is_valid = spec_find(c->document, "valid", &at) && bson_iter_bool(&at);
    bool warns = spec_find(c->document, "warning", &at) && bson_iter_bool(&at);
    spec_load(&loaded, spec_text(c->document, "uri"));
    const char *error = spec_first_error(&loaded);
    if (is_valid != (error == NULL)) {
        return xformat("%s%s",
                       error == NULL ? "is accepted" : "is refused: ", error == NULL ? "" : error);
    }
    if (!is_valid) {
        return NULL;
    }
    if (warns && loaded.problems.count == loaded.problems.errors) {
        return xstrdup("does not warn");
    }
    char *(*const checks[])(const bson_t *document) = {check_hosts, check_options, check_auth,
                                                       check_credential};
    for (size_t i = 0; i < 4 && fault == NULL; i++) {
        fault = checks[i](c->document);
    }
    return fault;
}

int main(void)
{
    spec_run("connection-string", check);
    spec_run("uri-options", check);
    spec_run("auth", check);
    spec_clear(&loaded);
    return spec_end();
}
