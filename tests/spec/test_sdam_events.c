/* The `monitoring` part of server-discovery-and-monitoring. A proxy has no listeners for events:
 * what a driver would publish is gathered from the topology's actions (ADD, REMOVE, CHANGED) and
 * from what its description was before and after each fact. Their number and contents count; the
 * order in which one fact's actions are taken is the proxy's own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/scope.h"
#include "sdam.h"

enum { EVENTS_MOST = 64 };

struct events {
    char *text[EVENTS_MOST];
    size_t count;
};

static struct {
    struct sdam sdam;
    struct events ours, theirs;
    char *addresses[SDAM_IDS_MOST]; /* by server id */
    bool is_changed;                /* the last fact said CHANGED */
} w;

static void note(struct events *e, char *text)
{
    require(e->count < EVENTS_MOST);
    e->text[e->count++] = text;
}

static void forget(struct events *e)
{
    for (size_t i = 0; i < e->count; i++) {
        free(e->text[i]);
    }
    e->count = 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct events *e)
{
    qsort(e->text, e->count, sizeof *e->text, compare);
}

/* --- descriptions as text: "a:27017 RSPrimary rs primary=a:27017 a:27017 b:27017" --- */

static void append(char **text, const char *more)
{
    char *longer = xformat("%s %s", *text, more);
    free(*text);
    *text = longer;
}

static char *our_server(const struct server *s)
{
    const struct server_description *d = &s->description;
    char *text =
        xformat("%s %s %s primary=%s", s->address, server_type_name(d->type),
                d->set_name == NULL ? "-" : d->set_name, d->primary == NULL ? "-" : d->primary);
    for (size_t i = 0; i < d->host_count; i++) {
        append(&text, d->hosts[i]);
    }
    return text;
}

static char *our_topology(void)
{
    const struct topology *t = w.sdam.t;
    const char *set_name = topology_set_name(t);
    char *text =
        xformat("%s %s:", topology_kind_name(topology_kind(t)), set_name == NULL ? "-" : set_name);
    for (size_t i = 0; i < topology_count(t); i++) {
        auto_free char *one = our_server(topology_at(t, i));
        append(&text, one);
    }
    return text;
}

static char *their_server(const bson_t *d)
{
    static const char *const lists[] = {"hosts", "passives", "arbiters"};
    const char *set_name = spec_text(d, "setName"), *primary = spec_text(d, "primary");
    const char *type = spec_text(d, "type");
    bool is_guess = strcmp(type, "PossiblePrimary") == 0; /* of clients with one thread alone */
    char *text =
        xformat("%s %s %s primary=%s", spec_text(d, "address"), is_guess ? "Unknown" : type,
                set_name == NULL ? "-" : set_name, primary == NULL ? "-" : primary);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        bson_iter_t at, host;
        require(spec_find(d, lists[i], &at) && bson_iter_recurse(&at, &host));
        while (bson_iter_next(&host)) {
            append(&text, bson_iter_utf8(&host, NULL));
        }
    }
    return text;
}

static char *their_topology(const bson_t *d)
{
    bson_t servers, one;
    bson_iter_t at;
    const char *set_name = spec_text(d, "setName");
    char *text = xformat("%s %s:", spec_text(d, "topologyType"), set_name == NULL ? "-" : set_name);
    require(spec_document(d, "servers", &servers) && bson_iter_init(&at, &servers));
    while (bson_iter_next(&at)) {
        require(spec_take(&at, &one));
        auto_free char *server = their_server(&one);
        append(&text, server);
    }
    return text;
}

/* --- the case's events --- */

static char *their_change(const bson_t *e, char *(*print)(const bson_t *d))
{
    bson_t before, after;
    require(spec_document(e, "previousDescription", &before) &&
            spec_document(e, "newDescription", &after));
    auto_free char *old = print(&before);
    auto_free char *new = print(&after);
    return xformat("[%s] becomes [%s]", old, new);
}

static char *their_event(const bson_iter_t *at)
{
    bson_t e;
    const char *kind = bson_iter_key(at);
    require(spec_take(at, &e));
    if (strcmp(kind, "topology_opening_event") == 0) {
        return xstrdup("topology opens");
    }
    if (strcmp(kind, "server_opening_event") == 0) {
        return xformat("%s opens", spec_text(&e, "address"));
    }
    if (strcmp(kind, "server_closed_event") == 0) {
        return xformat("%s closes", spec_text(&e, "address"));
    }
    if (strcmp(kind, "server_description_changed_event") == 0) {
        return their_change(&e, their_server);
    }
    require(strcmp(kind, "topology_description_changed_event") == 0);
    return their_change(&e, their_topology);
}

