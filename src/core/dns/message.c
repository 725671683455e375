/* Happy path: header -> the question, which must be ours -> every record of the answer section is
 * noted once -> CNAMEs lead from the name asked for to the last one -> that name's records are
 * kept.
 *
 * Nothing behind the answer section is looked at. A record is refused (and with it the message)
 * when it runs over the end of the message or says less than its type needs; lengths that say too
 * much do no harm: a name is read where it stands, compressed or not. */
#include "core/dns/message.h"

#include <stdlib.h>
#include <strings.h>

#include <arpa/nameser.h>
#include <resolv.h>

#include "base/require.h"

enum { HEADER_BYTES = 12, CNAMES_MOST = 16, TTL_MOST = INT32_MAX };

/* One record where it stands; the owner is expanded when it is needed. */
struct place {
    const uint8_t *owner;
    const uint8_t *content;
    size_t size;
    uint32_t ttl;
    uint16_t type;
};

struct reader {
    struct span message;
    const uint8_t *at;
    size_t count;
    struct place places[DNS_RECORDS_MOST];
};

static size_t left(const struct reader *r)
{
    return (size_t)(r->message.at + r->message.size - r->at);
}

static enum status cut_off(struct error *why)
{
    return error_set(why, STATUS_PROTOCOL_ERROR, "the answer is cut off in the middle of a record");
}

/* Expands the name at `at`; returns how many bytes it takes there, or -1. */
static int expand(const struct reader *r, const uint8_t *at, char name[NS_MAXDNAME])
{
    return dn_expand(r->message.at, r->message.at + r->message.size, at, name, NS_MAXDNAME);
}

/* `sent` is from the message; `wanted`, from the caller, may end in a dot. */
static bool same_name(const char *sent, const char *wanted)
{
    size_t size = strlen(wanted);
    size -= size > 0 && wanted[size - 1] == '.';
    return strlen(sent) == size && strncasecmp(sent, wanted, size) == 0;
}

/* Some servers leave the question out; one that is there must be ours. */
static enum status read_question(struct reader *r, uint16_t type, const char *name,
                                 struct error *why)
{
    char asked[NS_MAXDNAME];
    int size = expand(r, r->at, asked);
    if (size < 0 || left(r) < (size_t)size + 4) {
        return cut_off(why);
    }
    r->at += size;
    if (ns_get16(r->at) != type || !same_name(asked, name)) {
        return error_set(why, STATUS_PROTOCOL_ERROR, "it answers another question (%s of %s)",
                         dns_type_name((uint16_t)ns_get16(r->at)), asked);
    }
    r->at += 4;
    return STATUS_OK;
}

static enum status note_record(struct reader *r, struct error *why)
{
    struct place p = {.owner = r->at};
    char owner[NS_MAXDNAME];
    int name_size = expand(r, r->at, owner);
    if (name_size < 0 || left(r) < (size_t)name_size + 10) {
        return cut_off(why);
    }
    const uint8_t *fields = r->at + name_size;
    uint32_t ttl = (uint32_t)ns_get32(fields + 4);
    p.type = (uint16_t)ns_get16(fields);
    p.ttl = ttl > TTL_MOST ? 0 : ttl;
    p.size = (size_t)ns_get16(fields + 8);
    p.content = fields + 10;
    r->at = p.content;
    if (left(r) < p.size) {
        return cut_off(why);
    }
    r->at += p.size;
    if (ns_get16(fields + 2) != ns_c_in) {
        return STATUS_OK;
    }
    if (r->count == DNS_RECORDS_MOST) {
        return error_set(why, STATUS_TOO_LARGE, "the answer has more than %d records",
                         DNS_RECORDS_MOST);
    }
    r->places[r->count++] = p;
    return STATUS_OK;
}

