/* One DNS question, written; one DNS answer, read leniently.
 *
 * Home routers and corporate resolvers send what stricter decoders refuse: compressed SRV targets,
 * TTLs with the high bit set, sections after the answers that make no sense. Only the answer
 * section is read; what is read must be whole. Names are read by libresolv. Pure; never trusts a
 * length. */
#ifndef CORE_DNS_MESSAGE_H
#define CORE_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/span.h"
#include "base/status.h"

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_TXT = 16, DNS_AAAA = 28, DNS_SRV = 33 };
enum dns_rcode {
    DNS_NOERROR = 0,
    DNS_FORMERR,
    DNS_SERVFAIL,
    DNS_NXDOMAIN,
    DNS_NOTIMP,
    DNS_REFUSED
};

enum {
    DNS_RECORDS_MOST = 256,
    DNS_MESSAGE_BYTES_MOST = 65535,
    DNS_QUESTION_BYTES_MOST = 12 + 255 + 4 + 11, /* header, name, type and class, OPT */
    DNS_EDNS_BYTES = 1232, /* the answer by UDP that passes every path unbroken (RFC 9715) */
    DNS_PORT = 53,
};

struct dns_record {
    char *text;    /* SRV: the target as sent, without the last dot; TXT: all strings joined */
    uint16_t port; /* SRV */
    struct address address; /* A, AAAA; port 0 */
};

struct dns_answer {
    int rcode;            /* enum dns_rcode, or another number up to 15 */
    bool is_truncated;    /* the resolver had more to say: ask again over TCP */
    uint32_t ttl_seconds; /* the least of the records used and of the CNAMEs before them; 0: none */
    char *alias;          /* where CNAMEs led; NULL: there was none. Owned */
    bool has_compressed_target; /* SRV: what RFC 2782 forbids, and some resolvers do */
    size_t count;
    struct dns_record *records; /* of the type asked for; owned */
};

/* Why a resolver could not answer, in its own words (RFC 8914). */
struct dns_extended_error {
    uint16_t code;
    char text[128]; /* printable; may be empty */
};

/* Writes the one question, recursion desired, with or without an OPT record that says how much may
 * come back by UDP; returns its size. 0: `name` is no DNS name (a label of none or more than 63
 * bytes, or too long). One last dot is accepted. */
size_t message_encode(uint16_t id, uint16_t type, const char *name, bool has_edns,
                      uint8_t out[DNS_QUESTION_BYTES_MOST]);

/* True when the message is an answer with that id, to that question or to none (some leave it out,
 * with errors above all). What is not must not be read: it may be anybody's. */
bool message_is_reply(struct span message, uint16_t id, uint16_t type, const char *name);

/* Reads the first extended error, wherever the OPT record stands; false: there is none that can be
 * read. */
bool message_extended_error(struct span message, struct dns_extended_error *out);

/* Reads the answer to the question (`name`, `type`). CNAMEs are followed inside the message;
 * records of other names, types and classes are ignored, and so is all that follows the answer
 * section. A TTL beyond 2^31 - 1 counts as 0 (RFC 2181 section 8). An error rcode, no record and a
 * truncated answer are OK here: the fields say so, and `records` is then empty when anything is cut
 * off. The id is not looked at. PROTOCOL_ERROR when the bytes are no answer to that question,
 * TOO_LARGE when they are more than we read; `why` says what. The caller clears `out`, on OK only.
 */
enum status message_decode(struct span message, uint16_t type, const char *name,
                           struct dns_answer *out, struct error *why)
    __attribute__((warn_unused_result));

/* Frees the records; a zeroed answer is accepted. */
void dns_answer_clear(struct dns_answer *answer);

/* "SRV" */
const char *dns_type_name(uint16_t type);

#endif
