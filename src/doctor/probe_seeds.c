/* SRV and TXT as the running proxy would ask for them; then the nodes. */
#include <stdlib.h>

#include "base/require.h"
#include "core/dns/seeds.h"
#include "doctor/doctor_parts.h"

static void set_login(struct doctor *d)
{
    struct examination *e = d->facts;
    const struct upstream_settings *up = &d->settings->upstream;
    const char *source =
        seeds_auth_source(up->srv_host, up->auth_source, e->txt_auth_source, up->database);
    free(e->auth_source);
    free(e->auth_user);
    e->auth_source = xstrdup(up->auth_mechanism == AUTH_X509 ? "$external" : source);
    e->auth_user = up->user == NULL ? NULL : xstrdup(up->user);
}

static void add_all(struct doctor *d, const char *const *hosts, enum node_source source)
{
    for (size_t i = 0; hosts != NULL && hosts[i] != NULL; i++) {
        doctor_add_node(d, hosts[i], source);
    }
}

static void on_seeds(void *owner, const struct names_seeds *found)
{
    struct doctor *d = owner;
    struct examination *e = d->facts;
    d->seeds = NULL;
    step_end(&e->seeds, found->status, net_now(d->net) - d->began,
             found->status == STATUS_OK ? NULL : found->why.text);
    if (found->status == STATUS_OK) {
        e->txt_auth_source = found->auth_source == NULL ? NULL : xstrdup(found->auth_source);
        e->txt_replica_set = found->replica_set == NULL ? NULL : xstrdup(found->replica_set);
        e->txt_load_balanced = found->load_balanced;
    }
    set_login(d);
    for (size_t i = 0; found->status == STATUS_OK && i < found->count; i++) {
        doctor_add_node(d, found->hosts[i], NODE_OF_SRV);
    }
    doctor_progress(d);
    doctor_advance(d);
}

void probe_seeds_open(struct doctor *d)
{
    const struct upstream_settings *up = &d->settings->upstream;
    set_login(d);
    if (up->srv_host != NULL) {
        d->seeds = names_resolve_seeds(d->names, up, on_seeds, d);
        return;
    }
    add_all(d, (const char *const *)up->hosts, NODE_OF_URI);
}

void probe_seeds_cut(struct doctor *d)
{
    if (d->seeds != NULL) {
        names_cancel(d->seeds);
        d->seeds = NULL;
        step_end(&d->facts->seeds, STATUS_TIMED_OUT, net_now(d->net) - d->began, NULL);
    }
}
