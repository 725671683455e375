/* The cluster as a report shows it: what is known of every server, and whether we get through. */
#include "proxy/cluster_look.h"

#include "proxy/cluster_parts.h"

static bool is_ready(const struct node *node)
{
    const struct pool_counts *counts = pool_counts(node->pool);
    return counts->idle + counts->lent + counts->checking > 0;
}

static struct cluster_row row_of(const struct cluster *c, const struct node *node)
{
    const struct server *server = topology_server(c->topology, node->id);
    bool is_known = server != NULL && server->description.type != SERVER_UNKNOWN;
    bool is_usable = topology_is_usable(c->topology, node->id);
    return (struct cluster_row){
        .name = node->name,
        .type = server_type_name(server == NULL ? SERVER_UNKNOWN : server->description.type),
        .is_usable = is_usable,
        .is_ready = is_ready(node),
        .is_settled = (is_known && !is_usable) || is_ready(node) || node->why.text[0] != '\0',
        .why = node->why.text,
    };
}

bool cluster_look(struct cluster *c, struct cluster_sight *out)
{
    const struct request_facts write = {0};
    const struct cluster_wish wish = {.facts = &write};
    struct select_refusal refusal;
    struct node *node;
    *out = (struct cluster_sight){.why = cluster_why(c), .is_settled = true};
    if (c->topology == NULL) {
        return false;
    }
    out->kind = topology_kind_name(topology_kind(c->topology));
    out->set_name = topology_set_name(c->topology);
    out->is_whole = true;
    list_for_each (link, &c->nodes) {
        struct node *one = container_of(link, struct node, link);
        if (!one->is_removed && out->count < CLUSTER_ROWS_MOST) {
            struct cluster_row row = row_of(c, one);
            out->rows[out->count++] = row;
            out->is_settled &= row.is_settled;
            out->is_whole &= row.is_settled && (row.is_ready || !row.is_usable) &&
                             (row.is_usable || row.why[0] == '\0');
        }
    }
    out->is_serving = cluster_choose(c, &wish, &node, &refusal) == SELECT_FOUND && is_ready(node);
    return out->count > 0;
}
