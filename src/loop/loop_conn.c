/* One TCP or Unix stream: its beginning, reading, and its end.
 *
 * Reading: into the loop's one buffer, lent to on_bytes; an idle conn owns none. Failures: a dial
 * that fails at once, and a write that fails, are told in a later turn, by closing; on_closed comes
 * from the close callback, when the lifeline lets go, and then the conn is freed. */
#include "loop/loop_conn.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/require.h"

/* What is read and dropped before a polite close, at most. */
enum { DISCARD_MOST = 1024 * 1024 };

/* A dial under way. */
struct dialling {
    uv_connect_t request;
    struct later later;
    struct loop_conn *conn;
    struct dial_options options;
    int failed; /* at once */
};

/* --- beginning --- */

static void on_ended(struct lifeline *l)
{
    struct loop_conn *c = container_of(l, struct loop_conn, lifeline);
    buf_clear(&c->out);
    loop_uncount_conn(loop_of(c->conn.net));
    if (c->conn.events != NULL) {
        c->conn.events->on_closed(c->conn.owner, c->why);
    }
    free(c);
}

static void on_flush_limit(struct deadline *d, msec now)
{
    (void)now;
    loop_conn_end(container_of(d, struct loop_conn, flush_limit), STATUS_CLOSED_BY_US);
}

static struct loop_conn *conn_new(struct loop *loop, bool is_unix)
{
    struct loop_conn *c = xcalloc(1, sizeof *c);
    c->conn.net = &loop->net;
    list_init(&c->link);
    lifeline_init(&c->lifeline, on_ended);
    buf_init(&c->out, &loop->net.chunks);
    deadline_init(&c->flush_limit, on_flush_limit);
    c->why = STATUS_CLOSED_BY_US;
    if (is_unix) {
        uv_pipe_init(&loop->uv, &c->uv.pipe, 0);
    } else {
        uv_tcp_init(&loop->uv, &c->uv.tcp);
    }
    lifeline_hold(&c->lifeline);
    loop_count_conn(loop);
    return c;
}

static void set_options(struct loop_conn *c, const struct dial_options *options)
{
    if (c->uv.handle.type != UV_TCP) {
        return;
    }
    uv_tcp_nodelay(&c->uv.tcp, 1);
    if (options->keep_alive_seconds > 0) {
        uv_tcp_keepalive(&c->uv.tcp, 1, (unsigned)options->keep_alive_seconds);
    }
#ifdef TCP_USER_TIMEOUT
    uv_os_fd_t fd;
    if (options->user_timeout_ms > 0 && uv_fileno(&c->uv.handle, &fd) == 0) {
        unsigned timeout = (unsigned)options->user_timeout_ms;
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
    }
#endif
}

static void start_reading(struct loop_conn *c);

static void on_connect(uv_connect_t *request, int failed)
{
    struct dialling *d = container_of(request, struct dialling, request);
    struct loop_conn *c = d->conn;
    struct dial_options options = d->options;
    free(d);
    if (!c->is_closing && failed != 0) {
        loop_conn_end(c, loop_status(failed));
    } else if (!c->is_closing) {
        c->is_open = true;
        set_options(c, &options);
        c->conn.events->on_open(c->conn.owner);
        start_reading(c);
        loop_conn_mark(c);
    }
    lifeline_drop(&c->lifeline);
}

static void on_failed_at_once(struct later *l)
{
    struct dialling *d = container_of(l, struct dialling, later);
    on_connect(&d->request, d->failed);
}

socklen_t sockaddr_from_address(const struct address *a, struct sockaddr_storage *out)
{
    require(a->family != ADDRESS_NONE);
    memset(out, 0, sizeof *out);
    if (a->family == ADDRESS_IPV4) {
        struct sockaddr_in *in = (struct sockaddr_in *)(void *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip, 4);
        return sizeof *in;
    }
    if (a->family == ADDRESS_IPV6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)out;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(a->port);
        memcpy(&in6->sin6_addr, a->ip, 16);
        in6->sin6_scope_id = a->scope;
        return sizeof *in6;
    }
    struct sockaddr_un *un = (struct sockaddr_un *)(void *)out;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, a->path, sizeof un->sun_path);
    un->sun_path[sizeof un->sun_path - 1] = '\0';
    return sizeof *un;
}

struct conn *loop_conn_dial(struct net *net, const struct address *to,
                            const struct dial_options *options, const struct conn_events *events,
                            void *owner)
{
    bool is_unix = to->family == ADDRESS_UNIX;
    struct loop_conn *c = conn_new(loop_of(net), is_unix);
    struct dialling *d = xcalloc(1, sizeof *d);
    conn_attach(&c->conn, events, owner);
    d->conn = c;
    d->options = options == NULL ? (struct dial_options){0} : *options;
    later_init(&d->later, on_failed_at_once);
    lifeline_hold(&c->lifeline);
    if (is_unix) {
        uv_pipe_connect(&d->request, &c->uv.pipe, to->path, on_connect);
        return &c->conn;
    }
    struct sockaddr_storage target;
    sockaddr_from_address(to, &target);
    d->failed =
        uv_tcp_connect(&d->request, &c->uv.tcp, (struct sockaddr *)(void *)&target, on_connect);
    if (d->failed != 0) {
        loop_put_off(loop_of(net), &d->later);
    }
    return &c->conn;
}

struct conn *loop_conn_accept(struct loop *loop, int descriptor, bool is_unix)
{
    struct loop_conn *c = conn_new(loop, is_unix);
    int failed =
        is_unix ? uv_pipe_open(&c->uv.pipe, descriptor) : uv_tcp_open(&c->uv.tcp, descriptor);
    if (failed != 0) {
        close(descriptor);
        loop_conn_end(c, loop_status(failed));
        return NULL;
    }
    c->is_open = true;
    return &c->conn;
}

