/* The common part of both implementations: deadlines, and calls through the table. */
#include "net/net.h"

#include "base/require.h"

void net_init(struct net *net, const struct net_ops *ops, byte_count buffer_bytes)
{
    net->ops = ops;
    deadline_heap_init(&net->deadlines);
    chunk_pool_init(&net->chunks, buffer_bytes);
}

void net_clear(struct net *net)
{
    require(net->deadlines.count == 0);
    deadline_heap_clear(&net->deadlines);
    chunk_pool_clear(&net->chunks);
}

void net_set_deadline(struct net *net, struct deadline *d, msec at)
{
    deadline_heap_set(&net->deadlines, d, at);
    net->ops->wake_at(net, deadline_heap_next(&net->deadlines));
}

void net_clear_deadline(struct net *net, struct deadline *d)
{
    /* The timer may ring for nothing; that costs less than re-arming it each time. */
    deadline_heap_remove(&net->deadlines, d);
}

void net_run_deadlines(struct net *net)
{
    /* Bounded, so that one that sets itself anew for now does not keep all else waiting. */
    size_t most = net->deadlines.count;
    while (most > 0 && deadline_heap_fire(&net->deadlines, net_now(net))) {
        most--;
    }
    net->ops->wake_at(net, deadline_heap_next(&net->deadlines));
}

enum status
net_listen(struct net *net, const struct address *at, const struct listen_options *options,
           void (*on_accept)(void *owner, struct conn *conn, const struct address *peer),
           void *owner, struct listener **out, struct error *why)
{
    return net->ops->listen(net, at, options, on_accept, owner, out, why);
}

void listener_address(struct listener *listener, struct address *out)
{
    listener->net->ops->listener_address(listener, out);
}

void listener_close(struct listener *listener)
{
    listener->net->ops->listener_close(listener);
}

struct conn *net_dial(struct net *net, const struct address *to, const struct dial_options *options,
                      const struct conn_events *events, void *owner)
{
    return net->ops->dial(net, to, options, events, owner);
}

bool conn_send(struct conn *conn, const struct span *parts, size_t count)
{
    return conn->net->ops->send(conn, parts, count);
}

bool conn_send_buf(struct conn *conn, struct buf *bytes)
{
    return conn->net->ops->send_buf(conn, bytes);
}

void conn_local_address(const struct conn *conn, struct address *out)
{
    conn->net->ops->local_address(conn, out);
}

bool conn_peer_process(const struct conn *conn, struct peer_process *out)
{
    return conn->net->ops->peer_process(conn, out);
}

byte_count conn_queued(const struct conn *conn)
{
    return conn->net->ops->queued(conn);
}

void conn_pause(struct conn *conn)
{
    conn->net->ops->pause(conn);
}

void conn_resume(struct conn *conn)
{
    conn->net->ops->resume(conn);
}

void conn_close(struct conn *conn, enum close_how how)
{
    conn->net->ops->close(conn, how);
}

struct datagram *net_datagram(struct net *net, const struct address *to, struct span bytes,
                              const struct datagram_events *events, void *owner)
{
    return net->ops->datagram(net, to, bytes, events, owner);
}

void datagram_close(struct datagram *datagram)
{
    datagram->net->ops->datagram_close(datagram);
}

void net_work(struct net *net, void (*run)(void *job), void (*on_done)(void *job), void *job)
{
    net->ops->work(net, run, on_done, job);
}

void net_store(struct net *net, const char *path, struct span bytes,
               void (*on_done)(void *owner, enum status status), void *owner)
{
    net->ops->store(net, path, bytes, on_done, owner);
}

struct watch *net_watch(struct net *net, enum watch_kind kind, int number, const char *path,
                        void (*on_event)(void *owner), void *owner)
{
    return net->ops->watch(net, kind, number, path, on_event, owner);
}

void net_watch_close(struct watch *watch)
{
    watch->net->ops->watch_close(watch);
}

void net_spawn(struct net *net, const struct spawn_request *request,
               void (*on_done)(void *owner, enum status status, int exit_code), void *owner)
{
    net->ops->spawn(net, request, on_done, owner);
}
