/* Listeners: bind and listen at once, accept until closed.
 *
 * They accept for themselves, on a watched descriptor, and not by libuv's listening handles: when
 * descriptors run out, those close what comes without a word, or spin. Here the waiting connections
 * stay in the kernel's queue and are tried again a little later. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/require.h"
#include "loop/loop_parts.h"

enum { BACKLOG = 1024, ACCEPTS_PER_TURN = 64, STARVED_MS = 100 };

struct loop_listener {
    struct listener listener;
    uv_poll_t poll;
    struct deadline retry; /* set while descriptors have run out */
    struct address at;
    int descriptor; /* -1 once closed */
    bool is_starved;
};

static const int on = 1;

/* A socket file that nobody listens on is left over from a process that was killed. */
static void remove_stale(const struct address *at)
{
    struct stat file;
    struct sockaddr_storage target;
    socklen_t size = sockaddr_from_address(at, &target);
    if (lstat(at->path, &file) != 0 || !S_ISSOCK(file.st_mode)) {
        return;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return;
    }
    if (connect(fd, (struct sockaddr *)(void *)&target, size) != 0 && errno == ECONNREFUSED) {
        unlink(at->path);
    }
    close(fd);
}

static int fail(int fd)
{
    int code = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = code;
    return -1;
}

/* Until listen(2) nobody can connect, so the mode is right from the first moment. */
static int open_unix(const struct address *at, const struct listen_options *options)
{
    struct sockaddr_storage name;
    socklen_t size = sockaddr_from_address(at, &name);
    remove_stale(at);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)(void *)&name, size) != 0) {
        return fail(fd);
    }
    bool has_mode = options != NULL && options->unix_mode != 0;
    if ((has_mode && chmod(at->path, (mode_t)options->unix_mode) != 0) ||
        listen(fd, BACKLOG) != 0) {
        fail(fd);
        unlink(at->path);
        return -1;
    }
    return fd;
}

/* Accepted connections inherit what is set on the listener: that saves calls for each. */
static void keep_alive(int fd, int64_t seconds)
{
    int idle = (int)seconds;
    if (seconds <= 0) {
        return;
    }
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#ifdef TCP_KEEPIDLE
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
#else
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPALIVE, &idle, sizeof idle);
#endif
}

static int open_tcp(const struct address *at, const struct listen_options *options)
{
    struct sockaddr_storage name;
    socklen_t size = sockaddr_from_address(at, &name);
    int fd = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return fail(fd);
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    keep_alive(fd, options == NULL ? 0 : options->keep_alive_seconds);
    if (at->family == ADDRESS_IPV6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (bind(fd, (struct sockaddr *)(void *)&name, size) != 0 || listen(fd, BACKLOG) != 0) {
        return fail(fd);
    }
    return fd;
}

static enum status explain(const struct address *at, int code, struct error *why)
{
    char text[ADDRESS_TEXT_SIZE];
    bool is_unix = at->family == ADDRESS_UNIX;
    const char *setting = is_unix ? "listen.unixSocket" : "listen.addresses";
    enum status status = loop_status(uv_translate_sys_error(code));
    address_print(at, text);
    if (is_unix && code == ENOENT) {
        return error_set(why, STATUS_ADDRESS_UNAVAILABLE,
                         "the folder of %s does not exist: make it, or correct %s", text, setting);
    }
    if (status == STATUS_ADDRESS_IN_USE) {
        return error_set(why, status, "%s is taken by another %s: stop it or set %s", text,
                         is_unix ? "process or file" : "process", setting);
    }
    if (status == STATUS_ADDRESS_UNAVAILABLE) {
        return error_set(why, status, "%s is not an address of this machine: correct %s", text,
                         setting);
    }
    if (status == STATUS_PERMISSION_DENIED) {
        return error_set(why, status, "no permission to listen on %s: set %s to %s", text, setting,
                         is_unix ? "a folder that this user may write to"
                                 : "a port of 1024 or above");
    }
    return error_set(why, STATUS_IO_FAILED, "cannot listen on %s: %s", text, strerror(code));
}

void address_from_sockaddr(const struct sockaddr_storage *from, const struct address *fallback,
                           struct address *out)
{
    *out = *fallback;
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)from;
        *out = (struct address){.family = ADDRESS_IPV4, .port = ntohs(in->sin_port)};
        memcpy(out->ip, &in->sin_addr, 4);
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)from;
        *out = (struct address){.family = ADDRESS_IPV6, .port = ntohs(in6->sin6_port)};
        memcpy(out->ip, &in6->sin6_addr, 16);
    }
}

