/* The suite initial-dns-seedlist-discovery, up to the first list of servers. Its names are answered
 * from the tables of records in the README that comes with the cases. */
#include "spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/require.h"
#include "base/scope.h"
#include "core/dns/seeds.h"

enum { RECORDS_MOST = 128 };

struct record {
    bool is_srv;
    char *name;
    struct dns_record value;
};

static struct record zone[RECORDS_MOST];
static size_t zone_size;
static struct spec_settings loaded;

static char *without_dot(const char *text)
{
    size_t size = strcspn(text, " \r\n");
    return xstrndup(text, size > 0 && text[size - 1] == '.' ? size - 1 : size);
}

/* The quoted strings of a record, joined. */
static char *joined(const char *text)
{
    char *all = xcalloc(1, strlen(text) + 1);
    bool is_inside = false;
    for (size_t used = 0; *text != '\0' && *text != '\n'; text++) {
        if (*text == '"') {
            is_inside = !is_inside;
        } else if (is_inside) {
            all[used++] = *text;
        }
    }
    return all;
}

/* "NAME TTL IN SRV PORT TARGET" or "NAME TTL IN TXT STRINGS". */
static void read_line(const char *line)
{
    char name[256], target[256];
    unsigned port;
    require(zone_size < RECORDS_MOST);
    struct record *r = &zone[zone_size];
    const char *txt = strstr(line, "IN TXT");
    if (sscanf(line, " %255s %*d IN SRV %u %255s", name, &port, target) == 3) {
        *r = (struct record){.is_srv = true,
                             .name = without_dot(name),
                             .value = {.port = (uint16_t)port, .text = without_dot(target)}};
        zone_size++;
    } else if (txt != NULL && sscanf(line, " %255s", name) == 1) {
        *r = (struct record){.name = without_dot(name), .value = {.text = joined(txt)}};
        zone_size++;
    }
}

static void read_zone(void)
{
    auto_free char *text = spec_read("initial-dns-seedlist-discovery/README.rst");
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        read_line(line);
    }
}

static void look_up(const char *name, bool is_srv, struct dns_answer *out)
{
    *out = (struct dns_answer){.records = xcalloc(RECORDS_MOST, sizeof *out->records)};
    for (size_t i = 0; i < zone_size; i++) {
        if (zone[i].is_srv == is_srv && strcasecmp(zone[i].name, name) == 0) {
            out->records[out->count++] = zone[i].value; /* its texts stay the zone's */
        }
    }
}

static enum status build(struct seeds *seeds, struct error *why)
{
    const struct upstream_settings *up = &loaded.s.upstream;
    const uint32_t words[DNS_RECORDS_MOST] = {0};
    struct seeds_wanted wanted = {.host = up->srv_host,
                                  .service = up->srv_service_name,
                                  .max_hosts = (size_t)up->srv_max_hosts,
                                  .replica_set = up->replica_set,
                                  .load_balanced = up->load_balanced};
    struct dns_answer srv, txt;
    auto_free char *name = seeds_srv_name(&wanted, why);
    if (name == NULL) {
        return why->status;
    }
    look_up(name, true, &srv);
    look_up(up->srv_host, false, &txt);
    enum status status = seeds_build(&wanted, &srv, &txt, words, seeds, why);
    free(srv.records);
    free(txt.records);
    return status;
}

static bool has_seed(const struct seeds *seeds, const char *host)
{
    for (size_t i = 0; i < seeds->count; i++) {
        if (strcmp(seeds->hosts[i], host) == 0) {
            return true;
        }
    }
    return false;
}

static char *check_seeds(const bson_t *document, const struct seeds *seeds)
{
    bson_iter_t at, inner;
    size_t count = 0;
    if (spec_find(document, "numSeeds", &at) && (size_t)bson_iter_as_int64(&at) != seeds->count) {
        return xformat("%zu seeds", seeds->count);
    }
    if (!spec_find(document, "seeds", &at) || !bson_iter_recurse(&at, &inner)) {
        return NULL;
    }
    for (; bson_iter_next(&inner); count++) {
        if (!has_seed(seeds, bson_iter_utf8(&inner, NULL))) {
            return xformat("no seed %s", bson_iter_utf8(&inner, NULL));
        }
    }
    return count == seeds->count ? NULL : xformat("%zu seeds", seeds->count);
}

/* The connection string's word, else TXT's. */
static char *option_of(const struct seeds *seeds, const char *name)
{
    const struct upstream_settings *up = &loaded.s.upstream;
    if (strcasecmp(name, "replicaSet") == 0 && up->replica_set == NULL) {
        return xstrdup(seeds->replica_set == NULL ? "" : seeds->replica_set);
    }
    if (strcasecmp(name, "authSource") == 0) {
        return xstrdup(
            seeds_auth_source(up->srv_host, up->auth_source, seeds->auth_source, up->database));
    }
    if (strcasecmp(name, "loadBalanced") == 0) {
        return xstrdup(up->load_balanced || seeds->load_balanced ? "true" : "false");
    }
    return spec_option(&loaded, name);
}

static char *check_options(const bson_t *document, const struct seeds *seeds)
{
    bson_iter_t at, inner;
    if (!spec_find(document, "options", &at) || !bson_iter_recurse(&at, &inner)) {
        return NULL;
    }
    while (bson_iter_next(&inner)) {
        auto_free char *ours = option_of(seeds, bson_iter_key(&inner));
        auto_free char *theirs = spec_value(&inner);
        if (ours == NULL || strcmp(ours, theirs) != 0) {
            return xformat("%s is %s, not %s", bson_iter_key(&inner), ours, theirs);
        }
    }
    return NULL;
}

static char *check_parsed(const bson_t *document)
{
    bson_iter_t at, inner;
    const struct upstream_settings *up = &loaded.s.upstream;
    if (!spec_find(document, "parsed_options", &at) || !bson_iter_recurse(&at, &inner)) {
        return NULL;
    }
    while (bson_iter_next(&inner)) {
        const char *key = bson_iter_key(&inner);
        const char *ours = strcmp(key, "user") == 0       ? up->user
                           : strcmp(key, "password") == 0 ? up->password
                                                          : up->database;
        if (ours == NULL || strcmp(ours, bson_iter_utf8(&inner, NULL)) != 0) {
            return xformat("%s is %s", key, ours);
        }
    }
    return NULL;
}

static char *check(const struct spec_case *c)
{
    struct seeds seeds = {0};
    struct error why = {0};
    bson_iter_t at;
    bool fails = spec_find(c->document, "error", &at) && bson_iter_bool(&at);
    spec_load(&loaded, spec_text(c->document, "uri"));
    const char *error = spec_first_error(&loaded);
    if (error == NULL && build(&seeds, &why) != STATUS_OK) {
        error = why.text;
    }
    char *fault = NULL;
    if (fails != (error != NULL)) {
        fault = xformat("%s%s",
                        error == NULL ? "is accepted" : "is refused: ", error == NULL ? "" : error);
    } else if (!fails) {
        fault = check_seeds(c->document, &seeds);
        fault = fault != NULL ? fault : check_options(c->document, &seeds);
        fault = fault != NULL ? fault : check_parsed(c->document);
    }
    seeds_clear(&seeds);
    return fault;
}

int main(void)
{
    read_zone();
    require(zone_size > 20);
    spec_run("initial-dns-seedlist-discovery", check);
    for (size_t i = 0; i < zone_size; i++) {
        free(zone[i].name);
        free(zone[i].value.text);
    }
    spec_clear(&loaded);
    return spec_end();
}
