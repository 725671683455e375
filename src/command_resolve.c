/* mooring resolve: the names of the running proxy, asked once, and what they say as a standard
 * connection string on standard output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "commands.h"
#include "core/dns/seeds.h"
#include "loop/loop.h"
#include "names/names.h"
#include "settings/settings_uri_write.h"

struct resolving {
    const struct command_line *line;
    const struct settings *settings;
    struct loop *loop;
    int result;
};

/* What a driver would take by itself need not be said. */
static const char *source_to_say(const struct upstream_settings *up, const char *txt_source)
{
    const char *source = seeds_auth_source(up->srv_host, up->auth_source, txt_source, up->database);
    const char *drivers = up->database == NULL ? "admin" : up->database;
    bool is_said = txt_source != NULL || (up->user != NULL && strcmp(source, drivers) != 0);
    return is_said && up->auth_mechanism != AUTH_X509 ? source : NULL;
}

static void print_string(const struct resolving *r, const struct names_seeds *found)
{
    const struct upstream_settings *up = &r->settings->upstream;
    struct uri_wanted wanted = {.hosts = found->hosts,
                                .count = found->count,
                                .replica_set = found->replica_set,
                                .auth_source = source_to_say(up, found->auth_source),
                                .is_load_balanced = found->load_balanced,
                                .hides_credentials = r->line->hides_credentials};
    auto_free char *uri = uri_write(up, &wanted);
    puts(uri);
    explicit_bzero(uri, strlen(uri));
}

static void print_table(const struct names_seeds *found)
{
    printf("%-5s %-48s %-22s %-12s %8s %8s %8s\n", "type", "name", "resolver", "said", "records",
           "ttl s", "ms");
    for (size_t i = 0; i < found->row_count; i++) {
        const struct names_row *row = &found->rows[i];
        printf("%-5s %-48s %-22s %-12s %8zu %8u %8lld\n", dns_type_name(row->type), row->name,
               row->resolver, lookup_word_text(row->word), row->records, row->ttl_seconds,
               (long long)row->took);
    }
}

static void on_seeds(void *owner, const struct names_seeds *found)
{
    struct resolving *r = owner;
    if (r->line->wants_table) {
        print_table(found);
    }
    if (found->status == STATUS_OK) {
        r->result = EXIT_GOOD;
        if (!r->line->wants_table) {
            print_string(r, found);
        }
    } else {
        fprintf(stderr, "error: %s\n", found->why.text);
    }
    loop_stop(r->loop);
}

static void print_plain(struct resolving *r)
{
    const struct upstream_settings *up = &r->settings->upstream;
    struct names_seeds found = {.hosts = (const char *const *)up->hosts};
    while (up->hosts[found.count] != NULL) {
        found.count++;
    }
    r->result = EXIT_GOOD;
    print_string(r, &found);
}

static void look_up(struct resolving *r)
{
    struct error why;
    r->loop = loop_new(r->settings->limits.buffer_bytes, &why);
    if (r->loop == NULL) {
        fprintf(stderr, "error: %s\n", why.text);
        r->result = EXIT_NOT_RUN;
        return;
    }
    struct names *names = names_new(loop_net(r->loop), &r->settings->dns);
    names_resolve_seeds(names, &r->settings->upstream, on_seeds, r);
    loop_run(r->loop);
    names_free(names);
    loop_free(r->loop);
}

/* Warnings are about serving; here only what keeps the string from being read matters. */
static void print_errors(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        if (!problems->items[i].is_warning) {
            fprintf(stderr, "error: %s: %s\n", problems->items[i].place, problems->items[i].text);
        }
    }
}

int command_resolve(const struct command_line *line)
{
    struct settings s;
    struct settings_origins origins;
    struct problems problems = {0};
    struct resolving r = {.line = line, .settings = &s, .result = EXIT_FATAL};
    settings_load(&line->source, &s, &origins, &problems);
    print_errors(&problems);
    if (problems.errors == 0 && s.upstream.srv_host != NULL) {
        look_up(&r);
    } else if (problems.errors == 0) {
        print_plain(&r);
    }
    problems_clear(&problems);
    settings_origins_clear(&origins);
    settings_clear(&s);
    return r.result;
}
