/* What a person may write: a settings file, or a connection string.
 *
 * The first byte chooses (even: a file). No bytes break the readers; what is accepted holds what
 * the rest of the program relies on, and a connection string written out again reads the same. */
#include "settings/settings_load.h"
#include "settings/settings_table.h"
#include "settings/settings_uri_write.h"
#include "target.h"

struct world {
    struct settings s;
    struct settings_origins origins;
    struct problems problems;
    struct settings_target target;
};

static void open_world(struct world *w)
{
    *w = (struct world){0};
    w->origins.texts = xcalloc(option_count, sizeof *w->origins.texts);
    w->origins.ranks = xcalloc(option_count, sizeof *w->origins.ranks);
    w->target = (struct settings_target){
        .settings = &w->s, .origins = &w->origins, .problems = &w->problems};
}

static void close_world(struct world *w)
{
    settings_clear(&w->s);
    settings_origins_clear(&w->origins);
    problems_clear(&w->problems);
}

static bool same(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static size_t count(char *const *list)
{
    size_t size = 0;
    while (list != NULL && list[size] != NULL) {
        size++;
    }
    return size;
}

/* Every value that was set prints as what sets it again. */
static void check_values(struct world *w)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        struct error why;
        if (w->origins.ranks[i] == RANK_DEFAULT || (o->flags & OPTION_SECRET) != 0) {
            continue;
        }
        char *printed = option_print(o, &w->s);
        require(option_set(o, &w->s, printed, &why) == STATUS_OK);
        char *again = option_print(o, &w->s);
        require(strcmp(printed, again) == 0);
        free(printed);
        free(again);
    }
}

static void read_file(struct span bytes)
{
    struct world w;
    FILE *file = fmemopen((void *)(uintptr_t)bytes.at, bytes.size, "r");
    if (file == NULL) {
        return; /* no bytes */
    }
    open_world(&w);
    w.target.rank = RANK_FILE;
    settings_read_yaml_file(&w.target, file, "file");
    fclose(file);
    for (size_t i = 0; i < w.problems.count; i++) {
        require(strncmp(w.problems.items[i].place, "file:", 5) == 0);
    }
    check_values(&w);
    close_world(&w);
}

static void check_written(const struct upstream_settings *up)
{
    struct world w;
    struct uri_wanted wanted = {.hosts = (const char *const *)up->hosts, .count = count(up->hosts)};
    char *text = uri_write(up, &wanted);
    open_world(&w);
    settings_read_uri(&w.target, text);
    const struct upstream_settings *again = &w.s.upstream;
    require(w.problems.errors == 0);
    require(same(up->user, again->user) && same(up->password, again->password));
    require(same(up->database, again->database) && same(up->replica_set, again->replica_set));
    require(count(up->hosts) == count(again->hosts) && up->tls == again->tls);
    for (size_t i = 0; up->hosts[i] != NULL; i++) {
        require(strcmp(up->hosts[i], again->hosts[i]) == 0);
    }
    close_world(&w);
    free(text);
}

static void read_string(struct span bytes)
{
    struct world w;
    char *text = xstrndup((const char *)bytes.at, bytes.size);
    open_world(&w);
    settings_read_uri(&w.target, text);
    const struct upstream_settings *up = &w.s.upstream;
    if (w.problems.errors == 0) {
        bool is_srv = up->srv_host != NULL;
        require(is_srv ? up->hosts == NULL && up->srv_service_name != NULL : count(up->hosts) > 0);
        require(up->password == NULL || up->user != NULL);
        check_values(&w);
        if (!is_srv) {
            check_written(up);
        }
    }
    close_world(&w);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size > 0) {
        struct span rest = span_of(bytes + 1, size - 1);
        (bytes[0] % 2 == 0 ? read_file : read_string)(rest);
    }
    return 0;
}
