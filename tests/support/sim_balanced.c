/* The simulated node as two services behind a load balancer, told apart by conn. */
#include <stdlib.h>

#include "support/sim_server.h"

enum { CODE_NOT_BALANCED = 354 };

static void append_service(const struct sim_server *s, bson_t *reply)
{
    bson_oid_t service;
    bson_oid_init_from_string(&service, s->is_of_second ? "00000000000000000000dddd"
                                                        : "00000000000000000000cccc");
    if (!s->node->cluster->hides_service) {
        BSON_APPEND_OID(reply, "serviceId", &service);
    }
}

bool sim_balanced_greet(struct sim_server *s, const bson_t *request, bson_t *reply)
{
    if (!s->node->cluster->is_balanced) {
        return true;
    }
    s->is_greeted |= sim_has(request, "hello") && sim_int(request, "loadBalanced") != 0;
    if (!s->is_greeted) {
        BSON_APPEND_DOUBLE(reply, "ok", 0);
        BSON_APPEND_UTF8(reply, "errmsg", "no loadBalanced: true");
        BSON_APPEND_INT32(reply, "code", CODE_NOT_BALANCED);
        return false;
    }
    append_service(s, reply);
    return true;
}

void sim_balanced_serve(struct sim_server *s)
{
    s->node->maker = s->node->cluster->is_balanced ? s : NULL;
}

static void forget_cursors_of(struct sim_node *n, const struct sim_server *maker)
{
    list_for_each_safe (link, &n->cursors) {
        struct sim_cursor *cursor = container_of(link, struct sim_cursor, link);
        if (cursor->maker == maker) {
            list_remove(link);
            free(cursor);
        }
    }
}

void sim_balanced_end(struct sim_server *s)
{
    if (s->node->cluster->is_balanced) {
        forget_cursors_of(s->node, s);
        sim_txn_forget_of(s->node, s);
    }
}
