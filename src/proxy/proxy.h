/* The whole: listeners, clients, the cluster; drain and shutdown.
 *
 * Built by the command `run` over a net; ends by `on_ended`, after which proxy_free is due. */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include "core/auth/login_keys.h"
#include "net/net.h"
#include "net/tls.h"
#include "proxy/link.h"
#include "proxy/metrics.h"
#include "settings/settings.h"

struct apps;
struct cluster;
struct events;
struct exchange;
struct vanished;

enum { LISTENERS_MOST = 16, EXCHANGES_SPARE = 64 };

struct exchange_place {
    struct exchange *exchange; /* NULL: free */
    uint32_t tag;              /* of the exchange that has the place now */
};

struct proxy {
    struct net *net;
    const struct settings *settings;
    struct tls_config *tls; /* NULL: plain upstream */
    struct login_keys *login_keys;
    struct outbound outbound;
    struct metrics metrics;
    struct events *events;
    struct cluster *cluster;
    struct vanished *vanished;
    struct apps *apps;

    struct listener *listeners[LISTENERS_MOST];
    size_t listener_count;
    struct list clients;
    size_t client_count;
    uint32_t last_client_id;
    uint32_t last_backend_number;
    uint32_t last_message_id;

    struct exchange_place *places; /* exchanges by the low half of their id */
    size_t place_count;
    size_t *free_places;
    size_t free_count;
    struct exchange *spare[EXCHANGES_SPARE];
    size_t spare_count;

    struct deadline deadline; /* of the drain's stages */
    struct deadline startup;  /* of startup.mode, until the cluster is reached */
    struct error start_fault; /* nothing to listen on, once it was reached */
    bool has_failed;          /* the process is to end with another status than 0 */
    bool is_draining;
    bool is_closing;
    bool has_cluster_ended;
    bool have_events_ended;
    void (*on_ended)(void *owner);
    void *owner;
};

/* `tls` NULL: plain upstream; settings are lent for the proxy's life. */
struct proxy *proxy_new(struct net *net, const struct settings *settings, struct tls_config *tls,
                        void (*on_ended)(void *owner), void *owner);

/* Listens on every address of the settings (startup.mode: perhaps later) and begins. On failure
 * `why` names the address and the remedy; the proxy is then only good for proxy_close. */
enum status proxy_open(struct proxy *p, struct error *why) __attribute__((warn_unused_result));

/* Stops accepting, lets clients finish, then closes; on_ended at the latest after drain.maxMS. */
void proxy_drain(struct proxy *p);

/* Closes everything now; on_ended follows. */
void proxy_close(struct proxy *p);
void proxy_free(struct proxy *p);

/* --- for its parts --- */

/* Drains, and the process is then to end with another status than 0. */
void proxy_fail(struct proxy *p);

/* Operations find a server now, or do not. */
void proxy_on_cluster_up(struct proxy *p);
void proxy_on_cluster_down(struct proxy *p);

/* A fresh request id, never 0. */
int32_t proxy_next_id(struct proxy *p);

/* A zeroed exchange with its id set; given back by proxy_give_exchange. */
struct exchange *proxy_take_exchange(struct proxy *p);
void proxy_give_exchange(struct proxy *p, struct exchange *x);

/* NULL when the id's exchange has ended. */
struct exchange *proxy_find_exchange(struct proxy *p, uint64_t id);

/* A client or an exchange is gone: a drain may be over. */
void proxy_on_part_ended(struct proxy *p);
void proxy_on_cluster_ended(struct proxy *p);
void proxy_on_events_ended(void *proxy);

/* What hello says has changed: clients that were told otherwise are closed once they are idle. */
void proxy_on_hello_changed(struct proxy *p);

#endif
