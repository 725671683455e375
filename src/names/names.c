/* A request is one or two questions (SRV and TXT, or A and AAAA), each a core/dns lookup over the
 * candidates; when all are over, the records are put together and on_done is called from a
 * deadline, hence in a turn of its own. What needs no DNS goes the same way with no question.
 *
 * Failures: a resolver refuses or is silent (the lookup asks the next); nobody knows (the sentence
 * of lookup_explain); an answer breaks a rule of the seed list (BAD_INPUT). Cancelling ends every
 * asking. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "names/names_parts.h"

static void on_done_due(struct deadline *d, msec now);
static void on_impatient(struct deadline *d, msec now);

static char **copy_list(char **list)
{
    size_t count = 0;
    while (list != NULL && list[count] != NULL) {
        count++;
    }
    char **copy = xcalloc(count + 1, sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        copy[i] = xstrdup(list[i]);
    }
    return copy;
}

static void free_list(char **list)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        free(list[i]);
    }
    free(list);
}

struct names *names_new(struct net *net, const struct dns_settings *settings)
{
    struct names *n = xcalloc(1, sizeof *n);
    n->net = net;
    n->settings = *settings;
    n->settings.resolvers = copy_list(settings->resolvers);
    n->settings.resolv_conf = xstrdup(settings->resolv_conf);
    n->settings.fallback_resolvers = copy_list(settings->fallback_resolvers);
    n->settings.ca_file = settings->ca_file == NULL ? NULL : xstrdup(settings->ca_file);
    n->hosts_file = xstrdup("/etc/hosts");
    list_init(&n->bursts);
    return n;
}

void names_free(struct names *n)
{
    if (n == NULL) {
        return;
    }
    require(n->requests == 0);
    free_list(n->settings.resolvers);
    free_list(n->settings.fallback_resolvers);
    free(n->settings.resolv_conf);
    free(n->settings.ca_file);
    tls_config_free(n->tls);
    free(n->hosts_file);
    names_memory_free(n->memory);
    free(n);
}

void names_set_hosts_file(struct names *n, const char *path)
{
    free(n->hosts_file);
    n->hosts_file = path == NULL ? NULL : xstrdup(path);
}

/* --- a request --- */

struct names_request *names_request_new(struct names *n, void *owner)
{
    struct names_request *r = xcalloc(1, sizeof *r);
    r->names = n;
    r->owner = owner;
    n->requests++;
    r->began_at = net_now(n->net);
    list_init(&r->askers);
    deadline_init(&r->done, on_done_due);
    deadline_init(&r->patience, on_impatient);
    return r;
}

void names_request_free(struct names_request *r)
{
    for (size_t i = 0; i < r->question_count; i++) {
        struct question *q = &r->questions[i];
        names_cancel_askings(q);
        net_clear_deadline(r->names->net, &q->deadline);
        dns_answer_clear(&q->answer);
        free(q->name);
    }
    net_clear_deadline(r->names->net, &r->done);
    net_clear_deadline(r->names->net, &r->patience);
    net_clear_deadline(r->names->net, &r->reread);
    r->names->requests--;
    candidates_free(r->candidates);
    free(r->host);
    free(r->source);
    free(r);
}

void names_cancel(struct names_request *r)
{
    names_leave_burst(r);
    names_request_free(r);
}

/* --- the end of a request --- */

const char *names_source(const struct question *q)
{
    const struct lookup *l = &q->lookup;
    return l->believed < l->count ? l->list[l->believed].text : "";
}

void names_explain_impatience(const struct question *q, struct error *why)
{
    error_set(why, STATUS_NAME_LOOKUP_FAILED,
              "the %s record of %s has not been answered within %lld ms", dns_type_name(q->type),
              q->name, (long long)(net_now(q->request->names->net) - q->request->began_at));
}

static void on_done_due(struct deadline *d, msec now)
{
    struct names_request *r = container_of(d, struct names_request, done);
    (void)now;
    if (r->on_seeds != NULL) {
        names_finish_seeds(r);
    } else if (r->on_addresses != NULL) {
        names_finish_host(r);
    } else {
        names_finish_burst(r);
    }
}

static void on_impatient(struct deadline *d, msec now)
{
    struct names_request *r = container_of(d, struct names_request, patience);
    (void)now;
    r->is_impatient = true;
    if (r->on_seeds != NULL) {
        names_finish_seeds(r);
    } else {
        names_finish_host(r);
    }
}

void names_limit_patience(struct names_request *r)
{
    struct names *n = r->names;
    net_set_deadline(n->net, &r->patience, net_now(n->net) + names_memory_patience(n->memory));
}

void names_describe(const struct names *n, char *text, size_t room)
{
    struct candidates *c = candidates_new(&n->settings);
    candidates_describe(c, &n->settings, text, room);
    candidates_free(c);
}