/* The records of `name` and `type` from `*from` on; NULL when there is no other. */
static const struct place *find_record(const struct reader *r, const char *name, uint16_t type,
                                       size_t *from)
{
    char owner[NS_MAXDNAME];
    for (size_t i = *from; i < r->count; i++) {
        const struct place *p = &r->places[i];
        if (p->type == type && expand(r, p->owner, owner) >= 0 && same_name(owner, name)) {
            *from = i + 1;
            return p;
        }
    }
    return NULL;
}

static void lower_ttl(struct dns_answer *out, bool is_first, uint32_t ttl)
{
    if (is_first || ttl < out->ttl_seconds) {
        out->ttl_seconds = ttl;
    }
}

/* Follows CNAMEs from `name`, which becomes the last one. */
static enum status follow_cnames(const struct reader *r, char name[NS_MAXDNAME],
                                 struct dns_answer *out, size_t *followed, struct error *why)
{
    for (*followed = 0; *followed <= CNAMES_MOST; ++*followed) {
        size_t from = 0;
        char target[NS_MAXDNAME];
        const struct place *p = find_record(r, name, DNS_CNAME, &from);
        if (p == NULL) {
            return STATUS_OK;
        }
        if (expand(r, p->content, target) < 0) {
            return cut_off(why);
        }
        strcpy(name, target);
        lower_ttl(out, *followed == 0, p->ttl);
    }
    return error_set(why, STATUS_PROTOCOL_ERROR, "CNAME records lead in a circle");
}

/* Of a name that has been expanded, so that it ends. */
static bool is_compressed(const uint8_t *at)
{
    while (*at != 0 && (*at & NS_CMPRSFLGS) == 0) {
        at += *at + 1;
    }
    return *at != 0;
}

static enum status read_srv(const struct reader *r, const struct place *p, struct dns_record *out,
                            struct error *why)
{
    char target[NS_MAXDNAME];
    if (p->size < 7 || expand(r, p->content + 6, target) < 0) {
        return error_set(why, STATUS_PROTOCOL_ERROR, "an SRV record holds no target");
    }
    out->port = (uint16_t)ns_get16(p->content + 4);
    out->text = xstrdup(target);
    return STATUS_OK;
}

static enum status read_txt(const struct place *p, struct dns_record *out, struct error *why)
{
    char *text = xmalloc(p->size + 1);
    size_t size = 0;
    for (size_t at = 0; at < p->size;) {
        size_t piece = p->content[at++];
        if (piece > p->size - at) {
            free(text);
            return error_set(why, STATUS_PROTOCOL_ERROR, "a string of a TXT record is cut off");
        }
        memcpy(text + size, p->content + at, piece);
        size += piece;
        at += piece;
    }
    text[size] = '\0';
    if (strlen(text) != size) {
        free(text);
        return error_set(why, STATUS_PROTOCOL_ERROR, "a TXT record holds a zero byte");
    }
    out->text = text;
    return STATUS_OK;
}

static enum status read_address(const struct place *p, struct dns_record *out, struct error *why)
{
    bool is_ipv4 = p->type == DNS_A;
    if (p->size != (is_ipv4 ? 4 : 16)) {
        return error_set(why, STATUS_PROTOCOL_ERROR, "an address record holds %zu bytes", p->size);
    }
    out->address.family = is_ipv4 ? ADDRESS_IPV4 : ADDRESS_IPV6;
    memcpy(out->address.ip, p->content, p->size);
    return STATUS_OK;
}

static enum status read_record(const struct reader *r, const struct place *p,
                               struct dns_record *out, struct error *why)
{
    switch (p->type) {
    case DNS_SRV:
        return read_srv(r, p, out, why);
    case DNS_TXT:
        return read_txt(p, out, why);
    case DNS_A:
    case DNS_AAAA:
        return read_address(p, out, why);
    default:
        return STATUS_OK;
    }
}

