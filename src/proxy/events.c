/* One document an event: its pairs stand in the log's line, and it is what events.hook reads. */
#include "proxy/events.h"

#include <bson/bson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/require.h"
#include "proxy/event_hook.h"
#include "proxy/proxy.h"

enum { PAIRS_SIZE = 1400, TIME_SIZE = 40 };

struct events {
    struct proxy *proxy;
    struct event_hook *hook;
    bool is_closed;
};

static const struct {
    const char *name;
    enum log_level level;
    const char *text;
} rows[EVENT_COUNT] = {
#define EVENT_ROW(kind, name, level, text) [EVENT_##kind] = {name, level, text},
    EVENT_LIST(EVENT_ROW)
#undef EVENT_ROW
};

const char *event_name(enum event_kind kind)
{
    return rows[kind].name;
}

struct events *events_new(struct proxy *proxy)
{
    struct events *e = xcalloc(1, sizeof *e);
    e->proxy = proxy;
    e->hook = event_hook_new(proxy->net, &proxy->settings->events, &proxy->metrics);
    return e;
}

/* --- the document --- */

/* Of so long ago. */
static void append_time(bson_t *doc, const char *key, int64_t ago)
{
    char text[TIME_SIZE];
    log_time_text(ago, text, sizeof text);
    bson_append_utf8(doc, key, -1, text, -1);
}

/* A text may quote what somebody gave us: what looks like the credentials of a URI is left out. */
static void append_text(bson_t *doc, const char *key, const char *text)
{
    if (text == NULL || text[0] == '\0') {
        return;
    }
    char *shown = xstrdup(text);
    char *from = shown;
    for (char *begin = strstr(from, "://"); begin != NULL; begin = strstr(from, "://")) {
        char *at = begin + 3 + strcspn(begin + 3, "@/ ?");
        from = begin + 3;
        if (*at == '@') {
            memset(begin + 3, '*', (size_t)(at - begin - 3));
        }
    }
    bson_append_utf8(doc, key, -1, shown, -1);
    free(shown);
}

static void append_number(bson_t *doc, const char *key, int64_t number)
{
    if (number != 0) {
        bson_append_int64(doc, key, -1, number);
    }
}

static void append_expiry(bson_t *doc, int64_t expires_at)
{
    char text[TIME_SIZE];
    time_t at = (time_t)expires_at;
    struct tm parts;
    gmtime_r(&at, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    BSON_APPEND_UTF8(doc, "not_after", text);
}

static const char *cluster_text(const struct upstream_settings *up)
{
    bool has_host = up->hosts != NULL && up->hosts[0] != NULL;
    return up->srv_host != NULL ? up->srv_host : has_host ? up->hosts[0] : "";
}

static void append_texts(bson_t *doc, const struct event *event)
{
    append_text(doc, "scope", event->scope);
    append_text(doc, "node", event->node);
    append_text(doc, "from", event->from);
    append_text(doc, "to", event->to);
    append_text(doc, "name", event->name);
    append_text(doc, "source", event->source);
    append_text(doc, "cause", event->cause);
    append_text(doc, "finding", event->finding);
}

static bson_t *document_of(const struct events *e, const struct event *event)
{
    bson_t *doc = bson_new();
    append_time(doc, "time", 0);
    BSON_APPEND_UTF8(doc, "event", rows[event->kind].name);
    BSON_APPEND_UTF8(doc, "cluster", cluster_text(&e->proxy->settings->upstream));
    append_texts(doc, event);
    append_number(doc, "downtime_ms", event->downtime);
    append_number(doc, "wait_ms", event->waited);
    append_number(doc, "age_ms", event->age);
    append_number(doc, "operations", event->operations);
    if (event->began != 0) {
        append_time(doc, "since", net_now(e->proxy->net) - event->began);
    }
    if (event->expires_at != 0) {
        append_expiry(doc, event->expires_at);
    }
    return doc;
}

/* --- the line --- */

static size_t put_pair(char *line, size_t used, bson_iter_t *at)
{
    const char *key = bson_iter_key(at);
    size_t room = PAIRS_SIZE - used;
    int size = 0;
    if (BSON_ITER_HOLDS_INT64(at)) {
        size = snprintf(line + used, room, " %s=%lld", key, (long long)bson_iter_int64(at));
    } else {
        const char *text = bson_iter_utf8(at, NULL);
        const char *quote = strchr(text, ' ') == NULL ? "" : "\"";
        size = snprintf(line + used, room, " %s=%s%s%s", key, quote, text, quote);
    }
    return (size_t)size < room ? used + (size_t)size : PAIRS_SIZE - 1;
}

static void put_line(const struct event *event, const bson_t *doc)
{
    char pairs[PAIRS_SIZE] = "";
    size_t used = 0;
    bson_iter_t at;
    require(bson_iter_init(&at, doc));
    while (bson_iter_next(&at)) {
        const char *key = bson_iter_key(&at);
        bool is_said =
            strcmp(key, "time") == 0 || strcmp(key, "node") == 0 || strcmp(key, "cluster") == 0;
        used = is_said ? used : put_pair(pairs, used, &at); /* the line has a time and a node */
    }
    enum log_group group =
        event->kind == EVENT_POOL_EXHAUSTED                                             ? LOG_POOL
        : event->kind == EVENT_DNS_FALLBACK_USED || event->kind == EVENT_DNS_STALE_USED ? LOG_DNS
        : event->kind == EVENT_CERT_EXPIRING                                            ? LOG_TLS
                                             : LOG_TOPOLOGY;
    log_line(rows[event->kind].level, group, event->node, "%s%s", rows[event->kind].text, pairs);
}

void events_tell(struct events *e, const struct event *event)
{
    if (e->is_closed) {
        return;
    }
    e->proxy->metrics.events[event->kind]++;
    bson_t *doc = document_of(e, event);
    put_line(event, doc);
    if (e->hook == NULL) {
        bson_destroy(doc);
        return;
    }
    const char *whose = event->node != NULL ? event->node : event->name != NULL ? event->name : "";
    char *key = xformat("%s %s", rows[event->kind].name, whose);
    event_hook_put(e->hook, key, doc);
    free(key);
}

/* --- the end --- */

void events_close(struct events *e)
{
    e->is_closed = true;
    event_hook_close(e->hook, proxy_on_events_ended, e->proxy);
}

void events_free(struct events *e)
{
    event_hook_free(e->hook);
    free(e);
}
