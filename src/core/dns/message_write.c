/* Questions, and what the OPT record (RFC 6891) brings back with an answer. */
#include <stdlib.h>
#include <string.h>

#include <arpa/nameser.h>
#include <resolv.h>

#include "core/dns/message.h"

enum { HEADER_BYTES = 12, LABEL_MOST = 63, NAME_MOST = 255, TYPE_OPT = 41, EXTENDED_ERROR = 15 };

/* Returns its size; 0: it is no name. */
static size_t write_name(const char *name, uint8_t out[NAME_MOST])
{
    size_t used = 0;
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        if (label == 0 || label > LABEL_MOST || used + label + 2 > NAME_MOST) {
            return 0;
        }
        out[used++] = (uint8_t)label;
        memcpy(out + used, name, label);
        used += label;
        name += label + (name[label] == '.');
    }
    if (used > 0) {
        out[used++] = 0;
    }
    return used;
}

size_t message_encode(uint16_t id, uint16_t type, const char *name, bool has_edns,
                      uint8_t out[DNS_QUESTION_BYTES_MOST])
{
    static const uint8_t opt[] = {
        0, 0, TYPE_OPT, DNS_EDNS_BYTES >> 8, DNS_EDNS_BYTES & 0xff, 0, 0, 0, 0, 0, 0};
    uint8_t *at = out + HEADER_BYTES;
    size_t size = write_name(name, at);
    if (size == 0) {
        return 0;
    }
    memset(out, 0, HEADER_BYTES);
    ns_put16(id, out);
    out[2] = 0x01; /* recursion desired */
    out[5] = 1;    /* one question */
    at += size;
    ns_put16(type, at);
    ns_put16(ns_c_in, at + 2);
    at += 4;
    if (has_edns) {
        out[11] = 1;
        memcpy(at, opt, sizeof opt);
        at += sizeof opt;
    }
    return (size_t)(at - out);
}

/* --- extended errors --- */

/* The record's content when it is OPT; moves `rest` behind the record. False: it cannot be read. */
static bool next_record(struct span message, struct span *rest, struct span *opt)
{
    int name = dn_skipname(rest->at, rest->at + rest->size);
    if (name < 0 || rest->size < (size_t)name + 10) {
        return false;
    }
    const uint8_t *fields = rest->at + name;
    size_t size = ns_get16(fields + 8);
    *rest = span_tail(*rest, (size_t)name + 10);
    if (rest->size < size) {
        return false;
    }
    *opt = ns_get16(fields) == TYPE_OPT ? span_head(*rest, size) : span_of(message.at, 0);
    *rest = span_tail(*rest, size);
    return true;
}

static void take_text(struct span said, struct dns_extended_error *out)
{
    size_t used = 0;
    for (size_t i = 0; i < said.size && used + 1 < sizeof out->text; i++) {
        uint8_t c = said.at[i];
        out->text[used++] = c >= ' ' && c < 0x7f ? (char)c : '?';
    }
    out->text[used] = '\0';
}

static bool find_option(struct span options, struct dns_extended_error *out)
{
    while (options.size >= 4) {
        size_t size = ns_get16(options.at + 2);
        uint16_t code = (uint16_t)ns_get16(options.at);
        options = span_tail(options, 4);
        if (size > options.size) {
            return false;
        }
        if (code == EXTENDED_ERROR && size >= 2) {
            out->code = (uint16_t)ns_get16(options.at);
            take_text(span_tail(span_head(options, size), 2), out);
            return true;
        }
        options = span_tail(options, size);
    }
    return false;
}

bool message_extended_error(struct span message, struct dns_extended_error *out)
{
    if (message.size < HEADER_BYTES) {
        return false;
    }
    struct span rest = span_tail(message, HEADER_BYTES);
    for (unsigned i = ns_get16(message.at + 4); i > 0; i--) {
        int name = dn_skipname(rest.at, rest.at + rest.size);
        if (name < 0 || rest.size < (size_t)name + 4) {
            return false;
        }
        rest = span_tail(rest, (size_t)name + 4);
    }
    unsigned records =
        ns_get16(message.at + 6) + ns_get16(message.at + 8) + ns_get16(message.at + 10);
    for (struct span opt; records > 0 && next_record(message, &rest, &opt); records--) {
        if (find_option(opt, out)) {
            return true;
        }
    }
    return false;
}
