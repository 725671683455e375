/* events.hook: a program of the user's that is run once for each event, with the event as one line
 * of JSON on its standard input.
 *
 * Nobody waits for it. One program runs at a time; what happens meanwhile is queued, and beyond
 * events.hookQueue the oldest is dropped, which the next event says ("dropped"). The same event of
 * the same node comes again at most every HOOK_AGAIN_MS: what repeats sooner is told once, the
 * newest for all ("repeats"), so that a server that comes and goes starts no storm of programs.
 * One that fails is logged once, until one has succeeded. */
#ifndef PROXY_EVENT_HOOK_H
#define PROXY_EVENT_HOOK_H

#include <bson/bson.h>

#include "net/net.h"
#include "proxy/metrics.h"
#include "settings/settings.h"

enum { HOOK_AGAIN_MS = 5000 };

struct event_hook;

/* NULL when no command is set. The settings have been checked, and are lent for the hook's life. */
struct event_hook *event_hook_new(struct net *net, const struct events_settings *settings,
                                  struct metrics *metrics);

/* Takes the document over. `key`: of what counts as the same event; copied. */
void event_hook_put(struct event_hook *h, const char *key, bson_t *event);

/* What is queued is still told, for at most events.hookTimeoutMS; on_over when nothing runs any
 * more (perhaps within the call). NULL accepted: on_over at once. */
void event_hook_close(struct event_hook *h, void (*on_over)(void *owner), void *owner);

/* Nothing runs (required). NULL accepted. */
void event_hook_free(struct event_hook *h);

#endif
