/* mooring check --connect: the cluster of the running proxy without its listeners, until every
 * server has answered or failed, then a line for each. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "commands.h"
#include "loop/loop.h"
#include "proxy/cluster.h"
#include "proxy/cluster_look.h"
#include "proxy/proxy.h"

enum { LOOK_EVERY_MS = 20 };

struct connecting {
    struct loop *loop;
    struct net *net;
    struct proxy *proxy;
    struct deadline look;
    msec until;
    int result;
};

/* The sentence without the server's name, which the row has. */
static const char *reason(const struct cluster_row *row)
{
    size_t size = strlen(row->name);
    bool has_name =
        strncmp(row->why, row->name, size) == 0 && strncmp(row->why + size, ": ", 2) == 0;
    return has_name ? row->why + size + 2 : row->why;
}

static void print_rows(const struct cluster_sight *sight, FILE *to)
{
    for (size_t i = 0; i < sight->count; i++) {
        const struct cluster_row *row = &sight->rows[i];
        const char *text = row->is_ready         ? "a connection stands"
                           : row->why[0] != '\0' ? reason(row)
                           : row->is_usable      ? "no connection yet"
                           : row->is_settled     ? "needs no connection"
                                                 : "no answer yet";
        fprintf(to, "  %-40s %-12s %s\n", row->name, row->type, text);
    }
}

static int report(struct cluster *cluster)
{
    struct cluster_sight sight;
    const struct error *fault = cluster_fault(cluster);
    cluster_look(cluster, &sight);
    if (!sight.is_serving || fault != NULL) {
        const char *why = fault != NULL ? fault->text : sight.why;
        fprintf(stderr, "error: the cluster is not reached: %s\n", why);
        print_rows(&sight, stderr);
        return EXIT_FATAL;
    }
    printf("the cluster is reached: %s%s%s\n", sight.kind, sight.set_name == NULL ? "" : " ",
           sight.set_name == NULL ? "" : sight.set_name);
    print_rows(&sight, stdout);
    const char *unshown = cluster_presentation_fault(cluster);
    if (unshown != NULL) {
        fprintf(stderr, "warning: %s\n", unshown);
    }
    return sight.is_whole && unshown == NULL ? EXIT_GOOD : EXIT_DEGRADED;
}

static void on_look(struct deadline *d, msec now)
{
    struct connecting *c = container_of(d, struct connecting, look);
    struct cluster *cluster = c->proxy->cluster;
    struct cluster_sight sight;
    bool knows = cluster_look(cluster, &sight);
    bool is_over = cluster_fault(cluster) != NULL || (knows && sight.is_settled) || now >= c->until;
    if (!is_over) {
        net_set_deadline(c->net, &c->look, now + LOOK_EVERY_MS);
        return;
    }
    c->result = report(cluster);
    proxy_close(c->proxy);
}

static void on_ended(void *owner)
{
    struct connecting *c = owner;
    loop_stop(c->loop);
}

/* What the running proxy does beside reaching the cluster is left out. */
static struct settings settings_to_connect(const struct settings *s)
{
    struct settings mine = *s;
    mine.listen.last_hello_file = NULL;
    mine.dns.last_good_file = NULL; /* nor does an old answer do for a check */
    mine.pool.min_pool_size = 1;
    mine.events.hook = NULL;
    mine.reconnect.max_elapsed_ms = 0;
    return mine;
}

int commands_connect(const struct settings *s, struct tls_config *tls)
{
    struct connecting c = {.result = EXIT_NOT_RUN};
    struct settings mine = settings_to_connect(s);
    struct error why = {0};
    log_open(NULL, LOG_TEXT);
    c.loop = loop_new(mine.limits.buffer_bytes, &why);
    if (c.loop == NULL) {
        fprintf(stderr, "error: %s\n", why.text);
        return EXIT_NOT_RUN;
    }
    c.net = loop_net(c.loop);
    c.until = net_now(c.net) + mine.outage.queue_timeout_ms;
    c.proxy = proxy_new(c.net, &mine, tls, on_ended, &c);
    deadline_init(&c.look, on_look);
    net_set_deadline(c.net, &c.look, net_now(c.net));
    cluster_open(c.proxy->cluster);
    loop_run(c.loop);
    proxy_free(c.proxy);
    loop_free(c.loop);
    return c.result;
}
