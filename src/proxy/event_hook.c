#include "proxy/event_hook.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "base/require.h"
#include "base/words.h"

/* Of so many kinds of events is known when they were told last. */
enum { RECENT_MOST = 64 };

struct told {
    char *key;
    msec at;
};

struct waiting_event {
    struct list link;
    char *key;
    bson_t *event;
    msec not_before;
    int32_t repeats;
};

struct event_hook {
    struct net *net;
    const struct events_settings *settings;
    struct metrics *metrics;
    char **words;
    struct list queue;
    size_t count;
    struct told recent[RECENT_MOST];
    size_t recent_next;
    int32_t dropped; /* since the last one that was told */
    struct deadline next;
    msec closes_at; /* 0: not closing */
    bool is_running;
    bool has_failed; /* the last run, and that was logged */
    void (*on_over)(void *owner);
    void *owner;
};

static void go_on(struct event_hook *h);

static void on_next(struct deadline *d, msec now)
{
    (void)now;
    go_on(container_of(d, struct event_hook, next));
}

struct event_hook *event_hook_new(struct net *net, const struct events_settings *settings,
                                  struct metrics *metrics)
{
    struct error why;
    if (settings->hook == NULL) {
        return NULL;
    }
    struct event_hook *h = xcalloc(1, sizeof *h);
    h->net = net;
    h->settings = settings;
    h->metrics = metrics;
    h->words = words_split(settings->hook, &why);
    require(h->words != NULL);
    list_init(&h->queue);
    deadline_init(&h->next, on_next);
    return h;
}

/* --- the queue --- */

static void event_free(struct waiting_event *w)
{
    free(w->key);
    bson_destroy(w->event);
    free(w);
}

static struct waiting_event *take(struct event_hook *h, struct list *link)
{
    list_remove(link);
    h->count--;
    return container_of(link, struct waiting_event, link);
}

static void drop_oldest(struct event_hook *h)
{
    if (h->dropped == 0) {
        log_warn(LOG_MAIN, "events.hook",
                 "is too slow: events.hookQueue (%lld) events wait, the oldest are dropped",
                 (long long)h->settings->hook_queue);
    }
    h->dropped++;
    metrics_count(h->metrics, events_dropped);
    event_free(take(h, list_first(&h->queue)));
}

static msec told_at(const struct event_hook *h, const char *key)
{
    for (size_t i = 0; i < RECENT_MOST; i++) {
        if (h->recent[i].key != NULL && strcmp(h->recent[i].key, key) == 0) {
            return h->recent[i].at;
        }
    }
    return -HOOK_AGAIN_MS;
}

static void note_told(struct event_hook *h, char *key)
{
    struct told *place = NULL;
    for (size_t i = 0; i < RECENT_MOST && place == NULL; i++) {
        bool is_it = h->recent[i].key != NULL && strcmp(h->recent[i].key, key) == 0;
        place = is_it ? &h->recent[i] : NULL;
    }
    if (place == NULL) {
        place = &h->recent[h->recent_next++ % RECENT_MOST];
    }
    free(place->key);
    *place = (struct told){.key = key, .at = net_now(h->net)};
}

static struct waiting_event *find(struct event_hook *h, const char *key)
{
    list_for_each (link, &h->queue) {
        struct waiting_event *w = container_of(link, struct waiting_event, link);
        if (strcmp(w->key, key) == 0) {
            return w;
        }
    }
    return NULL;
}

/* Not before those that wait already, so that what came last is told last. */
static msec earliest_for(const struct event_hook *h, const char *key)
{
    msec earliest = told_at(h, key) + HOOK_AGAIN_MS;
    list_for_each (link, &h->queue) {
        const struct waiting_event *w = container_of(link, struct waiting_event, link);
        earliest = w->not_before > earliest ? w->not_before : earliest;
    }
    return earliest;
}

void event_hook_put(struct event_hook *h, const char *key, bson_t *event)
{
    struct waiting_event *w = find(h, key);
    if (w != NULL) {
        w->repeats++;
        take(h, &w->link);
        bson_destroy(w->event);
    } else {
        if (h->count >= (size_t)h->settings->hook_queue) {
            drop_oldest(h);
        }
        w = xcalloc(1, sizeof *w);
        w->key = xstrdup(key);
    }
    w->event = event;
    w->not_before = earliest_for(h, key);
    list_push_back(&h->queue, &w->link);
    h->count++;
    go_on(h);
}

