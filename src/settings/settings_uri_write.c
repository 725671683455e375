#include "settings/settings_uri_write.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/require.h"

/* Options that only SRV has. */
static const char *const of_srv[] = {"srvServiceName", "srvMaxHosts", NULL};

static const char *const secret[] = {"tlsCertificateKeyFilePassword", "proxyUsername",
                                     "proxyPassword", "authMechanismProperties", NULL};

static bool is_among(const char *const *list, const char *name, size_t size)
{
    for (; *list != NULL; list++) {
        if (strlen(*list) == size && strncasecmp(*list, name, size) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the options name one of those. */
static bool has_option(const char *options, const char *const *names)
{
    while (options != NULL && *options != '\0') {
        size_t size = strcspn(options, "&;");
        size_t name = strcspn(options, "=&;");
        if (is_among(names, options, name)) {
            return true;
        }
        options += size + (options[size] != '\0');
    }
    return false;
}

/* All but letters, digits and "-._~" as %XX. */
static void put_encoded(FILE *to, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-._~", c) != NULL) {
            fputc(c, to);
        } else {
            fprintf(to, "%%%02X", c);
        }
    }
}

static void put_login(FILE *to, const struct upstream_settings *up)
{
    if (up->user == NULL) {
        return;
    }
    put_encoded(to, up->user);
    if (up->password != NULL) {
        fputc(':', to);
        put_encoded(to, up->password);
    }
    fputc('@', to);
}

static void put_hosts(FILE *to, const struct uri_wanted *wanted)
{
    for (size_t i = 0; i < wanted->count; i++) {
        const char *host = wanted->hosts[i];
        fputs(i == 0 ? "" : ",", to);
        if (host[0] == '/') {
            put_encoded(to, host);
        } else {
            fputs(host, to);
        }
    }
    fputc('/', to);
}

/* '?' before the first option, '&' before every other. */
static void put_name(FILE *to, char *mark, const char *name)
{
    fprintf(to, "%c%s=", *mark, name);
    *mark = '&';
}

static void put_given(FILE *to, char *mark, const char *options, bool hides_credentials)
{
    while (options != NULL && *options != '\0') {
        size_t size = strcspn(options, "&;");
        size_t name = strcspn(options, "=&;");
        if (size > 0 && !is_among(of_srv, options, name) &&
            !(hides_credentials && is_among(secret, options, name))) {
            fprintf(to, "%c%.*s", *mark, (int)size, options);
            *mark = '&';
        }
        options += size + (options[size] != '\0');
    }
}

static void put_found(FILE *to, char *mark, const char *options, const char *name,
                      const char *value)
{
    const char *const names[] = {name, NULL};
    if (value != NULL && !has_option(options, names)) {
        put_name(to, mark, name);
        put_encoded(to, value);
    }
}

char *uri_write(const struct upstream_settings *up, const struct uri_wanted *wanted)
{
    static const char *const tls[] = {"tls", "ssl", NULL};
    char *text = NULL;
    size_t size = 0;
    char mark = '?';
    FILE *to = open_memstream(&text, &size);
    require(to != NULL);
    fputs("mongodb://", to);
    if (!wanted->hides_credentials) {
        put_login(to, up);
    }
    put_hosts(to, wanted);
    if (up->database != NULL) {
        put_encoded(to, up->database);
    }
    put_given(to, &mark, up->uri_options, wanted->hides_credentials);
    if (up->tls && !has_option(up->uri_options, tls)) {
        put_name(to, &mark, "tls");
        fputs("true", to);
    }
    put_found(to, &mark, up->uri_options, "replicaSet", wanted->replica_set);
    put_found(to, &mark, up->uri_options, "authSource", wanted->auth_source);
    put_found(to, &mark, up->uri_options, "loadBalanced", wanted->is_load_balanced ? "true" : NULL);
    fclose(to);
    return text;
}
