/* The name servers of resolv.conf. Pure: the text is read elsewhere. */
#ifndef CORE_DNS_RESOLV_CONF_H
#define CORE_DNS_RESOLV_CONF_H

#include <stddef.h>

#include "base/address.h"
#include "base/span.h"

enum { RESOLV_CONF_ZONE_SIZE = 32 };

struct name_server {
    struct address address;
    char zone[RESOLV_CONF_ZONE_SIZE]; /* behind "%": the interface of a link-local address */
};

/* Writes the servers of the `nameserver` lines, in the file's order, each once; returns how many,
 * at most `room`. Also read: "[2001:db8::1]:5353", "[192.0.2.1]:5353" and "192.0.2.1:5353" (not in
 * resolv.conf(5); some write it). Search domains and options are for names that people type; ours
 * are absolute. Lines that make no sense are skipped. No line is no server: nothing is made up in
 * its place. */
size_t resolv_conf_read(struct span text, struct name_server *out, size_t room);

#endif
