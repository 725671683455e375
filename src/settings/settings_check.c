/* The rules between options, and what can be known about files before anything starts. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "settings/settings_load.h"

static void check_file(struct problems *p, const char *path, const char *option)
{
    if (path != NULL && access(path, R_OK) != 0) {
        problems_add(p, false, option, "cannot read %s: %s", path, strerror(errno));
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
    if (s->limits.hold_bytes > s->limits.buffer_bytes) {
        problems_add(p, false, "limits.holdBytes", "is larger than limits.bufferBytes");
    }
}

static void check_upstream(const struct settings *s, struct problems *p)
{
    const struct upstream_settings *up = &s->upstream;
    bool wants_password =
        up->auth_mechanism != AUTH_NONE && up->auth_mechanism != AUTH_X509 && up->user != NULL;
    if (up->socks_proxy != NULL && up->http_proxy != NULL) {
        problems_add(p, false, "upstream.httpProxy",
                     "upstream.socksProxy is set as well: only one outbound proxy is used");
    }
    if (wants_password && up->password == NULL) {
        problems_add(p, false, "connection string",
                     "a user without a password: add it, or set upstream.passwordFile");
    }
    if (up->auth_mechanism == AUTH_X509 && s->tls.certificate_key_file == NULL) {
        problems_add(p, false, "tls.certificateKeyFile",
                     "MONGODB-X509 logs in by a client certificate: name its file");
    }
    if (s->tls.allow_invalid_certificates) {
        problems_add(p, true, "tls.allowInvalidCertificates",
                     "anyone on the way can read and change everything");
    }
}

void settings_check(const struct settings *s, struct problems *problems)
{
    check_listen(s, problems);
    check_pool(s, problems);
    check_upstream(s, problems);
    check_file(problems, s->tls.ca_file, "tls.caFile");
    check_file(problems, s->tls.certificate_key_file, "tls.certificateKeyFile");
}
