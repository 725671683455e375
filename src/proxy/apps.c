#include "proxy/apps.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/require.h"
#include "proxy/client.h"
#include "proxy/exchange.h"
#include "proxy/proxy.h"

#define uthash_malloc(size)       xmalloc(size)
#define uthash_free(memory, size) free(memory)
#define uthash_fatal(message)     require_failed(message, __FILE__, __LINE__, __func__)
#include <uthash.h>

/* There while it has a client or an exchange. */
struct app {
    size_t clients;
    size_t in_progress;
    size_t waiting_count;
    struct list waiting; /* exchanges */
    bool is_admitting;
    UT_hash_handle hh;
    size_t name_size;
    char name[];
};

struct apps {
    struct proxy *proxy;
    struct app *all;
};

struct apps *apps_new(struct proxy *proxy)
{
    struct apps *apps = xcalloc(1, sizeof *apps);
    apps->proxy = proxy;
    return apps;
}

void apps_free(struct apps *apps)
{
    require(apps->all == NULL);
    free(apps);
}

static size_t limit_of(const struct apps *apps)
{
    return (size_t)apps->proxy->settings->limits.max_operations_per_app;
}

static struct app *take(struct apps *apps, struct span name)
{
    struct app *app = NULL;
    const char *at = name.size == 0 ? "" : (const char *)name.at;
    HASH_FIND(hh, apps->all, at, name.size, app);
    if (app == NULL) {
        app = xcalloc(1, sizeof *app + name.size + 1);
        memcpy(app->name, at, name.size);
        app->name_size = name.size;
        list_init(&app->waiting);
        HASH_ADD_KEYPTR(hh, apps->all, app->name, app->name_size, app);
    }
    return app;
}

static void settle(struct apps *apps, struct app *app)
{
    if (app->clients == 0 && app->in_progress == 0 && app->waiting_count == 0 &&
        !app->is_admitting) {
        HASH_DEL(apps->all, app);
        free(app);
    }
}

void apps_on_name(struct apps *apps, struct client *client, struct span name)
{
    if (limit_of(apps) == 0) {
        return;
    }
    struct app *app = take(apps, name);
    app->clients++;
    apps_on_client_ended(apps, client);
    client->app = app;
}

void apps_on_client_ended(struct apps *apps, struct client *client)
{
    struct app *app = client->app;
    if (app != NULL) {
        client->app = NULL;
        app->clients--;
        settle(apps, app);
    }
}

bool apps_admit(struct apps *apps, struct exchange *x)
{
    if (limit_of(apps) == 0 || facts_is_priority(&x->facts)) {
        return true;
    }
    if (x->client->app == NULL) {
        apps_on_name(apps, x->client, span_of(NULL, 0));
    }
    x->app = x->client->app;
    if (x->app->in_progress < limit_of(apps) && list_is_empty(&x->app->waiting)) {
        x->app->in_progress++;
        x->is_admitted = true;
        return true;
    }
    x->app->waiting_count++;
    list_push_back(&x->app->waiting, &x->link);
    return false;
}

/* One that goes on may end within the call: the loop takes the next one, not the call. */
static void admit_next(struct apps *apps, struct app *app)
{
    if (app->is_admitting) {
        return;
    }
    app->is_admitting = true;
    while (app->in_progress < limit_of(apps) && !list_is_empty(&app->waiting)) {
        struct exchange *x = container_of(list_first(&app->waiting), struct exchange, link);
        list_remove(&x->link);
        app->waiting_count--;
        app->in_progress++;
        x->is_admitted = true;
        exchange_on_admitted(x);
    }
    app->is_admitting = false;
}

void apps_on_exchange_ended(struct apps *apps, struct exchange *x)
{
    struct app *app = x->app;
    if (app == NULL) {
        return;
    }
    x->app = NULL;
    if (x->is_admitted) {
        app->in_progress--;
    } else {
        list_remove(&x->link);
        app->waiting_count--;
    }
    admit_next(apps, app);
    settle(apps, app);
}