void loop_conn_local_address(const struct conn *conn, struct address *out)
{
    struct sockaddr_storage name = {0};
    socklen_t size = sizeof name;
    struct address path = {.family = ADDRESS_UNIX};
    const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)&name;
    uv_os_fd_t fd;
    if (uv_fileno(&loop_conn_of(conn)->uv.handle, &fd) == 0) {
        getsockname(fd, (struct sockaddr *)(void *)&name, &size);
    }
    if (name.ss_family == AF_UNIX) {
        memcpy(path.path, un->sun_path, sizeof un->sun_path);
        path.path[sizeof path.path - 1] = '\0';
    }
    address_from_sockaddr(&name, &path, out);
}

bool loop_conn_peer_process(const struct conn *conn, struct peer_process *out)
{
#ifdef SO_PEERCRED
    const struct loop_conn *c = loop_conn_of(conn);
    struct ucred who;
    socklen_t size = sizeof who;
    uv_os_fd_t fd;
    if (c->uv.handle.type != UV_NAMED_PIPE || uv_fileno(&c->uv.handle, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 || who.pid <= 0) {
        return false;
    }
    *out = (struct peer_process){.id = (uint32_t)who.pid, .user = who.uid};
    return true;
#else
    (void)conn;
    (void)out;
    return false;
#endif
}

void loop_conn_begin(struct conn *conn)
{
    struct loop_conn *c = loop_conn_of(conn);
    require(conn->events != NULL || c->is_closing);
    start_reading(c);
}

/* --- reading --- */

static void lend_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    struct loop *loop = loop_of(loop_conn_of_handle(handle)->conn.net);
    (void)wanted;
    *out = uv_buf_init(loop->read_buffer, sizeof loop->read_buffer);
}

/* When a peer hangs up behind bytes, libuv tells an end without having seen one: whether it was a
 * reset, the descriptor knows. */
static enum status why_ended(struct loop_conn *c, int failed)
{
    int code = 0;
    socklen_t size = sizeof code;
    uv_os_fd_t fd;
    bool is_reset = failed == UV_EOF && uv_fileno(&c->uv.handle, &fd) == 0 &&
                    getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) == 0 && code != 0;
    return loop_status(is_reset ? uv_translate_sys_error(code) : failed);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    struct loop_conn *c = loop_conn_of_handle(stream);
    if (c->is_closing || size == 0) {
        return;
    }
    if (size < 0) {
        loop_conn_end(c, why_ended(c, (int)size));
        return;
    }
    c->conn.events->on_bytes(c->conn.owner, span_of(bytes->base, (size_t)size));
}

static void start_reading(struct loop_conn *c)
{
    if (!c->is_open || c->is_paused || c->is_closing) {
        return;
    }
    uv_read_start(&c->uv.stream, lend_buffer, on_read);
}

void loop_conn_pause(struct conn *conn)
{
    struct loop_conn *c = loop_conn_of(conn);
    if (!c->is_paused) {
        c->is_paused = true;
        if (c->is_open && !c->is_closing) {
            uv_read_stop(&c->uv.stream);
        }
    }
}

void loop_conn_resume(struct conn *conn)
{
    struct loop_conn *c = loop_conn_of(conn);
    if (c->is_paused) {
        c->is_paused = false;
        start_reading(c);
    }
}

/* --- end --- */

static void on_handle_closed(uv_handle_t *handle)
{
    lifeline_drop(&loop_conn_of_handle(handle)->lifeline);
}

/* Closing while bytes of the peer are unread makes the kernel send a reset, which can destroy at
 * the peer what we sent last: the end is said first, and what has come is read and dropped. */
static void say_end(struct loop_conn *c)
{
    uv_os_fd_t fd;
    char *room = loop_of(c->conn.net)->read_buffer;
    if (uv_fileno(&c->uv.handle, &fd) != 0) {
        return;
    }
    shutdown(fd, SHUT_WR);
    for (size_t dropped = 0; dropped < DISCARD_MOST; dropped += READ_BYTES) {
        if (recv(fd, room, READ_BYTES, MSG_DONTWAIT) <= 0) {
            return;
        }
    }
}

void loop_conn_end(struct loop_conn *c, enum status why)
{
    if (c->lifeline.closing) {
        return;
    }
    if (!c->is_closing) {
        c->why = why;
    }
    c->is_closing = true;
    list_remove(&c->link);
    net_clear_deadline(c->conn.net, &c->flush_limit);
    lifeline_close(&c->lifeline);
    if (c->is_reset && c->is_open && c->uv.handle.type == UV_TCP &&
        uv_tcp_close_reset(&c->uv.tcp, on_handle_closed) == 0) {
        return;
    }
    uv_close(&c->uv.handle, on_handle_closed);
}

void loop_conn_close(struct conn *conn, enum close_how how)
{
    struct loop_conn *c = loop_conn_of(conn);
    if (c->lifeline.closing) {
        return;
    }
    c->is_reset |= how == CLOSE_RESET;
    if (how == CLOSE_FLUSH && c->is_open) {
        if (!c->is_closing) {
            c->is_flushing = true;
            c->is_closing = true;
            uv_read_stop(&c->uv.stream);
            net_set_deadline(conn->net, &c->flush_limit, net_now(conn->net) + CLOSE_FLUSH_MS);
            loop_conn_mark(c);
        }
        return;
    }
    loop_conn_end(c, STATUS_CLOSED_BY_US);
}

void loop_conn_flushed(struct loop_conn *c)
{
    say_end(c);
    loop_conn_end(c, c->why);
}