static void note_theirs(const bson_t *phase)
{
    bson_t outcome, events, one;
    bson_iter_t at, event;
    require(spec_document(phase, "outcome", &outcome) &&
            spec_document(&outcome, "events", &events) && bson_iter_init(&at, &events));
    while (bson_iter_next(&at)) {
        require(spec_take(&at, &one) && bson_iter_init(&event, &one) && bson_iter_next(&event));
        note(&w.theirs, their_event(&event));
    }
}

/* --- ours --- */

static void on_action(struct sdam *s, const struct topology_action *a)
{
    (void)s;
    if (a->kind == TOPOLOGY_ADD) {
        w.addresses[a->id] = xstrdup(a->address);
        note(&w.ours, xformat("%s opens", a->address));
    } else if (a->kind == TOPOLOGY_REMOVE) {
        note(&w.ours, xformat("%s closes", w.addresses[a->id]));
    } else if (a->kind == TOPOLOGY_CHANGED) {
        w.is_changed = true;
    }
}

static void begin(const char *uri)
{
    w.is_changed = false;
    w.sdam.on_action = on_action;
    note(&w.ours, xstrdup("topology opens"));
    sdam_begin(&w.sdam, uri);
    auto_free char *now = our_topology();
    if (w.is_changed) {
        note(&w.ours, xformat("[Unknown -:] becomes [%s]", now));
    }
}

static void note_server_change(const char *address, const struct server_description *before,
                               const char *text_before)
{
    const struct server *s = sdam_find(&w.sdam, address);
    if (s != NULL && !server_description_equals(before, &s->description)) {
        auto_free char *now = our_server(s);
        note(&w.ours, xformat("[%s] becomes [%s]", text_before, now));
    }
}

static void hear(const bson_t *response)
{
    struct server_description before;
    const char *address = spec_text(response, "0");
    const struct server *s = sdam_find(&w.sdam, address);
    if (s == NULL) {
        return; /* it has left: nobody listens to it any more */
    }
    server_description_copy(&before, &s->description);
    auto_free char *server_before = our_server(s);
    auto_free char *topology_before = our_topology();
    w.is_changed = false;
    sdam_hear(&w.sdam, response);
    note_server_change(address, &before, server_before);
    if (w.is_changed) {
        auto_free char *now = our_topology();
        note(&w.ours, xformat("[%s] becomes [%s]", topology_before, now));
    }
    server_description_clear(&before);
}

static char *compare_events(void)
{
    sort(&w.ours);
    sort(&w.theirs);
    for (size_t i = 0; i < w.ours.count || i < w.theirs.count; i++) {
        const char *ours = i < w.ours.count ? w.ours.text[i] : "nothing";
        const char *theirs = i < w.theirs.count ? w.theirs.text[i] : "nothing";
        if (strcmp(ours, theirs) != 0) {
            return xformat("ours is %s; theirs is %s", ours, theirs);
        }
    }
    return NULL;
}

static char *check_phase(const bson_t *phase)
{
    bson_t responses, response;
    bson_iter_t at;
    if (spec_document(phase, "responses", &responses) && bson_iter_init(&at, &responses)) {
        while (bson_iter_next(&at)) {
            require(spec_take(&at, &response));
            hear(&response);
        }
    }
    note_theirs(phase);
    char *fault = compare_events();
    forget(&w.ours);
    forget(&w.theirs);
    return fault;
}

static char *check(const struct spec_case *c)
{
    bson_t phases, phase;
    bson_iter_t at;
    char *fault = NULL;
    begin(spec_text(c->document, "uri"));
    require(spec_document(c->document, "phases", &phases) && bson_iter_init(&at, &phases));
    while (fault == NULL && bson_iter_next(&at)) {
        require(spec_take(&at, &phase));
        fault = check_phase(&phase);
    }
    sdam_end(&w.sdam);
    for (size_t i = 0; i < SDAM_IDS_MOST; i++) {
        free(w.addresses[i]);
        w.addresses[i] = NULL;
    }
    return fault;
}

int main(void)
{
    spec_run("server-discovery-and-monitoring/monitoring", check);
    return spec_end();
}
