/* Begins all probes at once, lets each find the next (SRV finds nodes, a node finds others), and
 * ends when what findings need is known:
 *
 *   walking ─ waiting (for side probes, only when something failed that they tell apart) ─ ending
 *
 * Failures are facts; the one end is on_done. The whole has a deadline, at which every probe is
 * cut. */
#include "doctor/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "doctor/doctor_parts.h"

/* How long side probes are waited for after the rest has ended, at most. */
enum { SIDE_WAIT_MS = 1500 };

static void on_deadline(struct deadline *deadline, msec now);

static msec whole(const struct doctor *d)
{
    msec timeout = d->settings->doctor.timeout_ms;
    return d->began + timeout + timeout / 2;
}

msec doctor_limit(const struct doctor *d)
{
    return msec_earlier(net_now(d->net) + d->settings->doctor.timeout_ms, whole(d));
}

struct doctor *doctor_new(struct net *net, struct examination *e, struct tls_config *tls,
                          const struct doctor_options *options, void (*on_done)(void *owner),
                          void *owner)
{
    struct doctor *d = xcalloc(1, sizeof *d);
    d->net = net;
    d->settings = e->settings;
    d->facts = e;
    d->tls = tls;
    d->options = *options;
    d->on_done = on_done;
    d->owner = owner;
    d->keys = login_keys_new();
    d->names = names_new(net, &e->settings->dns);
    tunnel_proxy_read(e->settings->upstream.socks_proxy, e->settings->upstream.http_proxy,
                      &d->proxy);
    list_init(&d->nodes);
    list_init(&d->listeners);
    list_init(&d->sides);
    list_init(&d->questions);
    list_init(&d->comparisons);
    deadline_init(&d->deadline, on_deadline);
    resolvers_open(d);
    net_set_deadline(net, &d->deadline, net_now(net));
    return d;
}

/* In the first turn of the loop: what is prepared before it takes its time (certificates are
 * read), which is no probe's. */
static void begin(struct doctor *d, msec now)
{
    d->has_begun = true;
    d->began = now;
    net_set_deadline(d->net, &d->deadline, whole(d));
    side_probes_open(d);
    question_probes_open(d);
    listener_probes_open(d);
    probe_seeds_open(d);
    doctor_advance(d);
}

void doctor_free(struct doctor *d)
{
    if (d == NULL) {
        return;
    }
    net_clear_deadline(d->net, &d->deadline);
    names_free(d->names);
    resolvers_close(d);
    login_keys_free(d->keys);
    tunnel_proxy_clear(&d->proxy);
    free(d);
}

void doctor_progress(struct doctor *d)
{
    if (d->options.on_progress != NULL) {
        d->options.on_progress(d->owner);
    }
}

void doctor_add_node(struct doctor *d, const char *name, enum node_source source)
{
    size_t before = d->facts->node_count;
    struct node_fact *n = examination_node(d->facts, name, source);
    if (n != NULL && d->facts->node_count > before && !d->is_ending) {
        node_probe_open(d, n);
        question_probes_of_node(d, n);
    }
}

/* Whether side probes tell apart what has failed: no way out, a blocked port, an access list. */
static bool needs_sides(const struct examination *e)
{
    for (size_t i = 0; i < e->node_count; i++) {
        if (!reply_is_good(&e->nodes[i]->hello)) {
            return true;
        }
    }
    for (size_t i = 0; i < e->question_count; i++) {
        const struct question_fact *q = e->questions[i];
        bool is_own = e->resolvers[q->resolver].origin != RESOLVER_FALLBACK;
        bool is_bad = q->word != LOOKUP_OK && q->word != LOOKUP_WAITING;
        if (is_own && q->way == WAY_USUAL &&
            (q->used_tcp || (is_bad && (q->about == ABOUT_SRV || q->about == ABOUT_NODE)))) {
            return true;
        }
    }
    return e->node_count == 0;
}

static void end(struct doctor *d)
{
    d->is_ending = true;
    net_set_deadline(d->net, &d->deadline, MSEC_NEVER);
    probe_seeds_cut(d);
    list_for_each_safe (link, &d->nodes) {
        node_probe_cut(node_probe_of(link));
    }
    list_for_each_safe (other, &d->listeners) {
        listener_probe_cut(listener_probe_of(other));
    }
    list_for_each_safe (side, &d->sides) {
        side_probe_cut(side_probe_of(side));
    }
    list_for_each_safe (question, &d->questions) {
        question_probe_cut(question_probe_of(question));
    }
    list_for_each_safe (comparison, &d->comparisons) {
        question_probe_cut(question_probe_of(comparison));
    }
}

void doctor_advance(struct doctor *d)
{
    bool has_walked = d->seeds == NULL && list_is_empty(&d->nodes) &&
                      list_is_empty(&d->listeners) && list_is_empty(&d->questions);
    bool has_sides = list_is_empty(&d->sides) && list_is_empty(&d->comparisons);
    msec now = net_now(d->net);
    if (!d->is_ending && has_walked) {
        if (has_sides || !needs_sides(d->facts)) {
            end(d);
        } else if (!d->is_waiting) {
            d->is_waiting = true;
            net_set_deadline(d->net, &d->deadline, msec_earlier(now + SIDE_WAIT_MS, whole(d)));
        }
    }
    if (d->is_ending && has_walked && has_sides && d->jobs == 0) {
        net_set_deadline(d->net, &d->deadline, now);
    }
}

static void on_deadline(struct deadline *deadline, msec now)
{
    struct doctor *d = container_of(deadline, struct doctor, deadline);
    if (!d->has_begun) {
        begin(d, now);
        return;
    }
    if (!d->is_ending) {
        end(d);
        doctor_advance(d);
        return;
    }
    d->facts->took = now - d->began;
    d->on_done(d->owner); /* may free d */
}

/* --- what probes have in common --- */

void probe_ask(struct doctor *d, struct talk *t, struct stream *s, const bson_t *command)
{
    struct buf message;
    void *owned;
    buf_init(&message, &d->net->chunks);
    talk_ask(t, ++d->last_request_id, command, &message);
    struct span flat = buf_flatten(&message, &owned);
    stream_send(s, &flat, 1);
    free(owned);
    buf_clear(&message);
}

void probe_write_command(bson_t *command, const char *name)
{
    bson_append_int32(command, name, -1, 1);
    BSON_APPEND_UTF8(command, "$db", "admin");
}

static char *text_of(const bson_t *reply, const char *key)
{
    bson_iter_t it;
    bool is_text = bson_iter_init_find(&it, reply, key) && BSON_ITER_HOLDS_UTF8(&it);
    return is_text ? xstrdup(bson_iter_utf8(&it, NULL)) : NULL;
}

void probe_read_reply(struct reply_fact *fact, const bson_t *reply, msec took)
{
    bson_iter_t it;
    step_end(&fact->step, STATUS_OK, took, NULL);
    fact->is_ok = bson_iter_init_find(&it, reply, "ok") && bson_iter_as_bool(&it);
    if (fact->is_ok) {
        return;
    }
    if (bson_iter_init_find(&it, reply, "code")) {
        fact->code = (int32_t)bson_iter_as_int64(&it);
    }
    fact->code_name = text_of(reply, "codeName");
    fact->text = text_of(reply, "errmsg");
}
