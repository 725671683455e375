#include "names/candidates.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/scope.h"
#include "core/dns/resolv_conf.h"

enum { RESOLV_CONF_BYTES = 64 * 1024 };

static bool has(const struct candidates *c, const struct resolver *r)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->list[i].text, r->text) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes over the texts. */
static void add(struct candidates *c, struct resolver *r)
{
    if (c->count == LOOKUP_RESOLVERS_MOST || has(c, r)) {
        resolver_clear(r);
        return;
    }
    c->list[c->count++] = *r;
}

/* "[fe80::1%eth0]:53" */
static char *text_of(const struct name_server *s)
{
    char text[ADDRESS_TEXT_SIZE];
    address_print(&s->address, text);
    const char *end = strchr(text, ']');
    if (s->zone[0] == '\0' || end == NULL) {
        return xstrdup(text);
    }
    return xformat("%.*s%%%s%s", (int)(end - text), text, s->zone, end);
}

static void add_server(struct candidates *c, const struct name_server *s)
{
    struct resolver r = {.kind = RESOLVER_PLAIN, .origin = RESOLVER_SYSTEM, .address = s->address};
    if (s->zone[0] != '\0') {
        r.address.scope = if_nametoindex(s->zone);
        if (r.address.scope == 0) {
            r.address.scope = (uint32_t)strtoul(s->zone, NULL, 10);
        }
    }
    r.text = text_of(s);
    add(c, &r);
}

static void add_system(struct candidates *c, const char *path)
{
    struct name_server servers[LOOKUP_RESOLVERS_MOST];
    auto_file FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    auto_free char *bytes = xmalloc(RESOLV_CONF_BYTES);
    size_t size = fread(bytes, 1, RESOLV_CONF_BYTES, file);
    size_t count = resolv_conf_read(span_of(bytes, size), servers, LOOKUP_RESOLVERS_MOST);
    for (size_t i = 0; i < count; i++) {
        add_server(c, &servers[i]);
    }
}

static void add_listed(struct candidates *c, const char *text, enum resolver_origin origin)
{
    struct resolver r;
    if (resolver_parse(text, origin, &r, NULL) == STATUS_OK) {
        add(c, &r);
    }
}

static void add_fallback(struct candidates *c, const struct dns_settings *settings)
{
    char **named = settings->fallback_resolvers;
    bool is_named = named != NULL && named[0] != NULL;
    if (settings->fallback == DNS_FALLBACK_OFF) {
        return;
    }
    c->are_others_public = !is_named && settings->fallback == DNS_FALLBACK_AUTO;
    const char *const *texts = c->are_others_public ? resolver_public : (const char *const *)named;
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
        add_listed(c, texts[i], RESOLVER_FALLBACK);
    }
}

struct candidates *candidates_new(const struct dns_settings *settings)
{
    struct candidates *c = xcalloc(1, sizeof *c);
    for (size_t i = 0; settings->resolvers != NULL && settings->resolvers[i] != NULL; i++) {
        if (strcmp(settings->resolvers[i], "system") == 0) {
            add_system(c, settings->resolv_conf);
        } else {
            add_listed(c, settings->resolvers[i], RESOLVER_LISTED);
        }
    }
    c->own_count = c->count;
    add_fallback(c, settings);
    return c;
}

bool candidates_are_same(const struct candidates *a, const struct candidates *b)
{
    bool are_same = a->count == b->count && a->own_count == b->own_count;
    for (size_t i = 0; are_same && i < a->count; i++) {
        are_same = strcmp(a->list[i].text, b->list[i].text) == 0;
    }
    return are_same;
}

static void append(char *text, size_t room, const char *part)
{
    size_t used = strlen(text);
    snprintf(text + used, room - used, "%s", part);
}

static void list(const struct candidates *c, size_t from, size_t to, char *text, size_t room)
{
    for (size_t i = from; i < to; i++) {
        append(text, room, i == from ? "" : ", ");
        append(text, room, c->list[i].text);
    }
}

void candidates_describe(const struct candidates *c, const struct dns_settings *settings,
                         char *text, size_t room)
{
    text[0] = '\0';
    append(text, room, "names are asked of ");
    list(c, 0, c->own_count, text, room);
    if (c->own_count == 0) {
        append(text, room, "nobody (no resolver is named in ");
        append(text, room, settings->resolv_conf);
        append(text, room, ")");
    }
    if (settings->fallback == DNS_FALLBACK_OFF) {
        append(text, room, "; there is no fallback (dns.fallback: off)");
    } else if (c->are_others_public) {
        append(text, room,
               "; where they fail, of the public resolvers of Google, Cloudflare and "
               "Quad9 (dns.fallback: auto)");
    } else {
        append(text, room, "; where they fail, of ");
        list(c, c->own_count, c->count, text, room);
    }
}

void candidates_free(struct candidates *c)
{
    for (size_t i = 0; c != NULL && i < c->count; i++) {
        resolver_clear(&c->list[i]);
    }
    free(c);
}
