/* c-ares on the loop: one channel per resolver, its descriptors watched by uv_poll, its timers
 * driven by the deadline heap.
 *
 * An answer may come from inside ares_query, and ares_destroy calls back everything that is
 * pending: every answer is therefore put off to the next turn. A channel that failed (refused,
 * timed out, no servers) is not trusted any more and is made anew for the next question; so is the
 * system's when its list of servers was written anew, which c-ares reads only once. */
#include <ares.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "base/require.h"
#include "loop/loop_parts.h"

enum { CLASS_IN = 1, TRY_MS = 2000, TRIES = 2, EDNS_BYTES = 1232 };

static const char system_list[] = "/etc/resolv.conf";

struct channel {
    struct list link;
    struct loop *loop;
    char *resolver;
    ares_channel ares;
    struct list polls;
    struct deadline timer;
    size_t pending;
    struct stat list; /* the system's servers, as read; all 0 for another resolver */
    bool is_spent;    /* takes no more questions; destroyed when none is pending */
};

struct socket_poll {
    struct list link;
    uv_poll_t poll;
    struct channel *channel;
    ares_socket_t fd;
};

struct loop_dns {
    struct list channels;
};

struct loop_query {
    struct query query;
    struct later later;
    struct channel *channel; /* NULL once c-ares has called back, or never asked */
    struct query_asked asked;
    enum status status;
    uint8_t *message;
    size_t message_size;
    bool is_cancelled;
};

static void after_ares(struct channel *c);

static void free_poll(uv_handle_t *handle)
{
    free(container_of((uv_poll_t *)handle, struct socket_poll, poll));
}

static void on_ready(uv_poll_t *poll, int failed, int events)
{
    struct socket_poll *p = container_of(poll, struct socket_poll, poll);
    struct channel *c = p->channel;
    bool can_read = failed != 0 || (events & UV_READABLE) != 0;
    bool can_write = failed != 0 || (events & UV_WRITABLE) != 0;
    ares_process_fd(c->ares, can_read ? p->fd : ARES_SOCKET_BAD,
                    can_write ? p->fd : ARES_SOCKET_BAD);
    after_ares(c);
}

static struct socket_poll *find_poll(struct channel *c, ares_socket_t fd)
{
    list_for_each (link, &c->polls) {
        struct socket_poll *p = container_of(link, struct socket_poll, link);
        if (p->fd == fd) {
            return p;
        }
    }
    return NULL;
}

/* c-ares opens, watches and closes a descriptor. */
static void on_socket_state(void *owner, ares_socket_t fd, int readable, int writable)
{
    struct channel *c = owner;
    struct socket_poll *p = find_poll(c, fd);
    if (!readable && !writable) {
        if (p != NULL) {
            list_remove(&p->link);
            uv_poll_stop(&p->poll);
            uv_close((uv_handle_t *)&p->poll, free_poll);
        }
        return;
    }
    if (p == NULL) {
        p = xcalloc(1, sizeof *p);
        p->channel = c;
        p->fd = fd;
        if (uv_poll_init(&c->loop->uv, &p->poll, fd) != 0) {
            free(p);
            return; /* the caller's own timer ends the question */
        }
        list_push_back(&c->polls, &p->link);
    }
    uv_poll_start(&p->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0), on_ready);
}

