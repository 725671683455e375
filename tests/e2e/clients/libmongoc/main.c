/* The C driver. Usage: client_libmongoc URI operations|large|idle [strictApi]
 * Prints `ok NAME` or `FAIL NAME: why` for every check; the status is 0 when all passed. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool report(struct world *w, const char *name)
{
    bool passed = !w->failed;
    if (passed)
        printf("ok %s\n", name);
    else
        printf("FAIL %s: %s\n", name, w->why);
    fflush(stdout);
    world_end(w);
    return passed;
}

static bool run(struct world *w, const struct check *checks)
{
    bool passed = true;
    for (; checks->name; checks++) {
        world_begin(w);
        checks->run(w);
        passed &= report(w, checks->name);
    }
    return passed;
}

static bool run_mode(struct world *w, const char *mode, const mongoc_uri_t *uri)
{
    if (strcmp(mode, "operations") == 0) {
        bool passed = run(w, basic_checks);
        passed &= run(w, session_checks);
        return run(w, error_checks) && passed;
    }
    if (strcmp(mode, "large") == 0)
        return run(w, large_checks);
    if (strcmp(mode, "idle") == 0) {
        world_begin(w);
        check_monitors(w, uri);
        return report(w, "monitors");
    }
    printf("FAIL client: no mode %s\n", mode);
    return false;
}

static void declare_api(mongoc_client_t *client)
{
    bson_error_t error;
    mongoc_server_api_t *api = mongoc_server_api_new(MONGOC_SERVER_API_V1);
    mongoc_server_api_strict(api, true);
    mongoc_server_api_deprecation_errors(api, true);
    if (!mongoc_client_set_server_api(client, api, &error)) {
        printf("FAIL client: %s\n", error.message);
        exit(1);
    }
    mongoc_server_api_destroy(api);
}

int main(int argc, char **argv)
{
    bson_error_t error;
    if (argc < 3) {
        fprintf(stderr, "usage: %s URI operations|large|idle [strictApi]\n", argv[0]);
        return 2;
    }
    mongoc_init();
    mongoc_uri_t *uri = mongoc_uri_new_with_error(argv[1], &error);
    if (!uri) {
        printf("FAIL client: %s\n", error.message);
        return 1;
    }
    struct world w = {.client = mongoc_client_new_from_uri(uri), .strict = argc > 3};
    mongoc_client_set_error_api(w.client, MONGOC_ERROR_API_VERSION_2);
    if (w.strict)
        declare_api(w.client);
    char name[64];
    snprintf(name, sizeof(name), "c_%ld_%lld", (long)getpid(),
             (long long)bson_get_monotonic_time());
    w.db = mongoc_client_get_database(w.client, name);

    bool passed = run_mode(&w, argv[2], uri);
    if (!mongoc_database_drop(w.db, &error)) {
        printf("FAIL client: drop: %s\n", error.message);
        passed = false;
    }
    mongoc_database_destroy(w.db);
    mongoc_client_destroy(w.client);
    mongoc_uri_destroy(uri);
    mongoc_cleanup();
    return passed ? 0 : 1;
}