static void on_pending(uv_poll_t *poll, int failed, int events);

/* Above debug although this is not `proxy`: nobody else would hear of it. */
static void starve(struct loop_listener *l, int code)
{
    char text[ADDRESS_TEXT_SIZE];
    if (!l->is_starved) {
        log_warn(LOG_NET, NULL,
                 "new connections to %s have to wait: %s; raise the limit of open files "
                 "(ulimit -n, LimitNOFILE) or lower listen.maxClients",
                 address_print(&l->at, text), strerror(code));
    }
    l->is_starved = true;
    uv_poll_stop(&l->poll);
    net_set_deadline(l->listener.net, &l->retry, net_now(l->listener.net) + STARVED_MS);
}

static void on_retry(struct deadline *d, msec now)
{
    struct loop_listener *l = container_of(d, struct loop_listener, retry);
    (void)now;
    uv_poll_start(&l->poll, UV_READABLE, on_pending);
}

/* False when no more can be had this turn. */
static bool accept_one(struct loop_listener *l)
{
    struct net *net = l->listener.net;
    struct sockaddr_storage name = {0};
    socklen_t size = sizeof name;
    struct address peer;
    int fd = accept4(l->descriptor, (struct sockaddr *)(void *)&name, &size,
                     SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return false;
    }
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
        starve(l, errno);
        return false;
    }
    if (fd < 0) {
        return true; /* that one is gone already (accept(2)); the next may stand */
    }
    l->is_starved = false;
    address_from_sockaddr(&name, &l->at, &peer);
    struct conn *conn = loop_conn_accept(loop_of(net), fd, l->at.family == ADDRESS_UNIX);
    if (conn != NULL) {
        l->listener.on_accept(l->listener.owner, conn, &peer);
        loop_conn_begin(conn);
    }
    return l->descriptor >= 0;
}

static void on_pending(uv_poll_t *poll, int failed, int events)
{
    struct loop_listener *l = container_of(poll, struct loop_listener, poll);
    (void)failed;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && accept_one(l); i++) {
        continue;
    }
}

enum status
loop_listen(struct net *net, const struct address *at, const struct listen_options *options,
            void (*on_accept)(void *owner, struct conn *conn, const struct address *peer),
            void *owner, struct listener **out, struct error *why)
{
    int fd = at->family == ADDRESS_UNIX ? open_unix(at, options) : open_tcp(at, options);
    if (fd < 0) {
        return explain(at, errno, why);
    }
    struct loop_listener *l = xcalloc(1, sizeof *l);
    l->listener = (struct listener){.net = net, .on_accept = on_accept, .owner = owner};
    l->at = *at;
    l->descriptor = fd;
    deadline_init(&l->retry, on_retry);
    require(uv_poll_init(&loop_of(net)->uv, &l->poll, fd) == 0);
    uv_poll_start(&l->poll, UV_READABLE, on_pending);
    *out = &l->listener;
    return STATUS_OK;
}

void loop_listener_address(struct listener *listener, struct address *out)
{
    struct loop_listener *l = container_of(listener, struct loop_listener, listener);
    struct sockaddr_storage name = {0};
    socklen_t size = sizeof name;
    getsockname(l->descriptor, (struct sockaddr *)(void *)&name, &size);
    address_from_sockaddr(&name, &l->at, out);
}

static void on_listener_closed(uv_handle_t *handle)
{
    free(container_of((uv_poll_t *)(void *)handle, struct loop_listener, poll));
}

void loop_listener_close(struct listener *listener)
{
    struct loop_listener *l = container_of(listener, struct loop_listener, listener);
    net_clear_deadline(listener->net, &l->retry);
    uv_close((uv_handle_t *)&l->poll, on_listener_closed);
    close(l->descriptor);
    l->descriptor = -1;
    if (l->at.family == ADDRESS_UNIX) {
        unlink(l->at.path);
    }
}
