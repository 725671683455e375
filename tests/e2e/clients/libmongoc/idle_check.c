/* An idle client's monitors neither fail nor run in a busy loop. */
#include "world.h"

#include <stdatomic.h>
#include <unistd.h>

enum { EVERY_MS = 500, IDLE_MS = 4000 };

struct beats {
    atomic_int succeeded, failed;
};

static void on_succeeded(const mongoc_apm_server_heartbeat_succeeded_t *event)
{
    struct beats *beats = mongoc_apm_server_heartbeat_succeeded_get_context(event);
    atomic_fetch_add(&beats->succeeded, 1);
}

static void on_failed(const mongoc_apm_server_heartbeat_failed_t *event)
{
    struct beats *beats = mongoc_apm_server_heartbeat_failed_get_context(event);
    atomic_fetch_add(&beats->failed, 1);
}

static mongoc_client_pool_t *watched_pool(const mongoc_uri_t *uri, struct beats *beats)
{
    mongoc_uri_t *often = mongoc_uri_copy(uri);
    mongoc_uri_set_option_as_int32(often, MONGOC_URI_HEARTBEATFREQUENCYMS, EVERY_MS);
    mongoc_client_pool_t *pool = mongoc_client_pool_new(often);
    mongoc_apm_callbacks_t *callbacks = mongoc_apm_callbacks_new();
    mongoc_apm_set_server_heartbeat_succeeded_cb(callbacks, on_succeeded);
    mongoc_apm_set_server_heartbeat_failed_cb(callbacks, on_failed);
    mongoc_client_pool_set_apm_callbacks(pool, callbacks, beats);
    mongoc_apm_callbacks_destroy(callbacks);
    mongoc_uri_destroy(often);
    return pool;
}

void check_monitors(struct world *w, const mongoc_uri_t *uri)
{
    bson_error_t error;
    struct beats beats = {0};
    mongoc_client_pool_t *pool = watched_pool(uri, &beats);
    mongoc_client_t *client = mongoc_client_pool_pop(pool);
    bson_t *ping = doc(w, "{'ping': 1}");
    bool first = mongoc_client_command_simple(client, "admin", ping, NULL, NULL, &error);
    usleep(IDLE_MS * 1000);
    bool last = mongoc_client_command_simple(client, "admin", ping, NULL, NULL, &error);
    int succeeded = atomic_load(&beats.succeeded), failed = atomic_load(&beats.failed);
    mongoc_client_pool_push(pool, client);
    mongoc_client_pool_destroy(pool);
    EXPECT(w, first && last, "ping: %s", error.message);
    EXPECT(w, succeeded >= IDLE_MS / EVERY_MS / 2 && succeeded <= 2 * IDLE_MS / EVERY_MS && !failed,
           "%d heartbeats came, %d failed", succeeded, failed);
}
