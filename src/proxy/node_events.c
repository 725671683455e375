/* What a node has to tell of itself beside whether it can be reached: connections that were short,
 * a certificate that ends soon. */
#include <time.h>

#include "proxy/cluster.h"
#include "proxy/events.h"
#include "proxy/node.h"
#include "proxy/proxy.h"

enum { EXPIRY_TOLD_DAYS = 14, DAY_SECONDS = 86400 };

#define SHORTAGE_TOLD_EVERY MINUTES(1)
#define EXPIRY_TOLD_EVERY   (MINUTES(60) * 24)

void node_on_shortage(struct node *node, enum status status, msec waited)
{
    struct shortage *s = &node->shortage;
    msec now = net_now(node->proxy->net);
    s->operations++;
    s->waited = waited > s->waited ? waited : s->waited;
    if (s->told_at != 0 && now < s->told_at + SHORTAGE_TOLD_EVERY) {
        return;
    }
    struct event event = {
        .kind = EVENT_POOL_EXHAUSTED,
        .scope = "node",
        .node = node->name,
        .cause = status_text(status),
        .finding = "LIM-04",
        .operations = s->operations,
        .waited = s->waited,
    };
    *s = (struct shortage){.told_at = now};
    events_tell(node->proxy->events, &event);
}

void node_on_open(struct node *node, const struct link *link)
{
    msec now = net_now(node->proxy->net);
    int64_t ends = stream_certificate_ends(&link->stream);
    bool is_soon = ends != 0 && ends < time(NULL) + EXPIRY_TOLD_DAYS * DAY_SECONDS;
    if (!is_soon || (node->expiry_told_at != 0 && now < node->expiry_told_at + EXPIRY_TOLD_EVERY)) {
        return;
    }
    struct event event = {
        .kind = EVENT_CERT_EXPIRING,
        .scope = "node",
        .node = node->name,
        .expires_at = ends,
    };
    node->expiry_told_at = now;
    events_tell(node->proxy->events, &event);
}
