/* mooring resolve: the names of the running proxy, asked once, and what they say as a standard
 * connection string on standard output; or who was asked, what was taken from where, and what the
 * hosts' names mean.
 *
 * As at a start of the proxy: a live answer, else the last good one, else upstream.seeds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/scope.h"
#include "commands.h"
#include "core/dns/seeds.h"
#include "loop/loop.h"
#include "names/names.h"
#include "resolve_report.h"
#include "settings/settings_uri_write.h"
#include "state_path.h"

struct resolving;

struct host_asked {
    struct resolving *resolving;
    size_t answer; /* its index in the report */
    uint16_t port;
    msec began_at;
};

struct resolving {
    const struct command_line *line;
    struct settings *settings;
    struct loop *loop;
    struct names *names;
    struct resolve_report report;
    struct host_asked *hosts;
    size_t waiting; /* hosts that are asked for */
    msec began_at;
    int result;
};

static bool wants_report(const struct resolving *r)
{
    return r->line->wants_table || r->line->wants_json;
}

/* --- the string --- */

/* What a driver would take by itself need not be said. */
static const char *source_to_say(const struct upstream_settings *up, const char *txt_source)
{
    const char *source = seeds_auth_source(up->srv_host, up->auth_source, txt_source, up->database);
    const char *drivers = up->database == NULL ? "admin" : up->database;
    bool is_said = txt_source != NULL || (up->user != NULL && strcmp(source, drivers) != 0);
    return is_said && up->auth_mechanism != AUTH_X509 ? source : NULL;
}

static char *write_string(const struct resolving *r, const struct names_seeds *found,
                          bool hides_credentials)
{
    const struct upstream_settings *up = &r->settings->upstream;
    struct uri_wanted wanted = {.hosts = found->hosts,
                                .count = found->count,
                                .replica_set = found->replica_set,
                                .auth_source = source_to_say(up, found->auth_source),
                                .is_load_balanced = found->load_balanced,
                                .hides_credentials = hides_credentials};
    return uri_write(up, &wanted);
}

static void print_string(const struct resolving *r, const struct names_seeds *found)
{
    auto_free char *uri = write_string(r, found, r->line->hides_credentials);
    puts(uri);
    explicit_bzero(uri, strlen(uri));
}

/* --- the report --- */

static void print_report(struct resolving *r)
{
    if (r->line->wants_json) {
        resolve_report_print_json(&r->report);
    } else {
        resolve_report_print_table(&r->report);
    }
    loop_stop(r->loop);
}

/* "10.0.0.1", "::1": the port is the host's. */
static void add_address(struct resolve_answer *a, const struct address *at)
{
    char text[ADDRESS_TEXT_SIZE];
    address_print(at, text);
    char *colon = at->family == ADDRESS_UNIX ? NULL : strrchr(text, ':');
    bool is_v6 = at->family == ADDRESS_IPV6;
    if (colon != NULL) {
        colon[is_v6 ? -1 : 0] = '\0';
    }
    resolve_answer_says(a, text + is_v6);
}

static void on_host(void *owner, const struct names_addresses *found)
{
    struct host_asked *asked = owner;
    struct resolving *r = asked->resolving;
    struct resolve_answer *a = &r->report.answers[asked->answer];
    bool is_found = found->status == STATUS_OK;
    a->took = net_now(loop_net(r->loop)) - asked->began_at;
    a->from = !is_found ? NULL : found->is_stale ? "last good" : found->source ? "live" : "no DNS";
    a->by = found->source == NULL ? NULL : xstrdup(found->source);
    a->age = found->age;
    a->ttl = is_found && found->source != NULL ? found->ttl_ms : 0;
    a->why = is_found && !found->is_stale ? NULL : xstrdup(found->why.text);
    for (size_t i = 0; i < found->count; i++) {
        add_address(a, &found->addresses[i]);
    }
    if (--r->waiting == 0) {
        print_report(r);
    }
}

/* "host", "host:port", "[::1]:port", "/path": the host; and its port, 0 when none is said. */
static char *split_host(const char *text, uint16_t *port)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : strrchr(text, ':');
    const char *colon = text[0] == '/' || end == NULL ? NULL : strchr(end, ':');
    *port = colon == NULL ? 0 : (uint16_t)strtoul(colon + 1, NULL, 10);
    if (text[0] == '/' || end == NULL) {
        return xstrdup(text);
    }
    const char *begin = text + (text[0] == '[' ? 1 : 0);
    return xstrndup(begin, (size_t)(end - begin));
}

