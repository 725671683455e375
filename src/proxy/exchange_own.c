/* Requests of our own that go through the pools like a client's: they wait their turn, and count
 * against the cap. */
#include "base/require.h"
#include "core/wire/request.h"
#include "proxy/exchange_parts.h"
#include "proxy/proxy.h"

void exchange_begin_own(struct proxy *proxy, struct node *node, const bson_t *command, size_t count)
{
    struct exchange *x = exchange_new(proxy);
    uint8_t head[HEADER_BYTES];
    x->is_own = true;
    x->is_bound = true;
    x->own_count = count;
    request_write_command(&x->request, 0, command);
    buf_peek(&x->request, head, sizeof head);
    x->head = header_read(head);
    x->received = (uint32_t)x->head.length;
    require(exchange_inspect(x) == INSPECT_COMPLETE);
    if (!exchange_choose_pinned(x)) {
        exchange_wait(x, node);
    }
}