static enum status keep_records(const struct reader *r, uint16_t type, const char *asked,
                                struct dns_answer *out, struct error *why)
{
    char name[NS_MAXDNAME];
    size_t from = 0, followed = 0;
    const struct place *p;
    if (strlen(asked) >= sizeof name) {
        return error_set(why, STATUS_PROTOCOL_ERROR, "no name is that long");
    }
    strcpy(name, asked);
    enum status status = follow_cnames(r, name, out, &followed, why);
    if (status != STATUS_OK || r->count == 0) {
        return status;
    }
    out->alias = followed == 0 ? NULL : xstrdup(name);
    out->records = xcalloc(r->count, sizeof *out->records);
    while ((p = find_record(r, name, type, &from)) != NULL) {
        status = read_record(r, p, &out->records[out->count], why);
        if (status != STATUS_OK) {
            return status;
        }
        lower_ttl(out, followed == 0 && out->count == 0, p->ttl);
        out->has_compressed_target |= type == DNS_SRV && is_compressed(p->content + 6);
        out->count++;
    }
    return STATUS_OK;
}

static enum status read_sections(struct reader *r, uint16_t type, const char *name,
                                 struct dns_answer *out, struct error *why)
{
    size_t questions = (size_t)ns_get16(r->message.at + 4);
    size_t answers = (size_t)ns_get16(r->message.at + 6);
    if (questions > 1) {
        return error_set(why, STATUS_PROTOCOL_ERROR, "it answers %zu questions", questions);
    }
    enum status status = questions == 1 ? read_question(r, type, name, why) : STATUS_OK;
    if (out->is_truncated || out->rcode != DNS_NOERROR) {
        return status;
    }
    for (size_t i = 0; i < answers && status == STATUS_OK; i++) {
        status = note_record(r, why);
    }
    return status == STATUS_OK ? keep_records(r, type, name, out, why) : status;
}

enum status message_decode(struct span message, uint16_t type, const char *name,
                           struct dns_answer *out, struct error *why)
{
    struct reader r = {.message = message, .count = 0};
    struct dns_answer answer = {.rcode = 0};
    if (message.size > DNS_MESSAGE_BYTES_MOST) {
        return error_set(why, STATUS_TOO_LARGE, "the answer has more than %d bytes",
                         DNS_MESSAGE_BYTES_MOST);
    }
    if (message.size < HEADER_BYTES || (message.at[2] & 0x80) == 0) {
        return error_set(why, STATUS_PROTOCOL_ERROR, "it is no DNS answer");
    }
    r.at = message.at + HEADER_BYTES;
    answer.rcode = message.at[3] & 0x0f;
    answer.is_truncated = (message.at[2] & 0x02) != 0;
    enum status status = read_sections(&r, type, name, &answer, why);
    if (status != STATUS_OK) {
        dns_answer_clear(&answer);
        return status;
    }
    *out = answer;
    return STATUS_OK;
}

bool message_is_reply(struct span message, uint16_t id, uint16_t type, const char *name)
{
    struct reader r = {.message = message, .count = 0};
    if (message.size < HEADER_BYTES || (message.at[2] & 0x80) == 0 || ns_get16(message.at) != id ||
        ns_get16(message.at + 4) > 1) {
        return false;
    }
    r.at = message.at + HEADER_BYTES;
    return ns_get16(message.at + 4) == 0 || read_question(&r, type, name, NULL) == STATUS_OK;
}

void dns_answer_clear(struct dns_answer *answer)
{
    for (size_t i = 0; answer->records != NULL && i < answer->count; i++) {
        free(answer->records[i].text);
    }
    free(answer->records);
    free(answer->alias);
    *answer = (struct dns_answer){0};
}

const char *dns_type_name(uint16_t type)
{
    switch (type) {
    case DNS_A:
        return "A";
    case DNS_CNAME:
        return "CNAME";
    case DNS_TXT:
        return "TXT";
    case DNS_AAAA:
        return "AAAA";
    case DNS_SRV:
        return "SRV";
    default:
        return "another record";
    }
}