/* --- a run --- */

static void note_result(struct event_hook *h, enum status status, int exit_code)
{
    bool has_failed = status != STATUS_OK || exit_code != 0;
    if (has_failed) {
        metrics_count(h->metrics, event_hooks_failed);
    }
    if (has_failed && !h->has_failed && status == STATUS_TIMED_OUT) {
        log_warn(LOG_MAIN, "events.hook", "was ended after events.hookTimeoutMS (%lld ms)",
                 (long long)h->settings->hook_timeout_ms);
    } else if (has_failed && !h->has_failed && status != STATUS_OK) {
        log_warn(LOG_MAIN, "events.hook", "%s cannot be started: is it there, and executable?",
                 h->words[0]);
    } else if (has_failed && !h->has_failed) {
        log_warn(LOG_MAIN, "events.hook", "%s ended with status %d", h->words[0], exit_code);
    }
    h->has_failed = has_failed;
}

static void on_done(void *owner, enum status status, int exit_code)
{
    struct event_hook *h = owner;
    h->is_running = false;
    note_result(h, status, exit_code);
    go_on(h);
}

static void run(struct event_hook *h, struct waiting_event *w)
{
    size_t size = 0;
    msec limit = h->settings->hook_timeout_ms;
    if (w->repeats > 0) {
        BSON_APPEND_INT32(w->event, "repeats", w->repeats);
    }
    if (h->dropped > 0) {
        BSON_APPEND_INT32(w->event, "dropped", h->dropped);
    }
    h->dropped = 0;
    char *json = bson_as_relaxed_extended_json(w->event, &size);
    require(json != NULL);
    json[size] = '\n'; /* in place of the end: the size goes with it */
    if (h->closes_at != 0) {
        limit = msec_earlier(limit, h->closes_at - net_now(h->net));
    }
    struct spawn_request request = {
        .argv = h->words,
        .input = {.at = (const uint8_t *)json, .size = size + 1},
        .timeout_ms = limit,
    };
    h->is_running = true;
    metrics_count(h->metrics, event_hooks_run);
    net_spawn(h->net, &request, on_done, h);
    bson_free(json);
    note_told(h, w->key);
    w->key = NULL;
    event_free(w);
}

/* The first that may go now. */
static struct waiting_event *next_event(struct event_hook *h, msec *soonest)
{
    msec now = net_now(h->net);
    *soonest = MSEC_NEVER;
    list_for_each (link, &h->queue) {
        struct waiting_event *w = container_of(link, struct waiting_event, link);
        if (w->not_before <= now || h->closes_at != 0) {
            return take(h, link);
        }
        *soonest = msec_earlier(*soonest, w->not_before);
    }
    return NULL;
}

static void end_if_over(struct event_hook *h)
{
    if (h->closes_at == 0 || h->is_running || h->on_over == NULL) {
        return;
    }
    void (*on_over)(void *owner) = h->on_over;
    h->on_over = NULL; /* told once */
    net_clear_deadline(h->net, &h->next);
    on_over(h->owner);
}

static void go_on(struct event_hook *h)
{
    msec soonest;
    if (h->is_running) {
        return;
    }
    while (h->closes_at != 0 && net_now(h->net) >= h->closes_at && h->count > 0) {
        metrics_count(h->metrics, events_dropped);
        event_free(take(h, list_first(&h->queue)));
    }
    struct waiting_event *w = next_event(h, &soonest);
    if (w != NULL) {
        run(h, w);
    } else {
        net_set_deadline(h->net, &h->next, soonest);
    }
    end_if_over(h);
}

/* --- the end --- */

void event_hook_close(struct event_hook *h, void (*on_over)(void *owner), void *owner)
{
    if (h == NULL) {
        on_over(owner);
        return;
    }
    h->on_over = on_over;
    h->owner = owner;
    h->closes_at = msec_after(net_now(h->net), h->settings->hook_timeout_ms);
    go_on(h);
    end_if_over(h);
}

void event_hook_free(struct event_hook *h)
{
    if (h == NULL) {
        return;
    }
    require(!h->is_running);
    net_clear_deadline(h->net, &h->next);
    while (h->count > 0) {
        event_free(take(h, list_first(&h->queue)));
    }
    for (size_t i = 0; i < RECENT_MOST; i++) {
        free(h->recent[i].key);
    }
    words_free(h->words);
    free(h);
}