static void on_timer(struct deadline *d, msec now)
{
    struct channel *c = container_of(d, struct channel, timer);
    (void)now;
    ares_process_fd(c->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    after_ares(c);
}

static void destroy(struct channel *c)
{
    list_remove(&c->link);
    net_clear_deadline(&c->loop->net, &c->timer);
    ares_destroy(c->ares);
    free(c->resolver);
    free(c);
}

/* To be called after every call of c-ares that may have changed what it waits for. */
static void after_ares(struct channel *c)
{
    struct timeval room;
    struct net *net = &c->loop->net;
    if (c->is_spent && c->pending == 0) {
        destroy(c);
        return;
    }
    const struct timeval *wait = ares_timeout(c->ares, NULL, &room);
    msec wait_ms = wait == NULL ? 0 : (msec)wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1;
    net_set_deadline(net, &c->timer, msec_after(net_now(net), wait_ms));
}

/* Without a list c-ares would ask 127.0.0.1, a guess that nobody configured. */
static bool lists_servers(void)
{
    FILE *file = fopen(system_list, "re");
    char line[256];
    bool is_listed = false;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        is_listed |= strncmp(line, "nameserver", 10) == 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return is_listed;
}

static bool is_system(const char *resolver)
{
    return strcmp(resolver, "system") == 0;
}

static struct channel *channel_new(struct loop *loop, const char *resolver)
{
    struct channel *c = xcalloc(1, sizeof *c);
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP | ARES_FLAG_EDNS,
        .timeout = TRY_MS,
        .tries = TRIES,
        .ednspsz = EDNS_BYTES,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = c,
    };
    c->loop = loop;
    list_init(&c->polls);
    deadline_init(&c->timer, on_timer);
    if (ares_init_options(&c->ares, &options,
                          ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
                              ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS) {
        free(c);
        return NULL;
    }
    if (is_system(resolver) ? !lists_servers() || stat(system_list, &c->list) != 0
                            : ares_set_servers_ports_csv(c->ares, resolver) != ARES_SUCCESS) {
        ares_destroy(c->ares);
        free(c);
        return NULL;
    }
    c->resolver = xstrdup(resolver);
    list_push_back(&loop->dns->channels, &c->link);
    return c;
}

static bool is_outdated(const struct channel *c)
{
    struct stat list;
    return is_system(c->resolver) &&
           (stat(system_list, &list) != 0 || list.st_ino != c->list.st_ino ||
            list.st_mtim.tv_sec != c->list.st_mtim.tv_sec ||
            list.st_mtim.tv_nsec != c->list.st_mtim.tv_nsec);
}

static struct channel *find_channel(struct loop *loop, const char *resolver)
{
    if (loop->dns == NULL) {
        loop->dns = xcalloc(1, sizeof *loop->dns);
        list_init(&loop->dns->channels);
        ares_library_init(ARES_LIB_INIT_ALL);
    }
    list_for_each (link, &loop->dns->channels) {
        struct channel *c = container_of(link, struct channel, link);
        if (c->is_spent || strcmp(c->resolver, resolver) != 0) {
            continue;
        }
        if (!is_outdated(c)) {
            return c;
        }
        c->is_spent = true;
        after_ares(c);
        break;
    }
    return channel_new(loop, resolver);
}

static enum status status_of(int ares_status)
{
    switch (ares_status) {
    case ARES_ECONNREFUSED:
        return STATUS_REFUSED;
    case ARES_ETIMEOUT:
        return STATUS_TIMED_OUT;
    default:
        return STATUS_NAME_LOOKUP_FAILED;
    }
}

static void free_query(struct loop_query *q)
{
    free(q->message);
    free(q);
}

static void happen(struct later *l)
{
    struct loop_query *q = container_of(l, struct loop_query, later);
    if (!q->is_cancelled) {
        q->asked.on_answer(q->asked.owner, q->status, span_of(q->message, q->message_size));
    }
    free_query(q);
}

/* c-ares hands over the message also when its rcode says no; it never looks into the records. */
static void on_answer(void *owner, int ares_status, int timeouts, unsigned char *message, int size)
{
    struct loop_query *q = owner;
    struct channel *c = q->channel;
    (void)timeouts;
    q->channel = NULL;
    c->pending--;
    if (message != NULL && size > 0) {
        q->status = STATUS_OK;
        q->message = xmalloc((size_t)size);
        q->message_size = (size_t)size;
        memcpy(q->message, message, (size_t)size);
    } else {
        q->status = status_of(ares_status);
        c->is_spent = true;
    }
    if (q->is_cancelled) {
        free_query(q);
    } else {
        loop_put_off(c->loop, &q->later);
    }
}

struct query *loop_dns_query(struct net *net, const char *resolver, const char *name, uint16_t type,
                             struct query_asked asked)
{
    struct loop *loop = loop_of(net);
    struct loop_query *q = xcalloc(1, sizeof *q);
    struct channel *c = find_channel(loop, resolver);
    q->query.net = net;
    q->asked = asked;
    later_init(&q->later, happen);
    if (c == NULL) {
        q->status = STATUS_NAME_LOOKUP_FAILED;
        loop_put_off(loop, &q->later);
        return &q->query;
    }
    q->channel = c;
    c->pending++;
    ares_query(c->ares, name, CLASS_IN, type, on_answer, q);
    after_ares(c);
    return &q->query;
}

void loop_dns_cancel(struct query *query)
{
    /* c-ares cannot cancel one question: it goes on and its answer is dropped. */
    container_of(query, struct loop_query, query)->is_cancelled = true;
}

void loop_dns_free(struct loop_dns *dns)
{
    if (dns == NULL) {
        return;
    }
    while (!list_is_empty(&dns->channels)) {
        destroy(container_of(list_first(&dns->channels), struct channel, link));
    }
    free(dns);
    ares_library_cleanup();
}

const char *loop_libraries(char text[LOOP_LIBRARIES_SIZE])
{
    snprintf(text, LOOP_LIBRARIES_SIZE, "libuv %s, c-ares %s", uv_version_string(),
             ares_version(NULL));
    return text;
}
