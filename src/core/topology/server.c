/* Descriptions as values: made, copied, compared, ended. Reading one is in server_read.c. */
#include "core/topology/server.h"

#include <stdlib.h>
#include <string.h>

#include "base/require.h"

enum { DEFAULT_DOCUMENT_BYTES = 16777216, DEFAULT_MESSAGE_BYTES = 48000000 };
enum { DEFAULT_BATCH_COUNT = 1000 };

void server_description_init(struct server_description *d, const char *error)
{
    *d = (struct server_description){
        .type = SERVER_UNKNOWN,
        .error = error == NULL ? NULL : xstrdup(error),
        .max_document_bytes = DEFAULT_DOCUMENT_BYTES,
        .max_message_bytes = DEFAULT_MESSAGE_BYTES,
        .max_batch_count = DEFAULT_BATCH_COUNT,
    };
}

static char *copy_text(const char *text)
{
    return text == NULL ? NULL : xstrdup(text);
}

void server_description_copy(struct server_description *to, const struct server_description *from)
{
    *to = *from;
    to->set_name = copy_text(from->set_name);
    to->me = copy_text(from->me);
    to->primary = copy_text(from->primary);
    to->error = copy_text(from->error);
    to->hosts = NULL;
    to->tags = NULL;
    if (from->host_count > 0) {
        to->hosts = xcalloc(from->host_count, sizeof *to->hosts);
        for (size_t i = 0; i < from->host_count; i++) {
            to->hosts[i] = xstrdup(from->hosts[i]);
        }
    }
    if (from->tag_count > 0) {
        to->tags = xcalloc(from->tag_count, sizeof *to->tags);
        for (size_t i = 0; i < from->tag_count; i++) {
            to->tags[i].name = xstrdup(from->tags[i].name);
            to->tags[i].value = xstrdup(from->tags[i].value);
        }
    }
}

void server_description_clear(struct server_description *d)
{
    for (size_t i = 0; i < d->host_count; i++) {
        free(d->hosts[i]);
    }
    for (size_t i = 0; i < d->tag_count; i++) {
        free(d->tags[i].name);
        free(d->tags[i].value);
    }
    free(d->hosts);
    free(d->tags);
    free(d->set_name);
    free(d->me);
    free(d->primary);
    free(d->error);
    *d = (struct server_description){0};
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_hosts(const struct server_description *a, const struct server_description *b)
{
    if (a->host_count != b->host_count) {
        return false;
    }
    for (size_t i = 0; i < a->host_count; i++) {
        if (strcmp(a->hosts[i], b->hosts[i]) != 0) {
            return false;
        }
    }
    return true;
}

static bool same_tags(const struct server_description *a, const struct server_description *b)
{
    if (a->tag_count != b->tag_count) {
        return false;
    }
    for (size_t i = 0; i < a->tag_count; i++) {
        if (strcmp(a->tags[i].name, b->tags[i].name) != 0 ||
            strcmp(a->tags[i].value, b->tags[i].value) != 0) {
            return false;
        }
    }
    return true;
}

static bool same_numbers(const struct server_description *a, const struct server_description *b)
{
    return a->min_wire == b->min_wire && a->max_wire == b->max_wire &&
           a->has_set_version == b->has_set_version && a->set_version == b->set_version &&
           a->has_election_id == b->has_election_id &&
           memcmp(a->election_id, b->election_id, OBJECT_ID_BYTES) == 0 &&
           a->has_lsid_timeout == b->has_lsid_timeout &&
           a->lsid_timeout_minutes == b->lsid_timeout_minutes &&
           a->version.is_set == b->version.is_set && a->version.counter == b->version.counter &&
           memcmp(a->version.process_id, b->version.process_id, OBJECT_ID_BYTES) == 0;
}

bool server_description_equals(const struct server_description *a,
                               const struct server_description *b)
{
    return a->type == b->type && a->code == b->code && same_text(a->error, b->error) &&
           same_text(a->set_name, b->set_name) && same_text(a->me, b->me) &&
           same_text(a->primary, b->primary) && same_hosts(a, b) && same_tags(a, b) &&
           same_numbers(a, b);
}

bool server_type_is_data_bearing(enum server_type type)
{
    return type == SERVER_MONGOS || type == SERVER_RS_PRIMARY || type == SERVER_RS_SECONDARY ||
           type == SERVER_STANDALONE || type == SERVER_LOAD_BALANCER;
}

const char *server_type_name(enum server_type type)
{
    static const char *const names[] = {[SERVER_UNKNOWN] = "Unknown",
                                        [SERVER_STANDALONE] = "Standalone",
                                        [SERVER_MONGOS] = "Mongos",
                                        [SERVER_RS_PRIMARY] = "RSPrimary",
                                        [SERVER_RS_SECONDARY] = "RSSecondary",
                                        [SERVER_RS_ARBITER] = "RSArbiter",
                                        [SERVER_RS_OTHER] = "RSOther",
                                        [SERVER_RS_GHOST] = "RSGhost",
                                        [SERVER_LOAD_BALANCER] = "LoadBalancer"};
    return names[type];
}

bool topology_version_is_older(const struct topology_version *news,
                               const struct topology_version *known)
{
    return news->is_set && known->is_set &&
           memcmp(news->process_id, known->process_id, OBJECT_ID_BYTES) == 0 &&
           news->counter < known->counter;
}

void server_rtt_on_sample(struct server_rtt *r, double ms)
{
    if (!(ms >= 0)) {
        return;
    }
    const size_t kept = sizeof r->recent / sizeof r->recent[0];
    r->average_ms = r->samples == 0 ? ms : 0.2 * ms + 0.8 * r->average_ms;
    r->recent[r->samples % kept] = ms;
    r->samples++;
}

double server_rtt_min(const struct server_rtt *r)
{
    const size_t kept = sizeof r->recent / sizeof r->recent[0];
    double least = r->recent[0];
    for (size_t i = 1; i < r->samples && i < kept; i++) {
        least = r->recent[i] < least ? r->recent[i] : least;
    }
    return r->samples < 2 ? 0 : least;
}
