#include "doctor/examination.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/require.h"

struct examination *examination_new(const struct settings *settings,
                                    const struct problems *problems)
{
    struct examination *e = xcalloc(1, sizeof *e);
    e->settings = settings;
    e->problems = problems;
    return e;
}

static void clear_reply(struct reply_fact *r)
{
    free(r->step.why);
    free(r->code_name);
    free(r->text);
}

static void free_node(struct node_fact *n)
{
    for (size_t i = 0; i < n->dial_count; i++) {
        free(n->dials[i].step.why);
    }
    clear_reply(&n->hello);
    clear_reply(&n->login);
    clear_reply(&n->ping);
    clear_reply(&n->who);
    clear_reply(&n->load);
    if (n->is_described) {
        server_description_clear(&n->description);
    }
    free(n->lookup.why);
    free(n->tunnel.why);
    free(n->tls.why);
    free(n->mechanism);
    free(n->mechanisms);
    free(n->host);
    free(n->name);
    free(n);
}

static void clear_machine(struct machine_fact *m)
{
    free(m->container);
    free(m->vpn);
    free(m->search);
    free(m->proxy_variables);
}

static void free_question(struct question_fact *q)
{
    free(q->name);
    free(q->alias);
    free(q->said);
    free(q->reason);
    free(q);
}

void examination_free(struct examination *e)
{
    if (e == NULL) {
        return;
    }
    clear_machine(&e->machine);
    for (size_t i = 0; i < e->listener_count; i++) {
        clear_reply(&e->listeners[i].ping);
        free(e->listeners[i].step.why);
        free(e->listeners[i].holder);
    }
    for (size_t i = 0; i < e->question_count; i++) {
        free_question(e->questions[i]);
    }
    for (size_t i = 0; i < e->resolver_count; i++) {
        free(e->resolvers[i].text);
    }
    for (size_t i = 0; i < e->side_count; i++) {
        free(e->sides[i].step.why);
        free(e->sides[i].target);
        free(e->sides[i].said);
    }
    for (size_t i = 0; i < e->node_count; i++) {
        free_node(e->nodes[i]);
    }
    free(e->trust.why);
    free(e->seeds.why);
    free(e->txt_auth_source);
    free(e->txt_replica_set);
    free(e->auth_source);
    free(e->auth_user);
    free(e);
}

struct node_fact *examination_node(struct examination *e, const char *name, enum node_source source)
{
    for (size_t i = 0; i < e->node_count; i++) {
        if (strcasecmp(e->nodes[i]->name, name) == 0) {
            e->nodes[i]->sources |= source;
            return e->nodes[i];
        }
    }
    if (e->node_count == EXAMINED_NODES_MOST) {
        return NULL;
    }
    struct node_fact *n = xcalloc(1, sizeof *n);
    const char *colon = name[0] == '/' ? NULL : strrchr(name, ':');
    n->name = xstrdup(name);
    n->host = xstrndup(name, colon == NULL ? strlen(name) : (size_t)(colon - name));
    n->port = (uint16_t)(colon == NULL ? 0 : strtoul(colon + 1, NULL, 10));
    n->sources = source;
    e->nodes[e->node_count++] = n;
    return n;
}

struct question_fact *examination_question(struct examination *e, size_t resolver,
                                           enum question_about about, enum question_way way,
                                           const char *name)
{
    static const uint16_t types[] = {
        [ABOUT_SRV] = DNS_SRV,   [ABOUT_TXT] = DNS_TXT, [ABOUT_HOST] = DNS_A,
        [ABOUT_NOTHING] = DNS_A, [ABOUT_NODE] = DNS_A,  [ABOUT_CLUSTER] = DNS_SRV,
    };
    if (e->question_count == EXAMINED_QUESTIONS_MOST) {
        return NULL;
    }
    struct question_fact *q = xcalloc(1, sizeof *q);
    q->resolver = resolver;
    q->about = about;
    q->way = way;
    q->type = types[about];
    q->name = xstrdup(name);
    q->word = LOOKUP_WAITING;
    q->rcode = -1;
    e->questions[e->question_count++] = q;
    return q;
}

void step_end(struct step_fact *s, enum status status, msec took, const char *why)
{
    free(s->why);
    s->is_tried = true;
    s->status = status;
    s->took = took;
    s->why = why == NULL || why[0] == '\0' ? NULL : xstrdup(why);
}

const char *address_print_bare(const struct address *a, char text[ADDRESS_TEXT_SIZE])
{
    address_print(a, text);
    char *end = strrchr(text, a->family == ADDRESS_IPV6 ? ']' : ':');
    if (a->family != ADDRESS_UNIX && end != NULL) {
        *end = '\0';
        memmove(text, text + (text[0] == '['), strlen(text));
    }
    return text;
}

static bool ends_with(const char *host, const char *domain)
{
    size_t size = strlen(host);
    size_t most = strlen(domain);
    size -= size > 0 && host[size - 1] == '.';
    return size > most && strncasecmp(host + size - most, domain, most) == 0 &&
           host[size - most - 1] == '.';
}

bool host_is_atlas(const char *host)
{
    return ends_with(host, "mongodb.net") || ends_with(host, "mongodbgov.net");
}

bool examination_is_atlas(const struct examination *e)
{
    if (e->settings->upstream.srv_host != NULL) {
        return host_is_atlas(e->settings->upstream.srv_host);
    }
    return e->node_count > 0 && host_is_atlas(e->nodes[0]->host);
}

bool node_is_open(const struct node_fact *n)
{
    for (size_t i = 0; i < n->dial_count; i++) {
        if (step_is_good(&n->dials[i].step)) {
            return true;
        }
    }
    return false;
}
