/* mooring run: settings, loop, proxy; SIGTERM and SIGINT drain, a second one ends now; SIGHUP tries
 * anew what was given up. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/require.h"
#include "commands.h"
#include "loop/loop.h"
#include "names/carrier.h"
#include "proxy/cluster.h"
#include "proxy/proxy.h"
#include "state_path.h"

struct running {
    struct loop *loop;
    struct proxy *proxy;
    struct watch *signals[3];
};

static void on_ended(void *owner)
{
    struct running *r = owner;
    loop_stop(r->loop);
}

static void on_signal(void *owner)
{
    struct running *r = owner;
    if (r->proxy->is_draining) {
        proxy_close(r->proxy);
    } else {
        proxy_drain(r->proxy);
    }
}

static void on_hangup(void *owner)
{
    struct running *r = owner;
    cluster_rearm(r->proxy->cluster);
}

static void open_log(const struct log_settings *log)
{
    log_open(stderr, log->format == FORMAT_JSON ? LOG_JSON : LOG_TEXT);
    log_set_level((enum log_level)log->level);
    for (size_t i = 0; log->groups != NULL && log->groups[i] != NULL; i++) {
        static const char *const levels[] = {"error", "warn", "info", "debug"};
        char name[32];
        enum log_group group;
        const char *equals = strchr(log->groups[i], '=');
        size_t length = equals == NULL ? 0 : (size_t)(equals - log->groups[i]);
        if (length == 0 || length >= sizeof name) {
            continue;
        }
        memcpy(name, log->groups[i], length);
        name[length] = '\0';
        for (int level = 0; level < 4 && log_find_group(name, &group); level++) {
            if (strcmp(equals + 1, levels[level]) == 0) {
                log_set_group_level(group, (enum log_level)level);
            }
        }
    }
}

/* Room for every client and backend, as far as the hard limit goes. */
static void raise_descriptor_limit(const struct settings *s)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)s->listen.max_clients + 1024;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return;
    }
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted) {
        log_warn(LOG_MAIN, NULL,
                 "the limit of open files is %llu: not enough for listen.maxClients",
                 (unsigned long long)limit.rlim_cur);
    }
}

enum status commands_make_tls(const struct settings *s, struct tls_config **out, struct error *why)
{
    *out = NULL;
    if (s->dns.ca_file !=
        NULL) { /* else it would be read when it is needed, and that may be late */
        struct tls_config *for_resolvers = carrier_tls(s->dns.ca_file, why);
        if (for_resolvers == NULL) {
            return why->status;
        }
        tls_config_free(for_resolvers);
    }
    if (!s->upstream.tls) {
        return STATUS_OK;
    }
    struct tls_config_options options = {
        .ca_file = s->tls.ca_file,
        .certificate_key_file = s->tls.certificate_key_file,
        .certificate_key_password = s->tls.certificate_key_file_password,
        .require_1_3 = s->tls.min_version == TLS_1_3,
        .allow_invalid_certificates = s->tls.allow_invalid_certificates,
        .allow_invalid_host_names = s->tls.allow_invalid_hostnames,
    };
    *out = tls_config_new(&options, why);
    return *out == NULL ? why->status : STATUS_OK;
}

/* The settings' words for files that outlive the process become their paths. */
static void keep_state(struct settings *s)
{
    char *path = state_path(s->listen.last_hello_file, "hello", s);
    free(s->listen.last_hello_file);
    s->listen.last_hello_file = path;
    path = state_path(s->dns.last_good_file, "names", s);
    free(s->dns.last_good_file);
    s->dns.last_good_file = path;
}

static int serve(const struct settings *s, struct tls_config *tls)
{
    struct running r = {0};
    struct error why = {0};
    r.loop = loop_new(s->limits.buffer_bytes, &why);
    if (r.loop == NULL) {
        log_error(LOG_MAIN, NULL, "%s", why.text);
        return EXIT_NOT_RUN;
    }
    struct net *net = loop_net(r.loop);
    r.proxy = proxy_new(net, s, tls, on_ended, &r);
    r.signals[0] = net_watch(net, WATCH_SIGNAL, SIGTERM, NULL, on_signal, &r);
    r.signals[1] = net_watch(net, WATCH_SIGNAL, SIGINT, NULL, on_signal, &r);
    r.signals[2] = net_watch(net, WATCH_SIGNAL, SIGHUP, NULL, on_hangup, &r);
    bool is_open = proxy_open(r.proxy, &why) == STATUS_OK;
    if (!is_open) {
        log_error(LOG_MAIN, NULL, "%s", why.text);
        proxy_close(r.proxy);
    }
    loop_run(r.loop);
    for (size_t i = 0; i < sizeof r.signals / sizeof *r.signals; i++) {
        net_watch_close(r.signals[i]);
    }
    bool has_failed = r.proxy->has_failed;
    proxy_free(r.proxy);
    int left = loop_free(r.loop);
    require(left == 0);
    log_info(LOG_MAIN, NULL, "ended");
    return is_open && !has_failed ? EXIT_GOOD : EXIT_FATAL;
}

int command_run(const struct command_line *line)
{
    struct settings s;
    struct settings_origins origins;
    struct problems problems = {0};
    struct tls_config *tls = NULL;
    struct error why = {0};
    int result = EXIT_FATAL;
    settings_load(&line->source, &s, &origins, &problems);
    problems_print(&problems, stderr);
    if (problems.errors == 0) {
        open_log(&s.log);
        raise_descriptor_limit(&s);
        keep_state(&s);
        if (commands_make_tls(&s, &tls, &why) != STATUS_OK) {
            log_error(LOG_TLS, NULL, "%s", why.text);
        } else {
            result = serve(&s, tls);
        }
    }
    tls_config_free(tls);
    problems_clear(&problems);
    settings_origins_clear(&origins);
    settings_clear(&s);
    return result;
}
