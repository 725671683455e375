/* Who listens where applications go: dial it; when it opens, ask something that only a Mooring
 * answers by itself, then ping through it.
 *
 *   DIALING ─ ASKING ─ PINGING ─ LEAVING
 *
 * A dial that is refused is followed by the trial to take the address. */
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/sm.h"
#include "doctor/doctor_parts.h"
#include "doctor/machine.h"

enum { ANSWER_MOST_MS = 1500 };

enum listener_step { STEP_DIALING, STEP_ASKING, STEP_PINGING, STEP_LEAVING };

static const struct sm_state states[] = {
    [STEP_DIALING] = {"DIALING", SM_TO(STEP_ASKING) | SM_TO(STEP_LEAVING)},
    [STEP_ASKING] = {"ASKING", SM_TO(STEP_PINGING) | SM_TO(STEP_LEAVING)},
    [STEP_PINGING] = {"PINGING", SM_TO(STEP_LEAVING)},
    [STEP_LEAVING] = {"LEAVING", 0},
};

struct listener_probe {
    struct doctor *doctor;
    struct list link;
    struct listener_fact *fact;
    struct sm state;
    struct stream stream;
    struct talk talk;
    msec began; /* the step */
    struct deadline deadline;
};

static void on_open(void *owner);
static void on_bytes(void *owner, struct span bytes);
static void on_closed(void *owner, enum status why);

static void ignore(void *owner)
{
    (void)owner;
}

static const struct conn_events events = {
    .on_open = on_open, .on_bytes = on_bytes, .on_drained = ignore, .on_closed = on_closed};

static msec since(const struct listener_probe *p)
{
    return net_now(p->doctor->net) - p->began;
}

static void move(struct listener_probe *p, enum listener_step step, msec limit)
{
    struct net *net = p->doctor->net;
    sm_move(&p->state, (int)step, net_now(net));
    p->began = net_now(net);
    net_set_deadline(net, &p->deadline, limit);
}

static void leave(struct listener_probe *p)
{
    move(p, STEP_LEAVING, MSEC_NEVER);
    stream_close(&p->stream, CLOSE_NOW);
}

/* Something listens that is no Mooring. */
static void note_taken(struct listener_probe *p)
{
    p->fact->state = LISTENER_TAKEN;
    leave(p);
}

static void on_open(void *owner)
{
    struct listener_probe *p = owner;
    bson_t ping = BSON_INITIALIZER, wrong;
    if (p->state.now_in != STEP_DIALING) {
        return;
    }
    step_end(&p->fact->step, STATUS_OK, since(p), NULL);
    move(p, STEP_ASKING,
         msec_earlier(net_now(p->doctor->net) + ANSWER_MOST_MS, doctor_limit(p->doctor)));
    /* A read preference that a Mooring refuses by itself, in words of its own, and logs nowhere. */
    probe_write_command(&ping, "ping");
    BSON_APPEND_DOCUMENT_BEGIN(&ping, "$readPreference", &wrong);
    BSON_APPEND_UTF8(&wrong, "mode", "mooring doctor");
    bson_append_document_end(&ping, &wrong);
    probe_ask(p->doctor, &p->talk, &p->stream, &ping);
    bson_destroy(&ping);
}

static void on_identity(struct listener_probe *p, const bson_t *reply)
{
    struct reply_fact said = {0};
    bson_t ping = BSON_INITIALIZER;
    probe_read_reply(&said, reply, since(p));
    bool is_ours = said.text != NULL && strncmp(said.text, "mooring: ", 9) == 0;
    free(said.text);
    free(said.code_name);
    if (is_ours) {
        p->fact->state = LISTENER_MOORING;
        move(p, STEP_PINGING, doctor_limit(p->doctor));
        probe_write_command(&ping, "ping");
        probe_ask(p->doctor, &p->talk, &p->stream, &ping);
    } else {
        note_taken(p);
    }
    bson_destroy(&ping);
}

static void on_bytes(void *owner, struct span bytes)
{
    struct listener_probe *p = owner;
    bson_t reply;
    enum talk_event event =
        p->state.now_in == STEP_LEAVING ? TALK_MORE : talk_on_bytes(&p->talk, bytes, &reply);
    if (event == TALK_MORE) {
        return;
    }
    if (event == TALK_BAD) {
        note_taken(p);
    } else if (p->state.now_in == STEP_ASKING) {
        on_identity(p, &reply);
    } else {
        probe_read_reply(&p->fact->ping, &reply, since(p));
        leave(p);
    }
    talk_done(&p->talk);
}

static void on_accept(void *owner, struct conn *conn, const struct address *peer)
{
    (void)owner;
    (void)peer;
    conn_close(conn, CLOSE_NOW);
}