/* What each host's name means; the report is printed when all are known. */
static void ask_hosts(struct resolving *r, const char *const *hosts, size_t count)
{
    size_t first = r->report.answer_count;
    if (count == 0) {
        print_report(r);
        return;
    }
    r->hosts = xcalloc(count, sizeof *r->hosts);
    r->waiting = count;
    for (size_t i = 0; i < count; i++) {
        struct host_asked *asked = &r->hosts[i];
        auto_free char *host = split_host(hosts[i], &asked->port);
        asked->resolving = r;
        asked->answer = first + i;
        asked->began_at = net_now(loop_net(r->loop));
        resolve_report_add(&r->report, host);
        names_resolve_host(r->names, host, asked->port, on_host, asked);
    }
}

static char *copy_text(const char *text)
{
    return text == NULL ? NULL : xstrdup(text);
}

static void begin_report(struct resolving *r, const struct names_seeds *found, const char *name,
                         const char *from)
{
    struct resolve_report *report = &r->report;
    struct resolve_answer *a = resolve_report_add(report, name);
    a->from = from;
    a->by = copy_text(found->source);
    a->age = found->age;
    a->ttl = found->ttl_ms;
    a->took = net_now(loop_net(r->loop)) - r->began_at;
    a->why = found->why.text[0] == '\0' ? NULL : xstrdup(found->why.text);
    for (size_t i = 0; i < found->count; i++) {
        resolve_answer_says(a, found->hosts[i]);
    }
    report->uri = found->count == 0 ? NULL : write_string(r, found, true);
    report->auth_source = copy_text(found->auth_source);
    report->replica_set = copy_text(found->replica_set);
    report->load_balanced = found->load_balanced;
    resolve_report_rows(report, found->rows, found->row_count);
    ask_hosts(r, found->hosts, found->count);
}

/* --- what is known --- */

static void show(struct resolving *r, const struct names_seeds *found, const char *name,
                 const char *from)
{
    if (wants_report(r)) {
        begin_report(r, found, name, from);
        return;
    }
    if (found->count > 0) {
        print_string(r, found);
    }
    loop_stop(r->loop);
}

static size_t count_list(char *const *list)
{
    size_t count = 0;
    while (list != NULL && list[count] != NULL) {
        count++;
    }
    return count;
}

static void on_seeds(void *owner, const struct names_seeds *found)
{
    struct resolving *r = owner;
    const struct upstream_settings *up = &r->settings->upstream;
    struct names_seeds shown = *found;
    const char *from = found->is_stale ? "last good" : "live";
    char age[NAMES_AGE_SIZE];
    bool is_found = found->status == STATUS_OK;
    if (!is_found && found->status != STATUS_BAD_INPUT && count_list(up->seeds) > 0) {
        shown.hosts = (const char *const *)up->seeds;
        shown.count = count_list(up->seeds);
        from = "upstream.seeds";
        is_found = true;
        fprintf(stderr, "note: %s; these are the servers of upstream.seeds\n", found->why.text);
    } else if (!is_found) {
        from = NULL;
        fprintf(stderr, "error: %s\n", found->why.text);
    } else if (found->is_stale) {
        fprintf(stderr, "note: %s; this is what %s said %s ago (dns.lastGoodFile: %s)\n",
                found->why.text, found->source, names_print_age(age, found->age),
                r->settings->dns.last_good_file);
    }
    r->result = is_found ? EXIT_GOOD : EXIT_FATAL;
    show(r, &shown, up->srv_host, from);
}

static void show_plain(struct resolving *r)
{
    const struct upstream_settings *up = &r->settings->upstream;
    struct names_seeds found = {.hosts = (const char *const *)up->hosts,
                                .count = count_list(up->hosts)};
    r->result = EXIT_GOOD;
    show(r, &found, up->hosts[0], "connection string");
}

/* The file of the running proxy is read, and left as it is. */
static void open_names(struct resolving *r)
{
    struct settings *s = r->settings;
    char *path = state_path(s->dns.last_good_file, "names", s);
    free(s->dns.last_good_file);
    s->dns.last_good_file = path;
    r->names = names_new(loop_net(r->loop), &s->dns);
    names_remember(r->names, &s->upstream, &s->dns, false);
}

static void resolve(struct resolving *r)
{
    struct error why;
    r->loop = loop_new(r->settings->limits.buffer_bytes, &why);
    if (r->loop == NULL) {
        fprintf(stderr, "error: %s\n", why.text);
        r->result = EXIT_NOT_RUN;
        return;
    }
    open_names(r);
    r->began_at = net_now(loop_net(r->loop));
    if (r->settings->upstream.srv_host != NULL) {
        names_resolve_seeds(r->names, &r->settings->upstream, on_seeds, r);
        loop_run(r->loop);
    } else {
        show_plain(r);
        if (r->waiting > 0) {
            loop_run(r->loop);
        }
    }
    names_free(r->names);
    loop_free(r->loop);
    free(r->hosts);
    resolve_report_clear(&r->report);
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
    if (problems.errors == 0) {
        resolve(&r);
    }
    problems_clear(&problems);
    settings_origins_clear(&origins);
    settings_clear(&s);
    return r.result;
}
