/* Side probes: does anything get out of this network, and does port 27017? A connection that opens
 * is the whole answer; nothing is sent. */
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "doctor/doctor_parts.h"
#include "names/asking.h"

struct side_probe {
    struct doctor *doctor;
    struct list link;
    struct side_fact *fact;
    struct names_request *lookup; /* of a target that is a name */
    struct conn *conn;
    struct asking *asking;    /* SIDE_PUBLIC_ADDRESS, with */
    struct resolver resolver; /* whom to ask */
    msec began;
    struct deadline deadline;
    bool is_cut;
};

static void on_open(void *owner);
static void on_closed(void *owner, enum status why);

static void ignore(void *owner)
{
    (void)owner;
}

static void ignore_bytes(void *owner, struct span bytes)
{
    (void)owner;
    (void)bytes;
}

static const struct conn_events events = {
    .on_open = on_open, .on_bytes = ignore_bytes, .on_drained = ignore, .on_closed = on_closed};

static void note(struct side_probe *p, enum status status, const char *why)
{
    if (!p->fact->step.is_tried) {
        step_end(&p->fact->step, status, net_now(p->doctor->net) - p->began, why);
    }
}

static void end(struct side_probe *p)
{
    struct doctor *d = p->doctor;
    net_clear_deadline(d->net, &p->deadline);
    resolver_clear(&p->resolver);
    list_remove(&p->link);
    free(p);
    doctor_advance(d);
}

static void on_open(void *owner)
{
    struct side_probe *p = owner;
    note(p, STATUS_OK, NULL);
    conn_close(p->conn, CLOSE_NOW);
}

static void on_closed(void *owner, enum status why)
{
    struct side_probe *p = owner;
    note(p, why, NULL);
    end(p);
}

static void dial(struct side_probe *p, const struct address *to)
{
    p->conn = net_dial(p->doctor->net, to, NULL, &events, p);
}

static void on_found(void *owner, const struct names_addresses *found)
{
    struct side_probe *p = owner;
    p->lookup = NULL;
    if (found->status != STATUS_OK) {
        note(p, found->status, found->why.text);
        end(p);
        return;
    }
    dial(p, &found->addresses[found->count - 1]); /* the last is IPv4 where there is one */
}

static void on_deadline(struct deadline *d, msec now)
{
    struct side_probe *p = container_of(d, struct side_probe, deadline);
    (void)now;
    note(p, p->is_cut ? STATUS_CLOSED_BY_US : STATUS_TIMED_OUT, NULL);
    if (p->lookup != NULL) {
        names_cancel(p->lookup);
    }
    if (p->asking != NULL) {
        asking_cancel(p->asking);
    }
    if (p->conn == NULL) {
        end(p);
        return;
    }
    conn_close(p->conn, CLOSE_NOW);
}

static struct side_probe *open_any(struct doctor *d, enum side_kind kind, const char *target)
{
    struct side_probe *p = xcalloc(1, sizeof *p);
    p->doctor = d;
    p->began = net_now(d->net);
    p->fact = &d->facts->sides[d->facts->side_count++];
    *p->fact = (struct side_fact){.kind = kind, .target = xstrdup(target)};
    list_push_back(&d->sides, &p->link);
    deadline_init(&p->deadline, on_deadline);
    net_set_deadline(d->net, &p->deadline, doctor_limit(d));
    return p;
}

static void open_one(struct doctor *d, enum side_kind kind, const char *target)
{
    struct address at;
    if (target == NULL || d->facts->side_count == EXAMINED_SIDES_MOST) {
        return;
    }
    struct side_probe *p = open_any(d, kind, target);
    if (address_parse(target, 443, &at)) {
        dial(p, &at);
        return;
    }
    const char *colon = strrchr(target, ':');
    char *host = xstrndup(target, colon == NULL ? strlen(target) : (size_t)(colon - target));
    uint16_t port = (uint16_t)(colon == NULL ? 27017 : strtoul(colon + 1, NULL, 10));
    p->lookup = names_resolve_host(d->names, host, port, on_found, p);
    free(host);
}

static void on_address(void *owner, struct asking_result *result)
{
    struct side_probe *p = owner;
    char text[ADDRESS_TEXT_SIZE];
    p->asking = NULL;
    if (result->word == LOOKUP_OK) {
        p->fact->said = xstrdup(address_print_bare(&result->answer.records[0].address, text));
        note(p, STATUS_OK, NULL);
    } else {
        note(p, STATUS_NAME_LOOKUP_FAILED, lookup_word_text(result->word));
    }
    end(p);
}

/* "NAME@RESOLVER" */
static void ask_address(struct doctor *d, const char *target)
{
    const char *at = target == NULL ? NULL : strchr(target, '@');
    struct resolver resolver;
    if (at == NULL || d->facts->side_count == EXAMINED_SIDES_MOST ||
        resolver_parse(at + 1, RESOLVER_LISTED, &resolver, NULL) != STATUS_OK) {
        return;
    }
    struct side_probe *p = open_any(d, SIDE_PUBLIC_ADDRESS, target);
    char *name = xstrndup(target, (size_t)(at - target));
    p->resolver = resolver;
    struct asking_wanted wanted = {.resolver = &p->resolver,
                                   .name = name,
                                   .type = DNS_A,
                                   .timeout = d->settings->doctor.timeout_ms};
    p->asking = asking_start(d->net, &wanted, on_address, p);
    free(name);
}

void side_probes_open(struct doctor *d)
{
    char **controls = d->settings->doctor.control_addresses;
    for (size_t i = 0; controls != NULL && controls[i] != NULL; i++) {
        open_one(d, SIDE_CONTROL, controls[i]);
    }
    if (d->options.asks_public_address) {
        ask_address(d, d->settings->doctor.public_address_probe);
    }
    if (d->options.asks_port) {
        open_one(d, SIDE_PORT, d->settings->doctor.port_probe);
    }
}

void side_probe_cut(struct side_probe *p)
{
    p->is_cut = true;
    net_set_deadline(p->doctor->net, &p->deadline, net_now(p->doctor->net));
}

struct side_probe *side_probe_of(struct list *link)
{
    return container_of(link, struct side_probe, link);
}