/* Nothing answered; can it be had? The listener is gone within the same turn. */
static void try_to_take(struct listener_probe *p)
{
    struct listen_options options = {.unix_mode = 0600};
    struct listener *listener;
    struct error why = {0};
    struct net *net = p->doctor->net;
    enum status status =
        net_listen(net, &p->fact->address, &options, on_accept, p, &listener, &why);
    step_end(&p->fact->step, status, since(p), status == STATUS_OK ? NULL : why.text);
    if (status == STATUS_OK) {
        listener_close(listener);
        p->fact->state = LISTENER_FREE;
    } else {
        p->fact->state = status == STATUS_ADDRESS_IN_USE ? LISTENER_TAKEN : LISTENER_UNAVAILABLE;
    }
}

static void on_closed(void *owner, enum status why)
{
    struct listener_probe *p = owner;
    struct doctor *d = p->doctor;
    if (p->state.now_in == STEP_DIALING) {
        try_to_take(p);
    } else if (p->state.now_in == STEP_ASKING) {
        p->fact->state = LISTENER_TAKEN;
    } else if (p->state.now_in == STEP_PINGING) {
        step_end(&p->fact->ping.step, why, since(p), NULL);
    }
    if (p->fact->state == LISTENER_TAKEN) {
        machine_find_listener("", &p->fact->address, &p->fact->holder, &p->fact->holder_pid);
    }
    net_clear_deadline(d->net, &p->deadline);
    talk_clear(&p->talk);
    list_remove(&p->link);
    free(p);
    doctor_progress(d);
    doctor_advance(d);
}

static void on_deadline(struct deadline *d, msec now)
{
    struct listener_probe *p = container_of(d, struct listener_probe, deadline);
    (void)now;
    if (p->state.now_in == STEP_ASKING) {
        p->fact->state = LISTENER_TAKEN;
    } else if (p->state.now_in == STEP_PINGING) {
        step_end(&p->fact->ping.step, STATUS_TIMED_OUT, since(p), NULL);
    } else {
        step_end(&p->fact->step, STATUS_TIMED_OUT, since(p), NULL);
    }
    leave(p);
}

/* 0.0.0.0 and :: are reached by loopback. */
static struct address where_to_dial(const struct address *at)
{
    static const uint8_t any[16];
    struct address to = *at;
    if (at->family == ADDRESS_IPV4 && memcmp(at->ip, any, 4) == 0) {
        address_parse("127.0.0.1", at->port, &to);
    } else if (at->family == ADDRESS_IPV6 && memcmp(at->ip, any, 16) == 0) {
        address_parse("::1", at->port, &to);
    }
    return to;
}

static void open_one(struct doctor *d, struct listener_fact *fact)
{
    struct listener_probe *p = xcalloc(1, sizeof *p);
    struct address to = where_to_dial(&fact->address);
    p->doctor = d;
    p->fact = fact;
    p->began = net_now(d->net);
    sm_init(&p->state, states, STEP_DIALING);
    talk_init(&p->talk, &d->net->chunks);
    list_push_back(&d->listeners, &p->link);
    deadline_init(&p->deadline, on_deadline);
    net_set_deadline(d->net, &p->deadline,
                     msec_earlier(p->began + ANSWER_MOST_MS, doctor_limit(d)));
    stream_dial(&p->stream, d->net, &to, NULL, NULL, &events, p);
}

static void add(struct examination *e, const struct address *at, bool is_configured)
{
    for (size_t i = 0; i < e->listener_count; i++) {
        if (address_equals(&e->listeners[i].address, at)) {
            e->listeners[i].is_configured |= is_configured;
            return;
        }
    }
    if (e->listener_count < EXAMINED_LISTENERS_MOST) {
        e->listeners[e->listener_count++] =
            (struct listener_fact){.address = *at, .is_configured = is_configured};
    }
}

static void add_twin(struct examination *e, const struct address *at)
{
    struct address twin;
    if (at->family != ADDRESS_UNIX && at->port != 0 && address_is_loopback(at)) {
        address_parse(at->family == ADDRESS_IPV4 ? "::1" : "127.0.0.1", at->port, &twin);
        add(e, &twin, false);
    }
}

void listener_probes_open(struct doctor *d)
{
    struct examination *e = d->facts;
    char **texts = d->settings->listen.addresses;
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
        struct address at;
        if (address_parse(texts[i], 27017, &at)) {
            add(e, &at, true);
        }
    }
    for (size_t i = 0, count = e->listener_count; i < count; i++) {
        add_twin(e, &e->listeners[i].address);
    }
    for (size_t i = 0; i < e->listener_count; i++) {
        open_one(d, &e->listeners[i]);
    }
}

void listener_probe_cut(struct listener_probe *p)
{
    if (p->state.now_in != STEP_LEAVING) {
        leave(p);
    }
}

struct listener_probe *listener_probe_of(struct list *link)
{
    return container_of(link, struct listener_probe, link);
}
