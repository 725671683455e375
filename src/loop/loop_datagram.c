/* One datagram out and what comes back: a connected UDP socket of its own for each.
 *
 * Being connected, the socket takes datagrams of that address alone, and the kernel tells on it
 * when the port there is closed. Failures: what fails at once is told in a later turn. */
#include <stdlib.h>

#include "base/require.h"
#include "loop/loop_parts.h"

struct loop_datagram {
    struct datagram datagram;
    const struct datagram_events *events;
    void *owner;
    uv_udp_t udp;
    struct later later;
    int failed; /* at once */
};

static struct loop_datagram *datagram_of(void *handle)
{
    return container_of((uv_udp_t *)handle, struct loop_datagram, udp);
}

static void tell_failure(struct loop_datagram *d, int failed)
{
    list_remove(&d->later.link); /* once */
    uv_udp_recv_stop(&d->udp);
    d->events->on_failed(d->owner, loop_status(failed));
}

static void on_failed_at_once(struct later *l)
{
    struct loop_datagram *d = container_of(l, struct loop_datagram, later);
    tell_failure(d, d->failed);
}

static void lend_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    struct loop *loop = loop_of(datagram_of(handle)->datagram.net);
    (void)wanted;
    *out = uv_buf_init(loop->read_buffer, sizeof loop->read_buffer);
}

/* `from` NULL: nothing more to read. */
static void on_received(uv_udp_t *udp, ssize_t size, const uv_buf_t *bytes,
                        const struct sockaddr *from, unsigned flags)
{
    struct loop_datagram *d = datagram_of(udp);
    (void)flags;
    if (size < 0) {
        tell_failure(d, (int)size);
    } else if (from != NULL) {
        d->events->on_datagram(d->owner, span_of(bytes->base, (size_t)size));
    }
}

static int send_and_listen(struct loop_datagram *d, const struct address *to, struct span bytes)
{
    struct sockaddr_storage target;
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)bytes.at, (unsigned)bytes.size);
    sockaddr_from_address(to, &target);
    int failed = uv_udp_connect(&d->udp, (struct sockaddr *)(void *)&target);
    if (failed == 0) {
        failed = uv_udp_recv_start(&d->udp, lend_buffer, on_received);
    }
    if (failed == 0) {
        int sent = uv_udp_try_send(&d->udp, &out, 1, NULL);
        failed = sent < 0 ? sent : 0;
    }
    return failed;
}

struct datagram *loop_datagram(struct net *net, const struct address *to, struct span bytes,
                               const struct datagram_events *events, void *owner)
{
    struct loop *loop = loop_of(net);
    struct loop_datagram *d = xcalloc(1, sizeof *d);
    require(to->family == ADDRESS_IPV4 || to->family == ADDRESS_IPV6);
    *d = (struct loop_datagram){.datagram.net = net, .events = events, .owner = owner};
    later_init(&d->later, on_failed_at_once);
    uv_udp_init(&loop->uv, &d->udp);
    d->failed = send_and_listen(d, to, bytes);
    if (d->failed != 0) {
        loop_put_off(loop, &d->later);
    }
    return &d->datagram;
}

static void on_handle_closed(uv_handle_t *handle)
{
    free(datagram_of(handle));
}

void loop_datagram_close(struct datagram *datagram)
{
    struct loop_datagram *d = container_of(datagram, struct loop_datagram, datagram);
    list_remove(&d->later.link);
    uv_close((uv_handle_t *)&d->udp, on_handle_closed);
}
