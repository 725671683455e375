/* How it begins: at once, or only when the cluster is reached (startup.mode).
 *
 * lazy: listens, and clients are held until the cluster answers. strict: listens too, but the end
 * of startup.timeoutMS, or a fault that does not pass by itself, ends the process. readyGate: as
 * strict, and the listeners open when operations find a server. */
#include "base/log.h"
#include "proxy/client.h"
#include "proxy/cluster.h"
#include "proxy/proxy.h"

static void on_startup(struct deadline *d, msec now);

static void on_accept(void *owner, struct conn *conn, const struct address *peer)
{
    client_open(owner, conn, peer);
}

static enum status listen_at(struct proxy *p, const char *text, struct error *why)
{
    struct address at;
    struct listen_options options = {.unix_mode = (int)p->settings->listen.unix_socket_mode,
                                     .keep_alive_seconds = p->settings->listen.keep_alive_seconds};
    if (!address_parse(text, 27017, &at)) {
        return error_set(why, STATUS_BAD_INPUT,
                         "listen address %s is no address: write 127.0.0.1:27017 or [::1]:27017",
                         text);
    }
    enum status status =
        net_listen(p->net, &at, &options, on_accept, p, &p->listeners[p->listener_count], why);
    if (status == STATUS_OK) {
        p->listener_count++;
        log_info(LOG_MAIN, NULL, "listening on %s", text);
    }
    return status;
}

static enum status listen_all(struct proxy *p, struct error *why)
{
    const struct listen_settings *l = &p->settings->listen;
    for (size_t i = 0; l->addresses != NULL && l->addresses[i] != NULL; i++) {
        if (p->listener_count == LISTENERS_MOST - 1) {
            return error_set(why, STATUS_TOO_LARGE, "listen.addresses: at most %d addresses",
                             LISTENERS_MOST - 1);
        }
        enum status status = listen_at(p, l->addresses[i], why);
        if (status == STATUS_ADDRESS_UNAVAILABLE && l->addresses_are_default) {
            log_warn(LOG_MAIN, NULL, "%s", why->text); /* the machine lacks that family */
        } else if (status != STATUS_OK) {
            return status;
        }
    }
    if (l->unix_socket != NULL) {
        return listen_at(p, l->unix_socket, why);
    }
    return p->listener_count > 0 ? STATUS_OK
                                 : error_set(why, STATUS_BAD_INPUT, "nothing to listen on");
}

static bool is_waiting(const struct proxy *p)
{
    return deadline_is_set(&p->startup) && !p->is_draining && !p->is_closing;
}

enum status proxy_open(struct proxy *p, struct error *why)
{
    const struct startup_settings *s = &p->settings->startup;
    enum status status = s->mode == STARTUP_READY_GATE ? STATUS_OK : listen_all(p, why);
    deadline_init(&p->startup, on_startup);
    if (status != STATUS_OK) {
        return status;
    }
    if (s->mode != STARTUP_LAZY) {
        net_set_deadline(p->net, &p->startup, net_now(p->net) + s->timeout_ms);
    }
    cluster_open(p->cluster);
    return STATUS_OK;
}

/* The cluster was not reached in time, will not be as things are, or nothing can be listened on. */
static void on_startup(struct deadline *d, msec now)
{
    struct proxy *p = container_of(d, struct proxy, startup);
    const struct error *fault = cluster_fault(p->cluster);
    const char *why = fault != NULL ? fault->text : cluster_why(p->cluster);
    (void)now;
    if (p->is_draining || p->is_closing) {
        return;
    }
    if (p->start_fault.status != STATUS_OK) {
        log_error(LOG_MAIN, NULL, "%s", p->start_fault.text);
    } else {
        log_error(LOG_MAIN, NULL, "the cluster was not reached at the start (startup.mode): %s",
                  why);
    }
    p->has_failed = true;
    proxy_close(p);
}

void proxy_on_cluster_up(struct proxy *p)
{
    if (!is_waiting(p)) {
        return;
    }
    net_clear_deadline(p->net, &p->startup);
    if (p->settings->startup.mode == STARTUP_READY_GATE &&
        listen_all(p, &p->start_fault) != STATUS_OK) {
        net_set_deadline(p->net, &p->startup, net_now(p->net)); /* ends in a turn of its own */
    }
}

void proxy_on_cluster_down(struct proxy *p)
{
    if (is_waiting(p) && cluster_fault(p->cluster) != NULL) {
        net_set_deadline(p->net, &p->startup, net_now(p->net));
    }
}

void proxy_fail(struct proxy *p)
{
    p->has_failed = true;
    proxy_drain(p);
}
