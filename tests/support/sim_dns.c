/* Resolvers of the simulated world: a scripted zone. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/require.h"
#include "support/sim_parts.h"

enum { HEADER_BYTES = 12, QUESTION_MOST = 300, LATE_MS = 4000, RCODE_NXDOMAIN = 3 };

struct row {
    struct list link;
    char *resolver; /* NULL: every one not named otherwise */
    char *name;
    uint16_t type;
    enum status status;
    struct span message; /* owned */
    msec delay;
};

struct asked {
    struct list link;
    char *resolver;
    size_t count;
};

struct sim_question {
    struct query query;
    struct list link;
    struct sim_event event;
    struct query_asked asked;
    enum status status;
    uint8_t *message;
    size_t size;
};

static struct row *find_row(struct sim *sim, const char *resolver, const char *name, uint16_t type)
{
    list_for_each (link, &sim->rows) {
        struct row *r = container_of(link, struct row, link);
        bool is_resolver = resolver == NULL
                               ? r->resolver == NULL
                               : r->resolver != NULL && strcmp(r->resolver, resolver) == 0;
        if (is_resolver && strcasecmp(r->name, name) == 0 && r->type == type) {
            return r;
        }
    }
    return NULL;
}

static void free_row(struct row *r)
{
    list_remove(&r->link);
    free(r->resolver);
    free(r->name);
    free((void *)(uintptr_t)r->message.at);
    free(r);
}

void sim_dns_answer(struct sim *sim, const char *resolver, const char *name, uint16_t type,
                    enum status status, struct span message, msec delay)
{
    struct row *old = find_row(sim, resolver, name, type);
    if (old != NULL) {
        free_row(old);
    }
    struct row *r = xcalloc(1, sizeof *r);
    r->resolver = resolver == NULL ? NULL : xstrdup(resolver);
    r->name = xstrdup(name);
    r->type = type;
    r->status = status;
    r->message = span_of(xstrndup((const char *)message.at, message.size), message.size);
    r->delay = delay;
    list_push_back(&sim->rows, &r->link);
}

static struct asked *asked_of(struct sim *sim, const char *resolver)
{
    list_for_each (link, &sim->asked) {
        struct asked *a = container_of(link, struct asked, link);
        if (strcmp(a->resolver, resolver) == 0) {
            return a;
        }
    }
    struct asked *a = xcalloc(1, sizeof *a);
    a->resolver = xstrdup(resolver);
    list_push_back(&sim->asked, &a->link);
    return a;
}

size_t sim_dns_count(const struct sim *sim, const char *resolver)
{
    size_t count = 0;
    list_for_each (link, &sim->asked) {
        const struct asked *a = container_of(link, struct asked, link);
        if (resolver == NULL || strcmp(a->resolver, resolver) == 0) {
            count += a->count;
        }
    }
    return count;
}

static void free_question(struct sim_question *q)
{
    sim_cancel(&q->event);
    list_remove(&q->link);
    free(q->message);
    free(q);
}

static void on_answered(struct sim_event *e)
{
    struct sim_question *q = container_of(e, struct sim_question, event);
    list_remove(&q->link);
    q->asked.on_answer(q->asked.owner, q->status, span_of(q->message, q->size));
    free_question(q);
}

/* A message without records: header and question. */
static void put_empty(struct sim_question *q, const char *name, uint16_t type, uint8_t rcode)
{
    q->message = xcalloc(1, HEADER_BYTES + QUESTION_MOST);
    q->message[2] = 0x81; /* an answer, recursion desired */
    q->message[3] = 0x80 | rcode;
    q->message[5] = 1;
    uint8_t *at = q->message + HEADER_BYTES;
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        require(label > 0 && label < 64 && at + label < q->message + QUESTION_MOST);
        *at++ = (uint8_t)label;
        memcpy(at, name, label);
        at += label;
        name += label + (name[label] == '.' ? 1 : 0);
    }
    *at++ = 0;
    *at++ = (uint8_t)(type >> 8);
    *at++ = (uint8_t)type;
    *at++ = 0;
    *at++ = 1; /* IN */
    q->size = (size_t)(at - q->message);
}

struct query *sim_query(struct net *net, const char *resolver, const char *name, uint16_t type,
                        struct query_asked asked)
{
    struct sim *sim = sim_of(net);
    struct sim_question *q = xcalloc(1, sizeof *q);
    const struct row *r = find_row(sim, resolver, name, type);
    r = r == NULL ? find_row(sim, NULL, name, type) : r;
    msec delay = r == NULL ? 0 : r->delay;
    q->query.net = net;
    q->asked = asked;
    sim_event_init(&q->event, on_answered);
    list_push_back(&sim->queries, &q->link);
    asked_of(sim, resolver)->count++;
    if (sim_goes_wrong(sim, FAULT_DNS_REFUSED, NULL)) {
        q->status = STATUS_REFUSED;
    } else if (sim_goes_wrong(sim, FAULT_DNS_EMPTY, NULL)) {
        put_empty(q, name, type, 0);
    } else if (r == NULL) {
        put_empty(q, name, type, RCODE_NXDOMAIN);
    } else {
        q->status = r->status;
        q->size = r->message.size;
        q->message = (uint8_t *)xstrndup((const char *)r->message.at, r->message.size);
    }
    if (q->size >= 2) {
        net_random(net, q->message, 2); /* the id */
    }
    if (sim_goes_wrong(sim, FAULT_DNS_LATE, NULL) && delay != MSEC_NEVER) {
        delay += LATE_MS;
    }
    if (delay != MSEC_NEVER && !sim_goes_wrong(sim, FAULT_DNS_HANGS, NULL)) {
        sim_schedule(sim, &q->event, sim->now + delay);
    }
    return &q->query;
}

void sim_query_cancel(struct query *query)
{
    free_question(container_of(query, struct sim_question, query));
}

void sim_dns_clear(struct sim *sim)
{
    list_for_each_safe (link, &sim->rows) {
        free_row(container_of(link, struct row, link));
    }
    list_for_each_safe (other, &sim->asked) {
        struct asked *a = container_of(other, struct asked, link);
        free(a->resolver);
        free(a);
    }
}
