/* What the name servers of the simulated world say: a scripted zone, and how each behaves. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/require.h"
#include "support/sim_parts.h"

enum {
    HEADER_BYTES = 12,
    NAME_MOST = 256,
    LATE_MS = 4000,
    RCODE_FORMERR = 1,
    RCODE_SERVFAIL = 2,
    RCODE_NXDOMAIN = 3,
    RCODE_REFUSED = 5,
    PORT = 53,
    UDP_BYTES = 512,
    EDNS_BYTES = 1232,
    FLAG_TRUNCATED = 2, /* of the third byte */
};

struct row {
    struct list link;
    bool is_general; /* of every resolver that is not named otherwise */
    struct address resolver;
    char *name;
    uint16_t type;
    enum status status;
    struct span message; /* owned */
    msec delay;
};

/* A name server that was named, or asked. */
struct server {
    struct list link;
    bool is_general; /* how all others behave */
    struct address at;
    bool is_scripted;
    unsigned ways;
    size_t asked;
    size_t asked_tcp;
};

struct question {
    char name[NAME_MOST];
    uint16_t type;
    size_t end; /* of the question, in the message */
    bool has_edns;
};

static struct address address_of(const char *resolver)
{
    struct address at = {0};
    require(resolver == NULL || address_parse(resolver, PORT, &at));
    return at;
}

/* --- the script --- */

static struct row *find_row(struct sim *sim, const struct address *resolver, const char *name,
                            uint16_t type)
{
    list_for_each (link, &sim->rows) {
        struct row *r = container_of(link, struct row, link);
        bool is_resolver = resolver == NULL
                               ? r->is_general
                               : !r->is_general && address_equals(&r->resolver, resolver);
        if (is_resolver && strcasecmp(r->name, name) == 0 && r->type == type) {
            return r;
        }
    }
    return NULL;
}

