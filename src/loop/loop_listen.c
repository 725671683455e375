/* Listeners: bind and listen at once, accept until closed. When descriptors run out, the pending
 * connection stays in the kernel's queue and is tried again a little later. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/require.h"
#include "loop/loop_parts.h"

enum { BACKLOG = 1024 };

struct loop_listener {
    struct listener listener;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
};

void address_from_sockaddr(const struct sockaddr *from, struct address *out)
{
    *out = (struct address){0};
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)from;
        out->family = ADDRESS_IPV4;
        out->port = ntohs(in->sin_port);
        memcpy(out->ip, &in->sin_addr, 4);
    } else if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)from;
        out->family = ADDRESS_IPV6;
        out->port = ntohs(in6->sin6_port);
        memcpy(out->ip, &in6->sin6_addr, 16);
    }
}

static void on_connection(uv_stream_t *stream, int failed)
{
    struct loop_listener *l = container_of((uv_handle_t *)stream, struct loop_listener, uv.handle);
    struct net *net = l->listener.net;
    struct address peer = l->at;
    if (failed != 0) {
        log_warn(LOG_NET, NULL, "a connection could not be accepted: %s", uv_strerror(failed));
        return;
    }
    struct conn *conn = loop_conn_accept(loop_of(net), stream, l->at.family == ADDRESS_UNIX);
    if (conn != NULL) {
        l->listener.on_accept(l->listener.owner, conn, &peer);
        loop_conn_begin(conn);
    }
}

/* A socket file that nobody listens on is left over from a process that was killed. */
static void remove_stale(const char *path)
{
    struct stat file;
    if (stat(path, &file) != 0 || !S_ISSOCK(file.st_mode)) {
        return;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_storage target;
    memset(&target, 0, sizeof target);
    target.ss_family = AF_UNIX;
    memcpy((char *)&target + sizeof target.ss_family, path, strlen(path) + 1);
    socklen_t size = (socklen_t)(sizeof target.ss_family + strlen(path) + 1);
    if (fd >= 0 && connect(fd, (struct sockaddr *)(void *)&target, size) != 0) {
        unlink(path);
    }
    if (fd >= 0) {
        close(fd);
    }
}

static int bind_unix(struct loop *loop, struct loop_listener *l,
                     const struct listen_options *options)
{
    remove_stale(l->at.path);
    uv_pipe_init(&loop->uv, &l->uv.pipe, 0);
    int failed = uv_pipe_bind(&l->uv.pipe, l->at.path);
    if (failed == 0 && options != NULL && options->unix_mode != 0) {
        chmod(l->at.path, (mode_t)options->unix_mode);
    }
    return failed;
}

static int bind_tcp(struct loop *loop, struct loop_listener *l)
{
    struct sockaddr_storage target;
    bool is_v6 = l->at.family == ADDRESS_IPV6;
    address_to_sockaddr(&l->at, &target);
    uv_tcp_init(&loop->uv, &l->uv.tcp);
    return uv_tcp_bind(&l->uv.tcp, (struct sockaddr *)(void *)&target, is_v6 ? UV_TCP_IPV6ONLY : 0);
}

static void free_listener(uv_handle_t *handle)
{
    free(container_of(handle, struct loop_listener, uv.handle));
}

static enum status explain(const struct address *at, int failed, struct error *why)
{
    char text[ADDRESS_TEXT_SIZE];
    address_print(at, text);
    enum status status = loop_status(failed);
    switch ((int)status) {
    case STATUS_ADDRESS_IN_USE:
        return error_set(why, status,
                         "%s is taken by another process: stop it, or choose another port in "
                         "listen.addresses",
                         text);
    case STATUS_ADDRESS_UNAVAILABLE:
        return error_set(why, status,
                         "%s is not an address of this machine: correct "
                         "listen.addresses",
                         text);
    case STATUS_PERMISSION_DENIED:
        return error_set(why, status, "no permission to listen on %s: take a port of 1024 or above",
                         text);
    default:
        return error_set(why, status, "cannot listen on %s: %s", text, uv_strerror(failed));
    }
}

enum status
loop_listen(struct net *net, const struct address *at, const struct listen_options *options,
            void (*on_accept)(void *owner, struct conn *conn, const struct address *peer),
            void *owner, struct listener **out, struct error *why)
{
    struct loop *loop = loop_of(net);
    struct loop_listener *l = xcalloc(1, sizeof *l);
    l->listener = (struct listener){.net = net, .on_accept = on_accept, .owner = owner};
    l->at = *at;
    int failed = at->family == ADDRESS_UNIX ? bind_unix(loop, l, options) : bind_tcp(loop, l);
    if (failed == 0) {
        failed = uv_listen(&l->uv.stream, BACKLOG, on_connection);
    }
    if (failed != 0) {
        uv_close(&l->uv.handle, free_listener);
        return explain(at, failed, why);
    }
    *out = &l->listener;
    return STATUS_OK;
}

void loop_listener_address(struct listener *listener, struct address *out)
{
    struct loop_listener *l = container_of(listener, struct loop_listener, listener);
    struct sockaddr_storage name;
    int size = sizeof name;
    *out = l->at;
    if (l->at.family != ADDRESS_UNIX &&
        uv_tcp_getsockname(&l->uv.tcp, (struct sockaddr *)(void *)&name, &size) == 0) {
        address_from_sockaddr((struct sockaddr *)(void *)&name, out);
    }
}

void loop_listener_close(struct listener *listener)
{
    struct loop_listener *l = container_of(listener, struct loop_listener, listener);
    if (l->at.family == ADDRESS_UNIX) {
        unlink(l->at.path);
    }
    uv_close(&l->uv.handle, free_listener);
}