/* Of any type: the name exists. */
static bool has_name(const struct sim *sim, const char *name)
{
    list_for_each (link, &sim->rows) {
        if (strcasecmp(container_of(link, struct row, link)->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void free_row(struct row *r)
{
    list_remove(&r->link);
    free(r->name);
    free((void *)(uintptr_t)r->message.at);
    free(r);
}

static struct server *find_server(const struct sim *sim, const struct address *at)
{
    list_for_each (link, &sim->servers) {
        struct server *s = container_of(link, struct server, link);
        if (at == NULL ? s->is_general : !s->is_general && address_equals(&s->at, at)) {
            return s;
        }
    }
    return NULL;
}

static struct server *server_of(struct sim *sim, const struct address *at)
{
    struct server *s = find_server(sim, at);
    if (s == NULL) {
        s = xcalloc(1, sizeof *s);
        s->is_general = at == NULL;
        if (at != NULL) {
            s->at = *at;
        }
        list_push_back(&sim->servers, &s->link);
    }
    return s;
}

void sim_dns_answer(struct sim *sim, const char *resolver, const char *name, uint16_t type,
                    enum status status, struct span message, msec delay)
{
    struct address at = address_of(resolver);
    struct row *old = find_row(sim, resolver == NULL ? NULL : &at, name, type);
    if (old != NULL) {
        free_row(old);
    }
    if (resolver != NULL) {
        server_of(sim, &at);
    }
    struct row *r = xcalloc(1, sizeof *r);
    r->is_general = resolver == NULL;
    r->resolver = at;
    r->name = xstrdup(name);
    r->type = type;
    r->status = status;
    r->message = span_of(xstrndup((const char *)message.at, message.size), message.size);
    r->delay = delay;
    list_push_back(&sim->rows, &r->link);
}

void sim_dns_behave(struct sim *sim, const char *resolver, unsigned ways)
{
    struct address at = address_of(resolver);
    struct server *s = server_of(sim, resolver == NULL ? NULL : &at);
    s->ways = ways;
    s->is_scripted = true;
}

static unsigned ways_of(const struct sim *sim, const struct address *at)
{
    const struct server *s = find_server(sim, at);
    if (s == NULL || !s->is_scripted) {
        s = find_server(sim, NULL);
    }
    return s == NULL ? SIM_DNS_WELL : s->ways;
}

static bool is_there(const struct sim *sim, const struct address *at)
{
    return (at->port == PORT || find_server(sim, at) != NULL) &&
           (ways_of(sim, at) & SIM_DNS_CLOSED) == 0;
}

bool sim_dns_takes_conns(struct sim *sim, const struct address *at)
{
    return is_there(sim, at) && (ways_of(sim, at) & SIM_DNS_NO_TCP) == 0;
}

static size_t count_asked(const struct sim *sim, const char *resolver, bool is_tcp)
{
    size_t count = 0;
    struct address at = address_of(resolver);
    list_for_each (link, &sim->servers) {
        const struct server *s = container_of(link, struct server, link);
        if (resolver == NULL || address_equals(&s->at, &at)) {
            count += is_tcp ? s->asked_tcp : s->asked;
        }
    }
    return count;
}

size_t sim_dns_count(const struct sim *sim, const char *resolver)
{
    return count_asked(sim, resolver, false);
}

size_t sim_dns_count_tcp(const struct sim *sim, const char *resolver)
{
    return count_asked(sim, resolver, true);
}

size_t sim_dns_count_type(const struct sim *sim, uint16_t type)
{
    return sim->asked_types[type % SIM_TYPES];
}

void sim_dns_clear(struct sim *sim)
{
    list_for_each_safe (link, &sim->rows) {
        free_row(container_of(link, struct row, link));
    }
    list_for_each_safe (other, &sim->servers) {
        free(container_of(other, struct server, link));
    }
}

/* --- a question --- */

/* A question that is none fails the test: the product wrote it. */
static void read_question(struct span message, struct question *out)
{
    size_t at = HEADER_BYTES;
    size_t used = 0;
    *out = (struct question){.type = 0};
    require(message.size > HEADER_BYTES && message.at[5] == 1 && (message.at[2] & 0x80) == 0);
    while (message.at[at] != 0) {
        size_t label = message.at[at++];
        require(label < 64 && at + label + 5 <= message.size && used + label + 1 < NAME_MOST);
        memcpy(out->name + used, message.at + at, label);
        used += label;
        out->name[used++] = '.';
        at += label;
    }
    out->name[used > 0 ? used - 1 : 0] = '\0';
    out->type = (uint16_t)(message.at[at + 1] << 8 | message.at[at + 2]);
    out->end = at + 5;
    out->has_edns = message.at[11] != 0;
    require(out->end <= message.size && (out->has_edns || out->end == message.size));
}

/* Header and question, no records. */
static void put_empty(struct sim_dns_reply *r, const struct question *q, struct span message,
                      uint8_t rcode, uint8_t flags)
{
    free(r->bytes);
    r->size = q->end;
    r->bytes = (uint8_t *)xstrndup((const char *)message.at, q->end);
    r->bytes[2] = (uint8_t)(0x81 | flags); /* an answer, recursion desired */
    r->bytes[3] = 0x80 | rcode;
    memset(r->bytes + 6, 0, 6);
}

static void put_row(struct sim_dns_reply *r, const struct row *row, struct span message)
{
    r->is_refused = row->status != STATUS_OK;
    r->size = row->message.size;
    r->bytes = (uint8_t *)xstrndup((const char *)row->message.at, row->message.size);
    if (r->size >= 2) {
        memcpy(r->bytes, message.at, 2); /* the id */
    }
}

/* What the zone says. */
static void put_answer(struct sim *sim, const struct address *server, const struct question *q,
                       struct span message, struct sim_dns_reply *r)
{
    const struct row *row = find_row(sim, server, q->name, q->type);
    row = row == NULL ? find_row(sim, NULL, q->name, q->type) : row;
    r->delay = row == NULL ? 0 : row->delay;
    if (sim_goes_wrong(sim, FAULT_DNS_REFUSED, NULL)) {
        r->is_refused = true;
        r->delay = 0;
    } else if (sim_goes_wrong(sim, FAULT_DNS_EMPTY, NULL)) {
        put_empty(r, q, message, 0, 0);
    } else if (row == NULL) {
        put_empty(r, q, message, has_name(sim, q->name) ? 0 : RCODE_NXDOMAIN, 0);
    } else {
        put_row(r, row, message);
    }
    if (sim_goes_wrong(sim, FAULT_DNS_LATE, NULL) && r->delay != MSEC_NEVER) {
        r->delay += LATE_MS;
    }
    if (sim_goes_wrong(sim, FAULT_DNS_HANGS, NULL)) {
        r->delay = MSEC_NEVER;
    }
}

static void put_rcode(struct sim_dns_reply *r, const struct question *q, struct span message,
                      unsigned ways)
{
    static const struct {
        unsigned way;
        uint8_t rcode;
    } codes[] = {{SIM_DNS_SERVFAIL, RCODE_SERVFAIL},
                 {SIM_DNS_SAYS_REFUSED, RCODE_REFUSED},
                 {SIM_DNS_NXDOMAIN, RCODE_NXDOMAIN},
                 {SIM_DNS_NODATA, 0}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if ((ways & codes[i].way) != 0) {
            put_empty(r, q, message, codes[i].rcode, 0);
        }
    }
    if ((ways & SIM_DNS_NO_EDNS) != 0 && q->has_edns) {
        put_empty(r, q, message, RCODE_FORMERR, 0);
    }
}

/* What does not fit into a datagram, or is said not to. */
static void cut(struct sim_dns_reply *r, const struct question *q, struct span message,
                unsigned ways)
{
    if ((ways & SIM_DNS_TRUNCATES) != 0 || r->size > (q->has_edns ? EDNS_BYTES : UDP_BYTES)) {
        put_empty(r, q, message, 0, FLAG_TRUNCATED);
    }
}

/* What makes the reply a wrong one. */
static void spoil(struct sim_dns_reply *r, const struct question *q, unsigned ways)
{
    if ((ways & SIM_DNS_WRONG_ID) != 0) {
        r->bytes[0] ^= 0x55;
    }
    if ((ways & SIM_DNS_WRONG_QUESTION) != 0) {
        r->bytes[q->end - 3] ^= 0x40; /* of its type */
    }
    if ((ways & SIM_DNS_GARBAGE) != 0) {
        r->bytes[3] = 0;
        r->bytes[7] = 9; /* records that are not there */
        r->size = q->end;
    }
}

size_t sim_dns_reply(struct sim *sim, const struct address *server, struct span message,
                     bool is_tcp, struct sim_dns_reply replies[SIM_DNS_REPLIES])
{
    struct question q;
    struct sim_dns_reply r = {.delay = 0};
    unsigned ways = ways_of(sim, server);
    struct server *known = server_of(sim, server);
    read_question(message, &q);
    known->asked++;
    sim->asked_types[q.type % SIM_TYPES]++;
    known->asked_tcp += is_tcp;
    bool is_silent = (ways & SIM_DNS_SILENT) != 0 || (!is_tcp && (ways & SIM_DNS_UDP_SILENT) != 0);
    if (!is_there(sim, server) || is_silent) {
        replies[0] =
            (struct sim_dns_reply){.is_refused = !is_silent, .delay = is_silent ? MSEC_NEVER : 0};
        return 1;
    }
    put_answer(sim, server, &q, message, &r);
    if (!r.is_refused && r.size > 0) {
        put_rcode(&r, &q, message, ways);
        if (!is_tcp) {
            cut(&r, &q, message, ways);
        }
        spoil(&r, &q, ways);
    }
    replies[0] = r;
    if (is_tcp || r.is_refused || (ways & SIM_DNS_FORGED) == 0) {
        return 1;
    }
    put_empty(&replies[1], &q, message, RCODE_NXDOMAIN, 0);
    replies[1].bytes[0] ^= 0x55;
    replies[1].delay = 0;
    return 2;
}
